"""Asking for JSON: by the best way that a provider has, down to plain words in the prompt."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Quirk
from vlm_core.errors import ConfigError
from vlm_core.wire.json_values import serialize
from vlm_core.wire.messages import Message

_OF_ONE = ("items", "additionalProperties", "not")
_OF_SEVERAL = ("anyOf", "oneOf", "allOf", "prefixItems")
_BY_NAME = ("properties", "$defs", "definitions")
# Where the keys of an object may stand.
_SAYS_KEYS = frozenset({"properties", "$ref", *_OF_SEVERAL})


def strict_schema(schema: Mapping[str, Any], name: str = "the schema") -> dict[str, Any]:
    """A copy of a schema for `strict=True`.

    Args:
        schema: a JSON schema.
        name: what to call it in errors.

    Raises:
        ConfigError: an object in it has keys of any name, as a `dict[str, float]` has. A strict host would
            let such an object only be empty.

    Example:
        >>> shop = {"type": "object", "properties": {"name": {"type": "string", "default": ""}}}
        >>> strict_schema(shop)["properties"], strict_schema(shop)["required"]
        ({'name': {'type': 'string'}}, ['name'])
        >>> strict_schema({"type": "object", "additionalProperties": {"type": "number"}}, "prices")
        Traceback (most recent call last):
        vlm_core.errors.ConfigError: strict=True leaves no place for the keys of prices...
    """
    _check_closed(schema, name)
    found = {key: _within(key, value, name) for key, value in schema.items() if key != "default"}
    if isinstance(properties := schema.get("properties"), Mapping):
        found |= {"required": list(properties), "additionalProperties": False}
    return found


def _within(key: str, value: object, name: str) -> object:
    if key in _OF_ONE and isinstance(value, Mapping):
        return strict_schema(value, name)
    if key in _OF_SEVERAL and isinstance(value, (list, tuple)):
        return [strict_schema(one, name) if isinstance(one, Mapping) else one for one in value]
    if key in _BY_NAME and isinstance(value, Mapping):
        return {
            inner: strict_schema(one, f"{name}.{inner}") if isinstance(one, Mapping) else one
            for inner, one in value.items()
        }
    return value


def _check_closed(schema: Mapping[str, Any], name: str) -> None:
    kinds = schema.get("type")
    is_object = "object" in (kinds if isinstance(kinds, (list, tuple)) else [kinds])
    if not is_object or _SAYS_KEYS & schema.keys() or schema.get("additionalProperties") is False:
        return
    raise ConfigError(
        f"strict=True leaves no place for the keys of {name}, which may have any name",
        hint="Make it a list of objects with a name and a value, or leave strict out.",
    )


_SYSTEM_ROLES = ("system", "developer")
_SCHEMA_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
_SCHEMA_WORDS = frozenset({"$schema", "$ref", "$defs", "properties", "anyOf", "oneOf", "allOf", "enum"})
_HINT = 'Give {"type": "json_object"}, a JSON schema, or a pydantic model; others go into extra_body.'


@dataclass(frozen=True)
class Structure:
    """How a request asks for JSON."""

    asked: bool = False
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What goes into the body."""
    prompt: str = ""
    """What goes into the system prompt."""
    unwrap_tool: str | None = None
    """The tool whose arguments are the answer."""
    warning: str = ""


@dataclass(frozen=True)
class _Wish:
    """What the caller asked for: JSON of a schema, or any."""

    schema: Mapping[str, Any] | None = None
    name: str = "answer"
    field: Mapping[str, Any] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        return "json_object" if self.schema is None else "json_schema"

    @property
    def prompt(self) -> str:
        start = "Answer with one JSON object alone, without a code fence and without any other words."
        if self.schema is None:
            return start
        return f"{start} It must match this JSON schema:\n{serialize(self.schema).decode()}"


def plan_structure(
    response_format: object, endpoint: Endpoint, *, stream: bool, has_tools: bool
) -> Structure:
    """How to ask this endpoint for JSON.

    Args:
        response_format: OpenAI's shapes, a bare JSON schema, or a class with `model_json_schema`; None
            where none is wanted.
        endpoint: its response_formats decide; where they are not known, it is asked as the caller says.
        stream: whether the answer is streamed, which some providers allow for plain text alone.
        has_tools: whether the caller brings tools, so that none may be forced.

    Raises:
        ConfigError: it is none of these.
    """
    wish = _wish(response_format)
    if wish is None:
        return Structure()
    way = _way(wish, endpoint, stream=stream, has_tools=has_tools)
    warning = "" if way == wish.kind else f"{endpoint.route}: {wish.kind} is asked for {_WORDS[way]}"
    if way == "tool":
        return Structure(True, _forced_tool(wish), unwrap_tool=wish.name, warning=warning)
    fields = {"json_schema": wish.field, "json_object": {"type": "json_object"}}.get(way)
    return Structure(
        True,
        {"response_format": fields} if fields else {},
        prompt="" if way == wish.kind else wish.prompt,
        warning=warning,
    )


