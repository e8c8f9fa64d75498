"""The tables of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vlm_core.structure.table_finding.borderless import box_of, in_columns, parts_of
from vlm_core.structure.table_finding.grid import Grid, grid_of
from vlm_core.structure.table_finding.judge import is_borderless_table, is_ruled_table
from vlm_core.structure.table_finding.ruled import crossing, stacked
from vlm_core.structure.table_finding.rules import Rules, rules_on
from vlm_core.structure.table_finding.words import PlacedWord, Plane, around, usual_height, words_of
from vlm_core.types import Box, TextLine


class FoundGrid(NamedTuple):
    """A table on the plane: its box, its cells, its words."""

    box: Box
    grid: Grid
    words: list[PlacedWord]


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
    drawn = rules_on(rules, plane, height)
    sides = [side for shade in shades for side in _sides(shade)]
    found: list[FoundGrid] = []
    for placed in (drawn, rules_on([*rules, *sides], plane, height)) if sides else (drawn,):
        for boxes in (crossing(placed, height), stacked(words, placed, height)):
            for box in sorted(boxes, key=_area):
                if not any(_overlap(box, other.box) for other in found):
                    found += _ruled_table(box, words, placed, height)
    taken = {word for table in found for word in table.words}
    free = [word for word in words if word not in taken]
    for part in parts_of(free, height):
        found += _borderless_tables(part, drawn, height)
    return sorted(found, key=lambda table: table.box[1])


def _sides(area: Box) -> Iterator[Box]:
    x0, y0, x1, y1 = area
    yield from ((x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1))


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(a: Box, b: Box) -> bool:
    return min(a[2], b[2]) > max(a[0], b[0]) and min(a[3], b[3]) > max(a[1], b[1])


def _ruled_table(
    box: Box, words: Sequence[PlacedWord], rules: Rules, height: float
) -> Iterator[FoundGrid]:
    inside = [word for word in words if _holds(box, word)]
    if len(inside) < 4:
        return
    own = rules.within(box, 0.5 * height)
    grid = grid_of(inside, rules, box)
    if is_ruled_table(grid, inside, own):
        yield FoundGrid(box, grid, inside)


def _holds(box: Box, word: PlacedWord) -> bool:
    return box[0] <= word.middle_x <= box[2] and box[1] <= word.middle_y <= box[3]


def _borderless_tables(words: Sequence[PlacedWord], rules: Rules, height: float) -> Iterator[FoundGrid]:
    for run in in_columns(words, height):
        box = box_of(run, height)
        grid = grid_of(run, rules, box)
        if is_borderless_table(grid):
            yield FoundGrid(around(run), grid, run)
