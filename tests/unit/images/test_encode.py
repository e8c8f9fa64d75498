"""Images fitted to what a provider takes."""

import os
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageStat

from vlm_core.catalog.schema import ImageLimits, ModelProfile
from vlm_core.completion import EncodedImage
from vlm_core.errors import (
    ConfigError,
    CorruptImageError,
    ImageTooLargeError,
    InputError,
    TooManyImagesError,
    UnsupportedImageError,
)
from vlm_core.images.decode import open_document
from vlm_core.images.encode import (
    MAX_PAGES,
    ImageWarning,
    Picture,
    clear_cache,
    fit,
    fit_conversation,
    sendable,
)
from vlm_core.images.sniff import sniff
from vlm_core.images.sources import Source, expand
from vlm_core.types import PageImage

ORIENTATION = 274
QWEN = ModelProfile(prefix="qwen2.5-vl", image_tokens="qwen2-vl", grid=28, max_pixels=12_845_056)
ANY = ImageLimits()
LIMITS = {
    "devup": ImageLimits(formats=frozenset({"jpeg", "png", "webp"}), max_image_bytes=20_000_000),
    "deepinfra": ImageLimits(
        formats=frozenset({"jpeg", "png", "webp"}), max_image_bytes=14_000_000, max_body_bytes=20_000_000
    ),
    "myrouter": ImageLimits(target_base64_bytes=1_000_000, recommended_images=2, accepts_detail=True),
    "hyperbolic": ImageLimits(formats=frozenset({"jpeg", "png"}), max_side=2048, max_images=1),
    "novita": ImageLimits(target_base64_bytes=1_000_000, max_side=640),
}


@pytest.fixture(autouse=True)
def _nothing_remembered() -> Iterator[None]:
    clear_cache()
    yield
    clear_cache()


