"""Lines of a page that is bent: their pieces climb and fall, and stand on one level all the same."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace

from .pieces import Piece

# Times its height: a piece that climbs or falls by so much runs along a bend,
_RISE = 0.5
# if it is so many times as long as high; and
_LONG = 4.0
# so many of them make a page bent.
_FEWEST = 3
# Times the height: where the next piece of a line begins, behind the end of the one before;
_GAP = (-0.5, 1.0)
# and how far above or below it.
_LEVEL = 0.3


def straightened(pieces: Sequence[Piece]) -> Sequence[Piece]:
    """The pieces of a page; where it is bent, those that go on with a line have the level of its first one.

    Args:
        pieces: with `fall`.

    Example:
        >>> bent = [Piece(text, 1, box, level, thickness=10, fall=fall) for text, box, level, fall in [
        ...     ("a line that", (0, 0, 100, 10), 5, 0), ("goes on, and", (105, 0, 200, 20), 10, 10),
        ...     ("ends", (205, 10, 300, 30), 20, 10), ("next line", (0, 20, 100, 30), 25, 0),
        ...     ("of it", (105, 20, 200, 40), 30, 10)]]
        >>> [piece.level for piece in straightened(bent)]
        [5, 5, 5, 25, 25]
    """
    if sum(map(_is_bent, pieces)) < _FEWEST:
        return pieces
    ordered = sorted(range(len(pieces)), key=lambda number: pieces[number].left)
    by_end = sorted(range(len(pieces)), key=lambda number: pieces[number].right)
    ends = [pieces[number].right for number in by_end]
    tallest = max(piece.height for piece in pieces)
    levels = [piece.level for piece in pieces]
    for number in ordered:
        piece = pieces[number]
        first = bisect_left(ends, piece.left - _GAP[1] * tallest)
        last = bisect_right(ends, piece.left - _GAP[0] * tallest)
        before = [other for other in by_end[first:last] if _goes_on(pieces[other], piece)]
        if before:
            levels[number] = levels[max(before, key=lambda other: pieces[other].left)]
    return [replace(piece, level=level) for piece, level in zip(pieces, levels, strict=True)]


def _is_bent(piece: Piece) -> bool:
    is_long = piece.right - piece.left >= _LONG * piece.height
    return is_long and abs(piece.fall) >= _RISE * piece.height


def _goes_on(piece: Piece, following: Piece) -> bool:
    height = min(piece.height, following.height)
    gap = following.left - piece.right
    step = following.level - following.fall / 2 - (piece.level + piece.fall / 2)
    is_behind = piece.left < following.left
    return is_behind and _GAP[0] * height <= gap <= _GAP[1] * height and abs(step) <= _LEVEL * height
