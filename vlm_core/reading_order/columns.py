"""Where a page divides into columns: band by band, for a headline or a table may part two pairs of them.

A gap counts as a gutter only where long lines stand beside it, so that receipts and tables are
read row by row. Prose on both sides makes two columns. Prose on one side does where what stands
beside it, such as a table or a side bar, goes its own way: its rows are not level with the lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from statistics import fmean, median
from typing import NamedTuple

from .pieces import Piece, rows_of

_PROSE_LINES = 4
_PROSE_CHARACTERS = 15
_PROSE_FILL = 0.5
"""What makes a column prose: so many lines, of so many characters, this much of it filled."""
_REACH = 1.5
"""Times the height of a piece: it may reach so far into a gutter or beyond without running across."""
_LINES_BESIDE = 6
"""Lines of prose from which something beside them may be told from the rest of their rows."""
_GUTTER = 0.6
"""Times the usual height: the width of a gutter beside a single column of prose."""
_LEVEL = 0.22
"""Times the usual height: rows this far apart are level, and"""
_MOSTLY_LEVEL = 0.75
"""this share of them makes what stands beside prose a part of its rows."""


class _Split(NamedTuple):
    """A gutter, and the parts of the page that it makes, in reading order."""

    divided: int
    """Pieces that stand in columns now."""
    across: int
    """Pieces that run across the gutter."""
    parts: list[list[Piece]]


def columns_of(pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
    """Parts of a page in reading order, each to be read row by row.

    Example:
        >>> [len(part) for part in columns_of([Piece("TOTAL", 1, (0, 0, 40, 9), 4)])]
        [1]
    """
    split = _best_split(pieces)
    if split is None:
        yield list(pieces)
        return
    for part in split.parts:
        yield from columns_of(part)


def _best_split(pieces: Sequence[Piece]) -> _Split | None:
    if len(pieces) < 2 * _PROSE_LINES:
        return None
    splits = [split for x in _gaps(pieces) if (split := _split(pieces, x))]
    return max(splits, key=lambda split: (split.divided, -split.across), default=None)


def _gaps(pieces: Sequence[Piece]) -> Iterator[float]:
    """Where a gutter may be, from left to right: of gaps close together the one that fewest pieces cross."""
    edges = sorted([(piece.left, 1) for piece in pieces] + [(piece.right, -1) for piece in pieces])
    gaps = []
    across = 0
    for (x, change), (next_x, next_change) in pairwise(edges):
        across += change
        if change < 0 < next_change:
            gaps.append(((x + next_x) / 2, across, x - next_x))
    usual = median(piece.height for piece in pieces)
    for _, near in groupby(gaps, key=lambda gap: gap[0] // usual):
        yield min(near, key=lambda gap: gap[1:])[0]


def _split(pieces: Sequence[Piece], x: float) -> _Split | None:
    parts: list[list[Piece]] = [[]]
    divided = 0
    for band in _bands(pieces, x):
        left, right = ([piece for piece in band if (_middle(piece) >= x) == side] for side in (False, True))
        if _divides(band, x):
            parts += [left, right, []]
            divided += len(band)
        else:
            parts[-1] += band
    if not divided:
        return None
    across = sum(_crosses(piece, x) for piece in pieces)
    return _Split(divided, across, [part for part in parts if part])


def _bands(pieces: Sequence[Piece], x: float) -> Iterator[list[Piece]]:
    """What stands between two lines that run across the gutter; such lines are bands of their own."""
    for _, band in groupby(
        sorted(pieces, key=lambda piece: piece.level), key=lambda piece: _crosses(piece, x)
    ):
        yield list(band)


def _middle(piece: Piece) -> float:
    return (piece.left + piece.right) / 2


def _crosses(piece: Piece, x: float) -> bool:
    """Whether a piece has text on both sides of a gutter, and does not just reach into it."""
    return min(x - piece.left, piece.right - x) > _REACH * piece.height


def _divides(band: Sequence[Piece], x: float) -> bool:
    left = [piece for piece in band if piece.right <= x]
    right = [piece for piece in band if piece.left >= x]
    prose = [_is_prose(side) for side in (left, right)]
    if all(prose):
        return True
    return any(prose) and _runs_beside(left, right, *((left, right) if prose[0] else (right, left)))


def _is_prose(side: Sequence[Piece]) -> bool:
    """Whether long lines fill most of a side, which may hold further columns."""
    rows = rows_of(side)
    if len(rows) < _PROSE_LINES or median(len(piece.text) for piece in side) < _PROSE_CHARACTERS:
        return False
    extent = max(piece.right for piece in side) - min(piece.left for piece in side)
    filled = sum(piece.right - piece.left for piece in side)
    return filled >= _PROSE_FILL * extent * len(rows)


def _runs_beside(
    left: Sequence[Piece], right: Sequence[Piece], prose: Sequence[Piece], other: Sequence[Piece]
) -> bool:
    """Whether what stands beside a column of prose goes its own way: its rows are not level with the lines."""
    lines, rows = rows_of(prose), rows_of(other)
    if len(lines) < _LINES_BESIDE or len(rows) < _PROSE_LINES:
        return False
    usual = median(piece.height for piece in [*prose, *other])
    if min(piece.left for piece in right) - max(piece.right for piece in left) < _GUTTER * usual:
        return False
    levels = [fmean(piece.level for piece in row) for row in lines]
    beside = [
        level
        for row in rows
        if levels[0] - usual <= (level := fmean(piece.level for piece in row)) <= levels[-1] + usual
    ]
    level_rows = sum(min(abs(one - two) for two in levels) <= _LEVEL * usual for one in beside)
    return bool(beside) and level_rows < _MOSTLY_LEVEL * len(beside)
