"""Which way is up, and turning boxes along with their page."""

from __future__ import annotations

import numpy as np
import pytest

from vlm_core.ocr.page_rotation import clockwise_turn, turn_image, turn_quads


@pytest.mark.parametrize(
    ("tall", "inverted", "turn"),
    [
        pytest.param(False, False, 0, id="upright"),
        pytest.param(True, True, 90, id="lies-on-its-left"),
        pytest.param(False, True, 180, id="on-its-head"),
        pytest.param(True, False, 270, id="lies-on-its-right"),
    ],
)
def test_the_majority_of_lines_decides(tall: bool, inverted: bool, turn: int) -> None:
    votes = ([tall] * 9 + [not tall], [inverted] * 9 + [not inverted])
    assert clockwise_turn(*votes) == turn


def test_a_tie_leaves_the_page_as_it_is() -> None:
    assert clockwise_turn([True, False], [True, False]) == 0


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_box_turns_with_its_picture(turn: int) -> None:
    image = np.zeros((30, 50, 3), np.uint8)
    image[5:10, 20:40] = 255
    quad = np.array([[[20, 5], [40, 5], [40, 10], [20, 10]]], np.float32)
    turned = turn_quads(quad, turn, width=50, height=30)[0]
    (x0, y0), (x1, y1) = turned.min(axis=0).astype(int), turned.max(axis=0).astype(int)
    picture = turn_image(image, turn)
    assert picture[y0:y1, x0:x1].min() == 255
    assert picture.sum() == picture[y0:y1, x0:x1].sum()


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_turned_box_begins_at_its_top_left(turn: int) -> None:
    quad = np.array([[[20, 5], [40, 5], [40, 10], [20, 10]]], np.float32)
    turned = turn_quads(quad, turn, width=50, height=30)[0]
    assert turned[0].tolist() == turned.min(axis=0).tolist()
    assert turned[2].tolist() == turned.max(axis=0).tolist()
