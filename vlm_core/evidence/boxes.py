"""The boxes of what has a place: those of its letters, drawn out to whole words and in to the ink."""

from __future__ import annotations

from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from vlm_core.evidence.placing import Placing
from vlm_core.ocr.page_pixels import PagePixels
from vlm_core.types import Box, union

# Letters at a line's end that belong to it though the answer lacks them.
_FEW = 3
# The share of a line's letters from which its whole box is taken.
_MOST = 0.6


def boxes_of(placing: Placing, letters: NDArray[np.intp], pixels: PagePixels | None) -> list[tuple[int, Box]]:
    """Where letters of an answer stand: for each printed line its number, and a box in pixels.

    Args:
        placing: of the answer.
        letters: some of one unit.
        pixels: of the page, for boxes drawn in to the ink.
    """
    parts = [(piece, _drawn_out(placing, piece, letters)) for piece in _pieces(placing, letters)]
    for (start, end), spot in placing.instead.items():
        if len(letters) and start <= letters[-1] and letters[0] < end:
            parts.append((int(placing.page.piece_of[spot.first]), placing.page.box(spot.first, spot.last)))
    if not parts and len(letters) and (unit := int(placing.answer.unit_of[letters[0]])) in placing.inked:
        return [(-1, placing.inked[unit])]
    parts.sort(key=lambda part: part[0])
    numbered = [
        (placing.page.pieces[piece].line.number, box if pixels is None else pixels.tightened(box))
        for piece, box in parts
    ]
    return [
        (number, union(box for _, box in group))
        for number, group in groupby(numbered, key=lambda part: part[0])
    ]


def _pieces(placing: Placing, letters: NDArray[np.intp]) -> list[int]:
    places = placing.place[letters]
    return list(dict.fromkeys(placing.page.piece_of[places[places >= 0]].tolist()))


def _drawn_out(placing: Placing, number: int, letters: NDArray[np.intp]) -> Box:
    """The box of the letters on one piece, with those beside that are of the same word or a short rest."""
    page, piece = placing.page, placing.page.pieces[number]
    places = placing.place[letters]
    own = places[(places >= 0) & (page.piece_of[places] == number)]
    first, last = int(own.min()), int(own.max())
    givers = placing.giver[piece.first : piece.last]
    is_free = (givers < 0) | np.isin(givers, letters)

    def goes_on(letter: int, beside: int, rest: int) -> bool:
        return bool(is_free[beside - piece.first]) and (
            page.word_of[letter] == page.word_of[beside] or rest <= _FEW
        )

    while first > piece.first and goes_on(first, first - 1, first - piece.first):
        first -= 1
    while last < piece.last - 1 and goes_on(last, last + 1, piece.last - 1 - last):
        last += 1
    if last + 1 - first >= _MOST * (piece.last - piece.first) and is_free.all():
        first, last = piece.first, piece.last - 1
    x0, y0, x1, y1 = page.box(first, last + 1)
    whole = piece.line.box
    if first == piece.first and not piece.line.turned:
        x0 = whole[0]
    if last == piece.last - 1 and not piece.line.turned:
        x1 = whole[2]
    if first == piece.first and last == piece.last - 1:
        return whole
    return x0, y0, max(x0, x1), y1
