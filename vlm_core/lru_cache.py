"""Things kept for the next time, up to a weight; what was not asked for the longest goes first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from typing import Generic, TypeVar

Value = TypeVar("Value")


class LRUCache(Generic[Value]):
    """Values by key, for any number of threads.

    Args:
        most: that all of them may weigh.
        keeps_newest: whether the newest one is kept whatever it weighs.

    Example:
        >>> pages: LRUCache[str] = LRUCache(most=10)
        >>> pages.put("a", "first", 6), pages.put("b", "second", 6), pages.get("a")
        ([], ['first'], None)
    """

    def __init__(self, most: int, *, keeps_newest: bool = True) -> None:
        self._most = most
        self._always_kept = 1 if keeps_newest else 0
        self._weight = 0
        self._values: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable) -> Value | None:
        """The value, which is now the newest; None where there is none."""
        with self._lock:
            if key not in self._values:
                return None
            self._values.move_to_end(key)
            return self._values[key][0]

    def put(self, key: Hashable, value: Value, weight: int) -> list[Value]:
        """Keep a value, unless there is one by this key; gives those that had to go for it."""
        with self._lock:
            if key in self._values:
                return []
            self._values[key] = value, weight
            self._weight += weight
            return self._dropped()

    def _dropped(self) -> list[Value]:
        dropped = []
        while self._weight > self._most and len(self._values) > self._always_kept:
            value, weight = self._values.popitem(last=False)[1]
            self._weight -= weight
            dropped.append(value)
        return dropped

    def drop(self, key: Hashable) -> None:
        """Forget the value of a key, if there is one."""
        with self._lock:
            if key in self._values:
                self._weight -= self._values.pop(key)[1]

    def clear(self) -> list[Value]:
        """Forget everything, and give it back."""
        with self._lock:
            values = [value for value, _ in self._values.values()]
            self._values.clear()
            self._weight = 0
            return values
