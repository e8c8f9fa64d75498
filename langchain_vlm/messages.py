"""LangChain's messages as the client takes them: roles, tool calls and their results.

Whatever a message holds is sent, moved to where providers take it, or refused with an InputError that
names its place. What the model thought in earlier turns is not sent as text: the client gives it back to the
route that it came from, where that takes it. A tool's artifact is for the program and never sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import partial
from typing import Any, TypeAlias, cast

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_vlm.content_blocks import CALLS, THOUGHTS, Block, Part, is_a, marked, parts_of
from langchain_vlm.image_blocks import warn_of_lost_pictures
from langchain_vlm.outputs import provider_fields
from vlm_core import InputError

__all__ = ["to_messages"]

Message: TypeAlias = dict[str, Any]
Read: TypeAlias = Callable[..., list[Part]]

_NO_WORDS = THOUGHTS | CALLS
_RESULT = frozenset({"tool_result"})
# Many servers take a list of parts from the user alone. What stands between texts that become one.
_JOINED_BY = {"assistant": "", "system": "\n", "developer": "\n", "tool": "\n", "function": "\n"}


def to_messages(messages: Sequence[BaseMessage], *, allow_private_urls: bool = False) -> list[Message]:
    """A conversation as `VLMClient` takes it.

    Args:
        messages: of LangChain, chunks among them too. They stay as they are.
        allow_private_urls: whether the URL of a PDF may lead to this machine or its network.

    Raises:
        InputError: a message, or a block of one, cannot be sent; it is named as in
            "messages[2].content[1]".

    Warns:
        ImageWarning: a tool's result holds a picture that became text.

    Example:
        >>> from langchain_core.messages import HumanMessage, SystemMessage
        >>> to_messages([SystemMessage("Be brief."), HumanMessage("What is the total?")])[1]
        {'role': 'user', 'content': 'What is the total?'}
    """
    warn_of_lost_pictures(messages)
    read = partial(parts_of, allow_private_urls=allow_private_urls)
    return [
        converted
        for number, message in enumerate(messages)
        for converted in _converted(message, f"messages[{number}]", read)
    ]


def _converted(message: BaseMessage, where: str, read: Read) -> Iterator[Message]:
    for kind, convert in _KINDS:
        if isinstance(message, kind):
            return convert(message, where, read)
    raise InputError(
        f"{where} is a {type(message).__name__}, which is not sent",
        hint="Leave it out; messages of the user, the system, the assistant and tools are sent.",
    )


def _content(
    role: str, content: object, where: str, read: Read, without: Collection[str] = ()
) -> str | list[Part]:
    if isinstance(content, str):
        return content
    parts = read(content, where, without=without)
    joined_by = _JOINED_BY.get(role)
    if joined_by is None or any(part["type"] != "text" or "cache_control" in part for part in parts):
        return parts
    return joined_by.join(part["text"] for part in parts)


def _named(message: BaseMessage) -> Message:
    return {"name": message.name} if message.name else {}


# --- the user, the system, and whoever else ------------------------------------------------------


def _of_user(message: HumanMessage, where: str, read: Read) -> Iterator[Message]:
    """The message, behind the results of tools where it holds some, as Anthropic's does."""
    content = message.content
    if isinstance(content, str):
        yield {"role": "user", "content": content, **_named(message)}
        return
    has_results = False
    for number, block in enumerate(content):
        if is_a(block, _RESULT):
            has_results = True
            yield _result(cast("Block", block), f"{where}.content[{number}]", read)
    parts = read(content, where, without=_RESULT)
    if parts or not has_results:
        yield {"role": "user", "content": parts, **_named(message)}


def _result(block: Block, where: str, read: Read) -> Message:
    content = _content("tool", block.get("content") or "", where, read)
    if content and block.get("cache_control") is not None:
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        content = marked(parts, block)
    return {"role": "tool", "tool_call_id": block.get("tool_use_id"), "content": content}


def _of_role(message: SystemMessage | ChatMessage, where: str, read: Read) -> Iterator[Message]:
    if isinstance(message, ChatMessage):
        role = message.role
    else:  # where langchain-openai keeps that a system message is a developer's
        role = message.additional_kwargs.get("__openai_role__", "system")
    yield {"role": role, "content": _content(role, message.content, where, read), **_named(message)}


# --- the assistant -------------------------------------------------------------------------------


def _of_assistant(message: AIMessage, where: str, read: Read) -> Iterator[Message]:
    blocks = message.content if isinstance(message.content, list) else []
    content = _content("assistant", message.content, where, read, without=_NO_WORDS)
    fields, of_calls = provider_fields(message)
    calls = _calls(message, blocks, where)
    has_refusal = any(is_a(part, ("refusal",)) for part in content)
    more = {
        "tool_calls": [{**call, **of_calls.get(call["id"], {})} for call in calls],
        "function_call": message.additional_kwargs.get("function_call") if not message.tool_calls else None,
        "refusal": None if has_refusal else message.additional_kwargs.get("refusal"),
        **fields,
    }
    yield {
        "role": "assistant",
        "content": content,
        **_named(message),
        **{name: value for name, value in more.items() if value},
    }


def _calls(message: AIMessage, blocks: Sequence[Any], where: str) -> Iterator[Message]:
    """Its tool calls, those that LangChain could not read, and those that only its content has."""
    own = [*message.tool_calls, *message.invalid_tool_calls]
    written = [block for block in blocks if is_a(block, CALLS)]
    seen: set[Any] = set()
    for number, call in enumerate([*own, *written]):
        converted = _call(cast("Block", call), number, where)
        if number < len(own) or converted["id"] not in seen:
            seen.add(converted["id"])
            yield converted


def _call(call: Block, number: int, where: str) -> Message:
    name = call.get("name")
    if not isinstance(name, str) or not name:
        raise InputError(f"{where} calls a tool without naming it", hint="Leave the call out, or name it.")
    arguments: Any = next(
        (call[key] for key in ("args", "input", "arguments") if call.get(key) is not None), {}
    )
    arguments = arguments if isinstance(arguments, str) else _as_json(arguments, where)
    # OpenAI's other API tells the call from the item that holds it.
    name_of_call = call.get("call_id") or call.get("id") or f"call_{number}"
    return {"id": name_of_call, "type": "function", "function": {"name": name, "arguments": arguments}}


def _as_json(arguments: object, where: str) -> str:
    try:
        return json.dumps(arguments, ensure_ascii=False)
    except (TypeError, ValueError):
        raise InputError(
            f"{where} calls a tool with arguments that JSON has no place for", hint="Give plain values only."
        ) from None


# --- tools ---------------------------------------------------------------------------------------


def _of_tool(message: ToolMessage, where: str, read: Read) -> Iterator[Message]:
    content = _content("tool", message.content, where, read)
    yield {"role": "tool", "tool_call_id": message.tool_call_id, "content": content}


def _of_function(message: FunctionMessage, where: str, read: Read) -> Iterator[Message]:
    content = _content("function", message.content, where, read)
    yield {"role": "function", "name": message.name, "content": content}


_KINDS: tuple[tuple[type[BaseMessage], Callable[[Any, str, Read], Iterator[Message]]], ...] = (
    (HumanMessage, _of_user),
    (AIMessage, _of_assistant),
    (SystemMessage, _of_role),
    (ToolMessage, _of_tool),
    (FunctionMessage, _of_function),
    (ChatMessage, _of_role),
)
