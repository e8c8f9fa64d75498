"""What a file's first bytes tell before anything is decoded: its format, its frames, its size.

Suffixes and declared types are never trusted, and no decoder is loaded here.
Layouts are those of TIFF 6.0 and BigTIFF, GIF89a, and RFC 9649 (WebP).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import chain

from vlm_core.errors import UnsupportedImageError

__all__ = [
    "SUFFIXES",
    "after_blocks",
    "gif_layout",
    "is_bare",
    "palette_bytes",
    "refusal",
    "sniff",
    "tiff_frames",
    "webp_size",
]

SUFFIXES = frozenset(
    {".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".dib"}
    | {".ppm", ".pgm", ".pbm", ".pnm", ".avif", ".heic", ".heif", ".hif", ".pdf"}
)
"""File suffixes of the formats that are read, in lower case."""

# Bytes looked at, in which the header of a PDF may stand anywhere (PDF Reference 1.7, appendix H).
_HEAD = 1024
# Bytes at a file's beginning, and as many at its end, that tell what a file is that is not read.
_LOOKED_AT = 64 * _HEAD

_SIGNATURES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff",
    "WEBP": rb"RIFF....WEBP",
    "GIF": rb"GIF8[79]a",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    # The length of the header that follows is one of seven, so that a text beginning with BM is none.
    "BMP": rb"BM.{12}[\x0c\x10(48@l|]\0\0\0",
    "PPM": rb"P[1-6]\s+[#\d]",
    # The brand may be one of the compatible ones, where the major brand names only the container.
    "AVIF": rb"....ftyp(?:....){0,16}?avi[fs]",
    "HEIF": rb"....ftyp(?:....){0,16}?(?:he[iv][cxms]|m[is]f1)",
    "PDF": rb".*?%PDF-",
}

_CONVERT = "Save it as a PDF or a picture first."
_RESAVE = "Open it in a picture editor and save it as PNG."
_EXPORT = "Open it in {} and export it as PDF."
_MAIL = rb"(?:Return-Path|Received|From|To|Cc|Subject|Date|Message-ID|MIME-Version|Delivered-To|X-[\w-]+)"
# What was matched once is not tried in another way (?>, *+): a stranger's file could make that take for ever.
_MARK = rb"(?:\xef\xbb\xbf)?\s*+"
_XML = rb"(?>\s++|<\?xml.*?\?>|<!--.*?-->)*+"
_DOCTYPE = rb"(?:<!DOCTYPE\s++svg\b[^>\[]*+(?:\[[^\]]*+\]\s*+)?+>)?+"
_TEXT = (
    rb"(?:[\t\n\f\r -~]|[\xc2-\xf4][\x80-\xbf]{1,3})*+[\xc2-\xf4]?+[\x80-\xbf]{0,3}+\Z"  # UTF-8, perhaps cut
)

_REFUSED = (
    ("a scalable drawing (SVG)", _RESAVE, _MARK + _XML + _DOCTYPE + _XML + rb"<svg"),
    (
        "a web page (HTML)",
        "If it was downloaded, the server sent a page instead of the file: check the URL.",
        _MARK + _XML + rb"<(?:!DOCTYPE html|html|head|body)\b",
    ),
    ("an XML file", _CONVERT, _MARK + rb"<\?xml\b"),
    ("a PostScript file (EPS)", _CONVERT, rb"%!PS|\xc5\xd0\xd3\xc6"),
    ("an icon (ICO)", _RESAVE, rb"\0\0[\x01\x02]\0"),
    ("a Photoshop file (PSD)", _RESAVE, rb"8BPS"),
    ("a JPEG 2000 picture", _RESAVE, rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
    ("a JPEG XL picture", _RESAVE, rb"\0\0\0\x0cJXL |\xff\x0a"),
    ("a DjVu document", _CONVERT, rb"AT&TFORM"),
    ("a Word document", _CONVERT, rb"PK\x03\x04.*word/document"),
    ("an Excel workbook", _CONVERT, rb"PK\x03\x04.*xl/workbook"),
    ("a PowerPoint presentation", _CONVERT, rb"PK\x03\x04.*ppt/presentation"),
    ("an OpenDocument file", _CONVERT, rb"PK\x03\x04.*application/vnd\.oasis\.opendocument"),
    (
        "an e-book (EPUB)",
        "Its text needs no OCR: load it with a reader of e-books. For its pages, convert it to PDF, "
        "for example with Calibre: ebook-convert book.epub book.pdf",
        rb"PK\x03\x04.*(?:application/epub|META-INF/container\.xml)",
    ),
    (
        "an XPS document",
        _EXPORT.format("an XPS viewer"),
        rb"PK\x03\x04.*(?:FixedDocSeq|FixedDocumentSequence)\.fdseq",
    ),
    (
        "a document of Apple Pages, Numbers or Keynote",
        _EXPORT.format("that program"),
        rb"PK\x03\x04.*(?:Index/\w+\.iwa|buildVersionHistory\.plist|index\.apxl|Index\.zip)",
    ),
    ("a ZIP archive", "Unpack it and give the folder.", rb"PK\x03\x04|PK\x05\x06"),
    ("another archive", "Unpack it and give the folder.", rb"\x1f\x8b|7z\xbc\xaf|Rar!|BZh|\xfd7zXZ"),
    ("an old Office document (such as .doc or .xls)", _CONVERT, rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
    ("a rich text file (RTF)", _CONVERT, rb"\{\\rtf"),
    ("a video", "Give single pictures of it.", rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI "),
    ("a Git LFS pointer", "Fetch the file itself with: git lfs pull", rb"version https://git-lfs"),
    (
        "a mail (.eml)",
        "Save its attachments and give those; print the mail itself to a PDF.",
        rb"(?:From [^\n]*\n)?" + _MAIL + rb":[^\n]*\n(?:[ \t][^\n]*\n)*" + _MAIL + rb":",
    ),
    ("plain text", "Text needs no reading: load it as it is.", _MARK + _TEXT),
)


def _compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(pattern, re.DOTALL | re.IGNORECASE if b"<" in pattern else re.DOTALL)


_FORMATS = {name: _compiled(pattern) for name, pattern in _SIGNATURES.items()}
_KNOWN_REFUSED = [(name, hint, _compiled(pattern)) for name, hint, pattern in _REFUSED]


def sniff(data: bytes) -> str | None:
    """The format of a file by its first bytes.

    Args:
        data: the file, or at least its first 1024 bytes.

    Returns:
        PNG, JPEG, WEBP, GIF, TIFF, BMP, PPM, AVIF, HEIF or PDF; None for anything else.

    Example:
        >>> sniff(b"GIF89a..."), sniff(b"<html>")
        ('GIF', None)
    """
    head = data[:_HEAD]
    return next((name for name, pattern in _FORMATS.items() if pattern.match(head)), None)


def refusal(data: bytes, name: str) -> UnsupportedImageError:
    """The error for a file that is not a picture, saying what it is where that can be told.

    Args:
        data: the whole file.
        name: what to call it in the message.

    Example:
        >>> refusal(b"<!doctype html><title>Sign in</title>", "scan.png").message
        'scan.png is a web page (HTML), not a picture'
    """
    if not data:
        return UnsupportedImageError(f"{name} is empty", hint="Get the file again: it holds no bytes.")
    # A ZIP archive names its files once more at its end.
    looked_at = data if len(data) <= 2 * _LOOKED_AT else data[:_LOOKED_AT] + data[-_LOOKED_AT:]
    for kind, hint, pattern in _KNOWN_REFUSED:
        if pattern.match(looked_at):
            why = "which is not supported" if hint == _RESAVE else "not a picture"
            return UnsupportedImageError(f"{name} is {kind}, {why}", hint=hint)
    return UnsupportedImageError(f"{name} is in no known format; it begins with {data[:8].hex(' ')}")


def is_bare(data: bytes, kind: str) -> bool:
    """Whether a PNG, JPEG or WebP of 8 bits a channel ends where its format says, with nothing behind.

    Phones append films to photographs, and a PNG may hold 16 bits where the decoded picture has 8.

    Example:
        >>> is_bare(b"\\xff\\xd8\\xff...\\xff\\xd9", "JPEG"), is_bare(b"\\xff\\xd8\\xff..mp4", "JPEG")
        (True, False)
    """
    if kind == "WEBP":
        return int.from_bytes(data[4:8], "little") + 8 == len(data)
    if kind == "PNG":
        return data[24:25] == b"\x08" and data.endswith(b"IEND\xaeB`\x82")
    return kind == "JPEG" and data.endswith(b"\xff\xd9")


def tiff_frames(data: bytes) -> int:
    """How many frames the directories of a TIFF chain together.

    A link that leads nowhere counts, so that the frame behind it is missed and not forgotten.

    Example:
        >>> tiff_frames(b"II*\\0\\x08\\0\\0\\0" + b"\\0\\0" + b"\\0\\0\\0\\0")
        1
    """
    return sum(1 for _ in _tiff_directories(data))


def tiff_value_sizes(data: bytes) -> Iterator[list[int]]:
    """Of each directory of a TIFF, how many bytes the values of its tags have that stand elsewhere.

    Example:
        >>> entry = struct.pack("<HHII", 273, 4, 100, 0)
        >>> list(tiff_value_sizes(b"II*\\0\\x08\\0\\0\\0" + b"\\1\\0" + entry + bytes(4)))
        [[400]]
    """
    order, _, count, entry, link = _tiff_layout(data)
    for start, entries in _tiff_directories(data):
        first = start + struct.calcsize(order + count)
        places = range(first, min(first + entries * entry, len(data) - entry + 1), entry)
        values = (struct.unpack_from(f"{order}HH{link}", data, place) for place in places)
        sizes = (_TIFF_BYTES.get(kind, 0) * number for _, kind, number in values)
        yield [size for size in sizes if size > struct.calcsize(order + link)]


# Of a value of each kind.
_TIFF_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}


def _tiff_layout(data: bytes) -> tuple[str, int, str, int, str]:
    """The order of bytes, where the first link stands, and what counts, entries and links are like."""
    order = "<" if data[:2] == b"II" else ">"
    return (order, 8, "Q", 20, "Q") if b"+" in data[2:4] else (order, 4, "H", 12, "I")


def _tiff_directories(data: bytes) -> Iterator[tuple[int, int]]:
    """Where each directory begins, and how many entries it says it has: 0 where it lies beyond the end."""
    order, first, count, entry, link = _tiff_layout(data)
    seen: set[int] = set()
    try:
        (offset,) = struct.unpack_from(order + link, data, first)
        while offset and offset not in seen:
            seen.add(offset)
            start, entries = offset, 0
            try:
                (entries,) = struct.unpack_from(order + count, data, offset)
            finally:
                yield start, entries
            offset += struct.calcsize(order + count) + entries * entry
            (offset,) = struct.unpack_from(order + link, data, offset)
    except (struct.error, OverflowError):
        return


def gif_layout(data: bytes) -> tuple[int, int, int]:
    """How many frames a GIF has, and the width and height that hold all of them.

    A frame may reach beyond the screen that the header declares. A file cut short counts what it
    still begins.

    Example:
        >>> gif_layout(b"GIF89a" + b"\\x02\\0\\x03\\0\\0\\0\\0" + b";")
        (0, 2, 3)
    """
    screen = struct.unpack_from("<HH", data.ljust(10, b"\0"), 6)
    boxes = list(_gif_boxes(data))
    width = max(chain([screen[0]], (left + width for left, _, width, _ in boxes)))
    height = max(chain([screen[1]], (top + height for _, top, _, height in boxes)))
    return len(boxes), width, height


def _gif_boxes(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Left, top, width and height of each frame, in pixels."""
    position = 13 + palette_bytes(data[10:11])
    while (mark := data[position : position + 1]) in (b"!", b","):
        if mark == b"!":
            position = after_blocks(data, position + 2)
            continue
        descriptor = data[position + 1 : position + 10]
        if len(descriptor) < 9:
            return
        yield struct.unpack_from("<HHHH", descriptor)
        position = after_blocks(data, position + 11 + palette_bytes(descriptor[8:]))


def palette_bytes(flags: bytes) -> int:
    """How long the palette is that a GIF's flags announce; 0 where there is none."""
    return 3 << (flags[0] & 7) + 1 if flags and flags[0] & 0x80 else 0


def after_blocks(data: bytes, position: int) -> int:
    """Where the blocks that begin here end: each says its length in a byte, the last one says 0."""
    while position < len(data) and data[position]:
        position += data[position] + 1
    return position + 1


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP in pixels, from its header; None where that is damaged.

    Example:
        >>> webp_size(b"RIFF....WEBPVP8X" + bytes(8) + b"\\x01\\0\\0" + b"\\x02\\0\\0")
        (2, 3)
    """
    chunk, body = data[12:16], data[20:30].ljust(10, b"\0")
    if chunk == b"VP8X":
        return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return width & 0x3FFF, height & 0x3FFF
    return None
