"""Pages with tens of thousands of boxes: putting them in order must not take forever, nor lose a box."""

from __future__ import annotations

import pytest
from crowded_pages import (
    LAYOUTS,
    Layout,
    dust,
    grid_of_prose,
    grid_of_words,
    nested_boxes,
    nested_columns,
    one_column,
    one_row,
    ragged_column,
    staircase,
    two_columns,
)
from work_counts import lines_run

from vlm_core.ocr.layout import lines_in_order

MOST_GROWTH = 6
"""Of the lines of code that run, with four times as many boxes. A quadratic algorithm has 16."""
MOST_LINES = 9_000_000
"""Of code, for 2,500 boxes of any layout: pages made to take forever are given up."""


def lines_to_order(layout: Layout, count: int) -> int:
    pieces = layout(count)
    return lines_run(lambda: lines_in_order(pieces, 2_000, 3_000))


@pytest.mark.parametrize(
    "layout",
    [grid_of_words, grid_of_prose, one_row, one_column, two_columns, nested_boxes],
    ids=lambda layout: layout.__name__,
)
def test_four_times_as_many_boxes_take_at_most_six_times_the_work(layout: Layout) -> None:
    assert lines_to_order(layout, 20_000) <= MOST_GROWTH * lines_to_order(layout, 5_000)


@pytest.mark.parametrize(
    "layout", [ragged_column, nested_columns, dust, staircase], ids=lambda layout: layout.__name__
)
def test_no_layout_takes_more_than_a_bounded_amount_of_work(layout: Layout) -> None:
    assert lines_to_order(layout, 2_500) <= MOST_LINES


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_no_box_is_lost_however_many_there_are(layout: Layout) -> None:
    pieces = layout(2_000)
    text = " ".join(line.text for line in lines_in_order(pieces, 2_000, 3_000))
    assert sorted(text.split()) == sorted(" ".join(piece.text for piece in pieces).split())


def test_columns_are_still_parted_on_a_page_of_thousands() -> None:
    columns = 100
    pieces = grid_of_prose(10_000)
    lefts = [line.bbox[0] for line in lines_in_order(pieces, 100 * columns, 3_000)]
    assert lefts == sorted(lefts)
