"""Boxes as models write them."""

from __future__ import annotations

from typing import Any

import pytest

from vlm_core.ocr.dialects.json_answers import around, fractions


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param([0, 0, 100, 50], (0.0, 0.0, 0.1, 0.1), id="whole-numbers"),
        pytest.param([0.5, 0, 100.5, 50.0], (0.0005, 0.0, 0.1005, 0.1), id="fractions"),
        pytest.param([100, 50, 0, 0], (0.0, 0.0, 0.1, 0.1), id="swapped"),
        pytest.param([-50, -50, 2000, 2000], (0.0, 0.0, 1.0, 1.0), id="out-of-the-page"),
        pytest.param([1200, 0, 1300, 50], None, id="wholly-outside"),
        pytest.param([5, 5, 5, 50], None, id="no-width"),
        pytest.param([0, 0, 100], None, id="three"),
        pytest.param([0, 0, 100, "50"], None, id="text"),
        pytest.param([0, 0, 100, True], None, id="truth"),
        pytest.param([0, 0, float("nan"), 50], None, id="nan"),
        pytest.param([0, 0, float("inf"), 50], None, id="infinite"),
        pytest.param([0, 0, 10**400, 50], None, id="enormous"),
        pytest.param([[0, 0, 1, 1]], None, id="nested"),
        pytest.param("0,0,1,1", None, id="a-string"),
        pytest.param(None, None, id="nothing"),
    ],
)
def test_a_box_is_brought_onto_the_page_or_dropped(box: Any, expected: Any) -> None:
    assert fractions(box, 1000, 500) == expected


def test_around_nothing_is_no_box() -> None:
    assert around([]) is None
