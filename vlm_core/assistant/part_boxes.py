"""The box of a part of a line, of which only the whole is known."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate

from vlm_core.types import Box, TextLine, rounded

SAME_HEIGHT = 0.5
"""The share of the lower one's height by which two boxes on a row overlap, where rows are not known."""


def boxes_of(lines: Sequence[TextLine], parts: Mapping[int, tuple[int, int]]) -> tuple[Box, ...]:
    """The boxes of parts of lines, those on one row as one.

    Args:
        lines: of a page.
        parts: by the number of a line, its first letter and the one behind its last.

    Example:
        >>> lines = [TextLine(text="ab", bbox=(0, 0, 0.2, 0.1)), TextLine(text="cd", bbox=(0.4, 0, 0.6, 0.1))]
        >>> boxes_of(lines, {0: (0, 2), 1: (0, 1)})
        ((0.0, 0.0, 0.5, 0.1),)
    """
    boxes: list[Box] = []
    above: TextLine | None = None
    for number, (first, last) in parts.items():
        line = lines[number]
        box = part_box(line, first, last)
        if above is not None and _on_one_row(above, line):
            boxes[-1] = _union(boxes[-1], box)
        else:
            boxes.append(box)
        above = line
    return tuple(map(rounded, boxes))


def part_box(line: TextLine, first: int, last: int) -> Box:
    """The box of some letters of a line, by their share of it: tills and typewriters give each the same.

    Example:
        >>> part_box(TextLine(text="aaaa", bbox=(0, 0, 1, 1)), 0, 2)
        (0.0, 0.0, 0.5, 1.0)
    """
    x0, y0, x1, y1 = line.bbox
    edges = _edges(line.text)
    whole = edges[-1] or 1.0
    start, end = (edges[min(place, len(line.text))] / whole for place in (first, last))
    return x0 + (x1 - x0) * start, y0, x0 + (x1 - x0) * end, y1


@lru_cache(maxsize=64)
def _edges(text: str) -> tuple[float, ...]:
    """How wide a line is up to each of its letters; kept, for many places may be looked up in a long line."""
    return tuple(accumulate(map(_width, text), initial=0.0))


def _width(char: str) -> float:
    return 2.0 if unicodedata.east_asian_width(char) in "WF" else 1.0


def _on_one_row(a: TextLine, b: TextLine) -> bool:
    if a.row is not None and b.row is not None:
        return a.row == b.row
    overlap = min(a.bbox[3], b.bbox[3]) - max(a.bbox[1], b.bbox[1])
    return overlap > SAME_HEIGHT * min(a.bbox[3] - a.bbox[1], b.bbox[3] - b.bbox[1])


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])
