"""JSON in answers: found, checked, saved."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, field_validator

from vlm_core.ocr.dialects.json_answers import cut_string, fitted, objects_in
from vlm_core.wire.json_values import find_json


@pytest.mark.parametrize(
    ("text", "data"),
    [
        pytest.param('{"a": 1}', {"a": 1}, id="object"),
        pytest.param("[1, 2]", [1, 2], id="list"),
        pytest.param('Here: {"a": 1} Bye.', {"a": 1}, id="words-around"),
        pytest.param('A note [sic] says {"a": 1}', {"a": 1}, id="bracket-before"),
        pytest.param('{"a": "x\ny"}', {"a": "x\ny"}, id="line-break-in-a-string"),
        pytest.param(r'{"a": "\alpha"}', {"a": r"\alpha"}, id="bare-backslash"),
        pytest.param(r'{"a": "\\alpha"}', {"a": r"\alpha"}, id="escaped-backslash"),
        pytest.param("{}", {}, id="empty"),
        pytest.param('As {"a": <number>}: {"a": 1}', {"a": 1}, id="after-its-form"),
        pytest.param('{"a": [<"}">]} is the form. {"a": 1}', {"a": 1}, id="bracket-in-a-string"),
        pytest.param('It costs [ nine {"a": 1}', {"a": 1}, id="bracket-never-closed"),
    ],
)
def test_json_is_found(text: str, data: Any) -> None:
    assert find_json(text).data == data
    assert find_json(text).problem == ""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("TOTAL 9.00", id="text"),
        pytest.param('{"a": ', id="cut"),
        pytest.param('{"a": NaN}', id="nan"),
        pytest.param('{"a": -Infinity}', id="infinity"),
        pytest.param("[" * 100_000, id="deep"),
        pytest.param('{"a":' * 100_000, id="deep-objects"),
        pytest.param('{"a": ' + "1" * 5000 + "}", id="a-number-of-5000-digits"),
        pytest.param("{'a': 1}", id="python"),
        pytest.param('{"shop": {"name": "X"}, "date": "2', id="cut-behind-a-part"),
        pytest.param('[{"name": "X"}, {"na', id="list-cut-behind-a-part"),
        pytest.param('{"a": 1 "shop": {"name": "X"}}', id="broken-before-a-part"),
        pytest.param('{"' + '\\"' * 100_000, id="a-string-without-end"),
    ],
)
def test_what_is_no_json_is_a_problem(text: str) -> None:
    found = find_json(text)
    assert (found.data, found.problem) == (None, "the answer holds no JSON")


class Item(BaseModel):
    name: str
    price: float

    @field_validator("name")
    @classmethod
    def _is_short(cls, name: str) -> str:
        if len(name) > 10:
            raise ValueError(f"{name} is too long")
        return name


class Bill(BaseModel):
    items: list[Item]


@pytest.mark.parametrize(
    ("data", "schema", "problem"),
    [
        pytest.param({"items": [{"name": "Tea", "price": 2}]}, Bill, "", id="model"),
        pytest.param({"items": [{"name": "Tea"}]}, Bill, "items.0.price: missing", id="model-lacks"),
        pytest.param(
            {"items": [{"name": "Tea", "price": "secret"}]}, Bill, "items.0.price: float_parsing", id="type"
        ),
        pytest.param(
            {"items": [{"name": "a secret name", "price": 1}]}, Bill, "items.0.name: value_error", id="own"
        ),
        pytest.param([], Bill, "all of it: model_type", id="list-for-model"),
        pytest.param({"a": 1}, {"type": "object", "required": ["a"]}, "", id="schema"),
        pytest.param({}, {"type": "object", "required": ["a"]}, "a is missing", id="schema-lacks"),
        pytest.param([], {"type": "object"}, "it is not an object", id="list-for-object"),
        pytest.param(
            {"a": "x"}, {"properties": {"a": {"type": "number"}}}, "a is not a number", id="wrong-type"
        ),
        pytest.param(
            {"a": True}, {"properties": {"a": {"type": "integer"}}}, "a is not an integer", id="bool"
        ),
        pytest.param({"a": 2.0}, {"properties": {"a": {"type": "integer"}}}, "", id="whole-float"),
        pytest.param({"a": None}, {"properties": {"a": {"type": ["string", "null"]}}}, "", id="or-null"),
        pytest.param({"a": 1}, {"properties": {"a": {"type": "money"}}}, "", id="unknown-type"),
        pytest.param({"a": 1}, {"properties": {"a": {"$ref": "#/x"}}}, "", id="reference"),
        pytest.param("x", None, "", id="no-schema"),
    ],
)
def test_data_is_held_against_its_schema(data: Any, schema: Any, problem: str) -> None:
    found = fitted(data, schema)[1]
    assert found == (f"the JSON does not fit the schema: {problem}" if problem else "")
    assert "secret" not in found


def test_a_models_values_are_given_as_plain_ones() -> None:
    data, _ = fitted({"items": [{"name": "Tea", "price": "2"}]}, Bill)
    assert data == {"items": [{"name": "Tea", "price": 2.0}]}


def test_many_faults_are_said_in_few_words() -> None:
    _, problem = fitted({"items": [{}] * 100}, Bill)
    assert problem.count("missing") == 3


def test_whole_objects_are_saved_from_among_broken_ones() -> None:
    broken = '[{"bbox": [1]} {"bbox": [2], "text": oops}, {"bbox": [3], "text": "a {b} c"}'
    first, second, third = objects_in(broken, "bbox")
    assert (first, third) == ({"bbox": [1]}, {"bbox": [3], "text": "a {b} c"})
    assert isinstance(second, str)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"text": "whole"}', "whole", id="whole"),
        pytest.param('{"text": "cut off', "cut off", id="cut"),
        pytest.param('{"text": "a \\"b\\" c', 'a "b" c', id="quotes"),
        pytest.param('{"text": "line\\nbreak\\', "line\nbreak", id="cut-at-a-backslash"),
        pytest.param('{"text": "umlaut \\u00e4 \\u00', "umlaut ä ", id="cut-in-an-escape"),
        pytest.param('{"text": "\\sigma', "\\sigma", id="bare-backslash"),
        pytest.param('{"text": ', None, id="no-string"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_string_is_saved_even_if_it_does_not_end(text: str, expected: str | None) -> None:
    assert cut_string(text, "text") == expected
