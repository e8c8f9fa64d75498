"""Numbers, dates and labels, however they are written."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm_core.evidence.labels import label_of, role_of_field, role_of_words
from vlm_core.evidence.numbers_and_dates import (
    amounts,
    date_of,
    date_written_like,
    dates_in,
    numbers_in,
    order_of,
    written_like,
)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        pytest.param("1,150.00", ["1150.00"], id="comma in thousands"),
        pytest.param("1.150,00", ["1150.00"], id="point in thousands"),
        pytest.param("1 150,00", ["1150.00"], id="blank in thousands"),
        pytest.param("1'150.00", ["1150.00"], id="apostrophe in thousands"),
        pytest.param("1.150", ["1.150", "1150"], id="either"),
        pytest.param("0.150", ["0.150"], id="not thousands"),
        pytest.param("1,234,567", ["1234567"], id="twice"),
        pytest.param("$9.00", ["9.00"], id="a currency"),
        pytest.param("(9.00)", ["-9.00"], id="accountants' minus"),
        pytest.param("-9.00", ["-9.00"], id="minus"),
        pytest.param("9.00-", ["-9.00"], id="minus behind"),
        pytest.param("000181747712", [], id="the number of an account"),
        pytest.param("007", [], id="zeros in front"),
        pytest.param("A 12", ["12"], id="a letter"),
        pytest.param("Room 12 of 14", [], id="words"),
        pytest.param(True, [], id="a truth value"),
        pytest.param(float("nan"), [], id="not a number"),
        pytest.param(9.5, ["9.5"], id="a float"),
    ],
)
def test_the_number_that_a_value_is(text: Any, numbers: list[str]) -> None:
    assert amounts(text) == {Decimal(number) for number in numbers}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        pytest.param("2018-03-25", date(2018, 3, 25), id="ISO"),
        pytest.param("2018-03-25T10:30:00Z", date(2018, 3, 25), id="with a time"),
        pytest.param("25/03/2018", date(2018, 3, 25), id="slashes"),
        pytest.param("03/25/2018", date(2018, 3, 25), id="month first"),
        pytest.param("25-03-18", date(2018, 3, 25), id="two digits of the year"),
        pytest.param("25 MAR 2018", date(2018, 3, 25), id="a month's name"),
        pytest.param("March 25, 2018", date(2018, 3, 25), id="its name first"),
        pytest.param("2018年3月25日", date(2018, 3, 25), id="Chinese and Japanese"),
        pytest.param("25. Mai 2018", date(2018, 5, 25), id="German"),
    ],
)
def test_the_date_that_a_value_is(text: str, day: date) -> None:
    found = date_of(text)
    assert found is not None
    assert day in (found.day_first, found.month_first)


@pytest.mark.parametrize("text", ["32/01/2018", "TEL 12-34567", "9.00", "25/03/2018 and more", "1/2"])
def test_what_is_no_date_is_none(text: str) -> None:
    assert date_of(text) is None


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        pytest.param(["12/03/2018", "25/03/2018"], "day first", id="day first"),
        pytest.param(["12/03/2018", "03/25/2018"], "month first", id="month first"),
        pytest.param(["12/03/2018"], "", id="not told"),
        pytest.param(["25/03/2018", "03/25/2018"], "", id="both"),
    ],
)
def test_a_page_tells_the_order_of_day_and_month(texts: list[str], order: str) -> None:
    assert order_of(iter(texts)) == order


def test_a_date_that_runs_into_the_time_is_found() -> None:
    assert [str(found.day_first) for found in dates_in("25/03/201810:12AM")] == ["2018-03-25"]


def test_digits_that_a_blank_parts_are_one_number_and_two() -> None:
    readings = [number.readings for number in numbers_in("2 150,00")]
    assert readings == [{Decimal("2150.00")}, {Decimal(2)}, {Decimal("150.00")}]


@given(
    st.decimals(min_value=0, max_value=10**9, places=2),
    st.sampled_from(["1,150.00", "1.150,00", "9.00", "9,00"]),
)
def test_a_number_written_like_another_is_the_same_number(number: Decimal, pattern: str) -> None:
    assert number in amounts(written_like(number, pattern)) or number >= 10**9


@given(
    st.dates(date(2000, 1, 1), date(2069, 12, 31)),
    st.sampled_from(["25/12/2017", "2017-12-25", "25-12-17", "12/25/2017"]),
)
def test_a_date_written_like_another_is_the_same_date(day: date, pattern: str) -> None:
    found = date_of(date_written_like(day, pattern))
    assert found is not None
    assert day in (found.day_first, found.month_first)


@given(st.text(max_size=60))
def test_any_text_has_numbers_and_dates_within_it(text: str) -> None:
    for found in (*numbers_in(text), *dates_in(text)):
        assert 0 <= found.start < found.end <= len(text)


@pytest.mark.parametrize(
    ("words", "role"),
    [
        pytest.param("TOTAL", "total", id="total"),
        pytest.param("Total Incl. of GST", "total", id="tax in it"),
        pytest.param("Total Incl. GST@6% RM", "total", id="a rate in it"),
        pytest.param("TOTAL (GST INCL)", "total", id="tax in it, in brackets"),
        pytest.param("Total After Rounding", "total", id="after rounding"),
        pytest.param("IUIAL", "total", id="faint print"),
        pytest.param("Gesamtbetrag", "total", id="German"),
        pytest.param("合计金额", "total", id="Chinese"),
        pytest.param("SUB-TOTAL", "subtotal", id="subtotal"),
        pytest.param("Total GST", "tax", id="tax"),
        pytest.param("Total Sales (Excluding GST)", "net", id="without tax"),
        pytest.param("Total Saving", "discount", id="saving"),
        pytest.param("TOTAL QUANTITY", "quantity", id="a count"),
        pytest.param("CASH", "paid", id="cash"),
        pytest.param("CHANGE DUE", "change", id="change"),
        pytest.param("HAMMER", None, id="an article"),
    ],
)
def test_what_words_say_of_the_amount_beside_them(words: str, role: str | None) -> None:
    assert role_of_words(words) == role


def test_the_nearest_words_count_first() -> None:
    assert label_of(["Rounding :", "Total :"]).roles == ("total", "rounding")


@pytest.mark.parametrize(
    ("name", "description", "role"),
    [
        pytest.param("total", "", "total", id="total"),
        pytest.param("grandTotal", "", "total", id="camel case"),
        pytest.param("amount_due", "", "total", id="amount due"),
        pytest.param("sub_total", "", "subtotal", id="subtotal"),
        pytest.param("sum", "what is to pay", "total", id="by its description"),
        pytest.param("invoice_number", "", None, id="another field"),
    ],
)
def test_the_amount_that_a_field_asks_for(name: str, description: str, role: str | None) -> None:
    assert role_of_field(name, description) == role
