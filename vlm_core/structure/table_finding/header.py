"""Which rows of a table are its header."""

from __future__ import annotations

from vlm_core.structure.table_finding.grid import Grid, GridCell
from vlm_core.structure.table_finding.values import are_values

# Rows of a header, and
_MOST = 5
# their share of the table's.
_MOST_SHARE = 0.5


def header_rows(grid: Grid) -> int:
    """How many rows at the top are headings of columns.

    These are the rows above the first one with values. Where a table holds no values, or has them in its
    first row, a line below the first row that the others lack tells, or that all its columns are named.
    """
    by_row: list[list[GridCell]] = [[] for _ in range(grid.rows)]
    for cell in grid.cells:
        by_row[cell.row].append(cell)
    first = next((number for number, row in enumerate(by_row) if _has_values(row)), None)
    if first is None:
        return int(_is_marked(grid) or (_is_full(by_row[0]) and grid.rows > 1))
    if first == 0:
        return int(_is_marked(grid))
    groups = (number for number in range(1, first) if {c.column for c in by_row[number] if c.lines} == {0})
    end = min([first, *groups])
    end = max([end, *(cell.last_row + 1 for row in by_row[:end] for cell in row if cell.row < end)])
    return end if end <= min(_MOST, _MOST_SHARE * grid.rows) or end == 1 else 1


def _has_values(row: list[GridCell]) -> bool:
    return are_values([cell.text.strip() for cell in row if cell.lines and cell.column > 0])


def _is_marked(grid: Grid) -> bool:
    """Whether a line ends the first row, and few others."""
    ends = grid.ruled_ends
    return bool(ends) and ends[0] and len(ends) > 1 and sum(ends[1:]) <= len(ends[1:]) / 3


def _is_full(row: list[GridCell]) -> bool:
    return bool(row) and all(cell.lines for cell in row)
