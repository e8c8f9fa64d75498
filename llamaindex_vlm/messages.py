"""LlamaIndex's messages as the client takes them: every block is sent, or refused by its place."""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from io import IOBase
from pathlib import Path
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import (
    BaseContentBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from llamaindex_vlm.responses import provider_fields
from vlm_core import InputError
from vlm_core.integration import Source, base64_as_uri, expand, sniff, source_from, text_in

Message: TypeAlias = dict[str, Any]
Part: TypeAlias = dict[str, Any]

# What Cohere and Gemini call the assistant.
_SAME_AS = {MessageRole.CHATBOT: MessageRole.ASSISTANT, MessageRole.MODEL: MessageRole.ASSISTANT}
# What is sent of a message's additional_kwargs, beside tool calls.
_KEPT = {
    MessageRole.TOOL: ("tool_call_id",),
    MessageRole.FUNCTION: ("name",),
    MessageRole.ASSISTANT: ("refusal", "function_call"),
}
_HEAD_BYTES = 1024
_GIVE = "Give it image, path or url."
# The title that LlamaIndex gives to a document without one.
_UNTITLED = "input_document"


@dataclass(frozen=True)
class _Place:
    """Where a block stands, and whether a URL there may lead to this machine or its network."""

    name: str
    allow_private_urls: bool = False

    def at(self, name: str) -> _Place:
        """A place within it."""
        return replace(self, name=f"{self.name}.{name}")


def to_messages(messages: Sequence[ChatMessage], *, allow_private_urls: bool = False) -> list[Message]:
    """A conversation for `VLMClient`, which moves images to where the provider takes them.

    A cache point, or `cache_control` among a message's `additional_kwargs`, becomes a mark of the part before
    it. What a model thought earlier is not sent as text; the client gives it back to the route that it came
    from. Of `additional_kwargs` tool calls, a tool's call id, a function's name, a refusal and reasoning are
    sent besides.

    Args:
        messages: they, their blocks and open files stay as they are.
        allow_private_urls: whether a document's URL may lead to this machine or its network.

    Raises:
        InputError: a block cannot be sent; the message names its place and shows nothing of it.

    Example:
        >>> to_messages([ChatMessage(role="user", content="What is the total?")])
        [{'role': 'user', 'content': 'What is the total?'}]
        >>> from llama_index.core.llms import AudioBlock
        >>> to_messages([ChatMessage(role="user", blocks=[AudioBlock(audio=b"RIFF")])])
        Traceback (most recent call last):
        vlm_core.errors.InputError: messages[0].blocks[0]: vision models take no AudioBlock...
    """
    return [
        _message(message, _Place(f"messages[{number}]", allow_private_urls))
        for number, message in enumerate(messages)
    ]


def _message(message: ChatMessage, place: _Place) -> Message:
    role = _SAME_AS.get(message.role, message.role)
    calls = tool_calls_of(message, place.name)
    if calls and role != MessageRole.ASSISTANT:
        hint = "Give it the role assistant; results of tools have the role tool."
        raise InputError(f"{place.name} calls a tool and has the role {role.value}", hint=hint)
    extra = message.additional_kwargs
    extra_fields = {name: extra[name] for name in _KEPT.get(role, ()) if extra.get(name) is not None}
    content = _content(_all_parts(message, place))
    if role != MessageRole.ASSISTANT:
        return {"role": role.value, "content": content, **extra_fields}
    fields, of_calls = provider_fields(message)
    sent = [{**call, **of_calls.get(call["id"], {})} for call in calls]
    more = {"tool_calls": sent} if sent else {}
    return {
        "role": role.value,
        "content": content or None if more else content,
        **extra_fields,
        **more,
        **fields,
    }


def _all_parts(message: ChatMessage, place: _Place) -> list[Part]:
    """The parts of a message, with its marks for prompt caching."""
    parts: list[Part] = []
    for number, block in enumerate(message.blocks):
        if isinstance(block, CachePoint):
            parts = _marked(parts, block.cache_control.model_dump(exclude_none=True))
        else:
            parts += _parts(block, place.at(f"blocks[{number}]"))
    return _marked(parts, message.additional_kwargs.get("cache_control"))


def _marked(parts: list[Part], mark: object) -> list[Part]:
    return parts if mark is None or not parts else [*parts[:-1], {**parts[-1], "cache_control": mark}]


def _content(parts: list[Part]) -> str | list[Part]:
    """Text alone as a string, since many servers take nothing else but from a user."""
    if all(part["type"] == "text" and "cache_control" not in part for part in parts):
        return "\n".join(part["text"] for part in parts)
    # Some providers refuse a text part without text.
    return [part for part in parts if part.get("text") != ""]


# --- tool calls ----------------------------------------------------------------------------------


def tool_calls_of(message: ChatMessage, place: str = "the message") -> list[dict[str, Any]]:
    """The tool calls of a message, as OpenAI has them.

    They are those in its blocks; where there are none, those that older integrations keep in
    `additional_kwargs`, be they dicts or objects of openai's client.

    Args:
        message: of an assistant.
        place: what to call it in errors.

    Raises:
        InputError: one of them names no function.

    Example:
        >>> call = ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs={"page": 1})
        >>> tool_calls_of(ChatMessage(role="assistant", blocks=[call]))[0]["function"]
        {'name': 'look', 'arguments': '{"page": 1}'}
    """
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [_call(block.tool_call_id, block.tool_name, block.tool_kwargs) for block in blocks]
    return [_said_call(call, place) for call in message.additional_kwargs.get("tool_calls") or ()]


def _call(call_id: str | None, name: str, arguments: Mapping[str, Any] | str) -> dict[str, Any]:
    written = arguments if isinstance(arguments, str) else json.dumps(arguments)
    return {"id": call_id or "", "type": "function", "function": {"name": name, "arguments": written or "{}"}}


def _said_call(call: object, place: str) -> dict[str, Any]:
    # Not by class: older integrations keep objects of whichever openai client they came with.
    if not isinstance(call, Mapping) and hasattr(call, "model_dump"):
        call = call.model_dump()
    fields = call if isinstance(call, Mapping) else {}
    function = fields.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        hint = 'Write {"id": ..., "type": "function", "function": {"name": ..., "arguments": "{}"}}.'
        raise InputError(f"{place} has a tool call without a function", hint=hint)
    return _call(fields.get("id"), function["name"], function.get("arguments") or "{}")


# --- blocks --------------------------------------------------------------------------------------


def _parts(block: BaseContentBlock, place: _Place) -> list[Part]:
    for kind in type(block).__mro__:  # a block of one's own is of the kind that it comes from
        if kind in _KINDS:
            return _KINDS[kind](block, place)
    raise InputError(
        f"{place.name}: vision models take no {type(block).__name__}",
        hint="Give what is said or shown there as text, or as images.",
    )


def _text(block: TextBlock, place: _Place) -> list[Part]:
    return [{"type": "text", "text": block.text}]


def _image(block: ImageBlock, place: _Place) -> list[Part]:
    detail = {"detail": block.detail} if block.detail else {}
    return [{**_picture(block, place), **detail}]


def _picture(block: ImageBlock, place: _Place) -> Part:
    if block.image is not None:
        return _image_part(_held(block.image, place))
    if block.path is not None:
        return _image_part(block.path)
    if block.url is not None:
        return {"type": "image_url", "image_url": {"url": str(block.url)}}
    raise InputError(f"{place.name} is an ImageBlock without an image", hint=_GIVE)


def _image_part(image: object) -> Part:
    return {"type": "image", "image": image}


def _held(image: bytes | IOBase, place: _Place) -> Source:
    if isinstance(image, IOBase):
        return source_from(partial(_whole, image), place.name)
    # LlamaIndex copies blocks at every turn. What was sent before is known by its base64, and not decoded.
    return Source(place.name, partial(_image_bytes, image, place.name), key=image)


def _image_bytes(held: bytes, name: str) -> bytes:
    """The picture in an image block, which may be written there as a data URI, or as base64 in lines."""
    data = _file_bytes(held)
    if data and sniff(data) is None and (uri := base64_as_uri(data.decode("latin-1"), name)):
        return _in_data_uri(uri)
    if not data:
        raise InputError(f"{name} is an ImageBlock without an image", hint=_GIVE)
    return data


def _file_bytes(held: bytes) -> bytes:
    """The file in a block, which may be written there as a data URI."""
    data = _bytes(held)
    return _in_data_uri(data.decode("latin-1")) if data[:5].lower() == b"data:" else data


def _in_data_uri(uri: str) -> bytes:
    (source,) = expand(uri)
    return source.read()


def _bytes(held: bytes) -> bytes:
    """What a block was given. It keeps base64, but the bytes themselves where a template was filled in."""
    try:
        return binascii.a2b_base64(held, strict_mode=True)
    except binascii.Error:
        return held


def _whole(file: IOBase) -> bytes:
    """All of an open file, wherever it stands, which is where it is left."""
    if not file.seekable():
        return file.read()  # type: ignore[no-any-return]
    position = file.tell()
    file.seek(0)
    try:
        return file.read()  # type: ignore[no-any-return]
    finally:
        file.seek(position)


def _document(block: DocumentBlock, place: _Place) -> list[Part]:
    """A PDF as its pages, a text as such."""
    if block.data:
        data = _whole(block.data) if isinstance(block.data, IOBase) else _file_bytes(block.data)
        return _of_bytes(data, data, block.title, place)
    if block.path:
        return _of_file(Path(block.path).expanduser(), block.title, place)
    if block.url:
        return _of_url(block.url, block.title, place)
    raise InputError(f"{place.name} is a DocumentBlock without a document", hint="Give data, path or url.")


def _of_file(path: Path, title: str | None, place: _Place) -> list[Part]:
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES)
            return [_image_part(path)] if sniff(head) else _of_bytes(head + file.read(), path, title, place)
    except OSError:
        return [_image_part(path)]  # reading it will say what is wrong


