"""What makes a PDF page a scan that can be passed on as it is stored. No pdfium here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from typing import IO

from .pdf_layout import MAX_PIXELS, Box

LEAST_SIDE = 700
"""Pixels of the shorter side; a picture with fewer is drawn, and so enlarged."""
_A3 = 850  # points, the shorter side
_SLACK = 1 / 1500
"""Share of the page's side by which a picture's edge may miss the page's: sizes in points are rounded."""
_STRETCH = 0.01
"""By how much pixels may be longer one way than the other."""


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
