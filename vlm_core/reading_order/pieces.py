"""Pieces of text on a page, and the rows that they make."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from math import inf
from typing import TypeAlias

from .spans import Spans

Box: TypeAlias = tuple[float, float, float, float]

SAME_ROW = 0.5
"""Times the smaller height: how far apart the middles of a row's pieces may be."""
# The same of two that overlap: one piece that was found twice, or else two lines.
_SAME_LINE = 0.25
WORD_GAP = 0.8
"""Times the line's height: pieces of a row that stand closer are one line."""
# Times the line's height: how much of the box of a long line askew counts as its height.
_TALLEST = 1.25
# Rows that a piece may still belong to: on a page that is bent they overlap a little.
_OPEN_ROWS = 3


@dataclass(frozen=True)
class Piece:
    """Text in one box, in pixels or points, y downwards.

    Args:
        text: of at least one character.
        score: the engine's confidence.
        box: left, top, right and bottom on the page.
        level: the height of its middle once the page's skew is taken out.
        thickness: from the top of the line to its bottom, square to it; the box's height where 0.
        ends: where it begins and ends on its row once the skew is taken out; the box's where None.
        drawn: its place in the order in which a PDF draws its text.
        fall: how far it falls from its beginning to its end once the skew is taken out.
        words: with their boxes, from the first to the last.
        numbers: which of the page's boxes it is made of, where its maker says so.
        engine: that read it, where its maker says so; of several, their names parted by "+".
        from_right: whether it is written from right to left; `text` and `words` are in the order of reading.
    """

    text: str
    score: float
    box: Box
    level: float
    thickness: float = 0.0
    ends: tuple[float, float] | None = None
    drawn: int | None = None
    fall: float = 0.0
    words: tuple[tuple[str, Box], ...] = ()
    numbers: tuple[int, ...] = ()
    engine: str | None = None
    from_right: bool = False

    @cached_property
    def height(self) -> float:
        """Of the line itself, whatever its skew."""
        return self.thickness or self.box[3] - self.box[1]

    @cached_property
    def left(self) -> float:
        """Where it begins on its row."""
        return self.ends[0] if self.ends else self.box[0]

    @cached_property
    def right(self) -> float:
        """Where it ends on its row."""
        return self.ends[1] if self.ends else self.box[2]

    @cached_property
    def middle(self) -> float:
        """Halfway between the two."""
        return (self.left + self.right) / 2


