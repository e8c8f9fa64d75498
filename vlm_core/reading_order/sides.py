"""What stands on either side of a gap, and whether the two sides are columns."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from functools import cached_property
from itertools import pairwise
from statistics import fmean

from .pieces import Piece

FEWEST_ROWS = 4
"""Rows of a column."""
_PROSE_CHARACTERS = 15
_PROSE_FILL = 0.5
_MOSTLY_PROSE = 0.6
"""What makes a column prose: lines of so many characters, this much of its width filled by each, and
this share of all its characters in them."""
_FEWEST_LINES, _MOSTLY_LINES = 2, 0.6
"""Of the rest of a column, between a headline and a figure: lines, and their share of its rows."""
_MOSTLY_ALONE = 0.75
"""The share of lines with nothing beside them from which prose is of a single column."""
_JUSTIFIED = 1.5
"""Times the height: words of a justified line may stand so far apart."""
_FULL = 0.1
"""Of its column's width: a line that ends nearer to its right edge is full, and"""
_MOSTLY_FULL = 0.4
"""so many of its lines are where one goes on in the next; the cells of a table end anywhere."""
_LINES_BESIDE = 6
"""Lines of prose from which something beside them may be told from the rest of their rows."""
_GUTTER = 0.6
"""Times the usual height: the width of a gutter beside a single column of prose."""
LEVEL = 0.22
"""Times the usual height: rows this far apart are level, and"""
_MOSTLY_LEVEL = 0.75
"""this share of them makes two sides one table."""
_FEWEST_SWITCHES = 4
_ROW_BY_ROW = 0.25
"""Times the rows: a PDF that changes sides so often while it draws them draws row by row."""


class Side:
    """What stands on one side of a gap, as rows.

    Args:
        rows: from the top.
    """

    def __init__(self, rows: Sequence[Sequence[Piece]]) -> None:
        self.rows = rows

    # A page has many gaps, and of most sides little is asked.

    @cached_property
    def levels(self) -> list[float]:
        """Of the rows, how far down they stand."""
        return [fmean(piece.level for piece in row) for row in self.rows]

    @cached_property
    def left(self) -> float:
        """Where its rows begin."""
        return min((row[0].left for row in self.rows), default=0.0)

    @cached_property
    def right(self) -> float:
        """Where the longest of them ends."""
        return max((piece.right for row in self.rows for piece in row), default=0.0)

    @cached_property
    def _filled(self) -> float:
        return _PROSE_FILL * (self.right - self.left)

    @cached_property
    def _lines(self) -> list[int]:
        return [number for number, row in enumerate(self.rows) if self.is_line(row)]

    @cached_property
    def line_levels(self) -> list[float]:
        """Of the rows that are lines of prose, how far down they stand."""
        return [self.levels[number] for number in self._lines]

    @cached_property
    def is_prose(self) -> bool:
        """Whether most of it stands in lines of prose."""
        characters = [sum(len(piece.text) for piece in row) for row in self.rows]
        in_lines = sum(characters[number] for number in self._lines)
        return len(self._lines) >= FEWEST_ROWS and in_lines >= _MOSTLY_PROSE * sum(characters)

    @cached_property
    def is_all_lines(self) -> bool:
        """Whether it may be the rest of a column that is one elsewhere on the page."""
        return len(self.rows) >= _FEWEST_LINES and len(self._lines) >= _MOSTLY_LINES * len(self.rows)

    @cached_property
    def is_full(self) -> bool:
        """Whether so many lines reach its right edge that one goes on in the next."""
        return sum(map(self._is_full_line, self._lines)) >= _MOSTLY_FULL * len(self._lines)

    @cached_property
    def is_one_column(self) -> bool:
        """Whether it is prose of a single column."""
        alone = sum(max(_run_lengths(self.rows[number])) >= self._filled for number in self._lines)
        return self.is_prose and self.is_full and alone >= _MOSTLY_ALONE * len(self._lines)

    def is_line(self, row: Sequence[Piece]) -> bool:
        """Whether a row is a line of prose, or holds those of further columns."""
        lengths = _run_lengths(row)
        return bool(lengths) and sum(lengths) >= self._filled

    def _is_full_line(self, number: int) -> bool:
        return self.rows[number][-1].right >= self.right - _FULL * (self.right - self.left)

    def continues(self, number: int) -> bool:
        """Whether a row goes on with a sentence, as far as the line before it shows by being full."""
        return number - 1 in self._lines and self._is_full_line(number - 1)


