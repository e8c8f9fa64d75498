"""How far down a page reaches what stands above or below a piece of text."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from math import inf

from .pieces import Piece


class Lowest:
    """The lowest level among pieces that were added; adding and asking take logarithmic time.

    One of two pieces stands above the other where most of the shorter one does. That is where the
    middle of one lies within the other. So two segment trees over the middles hold levels: one
    of the pieces with their middles there, one of the pieces that reach across them.

    Args:
        pieces: all that will be added or asked about.

    Example:
        >>> above, below = (Piece("a", 1, (0, y, 9, y + 9), y) for y in (0, 20))
        >>> lowest = Lowest([above, below])
        >>> lowest.add(below)
        >>> lowest.in_column_of(above)
        20
    """

    def __init__(self, pieces: Iterable[Piece]) -> None:
        self._middles = sorted({piece.middle for piece in pieces})
        self._at = [-inf] * (2 * len(self._middles))
        self._across = list(self._at)

    def add(self, piece: Piece) -> None:
        """Take a piece into account."""
        for levels, nodes in ((self._at, self._above(piece)), (self._across, self._within(piece))):
            for node in nodes:
                levels[node] = max(levels[node], piece.level)

    def in_column_of(self, piece: Piece) -> float:
        """The lowest level of what stands above or below a piece; minus infinity where nothing does."""
        within = max((self._at[node] for node in self._within(piece)), default=-inf)
        return max(within, max((self._across[node] for node in self._above(piece)), default=-inf))

    def _above(self, piece: Piece) -> Iterator[int]:
        """The leaf of a piece's middle and all nodes above it; none where the piece has no width."""
        if piece.left < piece.right:
            node = len(self._middles) + bisect_left(self._middles, piece.middle)
            while node:
                yield node
                node //= 2

    def _within(self, piece: Piece) -> Iterator[int]:
        """The fewest nodes that together hold all middles within a piece."""
        first = len(self._middles) + bisect_right(self._middles, piece.left)
        last = len(self._middles) + bisect_left(self._middles, piece.right)
        while first < last:
            if first % 2:
                yield first
                first += 1
            if last % 2:
                last -= 1
                yield last
            first, last = first // 2, last // 2
