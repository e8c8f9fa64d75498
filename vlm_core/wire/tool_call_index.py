"""The tool calls of an answer by their ids and indexes: each found at once, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class _Call(Protocol):
    number: int
    index: int | None
    given_id: str


_Kind = TypeVar("_Kind", bound=_Call)


class ToolCallIndex(Generic[_Kind]):
    """Calls in their order; of several with the same id or index the last one is found.

    An id or index that a call gets later must be noted. It never changes once it is there.

    Example:
        >>> len(ToolCallIndex()), ToolCallIndex().last
        (0, None)
    """

    def __init__(self) -> None:
        self.have_indexes = False
        """Whether any of them has one."""
        self._calls: list[_Kind] = []
        self._places: dict[tuple[str, int | None], list[_Kind]] = {}
        self._by_id: dict[str, _Kind] = {}
        self._by_index: dict[int, _Kind] = {}
        self._ids: dict[str, int] = {}
        """How often each was wanted."""

    def __len__(self) -> int:
        return len(self._calls)

    def __iter__(self) -> Iterator[_Kind]:
        return iter(self._calls)

    @property
    def last(self) -> _Kind | None:
        """The one that began last."""
        return self._calls[-1] if self._calls else None

    def append(self, call: _Kind) -> None:
        """Take another one."""
        self._calls.append(call)
        self.note(call)

    def note(self, call: _Kind) -> None:
        """Know a call by the id and the index that it has now."""
        if call.index is not None:
            self.have_indexes = True
            self._by_index[call.index] = _later(call, self._by_index.get(call.index))
        if call.given_id:
            self._by_id[call.given_id] = _later(call, self._by_id.get(call.given_id))
            found = self._places.setdefault((call.given_id, call.index), [])
            if not found or found[-1].number < call.number:
                found.append(call)

    def of_index(self, index: int) -> _Kind | None:
        """The last call with an index."""
        return self._by_index.get(index)

    def of_id(self, given_id: str, index: int | None) -> _Kind | None:
        """The last call with an id and the same index; else with the id, where one of them has no index."""
        if exact := self._at(given_id, index):
            return exact
        return self._by_id.get(given_id) if index is None else self._at(given_id, None)

    def _at(self, given_id: str, index: int | None) -> _Kind | None:
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


def _later(call: _Kind, other: _Kind | None) -> _Kind:
    return call if other is None or call.number >= other.number else other
