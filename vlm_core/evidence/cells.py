"""Cells of a table that engines pass over, such as a lone dash: looked for where their row and column
meet."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vlm_core.evidence.placing import Placing
from vlm_core.ocr.page_pixels import PagePixels
from vlm_core.types import Box, union

# Letters and marks of a cell that is so looked for, at most.
_LONGEST = 3
# Heights of the print: what is added to a column's sides, and to both sides of a row's middle.
_ASIDE, _OFF = 0.6, 0.75
# The same of how far the middles of a column's cells are apart.
_SAME_COLUMN = 3.0
# Lines of the answer within which other cells of a column are looked for.
_NEAR = 6


def find_small_cells(placing: Placing, pixels: PagePixels) -> None:
    """Note where ink stands for cells without a place, between those of their row and their column.

    Args:
        placing: gets the boxes.
        pixels: of the page.
    """
    units = placing.answer.units
    if all(unit.column is None for unit in units):
        return
    boxes = {number: box for number in range(len(units)) if (box := _box(placing, number)) is not None}
    for number, unit in enumerate(units):
        is_small = unit.column is not None and unit.length <= _LONGEST
        if is_small and number not in boxes:
            place = _crossing(placing, number, boxes)
            ink = None if place is None else pixels.ink_in(place)
            if ink is not None:
                placing.inked[number] = ink


def _box(placing: Placing, number: int) -> Box | None:
    places = placing.places_of(number)
    held = places[places >= 0]
    if not len(held):
        spot = placing.instead_of(number)
        return None if spot is None else placing.page.box(spot.first, spot.last)
    return union(tuple(map(float, box)) for box in placing.page.boxes[held])  # type: ignore[misc]


def _crossing(placing: Placing, number: int, boxes: dict[int, Box]) -> Box | None:
    """Where a cell's row and its column meet, clear of printed text."""
    row = [boxes[other] for other in _in_row(placing, number) if other in boxes]
    column = [boxes[other] for other in _in_column(placing, number) if other in boxes]
    if not row or not column:
        return None
    height = placing.page.height
    low = [box for box in row if box[3] - box[1] < 2 * height] or row
    middle = float(np.median([(box[1] + box[3]) / 2 for box in low]))
    left, right = _sides(column, height)
    place = left - _ASIDE * height, middle - _OFF * height, right + _ASIDE * height, middle + _OFF * height
    taken = placing.page.centres
    inside = (
        (taken[:, 0] >= place[0])
        & (taken[:, 0] <= place[2])
        & (taken[:, 1] >= place[1])
        & (taken[:, 1] <= place[3])
    )
    return None if inside.any() else place


def _sides(column: list[Box], height: float) -> tuple[float, float]:
    """The sides of a column, without those of its cells that stand elsewhere."""
    middle = float(np.median([(box[0] + box[2]) / 2 for box in column]))
    own = [box for box in column if abs((box[0] + box[2]) / 2 - middle) <= _SAME_COLUMN * height] or column
    return min(box[0] for box in own), max(box[2] for box in own)


def _in_row(placing: Placing, number: int) -> Iterator[int]:
    line = placing.answer.units[number].line
    return (other for other, unit in enumerate(placing.answer.units) if unit.line == line and other != number)


def _in_column(placing: Placing, number: int) -> Iterator[int]:
    """The cells of a column in the nearest rows above and below."""
    own = placing.answer.units[number]
    return (
        other
        for other, unit in enumerate(placing.answer.units)
        if unit.column == own.column and 0 < abs(unit.line - own.line) <= _NEAR
    )
