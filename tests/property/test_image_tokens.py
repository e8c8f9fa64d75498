"""Tokens of images, for every size that an image can have."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from vlm_core.catalog.image_tokens import FORMULAS, image_tokens

SIDES = st.integers(1, 20_000)
NAMES = sorted(FORMULAS)
# The others end each row with a token, or choose among arrangements of tiles by width over height.
SYMMETRIC = [
    name
    for name in NAMES
    if not name.startswith(("pixtral", "mistral", "deepseek-ocr", "internvl", "nemotron"))
]


@pytest.mark.parametrize("name", NAMES)
@given(width=SIDES, height=SIDES)
def test_a_count_is_positive_or_not_known_for_too_narrow_an_image(name: str, width: int, height: int) -> None:
    count = image_tokens(name, width, height)
    most = FORMULAS[name].max_aspect
    is_too_narrow = most is not None and max(width, height) > most * min(width, height)
    assert count is None if is_too_narrow else count is not None and count > 0


@pytest.mark.parametrize("name", ["qwen2-vl", "qwen3-vl", "paddleocr-vl"])
@given(width=SIDES, height=SIDES, bound=st.integers(200_000, 20_000_000))
def test_no_count_is_above_what_the_bound_of_pixels_allows(
    name: str, width: int, height: int, bound: int
) -> None:
    cell = 32 if name == "qwen3-vl" else 28
    count = image_tokens(name, width, height, min_pixels=cell**2, max_pixels=bound)
    assert count is None or count * cell**2 <= bound


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith(("qwen", "glm"))])
@given(side=st.integers(1, 19_000), more=st.integers(0, 1000))
def test_a_larger_square_costs_no_fewer_tokens(name: str, side: int, more: int) -> None:
    smaller, larger = image_tokens(name, side, side), image_tokens(name, side + more, side + more)
    assert smaller is not None
    assert larger is not None
    assert smaller <= larger


@pytest.mark.parametrize("name", SYMMETRIC)
@given(width=SIDES, height=SIDES)
def test_a_turned_image_costs_the_same(name: str, width: int, height: int) -> None:
    assume(min(width, height) >= 28)  # below, PaddleOCR-VL's processor looks at the height first
    assert image_tokens(name, width, height) == image_tokens(name, height, width)
