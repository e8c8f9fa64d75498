"""JSON schemas as strict hosts take them: closed objects, every property required, no defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlm_core.errors import ConfigError

_OF_ONE = ("items", "additionalProperties", "not")
_OF_SEVERAL = ("anyOf", "oneOf", "allOf", "prefixItems")
_BY_NAME = ("properties", "$defs", "definitions")
_SAYS_KEYS = frozenset({"properties", "$ref", *_OF_SEVERAL})
"""Where the keys of an object may stand."""


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


def _within(key: str, value: Any, name: str) -> Any:
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
