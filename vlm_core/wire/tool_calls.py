"""The tool calls of an answer, put together from pieces of many makes.

Servers number the pieces, or do not; say id and name once, or in each piece; give arguments as a
string, or as an object.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vlm_core.answers import ToolCall, ToolCallDelta
from vlm_core.errors import MalformedResponse
from vlm_core.wire.surrogates import joined


@dataclass
class _Call:
    key: object
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are JSON, so that what follows is another call."""
        try:
            json.loads("".join(self.arguments))
        except (ValueError, RecursionError):
            return False
        return True


class ToolCallGatherer:
    """Collects tool calls.

    Args:
        unwrap: the tool whose arguments are the answer itself.

    Example:
        >>> gatherer = ToolCallGatherer(unwrap=None)
        >>> _ = gatherer.add([{"index": 0, "id": "c1", "function": {"name": "look", "arguments": '{"page"'}}])
        >>> gatherer.add([{"index": 0, "function": {"arguments": ": 1}"}}])
        ([ToolCallDelta(index=0, id=None, name=None, arguments=': 1}')], '')
        >>> gatherer.calls("")
        (ToolCall(id='c1', name='look', arguments='{"page": 1}'),)
    """

    def __init__(self, unwrap: str | None) -> None:
        self._unwrap = unwrap
        self._calls: list[_Call] = []

    def add(self, pieces: object, *, whole: bool = False) -> tuple[list[ToolCallDelta], str]:
        """What pieces add: deltas of calls, and text where a call is the answer itself.

        Args:
            pieces: the `tool_calls` of a message or of a chunk.
            whole: each piece is a call, whatever its number.
        """
        deltas: list[ToolCallDelta] = []
        text = ""
        for piece in pieces if isinstance(pieces, list) else ():
            if not isinstance(piece, Mapping):
                raise MalformedResponse("A tool call of the answer is no object")
            delta = self._add(piece, whole)
            if delta is not None and self._calls[delta.index].name == self._unwrap:
                text += delta.arguments
            elif delta is not None:
                deltas.append(delta)
        return deltas, text

    def _add(self, piece: Mapping[str, Any], whole: bool) -> ToolCallDelta | None:
        function = piece.get("function")
        function = function if isinstance(function, Mapping) else {}
        said_id, name = _string(piece.get("id")), _string(function.get("name"))
        arguments = _arguments(function.get("arguments"))
        if not (said_id or name or arguments):
            return None
        number = self._number(piece.get("index"), said_id, name, whole)
        call = self._calls[number]
        new_id = said_id if not call.id else ""
        new_name = name if not call.name else ""
        call.id, call.name = call.id or said_id, call.name or name
        call.arguments.append(arguments)
        return ToolCallDelta(number, new_id or None, new_name or None, arguments)

    def _number(self, index: object, said_id: str, name: str, whole: bool) -> int:
        """The place of the call that a piece belongs to, perhaps a new one."""
        key = None if whole or isinstance(index, bool) or not isinstance(index, int) else index
        for number in range(len(self._calls) - 1, -1, -1):
            if not whole and _belongs(self._calls[number], key, said_id, name):
                return number
        self._calls.append(_Call(key))
        return len(self._calls) - 1

    def calls(self, answer_id: str) -> tuple[ToolCall, ...]:
        """The calls, without the one that is the answer.

        Args:
            answer_id: makes the ids of calls that have none their own.

        Raises:
            MalformedResponse: a call names no tool.
        """
        if any(not call.name for call in self._calls):
            raise MalformedResponse("The answer calls a tool without naming it")
        return tuple(
            ToolCall(
                call.id or "_".join(filter(None, ("call", answer_id, str(number)))),
                call.name,
                joined("".join(call.arguments)),
            )
            for number, call in enumerate(self._calls)
            if call.name != self._unwrap
        )


def _belongs(call: _Call, key: int | None, said_id: str, name: str) -> bool:
    if key is not None:
        # Some number all parallel calls 0; then a new id with a name begins a new one.
        is_another = bool(said_id and name and call.id and said_id != call.id)
        return call.key == key and not is_another
    if said_id and call.id:
        return said_id == call.id
    return not name or (name == call.name and not call.is_whole)


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
