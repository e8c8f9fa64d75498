"""Answers to the tasks json and receipt."""

from __future__ import annotations

from typing import Any

from vlm_core.ocr.dialects.dialect import ModelAnswer, Reading
from vlm_core.ocr.dialects.json_answers import fitted
from vlm_core.wire.json_values import NO_JSON, JSONValue, find_json

_WORDS_AROUND = "words around the JSON are left out"


def read_json(answer: ModelAnswer) -> Reading:
    """An answer in JSON; its text stays as the model wrote it.

    Example:
        >>> read_json(ModelAnswer('{"total": 9}', "json", 100, 50)).data
        {'total': 9}
    """
    found = find_json(answer.text)
    if problem := _problem(found):
        return Reading(answer.text, problem=problem)
    data, problem = fitted(found.data, answer.schema)
    return Reading(answer.text, data=data, problem=problem, warnings=_warnings(found))


def read_receipt(answer: ModelAnswer) -> Reading:
    """An answer that is a receipt in JSON, as data and as lines of text.

    Example:
        >>> read_receipt(ModelAnswer('{"merchant": "SHOP", "total": "9,00"}', "receipt", 100, 50)).text
        'SHOP\\nTotal  9.00'
    """
    from vlm_core.ocr.dialects.receipt import Receipt, as_text

    found = find_json(answer.text)
    if problem := _problem(found):
        return Reading(answer.text, problem=problem)
    data, problem = fitted(_as_one_receipt(found.data), Receipt)
    if problem:
        return Reading(answer.text, data=data, problem=problem, warnings=_warnings(found))
    return Reading(as_text(Receipt.model_validate(data)), data=data, warnings=_warnings(found))


def _problem(found: JSONValue) -> str:
    """Why there is no object and no list; a page's answer that is a mere string or number is text."""
    return found.problem or ("" if isinstance(found.data, (dict, list)) else NO_JSON)


def _as_one_receipt(data: Any) -> Any:
    """What a model gave, where a bare list is that of the items."""
    return {"items": data} if isinstance(data, list) else data


def _warnings(found: JSONValue) -> tuple[str, ...]:
    return (_WORDS_AROUND,) if found.has_words_around else ()
