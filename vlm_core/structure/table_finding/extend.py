"""Rows of a table that stand just outside of its lines, as headings above the first one do."""

from __future__ import annotations

from collections.abc import Sequence

from vlm_core.structure.table_finding.columns import row_segments
from vlm_core.structure.table_finding.grid import Grid
from vlm_core.structure.table_finding.words import ByLevel, PlacedWord, around, text_rows
from vlm_core.types import Box

_GAP = 1.0
"""Times the height: how far from the table such a row stands at most."""
_MOST = 3
"""Rows that are added above, and below."""
_COLUMNS = 0.6
"""The share of the columns in which it has text, each part of it in one."""
_EDGE = 0.35
"""Times the height: how far a text may reach into the next column."""


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
