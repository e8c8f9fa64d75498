"""The options that a chat takes, and how those about tools fit what a provider can."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.rows import Quirk
from vlm_core.errors import ConfigError

Warn: TypeAlias = Callable[[str], None]
Fields: TypeAlias = dict[str, Any]

OPTIONS = frozenset(
    {"temperature", "top_p", "max_tokens", "stop", "seed", "n", "presence_penalty", "frequency_penalty"}
    | {"tools", "tool_choice", "parallel_tool_calls", "response_format", "logprobs", "top_logprobs"}
    | {"logit_bias", "user", "metadata", "store", "reasoning_effort", "verbosity", "service_tier"}
    | {"prompt_cache_key", "safety_identifier", "prediction", "extra_body"}
)
"""What a chat takes beside its messages, by OpenAI's names."""

_OURS = frozenset({"messages", "model", "stream"})
_OF_TOOLS = frozenset({"tools", "tool_choice", "parallel_tool_calls"})
_SENT_ELSEWHERE = _OF_TOOLS | {"max_tokens", "n", "response_format", "extra_body"}
_UNFORCED = ("auto", "none", None)


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options that would not do what their name says.

    Args:
        options: by name, as given to a chat.

    Raises:
        ConfigError: one is unknown, n is not 1, or extra_body replaces what is not its own.

    Example:
        >>> check_options({"temperature": 0, "extra_body": {"top_k": 1}})
        >>> check_options({"temprature": 0})
        Traceback (most recent call last):
        vlm_core.errors.ConfigError: There is no option temprature. Did you mean temperature? ...
    """
    for name in options:
        if name not in OPTIONS:
            raise _unknown(str(name))
    if options.get("n") not in (None, 1):
        raise ConfigError(
            f"n={options['n']!r}: one answer is read for each request",
            hint="Ask several times for several answers.",
        )
    _check_extra_body(options.get("extra_body"))


def _unknown(name: str) -> ConfigError:
    if name in _OURS:
        return ConfigError(f"{name} is no option", hint="Use the argument or the method for it.")
    near = difflib.get_close_matches(name, sorted(OPTIONS), n=1)
    question = f"Did you mean {near[0]}? " if near else ""
    example = f"extra_body={{{name!r}: ...}}"
    return ConfigError(
        f"There is no option {name}", hint=f"{question}What only this provider knows goes into {example}."
    )


def _check_extra_body(extra: object) -> None:
    if extra is None:
        return
    if not isinstance(extra, Mapping):
        raise ConfigError(f"extra_body is a {type(extra).__name__}", hint="Give a dict of fields.")
    if taken := sorted(_OURS & extra.keys()):
        raise ConfigError(
            f"extra_body holds {', '.join(taken)}, which the request sets itself",
            hint="Give messages and model as arguments, and stream with the stream method.",
        )


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
    choice = fields.get("tool_choice")
    if Quirk.TOOL_CHOICE_AUTO_OR_NONE not in endpoint.quirks or choice in _UNFORCED:
        return fields
    fields["tool_choice"] = "auto"
    wanted = [tool for tool in fields["tools"] if _tool_name(tool) == _tool_name(choice)]
    if isinstance(choice, Mapping) and wanted:
        fields["tools"] = wanted
    offered = "only the named tool is offered" if isinstance(choice, Mapping) and wanted else "it may answer"
    warn(f"{endpoint.provider.name} lets no tool be forced: tool_choice is sent as auto, and {offered}")
    return fields


def _tool_name(tool: object) -> object:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    return function.get("name") if isinstance(function, Mapping) else None


def merged(fields: Mapping[str, Any], extra: Mapping[str, Any]) -> Fields:
    """Fields with others laid over them; dicts are merged key by key.

    Example:
        >>> merged({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}})
        {'a': {'b': 9, 'c': 2}, 'd': 3}
    """
    result = dict(fields)
    for name, value in extra.items():
        under = result.get(name)
        both = isinstance(under, Mapping) and isinstance(value, Mapping)
        result[name] = merged(under, value) if both else value  # type: ignore[arg-type]
    return result
