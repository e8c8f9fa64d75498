"""The tool calls of an answer, gathered once and strictly, from the pieces that servers send.

Servers number the pieces, number them all 0, or do not number them. They send an id and a name once, in
each piece, or no id at all. They cut a call into many pieces, send it whole, or repeat all of it at the end.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlm_core.completion import ToolCall, ToolCallDelta
from vlm_core.errors import MalformedResponse
from vlm_core.wire.content_decoder import joined
from vlm_core.wire.json_values import merge_into
from vlm_core.wire.tool_call_state import ToolCallIndex, ToolCallPiece, ToolCallState, parsed_json

CALL_FIELDS = frozenset({"extra_content"})
"""Fields of a tool call that go back to the provider that sent them, beside those of its row."""
_NO_ID = frozenset({"", "null", "none", "undefined"})


@dataclass(frozen=True)
class OfferedTools:
    """The tools of a request, as far as they help to read the answer.

    Example:
        >>> look = {"name": "look", "parameters": {"type": "object", "required": ["page"]}}
        >>> OfferedTools.of([{"type": "function", "function": look}])
        OfferedTools(names=frozenset({'look'}), need_arguments=frozenset({'look'}))
    """

    names: frozenset[str] = frozenset()
    """Empty where they are not known."""
    need_arguments: frozenset[str] = frozenset()
    """Those that have a required parameter."""

    @classmethod
    def of(cls, tools: Sequence[Any]) -> OfferedTools:
        """Those of a request's `tools`."""
        functions = [tool.get("function") for tool in tools if isinstance(tool, Mapping)]
        named = {one["name"]: one.get("parameters") for one in functions if isinstance(one, Mapping)}
        needing = {
            name for name, schema in named.items() if isinstance(schema, Mapping) and schema.get("required")
        }
        return cls(frozenset(named), frozenset(needing))

    def has_longer(self, start: str) -> bool:
        """Whether a name begins so, and goes on."""
        return any(name != start and name.startswith(start) for name in self.names)


