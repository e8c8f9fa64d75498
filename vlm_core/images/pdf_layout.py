"""Where things are on a PDF page as it is shown, and how many pixels it is drawn with. No pdfium here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, TypeAlias

Box: TypeAlias = tuple[float, float, float, float]
"""Left, bottom, right and top in a PDF's points, or left, top, right and bottom as fractions of the page."""

MAX_PIXELS = 40_000_000
_DPI = 200
_ROUNDED = 0.1  # pixels
_MIN_SCAN_DPI = 150
_SCAN_SIDE = (700, 2800)  # pixels of the short side of a scan, as of A4 at 85 and at 340 dpi
_BACKDROP_SIDE = 400  # pixels; a picture too coarse to cover the page's short side with these holds no text

_GRID = 100  # cells along each side of a page when the covered ones are counted
_MAX_MERGED = 1000  # of the largest pictures
_TOUCHING = 0.002  # share of the page's side


class Picture(NamedTuple):
    """A picture on a page: its box in points and its resolution in pixels a point."""

    box: Box
    resolution: float


class View(NamedTuple):
    """The visible part of a page in points, and how far it is turned clockwise to be shown."""

    box: Box
    turn: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height in points, as shown."""
        left, bottom, right, top = self.box
        width, height = right - left, top - bottom
        return (height, width) if self.turn in (90, 270) else (width, height)

    def fractions(self, box: Box) -> Box:
        """A box in the page's points as fractions of what is shown, y downwards, cut at its edges.

        Example:
            >>> View((0, 0, 100, 200), turn=90).fractions((0, 0, 10, 20))
            (0.0, 0.0, 0.1, 0.1)
        """
        (x0, y0), (x1, y1) = self._shown(*box[:2]), self._shown(*box[2:])
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)

    def _shown(self, x: float, y: float) -> tuple[float, float]:
        left, bottom, right, top = self.box
        u, v = (x - left) / (right - left), (top - y) / (top - bottom)
        u, v = {0: (u, v), 90: (1 - v, u), 180: (1 - u, 1 - v), 270: (v, 1 - u)}[self.turn]
        return round(min(1.0, max(0.0, u)), 5), round(min(1.0, max(0.0, v)), 5)


def pixel_size(
    size: tuple[float, float], scan: float | None = None, max_side: int | None = None
) -> tuple[int, int]:
    """How many pixels to draw a page with: 200 dpi, or what a scan's own pixels deserve.

    The size of a scanned page in points is arbitrary, so there the short side is kept legible
    and bounded whatever the points say. No page gets more than `MAX_PIXELS`.

    Args:
        size: width and height in points.
        scan: pixels a point of the picture, where the page is one.
        max_side: pixels of the longer side at most.

    Example:
        >>> pixel_size((612, 792))
        (1700, 2200)
        >>> pixel_size((100, 130), scan=25.5)
        (2550, 3315)
        >>> pixel_size((595, 842), max_side=1288)
        (910, 1288)
    """
    width, height = size
    wanted = _DPI / 72 if scan is None else _scan_scale(min(size), scan)
    most = MAX_PIXELS if max_side is None else max_side
    scale = min(wanted, math.sqrt(MAX_PIXELS / (width * height)), most / max(size))
    # A picture must not lose a pixel, and be drawn blurred, for what its points have lost in rounding.
    rounded = _ROUNDED if scan is not None and scale == wanted else 0.0
    return max(1, int(width * scale + rounded)), max(1, int(height * scale + rounded))


def _scan_scale(side: float, resolution: float) -> float:
    low, high = (pixels / side for pixels in _SCAN_SIDE)
    return min(max(resolution, _MIN_SCAN_DPI / 72, low), high)


def is_legible(picture: Picture, view: View) -> bool:
    """Whether a picture is fine enough to hold text, which a stretched backdrop is not."""
    return picture.resolution * min(view.size) >= _BACKDROP_SIDE


def coverage(boxes: Iterable[Box]) -> float:
    """The share of a page under at least one of some boxes, given as fractions.

    Example:
        >>> coverage([(0, 0, 0.5, 1), (0, 0, 0.7, 0.5)])
        0.6
    """
    rows = [0] * _GRID
    for x0, y0, x1, y1 in boxes:
        columns = (1 << round(x1 * _GRID)) - (1 << round(x0 * _GRID))
        for row in range(round(y0 * _GRID), round(y1 * _GRID)):
            rows[row] |= columns
    return sum(row.bit_count() for row in rows) / _GRID**2


def merged(boxes: Sequence[Box]) -> list[Box]:
    """Boxes that touch become one, for many a picture is stored in strips.

    Example:
        >>> merged([(0, 0, 1, 0.1), (0, 0.1, 1, 0.2), (0, 0.5, 1, 0.6)])
        [(0, 0, 1, 0.2), (0, 0.5, 1, 0.6)]
    """
    groups: list[Box] = []
    for box in sorted(boxes, key=area, reverse=True)[:_MAX_MERGED]:
        touching = [group for group in groups if _touch(group, box)]
        groups = [group for group in groups if group not in touching]
        groups.append(around([box, *touching]))
    return sorted(groups, key=lambda box: (box[1], box[0]))


def area(box: Box) -> float:
    """Width times height of a box."""
    return (box[2] - box[0]) * (box[3] - box[1])


def _touch(a: Box, b: Box) -> bool:
    return all(a[i] <= b[i + 2] + _TOUCHING and b[i] <= a[i + 2] + _TOUCHING for i in (0, 1))


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds some boxes, at least one."""
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)