def _of_url(url: str, title: str | None, place: _Place) -> list[Part]:
    url = base64_as_uri(url, place.name) or url
    scheme = url.partition(":")[0].lower()
    if scheme not in ("http", "https", "data"):
        hint = "Give a file as path=..., or its bytes as data=..."
        raise InputError(f"{place.name}: url is neither a web address nor a data URI", hint=hint)
    (source,) = expand(url, allow_private_urls=place.allow_private_urls)
    return _of_bytes(source.read(), source, title, place) if scheme == "data" else [_image_part(source)]


def _of_bytes(data: bytes, given: object, title: str | None, place: _Place) -> list[Part]:
    if not data or sniff(data):
        return [_image_part(given)]
    text = text_in(data)
    if text is None:
        hint = "Turn it into a PDF, pictures, or text in UTF-8."
        raise InputError(f"{place.name} is a document that is neither PDF, picture nor text", hint=hint)
    heading = f"{title}\n\n" if title and title != _UNTITLED else ""
    return [{"type": "text", "text": heading + text}]


def _citable(block: CitableBlock, place: _Place) -> list[Part]:
    return [
        part
        for number, inner in enumerate(block.content)
        for part in _parts(inner, place.at(f"content[{number}]"))
    ]


def _citation(block: CitationBlock, place: _Place) -> list[Part]:
    return _parts(block.cited_content, place.at("cited_content"))


def _nothing(block: BaseContentBlock, place: _Place) -> list[Part]:
    return []


_KINDS: Mapping[type, Callable[[Any, _Place], list[Part]]] = {
    TextBlock: _text,
    ImageBlock: _image,
    DocumentBlock: _document,
    CitableBlock: _citable,
    CitationBlock: _citation,
    ThinkingBlock: _nothing,  # stands beside the content
    ToolCallBlock: _nothing,  # stands beside the content
}
