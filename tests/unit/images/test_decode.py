"""Bytes to upright RGB pages: formats, turns, colours, limits and damage."""

import struct
import sys
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageStat

from vlm_core.errors import (
    CorruptImageError,
    DecompressionBombError,
    ImageTooLargeError,
    InputError,
    MissingExtraError,
    UnsupportedImageError,
)
from vlm_core.images.decode import MAX_PIXELS, open_document, open_image, pages, sniff
from vlm_core.images.sniff import gif_layout, tiff_frames
from vlm_core.types import PageImage

ORIENTATION = 274


def drawn(size: tuple[int, int] = (48, 32), color: str = "red") -> Image.Image:
    """White, with a block of colour in the top left corner."""
    image = Image.new("RGB", size, "white")
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 4, size[1] // 4), fill=color)
    return image


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    if kind == "HEIF":
        pillow_heif.encode(image.mode, image.size, image.tobytes(), buffer, **options)
    else:
        image.save(buffer, kind, **options)
    return buffer.getvalue()


def first_page(data: bytes) -> PageImage:
    with open_document(data) as document:
        return document.page(1)


def as_image(page: PageImage) -> Image.Image:
    return Image.frombytes("RGB", (page.width, page.height), page.pixels)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference of 255."""
    assert one.size == other.size
    return max(ImageStat.Stat(ImageChops.difference(one, other)).mean)


# --- formats and frames --------------------------------------------------------------------------

FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP", "PPM", "AVIF", "HEIF"]


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_known_by_its_bytes_and_decoded(kind: str) -> None:
    data = saved(drawn(), kind)
    assert sniff(data) == kind
    assert difference(as_image(first_page(data)), drawn()) < 4


@pytest.mark.parametrize("suffix", ["ppm", "bmp", "gif", "avif", "heif"])
def test_one_portrait_looks_the_same_in_every_format(data: Path, suffix: str) -> None:
    formats = data / "formats"
    portrait = as_image(first_page((formats / "hopper.ppm").read_bytes()))
    assert difference(as_image(first_page((formats / f"hopper.{suffix}").read_bytes())), portrait) < 8


def test_a_grey_jpeg_looks_like_the_colour_one_in_grey(data: Path) -> None:
    colour = as_image(first_page((data / "formats/hopper.ppm").read_bytes()))
    grey = as_image(first_page((data / "formats/hopper_gray.jpg").read_bytes()))
    assert difference(grey, colour.convert("L").convert("RGB")) < 8


@pytest.mark.parametrize("twin", ["heic", "jpg"])
def test_twins_look_the_same(data: Path, twin: str) -> None:
    png = as_image(first_page((data / "formats/DA-1p.png").read_bytes()))
    assert difference(as_image(first_page((data / f"formats/DA-1p.{twin}").read_bytes())), png) < 1


@pytest.mark.parametrize(
    ("name", "frames"),
    [("g4-multi.tiff", 3), ("multipage.tiff", 3), ("two_frames_2206.01062.tif", 2), ("iss634.webp", 42)],
)
def test_every_frame_is_a_page(data: Path, name: str, frames: int) -> None:
    read = list(pages((data / "formats" / name).read_bytes(), source=name))
    assert [page.page_number for page in read] == list(range(1, frames + 1))
    assert {(page.total_pages, page.source) for page in read} == {(frames, name)}


@pytest.mark.parametrize("kind", ["GIF", "TIFF", "WEBP", "AVIF"])
def test_pages_can_be_had_in_any_order_and_again(kind: str) -> None:
    frames = [drawn(color=color) for color in ("red", "lime", "blue")]
    many = saved(frames[0], kind, save_all=True, append_images=frames[1:])
    with open_document(many) as document:
        in_order = [document.page(number).pixels for number in (1, 2, 3)]
        assert [document.page(number).pixels for number in (3, 3, 1, 2)] == [
            in_order[index] for index in (2, 2, 0, 1)
        ]
        assert [difference(as_image(document.page(n)), frames[n - 1]) < 8 for n in (1, 2, 3)] == [True] * 3


def test_every_picture_of_a_heic_is_a_page() -> None:
    heic = pillow_heif.from_pillow(drawn())
    heic.add_from_pillow(drawn((64, 64), "blue"))
    buffer = BytesIO()
    heic.save(buffer)
    assert [(page.width, page.height) for page in pages(buffer.getvalue())] == [(48, 32), (64, 64)]


def test_a_gif_shows_frames_as_the_screen_does() -> None:
    changed = drawn()
    ImageDraw.Draw(changed).point((40, 20), fill="blue")
    animated = saved(drawn().quantize(4), "GIF", save_all=True, append_images=[changed.quantize(4)])
    second = list(pages(animated))[1]
    assert difference(as_image(second), changed) < 1


def test_of_an_animated_png_the_still_picture_is_read() -> None:
    animated = saved(drawn(), "PNG", save_all=True, append_images=[drawn(color="blue")])
    (page,) = pages(animated)
    assert page.pixels == drawn().tobytes()


def test_of_a_jpeg_with_a_second_picture_only_the_first_is_read() -> None:
    buffer = BytesIO()
    drawn().save(buffer, "MPO", save_all=True, append_images=[drawn((24, 16), "blue")])
    (page,) = pages(buffer.getvalue())
    assert (page.width, page.height, page.original) == (48, 32, None)


def test_a_pdf_is_recognised_behind_other_bytes() -> None:
    assert sniff(b"\n" * 1000 + b"%PDF-1.7") == "PDF"
    assert sniff(b"\n" * 1020 + b"%PDF-1.7") is None


def test_a_pdf_is_opened_by_the_pdf_reader(data: Path) -> None:
    pdf = (data / "pdfs/skinnypage.pdf").read_bytes()
    with open_document(pdf, source="a.pdf") as document:
        page = document.page(1)
    assert (page.source, page.total_pages, page.page_number) == ("a.pdf", 2, 1)


def test_a_heic_without_its_package_names_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    heic = saved(drawn(), "HEIF")
    monkeypatch.setitem(sys.modules, "pillow_heif", None)  # what an import of it finds where it is absent
    with pytest.raises(MissingExtraError, match=r"pip install 'vlm-adapters\[heif\]'"):
        open_document(heic, trusted=True)


def test_a_page_that_is_not_there_is_an_error_of_that_page() -> None:
    with (
        open_document(saved(drawn(), "PNG"), source="a.png") as document,
        pytest.raises(InputError, match=r"a\.png has no page 2") as caught,
    ):
        document.page(2)
    assert caught.value.page == 2


# --- which way is up -----------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["Landscape", "Portrait"])
@pytest.mark.parametrize("orientation", range(9))
def test_photographs_of_every_orientation_come_out_upright(data: Path, shape: str, orientation: int) -> None:
    folder = data / "orientation"
    upright = as_image(first_page((folder / f"{shape}_1.jpg").read_bytes()))
    turned = as_image(first_page((folder / f"{shape}_{orientation}.jpg").read_bytes()))
    assert difference(turned, upright) < 8


def test_a_small_photograph_is_turned_upright(data: Path) -> None:
    formats = data / "formats"
    page = first_page((formats / "hopper_orientation_6.jpg").read_bytes())
    assert difference(as_image(page), as_image(first_page((formats / "hopper.ppm").read_bytes()))) < 8
    assert page.rotation == 90


STORED = {  # orientation: how an upright picture is stored, and the turn that undoes it
    1: (None, 0),
    2: (Image.Transpose.FLIP_LEFT_RIGHT, 0),
    3: (Image.Transpose.ROTATE_180, 180),
    4: (Image.Transpose.FLIP_TOP_BOTTOM, 180),
    5: (Image.Transpose.TRANSPOSE, 270),
    6: (Image.Transpose.ROTATE_90, 90),
    7: (Image.Transpose.TRANSVERSE, 90),
    8: (Image.Transpose.ROTATE_270, 270),
}


def stored(orientation: int) -> tuple[Image.Image, Image.Exif]:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    method, _ = STORED[orientation]
    return (drawn() if method is None else drawn().transpose(method)), exif


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", STORED)
def test_every_format_with_exif_is_turned_once(kind: str, orientation: int) -> None:
    image, exif = stored(orientation)
    with open_document(saved(image, kind, exif=exif)) as document:
        for page in (document.page(1), document.page(1)):
            assert difference(as_image(page), drawn()) < 4
            assert page.rotation == STORED[orientation][1]


@pytest.mark.parametrize("orientation", STORED)
def test_a_heic_that_its_decoder_turns_is_not_turned_again(orientation: int) -> None:
    image, exif = stored(orientation)
    heic = saved(image, "HEIF", exif=exif.tobytes())
    assert (b"irot" in heic or b"imir" in heic) == (orientation > 1)
    assert difference(as_image(first_page(heic)), drawn()) < 4


def test_each_frame_of_a_tiff_has_its_own_turn() -> None:
    (image, exif), upright = stored(6), drawn()
    upright.encoderinfo = {"exif": Image.Exif()}
    buffer = BytesIO()
    image.save(buffer, "TIFF", exif=exif, save_all=True, append_images=[upright])
    read = list(pages(buffer.getvalue()))
    assert [page.rotation for page in read] == [90, 0]
    assert [difference(as_image(page), upright) < 1 for page in read] == [True, True]


def test_damaged_exif_takes_no_photograph_away() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    damaged = saved(drawn(), "JPEG", exif=exif).replace(b"Exif\0\0MM\0*", b"Exif\0\0MM\xff\xff")
    assert first_page(damaged).rotation == 0


# --- colours -------------------------------------------------------------------------------------


def filled(mode: str, color: object) -> Image.Image:
    return Image.new(mode, (2, 2), color)  # type: ignore[arg-type]


def palette(mode: str, *, transparent: bool = False) -> Image.Image:
    image = Image.new("P", (2, 2), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    if transparent:
        image.info["transparency"] = 1
    return image.convert(mode)


def big_endian(value: int) -> Image.Image:
    return Image.frombytes("I;16B", (1, 1), struct.pack(">H", value))


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(filled("1", 1), (255, 255, 255), id="1-bit"),
        pytest.param(filled("L", 100), (100, 100, 100), id="grey"),
        pytest.param(filled("LA", (0, 51)), (204, 204, 204), id="grey-alpha"),
        pytest.param(filled("La", (0, 51)), (204, 204, 204), id="grey-premultiplied"),
        pytest.param(palette("P"), (255, 0, 0), id="palette"),
        pytest.param(palette("P", transparent=True), (255, 255, 255), id="palette-transparent"),
        pytest.param(palette("PA"), (255, 0, 0), id="palette-alpha"),
        pytest.param(filled("RGBA", (0, 0, 0, 0)), (255, 255, 255), id="transparent"),
        pytest.param(filled("RGBA", (255, 0, 0, 255)), (255, 0, 0), id="opaque-alpha"),
        pytest.param(filled("RGBa", (0, 0, 0, 102)), (153, 153, 153), id="premultiplied"),
        pytest.param(filled("RGBX", (1, 2, 3, 0)), (1, 2, 3), id="padded"),
        pytest.param(filled("CMYK", (0, 255, 255, 0)), (255, 0, 0), id="cmyk"),
        pytest.param(filled("RGB", (255, 0, 0)).convert("YCbCr"), (254, 0, 0), id="ycbcr"),
        pytest.param(filled("RGB", (200, 180, 20)).convert("LAB"), (200, 180, 20), id="lab"),
        pytest.param(filled("HSV", (0, 255, 255)), (255, 0, 0), id="hsv"),
        pytest.param(filled("I;16", 0x8000), (128, 128, 128), id="16-bit"),
        pytest.param(big_endian(0x8000), (128, 128, 128), id="16-bit-big-endian"),
        pytest.param(filled("I", 0xFFFF), (255, 255, 255), id="16-bit-in-32"),
        pytest.param(filled("I", 0), (0, 0, 0), id="32-bit-black"),
    ],
)
def test_every_mode_comes_out_in_its_colours(image: Image.Image, expected: tuple[int, ...]) -> None:
    pixel = open_image(image).page(1).pixels[:3]
    assert all(abs(value - right) <= 2 for value, right in zip(pixel, expected, strict=True))


def greys(mode: str, *values: float) -> list[int]:
    image = Image.new(mode, (len(values), 1))
    for column, value in enumerate(values):
        image.putpixel((column, 0), value)  # type: ignore[arg-type]
    return list(open_image(image).page(1).pixels[::3])


@pytest.mark.parametrize(
    ("mode", "values", "expected"),
    [
        pytest.param("I;16", (0, 0x4000, 0xFF00), [0, 64, 254], id="all-16-bits"),
        pytest.param("I;16", (0, 2048, 4095), [0, 128, 255], id="12-bits-in-16"),
        pytest.param("I", (-10, 0, 10), [0, 128, 255], id="signed"),
        pytest.param("I", (0, 1_000_000), [0, 255], id="more-than-16-bits"),
        pytest.param("F", (0.0, 0.5, 1.0), [0, 128, 255], id="float-to-1"),
        pytest.param("F", (-1.0, 3.0), [0, 255], id="float-anywhere"),
        pytest.param("F", (7.0, 7.0), [0, 0], id="float-all-one"),
    ],
)
def test_deep_greys_are_scaled_to_be_legible(
    mode: str, values: tuple[float, ...], expected: list[int]
) -> None:
    assert greys(mode, *values) == expected


def test_pixels_that_are_no_numbers_are_an_error() -> None:
    with pytest.raises(CorruptImageError, match="infinite or no numbers"):
        greys("F", float("nan"), 1.0)


def test_a_dim_16_bit_scan_keeps_its_tones(data: Path) -> None:
    page = first_page((data / "formats/16bit.cropped.tif").read_bytes())
    assert len(set(page.pixels)) > 50


@pytest.mark.parametrize("depth", [1, 8, 16])
def test_a_tiff_whose_zero_is_white_is_not_inverted(depth: int) -> None:
    mode = {1: "1", 8: "L", 16: "I;16"}[depth]
    image = Image.new(mode, (8, 1), 0)
    image.putpixel((0, 0), {1: 255, 8: 255, 16: 0xFFFF}[depth])
    photometric = struct.pack("<HHI", 262, 3, 1)
    tiff = saved(image, "TIFF").replace(photometric + b"\1", photometric + b"\0")
    assert list(first_page(tiff).pixels[:6:3]) == [0, 255]


@pytest.mark.parametrize("name", ["pil_sample_cmyk.jpg", "tiff_strip_cmyk_jpeg.tif"])
def test_cmyk_is_not_inverted(data: Path, name: str) -> None:
    image = as_image(first_page((data / "formats" / name).read_bytes()))
    assert image.getpixel((2, 2)) > (200, 60, 60)  # a red bar
    assert max(image.getpixel((50, 80))) < 20  # on black


@pytest.mark.parametrize("profile", [b"damaged", b"\0" * 200], ids=["too short", "all zero"])
def test_a_useless_profile_is_passed_over(profile: bytes) -> None:
    cmyk = filled("CMYK", (0, 255, 255, 0))
    page = first_page(saved(cmyk, "TIFF", icc_profile=profile))
    assert page.pixels[:3] == b"\xff\0\0"


def test_transparency_is_flattened_on_white(data: Path) -> None:
    page = first_page((data / "formats/transparent.png").read_bytes())
    assert page.pixels[:3] == b"\xff\xff\xff"


def test_a_png_with_one_transparent_colour_is_flattened_on_white() -> None:
    page = first_page(saved(filled("RGB", (1, 2, 3)), "PNG", transparency=(1, 2, 3)))
    assert page.pixels[:3] == b"\xff\xff\xff"


# --- the file's own bytes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "kind"),
    [(drawn(), "JPEG"), (drawn().convert("L"), "JPEG"), (drawn(), "PNG"), (drawn(), "WEBP")],
    ids=["colour JPEG", "grey JPEG", "PNG", "WebP"],
)
def test_a_plain_picture_keeps_its_bytes(image: Image.Image, kind: str) -> None:
    plain = saved(image, kind)
    assert first_page(plain).original == plain


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(saved(stored(3)[0], "JPEG", exif=stored(3)[1]), id="turned"),
        pytest.param(saved(drawn().convert("CMYK"), "JPEG"), id="cmyk"),
        pytest.param(saved(drawn().convert("RGBA"), "PNG"), id="alpha"),
        pytest.param(saved(drawn(), "PNG", transparency=(0, 0, 0)), id="one-transparent-colour"),
        pytest.param(saved(drawn().quantize(4), "PNG"), id="palette"),
        pytest.param(saved(drawn().convert("I;16"), "PNG"), id="16-bit"),
        pytest.param(saved(drawn().convert("1"), "PNG"), id="1-bit"),
        pytest.param(saved(drawn(), "PNG", save_all=True, append_images=[drawn()] * 2), id="animated"),
        pytest.param(saved(drawn(), "TIFF"), id="no-web-format"),
        pytest.param(saved(drawn(), "JPEG") + b"film", id="film-behind-jpeg"),
        pytest.param(saved(drawn(), "PNG") + b"film", id="film-behind-png"),
        pytest.param(saved(drawn(), "WEBP") + b"film", id="film-behind-webp"),
    ],
)
def test_any_other_picture_does_not(file: bytes) -> None:
    assert first_page(file).original is None


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf \n<!DOCTYPE html><title>Sign in</title>", "a web page"),
        (b"<html>", "a web page"),
        (b'<?xml version="1.0"?>\n<!-- drawn -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"<svg/>", "SVG"),
        (b"<?xml version='1.0'?><note/>", "XML"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"\0\0\1\0\1\0", "ICO"),
        (b"8BPS\0\1", "PSD"),
        (b"PK\3\4....[Content_Types].xml....word/document.xml", "a Word document"),
        (b"PK\3\4....xl/workbook.xml", "an Excel workbook"),
        (b"PK\3\4....a.png", "a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office document"),
        (b"\0\0\0\x1cftypisom....", "a video"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
        (b'{"error": "not found \xc3\xa9"}', "plain text"),
        (b"BMW annual report", "plain text"),
        (b"\x01\x02\x03", "no known format; it begins with 01 02 03"),
    ],
)
def test_what_is_no_picture_is_refused_by_name(file: bytes, said: str) -> None:
    with pytest.raises(UnsupportedImageError, match=said):
        open_document(file, source="scan.png")


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("decompression_bomb.gif", DecompressionBombError),
        ("decompression_bomb.ico", UnsupportedImageError),
        ("seek_too_large.tif", CorruptImageError),
        ("truncated_image.png", CorruptImageError),
        ("truncated_jpeg.jpg", CorruptImageError),
        ("broken_data_stream.png", CorruptImageError),
    ],
)
def test_bombs_and_broken_files_are_typed_errors(data: Path, name: str, error: type[InputError]) -> None:
    with pytest.raises(error):
        list(pages((data / "formats" / name).read_bytes()))


def png_claiming(width: int, height: int) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def tiff_claiming(width: int, height: int) -> bytes:
    tags = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: 8}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


CLAIMS = {
    "PNG": png_claiming(30_000, 30_000),
    "TIFF": tiff_claiming(30_000, 30_000),
    "PPM": b"P6 30000 30000 255 ",
    "BMP": b"BM" + struct.pack("<IIIIiiHHIIIIII", 54, 0, 54, 40, 30_000, 30_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "WEBP": b"RIFF\x16\0\0\0WEBPVP8X" + struct.pack("<II", 10, 0) + (b"\x2f\x75\0" * 2),
    "GIF": b"GIF89a" + struct.pack("<HHBBB", 30_000, 30_000, 0, 0, 0) + b",\0\0\0\0\1\0\1\0\0\2\0;",
    "GIF frame": b"GIF89a\1\0\1\0\0\0\0," + struct.pack("<HHHHB", 0, 0, 30_000, 30_000, 0) + b"\2\0;",
}


@pytest.mark.parametrize("kind", CLAIMS)
def test_a_small_file_of_many_pixels_is_a_bomb(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # nothing here leans on Pillow's limit
    with pytest.raises(DecompressionBombError, match="30000 × 30000"):
        list(pages(CLAIMS[kind]))


def test_a_large_file_of_too_many_pixels_is_too_large() -> None:
    with pytest.raises(ImageTooLargeError) as caught:
        first_page(b"P6 20000 20000 255 " + bytes(1_000_000))
    assert not isinstance(caught.value, DecompressionBombError)
    assert caught.value.page == 1


def test_a_decoded_picture_of_too_many_pixels_is_too_large() -> None:
    wide = Image.new("1", (MAX_PIXELS // 100, 101))
    with pytest.raises(ImageTooLargeError):
        open_image(wide).page(1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "PPM", "AVIF", "HEIF"])
def test_a_low_limit_of_pillows_own_is_passed_by(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = saved(drawn(), kind)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 48 * 32 - 1)
    with warnings.catch_warnings(record=True) as caught, open_document(data, trusted=True) as document:
        warnings.simplefilter("always")
        document.page(1)
    assert not caught


def test_a_low_limit_of_pillows_own_that_cannot_be_passed_by_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gif = saved(drawn().quantize(4), "GIF")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    with pytest.raises(ImageTooLargeError, match=r"PIL\.Image\.MAX_IMAGE_PIXELS = 100"):
        open_document(gif, trusted=True)


def test_no_setting_of_pillow_is_changed() -> None:
    before = Image.MAX_IMAGE_PIXELS, dict(Image.OPEN), list(Image.ID)
    first_page(saved(drawn(), "HEIF"))
    assert before == (Image.MAX_IMAGE_PIXELS, Image.OPEN, Image.ID)


# --- damage --------------------------------------------------------------------------------------


def three_frames() -> bytes:
    frames = [drawn(color=color) for color in ("red", "lime", "blue")]
    return saved(frames[0], "TIFF", save_all=True, append_images=frames[1:], compression="tiff_lzw")


def test_a_damaged_frame_leaves_the_others_readable() -> None:
    whole = three_frames()
    second = whole.index(b"\x80", len(whole) // 3)  # where its strip begins
    assert sniff(whole) == "TIFF"
    damaged = whole[:second] + b"\xff" * 40 + whole[second + 40 :]
    with open_document(damaged) as document:
        outcomes = [_outcome(document, number) for number in (1, 2, 2, 3)]
    assert outcomes == ["read", 2, 2, "read"]


def _outcome(document: object, number: int) -> object:
    try:
        document.page(number)  # type: ignore[attr-defined]
    except InputError as error:
        return error.page
    return "read"


def test_a_frame_that_its_tiff_points_to_but_does_not_hold_is_a_page_that_fails() -> None:
    tiff = saved(drawn(), "TIFF")
    (first,) = struct.unpack_from("<I", tiff, 4)
    (entries,) = struct.unpack_from("<H", tiff, first)
    link = first + 2 + entries * 12
    lost = tiff[:link] + struct.pack("<I", 0xFFFFFF) + tiff[link + 4 :]
    with open_document(lost) as document:
        assert document.total_pages == 2
        assert [_outcome(document, number) for number in (1, 2)] == ["read", 2]


def test_a_tiff_whose_frames_go_round_in_a_ring_ends() -> None:
    tiff = tiff_claiming(1, 1)
    assert tiff_frames(tiff[:-4] + struct.pack("<I", 8)) == 1


def test_a_gif_cut_in_its_last_frame_still_gives_the_first() -> None:
    gif = saved(drawn(), "GIF", save_all=True, append_images=[drawn(color="blue")])
    frames, *_ = gif_layout(gif)
    with open_document(gif[:-30]) as document:
        assert document.total_pages == frames == 2
        assert [_outcome(document, number) for number in (1, 2)] == ["read", 2]


def test_a_picture_that_fails_once_fails_again(data: Path) -> None:
    with open_document((data / "formats/broken_data_stream.png").read_bytes()[:-5000] + b"IEND") as document:
        assert [_outcome(document, 1) for _ in range(3)] == [1, 1, 1]


SMALL = {
    "PNG": saved(drawn(), "PNG"),
    "APNG": saved(drawn(), "PNG", save_all=True, append_images=[drawn(color="blue")]),
    "JPEG": saved(drawn(), "JPEG", exif=stored(6)[1]),
    "WEBP": saved(drawn(), "WEBP"),
    "GIF": saved(drawn(), "GIF", save_all=True, append_images=[drawn(color="blue")]),
    "TIFF": three_frames(),
    "raw TIFF": saved(drawn().convert("I;16"), "TIFF"),
    "BMP": saved(drawn((8, 8)), "BMP"),
    "PPM": saved(drawn((8, 8)), "PPM"),
    "AVIF": saved(drawn(), "AVIF"),
    "HEIF": saved(drawn(), "HEIF"),
}


def _read_or_typed_error(data: bytes) -> None:
    try:
        document = open_document(data)
    except InputError:
        return
    with document:
        for number in range(1, min(document.total_pages, 4) + 1):
            try:
                page = document.page(number)
            except InputError:
                continue
            assert len(page.pixels) == page.width * page.height * 3


@given(st.sampled_from([file[:16] for file in SMALL.values()] + [b"", b"P5 9 9 255 "]), st.binary())
@settings(max_examples=200, deadline=None)
def test_arbitrary_bytes_raise_nothing_but_typed_errors(start: bytes, rest: bytes) -> None:
    _read_or_typed_error(start + rest)


@given(st.sampled_from(list(SMALL)), st.data())
@settings(max_examples=300, deadline=None)
def test_damaged_files_raise_nothing_but_typed_errors(kind: str, draw: st.DataObject) -> None:
    file = bytearray(SMALL[kind])
    del file[draw.draw(st.integers(8, len(file)), label="cut at") :]
    places = st.integers(0, len(file) - 1)
    for place, value in draw.draw(st.dictionaries(places, st.integers(0, 255), max_size=6)).items():
        file[place] = value
    _read_or_typed_error(bytes(file))


# --- pictures that are decoded already -----------------------------------------------------------


def test_a_pillow_image_gives_its_frames_and_stays_as_it_was() -> None:
    with Image.open(BytesIO(three_frames())) as image:
        image.seek(1)
        with open_image(image, source="mine") as document:
            read = [document.page(number) for number in range(1, document.total_pages + 1)]
        assert [page.pixels[:3] for page in read] == [b"\xff\0\0", b"\0\xff\0", b"\0\0\xff"]
        assert image.tell() == 1
        assert image.getpixel((0, 0)) == (0, 255, 0)


def test_a_pillow_image_is_turned_by_its_exif() -> None:
    image, exif = stored(6)
    with Image.open(BytesIO(saved(image, "PNG", exif=exif))) as opened:
        page = open_image(opened).page(1)
    assert as_image(page).tobytes() == drawn().tobytes()


def test_a_pillow_image_without_pixels_is_an_error() -> None:
    with pytest.raises(InputError, match="no pixels"):
        open_image(Image.new("RGB", (0, 0))).page(1)


def test_a_page_is_handed_on_as_it_is() -> None:
    page = PageImage(pixels=bytes(3), width=1, height=1, page_number=3, total_pages=7)
    assert open_image(page).page(1) is page
