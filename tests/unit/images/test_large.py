"""Large pages for an engine that needs few of their pixels: the same picture, smaller and in grey."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vlm_core import CorruptImageError, ImageTooLargeError, read
from vlm_core.images import large
from vlm_core.images.colour import to_grey
from vlm_core.images.decode import open_document
from vlm_core.images.decode_limits import READING_BYTES
from vlm_core.images.page_images import page_again
from vlm_core.images.raw_rows import raw_rows, rows_of
from vlm_core.images.sources import expand

SIDE = 60


def scene(mode: str) -> Image.Image:
    """A picture with a ramp, a ring and noise, which no two rows share."""
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, SIDE, 3), dtype=np.uint8))
    ring = Image.radial_gradient("L").resize((SIDE, 90)).convert("RGB")
    return Image.blend(noise, ring, 0.7).convert(mode)


def saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.fixture
def small_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of 1,000 pixels is large, and a band has some rows."""
    monkeypatch.setattr(large, "MOST_IN_COLOUR", 1000)
    monkeypatch.setattr(large, "BAND_PIXELS", 600)
    monkeypatch.setattr("vlm_core.images.raw_rows._BAND_BYTES", 1300)
    monkeypatch.setattr("vlm_core.images.raw_rows._BAND_PIXELS", 600)


def pixels(data: bytes, most: int) -> np.ndarray:
    with open_document(data, reading_pixels=most, trusted=True) as document:
        page = document.page(1)
    assert page.levels is not None
    return np.frombuffer(page.levels, np.uint8).reshape(page.height, page.width).astype(int)


@pytest.mark.parametrize("mode", ["L", "RGB", "P", "LA", "RGBA"])
def test_the_rows_of_a_png_are_the_picture(mode: str, small_bounds: None) -> None:
    image = scene(mode)
    rows = rows_of(saved(image))
    assert rows is not None
    together = b"".join(band.convert(mode).tobytes() for band in rows.bands())
    assert together == image.tobytes()


@pytest.mark.parametrize("mode", ["1", "I;16"])
def test_a_png_of_other_depths_has_no_rows(mode: str) -> None:
    assert rows_of(saved(scene("L").convert(mode))) is None


