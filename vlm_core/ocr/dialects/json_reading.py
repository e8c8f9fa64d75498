"""Answers to the tasks json and receipt."""

from __future__ import annotations

from typing import Any

from vlm_core.ocr.dialects.dialect import Answer, Reading
from vlm_core.ocr.dialects.json_answers import Found, fitted, found_in

_WORDS_AROUND = "words around the JSON are left out"


def read_json(answer: Answer) -> Reading:
    """An answer in JSON; its text stays as the model wrote it.

    Example:
        >>> read_json(Answer('{"total": 9}', "json", 100, 50)).data
        {'total': 9}
    """
    found = found_in(answer.text)
    if found.problem:
        return Reading(answer.text, problem=found.problem)
    data, problem = fitted(found.data, answer.schema)
    return Reading(answer.text, data=data, problem=problem, warnings=_warnings(found))


def read_receipt(answer: Answer) -> Reading:
    """An answer that is a receipt in JSON, as data and as lines of text.

    Example:
        >>> read_receipt(Answer('{"merchant": "SHOP", "total": "9,00"}', "receipt", 100, 50)).text
        'SHOP\\nTotal  9.00'
    """
    from vlm_core.ocr.dialects.receipt import Receipt, as_text

    found = found_in(answer.text)
    if found.problem:
        return Reading(answer.text, problem=found.problem)
    data, problem = fitted(_as_one_receipt(found.data), Receipt)
    if problem:
        return Reading(answer.text, data=data, problem=problem, warnings=_warnings(found))
    return Reading(as_text(Receipt.model_validate(data)), data=data, warnings=_warnings(found))


def _as_one_receipt(data: Any) -> Any:
    """What a model gave, where a bare list is that of the items."""
    return {"items": data} if isinstance(data, list) else data


def _warnings(found: Found) -> tuple[str, ...]:
    return (_WORDS_AROUND,) if found.has_words_around else ()
