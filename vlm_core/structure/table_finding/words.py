"""The words of a page on a plane where lines are level and both axes have one unit."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from itertools import pairwise
from operator import attrgetter
from statistics import median
from typing import NamedTuple

from vlm_core.types import Box, TextLine


class PlacedWord(NamedTuple):
    """A word, its box, and the number of its line."""

    text: str
    x0: float
    y0: float
    x1: float
    y1: float
    line: int

    @property
    def middle_x(self) -> float:
        """Halfway between its sides."""
        return (self.x0 + self.x1) / 2

    @property
    def middle_y(self) -> float:
        """Halfway between its top and its bottom."""
        return (self.y0 + self.y1) / 2

    @property
    def height(self) -> float:
        """From its top to its bottom."""
        return self.y1 - self.y0


class Plane(NamedTuple):
    """From fractions of a page to a plane in pixels on which its lines are level, and back."""

    width: float
    height: float
    slope: float = 0.0

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A point of the page on the plane."""
        x, y = x * self.width, y * self.height
        return x + self.slope * y, y - self.slope * x

    def box(self, box: Box) -> Box:
        """A box of the page on the plane, as high as its line is where the page is askew."""
        middle_x, middle_y = self.point((box[0] + box[2]) / 2, (box[1] + box[3]) / 2)
        wide, high = (box[2] - box[0]) * self.width, (box[3] - box[1]) * self.height
        high = max(high - abs(self.slope) * wide, 0.3 * high)
        return middle_x - wide / 2, middle_y - high / 2, middle_x + wide / 2, middle_y + high / 2

    def fractions(self, box: Box) -> Box:
        """A box of the plane as fractions of the page."""
        corners = [self._back(x, y) for x in (box[0], box[2]) for y in (box[1], box[3])]
        xs, ys = zip(*corners, strict=True)
        x0, y0, x1, y1 = (min(1.0, max(0.0, side)) for side in (min(xs), min(ys), max(xs), max(ys)))
        return x0, y0, x1, y1

    def _back(self, x: float, y: float) -> tuple[float, float]:
        scale = 1 + self.slope**2
        return (x - self.slope * y) / scale / self.width, (y + self.slope * x) / scale / self.height


def words_of(lines: Sequence[TextLine], plane: Plane) -> list[PlacedWord]:
    """The words of lines on the plane; those of one line are equally high.

    A line without words counts as one.

    Args:
        lines: of the page.
        plane: where its lines are level.
    """
    found: list[PlacedWord] = []
    for number, line in enumerate(lines):
        words = line.words or ((line.text, line.bbox),)
        boxes = [plane.box(box) for _, box in words]
        top, bottom = min(box[1] for box in boxes), max(box[3] for box in boxes)
        found += (
            PlacedWord(text, box[0], top, box[2], bottom, number)
            for (text, _), box in zip(words, boxes, strict=True)
            if text
        )
    return found


class ByLevel:
    """Words to be looked up by how far down they stand.

    Args:
        words: in any order.
    """

    def __init__(self, words: Iterable[PlacedWord]) -> None:
        self.words = sorted(words, key=lambda word: word.middle_y)
        self._levels = [word.middle_y for word in self.words]

    def between(self, top: float, bottom: float) -> list[PlacedWord]:
        """The words whose middles are between two heights."""
        return self.words[bisect_left(self._levels, top) : bisect_right(self._levels, bottom)]


def usual_height(words: Iterable[PlacedWord]) -> float:
    """The median of the words' heights; 0 where there are none."""
    heights = [word.height for word in words]
    return median(heights) if heights else 0.0


def around(words: Iterable[PlacedWord]) -> Box:
    """The smallest box that holds some words, at least one."""
    _, x0, y0, x1, y1, _ = zip(*words, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def text_rows(words: Sequence[PlacedWord], height: float) -> list[list[PlacedWord]]:
    """Words on one level, from left to right; rows from the top.

    Args:
        words: in any order.
        height: the usual one.
    """
    rows: list[list[PlacedWord]] = []
    total = level = 0.0
    placed = sorted(((word.y0 + word.y1) / 2, number) for number, word in enumerate(words))
    for middle, number in placed:
        word = words[number]
        reach = 0.5 * max(min(word.y1 - word.y0, height), 0.6 * height)
        if not rows or middle - level > reach:
            rows.append([])
            total = 0.0
        rows[-1].append(word)
        total += middle
        level = total / len(rows[-1])
    return [sorted(row, key=attrgetter("x0")) for row in rows]


def segments(
    row: Sequence[PlacedWord], gap: float, separators: Sequence[float] = ()
) -> list[list[PlacedWord]]:
    """A row parted where there is much white between two words, or a separator.

    Args:
        row: from left to right.
        gap: how much white parts it.
        separators: where ruling lines run down, from left to right.
    """
    parts = [[row[0]]]
    for word, following in pairwise(row):
        after = bisect_right(separators, word.middle_x)
        is_cut = after < len(separators) and separators[after] < following.middle_x
        if is_cut or following.x0 - word.x1 > gap:
            parts.append([])
        parts[-1].append(following)
    return parts
