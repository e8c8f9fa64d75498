"""The rows of a page's lines, and how large their print is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from vlm_core.types import Box, Origin, TextLine

# Of a line's height, from which on two lines that do not overlap across stand on one row.
_SHARED = 0.5
_TOP_TALL, _TOP_LOW, _BELOW = 0.72, 0.48, 0.21
"""How far letters reach from the baseline, in sizes of the font: tall ones, low ones, and down."""
_LOW = frozenset("acemnorsuvwxzαεικνοπστυωвгеикмнопстчшъьэяаж-–—~=+·.:")
_DOWN = frozenset("gjpqyQ,;()[]{}|@$§çįøµβγζημξρςφχψдруфцщ/_")


def around(boxes: Iterable[Box]) -> Box:
    """The box around others.

    Example:
        >>> around([(0.1, 0.1, 0.2, 0.2), (0.15, 0.0, 0.3, 0.1)])
        (0.1, 0.0, 0.3, 0.2)
    """
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


@dataclass(frozen=True)
class Row:
    """Lines beside each other, in their order."""

    numbers: tuple[int, ...]
    """Of the lines among the page's."""
    lines: tuple[TextLine, ...]
    origin: Origin

    @cached_property
    def text(self) -> str:
        return "  ".join(line.text for line in self.lines)

    @cached_property
    def bbox(self) -> Box:
        return around(line.bbox for line in self.lines)

    @cached_property
    def is_bold(self) -> bool:
        return all(line.is_bold for line in self.lines)

    @cached_property
    def heading_level(self) -> int | None:
        """Of the heading that the file says it is part of."""
        return self.lines[0].heading_level

    def without(self, taken: set[int]) -> Row | None:
        """The row without some lines, by their numbers; None where none is left."""
        if taken.isdisjoint(self.numbers):
            return self
        kept = [(n, line) for n, line in zip(self.numbers, self.lines, strict=True) if n not in taken]
        numbers, lines = tuple(n for n, _ in kept), tuple(line for _, line in kept)
        return Row(numbers, lines, self.origin) if kept else None

    @property
    def height(self) -> float:
        return self.bbox[3] - self.bbox[1]

    @cached_property
    def size(self) -> float:
        """Of its print, in heights of the page."""
        return median(print_size(line, self.origin) for line in self.lines)


def rows_of(lines: Sequence[TextLine], origin: Origin) -> list[list[Row]]:
    """The rows of each of the page's blocks of lines, in order.

    Example:
        >>> tea = TextLine(text="Tea", bbox=(0, 0, 0.3, 0.1))
        >>> price = TextLine(text="2.00", bbox=(0.5, 0, 0.7, 0.1))
        >>> [[row.text for row in block] for block in rows_of([tea, price], "ocr")]
        [['Tea  2.00']]
    """
    blocks: list[list[list[int]]] = []
    for number, line in enumerate(lines):
        last = lines[number - 1] if number else None
        if last is None or last.block != line.block:
            blocks.append([[number]])
        elif _same_row(last, line):
            blocks[-1][-1].append(number)
        else:
            blocks[-1].append([number])
    return [
        [Row(tuple(row), tuple(lines[number] for number in row), origin) for row in block] for block in blocks
    ]


def _same_row(last: TextLine, line: TextLine) -> bool:
    if last.row is not None and line.row is not None:
        return last.row == line.row
    shared = min(last.bbox[3], line.bbox[3]) - max(last.bbox[1], line.bbox[1])
    heights = (last.bbox[3] - last.bbox[1], line.bbox[3] - line.bbox[1])
    return line.bbox[0] >= last.bbox[2] and shared >= _SHARED * min(heights)


def print_size(line: TextLine, origin: Origin) -> float:
    """How large a line's print is, in heights of the page.

    A PDF gives boxes as tall as the letters in them: a line of low letters may be as large as one of
    capitals. What is found in pixels has a margin, and its height says enough.

    Example:
        >>> low = TextLine(text="neon", bbox=(0, 0, 1, 0.048))
        >>> tall = TextLine(text="Tall", bbox=(0, 0, 1, 0.072))
        >>> round(print_size(low, "pdf"), 3), round(print_size(tall, "pdf"), 3)
        (0.1, 0.1)
    """
    height = line.bbox[3] - line.bbox[1]
    if origin != "pdf":
        return height
    letters = {letter for letter in line.text if not letter.isspace()}
    top = _TOP_LOW if letters <= (_LOW | _DOWN - frozenset("()[]{}|/@$§Q")) else _TOP_TALL
    below = _BELOW if letters & _DOWN else 0.0
    return height / (top + below)


def body_size(rows: Iterable[Row]) -> float:
    """The size in which most characters are printed; 0 where there are none."""
    weighed = sorted((row.size, len(row.text)) for row in rows)
    half = sum(weight for _, weight in weighed) / 2
    for size, weight in weighed:
        half -= weight
        if half <= 0:
            return size
    return 0.0
