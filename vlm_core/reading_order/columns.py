"""Where a page divides into columns: band by band, for a headline or a table may part two pairs of them.

A gap counts as a gutter only where long lines stand beside it, so that receipts and tables are
read row by row. Prose on both sides makes two columns. Prose on one side does where what stands
beside it, such as a table or a side bar, goes its own way: its rows are not level with the lines.
A PDF also tells by the order in which it draws its text: column by column, or row by row.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, groupby, islice, pairwise
from statistics import median
from typing import NamedTuple, TypeAlias

from .pieces import Piece, rows_of
from .rows import Cut, Row
from .sides import FEWEST_ROWS, LEVEL, Band, Drawing, Side, divides

_REACHING = 0.25
"""The share of a column's rows that may reach into a gutter: words far apart make none."""
_STRIPE = 2.5
"""Times the usual height: what stands so far above or below the columns is not of them."""

_TABLE_ROWS, _TABLE_CELLS = 3, 3
"""Of a table between columns: rows one below the other, and cells in each."""

_MANY_ALIKE = 12
"""Gaps of equal promise from which the middle one is tried first: the parts are halves, not slices."""
_MOST_WORK = 500_000
"""Pieces sorted and rows cut at gaps, for a whole page. A page of 20,000 words in a grid takes a tenth.
What is left after that, on pages made to take forever, is read row by row."""

Rows: TypeAlias = list[list[Piece]]


class _Promise(NamedTuple):
    """The most that a gap can be worth as a gutter: what ranks it before it is tried."""

    divided: int
    """Pieces in the rows that do not run across."""
    across: int
    """Rows that do, below zero."""
    turn: int
    """Among gaps alike, in which turn it is tried, below zero."""


class _Split(NamedTuple):
    """A gutter, and the parts of the page that it makes, in reading order."""

    worth: _Promise
    parts: list[list[Piece]]


def columns_of(pieces: Sequence[Piece]) -> Iterator[Rows]:
    """Parts of a page in reading order, each as rows to be read one after the other.

    Example:
        >>> [len(part) for part in columns_of([Piece("TOTAL", 1, (0, 0, 40, 9), 4)])]
        [1]
    """
    work = _MOST_WORK
    parts = [list(pieces)]  # still to be read, the next one last
    while parts:
        part = parts.pop()
        rows = rows_of(part)
        split, done = _best_split(part, rows, work)
        work -= done
        if split:
            parts += reversed(split.parts)
        else:
            yield rows


def _best_split(pieces: Sequence[Piece], found: Rows, most_work: int) -> tuple[_Split | None, int]:
    """The gutter that divides most, and the work done to find it.

    A gap that can divide less than a gutter that was found is not tried.
    """
    work = len(pieces)
    height = median(piece.height for piece in pieces) if pieces else 0.0
    if len(found) < FEWEST_ROWS or len(pieces) < 2 * FEWEST_ROWS or height <= 0:
        return None, work
    rows = [Row(row) for row in found]
    best: _Split | None = None
    for promise, x in _promising(rows, list(_gaps(pieces, height))):
        if work > most_work or (best and best.worth >= promise):
            break
        work += len(rows)
        split = _split(rows, x, height, promise.turn)
        if split and (not best or split.worth > best.worth):
            best = split
    return best, work


