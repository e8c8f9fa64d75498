"""What stands on either side of a gap, and whether the two sides are columns."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from enum import Enum
from functools import cached_property
from itertools import pairwise
from math import inf

from .rows import Cut, Row, Stretch

FEWEST_ROWS = 4
"""Rows of a column."""
_PROSE_FILL = 0.5
# What makes a column prose: lines that fill this much of its width each, and this share of all its
# characters in them.
_MOSTLY_PROSE = 0.6
_FEWEST_LINES, _MOSTLY_LINES = 2, 0.6
"""Of the rest of a column, between a headline and a figure: lines, and their share of its rows."""
# The share of lines with nothing beside them from which prose is of a single column.
_MOSTLY_ALONE = 0.75
# Of its column's width: a line that ends nearer to its right edge is full, and
_FULL = 0.1
# so many of its lines are where one goes on in the next; the cells of a table end anywhere.
_MOSTLY_FULL = 0.4
# Lines of prose from which something beside them may be told from the rest of their rows.
_LINES_BESIDE = 6
# Times the usual height: the width of a gutter beside a single column of prose.
_GUTTER = 0.6
LEVEL = 0.22
"""Times the usual height: rows this far apart are level, and"""
# this share of them makes two sides one table.
_MOSTLY_LEVEL = 0.75
_FEWEST_SWITCHES = 4
# Times the rows: a PDF that changes sides so often while it draws them draws row by row.
_ROW_BY_ROW = 0.25


class Side:
    """What stands on one side of a gap, as rows.

    Args:
        rows: from the top.
    """

    def __init__(self, rows: Sequence[Stretch]) -> None:
        self.rows = rows
        self.left = min((row.left for row in rows), default=0.0)
        self.right = max((row.right for row in rows), default=0.0)
        self._filled = _PROSE_FILL * (self.right - self.left)

    def is_line(self, row: Stretch) -> bool:
        """Whether a row is a line of prose, or holds those of further columns."""
        return row.printed > -inf and row.printed >= self._filled

    @cached_property
    def levels(self) -> Levels:
        """Of the rows."""
        return Levels([row.level for row in self.rows])

    @cached_property
    def line_levels(self) -> Levels:
        """Of those that are lines."""
        return Levels([row.level for row in self._lines])

    @cached_property
    def is_prose(self) -> bool:
        """Whether there are lines, and most characters are in them."""
        if len(self._lines) < FEWEST_ROWS:
            return False
        characters = sum(row.characters for row in self.rows)
        return sum(row.characters for row in self._lines) >= _MOSTLY_PROSE * characters

    @cached_property
    def is_all_lines(self) -> bool:
        """Whether it may be the rest of a column that is one elsewhere on the page."""
        return len(self.rows) >= _FEWEST_LINES and len(self._lines) >= _MOSTLY_LINES * len(self.rows)

    @cached_property
    def is_full(self) -> bool:
        """Whether its lines go on in the next, rather than end anywhere."""
        return sum(map(self._is_full_row, self._lines)) >= _MOSTLY_FULL * len(self._lines)

    @cached_property
    def is_one_column(self) -> bool:
        """Whether it is prose with nothing beside most of its lines."""
        if not self.is_prose or not self.is_full:
            return False
        alone = sum(row.longest >= self._filled for row in self._lines)
        return alone >= _MOSTLY_ALONE * len(self._lines)

    def continues(self, number: int) -> bool:
        """Whether a row goes on with a sentence, as far as the line before it shows by being full."""
        before = self.rows[number - 1] if number else None
        return before is not None and self.is_line(before) and self._is_full_row(before)

    @cached_property
    def _lines(self) -> list[Stretch]:
        return [row for row in self.rows if self.is_line(row)]

    def _is_full_row(self, row: Stretch) -> bool:
        return row.right >= self.right - _FULL * (self.right - self.left)


class Levels:
    """Where rows stand, to be searched.

    Args:
        levels: in the order of the rows, which are not always quite in that of their levels.

    Example:
        >>> levels = Levels([10, 30, 52])
        >>> levels.nearest(29), levels.any_between(31, 50)
        (1, False)
    """

    def __init__(self, levels: Sequence[float]) -> None:
        self.in_order = levels
        self._numbers = sorted(range(len(levels)), key=lambda number: levels[number])
        self._sorted = [levels[number] for number in self._numbers]

    def nearest(self, level: float) -> int:
        """The number of the row that stands nearest; of two, the first."""
        after = bisect_left(self._sorted, level)
        places = [after] if after < len(self._sorted) else []
        if after:
            places.append(bisect_left(self._sorted, self._sorted[after - 1]))
        numbers = [self._numbers[place] for place in places]
        return min(numbers, key=lambda number: (abs(self.in_order[number] - level), number))

    def off(self, level: float) -> float:
        """How far the nearest row is."""
        return abs(self.in_order[self.nearest(level)] - level)

    def any_between(self, top: float, bottom: float) -> bool:
        """Whether a row stands there, both included."""
        place = bisect_left(self._sorted, top)
        return place < len(self._sorted) and self._sorted[place] <= bottom


class Band:
    """Rows between two that run across a gutter.

    Args:
        rows: from the top.
        x: where the gutter is.
        is_open: for columns.
    """

    def __init__(self, rows: Sequence[Row], x: float, is_open: bool = True) -> None:
        self.rows = rows
        self.x = x
        self.is_open = is_open

    @cached_property
    def cuts(self) -> list[Cut]:
        """The rows, parted at the gutter."""
        return [row.cut(self.x) for row in self.rows]

    @cached_property
    def left(self) -> Side:
        """What stands left of the gutter."""
        return Side([cut.left for cut in self.cuts if cut.left])

    @cached_property
    def right(self) -> Side:
        """What stands right of it."""
        return Side([cut.right for cut in self.cuts if cut.right])

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both."""
        return self.left, self.right

    @cached_property
    def fewest(self) -> int:
        """Rows of the side that has fewer."""
        left = sum(row.first_right <= self.x for row in self.rows)
        return min(left, sum(row.last_left >= self.x for row in self.rows))

    @cached_property
    def drawing(self) -> Drawing | None:
        """How a PDF draws the sides; None where this is not a PDF."""
        draws = []
        for row in self.rows:
            if row.draws is None:
                return None
            draws += row.draws
        sides = [side for draw in sorted(draws) for side in draw.sides(self.x)]
        switches = sum(before != after for before, after in pairwise(sides))
        if switches >= max(_FEWEST_SWITCHES, _ROW_BY_ROW * self.fewest):
            return Drawing.IN_LINES if switches >= self.fewest else Drawing.IN_CELLS
        return Drawing.IN_COLUMNS if switches == 1 else Drawing.IN_PARTS


