"""The options of a chat: what each must be, and how it goes out to a provider."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias, TypeGuard

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Quirk
from vlm_core.errors import ConfigError

_OURS = frozenset({"messages", "model", "stream"})
# What a call takes beside its options, and how a client is given it once for all.
_OF_CALLS = {"timeout": "timeout", "extra_headers": "headers, or default_headers"}
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


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))


def _is_stop(value: object) -> bool:
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
        vlm_core.errors.ConfigError: Unknown option temprature. Did you mean temperature? ...
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
        f"Unknown option {name}", hint=f"{question}What only this provider knows goes into {example}."
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
    known = f" ({', '.join(names)})" if names else ""
    if isinstance(choice, str) and choice not in (*CHOICES, *names):
        raise _unfit("tool_choice", choice, f"{', '.join(CHOICES)}, or a tool's name{known}")


def tool_name(tool: object) -> object:
    """The name of the function that a tool, or the choice of one, is about; None where it has none.

    Example:
        >>> tool_name({"type": "function", "function": {"name": "look"}})
        'look'
    """
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return function.get("name") if isinstance(function, Mapping) else None


Warn: TypeAlias = Callable[[str], None]
Fields: TypeAlias = dict[str, Any]

_OF_TOOLS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
_SENT_ELSEWHERE = _OF_TOOLS | {"max_tokens", "n", "response_format", "extra_body"}
_UNFORCED = ("auto", "none", None)


def option_fields(options: Mapping[str, Any], endpoint: Endpoint, *, stream: bool, warn: Warn) -> Fields:
    """The fields of a request's body for all options but response_format and extra_body.

    Args:
        options: checked ones; those that are None are not sent.
        endpoint: what it can decides names and what is left out.
        stream: whether the answer is to be streamed, with its usage at the end.
        warn: is told what was dropped or changed.
    """
    given = {name: value for name, value in options.items() if value is not None}
    fields = {name: value for name, value in given.items() if name not in _SENT_ELSEWHERE}
    if "max_tokens" in given:
        renamed = Quirk.MAX_COMPLETION_TOKENS in endpoint.quirks
        fields["max_completion_tokens" if renamed else "max_tokens"] = given["max_tokens"]
    fields |= _tool_fields(given, endpoint, warn)
    if stream:
        fields["stream"] = True
        if Quirk.NO_STREAM_OPTIONS not in endpoint.quirks:
            fields["stream_options"] = {"include_usage": True}
    return fields


def _tool_fields(given: Mapping[str, Any], endpoint: Endpoint, warn: Warn) -> Fields:
    if not given.get("tools"):
        return {}  # many servers refuse an empty list, and a choice among no tools
    if endpoint.tools is False:
        warn(f"{endpoint.route} is not known to call tools; they are sent all the same")
    fields = {name: given[name] for name in given if name in _OF_TOOLS}
    choice = _choice(fields.get("tool_choice"))
    fields |= {"tool_choice": choice} if choice is not None else {}
    if Quirk.TOOL_CHOICE_AUTO_OR_NONE not in endpoint.quirks or choice in _UNFORCED:
        return fields
    fields["tool_choice"] = "auto"
    wanted = [tool for tool in fields["tools"] if tool_name(tool) == tool_name(choice)]
    if isinstance(choice, Mapping) and wanted:
        fields["tools"] = wanted
    offered = "only the named tool is offered" if isinstance(choice, Mapping) and wanted else "it may answer"
    warn(f"{endpoint.provider.name} lets no tool be forced: tool_choice is sent as auto, and {offered}")
    return fields


def _choice(tool_choice: object) -> object:
    """A choice as it is sent; a tool's name alone stands for the choice of that tool."""
    if isinstance(tool_choice, str) and tool_choice not in CHOICES:
        return {"type": "function", "function": {"name": tool_choice}}
    return tool_choice
