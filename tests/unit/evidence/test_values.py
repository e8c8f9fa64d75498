"""One value on a page: found as a whole, or judged by what is like it."""

from __future__ import annotations

import pytest

from vlm_core import TextLine
from vlm_core.evidence.values import find_value
from vlm_core.evidence.verify import print_of_lines

PAGE = print_of_lines(
    [
        TextLine(text="GREEN LEAF TEA HOUSE", bbox=(0.1, 0.1, 0.5, 0.14), row=0),
        TextLine(text="TOTAL RM 1,150.00", bbox=(0.1, 0.3, 0.5, 0.34), row=1),
        TextLine(text="12/03/2018", bbox=(0.1, 0.5, 0.3, 0.54), row=2),
    ],
    1000,
    1000,
)


@pytest.mark.parametrize(
    ("value", "stands"),
    [
        pytest.param("1,150.00", True, id="an amount"),
        pytest.param("Green Leaf Tea House", True, id="a name in other letters"),
        pytest.param("12/03/2018", True, id="a date"),
        pytest.param("150.00", False, id="a part of an amount"),
        pytest.param("1,160.00", False, id="another amount"),
        pytest.param("12/03/2019", False, id="another date"),
        pytest.param("Blue Lagoon Fish Bar", False, id="another name"),
    ],
)
def test_a_value_stands_on_the_page_or_does_not(value: str, stands: bool) -> None:
    assert find_value(value, PAGE).stands is stands


def test_a_wrong_value_says_what_stands_there() -> None:
    (mark,) = find_value("1,160.00", PAGE).marks
    assert mark.expected == "1,150.00"


def test_a_value_has_its_place() -> None:
    ((x0, y0, _, _),) = find_value("12/03/2018", PAGE).places
    assert (round(x0), round(y0)) == (100, 500)