class Drawing(Enum):
    """How a PDF draws two sides of a gap."""

    IN_COLUMNS = "one side after the other"
    IN_PARTS = "changing sides a few times"
    IN_CELLS = "changing sides every few lines, as in a table with cells of some lines"
    IN_LINES = "changing sides at every line, from the top down: columns of prose are drawn so as well"


_WITHOUT_ROWS = (Drawing.IN_COLUMNS, Drawing.IN_PARTS)
_BY_ROWS = (Drawing.IN_CELLS, Drawing.IN_LINES)


def divides(band: Band, height: float) -> bool:
    """Whether the two sides of a band are columns, to be read one after the other.

    Args:
        band: beside a gutter.
        height: of the page's lines, as most are.
    """
    left, right = band.sides
    if band.fewest < FEWEST_ROWS:
        return False
    if left.is_prose and right.is_prose:
        if left.is_full and right.is_full:
            return band.drawing is not Drawing.IN_CELLS
        return band.drawing in _WITHOUT_ROWS or (band.drawing is None and not _are_level(band, height))
    if right.left - left.right < _GUTTER * height or band.drawing in _BY_ROWS:
        return False
    if _runs_beside(left, right, height) or _runs_beside(right, left, height):
        return True
    return band.drawing is Drawing.IN_COLUMNS and not (_are_level(band, height) and _are_single(band))


def _are_single(band: Band) -> bool:
    """Whether most rows hold one piece on each side, as labels and their values do."""
    return all(sum(row.pieces == 1 for row in side.rows) > 0.5 * len(side.rows) for side in band.sides)


def _are_level(band: Band, height: float) -> bool:
    """Whether most rows of the side that has fewer are level with one of the other's."""
    few, many = sorted(band.sides, key=lambda side: len(side.rows))
    level = sum(many.levels.off(row.level) <= LEVEL * height for row in few.rows)
    return level >= _MOSTLY_LEVEL * len(few.rows)


def _runs_beside(prose: Side, other: Side, height: float) -> bool:
    """Whether what stands beside a column of prose goes its own way.

    The cells of a table's row stand level with the line that begins the row's text. A side bar
    takes no heed of the lines beside it.
    """
    if not prose.is_one_column or len(prose.line_levels.in_order) < _LINES_BESIDE:
        return False
    first, *_, last = prose.line_levels.in_order
    beside = [row.level for row in other.rows if first - height <= row.level <= last + height]
    if len(beside) < FEWEST_ROWS:
        return False
    nearest = [prose.levels.nearest(level) for level in beside]
    level = [prose.levels.off(level) <= LEVEL * height for level in beside]
    begins = [flat and not prose.continues(n) for n, flat in zip(nearest, level, strict=True)]
    one_for_one = sum(level) >= _MOSTLY_LEVEL * (nearest[-1] - nearest[0] + 1)
    return sum(level if one_for_one else begins) < _MOSTLY_LEVEL * len(beside)
