"""The one picture that a scanned PDF page is, as it is stored: whether pdfium knows of nothing else on it,
and whether the file says that it is shown as it is."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import IO, Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .metadata import EmbeddedJPEG, embedded_jpeg
from .pdf_layout import MAX_PIXELS, Box, View

LEAST_SIDE = 700
"""Pixels of the shorter side; a picture with fewer is drawn, and so enlarged."""
_A3 = 850  # points, the shorter side
# Share of the page's side by which a picture's edge may miss the page's: sizes in points are rounded.
_SLACK = 1 / 1500
# By how much pixels may be longer one way than the other.
_STRETCH = 0.01


def covers(matrix: Sequence[float], box: Box) -> bool:
    """Whether a picture stands upright on a page and ends where the page does.

    Args:
        matrix: a, b, c, d, e and f, which place the picture's unit square.
        box: the page's, in points.

    Example:
        >>> covers((595, 0, 0, 842, 0, 0), (0, 0, 595.2, 842.2))
        True
        >>> covers((595, 0, 0, -842, 0, 842), (0, 0, 595, 842))  # upside down
        False
    """
    a, b, c, d, e, f = matrix
    if b or c or a <= 0 or d <= 0:
        return False
    slacks = ((box[2] - box[0]) * _SLACK, (box[3] - box[1]) * _SLACK) * 2
    edges = zip((e, f, e + a, f + d), box, slacks, strict=True)
    return all(abs(edge - wanted) <= slack for edge, wanted, slack in edges)


def is_worth_passing(pixels: tuple[int, int], points: tuple[float, float]) -> bool:
    """Whether a picture of so many pixels is as good as the page drawn.

    Args:
        pixels: width and height.
        points: of the place that it fills.

    Example:
        >>> is_worth_passing((1654, 2339), (595, 842)), is_worth_passing((204, 400), (595, 842))
        (True, False)
    """
    across, down = pixels[0] / points[0], pixels[1] / points[1]
    is_square = abs(across - down) <= _STRETCH * across
    return is_square and min(pixels) >= LEAST_SIDE and pixels[0] * pixels[1] <= MAX_PIXELS


def scan_dpi(width: int, points: tuple[float, float]) -> float | None:
    """Pixels per inch of a scan; None where its page is larger than A3, so that its points mean nothing.

    Args:
        width: in pixels.
        points: width and height of the page.

    Example:
        >>> scan_dpi(1654, (595.44, 842.04)), scan_dpi(1654, (1654, 2339))
        (200.0, None)
    """
    return round(72 * width / points[0], 3) if min(points) <= _A3 else None


# --- what stands in front of a stream ---------------------------------------------------------------

_BLOCK = 1 << 16
_BEFORE, _AFTER = 4096, 2048
"""Bytes around a stream's beginning: of its dictionary at most, and of its data to tell it by."""
_START = re.compile(rb"stream\r?\n(?=\xff\xd8\xff)")
_LENGTH = re.compile(rb"/Length\s+(\d+)(?!\s+\d+\s+R)")
_END = re.compile(rb"\s*endstream")
_NAMES = re.compile(rb"/([^\s/<>\[\](){}%]*)")
_COLOUR = re.compile(rb"/ColorSpace\s*/Device(Gray|RGB)\b")
_WITHOUT_EFFECT = re.compile(rb"/Name\s*/[^\s/<>\[\](){}%]*|/DecodeParms\s*\[?\s*null\s*\]?")
_PLAIN = frozenset(
    b"Type XObject Subtype Image Width Height BitsPerComponent ColorSpace DeviceGray DeviceRGB Filter "
    b"DCTDecode Length Interpolate Intent Perceptual Saturation RelativeColorimetric AbsoluteColorimetric "
    b"Metadata StructParent ID".split()
)


