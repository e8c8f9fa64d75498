"""Marks for prompt caching: sent where the provider takes them, and taken off with a warning where not.

A mark is `cache_control` beside a part, a tool or a message: all up to there is kept for later requests.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.wire.messages import Message
from vlm_core.wire.options import Warn

MARK = "cache_control"


def with_cache_control(messages: list[Message], endpoint: Endpoint, warn: Warn) -> list[Message]:
    """Messages with their marks where the endpoint takes them, else without any.

    Args:
        messages: checked ones.
        endpoint: its row says whether it takes marks.
        warn: is told that they were taken off.
    """
    if not any(_is_marked(message) for message in messages):
        return messages
    if endpoint.cache_control:
        return [_on_last_part(message) for message in messages]
    warn(_not_sent(endpoint))
    return [_unmarked(message) for message in messages]


def tools_with_cache_control(tools: Sequence[Any], endpoint: Endpoint, warn: Warn) -> Sequence[Any]:
    """As `with_cache_control`, for the definitions of tools.

    Args:
        tools: in OpenAI's shape; a mark stands beside the function, or in it.
        endpoint: as in `with_cache_control`.
        warn: as in `with_cache_control`.
    """
    if not any(_has_mark(tool) for tool in tools):
        return tools
    if endpoint.cache_control:
        return [_beside_function(tool) for tool in tools]
    warn(_not_sent(endpoint))
    return [_without(_beside_function(tool)) if _has_mark(tool) else tool for tool in tools]


def _not_sent(endpoint: Endpoint) -> str:
    return (
        f"{endpoint.route}: {MARK} is not sent, since {endpoint.provider.name} is not known to take it. "
        f"A row of your own says that it does: Provider(..., {MARK}=True)"
    )


def _without(marked: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in marked.items() if name != MARK}


# --- messages ------------------------------------------------------------------------------------


def _is_marked(message: Message) -> bool:
    return MARK in message or any(MARK in part for part in _parts(message))


def _parts(message: Message) -> list[Any]:
    content = message["content"]
    return content if isinstance(content, list) else []


def _on_last_part(message: Message) -> Message:
    """A message whose own mark stands at its last part, where providers look for it."""
    content = message["content"]
    if MARK not in message or not content:
        return message
    *others, last = [{"type": "text", "text": content}] if isinstance(content, str) else content
    return {**_without(message), "content": [*others, {MARK: message[MARK], **last}]}


def _unmarked(message: Message) -> Message:
    if not _is_marked(message):
        return message
    content = [_without(part) for part in _parts(message)] or message["content"]
    return {**_without(message), "content": _as_text(content) if message["role"] != "user" else content}


def _as_text(content: Any) -> Any:
    """Parts that are text alone as one string: many servers take a list from the user alone."""
    if isinstance(content, list) and all(part["type"] == "text" for part in content):
        return "\n".join(part["text"] for part in content)
    return content


# --- tools ---------------------------------------------------------------------------------------


def _has_mark(tool: Any) -> bool:
    return isinstance(tool, Mapping) and (MARK in tool or MARK in _function(tool))


def _function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = tool.get("function")
    return function if isinstance(function, Mapping) else {}


def _beside_function(tool: Any) -> Any:
    function = _function(tool) if isinstance(tool, Mapping) else {}
    if MARK not in function:
        return tool
    return {MARK: function[MARK], **tool, "function": _without(function)}
