"""What a provider sends with a message or a tool call and wants back: kept, and returned to its route alone.

Thought signatures, encrypted reasoning and the like are of use to the model that made them. Another model
refuses them, or reads what was not meant for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import Any, TypeAlias

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import Quirk
from vlm_core.wire.content_decoder import joined
from vlm_core.wire.json_values import accumulated, merge
from vlm_core.wire.messages import Message, tool_calls_in
from vlm_core.wire.options import Warn

_Place: TypeAlias = tuple[str, str, str]

__all__ = ["ProviderFields", "for_route"]

# Fields with the same text under two names. The first one that a provider fills is kept.
_REASONING = ("reasoning_content", "reasoning")
_DETAILS = "reasoning_details"
_ALWAYS_KEPT = ("extra_content",)
_OF_MESSAGE = frozenset({"role", "content", "name", "tool_calls", "function_call", "refusal", "audio"})
# The protocol's own names; all others are a provider's.
_OF_CALL = frozenset({"id", "type", "function", "custom"})
# Parts of a reasoning detail that come in fragments.
_GROWING = ("text", "summary", "data")
# Where reasoning is not known: those that want some refuse the empty string.
_BLANK_REASONING = " "
# Google's documented word for calls that its model did not make.
_NO_SIGNATURE = {"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}}


class ProviderFields:
    """Collects the fields of an answer's message that its provider may want back.

    Args:
        more: names beside the usual ones, from the provider's row.

    Example:
        >>> kept = ProviderFields()
        >>> kept.add({"reasoning_content": "Look "})
        >>> kept.add({"reasoning_content": "closer."})
        >>> kept.fields
        {'reasoning_content': 'Look closer.'}
    """

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._names = (*_REASONING, _DETAILS, *_ALWAYS_KEPT, *more)
        self._pieces: dict[str, list[Any]] = {}
        """As they came; put together once, for there may be a hundred thousand."""

    def add(self, message: Mapping[str, Any]) -> None:
        """Keep what a message, or a piece of one, holds."""
        for name in self._names:
            if (value := message.get(name)) not in (None, "", [], {}):
                self._pieces.setdefault(name, []).append(value)

    @property
    def fields(self) -> dict[str, Any]:
        """What came, put together; of two fields with the same text one."""
        found: dict[str, Any] = {name: _together(pieces) for name, pieces in self._pieces.items()}
        if isinstance(found.get(_DETAILS), list):
            found[_DETAILS] = reassembled(found[_DETAILS])
        texts = [name for name in _REASONING if name in found]
        for name in texts if _DETAILS in found else texts[1:]:
            del found[name]
        return found


def _together(pieces: Sequence[Any]) -> object:
    """The pieces of a field as one value."""
    if all(isinstance(piece, str) for piece in pieces):
        return joined("".join(pieces))
    if all(isinstance(piece, list) for piece in pieces):
        return list(chain.from_iterable(pieces))
    value = reduce(accumulated, pieces)
    return joined(value) if isinstance(value, str) else value


def reassembled(details: Iterable[Any]) -> list[Any]:
    """Reasoning details, their fragments put together by index and type.

    Example:
        >>> text = {"type": "reasoning.text", "index": 0}
        >>> reassembled([{**text, "text": "Look "}, {**text, "text": "closer.", "signature": "s"}])
        [{'type': 'reasoning.text', 'index': 0, 'text': 'Look closer.', 'signature': 's'}]
    """
    result: list[Any] = []
    latest: dict[_Place, _Growing] = {}
    for detail in details:
        if not isinstance(detail, dict):
            result.append(detail)
            continue
        growing = _grows(detail, result, latest)
        if growing is None:
            growing = _Growing()
            result.append(growing)
        growing.add(detail)
        for name in (growing.fields.get("id"), None):
            latest[_place(detail, name)] = growing
    return [one.whole() if isinstance(one, _Growing) else one for one in result]


class _Growing:
    """A reasoning detail whose fragments are still coming."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self._texts: dict[str, list[str]] = {}

    def add(self, piece: Mapping[str, Any]) -> None:
        given = {name: value for name, value in piece.items() if value is not None} if self.fields else piece
        for name in _GROWING:
            if isinstance(given.get(name), str):
                self._texts.setdefault(name, []).append(given[name])
            elif name in given:
                self._texts.pop(name, None)
        self.fields.update(given)

    def whole(self) -> dict[str, Any]:
        return {**self.fields, **{name: "".join(texts) for name, texts in self._texts.items()}}


