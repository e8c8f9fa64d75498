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

# The share of a column's rows that may reach into a gutter: words far apart make none.
_REACHING = 0.25
# Times the usual height: what stands so far above or below the columns is not of them.
_STRIPE = 2.5

_TABLE_ROWS, _TABLE_CELLS = 3, 3
"""Of a table between columns: rows one below the other, and cells in each."""

# Columns beside each other with nothing running across: from so many on they are parted all at once.
_MANY_GUTTERS = 12
# Pieces sorted and rows cut at gaps, for a whole page. Pages of 300 lines take up to 2,500, one of 20,000
# words in a grid 60,000. What is left after that, on pages made to take forever, is read row by row.
_MOST_WORK = 160_000

Rows: TypeAlias = list[list[Piece]]


class Work:
    """What may be done to find the columns of a page, and whether that was enough.

    Example:
        >>> Work().doubts
        []
    """

    def __init__(self, most: int = _MOST_WORK) -> None:
        self.left = most
        self.was_enough = True

    @property
    def doubts(self) -> list[str]:
        """What is to be said of a page on which it was not."""
        if self.was_enough:
            return []
        return ["lines may be out of order: there are too many on the page to look for all its columns"]


class _Worth(NamedTuple):
    """What ranks gaps as gutters; before one is tried, the most that it can be worth."""

    divided: int
    """Pieces that stand in columns."""
    across: int
    """Rows that run across, below zero."""
    turn: int
    """The place among the gaps from the left, below zero."""


class _Split(NamedTuple):
    """A gutter, and what it makes of the page."""

    worth: _Worth
    stripes: list[tuple[Sequence[Row], bool]]
    """Rows from the top, and whether they are in columns."""
    gutters: list[float]

    def parts(self) -> Iterator[list[Piece]]:
        """Of the page, in reading order."""
        together: list[Piece] = []
        for rows, in_columns in self.stripes:
            if not in_columns:
                together += _pieces(rows)
                continue
            columns: list[list[Piece]] = [[] for _ in range(len(self.gutters) + 1)]
            for piece in _pieces(rows):
                columns[bisect_right(self.gutters, piece.middle)].append(piece)
            yield from (part for part in (together, *columns) if part)
            together = []
        if together:
            yield together


def _pieces(rows: Iterable[Row]) -> list[Piece]:
    return [piece for row in rows for piece in row.pieces]


def columns_of(pieces: Sequence[Piece], work: Work | None = None) -> Iterator[Rows]:
    """Parts of a page in reading order, each as rows to be read one after the other.

    Args:
        pieces: of the page, in any order.
        work: what may be done, in all that it is given to; tells later whether it was enough.

    Example:
        >>> [len(part) for part in columns_of([Piece("TOTAL", 1, (0, 0, 40, 9), 4)])]
        [1]
    """
    work = work or Work()
    parts = [list(pieces)]  # still to be read, the next one last
    while parts:
        part = parts.pop()
        rows = rows_of(part)
        if split := _best_split(part, rows, work):
            parts += reversed(list(split.parts()))
        else:
            yield rows


def _best_split(pieces: Sequence[Piece], found: Rows, work: Work) -> _Split | None:
    """The gutter that divides most. A gap that can divide less than a gutter that was found is not tried."""
    work.left -= len(pieces)
    height = median(piece.height for piece in pieces) if pieces else 0.0
    if len(found) < FEWEST_ROWS or len(pieces) < 2 * FEWEST_ROWS or height <= 0:
        return None
    gaps = list(_gaps(pieces, height))
    rows = [Row(row) for row in found] if gaps else []
    work_each = sum(row.work for row in rows)
    best: _Split | None = None
    for most, x in _promising(rows, gaps):
        if best and best.worth >= most:
            break
        if work.left < 0:
            work.was_enough = False
            break
        work.left -= work_each
        split = _split(rows, x, height, most.turn)
        if split and (not best or split.worth > best.worth):
            best = split
    if best and best.worth[:2] == (len(pieces), 0) and work_each * len(gaps) <= work.left:
        work.left -= work_each * len(gaps)
        best = best._replace(gutters=_all_gutters(rows, gaps, height, best))
    return best


