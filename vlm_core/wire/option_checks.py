"""What each option of a chat must be. A table: a new option is a row here, and nothing else."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from vlm_core.errors import ConfigError

__all__ = ["CHOICES", "OPTIONS", "check_options", "tool_name"]

_OURS = frozenset({"messages", "model", "stream"})
_OF_CALLS = {"timeout": "timeout", "extra_headers": "headers, or default_headers"}
"""What a call takes beside its options, and how a client is given it once for all."""
_ENDLESS = float("inf")
CHOICES = ("auto", "none", "required")
"""What `tool_choice` may be, beside one tool."""
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
_ANYTHING = _Kind("anything", lambda value: True)

_KINDS: Mapping[str, _Kind] = {
    "temperature": _number(0),
    "top_p": _number(0, 1),
    "max_tokens": _whole(1),
    "stop": _Kind("a text, or a list of texts", _is_stop),
    "seed": _whole(),
    "n": _Kind(
        "1, since one answer is read for each request",
        lambda value: value == 1,
    ),
    "presence_penalty": _number(),
    "frequency_penalty": _number(),
    "tools": _Kind(f"a list of tools, each as {_TOOL}", _is_list),
    "tool_choice": _Kind("a text or a dict", lambda value: isinstance(value, (str, Mapping))),
    "parallel_tool_calls": _SWITCH,
    "response_format": _ANYTHING,  # what it may be, `structured` says
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


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that would not do what their name says. One that is None is not sent, and may stand.

    Args:
        options: by name, as given to a chat.

    Raises:
        ConfigError: one is unknown, or of a wrong type, or out of its range.

    Example:
        >>> check_options({"temperature": 0, "stop": None, "extra_body": {"top_k": 1}})
        >>> check_options({"temprature": 0})
        Traceback (most recent call last):
        vlm_core.errors.ConfigError: There is no option temprature. Did you mean temperature? ...
        >>> check_options({"top_p": 2})
        Traceback (most recent call last):
        vlm_core.errors.ConfigError: top_p=2 cannot be sent. It must be a number from 0 to 1...
    """
    for name, value in options.items():
        if name not in OPTIONS:
            raise _unknown(str(name))
        if value is not None and not _KINDS[name].fits(value):
            raise _unfit(name, value, _KINDS[name].wanted)
    _check_tools(options.get("tools") or (), options.get("tool_choice"))
    if taken := sorted(_OURS & (options.get("extra_body") or {}).keys()):
        raise ConfigError(
            f"extra_body holds {', '.join(taken)}, which the request sets itself",
            hint="Give messages and model as arguments, and stream with the stream method.",
        )


def _unknown(name: str) -> ConfigError:
    if name in _OURS:
        return ConfigError(f"{name} is not an option", hint="Use the argument or the method for it.")
    if name in _OF_CALLS:
        return ConfigError(f"{name} is given with a call, and to a client as {_OF_CALLS[name]}")
    near = difflib.get_close_matches(name, sorted(OPTIONS), n=1)
    question = f"Did you mean {near[0]}? " if near else ""
    example = f"extra_body={{{name!r}: ...}}"
    return ConfigError(
        f"There is no option {name}", hint=f"{question}What only this provider knows goes into {example}."
    )


def _unfit(name: str, value: object, wanted: str) -> ConfigError:
    return ConfigError(f"{name}={reprlib.repr(value)} cannot be sent", hint=f"It must be {wanted}.")


def _check_tools(tools: Sequence[object], choice: object) -> None:
    for index, tool in enumerate(tools):
        if not _is_tool(tool):
            raise ConfigError(
                f"tools[{index}] is not a tool: {reprlib.repr(tool)}",
                hint=f"Write {_TOOL}, with description and parameters beside the name.",
            )
    names = [name for tool in tools if isinstance(name := tool_name(tool), str)]
    if isinstance(choice, str) and choice not in (*CHOICES, *names):
        raise _unfit("tool_choice", choice, f"{', '.join(CHOICES)}, or a tool's name{_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    return f" ({', '.join(names)})" if names else ""


def tool_name(tool: object) -> object:
    """The name of the function that a tool, or the choice of one, is about; None where it has none.

    Example:
        >>> tool_name({"type": "function", "function": {"name": "look"}})
        'look'
    """
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return function.get("name") if isinstance(function, Mapping) else None