def _grows(
    detail: Mapping[str, Any], earlier: Sequence[Any], latest: Mapping[_Place, _Growing]
) -> _Growing | None:
    """The detail that this one goes on; None where it is another."""
    found = latest.get(_place(detail, None))
    if detail.get("index") is None:
        is_last = bool(earlier) and earlier[-1] is found
        found = found if is_last and detail.get("type") != "reasoning.encrypted" else None
    if found is None or detail.get("id") in (None, found.fields.get("id")) or found.fields.get("id") is None:
        return found
    return latest.get(_place(detail, detail["id"])) if detail.get("index") is not None else None


def _place(detail: Mapping[str, Any], its_id: object) -> _Place:
    """What a detail is found by: with its id, or the latest one of its type and index whatever its id."""
    return repr(detail.get("type")), repr(detail.get("index")), repr(its_id)


# --- back to the provider


def for_route(messages: list[Message], endpoint: Endpoint, warn: Warn) -> list[Message]:
    """Messages with the fields that this route takes back, and none of another route's.

    A message without `route` is the caller's own: what it holds is sent, unless the row says that the
    provider refuses it.

    Args:
        messages: checked ones.
        endpoint: which route is asked.
        warn: is told what is left out or added.
    """
    return [
        _of_assistant(message, in_tool_turn, endpoint, warn) if message["role"] == "assistant" else message
        for message, in_tool_turn in _with_turns(messages)
    ]


def _with_turns(messages: list[Message]) -> Iterator[tuple[Message, bool]]:
    """Each message, and whether a tool was called between the user's messages around it."""
    turns = [number for number, message in enumerate(messages) if message["role"] == "user"]
    starts = [0, *(number + 1 for number in turns)]
    for start, end in zip(starts, [*turns, len(messages)], strict=True):
        turn = messages[start:end]
        has_calls = any(message.get("tool_calls") for message in turn)
        yield from ((message, has_calls) for message in turn)
        yield from ((message, False) for message in messages[end : end + 1])


def _of_assistant(message: Message, in_tool_turn: bool, endpoint: Endpoint, warn: Warn) -> Message:
    route = message.get("route")
    message = {name: value for name, value in message.items() if name != "route"}
    if route is not None and route != endpoint.route:
        message = _without_fields(message)
    elif message.keys() - _OF_MESSAGE:
        message = _with_reasoning(message, route is not None, in_tool_turn, endpoint, warn)
    return _completed(message, endpoint, warn) if tool_calls_in(message) else message


def _without_fields(message: Message) -> Message:
    kept = {name: value for name, value in message.items() if name in _OF_MESSAGE}
    if calls := tool_calls_in(message):
        kept["tool_calls"] = [
            {name: value for name, value in call.items() if name in _OF_CALL} for call in calls
        ]
    return kept


def _with_reasoning(
    message: Message, is_answer: bool, in_tool_turn: bool, endpoint: Endpoint, warn: Warn
) -> Message:
    """The message with its reasoning, or without it where this route does not take it."""
    rule = endpoint.reasoning_back or ("with_tool_calls" if is_answer else "always")
    names = {"always": (), "with_tool_calls": () if in_tool_turn else _REASONING}.get(
        rule, (*_REASONING, _DETAILS)
    )
    if rule == "never" and not is_answer and any(message.get(name) for name in names):
        warn(f"reasoning is not sent: {endpoint.route} refuses it")
    return {name: value for name, value in message.items() if name not in names}


def _completed(message: Message, endpoint: Endpoint, warn: Warn) -> Message:
    """A message that calls tools, with what stands for missing fields that this route requires."""
    quirks = endpoint.quirks
    has_reasoning = any(message.get(name) for name in (*_REASONING, _DETAILS))
    if Quirk.NEEDS_REASONING in quirks and not has_reasoning and endpoint.reasoning_back != "never":
        warn(
            f"{endpoint.route} wants reasoning_content with each tool call: a blank stands for one not known"
        )
        message = {**message, "reasoning_content": _BLANK_REASONING}
    calls = tool_calls_in(message)
    # Through OpenRouter, signatures are among the reasoning details.
    is_signed = message.get(_DETAILS) or any("extra_content" in call for call in calls)
    if Quirk.NEEDS_THOUGHT_SIGNATURE in quirks and not is_signed:
        warn(f"{endpoint.route} wants a thought signature with tool calls: it is told to go without one")
        message = {**message, "tool_calls": [merge(calls[0], _NO_SIGNATURE), *calls[1:]]}
    return message
