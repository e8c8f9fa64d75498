"""What a provider sends with a message or a tool call and wants back: kept, and returned to its route alone.

Thought signatures, encrypted reasoning and the like are of use to the model that made them. Another model
refuses them, or reads what was not meant for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.rows import Quirk
from vlm_core.wire.merging import accumulated, merged
from vlm_core.wire.messages import Message, calls_in
from vlm_core.wire.options import Warn
from vlm_core.wire.surrogates import joined

__all__ = ["ProviderFields", "for_route"]

_REASONING = ("reasoning_content", "reasoning")
"""Fields with the same text under two names. The first one that a provider fills is kept."""
_DETAILS = "reasoning_details"
_ALWAYS_KEPT = ("extra_content",)
_OF_MESSAGE = frozenset({"role", "content", "name", "tool_calls", "function_call", "refusal", "audio"})
_OF_CALL = frozenset({"id", "type", "function", "custom"})
"""The protocol's own names; all others are a provider's."""
_GROWING = ("text", "summary", "data")
"""Parts of a reasoning detail that come in fragments."""
_BLANK_REASONING = " "
"""Where reasoning is not known: those that want some refuse the empty string."""
_NO_SIGNATURE = {"extra_content": {"google": {"thought_signature": "skip_thought_signature_validator"}}}
"""Google's documented word for calls that its model did not make."""


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
        self._found: dict[str, Any] = {}

    def add(self, message: Mapping[str, Any]) -> None:
        """Keep what a message, or a piece of one, holds."""
        for name in self._names:
            if (value := message.get(name)) not in (None, "", [], {}):
                self._found[name] = accumulated(self._found.get(name), value)

    @property
    def fields(self) -> dict[str, Any]:
        """What came, put together; of two fields with the same text one."""
        found = {
            name: joined(value) if isinstance(value, str) else value for name, value in self._found.items()
        }
        if isinstance(found.get(_DETAILS), list):
            found[_DETAILS] = reassembled(found[_DETAILS])
        texts = [name for name in _REASONING if name in found]
        for name in texts if _DETAILS in found else texts[1:]:
            del found[name]
        return found


def reassembled(details: Iterable[Any]) -> list[Any]:
    """Reasoning details, their fragments put together by index and type.

    Example:
        >>> text = {"type": "reasoning.text", "index": 0}
        >>> reassembled([{**text, "text": "Look "}, {**text, "text": "closer.", "signature": "s"}])
        [{'type': 'reasoning.text', 'index': 0, 'text': 'Look closer.', 'signature': 's'}]
    """
    result: list[Any] = []
    for detail in details:
        place = _place_of(detail, result) if isinstance(detail, dict) else None
        if place is None:
            result.append(detail)
        else:
            result[place] = _grown(result[place], detail)
    return result


def _place_of(detail: Mapping[str, Any], earlier: list[Any]) -> int | None:
    """The place of the detail that this one goes on; None where it is another."""
    index = detail.get("index")
    if index is None and (detail.get("type") == "reasoning.encrypted" or not earlier):
        return None
    places = range(len(earlier) - 1, -1, -1) if index is not None else [len(earlier) - 1]
    return next((place for place in places if _is_same(earlier[place], detail)), None)


def _is_same(one: Any, other: Mapping[str, Any]) -> bool:
    if not isinstance(one, dict):
        return False
    ids = {one.get("id"), other.get("id")} - {None}
    return len(ids) < 2 and all(one.get(name) == other.get(name) for name in ("type", "index"))


def _grown(one: dict[str, Any], piece: Mapping[str, Any]) -> dict[str, Any]:
    more = {name: value for name, value in piece.items() if value is not None}
    grown = {name: one[name] + more[name] for name in _GROWING if _are_texts(one.get(name), more.get(name))}
    return {**one, **more, **grown}


def _are_texts(*values: object) -> bool:
    return all(isinstance(value, str) for value in values)


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
    return _completed(message, endpoint, warn) if calls_in(message) else message


def _without_fields(message: Message) -> Message:
    kept = {name: value for name, value in message.items() if name in _OF_MESSAGE}
    if calls := calls_in(message):
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
    """A message that calls tools, with what stands for fields that this route requires and nobody has."""
    quirks = endpoint.quirks
    has_reasoning = any(message.get(name) for name in (*_REASONING, _DETAILS))
    if Quirk.NEEDS_REASONING in quirks and not has_reasoning and endpoint.reasoning_back != "never":
        warn(
            f"{endpoint.route} wants reasoning_content with each tool call: a blank stands for one not known"
        )
        message = {**message, "reasoning_content": _BLANK_REASONING}
    calls = calls_in(message)
    # Through OpenRouter, signatures are among the reasoning details.
    is_signed = message.get(_DETAILS) or any("extra_content" in call for call in calls)
    if Quirk.NEEDS_THOUGHT_SIGNATURE in quirks and not is_signed:
        warn(f"{endpoint.route} wants a thought signature with tool calls: it is told to go without one")
        message = {**message, "tool_calls": [merged(calls[0], _NO_SIGNATURE), *calls[1:]]}
    return message