class PlainStreams:
    """Tells which JPEG streams of a PDF are shown as they are: without mask, decode array and the like.

    pdfium does not tell of these, so the dictionaries are looked up in the file itself. What is not
    found there, as in an encrypted file, is taken for one that is not plain.

    Args:
        open_file: opens the PDF, which is read through when the first stream is asked about.

    Example:
        >>> from io import BytesIO
        >>> jpeg = b"\\xff\\xd8\\xff\\xd9"
        >>> for entry in (b"/ColorSpace/DeviceRGB/Filter/DCTDecode", b"/SMask 2 0 R"):
        ...     file = BytesIO(b"1 0 obj <<" + entry + b">> stream\\n" + jpeg + b"\\nendstream")
        ...     print(PlainStreams(lambda: file).channels(jpeg))
        3
        None
    """

    def __init__(self, open_file: Callable[[], IO[bytes]]) -> None:
        self._open_file = open_file

    def channels(self, stream: bytes) -> int | None:
        """A stream's channels: 1 or 3; 0 where its dictionary refers to them; None if it is not plain."""
        return self._found.get(_head(stream))

    @cached_property
    def _found(self) -> dict[bytes, int | None]:
        found: dict[bytes, int | None] = {}
        with suppress(OSError), self._open_file() as file:
            for dictionary, head in _streams(file):
                channels = _channels(dictionary)
                # Several may begin alike, or an old one may have been left in the file: all must be plain.
                found[head] = channels if found.get(head, channels) == channels else None
        return found