def drawn(size: tuple[int, int] = (400, 300), mode: str = "RGB") -> Image.Image:
    """White, with some black in the top left corner."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 4, size[1] // 4), fill="black")
    return image.convert(mode)


def noise(size: tuple[int, int], strength: float = 90) -> Image.Image:
    return Image.merge("RGB", [Image.effect_noise(size, strength) for _ in range(3)])


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def opened(encoded: EncodedImage) -> Image.Image:
    image = Image.open(BytesIO(encoded.data))
    image.load()
    return image


def in_memory(*pictures: bytes) -> list[Picture]:
    return [
        Picture(Source.from_bytes(data), position=f"messages[{number}].content[0]")
        for number, data in enumerate(pictures)
    ]


def check_is_true(encoded: EncodedImage) -> None:
    image = opened(encoded)
    assert image.format == encoded.format.upper()
    assert image.size == (encoded.width, encoded.height)


def check_is_within(encoded: EncodedImage, limits: ImageLimits) -> None:
    assert encoded.format in (limits.formats or {"png", "jpeg"})
    assert max(encoded.width, encoded.height) <= (limits.max_side or 10**9)
    assert encoded.width * encoded.height <= (limits.max_pixels or 10**9)
    assert len(encoded.data) <= (limits.max_image_bytes or 10**9)


# --- real files ----------------------------------------------------------------------------------


@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("folder", ["formats", "orientation"])
def test_a_real_file_goes_out_as_it_looks(data: Path, folder: str, limits: ImageLimits) -> None:
    for file in sorted((data / folder).iterdir()):
        content = file.read_bytes()
        try:
            with open_document(content) as document:
                pages = [document.page(n) for n in range(1, min(document.total_pages, 3) + 1)]
        except InputError:
            continue
        sent = sendable(content, limits, QWEN, pages=[page.page_number for page in pages])
        for page, encoded in zip(pages, sent, strict=True):
            check_is_true(encoded)
            check_is_within(encoded, limits)
            assert looks_like(encoded, page), f"{file.name}, page {page.page_number}"


def looks_like(encoded: EncodedImage, page: PageImage) -> bool:
    shown = opened(encoded).convert("RGB")
    truth = Image.frombytes("RGB", (page.width, page.height), page.pixels).resize(shown.size)
    return max(ImageStat.Stat(ImageChops.difference(shown, truth)).mean) < 12


@pytest.mark.parametrize(
    "name",
    ["truncated_image.png", "truncated_jpeg.jpg", "broken_data_stream.png", "decompression_bomb.gif"],
)
def test_a_damaged_file_is_an_error_before_anything_is_sent(data: Path, name: str) -> None:
    with pytest.raises(InputError):
        sendable((data / "formats" / name).read_bytes(), ANY)


def test_the_pages_of_a_pdf_are_sent_as_pictures(data: Path) -> None:
    (encoded,) = sendable((data / "pdfs" / "ocr_test.pdf").read_bytes(), LIMITS["hyperbolic"])
    check_is_true(encoded)
    check_is_within(encoded, LIMITS["hyperbolic"])


# --- passed on or written anew -------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(saved(drawn(), "JPEG"), id="JPEG"),
        pytest.param(saved(drawn(), "PNG"), id="PNG"),
        pytest.param(saved(drawn(mode="L"), "PNG"), id="grey PNG"),
    ],
)
def test_a_file_within_the_limits_goes_out_as_the_very_same_bytes(content: bytes) -> None:
    (encoded,) = sendable(content, ANY)
    assert encoded.data is content


@pytest.mark.parametrize(
    ("limits", "profile"),
    [
        pytest.param(ImageLimits(max_side=399), None, id="side"),
        pytest.param(ImageLimits(max_pixels=400 * 300 - 1), None, id="pixels"),
        pytest.param(ImageLimits(formats=frozenset({"png"})), None, id="format"),
        pytest.param(ImageLimits(max_image_bytes=2000), None, id="bytes"),
    ],
)
def test_a_file_over_a_limit_is_written_anew(limits: ImageLimits, profile: ModelProfile | None) -> None:
    content = saved(drawn(), "JPEG", quality=95)
    (encoded,) = sendable(content, limits, profile)
    assert encoded.data != content
    check_is_true(encoded)
    check_is_within(encoded, limits)


def test_a_larger_picture_than_the_model_looks_at_is_passed_on_where_the_provider_takes_it() -> None:
    content = saved(drawn(), "JPEG")
    (encoded,) = sendable(content, ANY, ModelProfile(prefix="m", max_pixels=1000))
    assert encoded.data is content


def test_a_turned_photograph_is_set_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    (encoded,) = sendable(saved(drawn(), "JPEG", exif=exif), ANY)
    image = opened(encoded)
    assert image.size == (300, 400)
    assert image.convert("L").getpixel((290, 10)) < 20
    assert not image.getexif()


def test_a_turned_photograph_is_shrunk_and_set_upright() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    content = saved(drawn((2000, 1000)), "JPEG", exif=exif)
    (encoded,) = sendable(content, ImageLimits(max_side=500))
    assert (encoded.width, encoded.height) == (250, 500)
    assert opened(encoded).convert("L").getpixel((240, 10)) < 20


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "1", "I;16", "CMYK", "L"])
def test_every_mode_that_a_tiff_can_have_is_sent_in_plain_colours(mode: str) -> None:
    image = drawn().convert("L").convert(mode) if mode in ("I;16", "LA") else drawn(mode=mode)
    (encoded,) = sendable(saved(image, "TIFF"), ANY)
    assert opened(encoded).mode in ("RGB", "L", "P", "1")


def test_what_is_transparent_becomes_white() -> None:
    (encoded,) = sendable(saved(Image.new("RGBA", (20, 20), (0, 0, 0, 0))), ANY)
    assert opened(encoded).convert("RGB").getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        pytest.param(drawn((800, 600)), "png", id="drawing"),
        pytest.param(drawn((800, 600), "1"), "png", id="fax"),
        pytest.param(noise((800, 600)), "jpeg", id="photograph"),
        pytest.param(noise((800, 600)).convert("L"), "jpeg", id="noisy scan"),
    ],
)
def test_the_format_is_the_one_that_is_smaller(image: Image.Image, kind: str) -> None:
    (encoded,) = sendable(saved(image, "BMP"), ANY)
    assert encoded.format == kind


@pytest.mark.parametrize(
    ("levels", "bits"),
    [pytest.param(2, 1, id="2 greys"), pytest.param(4, 2, id="4 greys"), pytest.param(16, 4, id="16 greys")],
)
def test_few_greys_take_few_bits_and_stay_exact(levels: int, bits: int) -> None:
    image = Image.linear_gradient("L").point(
        [round(v * (levels - 1) / 255) * 255 // (levels - 1) for v in range(256)]
    )
    (encoded,) = sendable(saved(image, "TIFF"), ANY)
    assert encoded.data[24] == bits
    assert opened(encoded).convert("L").tobytes() == image.tobytes()


def test_formats_that_cannot_be_written_are_named() -> None:
    with pytest.raises(ConfigError, match="can be written: heic"):
        sendable(saved(drawn()), ImageLimits(formats=frozenset({"heic"})))


def test_webp_is_written_where_neither_png_nor_jpeg_is_taken() -> None:
    limits = ImageLimits(formats=frozenset({"webp"}), max_side=100)
    (encoded,) = sendable(saved(drawn()), limits)
    check_is_true(encoded)
    check_is_within(encoded, limits)


# --- sizes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
def test_a_picture_that_must_shrink_is_shrunk_to_the_models_grid(kind: str) -> None:
    (encoded,) = sendable(saved(drawn((2480, 3508)), kind), ImageLimits(max_side=2048), QWEN)
    assert (encoded.width % 28, encoded.height % 28, encoded.height) == (0, 0, 2044)
    assert abs(encoded.width / encoded.height - 2480 / 3508) < 28 / 2044


def test_a_picture_that_must_shrink_has_no_more_pixels_than_the_model_looks_at() -> None:
    profile = ModelProfile(prefix="m", max_pixels=1_003_520, grid=28)
    (encoded,) = sendable(saved(drawn((2480, 3508))), ImageLimits(max_side=2048), profile)
    assert 900_000 < encoded.width * encoded.height <= 1_003_520


@pytest.mark.parametrize("size", [(1, 1), (3000, 20), (20, 3000), (20_000, 30), (30, 20_000), (70_000, 1)])
@pytest.mark.parametrize(
    "limits", [ANY, LIMITS["hyperbolic"], LIMITS["novita"]], ids=["any", "side", "small"]
)
def test_extreme_shapes_are_sent_in_a_shape_that_the_model_takes(
    size: tuple[int, int], limits: ImageLimits
) -> None:
    (encoded,) = sendable(saved(drawn(size)), limits, QWEN)
    check_is_true(encoded)
    check_is_within(encoded, limits)
    assert max(encoded.width, encoded.height) <= 200 * min(encoded.width, encoded.height)


def test_a_sliver_is_laid_on_white_for_models_that_refuse_it() -> None:
    (encoded,) = sendable(saved(Image.new("L", (6000, 20))), ANY, QWEN)
    image = opened(encoded).convert("L")
    assert (image.getpixel((5999, 19)), image.getpixel((0, 20))) == (0, 255)


def test_a_sliver_is_passed_on_to_other_models() -> None:
    content = saved(Image.new("L", (6000, 20)))
    (encoded,) = sendable(content, ANY)
    assert encoded.data is content


# --- bytes ---------------------------------------------------------------------------------------


def test_a_photograph_comes_under_the_recommended_bytes() -> None:
    (encoded,) = sendable(saved(noise((2000, 1500)), "JPEG", quality=95), LIMITS["myrouter"], QWEN)
    assert 600_000 < len(encoded.data_uri) <= 1_000_000
    check_is_true(encoded)


def test_a_recommendation_gives_way_to_legibility_with_a_warning() -> None:
    limits = ImageLimits(target_base64_bytes=100_000)
    with pytest.warns(ImageWarning, match=r"page 1 of noise\.png is sent with \d+ bytes of base64"):
        (encoded,) = sendable(saved(noise((2000, 1500))), limits, source="noise.png")
    assert encoded.width * encoded.height > 1_900_000


def test_a_limit_that_cannot_be_met_is_an_error_that_names_it() -> None:
    with pytest.raises(ImageTooLargeError, match="max_image_bytes=100000") as caught:
        sendable(saved(noise((2000, 1500))), ImageLimits(max_image_bytes=100_000), source="noise.png")
    assert "noise.png" in caught.value.message
    assert caught.value.page == 1


def test_the_stricter_one_of_limit_and_recommendation_counts() -> None:
    limits = ImageLimits(max_image_bytes=600_000, target_base64_bytes=10_000_000)
    (encoded,) = sendable(saved(noise((1500, 1000), 40)), limits)
    assert len(encoded.data) <= 600_000


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    width=st.integers(1, 1200),
    height=st.integers(1, 1200),
    kind=st.sampled_from(["JPEG", "PNG", "BMP", "WEBP"]),
    is_noise=st.booleans(),
    limits=st.builds(
        ImageLimits,
        formats=st.sets(st.sampled_from(["png", "jpeg", "webp"]), min_size=1).map(frozenset) | st.none(),
        max_side=st.integers(1, 1500) | st.none(),
        max_pixels=st.integers(1, 10**6) | st.none(),
        max_image_bytes=st.integers(1, 300_000) | st.none(),
        target_base64_bytes=st.integers(1, 300_000) | st.none(),
    ),
    profile=st.sampled_from([None, QWEN, ModelProfile(prefix="m", grid=32, max_pixels=50_000)]),
)
def test_no_hard_limit_is_ever_passed(
    width: int, height: int, kind: str, is_noise: bool, limits: ImageLimits, profile: ModelProfile | None
) -> None:
    size = (width, height)
    content = saved(noise(size) if is_noise else drawn(size), kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImageWarning)
        try:
            (encoded,) = sendable(content, limits, profile)
        except ImageTooLargeError:
            assert limits.max_image_bytes is not None
            return
    check_is_true(encoded)
    check_is_within(encoded, limits)
    if profile is not QWEN:
        assert encoded.width <= width
        assert encoded.height <= height


# --- pages ---------------------------------------------------------------------------------------


def tiff(pages: int) -> bytes:
    frames = [drawn((40 + number, 30)) for number in range(pages)]
    return saved(frames[0], "TIFF", save_all=True, append_images=frames[1:])


def test_every_page_is_sent() -> None:
    assert [page.width for page in sendable(tiff(3), ANY)] == [40, 41, 42]


def test_the_pages_named_are_sent() -> None:
    assert [page.width for page in sendable(tiff(3), ANY, pages=[3, 1])] == [42, 40]


def test_a_page_that_is_not_there_is_an_error() -> None:
    with pytest.raises(InputError, match="has no page 2"):
        sendable(saved(drawn()), ANY, pages=[2])


def test_of_a_long_document_the_pages_must_be_named() -> None:
    document = tiff(MAX_PAGES + 1)
    with pytest.raises(TooManyImagesError, match="51 pages") as caught:
        sendable(document, ANY)
    assert "pages=" in caught.value.hint
    assert len(sendable(document, ANY, pages=range(1, MAX_PAGES + 2))) == MAX_PAGES + 1


def test_an_open_document_is_sent() -> None:
    with open_document(tiff(2)) as document:
        assert [page.width for page in sendable(document, ANY)] == [40, 41]


def test_one_page_of_pixels_is_fitted() -> None:
    page = PageImage(pixels=bytes(300 * 200 * 3), width=300, height=200)
    encoded = fit(page, ImageLimits(max_side=150))
    check_is_true(encoded)
    assert (encoded.width, encoded.height) == (150, 100)


def test_a_page_that_is_a_file_is_passed_on() -> None:
    content = saved(drawn(), "JPEG")
    with open_document(content) as document:
        assert fit(document.page(1), ANY).data is content


def test_a_file_of_several_pages_is_not_one() -> None:
    with pytest.raises(TooManyImagesError, match="2 pages"):
        fit(tiff(2), ANY)


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        pytest.param(b"<html>", UnsupportedImageError, id="web page"),
        pytest.param(b"", UnsupportedImageError, id="nothing"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(50), CorruptImageError, id="damaged"),
    ],
)
def test_what_is_no_picture_is_an_error(content: bytes, kind: type[InputError]) -> None:
    with pytest.raises(kind):
        sendable(content, ANY)


# --- encoded once --------------------------------------------------------------------------------

SMALL = ImageLimits(max_side=100)


def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten seconds from now, as far as the clock tells."""
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 10)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda content, page: content, id="bytes"),
        pytest.param(lambda content, page: Source.from_bytes(bytes(bytearray(content))), id="equal bytes"),
        pytest.param(lambda content, page: page, id="page"),
    ],
)
def test_the_same_picture_is_encoded_once(make: Callable[[bytes, PageImage], object]) -> None:
    content = saved(drawn())
    page = PageImage(pixels=bytes(range(256)) * 300, width=160, height=160)
    first = sent_from(make(content, page))
    assert sent_from(make(content, page)) is first


