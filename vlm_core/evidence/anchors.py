"""An answer along a page, by way of the lines that stand on both once: only what is between them is aligned.

Most lines of most answers stand on the page as they are written. Where all of those that stand there once
come in one order, they need no alignment. Where they do not, as in an answer that goes column by column,
all is aligned; and a long page is cut at them, so that cost grows with the page and not with its square.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlm_core.evidence.alignment import align
from vlm_core.evidence.answer import Answer
from vlm_core.evidence.printed import Print

LONGEST = 15_000
"""Letters of an answer or a page up to which they are aligned in one go, though their order differs."""
# Letters of a line that is taken for the one that stands on the page once, at least.
_UNIQUE = 8
# The same where a long page is cut though the order differs.
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
    if max(len(answer.letters), len(page.letters)) <= LONGEST:
        return _between(answer, page, [])
    return _between(answer, page, _most_in_order(_anchors(answer, page, _UNIQUE_IN_DISORDER)))


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


def _between(answer: Answer, page: Print, anchors: list[Anchor]) -> NDArray[np.intp]:
    """A way on which the anchors have their places, and what is between them is aligned."""
    way = np.full(len(answer.letters), -1, np.intp)
    start = at = 0
    for anchor in [*anchors, Anchor(len(answer.letters), len(page.letters), 0)]:
        letters, places = np.arange(start, anchor.start), np.arange(at, anchor.at)
        part = align_letters(answer, page, letters, places)
        way[letters] = np.where(part >= 0, part + at, -1)
        start, at = anchor.start + anchor.length, anchor.at + anchor.length
        way[anchor.start : start] = np.arange(anchor.at, at)
    return way


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


def _most_in_order(anchors: list[Anchor]) -> list[Anchor]:
    """The longest series of anchors that come in one order on both sides."""
    ends: list[int] = []
    chains: list[int] = []
    before: list[int] = []
    for number, anchor in enumerate(anchors):
        place = bisect_left(ends, anchor.at)
        before.append(chains[place - 1] if place else -1)
        if place == len(ends):
            ends.append(anchor.at)
            chains.append(number)
        else:
            ends[place], chains[place] = anchor.at, number
    series = []
    number = chains[-1] if chains else -1
    while number >= 0:
        series.append(anchors[number])
        number = before[number]
    return series[::-1]
