"""Where a page's pixels show a picture."""

from __future__ import annotations

import numpy as np
import pytest

from vlm_core.ocr.figure_areas import figure_areas
from vlm_core.ocr.pixels import Pixels
from vlm_core.types import TextLine

HEIGHT, WIDTH = 800, 600


@pytest.fixture
def page() -> Pixels:
    return np.full((HEIGHT, WIDTH, 3), 250, np.uint8)


def photograph(height: int, width: int) -> Pixels:
    levels = np.random.default_rng(7).integers(0, 180, (height, width, 1), np.uint8)
    return np.repeat(levels, 3, axis=2)


def test_a_photograph_is_found_where_it_stands(page: Pixels) -> None:
    page[200:400, 150:450] = photograph(200, 300)
    (area,) = figure_areas(page, [], [])
    assert area == pytest.approx((0.25, 0.25, 0.75, 0.5), abs=0.01)


def test_two_photographs_side_by_side_are_two(page: Pixels) -> None:
    page[200:400, 60:290] = photograph(200, 230)
    page[200:400, 310:540] = photograph(200, 230)
    assert len(figure_areas(page, [], [])) == 2


def test_text_is_no_picture(page: Pixels) -> None:
    page[200:400, 150:450] = photograph(200, 300)
    assert not figure_areas(page, [TextLine(text="dense", bbox=(0.25, 0.25, 0.75, 0.5))], [])


def test_a_table_is_no_picture(page: Pixels) -> None:
    page[200:400, 150:450] = photograph(200, 300)
    assert not figure_areas(page, [], [(0.25, 0.25, 0.75, 0.5)])


def test_a_ground_of_one_colour_is_no_picture(page: Pixels) -> None:
    page[200:400, 150:450] = 120
    assert not figure_areas(page, [], [])


def test_a_frame_is_no_picture(page: Pixels) -> None:
    page[200:400, 150:450] = 0
    page[204:396, 154:446] = 250
    assert not figure_areas(page, [], [])


def test_a_page_that_is_a_photograph_has_none(page: Pixels) -> None:
    page[:] = photograph(HEIGHT, WIDTH)
    assert not figure_areas(page, [], [])