def sent_from(given_as: object) -> EncodedImage:
    if isinstance(given_as, PageImage):
        return fit(given_as, SMALL)
    assert isinstance(given_as, (bytes, Source))
    return sendable(given_as, SMALL)[0]


def test_other_limits_make_another_picture() -> None:
    content = saved(drawn())
    assert sendable(content, SMALL)[0] != sendable(content, ImageLimits(max_side=50))[0]


def test_limits_that_do_not_shape_a_picture_make_no_other() -> None:
    content = saved(drawn())
    more = ImageLimits(max_side=100, max_images=3, accepts_url=True)
    assert sendable(content, SMALL)[0] is sendable(content, more, ModelProfile(prefix="m", thinking=True))[0]


def test_cleared_is_forgotten() -> None:
    content = saved(drawn())
    first = sendable(content, SMALL)[0]
    clear_cache()
    assert sendable(content, SMALL)[0] is not first


class Shelf:
    """A file as a source, and how often it was read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.reads = 0

    def read(self) -> bytes:
        self.reads += 1
        return self.path.read_bytes()

    def source(self) -> Source:
        return Source(str(self.path), self.read, self.path)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    path = tmp_path / "scan.png"
    path.write_bytes(saved(drawn((400, 300))))
    return Shelf(path)


def test_a_file_that_has_not_changed_is_not_read_again(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch)
    first = sendable(shelf.source(), SMALL)[0]
    assert sendable(shelf.source(), SMALL)[0] is first
    assert shelf.reads == 1


def test_a_file_changed_within_the_grain_of_the_clock_is_read_anew(shelf: Shelf) -> None:
    before = shelf.path.stat()
    white = saved(Image.new("RGB", (400, 300), "white"))
    first = sendable(shelf.source(), SMALL)[0]
    shelf.path.write_bytes(white.ljust(before.st_size, b"\0"))
    os.utime(shelf.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = sendable(shelf.source(), SMALL)[0]
    assert opened(first).convert("L").getpixel((0, 0)) == 0
    assert opened(second).convert("L").getpixel((0, 0)) == 255


def test_a_file_replaced_under_its_old_time_stamp_is_read_anew(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch)
    before = shelf.path.stat()
    first = sendable(shelf.source(), SMALL)[0]
    other = shelf.path.with_name("other.png")
    other.write_bytes(saved(Image.new("RGB", (400, 300), "white")).ljust(before.st_size, b"\0"))
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(shelf.path)
    assert sendable(shelf.source(), SMALL)[0] != first


def test_a_picture_painted_over_is_encoded_anew() -> None:
    image = drawn()
    (source,) = expand(image)
    first = sendable(source, SMALL)[0]
    image.paste("white", (0, 0, 400, 300))
    assert sendable(source, SMALL)[0] != first


def test_a_missing_file_is_an_error_of_its_own(tmp_path: Path) -> None:
    (source,) = expand(tmp_path / "none.png")
    with pytest.raises(InputError, match="does not exist"):
        sendable(source, ANY)


def test_threads_that_ask_at_once_share_one_picture() -> None:
    content = saved(noise((600, 400)))
    found: list[EncodedImage] = []
    start = threading.Barrier(4)

    def ask() -> None:
        start.wait()
        found.append(sendable(content, SMALL)[0])

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [image is found[0] for image in found] == [True] * 4


FORKED = """
import os, signal, sys, threading
from pathlib import Path
from vlm_core.catalog.schema import ImageLimits
from vlm_core.images.encode import sendable
from vlm_core.images.sources import Source

