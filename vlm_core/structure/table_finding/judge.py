"""Whether what looks like a table is one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from vlm_core.structure.table_finding.grid import Grid, GridCell
from vlm_core.structure.table_finding.rules import Rules, between
from vlm_core.structure.table_finding.words import PlacedWord

# The share of a ruled table's places that hold text.
_FILLED = 0.5
# Of a table's width: how long such a line is.
_ALONG = 0.5
# The share of words that a line may run through: those of a chart run through its labels.
_STRUCK = 0.15
_PROSE_CELL, _FEW_CELLS = 25, 8
"""Words of the usual cell of so few that make it prose in a frame."""

# The share of rows that lines part, from which columns need none.
_RULED_ROWS = 0.6
# Of the smallest table whose columns are parted by white alone;
_COLUMNS = 3
_ROWS, _ROWS_BETWEEN_LINES = 4, 3
"""its rows, and those of one that has lines above, below and perhaps within;"""
# the share of columns that make a row full;
_FULL_ROW = 0.6
_FULL_ROWS, _FULL_ROWS_BETWEEN_LINES = 0.8, 0.6
"""the share of rows that are, without lines and with them;"""
# and words of the usual cell at most.
_SHORT_CELL = 6


def is_ruled_table(grid: Grid, words: Sequence[PlacedWord], rules: Rules) -> bool:
    """Whether cells between ruling lines are a table, and not a frame, a form or a chart.

    Args:
        grid: its cells.
        words: in it.
        rules: of it.
    """
    if not grid.lines_down and grid.lines_across < _RULED_ROWS * (grid.rows - 1):
        return _is_in_columns(grid, _ROWS_BETWEEN_LINES, _FULL_ROWS_BETWEEN_LINES)
    texts = [cell for cell in grid.cells if cell.lines]
    columns = {cell.column for cell in texts if cell.column == cell.last_column}
    if grid.rows < 2 or len(columns) < 2 or len({cell.row for cell in texts}) < 2 or len(texts) < 4:
        return False
    places = sum((cell.last_row - cell.row + 1) * (cell.last_column - cell.column + 1) for cell in texts)
    if places < _FILLED * grid.rows * grid.columns:
        return False
    if not _is_parted(grid, rules) and _full_rows(grid, 2) < _FULL_ROWS * grid.rows:
        return False
    if len(texts) <= _FEW_CELLS and median(map(_words, texts)) >= _PROSE_CELL:
        return False
    return sum(_is_struck(word, rules) for word in words) <= _STRUCK * len(words)


def _is_parted(grid: Grid, rules: Rules) -> bool:
    """Whether a line within a table parts its rows, as the frame of a picture does not."""
    (x0, *_, x1), (y0, *_, y1) = grid.xs, grid.ys
    edge = 0.25 * (y1 - y0) / grid.rows
    return any(
        y0 + edge < rule.at < y1 - edge and rule.covers(x0, x1) >= _ALONG * (x1 - x0) for rule in rules.across
    )


def _words(cell: GridCell) -> int:
    return sum(map(len, cell.lines))


def _is_struck(word: PlacedWord, rules: Rules) -> bool:
    """Whether a line runs through the middle of a word."""
    edge = 0.25 * word.height
    across = between(rules.across, word.y0 + edge, word.y1 - edge)
    down = between(rules.down, word.x0 + edge, word.x1 - edge)
    return any(rule.covers(word.x0, word.x1) > 0 for rule in across) or any(
        rule.covers(word.y0, word.y1) > 0 for rule in down
    )


def is_borderless_table(grid: Grid) -> bool:
    """Whether cells without ruling lines are a table: its columns stand in most of its rows."""
    return _is_in_columns(grid, _ROWS, _FULL_ROWS)


def _is_in_columns(grid: Grid, rows: int, full_rows: float) -> bool:
    if grid.rows < rows or grid.columns < _COLUMNS:
        return False
    usual = median(_words(cell) for cell in grid.cells if cell.lines)
    return _full_rows(grid, _COLUMNS) >= max(rows - 1, full_rows * grid.rows) and usual <= _SHORT_CELL


def _full_rows(grid: Grid, fewest: int) -> int:
    """How many rows have text in most columns, and in so many at least."""
    filled = Counter(cell.row for cell in grid.cells if cell.lines)
    return sum(count >= max(fewest, _FULL_ROW * grid.columns) for count in filled.values())
