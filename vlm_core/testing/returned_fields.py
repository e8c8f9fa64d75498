"""What a server sent with tool calls, and wants to see again in the history, as Gemini and OpenRouter do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

from vlm_core.testing.refusals import Refusal
from vlm_core.testing.replies import Answer
from vlm_core.testing.seen import Seen, calls_in
from vlm_core.wire.provider_fields import reassembled


class SentFields:
    """Remembers the fields of answers that called tools, and refuses a history without them.

    Example:
        >>> from vlm_core import ToolCall
        >>> sent = SentFields()
        >>> sent.note(Answer(tool_calls=(ToolCall("c1", "look", "{}", {"extra_content": {"google": 1}}),)))
        >>> call = '{"id": "c1", "function": {"name": "look", "arguments": "{}"}}'
        >>> body = '{"messages": [{"role": "assistant", "content": null, "tool_calls": [' + call + "]}]}"
        >>> sent.check(Seen("POST", "/", {}, body.encode())).message
        'messages[0].tool_calls[0] is missing the extra_content that came with it.'
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._of_messages: dict[str, Mapping[str, Any]] = {}
        self._of_calls: dict[str, Mapping[str, Any]] = {}

    def note(self, answer: Answer) -> None:
        """Remember what an answer sends."""
        with self._lock:
            for call in answer.tool_calls:
                self._of_messages[call.id] = answer.fields
                self._of_calls[call.id] = call.provider_fields

    def check(self, seen: Seen) -> Refusal | None:
        """Whether a request's history holds what was sent."""
        with self._lock:
            return next(self._missing(seen), None)

    def _missing(self, seen: Seen) -> Iterator[Refusal]:
        for number, message in enumerate(seen.messages):
            for index, call in enumerate(calls_in(message)):
                call_id, place = str(call.get("id")), f"messages[{number}]"
                yield from _lacking(message, self._of_messages.get(call_id, {}), place)
                yield from _lacking(call, self._of_calls.get(call_id, {}), f"{place}.tool_calls[{index}]")


def _lacking(came: Mapping[str, Any], sent: Mapping[str, Any], place: str) -> Iterator[Refusal]:
    for name, value in sent.items():
        if _put_together(came.get(name)) != _put_together(value):
            yield Refusal(
                400, f"{place} is missing the {name} that came with it.", parameter=f"{place}.{name}"
            )


def _put_together(value: Any) -> Any:
    return reassembled(value) if isinstance(value, list) else value
