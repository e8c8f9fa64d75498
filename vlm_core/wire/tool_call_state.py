"""Tool calls while their pieces come: what each holds, where its arguments end, and how it is found."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

_NO_ARGUMENTS = frozenset({"", "null"})
# Characters of arguments that may still be none.
_LONGEST_BLANK = 64
_MARK = re.compile(r'\\.|["\\{}\[\]]', re.DOTALL)


class ObjectEnd:
    """Where a JSON object ends that comes piece by piece. Nothing is read twice.

    Example:
        >>> end = ObjectEnd()
        >>> [end.feed(piece) for piece in ('{"a": "}', '"', "}", " ")], end.has_more
        ([False, False, True, False], False)
    """

    def __init__(self) -> None:
        self.has_more = False
        """Whether anything but blanks stands behind the end."""
        self._has_ended = False
        self._depth = 0
        self._in_string = False
        self._is_escaped = False

    def feed(self, piece: str) -> bool:
        """Whether the object ends in this piece."""
        if self._has_ended:
            self.has_more = self.has_more or bool(piece.strip())
            return False
        start = 1 if self._is_escaped and piece else 0
        self._is_escaped = self._is_escaped and not piece
        for mark in _MARK.finditer(piece, start):
            if self._ends_with(mark[0]):
                self._has_ended = True
                self.has_more = bool(piece[mark.end() :].strip())
                return True
        return False

    def _ends_with(self, mark: str) -> bool:
        if mark == '"':
            self._in_string = not self._in_string
        elif mark == "\\":  # the last character of a piece
            self._is_escaped = True
        elif not self._in_string and mark[0] != "\\":
            self._depth += 1 if mark in "{[" else -1
            return self._depth <= 0
        return False


@dataclass(frozen=True)
class ToolCallPiece:
    """What one entry of `tool_calls` brings, in a message or in a chunk."""

    index: int | None
    id: str
    name: str
    arguments: str
    fields: Mapping[str, Any]

    @property
    def is_blank(self) -> bool:
        return self.arguments.strip() in _NO_ARGUMENTS

    @property
    def may_begin(self) -> bool:
        """Whether its arguments can be the start of an object, or of none."""
        bare = self.arguments.strip()
        return bare[:1] == "{" or "null".startswith(bare)


@dataclass
class ToolCallState:
    """One call, as far as its pieces have come."""

    number: int
    index: int | None
    given_id: str
    id: str = ""
    """Under which it is handed on; unique in the answer."""
    name: str = ""
    pieces: int = 0
    """How many brought arguments."""
    repeats_id: bool = True
    """Whether each piece had its id."""
    fields: dict[str, Any] = field(default_factory=dict)
    told_name: str = ""
    beginning: str = ""
    """Of the arguments, in so many characters as tell whether there are any."""
    _parts: list[str] = field(default_factory=list)
    _untold: list[str] = field(default_factory=list)
    """Arguments that were not handed on yet."""
    _object: ObjectEnd = field(default_factory=ObjectEnd)
    _value: object = None
    """The object, once it is whole."""

    # Nothing here looks at all of the arguments for each piece: an answer may have a hundred thousand.

    @property
    def text(self) -> str:
        """The arguments so far."""
        self._parts = ["".join(self._parts)]
        return self._parts[0]

    @property
    def is_blank(self) -> bool:
        return (
            len(self.beginning) < _LONGEST_BLANK
            and self.beginning[:1] != "{"
            and self.beginning.strip() in _NO_ARGUMENTS
        )

    @property
    def is_whole(self) -> bool:
        """Whether its arguments are an object. Nothing but blanks can follow in the same call."""
        return self._value is not None and not self._object.has_more

    def add(self, arguments: str) -> None:
        """Take a piece of its arguments."""
        self.beginning = (self.beginning + arguments[:_LONGEST_BLANK])[:_LONGEST_BLANK]
        self._parts.append(arguments)
        self._untold.append(arguments)
        self.pieces += 1
        if self._object.feed(arguments):
            found = parsed_json(self.text)
            self._value = found if isinstance(found, dict) else None

    def take_untold(self) -> str:
        """What was not handed on yet; from now on it was."""
        untold, self._untold = "".join(self._untold), []
        return untold

    def equals(self, arguments: str) -> bool:
        """Whether arguments say the same as its own, be they encoded once or twice."""
        found = parsed_json(arguments)
        found = parsed_json(found) if isinstance(found, str) else found
        # The first comparison ends at the first difference; the second one tells 1 from 1.0 and True.
        return isinstance(found, dict) and found == self._value and _sorted(found) == _sorted(self._value)


class ToolCallIndex:
    """Calls in their order, each found at once, however many there are.

    Of several with the same id or index the last one is found. An id or index that a call gets later must
    be noted. It never changes once it is there.

    Example:
        >>> len(ToolCallIndex()), ToolCallIndex().last
        (0, None)
    """

    def __init__(self) -> None:
        self.have_indexes = False
        """Whether any of them has one."""
        self._calls: list[ToolCallState] = []
        self._places: dict[tuple[str, int | None], list[ToolCallState]] = {}
        self._by_id: dict[str, ToolCallState] = {}
        self._by_index: dict[int, ToolCallState] = {}
        self._ids: dict[str, int] = {}
        """How often each was wanted."""

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[ToolCallState]:
        return iter(self._calls)

    @property
    def last(self) -> ToolCallState | None:
        """The one that began last."""
        return self._calls[-1] if self._calls else None

    def append(self, call: ToolCallState) -> None:
        """Take another one."""
        self._calls.append(call)
        self.note(call)

    def note(self, call: ToolCallState) -> None:
        """Know a call by the id and the index that it has now."""
        if call.index is not None:
            self.have_indexes = True
            self._by_index[call.index] = _later(call, self._by_index.get(call.index))
        if call.given_id:
            self._by_id[call.given_id] = _later(call, self._by_id.get(call.given_id))
            found = self._places.setdefault((call.given_id, call.index), [])
            if not found or found[-1].number < call.number:
                found.append(call)

    def of_index(self, index: int) -> ToolCallState | None:
        """The last call with an index."""
        return self._by_index.get(index)

    def of_id(self, given_id: str, index: int | None) -> ToolCallState | None:
        """The last call with an id and the same index; else with the id, where one of them has no index."""
        if exact := self._at(given_id, index):
            return exact
        return self._by_id.get(given_id) if index is None else self._at(given_id, None)

    def _at(self, given_id: str, index: int | None) -> ToolCallState | None:
        found = self._places.get((given_id, index), [])
        while found and found[-1].index != index:  # it had none then
            found.pop()
        return found[-1] if found else None

    def unused(self, wanted: str) -> str:
        """An id that no call has: the one that is wanted, or that with a number. It is taken from now on."""
        found = wanted
        while found in self._ids:
            self._ids[wanted] += 1
            found = f"{wanted}_{self._ids[wanted]}"
        self._ids[found] = 1
        return found


def _later(call: ToolCallState, other: ToolCallState | None) -> ToolCallState:
    return call if other is None or call.number >= other.number else other


def parsed_json(text: object) -> object:
    """What a text is in JSON; None where it is none."""
    if not isinstance(text, str):
        return None
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _sorted(value: object) -> str:
    return json.dumps(value, sort_keys=True)
