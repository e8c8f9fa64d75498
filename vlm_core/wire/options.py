"""The options of a chat as fields of a request, and how those about tools fit what a provider can."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Quirk
from vlm_core.wire.option_checks import CHOICES, OPTIONS, check_options, tool_name

__all__ = ["OPTIONS", "Fields", "Warn", "check_options", "option_fields"]

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