path, reading, end = Path(sys.argv[1]), threading.Event(), threading.Event()
os.utime(path, (1, 1))

def slowly():
    reading.set()
    end.wait()
    return path.read_bytes()

def send(read):
    return sendable(Source("scan.png", read, path), ImageLimits(max_side=100))

import time
now = time.time
time.time = lambda: now() + 10
thread = threading.Thread(target=send, args=[slowly])
thread.start()
reading.wait()
child = os.fork()
if not child:
    signal.alarm(60)
    os._exit(0 if len(send(path.read_bytes)) == 1 else 1)
status = os.waitpid(child, 0)[1]
end.set()
thread.join()
sys.exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_does_not_wait_for_a_thread_it_does_not_have(shelf: Shelf) -> None:
    command = [sys.executable, "-W", "ignore", "-c", FORKED, str(shelf.path)]
    assert subprocess.run(command, check=False).returncode == 0


# --- conversations -------------------------------------------------------------------------------


def test_a_conversation_keeps_its_pictures_in_order() -> None:
    pictures = in_memory(saved(drawn((40, 30))), tiff(2))
    fitted = fit_conversation(pictures, ANY, text_bytes=0)
    assert [[page.width for page in pages] for pages in fitted] == [[40], [40, 41]]


def test_a_conversation_without_pictures_is_empty() -> None:
    assert fit_conversation([], LIMITS["hyperbolic"], text_bytes=10) == []


