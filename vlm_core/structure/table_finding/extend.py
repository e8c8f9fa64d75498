"""Rows of a table outside of its lines, as headings may stand; and notes within them that are not rows."""

from __future__ import annotations

from collections.abc import Sequence

from vlm_core.structure.table_finding.columns import row_segments
from vlm_core.structure.table_finding.grid import Grid, GridCell
from vlm_core.structure.table_finding.rules import Rules, between
from vlm_core.structure.table_finding.words import ByLevel, PlacedWord, around, text_rows
from vlm_core.types import Box

# Times the height: how far from the table such a row stands at most.
_GAP = 1.0
# Rows that are added above, and below.
_MOST = 3
# The share of the columns in which it has text, each part of it in one.
_COLUMNS = 0.6
# Times the height: how far above a table a line may underline the headings of its columns, and
_HEADINGS = 7.0
# how much white stands between their rows at most.
_HEADINGS_GAP = 1.5
# The share of a table's width at its left that such lines leave out.
_NOT_UNDER = 0.1
# Words of a text over all columns from which it is a caption or a note.
_NOTE = 8
# Times the height: how far a text may reach into the next column.
_EDGE = 0.35


def rows_beside(box: Box, grid: Grid, free: ByLevel, height: float) -> list[PlacedWord]:
    """The words of rows just above and below a table that stand in its columns.

    Args:
        box: of the table.
        grid: its cells.
        free: the words that are in no table.
        height: of the usual line.
    """
    found: list[PlacedWord] = []
    x0, y0, x1, y1 = box
    for is_above in (True, False):
        edge = y0 if is_above else y1
        for _ in range(_MOST):
            reach = (_GAP + 1) * height
            near = free.between(edge - reach, edge) if is_above else free.between(edge, edge + reach)
            rows = text_rows([word for word in near if word not in found], height)
            if not rows:
                break
            row = rows[-1] if is_above else rows[0]
            left, top, right, bottom = around(row)
            gap = edge - bottom if is_above else top - edge
            is_inside = left >= x0 - height and right <= x1 + height
            if gap > _GAP * height or not is_inside or not _stands_in_columns(row, grid, height):
                break
            found += row
            edge = top if is_above else bottom
    return found


def underlined_headings(box: Box, free: ByLevel, rules: Rules, height: float) -> list[PlacedWord]:
    """The words of rows above a table that stand over its columns, where lines underline the columns alone.

    Statements of companies have them: "Year ended" over the dates, each underlined, and "in millions" below.

    Args:
        box: of the table.
        free: the words that are in no table.
        rules: of the page.
        height: of the usual line.
    """
    x0, top, x1, _ = box
    near = between(rules.across, top - _HEADINGS * height, top - 0.5 * height)
    lines = [rule for rule in near if rule.start > x0 + _NOT_UNDER * (x1 - x0) and rule.end <= x1 + height]
    if not lines:
        return []
    left, right = min(rule.start for rule in lines) - height, max(rule.end for rule in lines) + height
    found: list[PlacedWord] = []
    edge = top
    for row in reversed(text_rows(free.between(lines[0].at - 2 * height, top), height)):
        start, above, end, bottom = around(row)
        is_above_all = bottom < lines[0].at and edge <= lines[0].at
        if edge - bottom > _HEADINGS_GAP * height or start < left or end > right or is_above_all:
            break
        found += row
        edge = above
    return found if edge <= lines[0].at else []


def without_notes(box: Box, grid: Grid) -> Box:
    """The box of a table without the sentences above and below its rows, which run over all its columns.

    Args:
        box: of the table.
        grid: its cells.
    """
    notes = {cell.row for cell in grid.cells if _is_note(cell, grid)}
    first = next((row for row in range(grid.rows) if row not in notes), 0)
    last = next((row for row in reversed(range(grid.rows)) if row not in notes), grid.rows - 1)
    top = grid.ys[first] if first else box[1]
    bottom = grid.ys[last + 1] if last + 1 < grid.rows else box[3]
    return box[0], top, box[2], bottom


def _is_note(cell: GridCell, grid: Grid) -> bool:
    runs_over_all = cell.column == 0 and cell.last_column == grid.columns - 1
    return runs_over_all and sum(map(len, cell.lines)) >= _NOTE


def _stands_in_columns(row: list[PlacedWord], grid: Grid, height: float) -> bool:
    parts = row_segments(row, (), height)
    columns = [_column_of(part, grid.xs[1:-1], height) for part in parts]
    is_apart = None not in columns and len(set(columns)) == len(columns)
    return is_apart and len(columns) >= max(2, _COLUMNS * grid.columns)


def _column_of(part: Sequence[PlacedWord], separators: Sequence[float], height: float) -> int | None:
    """The one column that a text stands in; None where it runs over two."""
    first = sum(x <= part[0].x0 + _EDGE * height for x in separators)
    last = sum(x < part[-1].x1 - _EDGE * height for x in separators)
    return first if first == last else None
