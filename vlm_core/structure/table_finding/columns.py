"""Where the columns of a table part: at ruling lines, and at stripes of white."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import groupby
from math import inf
from typing import NamedTuple, TypeAlias

from vlm_core.structure.table_finding.rules import Rule, Rules, places
from vlm_core.structure.table_finding.words import PlacedWord, segments
from vlm_core.types import Box

Row: TypeAlias = list[PlacedWord]

WORD_GAP = 0.9
"""Times the height: words further apart are in different cells."""
# Times the height: words nearer than this are never parted by a stripe;
_LOOSE_GAP = 0.45
# and in all but so many of the rows the words there are further apart than those of one cell.
_JOINED = 0.25
# Rows on which such a column must have text.
_USED = 2
# Times the height: lines so near to each other are one.
_NEAR = 0.5
# The share of a table's height along which a line parts its columns.
_STRONG = 0.35
# Times the height: the narrowest stripe.
_NARROW = 0.25
_FEW_ROWS, _CROSSED = 6, 0.12
"""From so many rows on, the share of them that may run across a stripe, as headings do."""
# Times the height: a stripe nearer to a line is the white beside it.
_APART = 1.0
# Times the height: a column without text that is narrower is the white between two lines.
_NARROWEST = 1.5
_FEWEST, _MOSTLY = 4, 0.6
"""Rows that a stripe parts between two lines, and their share of those that have text there."""


class Separator(NamedTuple):
    """Where two columns part, and whether a line is drawn there."""

    x: float
    is_ruled: bool


def separators(rows: Sequence[Row], rules: Rules, box: Box, height: float) -> list[Separator]:
    """Where the columns of a table part, from the left.

    Args:
        rows: of text.
        rules: of the table.
        box: of the table.
        height: of its usual line.
    """
    ruled = _ruled(rules.down, box, height)
    stripes = _stripes(rows, rules.down, height)
    added: list[float] = []
    for start, end in stripes:
        beside = [x for x in ruled if start - _APART * height <= x <= end + _APART * height]
        middle = (start + end) / 2
        if not beside and (len(ruled) < 2 or _parts_most(rows, middle, ruled, box)):
            added.append(middle)
    found = sorted([Separator(x, True) for x in ruled] + [Separator(x, False) for x in added])
    return _without_narrow(found, rows, box, height)


def _ruled(down: Sequence[Rule], box: Box, height: float) -> list[float]:
    x0, y0, x1, y1 = box
    found = []
    for x in places(down, _NEAR * height):
        runs = sum(rule.covers(y0, y1) for rule in down if abs(rule.at - x) <= _NEAR * height)
        if runs > _STRONG * (y1 - y0) and x0 + _NEAR * height < x < x1 - _NEAR * height:
            found.append(x)
    return found


def _without_narrow(
    found: Sequence[Separator], rows: Sequence[Row], box: Box, height: float
) -> list[Separator]:
    """Separators of which no two have a narrow column without text between them, as double lines do."""
    middles = sorted(word.middle_x for row in rows for word in row)

    def is_white(left: float, right: float) -> bool:
        return right - left < _NARROWEST * height and bisect_left(middles, left) == bisect_left(
            middles, right
        )

    kept: list[Separator] = []
    left = box[0]
    for separator in found:
        if not is_white(left, separator.x):
            kept.append(separator)
        elif kept:
            is_ruled = kept[-1].is_ruled or separator.is_ruled
            kept[-1] = Separator((left + separator.x) / 2, is_ruled)
        left = separator.x
    if kept and is_white(left, box[2]):
        kept.pop()
    return kept


def row_segments(row: Row, down: Sequence[Rule], height: float, gap: float = WORD_GAP) -> list[Row]:
    """The parts of a row of text that stand apart, or on two sides of a line."""
    level = sum(word.middle_y for word in row) / len(row)
    lines = [rule.at for rule in down if rule.start <= level <= rule.end]
    return segments(row, gap * height, lines)


def _stripes(rows: Sequence[Row], down: Sequence[Rule], height: float) -> list[tuple[float, float]]:
    """White that runs down the table between two columns, from where to where."""
    strict = [row_segments(row, down, height) for row in rows]
    several = [number for number, parts in enumerate(strict) if len(parts) >= 2] or range(len(rows))
    most = 0 if len(several) < _FEW_ROWS else max(1, int(_CROSSED * len(several)))
    loose = [row_segments(rows[number], down, height, _LOOSE_GAP) for number in several]
    edges = sorted(edge for parts in loose for part in parts for edge in ((part[0].x0, 1), (part[-1].x1, -1)))
    found: list[tuple[float, float]] = []
    for start, end in _white(edges, most):
        middle = (start + end) / 2
        joined = sum(_is_across(strict[number], middle) for number in several)
        is_column = joined <= most or (joined <= _JOINED * len(several) and _is_used(rows, found, middle))
        if end - start >= _NARROW * height and is_column:
            found.append((start, end))
    return found


def _is_used(rows: Sequence[Row], found: Sequence[tuple[float, float]], x: float) -> bool:
    """Whether a column that ends at a place has text on more rows than its heading's."""
    left = found[-1][1] if found else -inf
    return sum(any(left <= word.x0 and word.x1 <= x for word in row) for row in rows) >= _USED


def _is_across(parts: Sequence[Row], x: float) -> bool:
    """Whether a part of a row runs over a place."""
    return any(part[0].x0 < x < part[-1].x1 for part in parts)


def _white(edges: Sequence[tuple[float, int]], most: int) -> Iterator[tuple[float, float]]:
    """From where to where so few parts run across, between parts on both sides.

    Args:
        edges: of the parts, from the left: where one begins (1) and where one ends (-1).
        most: parts that may run across.
    """
    across, start = 0, None
    for x, changes in groupby(edges, key=lambda edge: edge[0]):
        across += sum(change for _, change in changes)
        if across > most and start is not None:
            yield start, x
            start = None
        elif across <= most and start is None:
            start = x


def _parts_most(rows: Sequence[Row], x: float, ruled: Sequence[float], box: Box) -> bool:
    """Whether a stripe between two lines parts most of the rows that have text there."""
    bounds = [box[0], *ruled, box[2]]
    place = bisect_right(bounds, x)
    low, high = bounds[place - 1], bounds[min(place, len(bounds) - 1)]
    sides = [
        (
            any(low <= word.middle_x < x for word in row),
            any(x <= word.middle_x < high for word in row),
        )
        for row in rows
    ]
    used = sum(left or right for left, right in sides)
    return used >= _FEWEST and sum(left and right for left, right in sides) > _MOSTLY * used
