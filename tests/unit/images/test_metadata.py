"""Files passed on with their pixels as they are: which may be, and what is cut out of them."""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from vlm_core.images.metadata import PlainFile, plain_file
from vlm_core.images.sniff import sniff

ORIENTATION, DESCRIPTION = 274, 270
SECRET = b"51.5007 N 0.1246 W"
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="%d">' + SECRET + b"</rdf:Description></x:xmpmeta>"


def picture(mode: str = "RGB", size: tuple[int, int] = (48, 32)) -> Image.Image:
    """A ramp, so that any change of a pixel shows."""
    return Image.linear_gradient("L").resize(size).convert(mode)


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif(turn: int = 1) -> bytes:
    notes = Image.Exif()
    notes[ORIENTATION] = turn
    notes[DESCRIPTION] = SECRET.decode()
    return notes.tobytes()


def texts() -> PngImagePlugin.PngInfo:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", SECRET.decode())
    notes.add_text("Packed", SECRET.decode() * 20, zip=True)
    notes.add_itxt("XML:com.adobe.xmp", (XMP % 1).decode())
    return notes


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def with_segment(marker: int, content: bytes) -> bytes:
    data = saved(picture(), "JPEG")
    return data[:2] + segment(marker, content) + data[2:]


def with_chunk(name: bytes, content: bytes) -> bytes:
    data = saved(picture(), "PNG")
    return data[:33] + chunk(name, content) + data[33:]


def plain(data: bytes) -> PlainFile | None:
    return plain_file(data, sniff(data) or "")


def pixels(data: bytes) -> bytes:
    with Image.open(BytesIO(data)) as image:
        return image.convert("RGB").tobytes()


WITH_NOTES = [
    pytest.param(lambda: saved(picture(), "JPEG", exif=exif()), id="JPEG EXIF"),
    pytest.param(
        lambda: saved(picture("L"), "JPEG", exif=exif(), progressive=True), id="progressive grey JPEG"
    ),
    pytest.param(lambda: saved(picture(), "JPEG", comment=SECRET), id="JPEG comment"),
    pytest.param(lambda: saved(picture(), "JPEG", xmp=XMP % 1), id="JPEG XMP"),
    pytest.param(lambda: with_segment(0xED, b"Photoshop 3.0\0" + SECRET), id="JPEG APP13"),
    pytest.param(lambda: with_segment(0xE2, b"FPXR\0" + SECRET), id="JPEG APP2 that is not a profile"),
    pytest.param(lambda: with_segment(0xE0, b"JFXX\0" + SECRET), id="JPEG APP0 that is not JFIF"),
    pytest.param(lambda: saved(picture(), "JPEG") + b"film" + SECRET, id="film behind a JPEG"),
    pytest.param(lambda: saved(picture(), "JPEG") + saved(picture(), "JPEG", exif=exif()), id="second JPEG"),
    pytest.param(lambda: saved(picture(), "PNG", pnginfo=texts()), id="PNG texts"),
    pytest.param(lambda: saved(picture(), "PNG", exif=exif()), id="PNG EXIF"),
    pytest.param(lambda: with_chunk(b"tIME", SECRET[:7] + SECRET), id="PNG time"),
    pytest.param(lambda: with_chunk(b"maKe", SECRET), id="unknown PNG chunk"),
    pytest.param(lambda: saved(picture(), "PNG") + SECRET, id="bytes behind a PNG"),
    pytest.param(lambda: saved(picture(), "WEBP", exif=exif()), id="WebP EXIF"),
    pytest.param(lambda: saved(picture(), "WEBP", xmp=XMP % 1, lossless=True), id="lossless WebP XMP"),
    pytest.param(lambda: saved(picture("P"), "GIF", comment=SECRET), id="GIF comment"),
    pytest.param(lambda: saved(picture("P"), "GIF") + SECRET, id="bytes behind a GIF"),
]


@pytest.mark.parametrize("make", WITH_NOTES)
def test_metadata_is_cut_out_and_pixels_stay(make: Callable[[], bytes]) -> None:
    data = make()
    assert SECRET in data or b"zTXt" in data
    found = plain(data)
    assert found is not None
    assert SECRET not in found.stripped
    assert len(found.stripped) < len(data)
    assert pixels(found.stripped) == pixels(data)
    assert (found.width, found.height) == (48, 32)


