"""A table's cells in their places: rows of texts, and which rows are its header."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_core.types import Cell, Table


def rows(table: Table, *, repeat_spans: bool = False) -> list[list[str]]:
    """The texts of the cells, row by row; `Table.to_rows` says more."""
    columns = table.column_count
    grid = [[""] * columns for _ in range(table.row_count)]
    for cell in table.cells:
        for row, column in _places(cell) if repeat_spans else [(cell.row, cell.column)]:
            grid[row][column] = cell.text
    return grid


def _places(cell: Cell) -> Iterator[tuple[int, int]]:
    for row in range(cell.row, cell.row + cell.row_span):
        for column in range(cell.column, cell.column + cell.column_span):
            yield row, column


def cells_by_row(table: Table) -> list[list[Cell]]:
    """The cells that begin in each row, from left to right.

    Example:
        >>> tall, short = Cell(row=0, column=0, row_span=2, text="a"), Cell(row=1, column=1, text="b")
        >>> table = Table(cells=(tall, short))
        >>> [[cell.text for cell in row] for row in cells_by_row(table)]
        [['a'], ['b']]
    """
    found: list[list[Cell]] = [[] for _ in range(table.row_count)]
    for cell in table.cells:
        found[cell.row].append(cell)
    return [sorted(row, key=lambda cell: cell.column) for row in found]


def header_rows(table: Table) -> int:
    """How many rows at the top are header cells and nothing else, those that they span included."""
    end = 0
    for number, row in enumerate(cells_by_row(table)):
        if not all(cell.is_header for cell in row) or not (row or number < end):
            return max(end, number)
        end = max([end, *(cell.row + cell.row_span for cell in row)])
    return table.row_count


def has_spans(table: Table) -> bool:
    """Whether a cell covers more than one place."""
    return any(cell.row_span > 1 or cell.column_span > 1 for cell in table.cells)


def plain_text(table: Table) -> str:
    """A row a line, two spaces between its cells; empty cells and rows are left out.

    Example:
        >>> plain_text(Table(cells=(Cell(row=0, column=0, text="Tea"), Cell(row=0, column=1, text="2.00"))))
        'Tea  2.00'
    """
    lines = (
        "  ".join(" ".join(cell.text.split()) for cell in row if cell.text) for row in cells_by_row(table)
    )
    return "\n".join(line for line in lines if line)
