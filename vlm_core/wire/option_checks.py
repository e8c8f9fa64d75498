"""What each option of a chat must be. A table: a new option is a row here, and nothing else."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from vlm_core.errors import ConfigError

__all__ = ["OPTIONS", "UNFORCED", "check_options", "tool_name"]

UNFORCED = ("auto", "none")
"""Choices that every server knows and that call for no tool."""

_OURS = frozenset({"messages", "model", "stream"})
_ENDLESS = float("inf")
_TOOL = '{"type": "function", "function": {"name": ...}}'


class _Kind(NamedTuple):
    wanted: str
    """What the option must be, in words."""
    fits: Callable[[Any], bool]


def _number(least: float = -_ENDLESS, most: float = _ENDLESS) -> _Kind:
    def fits(value: Any) -> bool:
        return _is_number(value, (int, float)) and least <= value <= most and abs(value) != _ENDLESS

    return _Kind(f"a number{_bounds(least, most)}", fits)


def _whole(least: float = -_ENDLESS) -> _Kind:
    return _Kind(
        f"a whole number{_bounds(least)}", lambda value: _is_number(value, int) and bool(value >= least)
    )


def _is_number(value: object, kinds: type | tuple[type, ...]) -> bool:
    return isinstance(value, kinds) and not isinstance(value, bool)


def _bounds(least: float, most: float = _ENDLESS) -> str:
    found = {"from": least, "to": most}
    return "".join(f" {word} {bound:g}" for word, bound in found.items() if abs(bound) != _ENDLESS)


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_stop(value: Any) -> bool:
    return isinstance(value, str) or (_is_list(value) and all(isinstance(word, str) for word in value))


def _is_tool(tool: object) -> bool:
    """Whether a tool is a function with a name, or of a type of which only its provider knows."""
    kind = tool.get("type") if isinstance(tool, Mapping) else None
    return isinstance(kind, str) and (kind != "function" or isinstance(tool_name(tool), str))


_TEXT = _Kind("a text", lambda value: isinstance(value, str))
_DICT = _Kind("a dict", lambda value: isinstance(value, Mapping))
_SWITCH = _Kind("True or False", lambda value: isinstance(value, bool))
_CHECKED_ELSEWHERE = _Kind("", lambda value: True)

_KINDS: Mapping[str, _Kind] = {
    "temperature": _number(0),
    "top_p": _number(0, 1),
    "max_tokens": _whole(1),
    "stop": _Kind("a text, or a list of texts", _is_stop),
    "seed": _whole(),
    "n": _Kind("1, since one answer is read for each request: ask several times for several", (1).__eq__),
    "presence_penalty": _number(),
    "frequency_penalty": _number(),
    "tools": _Kind(f"a list of tools, each as {_TOOL}", _is_list),
    "tool_choice": _Kind("", lambda value: isinstance(value, (str, Mapping))),
    "parallel_tool_calls": _SWITCH,
    "response_format": _CHECKED_ELSEWHERE,
    "logprobs": _SWITCH,
    "top_logprobs": _whole(0),
    "logit_bias": _DICT,
    "user": _TEXT,
    "metadata": _DICT,
    "store": _SWITCH,
    "reasoning_effort": _TEXT,
    "verbosity": _TEXT,
    "service_tier": _TEXT,
    "prompt_cache_key": _TEXT,
    "safety_identifier": _TEXT,
    "prediction": _DICT,
    "extra_body": _DICT,
}

OPTIONS = frozenset(_KINDS)
"""What a chat takes beside its messages, by OpenAI's names."""