def test_too_many_pictures_are_an_error_that_says_where_they_are() -> None:
    with pytest.raises(TooManyImagesError, match=r"3 images.*max_images=2") as caught:
        fit_conversation(in_memory(*[saved(drawn())] * 3), ImageLimits(max_images=2), text_bytes=0)
    assert "messages[2].content[0]" in caught.value.message


def test_the_pages_of_a_file_count_as_images() -> None:
    with pytest.raises(TooManyImagesError, match=r"messages\[0\]\.content\[0\] \(3 pages\)"):
        fit_conversation(in_memory(tiff(3)), ImageLimits(max_images=2), text_bytes=0)


def test_the_pages_named_are_those_that_count() -> None:
    picture = Picture(Source.from_bytes(tiff(3)), pages=(2,))
    assert len(fit_conversation([picture], ImageLimits(max_images=1), text_bytes=0)[0]) == 1


def test_more_pictures_than_recommended_are_sent_with_a_warning() -> None:
    with pytest.warns(ImageWarning, match="than the 2 that"):
        fitted = fit_conversation(in_memory(*[saved(drawn())] * 3), LIMITS["myrouter"], text_bytes=0)
    assert len(fitted) == 3


def test_an_error_says_which_picture_it_is() -> None:
    with pytest.raises(UnsupportedImageError, match=r"^messages\[1\]\.content\[0\]: "):
        fit_conversation(in_memory(saved(drawn()), b"<html>"), ANY, text_bytes=0)