def _run_lengths(row: Sequence[Piece]) -> list[float]:
    """How long the runs of words on a row are, less the short ones."""
    if sum(len(piece.text) for piece in row) < _PROSE_CHARACTERS:
        return []
    lengths = []
    start, characters = row[0].left, len(row[0].text)
    for last, piece in pairwise(row):
        if piece.left - last.right > _JUSTIFIED * min(last.height, piece.height):
            if characters >= _PROSE_CHARACTERS:
                lengths.append(last.right - start)
            start, characters = piece.left, 0
        characters += len(piece.text)
    return [*lengths, row[-1].right - start] if characters >= _PROSE_CHARACTERS else lengths


def divide(left: Side, right: Side, height: float) -> bool:
    """Whether two sides of a gap are columns, to be read one after the other.

    Args:
        left: of the gap.
        right: of the gap.
        height: of the page's lines, as most are.
    """
    fewest = min(len(left.rows), len(right.rows))
    if fewest < FEWEST_ROWS:
        return False
    drawn = _drawing(left, right, fewest)
    if left.is_prose and right.is_prose:
        if left.is_full and right.is_full:
            return drawn is not _Drawing.IN_CELLS
        return drawn in _WITHOUT_ROWS or (drawn is None and not _are_level(left, right, height))
    if drawn in _BY_ROWS or right.left - left.right < _GUTTER * height:
        return False
    if any(_runs_beside(*sides, height) for sides in ((left, right), (right, left))):
        return True
    are_rows = _are_level(left, right, height) and _are_single(left, right)
    return drawn is _Drawing.IN_COLUMNS and not are_rows


class _Drawing(Enum):
    """How a PDF draws two sides of a gap."""

    IN_COLUMNS = "one side after the other"
    IN_PARTS = "changing sides a few times"
    IN_CELLS = "changing sides every few lines, as in a table with cells of some lines"
    IN_LINES = "changing sides at every line, from the top down: columns of prose are drawn so as well"


_WITHOUT_ROWS = (_Drawing.IN_COLUMNS, _Drawing.IN_PARTS)
_BY_ROWS = (_Drawing.IN_CELLS, _Drawing.IN_LINES)


def drawn_in_turn(left: Side, right: Side) -> bool:
    """Whether a PDF draws one side after the other."""
    return _drawing(left, right, min(len(left.rows), len(right.rows))) is _Drawing.IN_COLUMNS


def _drawing(left: Side, right: Side, fewest: int) -> _Drawing | None:
    """How a PDF draws the sides, of which one has `fewest` rows; None where this is no PDF."""
    pieces = [(piece.drawn, side is left) for side in (left, right) for row in side.rows for piece in row]
    if any(place is None for place, _ in pieces):
        return None
    switches = sum(before != after for (_, before), (_, after) in pairwise(sorted(pieces)))
    if switches >= max(_FEWEST_SWITCHES, _ROW_BY_ROW * fewest):
        return _Drawing.IN_LINES if switches >= fewest else _Drawing.IN_CELLS
    return _Drawing.IN_COLUMNS if switches == 1 else _Drawing.IN_PARTS


def _are_single(left: Side, right: Side) -> bool:
    """Whether most rows hold one piece on each side, as labels and their values do."""
    return all(sum(len(row) == 1 for row in side.rows) > 0.5 * len(side.rows) for side in (left, right))


def _are_level(a: Side, b: Side, height: float) -> bool:
    """Whether most rows of the side that has fewer are level with one of the other's."""
    few, many = sorted((a, b), key=lambda side: len(side.rows))
    level = sum(min(abs(one - two) for two in many.levels) <= LEVEL * height for one in few.levels)
    return level >= _MOSTLY_LEVEL * len(few.levels)


def _runs_beside(prose: Side, other: Side, height: float) -> bool:
    """Whether what stands beside a column of prose goes its own way.

    The cells of a table's row stand level with the line that begins the row's text. A side bar
    takes no heed of the lines beside it.
    """
    if not prose.is_one_column or len(prose.line_levels) < _LINES_BESIDE:
        return False
    first, last = prose.line_levels[0], prose.line_levels[-1]
    beside = [level for level in other.levels if first - height <= level <= last + height]
    if len(beside) < FEWEST_ROWS:
        return False
    nearest = [min(range(len(prose.levels)), key=lambda n: abs(prose.levels[n] - level)) for level in beside]
    level = [abs(prose.levels[n] - level) <= LEVEL * height for n, level in zip(nearest, beside, strict=True)]
    begins = [flat and not prose.continues(n) for n, flat in zip(nearest, level, strict=True)]
    one_for_one = sum(level) >= _MOSTLY_LEVEL * (nearest[-1] - nearest[0] + 1)
    return sum(level if one_for_one else begins) < _MOSTLY_LEVEL * len(beside)