@pytest.mark.parametrize("make", WITH_NOTES)
def test_what_was_cut_once_is_left_alone(make: Callable[[], bytes]) -> None:
    once = plain(make())
    assert once is not None
    again = plain(once.stripped)
    assert again is not None
    assert again.stripped is once.stripped


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        pytest.param("JPEG", "RGB", {}, id="JPEG"),
        pytest.param("JPEG", "L", {"progressive": True}, id="progressive JPEG"),
        pytest.param("JPEG", "RGB", {"keep_rgb": True}, id="JPEG of RGB, marked by Adobe's segment"),
        pytest.param("JPEG", "RGB", {"restart_marker_blocks": 1}, id="JPEG with restart markers"),
        pytest.param("PNG", "RGB", {}, id="PNG"),
        pytest.param("PNG", "1", {}, id="PNG of 1 bit"),
        pytest.param("PNG", "P", {}, id="PNG with a palette"),
        pytest.param("WEBP", "RGB", {}, id="WebP"),
        pytest.param("WEBP", "RGB", {"lossless": True}, id="lossless WebP"),
    ],
)
def test_a_file_without_metadata_stays_the_very_same_object(
    kind: str, mode: str, options: dict[str, object]
) -> None:
    data = saved(picture(mode), kind, **options)
    found = plain(data)
    assert found is not None
    assert found.stripped is data


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_colour_profile_stays(kind: str) -> None:
    profile = b"profile of colours" * 9
    found = plain(saved(picture(), kind, icc_profile=profile, exif=exif()))
    assert found is not None
    with Image.open(BytesIO(found.stripped)) as image:
        assert image.info["icc_profile"] == profile
        assert "exif" not in image.info


def animated(kind: str) -> bytes:
    return saved(picture(), kind, save_all=True, append_images=[picture().rotate(180)])


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: saved(picture(), "JPEG", exif=exif(6)), id="turned JPEG"),
        pytest.param(lambda: saved(picture(), "JPEG", xmp=XMP % 8), id="JPEG turned by XMP"),
        pytest.param(lambda: saved(picture(), "PNG", exif=exif(3)), id="turned PNG"),
        pytest.param(lambda: saved(picture(), "WEBP", exif=exif(6)), id="turned WebP"),
        pytest.param(lambda: saved(picture("CMYK"), "JPEG"), id="CMYK"),
        pytest.param(lambda: saved(picture("RGBA"), "PNG"), id="PNG with alpha"),
        pytest.param(lambda: saved(picture("LA"), "PNG"), id="grey PNG with alpha"),
        pytest.param(lambda: saved(picture("P"), "PNG", transparency=0), id="PNG with a clear colour"),
        pytest.param(lambda: saved(picture("I;16"), "PNG"), id="16-bit PNG"),
        pytest.param(lambda: saved(drilled(), "WEBP"), id="WebP with alpha"),
        pytest.param(lambda: saved(drilled(), "WEBP", lossless=True), id="lossless WebP with alpha"),
        pytest.param(lambda: saved(drilled(), "GIF"), id="GIF with a clear colour"),
        pytest.param(lambda: animated("GIF"), id="animated GIF"),
        pytest.param(lambda: animated("WEBP"), id="animated WebP"),
        pytest.param(lambda: saved(picture(), "JPEG")[:-2], id="JPEG cut short"),
        pytest.param(lambda: saved(picture(), "PNG")[:-20], id="PNG cut short"),
        pytest.param(lambda: saved(picture(), "WEBP")[:-20], id="WebP cut short"),
        pytest.param(lambda: saved(picture("P"), "GIF")[:-2], id="GIF cut short"),
        pytest.param(lambda: flipped(saved(picture(), "PNG"), 60), id="PNG with a wrong checksum"),
        pytest.param(lambda: saved(picture(), "TIFF"), id="TIFF"),
        pytest.param(lambda: saved(picture(), "BMP"), id="BMP"),
    ],
)
def test_what_others_might_show_wrongly_must_be_decoded(make: Callable[[], bytes]) -> None:
    assert plain(make()) is None


def drilled() -> Image.Image:
    image = picture("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 9, 9))
    return image


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]


def test_an_animated_png_is_cut_down_to_the_picture_that_stands_still() -> None:
    data = animated("PNG")
    found = plain(data)
    assert found is not None
    with Image.open(BytesIO(found.stripped)) as image:
        assert getattr(image, "n_frames", 1) == 1
    assert pixels(found.stripped) == pixels(data)


def test_a_frame_smaller_than_its_gif_must_be_decoded() -> None:
    data = bytearray(saved(picture("P"), "GIF"))
    data[6:8] = struct.pack("<H", 60)
    assert plain(bytes(data)) is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_no_prefix_of_a_file_is_an_error(kind: str) -> None:
    data = saved(picture("P" if kind == "GIF" else "RGB"), kind)
    assert [plain_file(data[:length], kind) for length in range(len(data) - 2)] == [None] * (len(data) - 2)


@pytest.mark.parametrize("kind", ["jpg", "png"])
def test_real_files_keep_their_pixels(data: Path, kind: str) -> None:
    files = sorted(data.glob(f"[fo]*/*.{kind}"))
    assert files
    passed = 0
    for file in files:
        content = file.read_bytes()
        found = plain(content)
        if found is not None:
            passed += 1
            assert pixels(found.stripped) == pixels(content), file.name
            with Image.open(BytesIO(found.stripped)) as image:
                assert not image.getexif(), file.name
    assert passed
