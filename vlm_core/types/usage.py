"""Tokens and money."""

from __future__ import annotations

from collections.abc import Iterable

from vlm_core.types.value import Value


class Usage(Value):
    """Tokens and money, each None where the provider did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    image_tokens: int | None = None
    """The part of the input that images took."""
    cached_tokens: int | None = None
    """The part of the input that the provider had in its cache."""
    reasoning_tokens: int | None = None
    """The part of the output that the model thought and did not say."""
    cost_usd: float | None = None


def total_usage(used: Iterable[Usage | None]) -> Usage | None:
    """Tokens and money together; None where none was told, and a figure is None where none is known.

    Example:
        >>> total_usage([Usage(output_tokens=2), None, Usage(output_tokens=3)]).output_tokens
        5
    """
    known = [usage for usage in used if usage is not None]
    if not known:
        return None
    return Usage.model_validate(
        {name: sum_known([getattr(one, name) for one in known]) for name in Usage.model_fields}
    )


def sum_known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
