"""Values that come in pieces, put together; and dicts laid over each other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def merge(fields: Mapping[str, Any], extra: Mapping[str, Any]) -> dict[str, Any]:
    """Fields with others laid over them; dicts are merged key by key.

    Example:
        >>> merge({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}})
        {'a': {'b': 9, 'c': 2}, 'd': 3}
    """
    result = dict(fields)
    for name, value in extra.items():
        under = result.get(name)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        result[name] = merge(under, value) if both else value  # type: ignore[arg-type]
    return result


def merge_into(fields: dict[str, Any], extra: Mapping[str, Any]) -> None:
    """As `merge`, in the fields themselves, so that many small pieces cost no more than one large one.

    Example:
        >>> fields = {"a": {"b": 1}}
        >>> merge_into(fields, {"a": {"c": 2}})
        >>> fields
        {'a': {'b': 1, 'c': 2}}
    """
    for name, value in extra.items():
        under = fields.get(name)
        if isinstance(under, dict) and isinstance(value, Mapping):
            merge_into(under, value)
        else:
            fields[name] = merge({}, value) if isinstance(value, Mapping) else value


def accumulated(before: Any, more: Any) -> Any:
    """A value that grows piece by piece: texts and lists are joined, dicts merged, others replaced.

    Example:
        >>> accumulated("Look ", "closer."), accumulated([1], [2]), accumulated(None, 3)
        ('Look closer.', [1, 2], 3)
    """
    for kind in (str, list):
        if isinstance(before, kind) and isinstance(more, kind):
            return before + more  # type: ignore[operator]
    if isinstance(before, Mapping) and isinstance(more, Mapping):
        return merge(before, more)
    return more
