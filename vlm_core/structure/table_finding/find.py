"""The tables of a page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vlm_core.structure.table_finding.borderless import box_of, in_columns, parts_of
from vlm_core.structure.table_finding.extend import rows_beside, underlined_headings, without_notes
from vlm_core.structure.table_finding.grid import Grid, grid_of
from vlm_core.structure.table_finding.header import header_rows
from vlm_core.structure.table_finding.judge import is_borderless_table, is_ruled_table
from vlm_core.structure.table_finding.ruled import crossing, stacked
from vlm_core.structure.table_finding.rules import Rules, rules_on
from vlm_core.structure.table_finding.words import ByLevel, PlacedWord, Plane, around, usual_height, words_of
from vlm_core.structure.table_grid import plain_text
from vlm_core.types import Block, Box, Cell, Origin, Table, TextLine

_FEWEST_WORDS = 4


class FoundGrid(NamedTuple):
    """A table on the plane: its box, its cells, its words."""

    box: Box
    grid: Grid
    words: list[PlacedWord]


def find_tables(
    lines: Sequence[TextLine],
    rules: Sequence[Box],
    width: int,
    height: int,
    *,
    slope: float = 0.0,
    shades: Sequence[Box] = (),
    origin: Origin = "ocr",
) -> list[Block]:
    """The tables of a page as blocks, from the top.

    They are found by lines that cross, by lines across of one length, by shades, and by words that stand
    in columns. A table keeps lines whole: each is in one table with all its words, or in none.

    Args:
        lines: of the page, with their words.
        rules: the two ends of each ruling line, as fractions of the page.
        width: of the page, in pixels or points.
        height: likewise.
        slope: pixels by which lines of text fall for each pixel to the right, on a page askew.
        shades: areas filled with a colour, as fractions of the page.
        origin: of the lines.

    Example:
        >>> rows = ["Item Units Price", "Tea 1 2.00", "Cake 2 3.50", "Jam 4 8.00"]
        >>> lines = [TextLine(text=text, bbox=(0.1 + 0.3 * x, 0.1 + 0.03 * y, 0.2 + 0.3 * x, 0.12 + 0.03 * y))
        ...          for y, row in enumerate(rows) for x, text in enumerate(row.split())]
        >>> find_tables(lines, (), 1000, 1400)[0].table.to_rows()[:2]
        [['Item', 'Units', 'Price'], ['Tea', '1', '2.00']]
    """
    plane = Plane(width, height, slope)
    return [_as_block(found, plane, origin) for found in grids_on(lines, rules, plane, shades)]


def _as_block(found: FoundGrid, plane: Plane, origin: Origin) -> Block:
    grid, headers = found.grid, header_rows(found.grid)
    x0, y0, x1, y1 = around(found.words)
    # The sides of a table lie outside of its words, and of its lines where it has some.
    xs = [min(grid.xs[0], x0), *grid.xs[1:-1], max(grid.xs[-1], x1)]
    ys = [min(grid.ys[0], y0), *grid.ys[1:-1], max(grid.ys[-1], y1)]
    cells = tuple(
        Cell(
            row=cell.row,
            column=cell.column,
            row_span=cell.last_row - cell.row + 1,
            column_span=cell.last_column - cell.column + 1,
            text=cell.text,
            bbox=plane.fractions(
                (xs[cell.column], ys[cell.row], xs[cell.last_column + 1], ys[cell.last_row + 1])
            ),
            is_header=cell.row < headers,
        )
        for cell in sorted(grid.cells, key=lambda cell: (cell.row, cell.column))
    )
    table = Table(cells=cells)
    return Block(
        kind="table",
        text=plain_text(table),
        bbox=plane.fractions((xs[0], ys[0], xs[-1], ys[-1])),
        lines=tuple(sorted({word.line for word in found.words})),
        table=table,
        origin=origin,
    )


def grids_on(
    lines: Sequence[TextLine], rules: Sequence[Box], plane: Plane, shades: Sequence[Box] = ()
) -> list[FoundGrid]:
    """The tables of a page with their cells.

    Args:
        lines: with their words.
        rules: the two ends of each ruling line, as fractions of the page.
        plane: where the page's lines are level.
        shades: areas filled with a colour, which stand in for lines where there are none.
    """
    words = words_of(lines, plane)
    if not words:
        return []
    height = usual_height(words)
    drawn = rules_on(rules, plane, words, height)
    sides = [side for shade in shades for side in _sides(shade)]
    by_level = ByLevel(words)
    found: list[FoundGrid] = []
    with_sides = rules_on([*rules, *sides], plane, words, height) if sides else drawn
    for placed in (drawn, with_sides) if sides else (drawn,):
        for boxes in (crossing(placed, height), stacked(by_level, placed, height)):
            for box in sorted(boxes, key=_area):
                if not any(_overlap(box, other.box) for other in found):
                    found += _ruled_table(box, by_level, placed, height)
    found = _with_rows_beside(found, words, with_sides, height)
    free = _not_in(found, words)
    for part in parts_of(free, height):
        found += _borderless_tables(part, drawn, height)
    return sorted(found, key=lambda table: table.box[1])


def _not_in(found: Sequence[FoundGrid], words: Sequence[PlacedWord]) -> list[PlacedWord]:
    lines = {word.line for table in found for word in table.words}
    return [word for word in words if word.line not in lines]


def _with_rows_beside(
    found: Sequence[FoundGrid], words: Sequence[PlacedWord], rules: Rules, height: float
) -> list[FoundGrid]:
    """Tables with the rows that stand in their columns just outside of their lines."""
    extended: list[FoundGrid] = []
    for number, table in enumerate(found):
        free = ByLevel(_not_in([*extended, *found[number:]], words))
        beside = rows_beside(table.box, table.grid, free, height)
        if all(word.middle_y > table.box[1] for word in beside):
            beside += underlined_headings(table.box, free, rules, height)
        lines = {word.line for word in beside}
        beside = [word for word in words if word.line in lines]
        if beside:
            own = [*table.words, *beside]
            x0, y0, x1, y1 = table.box
            left, top, right, bottom = around(own)
            box = min(x0, left), min(y0, top), max(x1, right), max(y1, bottom)
            table = FoundGrid(box, grid_of(own, rules, box), own)
        extended.append(table)
    return extended


def _sides(area: Box) -> Iterator[Box]:
    x0, y0, x1, y1 = area
    yield from ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(a: Box, b: Box) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _ruled_table(box: Box, words: ByLevel, rules: Rules, height: float) -> Iterator[FoundGrid]:
    inside = _whole_lines(box, words)
    if len(inside) < _FEWEST_WORDS:
        return
    own = rules.within(box, 0.5 * height)
    grid = grid_of(inside, rules, box)
    smaller = without_notes(box, grid)
    if smaller != box:
        yield from _ruled_table(smaller, words, rules, height)
    elif is_ruled_table(grid, inside, own):
        yield FoundGrid(box, grid, inside)


def _whole_lines(box: Box, words: ByLevel) -> list[PlacedWord]:
    """The words of the lines of which most words are in a box."""
    x0, y0, x1, y1 = box
    level = words.between(y0, y1)  # the words of a line are all on one
    balance: Counter[int] = Counter()
    for word in level:
        balance[word.line] += 1 if x0 <= word.middle_x <= x1 else -1
    return [word for word in level if balance[word.line] > 0]


def _borderless_tables(words: Sequence[PlacedWord], rules: Rules, height: float) -> Iterator[FoundGrid]:
    for run in in_columns(words, height):
        whole = {word.line for word in words} - {word.line for word in set(words) - set(run)}
        run = [word for word in run if word.line in whole]
        if len(run) < _FEWEST_WORDS:
            continue
        box = box_of(run, height)
        grid = grid_of(run, rules, box)
        if is_borderless_table(grid):
            yield FoundGrid(around(run), grid, run)
