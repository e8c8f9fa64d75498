"""The letters of an answer along those of a page: the best way of reading the one off the other.

A model may read in an order of its own, leave things out and add others. So a way may jump to any place of
the page: it pays for that, less where a line or a cell of the answer begins, more within a word. Viterbi's
algorithm finds the way that scores highest. It holds a row of scores and, so that the way can be traced
back, one row in 96: memory grows with the page, and next to not at all with the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Scores: TypeAlias = NDArray[np.int32]

# Points for a letter or a digit that is the same, for a sign, for what looks alike, and for what does not.
_SAME, _SAME_SIGN, _ALIKE, _OTHER, _OTHER_SIGN = 4, 2, 0, -4, -3
# What it costs to pass over a letter of the page; to leave out letters of the answer: the first, each
# further.
_PASS, _OPEN, _EXTEND = 1, 7, 1
# What a jump costs where a line or cell begins, where a word does, and within one; and more for landing
# elsewhere than at the beginning of a printed line.
_AT_UNIT, _AT_WORD, _WITHIN, _INTO_LINE = 16, 26, 40, 8
LOOKALIKES = tuple(
    map(frozenset, ("0oqd", "1li|!t7", "5s", "8b", "2z", "6g", ",.;:'", "-_~", "uv", "([{", ")]}"))
)
"""Characters that models and engines take for each other."""
_NEVER = -(10**8)
_KEPT_ROWS = 96
# Score rows of distinct letters that are kept at once; a page in Chinese has thousands.
_MOST_ROWS = 256


def align(
    letters: Sequence[str],
    unit_starts: NDArray[np.bool_],
    word_starts: NDArray[np.bool_],
    page: Sequence[str],
    line_starts: NDArray[np.bool_],
) -> NDArray[np.intp]:
    """Read the letters of an answer off those of a page.

    Args:
        letters: of the answer, folded.
        unit_starts: of each, whether a line or a cell begins with it.
        word_starts: of each, whether a word does.
        page: its letters in one order of reading.
        line_starts: of each of these, whether a printed line begins with it.

    Returns:
        For each letter of the answer, which of the page's it is; -1 where it is none of them.

    Example:
        >>> starts = np.array([True, False, False])
        >>> align("abc", starts, starts, "xxabc", np.array([True, False, True, False, False])).tolist()
        [2, 3, 4]
    """
    if not len(letters) or not len(page):
        return np.full(len(letters), -1, np.intp)
    jumps = np.where(unit_starts, _AT_UNIT, np.where(word_starts, _AT_WORD, _WITHIN)).astype(np.int32)
    return _Lattice(letters, jumps, page, line_starts).best_way()


class _Lattice:
    """Scores by (letter of the answer, letter of the page), a row at a time."""

    def __init__(
        self, letters: Sequence[str], jumps: Scores, page: Sequence[str], line_starts: NDArray[np.bool_]
    ) -> None:
        self._letters, self._jumps = letters, jumps
        self._width = len(page)
        self._distinct, self._inverse = np.unique(np.array(list(page)), return_inverse=True)
        self._passed = np.arange(self._width + 1, dtype=np.int32) * _PASS
        self._landing: Scores = np.where(line_starts, 0, -_INTO_LINE).astype(np.int32)
        self._rows: dict[str, Scores] = {}

    def best_way(self) -> NDArray[np.intp]:
        matched: Scores = np.full(self._width + 1, _NEVER, np.int32)
        left_out: Scores = np.full(self._width + 1, -_AT_UNIT, np.int32)
        left_out[0] = 0
        kept = {0: (matched, left_out)}
        for number in range(len(self._letters)):
            matched, left_out = self._next(number, matched, left_out)
            if (number + 1) % _KEPT_ROWS == 0:
                kept[number + 1] = matched, left_out
        at = int(np.maximum(matched, left_out).argmax())
        return self._traced(kept, at, is_match=bool(matched[at] >= left_out[at]))

    def _next(self, number: int, matched: Scores, left_out: Scores) -> tuple[Scores, Scores]:
        """The scores once one more letter is read off the page, or left out."""
        best = np.maximum(matched, left_out)
        jump = best.max() - self._jumps[number]
        onward = np.maximum.accumulate(best + self._passed)
        onward -= self._passed
        came = np.maximum(onward[:-1], self._landing + jump)
        came += self._row(self._letters[number])
        new: Scores = np.empty_like(matched)
        new[0] = _NEVER
        new[1:] = came
        return new, np.maximum(matched - np.int32(_OPEN), left_out - np.int32(_EXTEND))

    def _row(self, letter: str) -> Scores:
        """What it scores to read a letter off each of the page's."""
        row = self._rows.get(letter)
        if row is None:
            if len(self._rows) >= _MOST_ROWS:
                self._rows.clear()
            scores = np.array([_score(letter, str(other)) for other in self._distinct], np.int32)
            row = self._rows[letter] = scores[self._inverse]
        return row

    def _traced(self, kept: dict[int, tuple[Scores, Scores]], at: int, *, is_match: bool) -> NDArray[np.intp]:
        way = np.full(len(self._letters), -1, np.intp)
        number = len(self._letters)
        while number > 0:
            first = (number - 1) // _KEPT_ROWS * _KEPT_ROWS
            rows = [kept[first]]
            for between in range(first, number - 1):
                rows.append(self._next(between, *rows[-1]))
            while number > first:
                matched, left_out = rows[number - 1 - first]
                number -= 1
                if not is_match:
                    is_match = bool(matched[at] - _OPEN >= left_out[at] - _EXTEND)
                    continue
                way[number] = at - 1
                at = self._source(number, at - 1, matched, left_out)
                is_match = bool(matched[at] >= left_out[at])
        return way

    def _source(self, number: int, place: int, matched: Scores, left_out: Scores) -> int:
        """From where the best way comes to a place: from the left, or by a jump from anywhere."""
        best = np.maximum(matched, left_out)
        before = best[: place + 1] + self._passed[: place + 1]
        # The last of equals: nearer is better.
        nearest = place - int(before[::-1].argmax())
        farthest = int(best.argmax())
        jumped = best[farthest] - self._jumps[number] + self._landing[place]
        return nearest if before[nearest] - self._passed[place] >= jumped else farthest


@lru_cache(maxsize=65_536)
def _score(letter: str, other: str) -> int:
    if letter == other:
        return _SAME if letter.isalnum() else _SAME_SIGN
    if any(letter in alike and other in alike for alike in LOOKALIKES):
        return _ALIKE
    return _OTHER if letter.isalnum() and other.isalnum() else _OTHER_SIGN
