"""What a JSON schema says of one value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# References that are followed for one value, at most: a schema may refer to itself.
_MOST_REFERENCES = 20
NOT_PRINTED = "x-not-printed"
"""A key of a field's schema: true where its value is a conclusion, and is not to stand on the page."""


class LeafSchema(NamedTuple):
    """What is known of a value before it is looked for."""

    name: str = ""
    description: str = ""
    is_choice: bool = False
    """Whether it is one of a few words of the schema, which may not be printed."""
    is_exempt: bool = False
    """Whether it is not to be looked for."""


def pointer(keys: Sequence[str | int]) -> str:
    """A JSON pointer (RFC 6901).

    Example:
        >>> pointer(("items", 0, "a/b"))
        '/items/0/a~1b'
    """
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


def leaf_schema(schema: object, keys: Sequence[str | int]) -> LeafSchema:
    """What a schema says of the value at a place.

    Args:
        schema: a JSON schema, or None.
        keys: names of objects' members, and numbers of lists' items.

    Example:
        >>> leaf_schema({"properties": {"total": {"title": "Total", "type": "number"}}}, ("total",)).name
        'total'
    """
    root = schema if isinstance(schema, Mapping) else {}
    at: list[Mapping[str, Any]] = [root]
    for key in keys:
        at = [part for each in at for option in _options(each, root) for part in _members(option, key)]
    options = [option for each in at for option in _options(each, root)]
    named = [key for key in keys if isinstance(key, str)]
    return LeafSchema(
        named[-1] if named else "",
        " ".join(str(each.get("description", "")) for each in (*at, *options) if each.get("description"))[
            :500
        ],
        any("enum" in each or "const" in each for each in options),
        any(each.get(NOT_PRINTED) is True for each in (*at, *options)),
    )


def _options(
    schema: Mapping[str, Any], root: Mapping[str, Any], depth: int = 0
) -> Iterator[Mapping[str, Any]]:
    """A schema with its references followed and its alternatives beside each other."""
    if depth > _MOST_REFERENCES:
        return
    if isinstance(reference := schema.get("$ref"), str):
        if isinstance(found := _referred(reference, root), Mapping):
            yield from _options(found, root, depth + 1)
        return
    yield schema
    for word in ("anyOf", "oneOf", "allOf"):
        for each in schema.get(word) or ():
            if isinstance(each, Mapping):
                yield from _options(each, root, depth + 1)


def _referred(reference: str, root: Mapping[str, Any]) -> object:
    at: object = root
    for name in reference.removeprefix("#/").split("/"):
        at = at.get(name.replace("~1", "/").replace("~0", "~")) if isinstance(at, Mapping) else None
    return at


def _members(schema: Mapping[str, Any], key: str | int) -> Iterator[Mapping[str, Any]]:
    if isinstance(key, int):
        found = schema.get("items")
    else:
        members = schema.get("properties")
        found = members.get(key) if isinstance(members, Mapping) else None
        found = schema.get("additionalProperties") if found is None else found
    if isinstance(found, Mapping):
        yield found
