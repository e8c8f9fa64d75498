"""Where a page divides into columns: band by band, for a headline or a table may part two pairs of them.

A gap counts as a gutter only where long lines stand beside it, so that receipts and tables are
read row by row. Prose on both sides makes two columns. Prose on one side does where what stands
beside it, such as a table or a side bar, goes its own way: its rows are not level with the lines.
A PDF also tells by the order in which it draws its text: column by column, or row by row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from statistics import median
from typing import NamedTuple, TypeAlias

from .pieces import Piece, rows_of
from .sides import FEWEST_ROWS, LEVEL, Side, divide, drawn_in_turn

_REACH = 1.5
"""Times the height of a piece: it may reach so far into a gutter or beyond without running across."""
_REACHING = 0.25
"""The share of a column's rows that may do so: words far apart make no gutter."""
_STRIPE = 2.5
"""Times the usual height: what stands so far above or below the columns is not of them."""

_TABLE_ROWS, _TABLE_CELLS = 3, 3
"""Of a table between columns: rows one below the other, and cells in each."""

Row: TypeAlias = Sequence[Piece]


class _Split(NamedTuple):
    """A gutter, and the parts of the page that it makes, in reading order."""

    divided: int
    """Pieces that stand in columns now."""
    across: int
    """Pieces that run across the gutter."""
    parts: list[list[Piece]]


def columns_of(pieces: Sequence[Piece]) -> Iterator[list[list[Piece]]]:
    """Parts of a page in reading order, each as rows to be read one after the other.

    Example:
        >>> [len(part) for part in columns_of([Piece("TOTAL", 1, (0, 0, 40, 9), 4)])]
        [1]
    """
    rows = rows_of(pieces)
    split = _best_split(pieces, rows)
    if split is None:
        yield rows
        return
    for part in split.parts:
        yield from columns_of(part)


def _best_split(pieces: Sequence[Piece], rows: Sequence[Row]) -> _Split | None:
    if len(rows) < FEWEST_ROWS or len(pieces) < 2 * FEWEST_ROWS:
        return None
    height = median(piece.height for piece in pieces)
    splits = [split for x in _gaps(pieces, height) if (split := _split(rows, x, height))]
    return max(splits, key=lambda split: (split.divided, -split.across), default=None)


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


def _split(rows: Sequence[Row], x: float, height: float) -> _Split | None:
    bands = list(_bands(rows, x))
    sure = [is_open and _divides(band, x, height) for band, is_open in bands]
    if not any(sure):
        return None
    parts: list[list[Piece]] = [[]]
    divided = 0
    for (band, is_open), is_sure in zip(bands, sure, strict=True):
        if not is_sure and not (is_open and all(side.is_all_lines for side in _sides(band, x))):
            parts[-1] += _flat(band)
            continue
        head, body, foot = _trimmed(band, x, height)
        parts[-1] += _flat(head)
        columns = [
            [piece for piece in _flat(body) if (_middle(piece) >= x) == side] for side in (False, True)
        ]
        parts += [*columns, _flat(foot)]
        divided += sum(map(len, columns))
    across = sum(len(band) for band, is_open in bands if not is_open)
    return _Split(divided, across, [part for part in parts if part])


def _bands(rows: Sequence[Row], x: float) -> Iterator[tuple[list[Row], bool]]:
    """Rows from one that runs across a gutter to the next; whether a band is open for columns.

    Lines that run across are a band that is not, and so is a table with cells on both sides.
    """
    for across, group in groupby(rows, key=lambda row: any(_crosses(piece, x) for piece in row)):
        band = list(group)
        if across:
            yield band, False
            continue
        in_table = _table_rows(band, x)
        for is_table, numbers in groupby(range(len(band)), key=lambda number: in_table[number]):
            yield [band[number] for number in numbers], not is_table


def _table_rows(band: Sequence[Row], x: float) -> list[bool]:
    """Of each row, whether it is of a table that stands across a gutter though none of its cells does."""
    if len(band) < _TABLE_ROWS:
        return [False] * len(band)
    sides = _sides(band, x)
    cells = [_is_table_row(_parts(row, x), sides) for row in band]
    in_table: list[bool] = []
    for is_table, group in groupby(cells):
        length = len(list(group))
        rows = band[len(in_table) : len(in_table) + length]
        is_table = is_table and length >= _TABLE_ROWS and not drawn_in_turn(*_sides(rows, x))
        in_table += [is_table] * length
    return in_table


def _is_table_row(parts: tuple[Row, Row], sides: tuple[Side, Side]) -> bool:
    """Whether there are level cells on both sides, three or more, and no line of prose."""
    if not all(parts) or sum(map(len, parts)) < _TABLE_CELLS:
        return False
    levels = [piece.level for part in parts for piece in part]
    if max(levels) - min(levels) > LEVEL * min(piece.height for part in parts for piece in part):
        return False
    return not any(side.is_line(part) for part, side in zip(parts, sides, strict=True))


def _parts(row: Row, x: float) -> tuple[Row, Row]:
    return [piece for piece in row if piece.right <= x], [piece for piece in row if piece.left >= x]


def _flat(rows: Iterable[Row]) -> list[Piece]:
    return [piece for row in rows for piece in row]


def _middle(piece: Piece) -> float:
    return (piece.left + piece.right) / 2


def _crosses(piece: Piece, x: float) -> bool:
    """Whether a piece has text on both sides of a gutter, and does not just reach into it."""
    return min(x - piece.left, piece.right - x) > _REACH * piece.height


def _divides(band: Sequence[Row], x: float, height: float) -> bool:
    left, right = _sides(band, x)
    reaching = sum(piece.left < x < piece.right for row in band for piece in row)
    if reaching > _REACHING * max(len(left.rows), len(right.rows)):
        return False
    return divide(left, right, height)


def _sides(band: Sequence[Row], x: float) -> tuple[Side, Side]:
    left, right = zip(*(_parts(row, x) for row in band), strict=True)
    return Side([part for part in left if part]), Side([part for part in right if part])


def _trimmed(band: Sequence[Row], x: float, height: float) -> tuple[list[Row], list[Row], list[Row]]:
    """A band without what stands far above and far below its columns, such as a page's header and footer."""
    stripes: list[list[Row]] = [[band[0]]]
    for above, row in pairwise(band):
        if row[0].level - above[0].level > _STRIPE * height:
            stripes.append([])
        stripes[-1].append(row)
    sides = _sides(band, x)
    of_columns = [number for number, stripe in enumerate(stripes) if _has_lines(stripe, sides)]
    first, last = (of_columns[0], of_columns[-1] + 1) if of_columns else (0, len(stripes))
    return _joined(stripes[:first]), _joined(stripes[first:last]), _joined(stripes[last:])


def _joined(stripes: Iterable[Sequence[Row]]) -> list[Row]:
    return [row for stripe in stripes for row in stripe]


def _has_lines(stripe: Sequence[Row], sides: Iterable[Side]) -> bool:
    """Whether a stripe holds lines of the columns' prose."""
    top, bottom = stripe[0][0].level, stripe[-1][0].level
    return any(top <= level <= bottom for side in sides for level in side.line_levels)