@pytest.mark.parametrize("options", [{}, {"bits": 8, "optimize": True}])
def test_a_png_that_is_cut_short_has_no_picture(options: dict[str, object], small_bounds: None) -> None:
    data = saved(scene("RGB"), **options)
    with pytest.raises(CorruptImageError):
        pixels(data[: len(data) // 2], 2000)


KINDS: dict[str, Callable[[], bytes]] = {
    **{
        f"PNG {mode}": lambda mode=mode: saved(scene(mode)) for mode in ("1", "L", "P", "RGB", "RGBA", "I;16")
    },
    "TIFF": lambda: saved(scene("RGB"), "TIFF"),
    "BMP": lambda: saved(scene("L"), "BMP"),
    "WebP": lambda: saved(scene("RGB"), "WEBP", lossless=True),
}
"""Of each, the whole picture is decoded for comparison."""


@pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("most", [1500, 4000, 10_000])
def test_a_large_page_comes_as_if_it_were_made_smaller_at_once(
    make: Callable[[], bytes], most: int, small_bounds: None
) -> None:
    data = make()
    with open_document(data, trusted=True) as document:
        whole = document.page(1)
    grey = Image.frombytes("RGB", (whole.width, whole.height), whole.pixels).convert("L")
    found = pixels(data, most)
    size = large.size_within(grey.size, most)
    wanted = grey.resize(size, Image.Resampling.HAMMING)
    assert found.shape == (size[1], size[0])
    assert np.abs(found - np.asarray(wanted, int)).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_a_large_page_stands_upright(kind: str, orientation: int, small_bounds: None) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = saved(scene("L").resize((240, 360)), kind, exif=exif)
    with open_document(data, trusted=True) as document:
        whole = document.page(1)
    upright = Image.frombytes("RGB", (whole.width, whole.height), whole.pixels).convert("L")
    found = pixels(data, 5000)
    wanted = np.asarray(upright.resize(found.shape[::-1], Image.Resampling.HAMMING), int)
    assert np.abs(found - wanted).mean() < 4


def test_a_jpeg_is_decoded_no_larger_than_it_is_wanted(small_bounds: None) -> None:
    data = saved(scene("RGB").resize((800, 1200)), "JPEG")
    frames = large.ReadFrames(data, "JPEG", "", 60_000)
    with frames.loaded(1) as loaded:
        assert (loaded.image.mode, loaded.image.size) == ("L", (200, 300))


def test_a_page_in_a_worker_is_the_same_as_in_this_process() -> None:
    data = saved(scene("RGB").resize((4200, 4800)))
    pages = []
    for trusted in (True, False):
        with open_document(data, reading_pixels=17_000_000, trusted=trusted) as document:
            pages.append(document.page(1))
    assert pages[0] == pages[1]
    assert pages[0].width * pages[0].height <= 17_000_000


def test_a_page_of_16_megapixels_or_fewer_keeps_its_colours() -> None:
    with open_document(saved(scene("RGB")), reading_pixels=40_000_000) as document:
        assert document.page(1).pixels == scene("RGB").tobytes()


def test_a_page_that_unpacks_for_seconds_is_refused(
    small_bounds: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vlm_core.images.picture import Bounds

    monkeypatch.setattr(large, "MAX_ROW_BYTES", 9000)
    frames = large.ReadFrames(saved(scene("RGB")), "PNG", "a.png", 2000, Bounds(memory=10**9))
    with pytest.raises(ImageTooLargeError, match=r"a\.png unpacks to 0 MB"):
        frames.page(1)


UNPACKED = [
    ("TIFF", "L"),
    ("TIFF", "RGB"),
    ("TIFF", "RGBA"),
    ("TIFF", "CMYK"),
    ("BMP", "L"),
    ("BMP", "RGB"),
    ("PPM", "L"),
    ("PPM", "RGB"),
]


@pytest.mark.parametrize(("kind", "mode"), UNPACKED)
@pytest.mark.parametrize("strips", [1, 4])
def test_the_rows_of_an_unpacked_picture_are_the_picture(
    kind: str, mode: str, strips: int, small_bounds: None
) -> None:
    image = scene(mode)
    data = saved(image, kind, **({"strip_size": 90 * SIDE * len(mode) // strips} if kind == "TIFF" else {}))
    with Image.open(io.BytesIO(data)) as opened:
        rows = raw_rows(opened, data)
    assert rows is not None
    bands = list(rows.bands())
    assert len(bands) > 1
    assert b"".join(band.tobytes() for band in bands) == image.tobytes()


@pytest.mark.parametrize(
    "options",
    [{"compression": "tiff_lzw"}, {"compression": "jpeg"}],
    ids=lambda options: options["compression"],
)
def test_a_packed_picture_has_no_rows(options: dict[str, object]) -> None:
    data = saved(scene("RGB"), "TIFF", **options)
    with Image.open(io.BytesIO(data)) as opened:
        assert raw_rows(opened, data) is None


def test_an_unpacked_picture_that_is_cut_short_is_damaged(small_bounds: None) -> None:
    data = saved(scene("RGB"), "PPM")[:-1]
    with pytest.raises(CorruptImageError):
        pixels(data, 1500)


@pytest.mark.parametrize("mode", ["I;16", "I", "F"])
@pytest.mark.parametrize("rows", [1, 7, 90])
def test_deep_tones_are_the_same_in_bands(mode: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = scene("L").convert("I").point(lambda level: level * 200 + 7).convert(mode)
    whole = to_grey(deep)
    monkeypatch.setattr("vlm_core.images.colour._BAND_PIXELS", rows * SIDE)
    in_bands = to_grey(deep)
    assert whole is not None
    assert in_bands is not None
    assert in_bands.tobytes() == whole.tobytes()


@pytest.mark.parametrize("trusted", [False, True])
def test_a_file_too_long_to_be_held_twice_is_refused_unless_it_is_trusted(
    trusted: bool, tmp_path: Path
) -> None:
    path = tmp_path / "scan.pgm"
    with path.open("wb") as file:
        file.write(b"P5 9 9 255 " + bytes(81))
        file.truncate(READING_BYTES // 2 + 1)
    (source,) = expand(path)
    if trusted:
        source.open(reading_pixels=1500, trusted=True).close()
        return
    with pytest.raises(ImageTooLargeError, match="has 110 MB, more than 110") as caught:
        source.open(reading_pixels=1500)
    assert "trusted=True" in caught.value.hint


def test_the_picture_behind_a_large_page_is_found_again() -> None:
    white = saved(Image.new("L", (7013, 6989), 255))
    (page,) = read(white).pages
    assert page.width * page.height <= 40_000_000
    assert page_again(white, page).sha256 == page.sha256