def _promising(rows: Sequence[Row], gaps: Sequence[float]) -> Iterator[tuple[_Promise, float]]:
    """Gaps with what they promise, the best first; those beside which no prose can stand are left out."""
    pieces = sum(len(row.pieces) for row in rows)
    may_divide = _beside_prose(rows)
    promises: dict[tuple[int, int], list[int]] = {}
    for number, (rows_across, pieces_across) in enumerate(_running_across(rows, gaps)):
        if may_divide(gaps[number]):
            promises.setdefault((pieces - pieces_across, -rows_across), []).append(number)
    for (divided, across), alike in sorted(promises.items(), reverse=True):
        first = alike[len(alike) // 2] if len(alike) >= _MANY_ALIKE else 0
        for number in sorted(alike, key=lambda number: abs(number - first)):
            yield _Promise(divided, across, -abs(number - first)), gaps[number]


def _running_across(rows: Iterable[Row], gaps: Sequence[float]) -> Iterator[tuple[int, int]]:
    """How many rows run across each gap, and how many pieces are in them."""
    changes = [[0] * (len(gaps) + 1) for _ in range(2)]
    for row in rows:
        for start, end in row.crossed:
            first, last = bisect_right(gaps, start), bisect_left(gaps, end)
            if first < last:
                for change, size in zip(changes, (1, len(row.pieces)), strict=True):
                    change[first] += size
                    change[last] -= size
    return islice(zip(*map(accumulate, changes), strict=True), len(gaps))


def _beside_prose(rows: Sequence[Row]) -> Callable[[float], bool]:
    """Tells whether prose may stand on a side of a gap, or else a PDF's order of drawing may make columns."""
    if all(row.draws is not None for row in rows):
        return lambda x: True
    left, right = sorted(row.prose_from for row in rows), sorted(row.prose_to for row in rows)
    return lambda x: left[FEWEST_ROWS - 1] <= x or x <= right[-FEWEST_ROWS]


def _split(rows: Sequence[Row], x: float, height: float, turn: int) -> _Split | None:
    bands = list(_bands(rows, x))
    sure = [band.is_open and _divides(band, height) for band in bands]
    if not any(sure):
        return None
    parts: list[list[Piece]] = [[]]
    divided = 0
    for band, is_sure in zip(bands, sure, strict=True):
        if not is_sure and not (band.is_open and all(side.is_all_lines for side in band.sides)):
            parts[-1] += _pieces(band.cuts)
            continue
        head, body, foot = map(_pieces, _trimmed(band, height))
        parts[-1] += head
        parts += [[piece for piece in body if (piece.middle >= x) == side] for side in (False, True)]
        parts.append(foot)
        divided += len(body)
    across = sum(len(band.cuts) for band in bands if not band.is_open)
    return _Split(_Promise(divided, -across, turn), [part for part in parts if part])


def _pieces(cuts: Iterable[Cut]) -> list[Piece]:
    return [piece for cut in cuts for piece in cut.row.pieces]


def _bands(rows: Sequence[Row], x: float) -> Iterator[Band]:
    """Rows from one that runs across a gutter to the next.

    Lines that run across are a band that is not open for columns, and so is a table with cells on both sides.
    """
    for across, group in groupby(rows, key=lambda row: row.crossed.covers(x)):
        band = Band([row.cut(x) for row in group], x, is_open=not across)
        yield from [band] if across else _without_tables(band)


def _without_tables(band: Band) -> Iterator[Band]:
    """A band, parted at the tables that stand across a gutter though none of their cells does."""
    in_table: list[bool] = []
    for is_table, group in groupby(band.cuts, key=lambda cut: _is_table_row(cut, band)):
        cuts = list(group)
        is_table = is_table and len(cuts) >= _TABLE_ROWS
        in_table += [is_table and Band(cuts, band.x).drawing is not Drawing.IN_COLUMNS] * len(cuts)
    if not any(in_table):
        yield band
        return
    numbered = zip(in_table, band.cuts, strict=True)
    for is_table, part in groupby(numbered, key=lambda each: each[0]):
        yield Band([cut for _, cut in part], band.x, is_open=not is_table)


def _is_table_row(cut: Cut, band: Band) -> bool:
    """Whether there are level cells on both sides, three or more, and no line of prose."""
    left, right = cut.left, cut.right
    if not left or not right or left.pieces + right.pieces < _TABLE_CELLS:
        return False
    spread = max(left.lowest, right.lowest) - min(left.highest, right.highest)
    if spread > LEVEL * min(left.height, right.height):
        return False
    return not band.left.is_line(left) and not band.right.is_line(right)


def _divides(band: Band, height: float) -> bool:
    reaching = sum(cut.row.reaching(band.x) for cut in band.cuts)
    return reaching <= _REACHING * max(len(side.rows) for side in band.sides) and divides(band, height)


def _trimmed(band: Band, height: float) -> tuple[Sequence[Cut], Sequence[Cut], Sequence[Cut]]:
    """A band without what stands far above and far below its columns, such as a page's header and footer."""
    starts = [0]
    for number, (above, below) in enumerate(pairwise(band.cuts), start=1):
        if below.row.level - above.row.level > _STRIPE * height:
            starts.append(number)
    stripes = list(pairwise([*starts, len(band.cuts)]))
    of_columns = [(start, end) for start, end in stripes if _has_lines(band.cuts[start:end], band.sides)]
    start, end = (of_columns[0][0], of_columns[-1][1]) if of_columns else (0, len(band.cuts))
    return band.cuts[:start], band.cuts[start:end], band.cuts[end:]


def _has_lines(stripe: Sequence[Cut], sides: Iterable[Side]) -> bool:
    """Whether a stripe holds lines of the columns' prose."""
    top, bottom = stripe[0].row.level, stripe[-1].row.level
    return any(side.line_levels.any_between(top, bottom) for side in sides)


def _gaps(pieces: Sequence[Piece], height: float) -> Iterator[float]:
    """Where a gutter may be, from left to right: of gaps close together the one that fewest pieces cross."""
    edges = sorted([(piece.left, 1) for piece in pieces] + [(piece.right, -1) for piece in pieces])
    gaps = []
    across = 0
    for (x, change), (next_x, next_change) in pairwise(edges):
        across += change
        if change < 0 < next_change:
            gaps.append(((x + next_x) / 2, across, x - next_x))
    for _, near in groupby(gaps, key=lambda gap: gap[0] // height):
        yield min(near, key=lambda gap: gap[1:])[0]