def _all_gutters(rows: Sequence[Row], gaps: Sequence[float], height: float, best: _Split) -> list[float]:
    """Where many columns stand beside each other with nothing running across, all gutters between them."""
    if len(gaps) < _MANY_GUTTERS:
        return best.gutters
    splits = ((x, _split(rows, x, height, best.worth.turn)) for x in gaps)
    gutters = [x for x, split in splits if split and split.worth == best.worth]
    return gutters if len(gutters) >= _MANY_GUTTERS else best.gutters


def _promising(rows: Sequence[Row], gaps: Sequence[float]) -> list[tuple[_Worth, float]]:
    """Gaps with the most they can be worth, the best first; without those beside which no prose can stand."""
    pieces = sum(len(row.pieces) for row in rows)
    may_divide = _beside_prose(rows)
    most = [
        (_Worth(pieces - pieces_across, -rows_across, -number), x)
        for number, (x, (rows_across, pieces_across)) in enumerate(
            zip(gaps, _running_across(rows, gaps), strict=True)
        )
        if may_divide(x)
    ]
    return sorted(most, reverse=True)


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
    runs = [(list(run), across) for across, run in groupby(rows, key=lambda row: row.crossed.covers(x))]
    long = (Band(run, x) for run, across in runs if not across and len(run) >= FEWEST_ROWS)
    may_divide = (band for band in long if band.fewest >= FEWEST_ROWS)
    if not any(_divides(part, height) for band in may_divide for part in _without_tables(band)):
        return None
    bands = [band for run, across in runs for band in _bands(run, x, across)]
    stripes: list[tuple[Sequence[Row], bool]] = []
    for band in bands:
        if _divides(band, height) or (band.is_open and all(side.is_all_lines for side in band.sides)):
            head, body, foot = _trimmed(band, height)
            stripes += [(head, False), (body, True), (foot, False)]
        else:
            stripes.append((band.rows, False))
    divided = sum(len(row.pieces) for rows, in_columns in stripes if in_columns for row in rows)
    across = sum(len(band.rows) for band in bands if not band.is_open)
    return _Split(_Worth(divided, -across, turn), stripes, [x])


def _bands(run: Sequence[Row], x: float, across: bool) -> Iterable[Band]:
    """Rows from one that runs across a gutter to the next, or all those that do.

    Lines that run across are a band that is not open for columns, and so is a table with cells on both sides.
    """
    return [Band(run, x, is_open=False)] if across else _without_tables(Band(run, x))


def _without_tables(band: Band) -> Iterator[Band]:
    """A band, parted at the tables that stand across a gutter though none of their cells does."""
    in_table: list[bool] = []
    for is_table, group in groupby(band.cuts, key=lambda cut: _is_table_row(cut, band)):
        cuts = list(group)
        is_table = is_table and len(cuts) >= _TABLE_ROWS
        table = Band([cut.row for cut in cuts], band.x)
        in_table += [is_table and table.drawing is not Drawing.IN_COLUMNS] * len(cuts)
    if not any(in_table):
        yield band
        return
    for is_table, part in groupby(zip(in_table, band.rows, strict=True), key=lambda each: each[0]):
        yield Band([row for _, row in part], band.x, is_open=not is_table)


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
    if not band.is_open or band.fewest < FEWEST_ROWS:
        return False
    reaching = sum(row.reaching(band.x) for row in band.rows)
    return reaching <= _REACHING * max(len(side.rows) for side in band.sides) and divides(band, height)


def _trimmed(band: Band, height: float) -> tuple[Sequence[Row], Sequence[Row], Sequence[Row]]:
    """A band without what stands far above and far below its columns, such as a page's header and footer."""
    rows = band.rows
    starts = [0]
    for number, (above, below) in enumerate(pairwise(rows), start=1):
        if below.level - above.level > _STRIPE * height:
            starts.append(number)
    stripes = list(pairwise([*starts, len(rows)]))
    of_columns = [(start, end) for start, end in stripes if _has_lines(rows[start:end], band.sides)]
    start, end = (of_columns[0][0], of_columns[-1][1]) if of_columns else (0, len(rows))
    return rows[:start], rows[start:end], rows[end:]


def _has_lines(stripe: Sequence[Row], sides: Iterable[Side]) -> bool:
    """Whether a stripe holds lines of the columns' prose."""
    return any(side.line_levels.any_between(stripe[0].level, stripe[-1].level) for side in sides)


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
