"""Where images and texts stand in a conversation, by what providers take.

Providers allow images in messages of the user alone. One that a tool, the system or the assistant
holds is moved into a user message behind, never lost: behind all results of one batch of tool calls,
since nothing may stand between a call and its results.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Quirk
from vlm_core.wire.messages import TOOL_ROLES, Message, Part
from vlm_core.wire.options import Warn

ToolImages: TypeAlias = Literal["user_message", "inline", "placeholder"]

_SYSTEM_ROLES = frozenset({"system", "developer"})
_MOVED = {"type": "text", "text": "[image: see the next user message]"}
_LEFT_OUT = {"type": "text", "text": "[image not shown]"}


def place_images(
    messages: list[Message], tool_images: ToolImages, endpoint: Endpoint, warn: Warn
) -> list[Message]:
    """Messages with each image where the provider takes it, as OpenAI's parts.

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
    result = _gathered(messages, tool_images)
    if Quirk.TOOL_CONTENT_STRING in endpoint.quirks:
        result = [_joined(message) if message["role"] in TOOL_ROLES else message for message in result]
    if Quirk.IMAGES_FIRST in endpoint.quirks:
        result = [_images_first(message) for message in result]
    accepts_detail = endpoint.limits.accepts_detail is True
    if not accepts_detail and any(part.get("detail") for message in result for part in _images(message)):
        warn(f"detail is not sent: {endpoint.route} is not known to take it")
    return [_rendered(message, accepts_detail) for message in result]


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


def _gathered(messages: list[Message], tool_images: ToolImages) -> list[Message]:
    """Messages with images in those of the user alone."""
    result: list[Message] = []
    waiting: list[Part] = []
    for message in messages:
        role = message["role"]
        if waiting and role == "user":
            # Into the same message, for many chat templates refuse two of the user in a row.
            message = {**message, "content": [*waiting, *_parts(message)]}
            waiting = []
        elif waiting and role not in TOOL_ROLES:
            result.append({"role": "user", "content": waiting})
            waiting = []
        stays, moved = _split(message, tool_images)
        result.append(stays)
        waiting = [*waiting, *moved]
    return [*result, {"role": "user", "content": waiting}] if waiting else result


def _split(message: Message, tool_images: ToolImages) -> tuple[Message, list[Part]]:
    """What stays of a message, and the parts of its images that move, with words about their origin."""
    role, images = message["role"], _images(message)
    policy = tool_images if role in TOOL_ROLES else "user_message"
    if role == "user" or not images or policy == "inline":
        return message, []
    mark = _LEFT_OUT if policy == "placeholder" else _MOVED
    stays = {**message, "content": [mark if part["type"] == "image" else part for part in _parts(message)]}
    return stays, [] if policy == "placeholder" else [{"type": "text", "text": _origin(message)}, *images]


def _origin(message: Message) -> str:
    if message["role"] not in TOOL_ROLES:
        return f"Shown in the {message['role']} message above:"
    return f"Returned by the tool call {message.get('tool_call_id', message.get('name'))}:"


def _parts(message: Message) -> list[Part]:
    content = message["content"]
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return list(content or ())


def _images(message: Message) -> list[Part]:
    content = message["content"]
    return [part for part in content if part["type"] == "image"] if isinstance(content, list) else []


def _joined(message: Message) -> Message:
    return {**message, "content": "\n".join(part["text"] for part in _parts(message))}


def _images_first(message: Message) -> Message:
    if not _images(message):
        return message
    return {**message, "content": sorted(message["content"], key=lambda part: part["type"] != "image")}


def _rendered(message: Message, accepts_detail: bool) -> Message:
    if not _images(message):
        return message
    return {**message, "content": [_rendered_part(part, accepts_detail) for part in message["content"]]}


def _rendered_part(part: Part, accepts_detail: bool) -> Part:
    if part["type"] != "image":
        return part
    url = {"url": part["image"]}
    if accepts_detail and part.get("detail"):
        url["detail"] = part["detail"]
    kept = {name: value for name, value in part.items() if name not in ("type", "image", "detail")}
    return {"type": "image_url", "image_url": url, **kept}
