"""A row of a page, ready to be cut at any of many gaps."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from functools import cached_property
from itertools import accumulate
from math import inf
from operator import truediv
from typing import NamedTuple

from .pieces import Piece
from .spans import Spans

REACH = 1.5
"""Times the height of a piece: it may reach so far into a gutter or beyond without running across."""
PROSE_CHARACTERS = 15
"""Of a run of words that may be a line of prose."""
# Times the height: words of a justified line may stand so far apart.
_JUSTIFIED = 1.5


class Stretch(NamedTuple):
    """What a row holds on one side of a gap."""

    pieces: int
    characters: int
    left: float
    right: float
    level: float
    """The mean of its pieces', and"""
    highest: float
    lowest: float
    """the two that differ most."""
    height: float
    """The smallest of its pieces'."""
    printed: float
    """How long its runs of words are, less the short ones; minus infinity where all are short."""
    longest: float
    """Of these runs."""


class Draws(NamedTuple):
    """Pieces of a row that a PDF draws one after the other, from left to right."""

    place: int
    """In the order of drawing."""
    first_right: float
    """Where the first piece ends, and"""
    last_left: float
    """where the last one begins."""

    def sides(self, x: float) -> list[str]:
        """Of a gap, in the order in which they are drawn on."""
        return ["left"] * (self.first_right <= x) + ["right"] * (self.last_left >= x)


class Cut(NamedTuple):
    """A row parted at a gap; a side is None where nothing stands on it."""

    row: Row
    left: Stretch | None
    right: Stretch | None

    @property
    def sides(self) -> list[Stretch]:
        """Those on which something stands."""
        return [side for side in (self.left, self.right) if side]


class Row:
    """Pieces on one baseline. What stands on either side of a gap is looked up, not gone through.

    Args:
        pieces: from left to right, one at least.

    Attributes:
        level: of its first piece.
        first_right: left of a gap stands something if it is not before this.
        last_left: right of a gap stands something if it is not after this.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.pieces = pieces
        self._lefts = [piece.left for piece in pieces]
        self._by_right = sorted(pieces, key=lambda piece: piece.right)
        self._rights = [piece.right for piece in self._by_right]
        self.first_right, self.last_left = self._rights[0], self._lefts[-1]
        self.level = pieces[0].level

    @cached_property
    def crossed(self) -> Spans:
        """Where a gutter would have text of one piece on both sides, and not just reaching into it."""
        spans = Spans()
        for piece in self.pieces:
            reach = REACH * piece.height
            if piece.left + reach < piece.right - reach:
                spans.add(piece.left + reach, piece.right - reach)
        return spans

    def cut(self, x: float) -> Cut:
        """The row parted at a gap; pieces that reach into it are on neither side."""
        left, right = bisect_right(self._rights, x), len(self.pieces) - bisect_left(self._lefts, x)
        return Cut(self, self._before[left], self._after[right])

    def reaching(self, x: float) -> int:
        """How many pieces stand over a gap."""
        return max(0, bisect_left(self._lefts, x) - bisect_right(self._rights, x))

    @cached_property
    def _before(self) -> list[Stretch | None]:
        """What the first pieces make: none, one, two and so on."""
        return _stretches(self._by_right)

    @cached_property
    def _after(self) -> list[Stretch | None]:
        """What the last pieces make: none, one, two and so on."""
        return _stretches(self.pieces[::-1])

    @cached_property
    def prose_from(self) -> float:
        """From here on the left side of a gap has a run of words that may be a line."""
        runs = (side.right for side in self._before if side and side.longest > -inf)
        return next(runs, inf)

    @cached_property
    def prose_to(self) -> float:
        """Up to here the right side has one."""
        runs = (side.left for side in self._after if side and side.longest > -inf)
        return next(runs, -inf)

    @cached_property
    def work(self) -> int:
        """What it costs to try a gap, where one without a PDF's drawing costs 1."""
        return 1 + len(self.draws or ()) // 4

    @cached_property
    def draws(self) -> list[Draws] | None:
        """How a PDF draws the row; None where this is not a PDF."""
        pieces = [(piece.drawn, piece) for piece in self.pieces if piece.drawn is not None]
        if len(pieces) < len(self.pieces):
            return None
        draws: list[Draws] = []
        last: tuple[int, Piece] | None = None
        for place, piece in sorted(pieces, key=lambda drawn: drawn[0]):
            if last and place == last[0] + 1 and _is_right_of(piece, last[1]):
                draws[-1] = draws[-1]._replace(last_left=piece.left)
            else:
                draws.append(Draws(place, piece.right, piece.left))
            last = place, piece
        return draws


def _is_right_of(piece: Piece, other: Piece) -> bool:
    return piece.left >= other.left and piece.right >= other.right


def _stretches(pieces: Sequence[Piece]) -> list[Stretch | None]:
    """What none of the pieces make, the first one, the first two, and so on, from either end of a row."""
    levels = [piece.level for piece in pieces]
    counts = range(1, len(pieces) + 1)
    printed, longest = _runs(pieces)
    columns: list[Iterable[float]] = [
        counts,
        accumulate(len(piece.text) for piece in pieces),
        accumulate((piece.left for piece in pieces), min),
        accumulate((piece.right for piece in pieces), max),
        map(truediv, accumulate(levels), counts),
        accumulate(levels, min),
        accumulate(levels, max),
        accumulate((piece.height for piece in pieces), min),
        printed,
        longest,
    ]
    return [None, *map(Stretch._make, zip(*columns, strict=True))]


def _runs(pieces: Iterable[Piece]) -> tuple[list[float], list[float]]:
    """After each piece, how long the runs of words are so far, less the short ones, and the longest."""
    printed: list[float] = []
    longest: list[float] = []
    ended = start = end = 0.0
    longest_ended, length = -inf, -inf
    last: Piece | None = None
    for piece in pieces:
        if last is None or _is_apart(last, piece):
            ended += max(length, 0.0)
            longest_ended = max(longest_ended, length)
            start, end, characters = piece.left, piece.right, 0
        last = piece
        characters += len(piece.text)
        start, end = min(start, piece.left), max(end, piece.right)
        length = end - start if characters >= PROSE_CHARACTERS else -inf
        longest.append(max(longest_ended, length))
        printed.append(ended + max(length, 0.0) if longest[-1] > -inf else -inf)
    return printed, longest


def _is_apart(a: Piece, b: Piece) -> bool:
    """Whether neighbours are further from each other than the words of a line."""
    return max(a.left - b.right, b.left - a.right) > _JUSTIFIED * min(a.height, b.height)
