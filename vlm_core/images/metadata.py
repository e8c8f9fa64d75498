"""Files that may go out with their pixels as they are: their size, and their bytes without metadata.

No pixel is decoded and no decoder loaded. A file is only found fit to pass if a reader that knows
nothing of turns, transparency or frames shows it rightly. Layouts are those of ITU T.81 and JFIF
(JPEG), PNG third edition, RFC 9649 (WebP) and GIF89a.
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from vlm_core.images.sniff import after_blocks, palette_bytes, webp_size

Part = tuple[bytes, int, int]
"""What a piece of a file is called, where it begins and where the next one does."""


@dataclass(frozen=True)
class PlainFile:
    """A complete, upright, opaque picture of one frame with at most 8 bits a channel.

    Example:
        >>> dot = b"GIF87a" + b"\\1\\0\\1\\0\\0\\0\\0" + b",\\0\\0\\0\\0\\1\\0\\1\\0\\0\\2\\0;"
        >>> plain_file(dot, "GIF")
        PlainFile(format='gif', width=1, height=1)
    """

    format: str
    width: int
    height: int
    stripped: bytes = field(repr=False)
    """The file without its metadata; the very same object where it has none."""


def plain_file(data: bytes, kind: str) -> PlainFile | None:
    """Look through a file's structure and cut its metadata out.

    What tells a reader how to show the colours stays: ICC profiles, JFIF and Adobe marks, PNG's gamma.

    Args:
        data: the file.
        kind: its format, as `sniff` names it.

    Returns:
        None where the file must be decoded: it is turned, see-through, animated, deep, damaged,
        or in another format than JPEG, PNG, WebP and GIF.

    Example:
        >>> plain_file(b"\\xff\\xd8\\xff", "JPEG") is None
        True
    """
    reader = _READERS.get(kind)
    try:
        found = reader(data) if reader else None
    except (struct.error, IndexError):  # cut short
        return None
    return found if found and found.width and found.height else None


def _joined(data: bytes, cuts: list[tuple[int, int]]) -> bytes:
    """The file without the stretches from a to b; itself where they are empty."""
    cuts = [(start, end) for start, end in cuts if start < end]
    if not cuts:
        return data
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(data)]
    return b"".join(data[start:end] for start, end in zip(starts, ends, strict=True))


# --- turns ---------------------------------------------------------------------------------------

_ORIENTATION, _SHORT, _LONG = 274, 3, 4
# By degrees clockwise that set a picture upright.
_TO_ORIENTATION = {90: 6, 180: 3, 270: 8}
_XMP_TURN = re.compile(rb"""tiff:Orientation(?:\s*=\s*["']|>)\s*[2-8]""")


def _is_turned(exif: bytes) -> bool:
    """Whether the first directory of an EXIF block says that the picture does not stand upright."""
    tiff = exif.removeprefix(b"Exif\0\0")
    order = "<" if tiff[:2] == b"II" else ">"
    try:
        (offset,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, offset)
        for entry in range(offset + 2, offset + 2 + 12 * entries, 12):
            tag, size = struct.unpack_from(order + "HH", tiff, entry)
            if tag == _ORIENTATION:
                (value,) = struct.unpack_from(order + ("I" if size == _LONG else "H"), tiff, entry + 8)
                return value in range(2, 9)
    except struct.error:
        pass
    return False


def with_turn(jpeg: bytes, degrees: int) -> bytes:
    """A JPEG without metadata that says how it is to be turned, clockwise; itself where it is not.

    Example:
        >>> _is_turned(with_turn(b"\\xff\\xd8\\xff\\xd9", 90)[6:])
        True
    """
    if degrees % 360 == 0:
        return jpeg
    entry = struct.pack(">HHIHH", _ORIENTATION, _SHORT, 1, _TO_ORIENTATION[degrees % 360], 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    return jpeg[:2] + _APP1 + struct.pack(">H", 2 + len(exif)) + exif + jpeg[2:]


# --- JPEG ----------------------------------------------------------------------------------------

_MARKER = re.compile(rb"\xff[^\0\x01\xd0-\xd7\xff]")
_END = b"\xff\xd9"
_PROGRESSIVE = b"\xff\xc2"
_FRAMES = {b"\xff\xc0", b"\xff\xc1", _PROGRESSIVE}  # baseline, extended
_SCAN = b"\xff\xda"
_OTHER_FRAMES = {
    b"\xff%c" % byte for byte in (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0))
}
_NOTES = {b"\xff%c" % byte for byte in (*range(0xE0, 0xF0), 0xFE)}
_SHOWN = re.compile(rb"\xff\xe0..JFIF\0|\xff\xe2..ICC_PROFILE\0|\xff\xee..Adobe", re.DOTALL)
_SHOWN_IN_PDF = re.compile(rb"\xff\xe0..JFIF\0|\xff\xee..Adobe", re.DOTALL)
_APP1 = b"\xff\xe1"


@dataclass(frozen=True)
class EmbeddedJPEG:
    """A JPEG from within another file, without its metadata."""

    width: int
    height: int
    channels: int
    stripped: bytes = field(repr=False)


def embedded_jpeg(data: bytes) -> EmbeddedJPEG | None:
    """A JPEG stream of a PDF: what it says of turns and profiles counts for nothing there, and is cut out.

    Returns:
        None where it is damaged, or in a layout that not every reader knows.

    Example:
        >>> embedded_jpeg(b"\\xff\\xd8\\xff") is None
        True
    """
    try:
        found = _jpeg_layout(data, is_embedded=True)
    except (struct.error, IndexError):  # cut short
        return None
    if found is None or not all(found[:2]) or not data.startswith(b"\xff\xd8"):
        return None
    width, height, channels, cuts = found
    return EmbeddedJPEG(width, height, channels, _joined(data, cuts))


def _jpeg(data: bytes) -> PlainFile | None:
    found = _jpeg_layout(data, is_embedded=False)
    return PlainFile("jpeg", *found[:2], _joined(data, found[3])) if found else None


def _jpeg_layout(data: bytes, *, is_embedded: bool) -> tuple[int, int, int, list[tuple[int, int]]] | None:
    """Width, height and channels, and the stretches that are metadata."""
    frame: tuple[int, int, int] | None = None
    is_progressive = False
    cuts: list[tuple[int, int]] = []
    shown = _SHOWN_IN_PDF if is_embedded else _SHOWN
    for marker, start, end in _segments(data):
        if marker == _END:
            cuts.append((end, len(data)))  # previews, films and the like
            return (*frame, cuts) if frame else None
        if marker in _FRAMES:
            depth, height, width, channels = struct.unpack_from(">BHHB", data, start + 4)
            frame = (width, height, channels) if depth == 8 and channels in (1, 3) else None
            is_progressive = marker == _PROGRESSIVE
        elif marker == _SCAN and frame and is_embedded and not (cuts or is_progressive):
            if data[start + 4] == frame[2] and data.endswith(_END):
                return (
                    *frame,
                    cuts,
                )  # all that follows is pixels: who notes nothing in front does not behind
        elif marker in _OTHER_FRAMES or (
            marker == _APP1 and not is_embedded and _turns(data[start + 4 : end])
        ):
            return None
        elif marker in _NOTES and not shown.match(data, start):
            cuts.append((start, end))
    return None


def _segments(data: bytes) -> Iterator[Part]:
    """Each segment; what was compressed stands between two of them, and holds no marker."""
    position = 2
    while found := _MARKER.search(data, position):
        start = found.start()
        if found[0] == _END:
            yield _END, start, start + 2
            return
        (length,) = struct.unpack_from(">H", data, start + 2)
        position = start + 2 + length
        yield found[0], start, position


def _turns(app1: bytes) -> bool:
    return _is_turned(app1) if app1.startswith(b"Exif\0") else bool(_XMP_TURN.search(app1))


# --- PNG -----------------------------------------------------------------------------------------

_CRITICAL = {b"IHDR", b"PLTE", b"IDAT", b"IEND"}
_COLOURS = {b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"cICP"}
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
_TURNED_TEXT = re.compile(rb"Raw profile type exif\0|" + _XMP_TURN.pattern)
_GREY, _RGB, _PALETTE = 0, 2, 3


def _png(data: bytes) -> PlainFile | None:
    parts = list(_chunks(data))
    names = {name for name, _, _ in parts}
    if not parts or parts[-1][0] != b"IEND" or b"IDAT" not in names or b"tRNS" in names:
        return None
    if any(name not in _CRITICAL and name[:1].isupper() for name in names):
        return None
    if any(
        _png_turns(name, data[start + 8 : end - 4]) for name, start, end in parts if name not in _CRITICAL
    ):
        return None
    width, height, depth, colours = struct.unpack_from(">IIBB", data, 16)
    if depth > 8 or colours not in (_GREY, _RGB, _PALETTE):
        return None
    cuts = [(start, end) for name, start, end in parts if name not in _CRITICAL | _COLOURS]
    return PlainFile("png", width, height, _joined(data, [*cuts, (parts[-1][2], len(data))]))


def _chunks(data: bytes) -> Iterator[Part]:
    """Each chunk up to the last one, or to the first that is damaged."""
    view = memoryview(data)
    position = 8
    while position + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        if zlib.crc32(view[position + 4 : end - 4]).to_bytes(4, "big") != data[end - 4 : end]:
            return
        yield name, position, end
        if name == b"IEND":
            return
        position = end


def _png_turns(name: bytes, content: bytes) -> bool:
    if name == b"eXIf":
        return _is_turned(content)
    return name in _TEXTS and bool(_TURNED_TEXT.search(content))


# --- WebP ----------------------------------------------------------------------------------------

_ANIMATED, _ALPHA, _PROFILE = 0x02, 0x10, 0x20
_PIXELS = {b"VP8 ", b"VP8L"}


def _webp(data: bytes) -> PlainFile | None:
    stop = int.from_bytes(data[4:8], "little") + 8
    size = webp_size(data)
    parts = list(_riff(data[:stop]))
    if size is None or stop > len(data) or not parts or parts[-1][2] != stop:
        return None
    if sum(name in _PIXELS for name, _, _ in parts) != 1 or any(_is_special(data, part) for part in parts):
        return None
    kept = [part for part in parts if part[0] in {b"VP8X", b"ICCP"} | _PIXELS]
    if len(kept) == len(parts) and stop == len(data):
        return PlainFile("webp", *size, data)
    body = b"WEBP" + b"".join(_without_flags(data[start:end]) for _, start, end in kept)
    return PlainFile("webp", *size, b"RIFF" + len(body).to_bytes(4, "little") + body)


def _riff(data: bytes) -> Iterator[Part]:
    position = 12
    while position + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, position)
        end = position + 8 + length + length % 2
        yield name, position, end
        position = end


