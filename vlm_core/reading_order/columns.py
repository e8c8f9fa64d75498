"""Where a page divides into columns: band by band, for a headline or a table may part two pairs of them.

A gap counts as a gutter only where long lines stand beside it, so that receipts and tables are
read row by row. Prose on both sides makes two columns. Prose on one side does where what stands
beside it, such as a table or a side bar, goes its own way: its rows are not level with the lines.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from statistics import fmean, median
from typing import NamedTuple

from .pieces import Piece, join_close, rows_of

_PROSE_LINES = 4
_PROSE_CHARACTERS = 15
_PROSE_FILL = 0.5
_MOSTLY_PROSE = 0.4
"""What makes a column prose: so many lines, of so many characters, this much of its width filled by
each, and this share of its rows."""
_JUSTIFIED = 1.5
"""Times the height: words of a justified line may stand so far apart."""
_FULL = 0.1
"""Of its column's width: a line that ends nearer to its right edge is full."""
_REACH = 1.5
"""Times the height of a piece: it may reach so far into a gutter or beyond without running across."""
_REACHING = 0.25
"""The share of a column's rows that may do so: words far apart make no gutter."""
_STRIPE = 2.5
"""Times the usual height: what stands so far above or below the prose is not of its columns."""
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
        left, right = _sides(band, x)
        if not _divides(band, x, left, right):
            parts[-1] += band
            continue
        head, body, foot = _trimmed(band, [*left.line_levels, *right.line_levels])
        parts[-1] += head
        parts += [[piece for piece in body if (_middle(piece) >= x) == side] for side in (False, True)]
        parts.append(foot)
        divided += len(body)
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


def _trimmed(
    band: Sequence[Piece], lines: Sequence[float]
) -> tuple[list[Piece], list[Piece], list[Piece]]:
    """A band without what stands far above and far below its prose, such as a page's header and footer."""
    gap = _STRIPE * median(piece.height for piece in band)
    stripes: list[list[Piece]] = [[]]
    for piece in band:
        if stripes[-1] and piece.level - stripes[-1][-1].level > gap:
            stripes.append([])
        stripes[-1].append(piece)
    first, last = min(lines), max(lines)
    head = [piece for stripe in stripes if stripe[-1].level < first for piece in stripe]
    foot = [piece for stripe in stripes if stripe[0].level > last for piece in stripe]
    return head, list(band[len(head) : len(band) - len(foot)]), foot


def _sides(band: Sequence[Piece], x: float) -> tuple[_Side, _Side]:
    return (
        _Side([piece for piece in band if piece.right <= x]),
        _Side([piece for piece in band if piece.left >= x]),
    )


def _divides(band: Sequence[Piece], x: float, left: _Side, right: _Side) -> bool:
    reaching = sum(piece.left < x < piece.right for piece in band)
    if reaching > _REACHING * max(len(left.rows), len(right.rows)):
        return False
    if left.is_prose and right.is_prose:
        return True
    if right.left - left.right < _GUTTER * median(piece.height for piece in band):
        return False
    return (left.is_prose and _runs_beside(left, right)) or (right.is_prose and _runs_beside(right, left))


class _Side:
    """What stands on one side of a gutter, as rows."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.rows = rows_of(pieces)
        self.levels = [fmean(piece.level for piece in row) for row in self.rows]
        self.left = min((piece.left for piece in pieces), default=math.inf)
        self.right = max((piece.right for piece in pieces), default=-math.inf)
        self.lines = [number for number, row in enumerate(self.rows) if self._is_line(row)]
        """The rows that are lines of prose, by number; a row may hold those of further columns."""
        self.line_levels = [self.levels[number] for number in self.lines]
        self.is_prose = len(self.lines) >= max(_PROSE_LINES, _MOSTLY_PROSE * len(self.rows))

    def _is_line(self, row: Sequence[Piece]) -> bool:
        runs = [run for run in join_close(row, _JUSTIFIED) if len(run.text) >= _PROSE_CHARACTERS]
        return sum(run.right - run.left for run in runs) >= _PROSE_FILL * (self.right - self.left)

    def continues(self, number: int) -> bool:
        """Whether a row goes on with a sentence, as far as the line before it shows by being full."""
        return number - 1 in self.lines and self.rows[number - 1][-1].right >= self.right - _FULL * (
            self.right - self.left
        )


def _runs_beside(prose: _Side, other: _Side) -> bool:
    """Whether what stands beside a column of prose goes its own way.

    The cells of a table's row stand level with the line that begins the row's text. A side bar
    takes no heed of the lines beside it.
    """
    usual = median(piece.height for row in prose.rows for piece in row)
    first, last = prose.line_levels[0], prose.line_levels[-1]
    beside = [level for level in other.levels if first - usual <= level <= last + usual]
    if len(prose.lines) < _LINES_BESIDE or len(beside) < _PROSE_LINES:
        return False
    nearest = [min(range(len(prose.levels)), key=lambda n: abs(prose.levels[n] - level)) for level in beside]
    level = [abs(prose.levels[n] - level) <= _LEVEL * usual for n, level in zip(nearest, beside, strict=True)]
    begins = [flat and not prose.continues(n) for n, flat in zip(nearest, level, strict=True)]
    one_for_one = sum(level) >= _MOSTLY_LEVEL * (nearest[-1] - nearest[0] + 1)
    return sum(level if one_for_one else begins) < _MOSTLY_LEVEL * len(beside)
