"""Tool calls of a history whose arguments are broken, in a form that strict hosts accept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vlm_core.completion import ToolCall
from vlm_core.wire.messages import Message, tool_calls_in
from vlm_core.wire.options import Warn

_SHOWN_CHARS = 500


def without_broken_calls(messages: list[Message], warn: Warn) -> list[Message]:
    """Messages in which no tool call has arguments that are not a JSON object.

    Hosts refuse a call without a result, and chat templates fail on arguments that are not JSON. A broken
    call that has no result is left out; one that has a result, as an agent's repair gives it, goes without
    arguments.

    Args:
        messages: checked ones.
        warn: is told what is left out.

    Example:
        >>> call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"pa'}}
        >>> without_broken_calls([{"role": "assistant", "content": "Hm.", "tool_calls": [call]}], print)
        a broken call of the tool look is not sent: it has no result
        [{'role': 'assistant', 'content': 'Hm.'}]
    """
    if not any(_has_broken(message) for message in messages):
        return messages
    answered = {message.get("tool_call_id") for message in messages if message["role"] == "tool"}
    return [_mended(message, answered, warn) if _has_broken(message) else message for message in messages]


def _has_broken(message: Message) -> bool:
    return any(map(_is_broken, tool_calls_in(message)))


def _is_broken(call: Mapping[str, Any]) -> bool:
    arguments = _function(call).get("arguments")
    return isinstance(arguments, str) and ToolCall("", "", arguments).problem is not None


def _function(call: Mapping[str, Any]) -> Mapping[str, Any]:
    function = call.get("function")
    return function if isinstance(function, Mapping) else {}


def _mended(message: Message, answered: set[Any], warn: Warn) -> Message:
    kept, lost = [], []
    for call in tool_calls_in(message):
        if not _is_broken(call):
            kept.append(call)
        elif call.get("id") in answered:
            kept.append({**call, "function": {**_function(call), "arguments": "{}"}})
        else:
            lost.append(_function(call))
    for function in lost:
        warn(f"a broken call of the tool {function.get('name')} is not sent: it has no result")
    rest = {name: value for name, value in message.items() if name != "tool_calls"}
    if kept:
        return {**rest, "tool_calls": kept}
    return rest if message["content"] else {**rest, "content": "\n".join(map(_as_text, lost))}


def _as_text(function: Mapping[str, Any]) -> str:
    """What the model wrote, for a message that would be empty without it."""
    written = str(function.get("arguments"))[:_SHOWN_CHARS]
    return f"[unreadable call of the tool {function.get('name')}: {written}]"