def body_bytes(fitted: list[tuple[EncodedImage, ...]]) -> int:
    return sum(len(page.data_uri) for pages in fitted for page in pages)


def test_the_largest_pictures_are_made_smaller_for_the_whole_to_fit() -> None:
    small = saved(drawn())
    contents = [saved(noise((1600, 1200), 40), "JPEG", quality=quality) for quality in (95, 90)]
    limits = ImageLimits(max_body_bytes=2_000_000)
    fitted = fit_conversation(in_memory(*contents, small), limits, text_bytes=100_000)
    assert 1_000_000 < body_bytes(fitted) <= 1_900_000
    assert fitted[2][0].data is small


def test_an_open_file_is_read_once_however_often_it_is_made_smaller() -> None:
    stream = Stream(saved(noise((1600, 1200), 40), "JPEG", quality=95))
    (source,) = expand(stream)
    fitted = fit_conversation([Picture(source)], ImageLimits(max_body_bytes=900_000), text_bytes=0)
    assert body_bytes(fitted) <= 900_000


class Stream(BytesIO):
    """What is read from it is gone, as from a pipe."""

    def seekable(self) -> bool:
        return False


def test_a_conversation_that_cannot_fit_is_an_error_that_names_the_limit() -> None:
    contents = [saved(noise((1600, 1200)), "JPEG", quality=95)] * 3
    with pytest.raises(ImageTooLargeError, match="max_body_bytes=500000"):
        fit_conversation(in_memory(*contents), ImageLimits(max_body_bytes=500_000), text_bytes=0)


def test_text_that_fills_the_whole_request_leaves_no_room() -> None:
    with pytest.raises(ImageTooLargeError, match="leaves 0"):
        fit_conversation(in_memory(saved(drawn())), ImageLimits(max_body_bytes=500), text_bytes=501)


@settings(max_examples=30, deadline=None)
@given(
    sides=st.lists(st.integers(1, 700), min_size=1, max_size=5),
    limit=st.integers(1, 1_500_000),
    text_bytes=st.integers(0, 50_000),
)
def test_a_request_never_passes_its_limit(sides: list[int], limit: int, text_bytes: int) -> None:
    pictures = in_memory(*[saved(noise((side, side)), "JPEG") for side in sides])
    try:
        fitted = fit_conversation(pictures, ImageLimits(max_body_bytes=limit), text_bytes=text_bytes)
    except ImageTooLargeError:
        assert limit - text_bytes < sum(2000 + side * side for side in sides)
        return
    assert text_bytes + body_bytes(fitted) <= limit


def test_a_label_tells_what_the_bytes_are() -> None:
    (encoded,) = sendable(saved(drawn(), "WEBP"), ANY)
    assert encoded.data_uri.startswith(b"data:image/png;base64,")
    assert sniff(encoded.data) == "PNG"
