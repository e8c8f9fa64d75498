"""Answers in JSON: checked against a schema, what can be saved of a broken one, and the boxes in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from itertools import pairwise
from typing import Any

from vlm_core.errors import ConfigError
from vlm_core.types import Box
from vlm_core.wire.json_values import find_json, mended


def fractions(box: object, width: float, height: float) -> Box | None:
    """A box as fractions of a page; None where it is none.

    What lies outside the page is cut off, and corners that are swapped are put right.

    Args:
        box: what should be four numbers: left, top, right, bottom.
        width: of the page, in the same unit.
        height: likewise.

    Example:
        >>> fractions([0, 50, 1200, 100], 1000, 200)
        (0.0, 0.25, 1.0, 0.5)
        >>> fractions([0, 50, float("nan"), 100], 1000, 200) is None
        True
    """
    if not isinstance(box, (list, tuple)) or len(box) != 4 or not all(_is_number(side) for side in box):
        return None
    across = sorted(_within(side / width) for side in (box[0], box[2]))
    down = sorted(_within(side / height) for side in (box[1], box[3]))
    if across[0] == across[1] or down[0] == down[1]:
        return None
    return across[0], down[0], across[1], down[1]


def around(boxes: Iterable[Box]) -> Box | None:
    """The least box around some; None around none.

    Example:
        >>> around([(0.1, 0.1, 0.2, 0.2), (0.5, 0.0, 0.6, 0.1)])
        (0.1, 0.0, 0.6, 0.2)
    """
    corners = list(zip(*boxes, strict=True))
    if not corners:
        return None
    left, top, right, bottom = corners
    return min(left), min(top), max(right), max(bottom)


def _is_number(side: object) -> bool:
    if isinstance(side, bool) or not isinstance(side, (int, float)):
        return False
    return abs(side) < 1e9  # which NaN is not


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))


_MOST_FAULTS = 3
_PYTHON_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def objects_in(text: str, first_key: str) -> list[dict[str, Any] | str]:
    """The objects of a broken list in their order; those that are broken themselves as they stand.

    Args:
        text: JSON that does not end, or has damage in it.
        first_key: with which each object begins.

    Example:
        >>> objects_in('[{"bbox": [1]}, {"bbox": [2], "te', "bbox")
        [{'bbox': [1]}, '{"bbox": [2], "te']
    """
    starts = [match.start() for match in re.finditer(rf'\{{\s*"{first_key}"', text)]
    # Each is looked for only up to the next one, so that no text is read twice.
    return [_object(text[start:end]) for start, end in pairwise([*starts, len(text)])]


def _object(text: str) -> dict[str, Any] | str:
    found = find_json(mended(text))
    return text if found.problem else found.data


def cut_string(text: str, key: str) -> str | None:
    """The string of a key, even if it does not end; None where the key is not there.

    Example:
        >>> cut_string('{"text": "TOTAL ', "text")
        'TOTAL '
    """
    found = _string_of(key).search(text)
    if found is None:
        return None
    value = find_json(f'"{mended(_CUT_ESCAPE.sub("", found[1]))}"').data
    return value if isinstance(value, str) else None


@cache
def _string_of(key: str) -> re.Pattern[str]:
    return re.compile(rf'"{key}"\s*:\s*"((?:[^"\\]|\\.)*)', re.DOTALL)


for _key in ("text", "category", "natural_text"):  # compiled once, and not within the first answer
    _string_of(_key)

_CUT_ESCAPE = re.compile(r"\\u[0-9a-fA-F]{0,3}\Z")


def check_schema(schema: object) -> None:
    """Refuse what is not a schema.

    Raises:
        ConfigError: it is neither a JSON schema nor a pydantic model's class.

    Example:
        >>> check_schema({"type": "object"})
        >>> check_schema("total")
        Traceback (most recent call last):
        vlm_core.errors.ConfigError: schema is a str...
    """
    if schema is None or isinstance(schema, Mapping) or callable(getattr(schema, "model_json_schema", None)):
        return
    raise ConfigError(
        f"schema is a {type(schema).__name__}", hint="Give a JSON schema, or a pydantic model's class."
    )


def fitted(data: object, schema: object) -> tuple[Any, str]:
    """Data as a schema has it, and what is wrong with it; no value is named, since it may be private.

    Args:
        data: plain values.
        schema: None, a JSON schema, of which the uppermost types and keys are checked, or a pydantic
            model's class, which checks all.

    Example:
        >>> fitted({"total": "9"}, {"type": "object", "required": ["date"]})
        ({'total': '9'}, 'the JSON does not fit the schema: date is missing')
    """
    if schema is None:
        return data, ""
    data, faults = _of_mapping(data, schema) if isinstance(schema, Mapping) else _of_model(data, schema)
    return data, f"the JSON does not fit the schema: {', '.join(faults[:_MOST_FAULTS])}" if faults else ""


def _of_model(data: Any, model: Any) -> tuple[Any, list[str]]:
    from pydantic import ValidationError

    try:
        return model.model_validate_json(json.dumps(data)).model_dump(mode="json"), []
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return data, [f"{_place(fault['loc'])}: {fault['type']}" for fault in faults]


def _place(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "all of it"


def _of_mapping(data: object, schema: Mapping[str, Any]) -> tuple[Any, list[str]]:
    if not _is_of(data, schema.get("type")):
        return data, [f"it is not {_a(schema['type'])}"]
    if not isinstance(data, dict):
        return data, []
    fields = schema.get("properties")
    typed = fields.items() if isinstance(fields, Mapping) else ()
    wrong = [
        f"{name} is not {_a(field['type'])}"
        for name, field in typed
        if name in data and isinstance(field, Mapping) and not _is_of(data[name], field.get("type"))
    ]
    return data, [*(f"{name} is missing" for name in schema.get("required", ()) if name not in data), *wrong]


def _is_of(value: Any, kind: Any) -> bool:
    """Whether a value is of a type, or of one of several; of an unknown type is anything."""
    kinds = kind if isinstance(kind, (list, tuple)) else [kind]
    if any(not isinstance(name, str) or name not in _PYTHON_TYPES for name in kinds):
        return True
    if isinstance(value, bool):
        return "boolean" in kinds
    if isinstance(value, float) and value.is_integer() and "integer" in kinds:
        return True
    return any(isinstance(value, _PYTHON_TYPES[name]) for name in kinds)


def _a(kind: str) -> str:
    """A JSON type's name with its article."""
    return f"{'an' if kind[0] in 'aeio' else 'a'} {kind}"