def _streams(file: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """The dictionary and the first bytes of each JPEG stream."""
    position = 0
    while block := _bytes_at(file, position, _BLOCK):
        found = _START.search(block)
        if found is None:
            position += max(_BLOCK - _BEFORE, 1)  # the next dictionary may have begun
            continue
        before = block[max(0, found.start() - _BEFORE) : found.start()]
        dictionary = before[before.rfind(b" obj") + 4 :].strip()
        position += found.end()
        yield dictionary, _head(_bytes_at(file, position, _AFTER))
        position = _end_of(file, position, dictionary)


def _end_of(file: IO[bytes], start: int, dictionary: bytes) -> int:
    """Where a stream ends, if its dictionary tells the truth of it, else just behind its first byte."""
    length = _LENGTH.search(dictionary)
    end = start + int(length[1]) if length else start
    return end if end > start and _END.match(_bytes_at(file, end, 16)) else start + 1


def _bytes_at(file: IO[bytes], position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _head(stream: bytes) -> bytes:
    return stream[:_AFTER].partition(b"endstream")[0].rstrip(b"\r\n")


def _channels(dictionary: bytes) -> int | None:
    """As `PlainStreams.channels` says."""
    if not _is_plain(dictionary):
        return None
    colour = _COLOUR.search(dictionary)
    is_one = dictionary.count(b"/ColorSpace") == 1  # of several, a viewer takes the last
    return {b"Gray": 1, b"RGB": 3}[colour[1]] if colour and is_one else 0


def _is_plain(dictionary: bytes) -> bool:
    if not (dictionary.startswith(b"<<") and dictionary.endswith(b">>")):
        return False
    names = _NAMES.findall(_WITHOUT_EFFECT.sub(b"", dictionary))
    return b"(" not in dictionary and b"%" not in dictionary and _PLAIN.issuperset(names)


_CHANNELS = {c.FPDF_COLORSPACE_DEVICEGRAY: 1, c.FPDF_COLORSPACE_DEVICERGB: 3}
_DEPTH = 10  # of forms within forms that are looked into
_MARK_BYTES = 64
# For a picture's stream, where it fits: to make one anew takes as long as to have it filled.
_buffer = (ctypes.c_ubyte * (1 << 20))()


class StoredScan(NamedTuple):
    """A page that is one JPEG."""

    jpeg: EmbeddedJPEG
    turn: int
    """Degrees clockwise by which the page shows it turned."""
    size: int
    """Bytes of the stream with its metadata."""


def stored_scan(page: pdfium.PdfPage, view: View, plain: PlainStreams) -> StoredScan | None:
    """The JPEG that a page consists of; None where anything else shows, or it is not shown as it is.

    Invisible text, as OCR programs add it, does not show, nor does what the picture covers.

    Args:
        page: without annotations.
        view: of the page.
        plain: the streams that no mask and no decode array changes.
    """
    image = _topmost_picture(page)
    if image is None:
        return None
    matrix = image.get_matrix()
    if not covers(matrix.get(), view.box) or _is_changed(image):
        return None
    if not _is_dct(image):
        return None
    stream = _stream_of(image)
    jpeg = embedded_jpeg(stream)
    if jpeg is None or not is_worth_passing((jpeg.width, jpeg.height), (matrix.a, matrix.d)):
        return None
    channels = plain.channels(stream)
    if channels is None or not _is_told_alike(image, jpeg, channels):
        return None
    return StoredScan(jpeg, view.turn, len(stream))


def _is_told_alike(image: pdfium.PdfImage, jpeg: EmbeddedJPEG, channels: int) -> bool:
    """Whether the PDF says the same of a picture's size and colours as the JPEG itself.

    Args:
        image: the picture.
        jpeg: its stream.
        channels: of its colour space; 0 where its dictionary does not say, and pdfium must be asked.
    """
    width, height = ctypes.c_uint(), ctypes.c_uint()
    c.FPDFImageObj_GetImagePixelSize(image, width, height)
    # To ask for the colour space takes as long as to load the page.
    channels = channels or _CHANNELS.get(image.get_metadata().colorspace, 0)
    return (width.value, height.value, channels) == (jpeg.width, jpeg.height, jpeg.channels)


def _is_dct(image: pdfium.PdfImage) -> bool:
    if c.FPDFImageObj_GetImageFilterCount(image) != 1:
        return False
    name = ctypes.create_string_buffer(16)
    c.FPDFImageObj_GetImageFilter(image, 0, name, len(name))
    return name.value == b"DCTDecode"


def _stream_of(image: pdfium.PdfImage) -> bytes:
    length = c.FPDFImageObj_GetImageDataRaw(image, None, 0)
    if length > len(_buffer):
        return bytes(image.get_data())
    c.FPDFImageObj_GetImageDataRaw(image, _buffer, length)
    return ctypes.string_at(_buffer, length)


def _topmost_picture(page: pdfium.PdfPage) -> pdfium.PdfImage | None:
    """The picture that is drawn last, where nothing that shows is drawn over it."""
    for index in reversed(range(c.FPDFPage_CountObjects(page))):
        thing = c.FPDFPage_GetObject(page, index)
        if not _is_unseen(thing):
            is_picture = c.FPDFPageObj_GetType(thing) == c.FPDF_PAGEOBJ_IMAGE
            return pdfium.PdfObject(thing, page=page, pdf=page.pdf) if is_picture else None
    return None


def _is_unseen(thing: object, depth: int = 0) -> bool:
    """Whether an object is invisible text, or a form that holds nothing else."""
    kind = c.FPDFPageObj_GetType(thing)
    if kind == c.FPDF_PAGEOBJ_TEXT:
        return bool(c.FPDFTextObj_GetTextRenderMode(thing) == c.FPDF_TEXTRENDERMODE_INVISIBLE)
    if kind != c.FPDF_PAGEOBJ_FORM or depth == _DEPTH:
        return False
    inner: Callable[[Any, int], Any] = c.FPDFFormObj_GetObject
    return all(_is_unseen(inner(thing, i), depth + 1) for i in range(c.FPDFFormObj_CountObjects(thing)))


def _is_changed(image: pdfium.PdfImage) -> bool:
    """Whether a clip, a blend or an optional layer decides what is seen of a picture."""
    clip = c.FPDFPageObj_GetClipPath(image)
    is_clipped = bool(clip) and c.FPDFClipPath_CountPaths(clip) >= 0  # 0 where letters clip it, -1 for none
    marks = (c.FPDFPageObj_GetMark(image, i) for i in range(c.FPDFPageObj_CountMarks(image)))
    return is_clipped or bool(c.FPDFPageObj_HasTransparency(image)) or any(map(_is_layer, marks))


def _is_layer(mark: object) -> bool:
    name, length = (ctypes.c_ushort * _MARK_BYTES)(), ctypes.c_ulong()
    if not c.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length):
        return True
    return bytes(name)[: length.value].decode("utf-16-le", "replace").rstrip("\0") == "OC"
