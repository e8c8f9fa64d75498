"""An answer along a page, by way of the lines that stand on both once: only what is between them is aligned.

Most lines of most answers stand on the page as they are written. Where all of those that stand there once
come in one order, they need no alignment. Where they do not, as in an answer that goes column by column,
all is aligned, but for the long ones of a long page: cost must not grow with the square of the page.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlm_core.evidence.alignment import align
from vlm_core.evidence.answer import Answer
from vlm_core.evidence.printed import Print

LONGEST = 10_000
"""Letters of an answer or a page up to which they are aligned in one go, though their order differs."""
# Letters of a line that is taken for the one that stands on the page once, at least.
_UNIQUE = 8
# The same on a long page whose lines come in another order.
_UNIQUE_IN_DISORDER = 20
# The share of letters that do not stand on the page as they were written, from which all is aligned.
_DIFFERENT = 0.02


class Anchor(NamedTuple):
    """A unit of the answer that stands on the page as it is written, and nowhere else."""

    start: int
    """Of its letters in the answer."""
    at: int
    """Of its letters on the page."""
    length: int


def way_along(answer: Answer, page: Print) -> NDArray[np.intp]:
    """For each letter of an answer, which of the page's it is; -1 where it is none of them."""
    if answer.letters == page.letters:
        return np.arange(len(answer.letters))
    anchors = _anchors(answer, page, _UNIQUE)
    if _is_in_order(anchors):
        way = _beside(answer, page, anchors)
        same = (way >= 0) & (answer.codes == page.codes[way]) if page.letters else way >= 0
        if (~same).sum() <= _DIFFERENT * len(way):
            return way
    is_long = max(len(answer.letters), len(page.letters)) > LONGEST
    return _beside(answer, page, _anchors(answer, page, _UNIQUE_IN_DISORDER) if is_long else [])


def _beside(answer: Answer, page: Print, anchors: list[Anchor]) -> NDArray[np.intp]:
    """A way on which the anchors have their places, and all else is aligned with what is left of the page."""
    way = np.full(len(answer.letters), -1, np.intp)
    is_free = np.ones(len(page.letters), np.bool_)
    for start, at, length in anchors:
        way[start : start + length] = np.arange(at, at + length)
        is_free[at : at + length] = False
    rest, free = np.flatnonzero(way < 0), np.flatnonzero(is_free)
    part = align_letters(answer, page, rest, free)
    way[rest] = np.where(part >= 0, free[part], -1) if len(free) else -1
    return way


def align_letters(
    answer: Answer, page: Print, letters: NDArray[np.intp], places: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Some letters of an answer along some of a page's.

    Args:
        answer: what was written.
        page: what is printed.
        letters: of the answer, in order.
        places: letters of the page, in order.

    Returns:
        For each of the letters, which of the places it has; -1 where none.
    """
    return align(
        [answer.letters[letter] for letter in letters],
        answer.unit_starts[letters],
        answer.word_starts[letters],
        [page.letters[place] for place in places],
        page.starts[places] | (np.diff(places, prepend=-2) != 1),
    )


def _anchors(answer: Answer, page: Print, shortest: int) -> list[Anchor]:
    """Units that stand once in the answer and once on the page, whole."""
    texts = [answer.letters_of(number) for number in range(len(answer.units))]
    counts = Counter(texts)
    found = []
    for unit, text in zip(answer.units, texts, strict=True):
        if len(text) < shortest or counts[text] > 1:
            continue
        at = page.letters.find(text)
        if (
            at >= 0
            and page.letters.find(text, at + 1) < 0
            and page.is_edge(at)
            and page.is_edge(at + len(text))
        ):
            found.append(Anchor(unit.first, at, len(text)))
    return found


def _is_in_order(anchors: list[Anchor]) -> bool:
    ends = [anchor.at + anchor.length for anchor in anchors]
    return all(end <= anchor.at for end, anchor in zip(ends, anchors[1:], strict=False))
