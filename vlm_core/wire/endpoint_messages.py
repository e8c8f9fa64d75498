"""Checked messages as one endpoint takes them: broken calls, marks for caching, places of images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Quirk
from vlm_core.completion import ToolCall
from vlm_core.wire.messages import TOOL_ROLES, Message, Part, tool_calls_in
from vlm_core.wire.options import Warn

ToolImages: TypeAlias = Literal["user_message", "inline", "placeholder"]
MARK = "cache_control"
"""The mark beside a part, a tool or a message: all up to there is kept in the provider's prompt cache."""

_SHOWN_CHARS = 500
_SYSTEM_ROLES = frozenset({"system", "developer"})
_MOVED = {"type": "text", "text": "[image: see the next user message]"}
_LEFT_OUT = {"type": "text", "text": "[image not shown]"}


def _parts(message: Message) -> list[Part]:
    content = message["content"]
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or ())


def _function(call: Mapping[str, Any]) -> Mapping[str, Any]:
    function = call.get("function")
    return function if isinstance(function, Mapping) else {}


def _without(name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {other: value for other, value in fields.items() if other != name}


# --- broken tool calls


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
    if not any(_is_broken(call) for message in messages for call in tool_calls_in(message)):
        return messages
    answered = {message.get("tool_call_id") for message in messages if message["role"] == "tool"}
    return [_with_calls_mended(message, answered, warn) for message in messages]


def _is_broken(call: Mapping[str, Any]) -> bool:
    arguments = _function(call).get("arguments")
    return isinstance(arguments, str) and ToolCall("", "", arguments).problem is not None


def _with_calls_mended(message: Message, answered: set[Any], warn: Warn) -> Message:
    calls = tool_calls_in(message)
    if not any(map(_is_broken, calls)):
        return message
    lost = [call for call in calls if _is_broken(call) and call.get("id") not in answered]
    sent = [
        {**call, "function": {**_function(call), "arguments": "{}"}} if _is_broken(call) else call
        for call in calls
        if call not in lost
    ]
    for call in lost:
        warn(f"a broken call of the tool {_function(call).get('name')} is not sent: it has no result")
    others = _without("tool_calls", message)
    if sent:
        return {**others, "tool_calls": sent}
    # A message must not be empty: what the model wrote stands for the call.
    return others if message["content"] else {**others, "content": "\n".join(map(_call_as_text, lost))}


def _call_as_text(call: Mapping[str, Any]) -> str:
    arguments = str(_function(call).get("arguments"))[:_SHOWN_CHARS]
    return f"[unreadable call of the tool {_function(call).get('name')}: {arguments}]"


# --- marks for prompt caching


def with_cache_control(messages: list[Message], endpoint: Endpoint, warn: Warn) -> list[Message]:
    """Messages with their marks where the endpoint takes them, else without any.

    Args:
        messages: checked ones.
        endpoint: its row says whether it takes marks.
        warn: is told that they were taken off.
    """
    if not any(map(_is_marked, messages)):
        return messages
    if endpoint.cache_control:
        return [_on_last_part(message) for message in messages]
    warn(_mark_not_sent(endpoint))
    return [_unmarked(message) if _is_marked(message) else message for message in messages]


def tools_with_cache_control(tools: Sequence[Any], endpoint: Endpoint, warn: Warn) -> Sequence[Any]:
    """As `with_cache_control`, for the definitions of tools.

    Args:
        tools: in OpenAI's shape; a mark stands beside the function, or in it.
        endpoint: as in `with_cache_control`.
        warn: as in `with_cache_control`.
    """
    marked = [isinstance(tool, Mapping) and (MARK in tool or MARK in _function(tool)) for tool in tools]
    if not any(marked):
        return tools
    placed = [_beside_function(tool) if has else tool for tool, has in zip(tools, marked, strict=True)]
    if endpoint.cache_control:
        return placed
    warn(_mark_not_sent(endpoint))
    return [_without(MARK, tool) if has else tool for tool, has in zip(placed, marked, strict=True)]


def _mark_not_sent(endpoint: Endpoint) -> str:
    return (
        f"{endpoint.route}: {MARK} is not sent, since {endpoint.provider.name} is not known to take it. "
        f"A row of your own says that it does: Provider(..., {MARK}=True)"
    )


def _is_marked(message: Message) -> bool:
    content = message["content"]
    return MARK in message or (isinstance(content, list) and any(MARK in part for part in content))


def _on_last_part(message: Message) -> Message:
    """A message whose own mark stands at its last part, where providers look for it."""
    if MARK not in message or not message["content"]:
        return message
    *others, last = _parts(message)
    return {**_without(MARK, message), "content": [*others, {MARK: message[MARK], **last}]}


def _unmarked(message: Message) -> Message:
    content = message["content"]
    if isinstance(content, list):
        content = [_without(MARK, part) for part in content]
        # Many servers take a list of texts from the user alone.
        if message["role"] != "user" and all(part["type"] == "text" for part in content):
            content = "\n".join(part["text"] for part in content)
    return {**_without(MARK, message), "content": content}


def _beside_function(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    function = _function(tool)
    if MARK not in function:
        return tool
    return {MARK: function[MARK], **tool, "function": _without(MARK, function)}


# --- one system message


def with_one_system_message(messages: list[Message], warn: Warn) -> list[Message]:
    """Messages with all system messages merged into one, in the first place and in their order.

    Args:
        messages: as they would be sent.
        warn: is told where a later one moves before other messages.

    Example:
        >>> words = [{"role": "system", "content": text} for text in ("Be brief.", "Be kind.")]
        >>> with_one_system_message([*words, {"role": "user", "content": "Hi"}], print)[0]
        {'role': 'system', 'content': 'Be brief.\\n\\nBe kind.'}
    """
    system = [message for message in messages if message["role"] in _SYSTEM_ROLES]
    others = [message for message in messages if message["role"] not in _SYSTEM_ROLES]
    if not system or messages == [system[0], *others]:
        return messages
    if messages != [*system, *others]:
        warn("system messages behind others are merged into the first one, which is all that the model takes")
    contents = [message["content"] for message in system]
    are_texts = all(isinstance(content, str) for content in contents)
    parts = [part for message in system for part in _parts(message)]
    return [{**system[0], "content": "\n\n".join(contents) if are_texts else parts}, *others]


# --- images


def place_images(
    messages: list[Message], tool_images: ToolImages, endpoint: Endpoint, warn: Warn
) -> list[Message]:
    """Messages with each image where the provider takes it, as OpenAI's parts.

    Providers allow images in messages of the user alone. One that a tool, the system or the assistant holds
    is moved into a user message behind, never lost: behind all results of one batch of tool calls, since
    nothing may stand between a call and its results.

    Args:
        messages: checked ones.
        tool_images: what becomes of images that a tool returned: they move into a user message, stay
            where they are, or leave a few words in their place.
        endpoint: its quirks and limits decide the rest.
        warn: is told what was dropped or changed.
    """
    if tool_images == "inline" and Quirk.TOOL_CONTENT_STRING in endpoint.quirks:
        tool_images = "user_message"
        warn(f"{endpoint.provider.name} takes no image from a tool: it is sent in a user message")
    placed = list(_in_user_messages(messages, tool_images))
    has_detail = any(part.get("detail") for message in placed for part in _images(message))
    if has_detail and endpoint.limits.accepts_detail is not True:
        warn(f"detail is not sent: {endpoint.route} is not known to take it")
    return [_as_sent(message, endpoint) for message in placed]


def _in_user_messages(messages: list[Message], tool_images: ToolImages) -> Iterator[Message]:
    """Messages with images in those of the user alone; those that move wait for the next place for them."""
    waiting: list[Part] = []
    for message in messages:
        role = message["role"]
        if waiting and role == "user":
            # Into the same message, for many chat templates refuse two of the user in a row.
            message = {**message, "content": [*waiting, *_parts(message)]}
            waiting = []
        elif waiting and role not in TOOL_ROLES:
            yield {"role": "user", "content": waiting}
            waiting = []
        policy = tool_images if role in TOOL_ROLES else "user_message"
        images = [] if role == "user" or policy == "inline" else _images(message)
        if images:
            mark = _LEFT_OUT if policy == "placeholder" else _MOVED
            content = [mark if part["type"] == "image" else part for part in message["content"]]
            message = {**message, "content": content}
        yield message
        if images and policy != "placeholder":
            waiting += [{"type": "text", "text": _origin(message)}, *images]
    if waiting:
        yield {"role": "user", "content": waiting}


def _images(message: Message) -> list[Part]:
    content = message["content"]
    return [part for part in content if part["type"] == "image"] if isinstance(content, list) else []


def _origin(message: Message) -> str:
    if message["role"] not in TOOL_ROLES:
        return f"Shown in the {message['role']} message above:"
    return f"Returned by the tool call {message.get('tool_call_id', message.get('name'))}:"


def _as_sent(message: Message, endpoint: Endpoint) -> Message:
    """One message with its parts in the order and the form that the provider takes."""
    content = message["content"]
    if message["role"] in TOOL_ROLES and Quirk.TOOL_CONTENT_STRING in endpoint.quirks:
        return {**message, "content": "\n".join(part["text"] for part in _parts(message))}
    if not _images(message):
        return message
    if Quirk.IMAGES_FIRST in endpoint.quirks:
        content = sorted(content, key=lambda part: part["type"] != "image")
    accepts_detail = endpoint.limits.accepts_detail is True
    return {**message, "content": [_part_as_sent(part, accepts_detail) for part in content]}


def _part_as_sent(part: Part, accepts_detail: bool) -> Part:
    if part["type"] != "image":
        return part
    url = {"url": part["image"]}
    if accepts_detail and part.get("detail"):
        url["detail"] = part["detail"]
    others = {name: value for name, value in part.items() if name not in ("type", "image", "detail")}
    return {"type": "image_url", "image_url": url, **others}
