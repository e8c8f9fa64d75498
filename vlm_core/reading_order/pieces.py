"""Pieces of text on a page, and the rows that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import TypeAlias

Box: TypeAlias = tuple[float, float, float, float]

SAME_ROW = 0.5
"""Times the smaller height: how far apart the middles of a row's pieces may be."""
_SAME_LINE = 0.25
"""The same of two that overlap: one piece that was found twice, or else two lines."""
WORD_GAP = 0.8
"""Times the line's height: pieces of a row that stand closer are one line."""
_TALLEST = 1.25
"""Times the line's height: how much of the box of a long line askew counts as its height."""
_OPEN_ROWS = 3
"""Rows that a piece may still belong to: on a page that is bent they overlap a little."""


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
    """

    text: str
    score: float
    box: Box
    level: float
    thickness: float = 0.0
    ends: tuple[float, float] | None = None
    drawn: int | None = None
    fall: float = 0.0

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


def rows_of(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces on one baseline, from left to right; rows from the top.

    Example:
        >>> pieces = [Piece("9.00", 1, (90, 0, 99, 9), 5), Piece("TOTAL", 1, (0, 0, 40, 9), 4)]
        >>> [[piece.text for piece in row] for row in rows_of(pieces)]
        [['TOTAL', '9.00']]
    """
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.level):
        row = next((row for row in rows[: -_OPEN_ROWS - 1 : -1] if _fits(row, piece)), None)
        if row is None:
            rows.append([piece])
        else:
            row.append(piece)
    return [sorted(row, key=lambda piece: piece.left) for row in rows]


def _fits(row: Sequence[Piece], piece: Piece) -> bool:
    """Whether a piece stands on the row's baseline; what stands over a part of it is hardly ever on it."""
    height = min(piece.height, min(other.height for other in row))
    allowed = _SAME_LINE if any(stands_over(piece, other) for other in row) else SAME_ROW
    return abs(piece.level - fmean(other.level for other in row)) <= allowed * height


def stands_over(a: Piece, b: Piece) -> bool:
    """Whether most of the shorter one stands above, below or upon the other."""
    return min(a.right, b.right) - max(a.left, b.left) > 0.5 * min(a.right - a.left, b.right - b.left)


def join_close(row: Sequence[Piece]) -> list[Piece]:
    """A row's pieces, those that stand close together made one."""
    joined = [row[0]]
    for piece in row[1:]:
        last = joined[-1]
        if piece.box[0] - last.box[2] <= WORD_GAP * min(_box_height(last), _box_height(piece)):
            joined[-1] = _join(last, piece)
        else:
            joined.append(piece)
    return joined


def _box_height(piece: Piece) -> float:
    """Of its box, as the gap between two is: where the page is askew, both differ from the line's own."""
    return min(piece.box[3] - piece.box[1], _TALLEST * piece.height)


def _join(a: Piece, b: Piece) -> Piece:
    characters = len(a.text) + len(b.text)
    return Piece(
        text=f"{a.text} {b.text}",
        score=(a.score * len(a.text) + b.score * len(b.text)) / max(characters, 1),
        box=(
            min(a.box[0], b.box[0]),
            min(a.box[1], b.box[1]),
            max(a.box[2], b.box[2]),
            max(a.box[3], b.box[3]),
        ),
        level=(a.level + b.level) / 2,
        thickness=max(a.height, b.height),
        ends=(min(a.left, b.left), max(a.right, b.right)),
    )
