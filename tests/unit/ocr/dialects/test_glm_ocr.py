"""Answers of GLM-OCR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from vlm_core.ocr.dialects.dialect import Reading

Parse = Callable[..., Reading]


class Card(BaseModel):
    name: str
    number: int | None = None


@pytest.mark.parametrize(
    ("task", "answer", "text"),
    [
        pytest.param("text", "SHOP", "SHOP", id="text"),
        pytest.param("text", "SHOP<|user|>", "SHOP", id="end-token"),
        pytest.param("text", "```\nSHOP\n```", "SHOP", id="fenced"),
        pytest.param("text", "", "", id="empty"),
        pytest.param("table", "<table></table>", "<table></table>", id="table"),
        pytest.param("table", "<table><tr><td>Te", "<table><tr><td>Te", id="cut-table"),
        pytest.param("markdown", "```markdown\n# SHOP\n```", "# SHOP", id="markdown"),
    ],
)  # fmt: skip
def test_the_text_is_what_stands_on_the_page(parse: Parse, task: str, answer: str, text: str) -> None:
    assert parse("glm-ocr", answer, task).text == text


@pytest.mark.parametrize(
    ("answer", "schema", "data"),
    [
        pytest.param('{"name": "A", "number": "7"}', Card, {"name": "A", "number": 7}, id="filled"),
        pytest.param('```json\n{"name": "A"}\n```', Card, {"name": "A", "number": None}, id="fenced"),
        pytest.param('{"name": "A", "number": ""}', Card, {"name": "A", "number": None}, id="left-blank"),
        pytest.param('{"name": "", "number": 7}', Card, {"name": "", "number": 7}, id="blank-text-is-text"),
        pytest.param('{"a": [{"b": ""}]}', {"type": "object"}, {"a": [{"b": ""}]}, id="schema"),
    ],
)
def test_a_template_is_filled_in(parse: Parse, answer: str, schema: Any, data: Any) -> None:
    reading = parse("glm-ocr", answer, "json", schema=schema)
    assert (reading.data, reading.problem) == (data, "")


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param('{"name": "A", "number": "seven"}', "number: int_parsing", id="wrong-type"),
        pytest.param('{"number": ""}', "name: missing", id="required-and-not-there"),
        pytest.param('{"name": "A', "no JSON", id="cut"),
    ],
)
def test_a_template_filled_in_wrongly_is_a_problem(parse: Parse, answer: str, problem: str) -> None:
    assert problem in parse("glm-ocr", answer, "json", schema=Card).problem
