"""What an answer says of tokens and money."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from vlm_core.types import Usage

_COUNTS = {
    "input_tokens": ("prompt_tokens", "input_tokens"),
    "output_tokens": ("completion_tokens", "output_tokens"),
}
_DETAILS = {
    "image_tokens": ("prompt_tokens_details", "input_tokens_details"),
    "cached_tokens": ("prompt_tokens_details", "input_tokens_details"),
    "reasoning_tokens": ("completion_tokens_details", "output_tokens_details"),
}
_COSTS = ("cost", "estimated_cost")


def later_usage(earlier: Mapping[str, Any], later: object) -> dict[str, Any]:
    """The usage of a stream so far. What comes last counts, but a zero or null never takes a figure away.

    Servers repeat the running totals in each chunk, or send zeros with keep-alives; nothing is summed.

    Example:
        >>> later_usage({"prompt_tokens": 9}, {"prompt_tokens": 0, "completion_tokens": 2})
        {'prompt_tokens': 9, 'completion_tokens': 2}
    """
    new = later if isinstance(later, Mapping) else {}
    return {**earlier, **{name: value for name, value in new.items() if value or name not in earlier}}


def read_usage(said: Mapping[str, Any]) -> Usage:
    """Tokens and cost of an answer; None for what the provider did not say.

    Args:
        said: the answer's `usage`.

    Example:
        >>> read_usage({"prompt_tokens": 120, "completion_tokens": 8, "estimated_cost": 0.0001}).cost_usd
        0.0001
    """
    found = {field: _count(said, names) for field, names in _COUNTS.items()}
    for field, holders in _DETAILS.items():
        details = [said[name] for name in holders if isinstance(said.get(name), Mapping)]
        found[field] = _count(details[0], (field,)) if details else None
    costs = (said.get(name) for name in _COSTS)
    return Usage(**found, cost_usd=next((cost for cost in costs if _is_figure(cost)), None))


def _count(holder: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((int(holder[name]) for name in names if _is_figure(holder.get(name))), None)


def _is_figure(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0  # type: ignore[arg-type, operator]
