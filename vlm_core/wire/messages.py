"""The messages of a chat, checked: roles, contents and parts, each fault named by its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeAlias

from vlm_core.completion import Completion, EncodedImage
from vlm_core.errors import InputError

Message: TypeAlias = dict[str, Any]
Part: TypeAlias = dict[str, Any]

TOOL_ROLES = frozenset({"tool", "function"})
_ROLES = TOOL_ROLES | {"system", "developer", "user", "assistant"}
_NAMED_BY = {"tool": "tool_call_id", "function": "name"}
_IN_PLACE_OF_CONTENT = ("tool_calls", "function_call", "refusal")
# Where other APIs have images; here they are not sent to the model.
_MISPLACED = ("images", "image", "image_url", "attachments", "files")
DETAILS = ("low", "high", "auto", "original")
"""What providers document for an image's detail; "original" is OpenAI's alone."""


def check_messages(messages: Sequence[object]) -> list[Message]:
    """Copies of messages in the one shape that the rest of the room knows.

    Contents are a string, a list of parts, or None where an assistant calls tools. Parts are of type
    text, image (an EncodedImage, or a URL that the provider fetches) or refusal. The caller's own
    objects are left as they are.

    Args:
        messages: as OpenAI shapes them, images finished. An answer may stand among them: a Completion, or
            the message of one from openai's client, becomes what the assistant said, its tool calls included.

    Raises:
        InputError: one is not like that; it says which, as in ``messages[2].content[1]``.

    Example:
        >>> check_messages([{"role": "user", "content": ["Read this."]}])
        [{'role': 'user', 'content': [{'type': 'text', 'text': 'Read this.'}]}]
    """
    if not isinstance(messages, Sequence) or isinstance(messages, (str, bytes)):
        raise InputError(f"messages is a {_kind(messages)}, not a list", hint=_SHAPE)
    if not messages:
        raise InputError("messages is empty", hint=_SHAPE)
    return [_checked(message, f"messages[{index}]") for index, message in enumerate(messages)]


_SHAPE = 'Give a list such as [{"role": "user", "content": "Read this."}].'


def tool_calls_in(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The tool calls of a message, but for what is shaped like none.

    Example:
        >>> tool_calls_in({"role": "assistant", "content": None, "tool_calls": [{"id": "c1"}, 1]})
        [{'id': 'c1'}]
    """
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, Mapping)] if isinstance(calls, (list, tuple)) else []


def _as_dict(message: object, where: str) -> Mapping[str, Any]:
    if isinstance(message, Mapping):
        return message
    if isinstance(message, Completion):
        return message.message
    dump = getattr(message, "model_dump", None)
    fields = dump(exclude_none=True) if callable(dump) and not isinstance(message, type) else None
    if not isinstance(fields, Mapping) or "role" not in fields:
        advice = " Of an answer of openai's client, give .choices[0].message." if fields else ""
        raise InputError(f"{where} is a {_kind(message)}, not a dict", hint=_SHAPE + advice)
    return {name: value for name, value in fields.items() if value != []}  # as its empty annotations


def _checked(given: object, where: str) -> Message:
    message = _as_dict(given, where)
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise InputError(f"{where} has the role {role!r}", hint=f"Roles are {', '.join(sorted(_ROLES))}.")
    needed = _NAMED_BY.get(role)
    if needed and not isinstance(message.get(needed), str):
        raise InputError(
            f"{where} has the role {role} and no {needed}", hint="Say which call the result belongs to."
        )
    if misplaced := next((name for name in _MISPLACED if message.get(name) is not None), None):
        raise InputError(f"{where}.{misplaced} is not sent to the model", hint=_IMAGE_PLACE)
    return {**message, "content": _content(message, where)}


_IMAGE_PLACE = 'Put it into the content, as a part of its own: {"type": "image", "image": ...}.'


def _content(message: Mapping[str, Any], where: str) -> str | list[Part] | None:
    content = message.get("content")
    if isinstance(content, str):
        return content
    if isinstance(content, Sequence) and not isinstance(content, bytes) and content:
        return [_part(part, f"{where}.content[{index}]") for index, part in enumerate(content)]
    calls = message["role"] == "assistant" and any(message.get(name) for name in _IN_PLACE_OF_CONTENT)
    if calls and not content:
        return None
    raise InputError(f"{where}.content is {_describe(content)}", hint="Give text, or a list of parts.")


def _part(part: object, where: str) -> Part:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    if not isinstance(part, Mapping):
        raise InputError(f"{where} is a {_kind(part)}, not a dict", hint=_PARTS)
    kind = part.get("type")
    if not isinstance(kind, str) or kind not in _PART_CHECKS:
        raise InputError(f"{where} is of type {kind!r}, which is not sent", hint=_PARTS)
    misspelt = _misspelt(part, kind)
    if not _PART_CHECKS[kind](part.get(kind)):
        hint = f"Did you mean {kind!r} by {misspelt!r}?" if misspelt else _PARTS
        raise InputError(f"{where}.{kind} is {_describe(part.get(kind))}", hint=hint)
    if misspelt:
        raise InputError(f"{where} has a {misspelt!r} beside its {kind}", hint=f"Did you mean {kind!r}?")
    if kind == "image":
        _check_detail(part.get("detail"), f"{where}.detail")
    return dict(part)


def _misspelt(part: Mapping[str, Any], kind: str) -> str | None:
    """A key that was to be the one which holds the part's content; others may be a provider's own."""
    others = [key for key in part if isinstance(key, str) and key not in ("type", kind)]
    return next(iter(get_close_matches(kind, others, n=1, cutoff=0.8)), None)


def _check_detail(detail: object, where: str) -> None:
    if detail is None or detail in DETAILS:
        return
    near = get_close_matches(str(detail).strip().lower(), DETAILS, n=1)
    question = f"Did you mean {near[0]!r}? " if near else ""
    raise InputError(
        f"{where} is {detail!r}, which is unknown", hint=f"{question}Known are {', '.join(DETAILS)}."
    )


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


def _describe(value: object) -> str:
    return "missing" if value is None else "empty" if value in ([], (), {}) else f"a {_kind(value)}"
