"""The messages of a chat, checked: roles, contents and parts, each fault named by its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from vlm_core.answers import EncodedImage
from vlm_core.errors import InputError

Message: TypeAlias = dict[str, Any]
Part: TypeAlias = dict[str, Any]

TOOL_ROLES = frozenset({"tool", "function"})
_ROLES = TOOL_ROLES | {"system", "developer", "user", "assistant"}
_NAMED_BY = {"tool": "tool_call_id", "function": "name"}
_IN_PLACE_OF_CONTENT = ("tool_calls", "function_call", "refusal")


def checked(messages: Sequence[Mapping[str, Any]]) -> list[Message]:
    """Copies of messages in the one shape that the rest of the room knows.

    Contents are a string, a list of parts, or None where an assistant calls tools. Parts are of type
    text, image (an EncodedImage, or a URL that the provider fetches) or refusal. The caller's own
    objects are left as they are.

    Args:
        messages: as OpenAI shapes them, images finished.

    Raises:
        InputError: one is not like that; it says which, as in ``messages[2].content[1]``.

    Example:
        >>> checked([{"role": "user", "content": ["Read this."]}])
        [{'role': 'user', 'content': [{'type': 'text', 'text': 'Read this.'}]}]
    """
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)):
        raise InputError(f"messages is a {_kind(messages)}, not a list", hint=_SHAPE)
    if not messages:
        raise InputError("messages is empty", hint=_SHAPE)
    return [_checked(message, f"messages[{index}]") for index, message in enumerate(messages)]


_SHAPE = 'Give a list such as [{"role": "user", "content": "Read this."}].'


def _checked(message: object, where: str) -> Message:
    if not isinstance(message, Mapping):
        raise InputError(f"{where} is a {_kind(message)}, not a dict", hint=_SHAPE)
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise InputError(f"{where} has the role {role!r}", hint=f"Roles are {', '.join(sorted(_ROLES))}.")
    needed = _NAMED_BY.get(role)
    if needed and not isinstance(message.get(needed), str):
        raise InputError(
            f"{where} has the role {role} and no {needed}", hint="Say which call the result belongs to."
        )
    return {**message, "content": _content(message, where)}


def _content(message: Mapping[str, Any], where: str) -> str | list[Part] | None:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence) and not isinstance(content, bytes) and content:
        return [_part(part, f"{where}.content[{index}]") for index, part in enumerate(content)]
    calls = message["role"] == "assistant" and any(message.get(name) for name in _IN_PLACE_OF_CONTENT)
    if calls and not content:
        return None
    raise InputError(f"{where}.content is {_said(content)}", hint="Give text, or a list of parts.")


def _part(part: object, where: str) -> Part:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        raise InputError(f"{where} is a {_kind(part)}, not a dict", hint=_PARTS)
    kind = part.get("type")
    is_whole = _PART_CHECKS.get(kind) if isinstance(kind, str) else None
    if is_whole is None:
        raise InputError(f"{where} is of type {kind!r}, which is not sent", hint=_PARTS)
    if not is_whole(part.get(kind)):
        raise InputError(f"{where}.{kind} is {_said(part.get(kind))}", hint=_PARTS)
    return dict(part)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_image(value: object) -> bool:
    is_url = isinstance(value, str) and value.lower().startswith(("https://", "http://"))
    return is_url or isinstance(value, EncodedImage)


_PART_CHECKS: Mapping[str, Callable[[object], bool]] = {
    "text": _is_text,
    "refusal": _is_text,
    "image": _is_image,
}
_PARTS = "A part is text or an image; turn anything else into one of them, a document into its pages."


def _kind(value: object) -> str:
    return type(value).__name__


def _said(value: object) -> str:
    return "missing" if value is None else "empty" if value in ([], (), {}) else f"a {_kind(value)}"