_WORDS = {
    "json_object": "as json_object, with the schema in the prompt",
    "tool": "as the arguments of a tool",
    "prompt": "in the prompt alone",
}


def _way(wish: _Wish, endpoint: Endpoint, *, stream: bool, has_tools: bool) -> str:
    """json_schema, json_object, tool or prompt."""
    if stream and Quirk.NO_STREAMED_RESPONSE_FORMAT in endpoint.quirks:
        return "prompt"
    known = endpoint.response_formats
    if known is None or wish.kind in known:
        return wish.kind
    if "json_object" in known:
        return "json_object"
    # A forced tool keeps the model from calling the caller's own.
    can_force = Quirk.TOOL_CHOICE_AUTO_OR_NONE not in endpoint.quirks and not has_tools
    return "tool" if "tool" in known and can_force and wish.schema else "prompt"


def _wish(given: object) -> _Wish | None:
    if given is None:
        return None
    schema_of = getattr(given, "model_json_schema", None)
    if callable(schema_of):
        return _of_schema(schema_of(), name=getattr(given, "__name__", ""))
    if not isinstance(given, Mapping):
        raise ConfigError(f"response_format is a {type(given).__name__}", hint=_HINT)
    kind = given.get("type")
    if isinstance(kind, str) and kind in _FORMATS:
        return _FORMATS[kind](given)
    if _is_schema(given):
        return _of_schema(given, name=str(given.get("title", "")))
    raise ConfigError(f"response_format has the type {kind!r}", hint=_HINT)


def _is_schema(given: Mapping[str, Any]) -> bool:
    kind = given.get("type")
    if kind is None:
        return bool(_SCHEMA_WORDS & given.keys())
    return all(name in _SCHEMA_TYPES for name in (kind if isinstance(kind, (list, tuple)) else [kind]))


def _of_named_schema(given: Mapping[str, Any]) -> _Wish:
    inner = given.get("json_schema")
    schema = inner.get("schema") if isinstance(inner, Mapping) else None
    if not isinstance(inner, Mapping) or not isinstance(schema, Mapping):
        raise ConfigError("response_format has no json_schema with a schema in it", hint=_HINT)
    name = _plain_name(str(inner.get("name", "")))
    return _Wish(schema, name, {**given, "json_schema": {**inner, "name": name}})


_FORMATS: Mapping[str, Callable[[Mapping[str, Any]], _Wish | None]] = {
    "text": lambda given: None,
    "json_object": lambda given: _Wish(field=given),
    "json_schema": _of_named_schema,
}


def _of_schema(schema: Mapping[str, Any], name: str) -> _Wish:
    name = _plain_name(name)
    return _Wish(schema, name, {"type": "json_schema", "json_schema": {"name": name, "schema": schema}})


def _plain_name(name: str) -> str:
    """A name as OpenAI takes it: at most 64 letters, digits, - and _."""
    return re.sub(r"[^A-Za-z0-9_-]+", "_", name)[:64] or "answer"


def _forced_tool(wish: _Wish) -> dict[str, Any]:
    function = {"name": wish.name, "description": "Give the answer.", "parameters": wish.schema}
    return {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": wish.name}},
    }


def with_system_words(messages: list[Message], words: str) -> list[Message]:
    """Messages with words at the end of the first system message, or in a new one before all.

    Example:
        >>> with_system_words([{"role": "system", "content": "Be brief."}], "Answer in JSON.")
        [{'role': 'system', 'content': 'Be brief.\\n\\nAnswer in JSON.'}]
    """
    first = messages[0]
    if first["role"] not in _SYSTEM_ROLES:
        return [{"role": "system", "content": words}, *messages]
    content = first["content"]
    part = {"type": "text", "text": words}
    longer = f"{content}\n\n{words}" if isinstance(content, str) else [*content, part]
    return [{**first, "content": longer}, *messages[1:]]
