"""A file that is whole, but of a kind that is not read, is not called damaged."""

from __future__ import annotations

import io
import struct
import zipfile
from pathlib import Path

import pytest

from vlm_core.errors import CorruptImageError, UnsupportedImageError
from vlm_core.images.decode import open_document, pages

_SIZE = {"H": 2, "I": 4}


def tiff(
    bits: list[int], colours: int, *, order: str = "<", big: bool = False, tags: dict[int, int] | None = None
) -> bytes:
    """A TIFF of eight by four pixels in one strip; `tags` are further ones, of one number each."""
    strip = bytes(8 * 4 * sum(bits) // 8)
    numbers = {256: [8], 257: [4], 258: bits, 259: [1], 262: [colours], 273: [0], 277: [len(bits)]}
    numbers |= {278: [4], 279: [len(strip)]} | {tag: [value] for tag, value in (tags or {}).items()}
    count, link, inline, start = ("Q", "Q", 8, 16) if big else ("H", "I", 4, 8)
    after = start + struct.calcsize(order + count) + len(numbers) * (12 + 2 * (inline - 4)) + inline
    entries, outside = b"", b""
    for tag, values in sorted(numbers.items()):
        kind = "H" if tag == 258 else "I"
        if tag == 273:
            values = [after + (2 * len(bits) if 2 * len(bits) > inline else 0)]
        packed = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(packed) > inline:
            packed, outside = struct.pack(order + link, after + len(outside)), outside + packed
        entries += struct.pack(f"{order}HH{link}", tag, {"H": 3, "I": 4}[kind], len(values))
        entries += packed.ljust(inline, b"\0")
    head = struct.pack(order + "HHHQ", 43, 8, 0, 16) if big else struct.pack(order + "HI", 42, 8)
    directory = struct.pack(order + count, len(numbers)) + entries + bytes(inline)
    return {"<": b"II", ">": b"MM"}[order] + head + directory + outside + strip


def jpeg(marker: int, bits: int) -> bytes:
    frame = bytes([0xFF, marker, 0, 11, bits, 0, 1, 0, 1, 1, 1, 0x11, 0])
    return b"\xff\xd8" + frame + b"\xff\xda\0\x08\1\1\0\0\x3f\0\0\xff\xd9"


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for name in names:
            written.writestr(name, name)
    return file.getvalue()


WHOLE = {
    "10 bits grey": tiff([10], 1),
    "12 bits grey": tiff([12], 1, order=">"),
    "14 bits grey": tiff([14], 1),
    "64 bits floating point grey": tiff([64], 1, tags={339: 3}),
    "16 bits floating point grey": tiff([16], 1, tags={339: 3}),
    "16 bits colour map": tiff([16], 3),
    "3 × 16 bits CIELab": tiff([16] * 3, 8),
    "3 × 12 bits RGB": tiff([12] * 3, 2),
    "8 bits grey, big-endian BigTIFF": tiff([8], 1, order=">", big=True),
    "8 bits grey, tiles stored as strips": tiff([8], 1, tags={322: 5, 323: 5}),
    "8 bits grey, compressed with JPEG 2000": tiff([8], 1, tags={259: 34712}),
    "JPEG of 12 bits a sample": jpeg(0xC1, 12),
    "lossless JPEG": jpeg(0xC3, 8),
}


@pytest.mark.parametrize("layout", WHOLE)
def test_a_whole_picture_of_a_layout_that_pillow_lacks_is_unsupported(layout: str) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        list(pages(WHOLE[layout], source="scan"))
    assert f"({layout})" in caught.value.message
    assert "magick" in caught.value.hint


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("layout", WHOLE)
def test_the_same_picture_cut_short_is_damaged(layout: str) -> None:
    with pytest.raises(CorruptImageError):
        list(pages(WHOLE[layout][:-5]))


@pytest.mark.parametrize(
    "name", ["TwelveMonkeys__depth_flower-minisblack-12.tif", "TwelveMonkeys__tiff_cramps-tile.tif"]
)
def test_a_real_tiff_that_pillow_cannot_decode_is_unsupported(data: Path, name: str) -> None:
    with pytest.raises(UnsupportedImageError, match="TIFF of a layout"):
        list(pages((data / "wild" / name).read_bytes()))


MAIL = b"Received: from a.example\r\n\tby b.example\r\nSubject: invoice\r\nFrom: a@example.com\r\n\r\nHello"


@pytest.mark.parametrize(
    ("file", "said", "hint"),
    [
        pytest.param(MAIL, "a mail (.eml)", "Save its attachments", id="mail"),
        pytest.param(archive("mimetype", "META-INF/container.xml"), "an e-book (EPUB)", "Calibre", id="EPUB"),
        pytest.param(archive("Documents/1.fdoc", "FixedDocSeq.fdseq"), "XPS", "export it as PDF", id="XPS"),
        pytest.param(archive("preview.jpg", "Index/Document.iwa"), "Apple Pages", "as PDF", id="Pages"),
        pytest.param(
            archive(*(f"customXml/{n}" for n in range(2000)), "word/document.xml"),
            "a Word document",
            "PDF",
            id="a Word document whose name stands late",
        ),
        pytest.param(
            b"\0\0\0\x0cjP  \r\n", "a JPEG 2000 picture, which is not supported", "PNG", id="JPEG 2000"
        ),
        pytest.param(b"Dear Sir: hello\nFrom: nowhere", "plain text", "as it is", id="a letter"),
    ],
)
def test_a_file_of_another_kind_gets_the_sentence_that_helps(file: bytes, said: str, hint: str) -> None:
    with pytest.raises(UnsupportedImageError) as caught:
        open_document(file, source="file")
    assert said in caught.value.message
    assert hint in caught.value.hint
