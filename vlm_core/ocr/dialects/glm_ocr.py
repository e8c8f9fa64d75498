"""GLM-OCR (Z.ai): text, a table, Markdown, or values in a template of JSON.

Prompts: the model's card ("Prompt Limited") and glmocr/config.yaml of zai-org/GLM-OCR, of which the one for
Markdown is its default for whole pages. Temperature, length and picture format: README.md there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from vlm_core.errors import ConfigError
from vlm_core.ocr.dialects.dialect import Dialect, ModelAnswer, Reading
from vlm_core.ocr.dialects.json_reading import read_json
from vlm_core.ocr.dialects.plain import read_text
from vlm_core.wire.json_values import find_json

_MARKDOWN = (
    "Recognize the text in the image and output in Markdown format. "
    "Preserve the original layout (headings/paragraphs/tables/formulas). "
    "Do not fabricate content that does not exist in the image."
)
_DEEPEST = 8


def read(answer: ModelAnswer) -> Reading:
    """An answer that is text, or a template of JSON filled in.

    Example:
        >>> read(ModelAnswer("TOTAL 9.00", "text", 100, 50)).text
        'TOTAL 9.00'
    """
    if answer.task != "json":
        return read_text(answer)
    reading = read_json(answer)
    if not reading.problem or reading.data is None:
        return reading
    # What the template asks for and the page has not comes back empty, which is neither a number nor a date.
    filled = json.dumps(_without_blanks(find_json(answer.text).data))
    again = read_json(replace(answer, text=filled))
    return reading if again.problem else replace(again, text=reading.text, warnings=reading.warnings)


def in_template(schema: Any) -> str:
    """The words that ask for JSON: "Give what is in the picture in this form of JSON", and the form.

    Raises:
        ConfigError: there is no schema to make it of.

    Example:
        >>> print(in_template({"type": "object", "properties": {"total": {"type": "number"}}}))
        请按下列JSON格式输出图中信息:
        {
            "total": ""
        }
    """
    if schema is None:
        raise ConfigError(
            'task="json" needs a schema for glm-ocr models',
            hint="Give a JSON schema or a pydantic model's class with schema=...",
        )
    plain = schema if isinstance(schema, Mapping) else schema.model_json_schema()
    form = _blank(plain, plain.get("$defs") or {}, _DEEPEST)
    return "请按下列JSON格式输出图中信息:\n" + json.dumps(form, ensure_ascii=False, indent=4)


def _blank(schema: object, definitions: Mapping[str, Any], depth: int) -> Any:
    """A value of a schema with nothing in it."""
    if not isinstance(schema, Mapping) or not depth:
        return ""
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    if name in definitions:
        return _blank(definitions[name], definitions, depth - 1)
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if isinstance(choice, Mapping) and choice.get("type") != "null":
            return _blank(choice, definitions, depth - 1)
    if isinstance(schema.get("properties"), Mapping):
        return {key: _blank(part, definitions, depth - 1) for key, part in schema["properties"].items()}
    return [_blank(schema["items"], definitions, depth - 1)] if "items" in schema else ""


def _without_blanks(data: object) -> Any:
    if isinstance(data, dict):
        return {key: _without_blanks(part) for key, part in data.items() if part != ""}
    return [_without_blanks(part) for part in data if part != ""] if isinstance(data, list) else data


GLM_OCR = Dialect(
    name="glm-ocr",
    prompts={
        "text": "Text Recognition:",
        "table": "Table Recognition:",
        "markdown": _MARKDOWN,
        "json": in_template,
    },
    read=read,
    temperatures=(0.01, 0.1, 0.3, 0.6),
    max_tokens=16_384,
    input_tokens=6000,
    end_tokens=("<|endoftext|>", "<|user|>"),
)
