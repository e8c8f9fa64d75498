"""Long pages in parts, so that what alignment costs grows with the page and not with its square."""

from __future__ import annotations

from bisect import bisect_left
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from vlm_core.evidence.alignment import align
from vlm_core.evidence.answer import Answer
from vlm_core.evidence.printed import Print

LONGEST = 15_000
"""Letters of an answer or a page up to which they are aligned in one go."""
# Letters of a part, at least.
_PART = 3_000
# Letters of a line that stands once in the answer and once on the page, at least: there it may be cut.
_UNIQUE = 20


def aligned_in_parts(answer: Answer, page: Print) -> NDArray[np.intp]:
    """For each letter of an answer, which of the page's it is; -1 where it is none of them.

    A long answer is cut at long lines that stand once in it and once on the page, in the same order on both.
    """
    cuts = [(0, 0), *_cuts(answer, page), (len(answer.letters), len(page.letters))]
    return np.concatenate(
        [_part(answer, page, *start, *end) for start, end in pairwise(cuts)] or [np.zeros(0, np.intp)]
    )


def _part(answer: Answer, page: Print, first: int, top: int, last: int, bottom: int) -> NDArray[np.intp]:
    unit_starts = np.diff(answer.unit_of[first:last], prepend=-1) != 0
    way = align(
        answer.letters[first:last],
        unit_starts,
        answer.word_starts[first:last],
        page.letters[top:bottom],
        page.starts[top:bottom],
    )
    return np.where(way >= 0, way + top, -1)


def _cuts(answer: Answer, page: Print) -> list[tuple[int, int]]:
    """Where both are cut: the letter of the answer and that of the page with which a part begins."""
    if max(len(answer.letters), len(page.letters)) <= LONGEST:
        return []
    cuts: list[tuple[int, int]] = []
    last = (0, 0)
    for start, at in _in_order(_unique_lines(answer, page)):
        if start - last[0] >= _PART or at - last[1] >= _PART:
            cuts.append((start, at))
            last = start, at
    return cuts


def _unique_lines(answer: Answer, page: Print) -> list[tuple[int, int]]:
    found = []
    for number, unit in enumerate(answer.units):
        letters = answer.letters_of(number)[: 3 * _UNIQUE]
        if len(letters) < _UNIQUE or answer.letters.count(letters) != 1:
            continue
        at = page.letters.find(letters)
        if at >= 0 and page.letters.find(letters, at + 1) < 0:
            found.append((unit.first, at))
    return found


def _in_order(pairs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The most of the pairs that are in the same order on both sides."""
    ends: list[int] = []
    chains: list[int] = []
    before: list[int] = []
    for number, (_, at) in enumerate(pairs):
        place = bisect_left(ends, at)
        before.append(chains[place - 1] if place else -1)
        if place == len(ends):
            ends.append(at)
            chains.append(number)
        else:
            ends[place], chains[place] = at, number
    kept = []
    number = chains[-1] if chains else -1
    while number >= 0:
        kept.append(pairs[number])
        number = before[number]
    return kept[::-1]
