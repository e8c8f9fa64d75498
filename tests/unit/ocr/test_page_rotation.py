"""Only what can be read turns a page."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from vlm_core.ocr.page_rotation import turn_of
from vlm_core.ocr.pixels import Pixels
from vlm_core.ocr.recognition import RecognizedLine
from vlm_core.ocr.tiles import Quads

PAGE = np.full((400, 400, 3), 255, np.uint8)
PAGE[:, :200] = 128  # so that a line tells which way it is held


def lines(count: int, *, tall: bool = False) -> Quads:
    wide = [
        [[20, 20 + 40 * n], [380, 20 + 40 * n], [380, 44 + 40 * n], [20, 44 + 40 * n]] for n in range(count)
    ]
    high = [
        [[20 + 40 * n, 20], [44 + 40 * n, 20], [44 + 40 * n, 380], [20 + 40 * n, 380]] for n in range(count)
    ]
    return np.array(high if tall else wide, np.float32)


def seen(inverted: bool, texts: Sequence[RecognizedLine], quads: Quads) -> int:
    answers = iter(texts)

    def read(crop: Pixels) -> RecognizedLine:
        return next(answers)

    return turn_of(PAGE, quads, lambda crops: [inverted] * len(crops), read)


SURE = RecognizedLine("the quick brown fox jumps", 0.98, 0.9)
GARBAGE = RecognizedLine("nennan cecun s a", 0.62, 0.5)
PHANTOM = RecognizedLine("A", 0.99, 0.99)
SCANT = RecognizedLine(".", 0.97, 0.97)


@pytest.mark.parametrize(
    ("inverted", "tall", "readings", "turn"),
    [
        pytest.param(False, False, [], 0, id="upright-without-reading"),
        pytest.param(True, False, [SURE] * 3, 180, id="on-its-head"),
        pytest.param(True, False, [GARBAGE] * 3, 0, id="a-script-that-is-not-known"),
        pytest.param(True, False, [SCANT] * 3, 0, id="hardly-a-character-a-line"),
        pytest.param(False, True, [SURE] * 3, 270, id="on-its-right-side"),
        pytest.param(True, True, [SURE] * 3, 90, id="on-its-left-side"),
        pytest.param(True, True, [GARBAGE] * 3 + [SURE] * 3, 270, id="the-classifier-errs"),
        pytest.param(True, True, [GARBAGE] * 6, 0, id="on-its-side-and-illegible"),
    ],
)
def test_a_page_is_turned_for_lines_that_can_be_read(
    inverted: bool, tall: bool, readings: Sequence[RecognizedLine], turn: int
) -> None:
    assert seen(inverted, readings, lines(3, tall=tall)) == turn


def test_one_phantom_letter_turns_no_picture() -> None:
    box = np.array([[[20, 20], [50, 20], [50, 50], [20, 50]]], np.float32)
    assert seen(True, [PHANTOM], box) == 0


def test_a_page_without_boxes_stays_as_it_is() -> None:
    assert seen(True, [], np.zeros((0, 4, 2), np.float32)) == 0