def rows_of(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces on one baseline, from left to right; rows from the top.

    Example:
        >>> pieces = [Piece("9.00", 1, (90, 0, 99, 9), 5), Piece("TOTAL", 1, (0, 0, 40, 9), 4)]
        >>> [[piece.text for piece in row] for row in rows_of(pieces)]
        [['TOTAL', '9.00']]
    """
    rows: list[_Row] = []
    for piece in sorted(pieces, key=lambda piece: piece.level):
        row = next((row for row in rows[: -_OPEN_ROWS - 1 : -1] if row.fits(piece)), None)
        if row is None:
            row = _Row()
            rows.append(row)
        row.add(piece)
    return [sorted(row.pieces, key=lambda piece: piece.left) for row in rows]


class _Row:
    """A row that grows. What is asked of all its pieces is kept, for there may be thousands."""

    __slots__ = ("_covered", "_height", "_levels", "_middles", "_placed", "pieces")

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._height = inf
        self._levels = 0.0
        self._placed = 0
        self._covered = Spans()
        self._middles: list[float] = []

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        self._height = min(self._height, piece.height)
        self._levels += piece.level

    def fits(self, piece: Piece) -> bool:
        """Whether a piece stands on the baseline; what stands over a part of the row hardly ever does."""
        height = min(piece.height, self._height)
        off = abs(piece.level - self._levels / len(self.pieces))
        return off <= SAME_ROW * height and (off <= _SAME_LINE * height or not self._is_over(piece))

    def _is_over(self, piece: Piece) -> bool:
        """Whether the piece stands over any of the row's: the middle of one is within the longer one."""
        if piece.left >= piece.right:
            return False
        self._place()
        below = bisect_right(self._middles, piece.left) < bisect_left(self._middles, piece.right)
        return below or self._covered.covers(piece.middle)

    def _place(self) -> None:
        """Take note of where the pieces stand that came since this was last asked: it hardly ever is."""
        for piece in self.pieces[self._placed :]:
            if piece.left < piece.right:
                self._covered.add(piece.left, piece.right)
                insort(self._middles, piece.middle)
        self._placed = len(self.pieces)


def join_close(row: Sequence[Piece]) -> list[Piece]:
    """A row's pieces, those that stand close together made one."""
    lines = [_Line(row[0])]
    for piece in row[1:]:
        if lines[-1].is_close(piece):
            lines[-1].add(piece)
        else:
            lines.append(_Line(piece))
    return [line.whole() for line in lines]


class _Line:
    """Pieces of a row that stand close together; their text is joined once, when all are there."""

    def __init__(self, piece: Piece) -> None:
        self._pieces = [piece]
        self._characters = len(piece.text)
        self._score, self._level, self._thickness = piece.score, piece.level, piece.height
        self._box, self._ends = piece.box, (piece.left, piece.right)

    def is_close(self, piece: Piece) -> bool:
        """Whether a piece to the right is of the line."""
        height = min(_box_height(self._box, self._thickness), _box_height(piece.box, piece.height))
        return piece.box[0] - self._box[2] <= WORD_GAP * height

    def add(self, piece: Piece) -> None:
        self._pieces.append(piece)
        both = self._characters + len(piece.text)
        self._score = (self._score * self._characters + piece.score * len(piece.text)) / max(both, 1)
        self._characters = both + 1  # for the space
        (left, top, right, bottom), box = self._box, piece.box
        self._box = min(left, box[0]), min(top, box[1]), max(right, box[2]), max(bottom, box[3])
        self._level = (self._level + piece.level) / 2
        self._thickness = max(self._thickness, piece.height)
        self._ends = min(self._ends[0], piece.left), max(self._ends[1], piece.right)

    def whole(self) -> Piece:
        if len(self._pieces) == 1:
            return self._pieces[0]
        pieces = as_read(self._pieces)
        engines = dict.fromkeys(piece.engine for piece in pieces if piece.engine)
        return Piece(
            " ".join(piece.text for piece in pieces),
            self._score,
            self._box,
            self._level,
            self._thickness,
            self._ends,
            words=tuple(word for piece in pieces for word in piece.words),
            numbers=tuple(number for piece in pieces for number in piece.numbers),
            engine="+".join(engines) or None,
            from_right=_is_from_right(pieces),
        )


def as_read(row: Sequence[Piece]) -> list[Piece]:
    """Pieces of a row in the order of reading: from the right where most of it is written so.

    Parts that are written from left to right stay in their order within it.

    Example:
        >>> row = [Piece(text, 1, (0, 0, 1, 1), 0, from_right=text == "מספר")
        ...        for text in ("24", "№", "מספר")]
        >>> [piece.text for piece in as_read(row)]
        ['מספר', '24', '№']
    """
    if not _is_from_right(row):
        return list(row)
    runs = [list(run) for _, run in groupby(row, key=lambda piece: piece.from_right)]
    return [piece for run in reversed(runs) for piece in (run[::-1] if run[0].from_right else run)]


def _is_from_right(row: Sequence[Piece]) -> bool:
    if not any(piece.from_right for piece in row):
        return False
    lengths = [(len(piece.text), piece.from_right) for piece in row]
    return 2 * sum(length for length, from_right in lengths if from_right) >= sum(
        length for length, _ in lengths
    )


def _box_height(box: Box, height: float) -> float:
    """Of a line's box, as the gap between two is: on a page askew, both differ from the line's own."""
    return min(box[3] - box[1], _TALLEST * height)