def _is_special(data: bytes, part: Part) -> bool:
    """Whether a chunk says that the picture is see-through, animated or turned."""
    name, start, end = part
    if name == b"VP8X":
        return bool(data[start + 8] & (_ALPHA | _ANIMATED))
    if name == b"VP8L":
        return bool(data[start + 12] & _ALPHA)  # by chance the same bit
    if name == b"EXIF":
        return _is_turned(data[start + 8 : end])
    return name in (b"ALPH", b"ANIM") or (name == b"XMP " and bool(_XMP_TURN.search(data, start, end)))


def _without_flags(chunk: bytes) -> bytes:
    """The chunk; if it is the header, it no longer announces what has been cut."""
    if not chunk.startswith(b"VP8X"):
        return chunk
    return chunk[:8] + bytes([chunk[8] & _PROFILE]) + chunk[9:]


# --- GIF -----------------------------------------------------------------------------------------


_EXTENSION, _FRAME, _TRAILER = b"!,;"
_GRAPHIC_CONTROL = 0xF9


def _gif(data: bytes) -> PlainFile | None:
    width, height = struct.unpack_from("<HH", data, 6)
    parts = list(_blocks(data))
    frames = [start for mark, start, _ in parts if mark == _FRAME]
    extensions = [(start, end) for mark, start, end in parts if mark == _EXTENSION]
    if parts[-1][0] != _TRAILER or len(frames) != 1 or any(_has_clear_colour(data, *e) for e in extensions):
        return None
    if struct.unpack_from("<HHHH", data, frames[0] + 1) != (0, 0, width, height):
        return None
    return PlainFile("gif", width, height, _joined(data, [*extensions, (parts[-1][2], len(data))]))


def _has_clear_colour(data: bytes, start: int, end: int) -> bool:
    return data[start + 1] == _GRAPHIC_CONTROL and bool(data[start + 3] & 1)


def _blocks(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Extensions, frames and the end, each told by its first byte."""
    position = 13 + palette_bytes(data[10:11])
    while (mark := data[position]) in (_EXTENSION, _FRAME):
        blocks = 2 if mark == _EXTENSION else 11 + palette_bytes(data[position + 9 : position + 10])
        end = after_blocks(data, position + blocks)
        yield mark, position, end
        position = end
    yield mark, position, position + 1


_READERS: dict[str, Callable[[bytes], PlainFile | None]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
}
