"""The height of print, told from the ink, and the picture in which it is then looked for."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from vlm_core.ocr.marks import letter_heights, shrinkage
from vlm_core.ocr.tiles import Pixels, Quads, find_text

NOTHING = np.zeros((0, 4, 2), np.float32)


def chart_of(height: int) -> Pixels:
    """A page with more ink in its lines than in its letters."""
    image = page_of(height)
    image[1200:1212, 40:1200] = image[1300:1700, 40:80] = 0
    for x in range(120, 1200, 60):
        image[1230:1700, x : x + 12] = 0
    return image


def page_of(*heights: int, letters: int = 120) -> Pixels:
    """A page on which every height has as many letters: upright bars, some wider than others."""
    image = np.full((1760, 1240, 3), 255, np.uint8)
    sizes = [heights[number % len(heights)] for number in range(letters * len(heights))]
    for number, size in enumerate(sizes):
        x, y = 10 + number % 24 * 50, 10 + number // 24 * 80
        image[y : y + size, x : x + max(2, size // 2)] = 20
    return image


@pytest.mark.parametrize(
    ("page", "share"),
    [
        pytest.param(page_of(28), 0.5, id="large print"),
        pytest.param(page_of(56), 0.25, id="twice as large"),
        pytest.param(page_of(14), 1.0, id="print of 10 points"),
        pytest.param(page_of(10), 1.0, id="small print"),
        pytest.param(page_of(28, 28, 12), 0.75, id="small print beside large one stays large enough"),
        pytest.param(page_of(28, letters=12), 1.0, id="too few letters to tell"),
        pytest.param(page_of(4), 1.0, id="specks"),
        pytest.param(chart_of(28), 1.0, id="letters in a chart"),
        pytest.param(255 - page_of(28), 0.5, id="light on dark"),
    ],
)
def test_a_page_is_scaled_down_as_far_as_its_letters_allow(page: Pixels, share: float) -> None:
    assert shrinkage(page) == pytest.approx(share)


def test_rules_and_pictures_are_not_letters() -> None:
    image = page_of(20)
    image[1500:1503, 40:1200] = 0
    image[1000:1700, 1235:1238] = 0
    cv2.circle(image, (600, 1400), 90, (0, 0, 0), -1)
    assert set(letter_heights(image)) == {20}


def test_large_print_is_looked_for_in_a_smaller_picture() -> None:
    seen: list[tuple[int, ...]] = []

    def detect(image: Pixels) -> Quads:
        seen.append(image.shape[:2])
        return np.array([[[0, 0], [300, 0], [300, 24], [0, 24]]], np.float32)

    quads = find_text(page_of(28, letters=500), detect)
    assert seen == [(896, 608)]  # half the sides, of the detector's grid
    assert quads[0, 2] == pytest.approx([300 * 1240 / 608, 24 * 1760 / 896])


def test_a_page_on_which_nothing_is_found_so_is_looked_at_in_full() -> None:
    seen: list[int] = []

    def detect(image: Pixels) -> Quads:
        seen.append(image.shape[0])
        return NOTHING

    find_text(page_of(28, letters=500), detect)
    assert [side > 1600 for side in seen] == [False, True]
