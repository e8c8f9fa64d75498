"""Answers of general models."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from vlm_core.ocr.dialects.dialect import Reading

Parse = Callable[..., Reading]


@pytest.mark.parametrize(
    ("task", "answer", "text"),
    [
        pytest.param("text", "TOTAL 9.00", "TOTAL 9.00", id="plain"),
        pytest.param("markdown", "```markdown\n# SHOP\n\nTOTAL\n```", "# SHOP\n\nTOTAL", id="fence"),
        pytest.param("markdown", "# A\n```sh\nls\n```", "# A\n```sh\nls\n```", id="code-on-the-page"),
        pytest.param("layout", "   SHOP\nTea     2.00", "   SHOP\nTea     2.00", id="layout"),
        pytest.param("text", "Here is the text from the image:\n\nSHOP", "SHOP", id="remark"),
        pytest.param("text", "<think>A receipt.</think>\nSHOP", "SHOP", id="thought"),
        pytest.param("text", "Ends with <|im_end|>", "Ends with <|im_end|>", id="a-token-of-no-family"),
        pytest.param("text", "[NO TEXT]", "", id="no-text"),
        pytest.param("markdown", "There is no readable text in the image.", "", id="no-text-in-other-words"),
        pytest.param("describe", "There is no text in the image, but a cat.",
                     "There is no text in the image, but a cat.", id="a-description-may-say-so"),
        pytest.param("text", "", "", id="empty"),
        pytest.param("handwriting", "Dear [illegible],\nyours", "Dear [illegible],\nyours", id="handwriting"),
    ],
)  # fmt: skip
def test_the_text_is_what_stands_on_the_page(parse: Parse, task: str, answer: str, text: str) -> None:
    reading = parse("general", answer, task)
    assert reading.text == text
    assert reading.problem == ""


def test_a_table_is_given_as_html_too(parse: Parse) -> None:
    reading = parse("general", "| Tea | 2 |\n|---|---|\n| Cake | 3 |", "table")
    assert reading.text.startswith("| Tea")
    assert reading.tables[0].startswith("<table><tr><th>Tea</th>")


def test_that_a_model_saw_no_text_is_said(parse: Parse) -> None:
    assert parse("general", "[NO TEXT]", "text").warnings == ("the model says that there is no text",)


class Bill(BaseModel):
    number: str
    total: float


@pytest.mark.parametrize(
    ("answer", "schema", "data"),
    [
        pytest.param('{"a": 1}', None, {"a": 1}, id="any"),
        pytest.param('```json\n{"a": 1}\n```', None, {"a": 1}, id="fenced"),
        pytest.param('{"number": "7", "total": "9.5"}', Bill, {"number": "7", "total": 9.5}, id="model"),
        pytest.param("[]", None, [], id="empty-list"),
    ],
)
def test_json_becomes_data(parse: Parse, answer: str, schema: Any, data: Any) -> None:
    reading = parse("general", answer, "json", schema=schema)
    assert (reading.data, reading.problem, reading.warnings) == (data, "", ())


def test_words_around_json_are_said(parse: Parse) -> None:
    reading = parse("general", 'It says:\n{"a": 1}', "json")
    assert reading.warnings == ("words around the JSON are left out",)


@pytest.mark.parametrize(
    ("task", "answer", "schema", "problem"),
    [
        pytest.param("json", "TOTAL 9.00", None, "no JSON", id="text"),
        pytest.param("json", '{"total": 9', None, "no JSON", id="cut"),
        pytest.param("json", '{"total": NaN}', None, "no JSON", id="nan"),
        pytest.param("json", '{"total": 9}', Bill, "number: missing", id="schema"),
        pytest.param("receipt", "TOTAL 9.00", None, "no JSON", id="receipt-in-text"),
        pytest.param("receipt", '{"total": "nothing"}', None, "total", id="receipt-without-amount"),
        pytest.param("receipt", '"SHOP"', None, "no JSON", id="receipt-is-a-string"),
    ],
)
def test_json_that_is_none_is_a_problem_and_keeps_its_words(
    parse: Parse, task: str, answer: str, schema: Any, problem: str
) -> None:
    reading = parse("general", answer, task, schema=schema)
    assert problem in reading.problem
    assert reading.text == answer


def test_a_receipt_becomes_data_and_lines(parse: Parse) -> None:
    answer = '{"merchant": "SHOP", "items": [{"description": "Tea", "total": "2,00"}], "tip": 1}'
    reading = parse("general", answer, "receipt")
    assert reading.text == "SHOP\nTea  2.00"
    assert reading.data["items"] == [
        {"description": "Tea", "quantity": None, "unit_price": None, "total": 2.0}
    ]


def test_a_bare_list_is_that_of_a_receipts_items(parse: Parse) -> None:
    assert parse("general", '[{"description": "Tea"}]', "receipt").text == "Tea"
