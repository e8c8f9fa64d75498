"""Stretches of a line that are covered by something."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator


class Spans:
    """A union of open intervals: adding one and asking about a place stay cheap with thousands of them.

    Example:
        >>> spans = Spans()
        >>> spans.add(0, 5)
        >>> spans.add(3, 9)
        >>> spans.covers(6), spans.covers(9), list(spans)
        (True, False, [(0, 9)])
    """

    def __init__(self) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []

    def __iter__(self) -> Iterator[tuple[float, float]]:
        """Intervals that do not overlap, in order."""
        return zip(self._starts, self._ends, strict=True)

    def add(self, start: float, end: float) -> None:
        """Cover what lies between; nothing where the end does not come after the start."""
        if start >= end:
            return
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        if first < last:  # it overlaps these, and becomes one with them
            start, end = min(start, self._starts[first]), max(end, self._ends[last - 1])
        self._starts[first:last], self._ends[first:last] = [start], [end]

    def covers(self, place: float) -> bool:
        """Whether a place lies within an interval, not just at its end."""
        before = bisect_left(self._starts, place)
        return before > 0 and place < self._ends[before - 1]
