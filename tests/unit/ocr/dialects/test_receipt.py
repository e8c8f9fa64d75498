"""Receipts: amounts as they are printed, and text that a person can read."""

from __future__ import annotations

import pytest

from vlm_core.ocr.dialects.receipt import Receipt, as_text


@pytest.mark.parametrize(
    ("printed", "amount"),
    [
        pytest.param(9, 9.0, id="number"),
        pytest.param("9.00", 9.0, id="plain"),
        pytest.param("RM 1,234.50", 1234.5, id="currency-first"),
        pytest.param("9,00 €", 9.0, id="comma"),
        pytest.param("1.234,50", 1234.5, id="german"),
        pytest.param("1'234.50", 1234.5, id="swiss"),
        pytest.param("1 234,5", 1234.5, id="french"),
        pytest.param("1,234", 1234.0, id="thousands"),
        pytest.param("-2.00", -2.0, id="minus"),
        pytest.param("$-2.00", -2.0, id="minus-behind-the-currency"),
        pytest.param("2.00-", -2.0, id="minus-behind"),
        pytest.param("", None, id="empty"),
        pytest.param(None, None, id="none"),
    ],
)
def test_an_amount_is_read_as_printed(printed: object, amount: float | None) -> None:
    assert Receipt.model_validate({"total": printed}).total == amount


@pytest.mark.parametrize(
    "printed", ["free", "1.00 or 2.00", "NaN", float("nan"), [], "RM " + "1" * 60], ids=repr
)
def test_what_is_no_amount_is_not_taken_for_one(printed: object) -> None:
    with pytest.raises(ValueError, match="total"):
        Receipt.model_validate({"total": printed})


def test_a_receipt_reads_as_lines() -> None:
    receipt = Receipt.model_validate(
        {
            "merchant": "SHOP",
            "date": "02/01/2024",
            "currency": "MYR",
            "items": [
                {"description": "Tea", "quantity": 2, "unit_price": "1.50", "total": "3.00"},
                {"description": "Bag"},
            ],
            "tax": 0.18,
            "total": 3.18,
        }
    )
    assert as_text(receipt).split("\n") == [
        "SHOP",
        "02/01/2024",
        "2 x Tea @ 1.50  3.00",
        "Bag",
        "Tax  0.18 MYR",
        "Total  3.18 MYR",
    ]


def test_a_receipt_without_anything_has_no_text() -> None:
    assert as_text(Receipt()) == ""
