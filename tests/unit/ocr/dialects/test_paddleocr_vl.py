"""Answers of PaddleOCR-VL."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vlm_core.ocr.dialects.dialect import Reading

Parse = Callable[..., Reading]


@pytest.mark.parametrize(
    ("task", "answer", "text"),
    [
        pytest.param("text", "SHOP\nTOTAL 9.00", "SHOP\nTOTAL 9.00", id="text"),
        pytest.param("text", "SHOP</s>", "SHOP", id="end-token"),
        pytest.param("text", "", "", id="empty"),
        pytest.param("text", "x < y and <b>", "x < y and <b>", id="signs"),
        pytest.param("text", r"\( E = mc^2 \)", r"\( E = mc^2 \)", id="formula"),
        pytest.param(
            "table", "<fcel>Tea<fcel>2<nl>", "<table><tr><td>Tea</td><td>2</td></tr></table>", id="table"
        ),
        pytest.param(
            "table",
            "<fcel>Prices<lcel><nl><fcel>Tea<fcel>2<nl>",
            '<table><tr><td colspan="2">Prices</td></tr><tr><td>Tea</td><td>2</td></tr></table>',
            id="joined-cells",
        ),
        pytest.param("table", "<fcel>Tea<fce", "<table><tr><td>Tea</td></tr></table>", id="cut-in-a-token"),
        pytest.param(
            "table", "<fcel>Tea<fcel>", "<table><tr><td>Tea</td><td></td></tr></table>", id="cut-in-a-row"
        ),
        pytest.param(
            "table",
            "<ucel><lcel><xcel><nl>",
            '<table><tr><td colspan="2"></td></tr></table>',
            id="nothing-to-join",
        ),
        pytest.param("table", "TOTAL 9.00", "TOTAL 9.00", id="no-table"),
        pytest.param(
            "text", "Prices:\n<fcel>Tea<nl>", "Prices:\n\n<table><tr><td>Tea</td></tr></table>", id="in-text"
        ),
    ],
)
def test_the_text_is_what_stands_on_the_page(parse: Parse, task: str, answer: str, text: str) -> None:
    reading = parse("paddleocr-vl", answer, task)
    assert reading.text == text
    assert bool(reading.tables) == ("</table>" in text)
