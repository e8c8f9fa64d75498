"""How far down the pieces reach that stand above or below another one."""

from __future__ import annotations

import random
from math import inf

import pytest

from vlm_core.reading_order.lowest import Lowest
from vlm_core.reading_order.pieces import Piece


def piece(left: float, right: float, level: float = 0.0) -> Piece:
    return Piece("a", 1.0, (left, level - 5, right, level + 5), level)


@pytest.mark.parametrize(
    ("other", "is_below"),
    [
        pytest.param((0, 10), True, id="as wide"),
        pytest.param((4, 6), True, id="within it"),
        pytest.param((-20, 40), True, id="all around it"),
        pytest.param((4, 14), True, id="more than half"),
        pytest.param((5, 15), False, id="half"),
        pytest.param((9, 11), False, id="half of the shorter one"),
        pytest.param((8.9, 10.9), True, id="more than half of the shorter one"),
        pytest.param((10, 20), False, id="beside it"),
        pytest.param((5, 5), False, id="without width"),
    ],
)
def test_what_stands_below_is_found_where_most_of_the_shorter_one_does(
    other: tuple[float, float], is_below: bool
) -> None:
    one, below = piece(0, 10), piece(*other, level=30)
    lowest = Lowest([one, below])
    lowest.add(below)
    assert lowest.in_column_of(one) == (30 if is_below else -inf)


def test_the_lowest_of_many_is_the_one_that_a_look_at_each_finds() -> None:
    at = random.Random(1).randrange
    pieces = [piece(left := at(200), left + at(40), at(300)) for _ in range(400)]
    lowest = Lowest(pieces)
    for number, one in enumerate(pieces):
        beside = [other.level for other in pieces[:number] if shares_most(one, other)]
        assert lowest.in_column_of(one) == max(beside, default=-inf)
        lowest.add(one)


def shares_most(a: Piece, b: Piece) -> bool:
    shared = min(a.right, b.right) - max(a.left, b.left)
    return shared > 0.5 * min(a.right - a.left, b.right - b.left)
