"""From rows of cells with spans, as markup gives them, to a table whose cells have their places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from vlm_core.structure.block_texts import cell_text
from vlm_core.types import Cell, Table

WIDEST_SPAN = 1000
"""Columns that a cell covers at most, as in browsers."""
MOST_COLUMNS = 1000
"""Cells of a row, at most: what has more is not a table."""
MOST_SPANNED = 2_000_000
"""Rows times columns with spans as they are given; where they are more, spans do not count."""
MOST_PLACES = 1_000_000
"""Rows times columns, at most."""


class LooseCell(NamedTuple):
    """A cell in its row, before its column is known."""

    text: str
    row_span: int = 1
    column_span: int = 1
    is_header: bool = False


def table_of(rows: Iterable[Sequence[LooseCell]]) -> Table | None:
    """The table that rows of cells make, as browsers lay it out; None where it would be larger than any is.

    A place that no cell covers gets an empty one. Rows and columns in which no cell begins are left out,
    as is a first row of empty header cells.

    Example:
        >>> table_of([[LooseCell("a", column_span=9)], [LooseCell("b"), LooseCell("c")]]).column_count
        2
    """
    loose = [list(row) for row in rows if row]
    if any(len(row) > MOST_COLUMNS for row in loose):
        return None
    laid = _placed(loose)
    if laid is None:
        laid = _placed([[cell._replace(row_span=1, column_span=1) for cell in row] for row in loose])
    if laid is None:
        return None
    placed = _compressed(laid)
    height = max((cell.row + cell.row_span for cell in placed), default=0)
    width = max((cell.column + cell.column_span for cell in placed), default=0)
    if height * width > MOST_PLACES:
        return None
    cells = _without_empty_header([*placed, *_empty_cells(placed, height, width)])
    return Table(cells=tuple(sorted(cells, key=lambda cell: (cell.row, cell.column))))


class _Placed(NamedTuple):
    row: int
    column: int
    row_span: int
    column_span: int
    text: str
    is_header: bool

    def as_cell(self) -> Cell:
        return Cell(
            row=self.row,
            column=self.column,
            row_span=self.row_span,
            column_span=self.column_span,
            text=self.text,
            is_header=self.is_header,
        )


def _placed(rows: Sequence[Sequence[LooseCell]]) -> list[_Placed] | None:
    """Cells in their places; None where these are too many."""
    busy: list[int] = []
    """For each column the first row in which it is free."""
    found = []
    for number, row in enumerate(rows):
        column = 0
        for cell in row:
            while column < len(busy) and busy[column] > number:
                column += 1
            wanted = min(max(cell.column_span, 1), WIDEST_SPAN)
            width = 1 if wanted == 1 else _free_width(busy, number, column, wanted)
            height = min(max(cell.row_span, 1), len(rows) - number)
            busy.extend([0] * (column + width - len(busy)))
            busy[column : column + width] = [number + height] * width
            found.append(_Placed(number, column, height, width, cell_text(cell.text), cell.is_header))
            column += width
        if len(busy) * (number + 1) > MOST_SPANNED:
            return None
    return found


def _free_width(busy: Sequence[int], row: int, column: int, wanted: int) -> int:
    """How far a cell reaches to the right before it meets one that comes down from a row above."""
    taken = next(
        (at for at in range(column, min(column + wanted, len(busy))) if busy[at] > row), column + wanted
    )
    return taken - column


def _compressed(cells: Sequence[_Placed]) -> list[_Placed]:
    """Cells in a table without the rows and columns in which none begins."""
    row = _ranks({cell.row for cell in cells}, max((cell.row + cell.row_span for cell in cells), default=0))
    column = _ranks(
        {cell.column for cell in cells}, max((cell.column + cell.column_span for cell in cells), default=0)
    )
    return [
        cell._replace(
            row=row[cell.row],
            column=column[cell.column],
            row_span=row[cell.row + cell.row_span] - row[cell.row],
            column_span=column[cell.column + cell.column_span] - column[cell.column],
        )
        for cell in cells
    ]


def _ranks(used: set[int], end: int) -> list[int]:
    """For each number up to the end how many that are used stand before it."""
    return list(accumulate((number in used for number in range(end)), initial=0))


def _empty_cells(cells: Sequence[_Placed], height: int, width: int) -> list[_Placed]:
    covered = bytearray(height * width)
    for cell in cells:
        for row in range(cell.row, cell.row + cell.row_span):
            start = row * width + cell.column
            covered[start : start + cell.column_span] = b"\1" * cell.column_span
    headers = {cell.row for cell in cells if not cell.is_header}
    found, at = [], covered.find(0)
    while at >= 0:
        row, column = divmod(at, width)
        found.append(_Placed(row, column, 1, 1, "", row not in headers))
        at = covered.find(0, at + 1)
    return found


def _without_empty_header(cells: Sequence[_Placed]) -> list[Cell]:
    first = [cell for cell in cells if cell.row == 0]
    is_empty = all(cell.is_header and not cell.text and cell.row_span == 1 for cell in first)
    if not is_empty or len(first) == len(cells):
        return [cell.as_cell() for cell in cells]
    return [cell._replace(row=cell.row - 1).as_cell() for cell in cells if cell.row > 0]