class ToolCallAccumulator:
    """Collects tool calls.

    A piece belongs to the call with its id and index, with its id, or with its index, and without
    either to the last call. Arguments are JSON objects, and an object ends where its last brace does. So a
    piece with a name begins a new call where its index is new, where the call that it would belong to is
    whole, where the call has another name, or another id. A piece without a name never begins a call of
    its own. Arguments that are said again for a call that is whole add nothing.

    Ambiguous is what could be one call or two, and `calls` raises an error for it:

    - a call without arguments so far, then a piece with the same name and no other id. It is one call where
      only the call has an id, or where the tool needs arguments;
    - a call without arguments so far, then a piece with another name and no other id. Known tools tell
      whether the name was cut in two;
    - a whole call, then a piece with its name and no arguments, unless the tool needs arguments;
    - a whole call, then a piece with its name and the same arguments again, and no other id. It is a
      repetition where the call came in several pieces, and all of them have one id and one index. It is
      a second call where the first one came in one piece and neither has an id.

    An answer with two different indexes shows that they are right: pieces of one index are one call, and the
    first three are not ambiguous in it.

    Args:
        unwrap: the tool whose arguments are the answer itself.
        offered: the tools that the model was given.
        kept: names of the fields of a call that the provider wants back.

    Example:
        >>> gatherer = ToolCallAccumulator()
        >>> _ = gatherer.add([{"index": 0, "id": "c1", "function": {"name": "look", "arguments": '{"page"'}}])
        >>> gatherer.add([{"index": 0, "function": {"arguments": ": 1}"}}])
        ([ToolCallDelta(index=0, id=None, name=None, arguments=': 1}')], '')
        >>> gatherer.calls()
        (ToolCall(id='c1', name='look', arguments='{"page": 1}', provider_fields={}),)
    """

    def __init__(
        self,
        unwrap: str | None = None,
        *,
        offered: OfferedTools | None = None,
        kept: frozenset[str] = CALL_FIELDS,
    ) -> None:
        self.answer_id = ""
        """Made ids hold it."""
        self._unwrap = unwrap
        self._offered = offered or OfferedTools()
        self._kept = kept
        self._calls = ToolCallIndex()
        self._indexes: set[int] = set()
        self._doubts: list[str] = []
        """What is ambiguous unless indexes are right."""
        self._ambiguous = ""
        """What is ambiguous anyhow."""

    # --- in

    def add(self, pieces: object, *, whole: bool = False) -> tuple[list[ToolCallDelta], str]:
        """What pieces add: deltas of calls, and text where a call is the answer itself.

        The first delta of a call has its name and its id, which is made where the server gives none.

        Args:
            pieces: the `tool_calls` of a message or of a chunk.
            whole: each piece is a call, whatever its number.
        """
        # By number and not in a list: a chunk may hold several pieces of one call.
        touched: dict[int, ToolCallState] = {}
        for given in pieces if isinstance(pieces, list) else ():
            if not isinstance(given, Mapping):
                raise MalformedResponse("A tool call of the answer is not an object")
            piece = self._piece(given)
            if not (piece.id or piece.name or piece.arguments):
                continue
            call = (None if whole else self._owner(piece)) or self._new(piece)
            self._put(piece, call)
            touched[call.number] = call
        return self._deltas_of(touched.values(), at_end=False)

    def flush(self) -> tuple[list[ToolCallDelta], str]:
        """What was held back of calls without arguments, once the answer ends."""
        return self._deltas_of(self._calls, at_end=True)

    def _piece(self, given: Mapping[str, Any]) -> ToolCallPiece:
        function = given.get("function")
        function = function if isinstance(function, Mapping) else {}
        index = given.get("index")
        index = index if isinstance(index, int) and not isinstance(index, bool) else None
        if index is not None:
            self._indexes.add(index)
        given_id = _string(given.get("id"))
        return ToolCallPiece(
            index,
            "" if given_id.strip().lower() in _NO_ID else given_id,
            _string(function.get("name")),
            _arguments(function.get("arguments")),
            {name: given[name] for name in self._kept if given.get(name) is not None},
        )

    def _new(self, piece: ToolCallPiece) -> ToolCallState:
        call = ToolCallState(len(self._calls), piece.index, piece.id)
        call.id = self._calls.unused(piece.id) if piece.id else ""
        self._calls.append(call)
        return call

    def _put(self, piece: ToolCallPiece, call: ToolCallState) -> None:
        merge_into(call.fields, piece.fields)
        call.repeats_id = call.repeats_id and bool(piece.id)
        call.index = piece.index if call.index is None else call.index
        if piece.id and not call.given_id:
            call.given_id = piece.id
            call.id = call.id or self._calls.unused(piece.id)
        self._calls.note(call)
        if piece.name and (piece.name != call.name or self._is_cut_name(call, piece)):
            call.name += piece.name
        if piece.is_blank and (call.is_blank or call.is_whole):
            return
        if call.is_whole and call.equals(piece.arguments):
            return
        call.add(piece.arguments if not call.is_blank else piece.arguments.lstrip())

    # --- which call

    def _owner(self, piece: ToolCallPiece) -> ToolCallState | None:
        """The call that a piece belongs to; None where it begins another."""
        call = self._candidate(piece)
        if call is None or not piece.name:
            return call
        if piece.id and call.given_id and piece.id != call.given_id:
            is_open = not (call.is_blank or call.is_whole or piece.may_begin)
            return call if is_open and piece.name == call.name else None
        if not call.name:
            return call
        if call.is_blank:
            return self._after_blank(call, piece)
        if not call.is_whole:
            goes_on = piece.name == call.name or self._is_cut_name(call, piece)
            return call if goes_on else None
        return self._after_whole(call, piece)

    def _candidate(self, piece: ToolCallPiece) -> ToolCallState | None:
        if piece.id and (found := self._calls.of_id(piece.id, piece.index)):
            return found
        if piece.index is not None:
            same_index = self._calls.of_index(piece.index)
            if same_index or piece.name or self._calls.have_indexes:
                return same_index
        return self._calls.last

    def _is_cut_name(self, call: ToolCallState, piece: ToolCallPiece) -> bool:
        """Whether a name can only be the rest of the call's."""
        return self._may_go_on(call, piece) and not self._may_be_two(call, piece)

    def _may_go_on(self, call: ToolCallState, piece: ToolCallPiece) -> bool:
        both = call.name + piece.name
        return both in self._offered.names or self._offered.has_longer(both)

    def _may_be_two(self, call: ToolCallState, piece: ToolCallPiece) -> bool:
        names = self._offered.names
        return call.name in names and (piece.name in names or self._offered.has_longer(piece.name))

    def _after_blank(self, call: ToolCallState, piece: ToolCallPiece) -> ToolCallState | None:
        """A named piece behind a call that has no arguments so far."""
        if self._is_cut_name(call, piece):
            return call
        if piece.name == call.name:
            only_call_has_id = bool(call.given_id and not piece.id and piece.index is not None)
            if not (only_call_has_id or call.name in self._offered.need_arguments):
                self._doubt(call)
            return call
        if not self._may_be_two(call, piece) or self._may_go_on(call, piece):
            self._doubt(call)
            return call
        return None

    def _after_whole(self, call: ToolCallState, piece: ToolCallPiece) -> ToolCallState | None:
        """A named piece behind a call that is whole."""
        if piece.name != call.name:
            return None
        if piece.is_blank:
            if call.name not in self._offered.need_arguments:
                self._doubt(call)
            return call
        if not call.equals(piece.arguments):
            return None
        if not isinstance(parsed_json(piece.arguments), dict):  # the same once more, encoded twice
            return call
        if not (call.given_id or piece.id) and call.pieces == 1:
            return None
        same_index = piece.index is not None and piece.index == call.index
        if same_index and piece.id == call.given_id and call.repeats_id and call.pieces > 1:
            return call
        self._ambiguous = self._ambiguous or _doubtful(call)
        return call

    def _doubt(self, call: ToolCallState) -> None:
        self._doubts.append(_doubtful(call))

    # --- out

    def _deltas_of(self, calls: Iterable[ToolCallState], *, at_end: bool) -> tuple[list[ToolCallDelta], str]:
        deltas: list[ToolCallDelta] = []
        text = ""
        for call in calls:
            delta = self._rest_of(call, at_end)
            if delta is not None and call.name == self._unwrap:
                text += delta.arguments
            elif delta is not None:
                deltas.append(delta)
        return deltas, text

    def _rest_of(self, call: ToolCallState, at_end: bool) -> ToolCallDelta | None:
        """What of a call was not handed on yet; nothing before its name and id are known."""
        begun = call.beginning[:1] == "{" or call.name == self._unwrap
        if not call.name or not (at_end or begun or (call.id and not self._offered.has_longer(call.name))):
            return None
        first = not call.told_name
        call.id = call.id or self._made_id(call)
        name, arguments = call.name[len(call.told_name) :], call.take_untold() if begun else ""
        call.told_name = call.name
        if not (name or arguments):
            return None
        return ToolCallDelta(call.number, call.id if first else None, name or None, arguments)

    def _made_id(self, call: ToolCallState) -> str:
        self.answer_id = self.answer_id or secrets.token_hex(8)
        return self._calls.unused(f"call_{self.answer_id}_{call.number}")

    def calls(self) -> tuple[ToolCall, ...]:
        """The calls, without the one that is the answer.

        Raises:
            MalformedResponse: a call names no tool, or where one ends and the next begins is ambiguous.
        """
        if any(not call.name for call in self._calls):
            raise MalformedResponse("The answer calls a tool without naming it")
        doubts = self._doubts if len(self._indexes) < 2 else []
        if what := self._ambiguous or next(iter(doubts), ""):
            hint = "Ask again without streaming, or allow one call at a time with parallel_tool_calls=False."
            raise MalformedResponse(what, hint=hint)
        return tuple(
            ToolCall(
                call.id or self._made_id(call),
                call.name,
                "" if call.is_blank else joined(call.text),
                call.fields,
            )
            for call in self._calls
            if call.name != self._unwrap
        )


def _doubtful(call: ToolCallState) -> str:
    return f"The answer calls the tool {call.name}, and does not tell whether once or twice"


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _arguments(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
