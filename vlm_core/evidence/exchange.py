"""Equal words that took each other's places, given back by what is written before and behind them.

Cells of a table that say the same, and cells over several printed lines, are aligned with whichever of the
equal words comes first. A word that stands far from those that are written beside it changes places with an
equal one, or goes to one that is free, where that brings all of them nearer to their neighbours.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from vlm_core.evidence.neighbours import cost_of_step
from vlm_core.evidence.placing import Placing, Spot

# Equal words that are tried for one that stands badly, at most, and rounds over all.
_MOST_ALIKE, _ROUNDS = 40, 3
# What a step from one word to the next costs where it goes on in the row or in the line below, at most; above
# that the word stands badly.
_BAD_STEP = 1.5
# What a change must save.
_LEAST_GAIN = 0.5
# Times the print's height: how far the middles of words of a row are apart.
_SAME_ROW = 0.8
# Words that go along with one, if they are equal, too.
_LONGEST_SERIES = 12


@dataclass
class Word:
    """A word of the answer, letter by letter on one piece of the page."""

    first: int
    last: int
    unit: int
    spot: Spot


def exchange_equal_words(placing: Placing) -> None:
    """Words that stand far from their neighbours change places with equal ones, where that brings them
    nearer."""
    exchange = _Exchange(placing)
    exchange.sort_rows()
    for _ in range(_ROUNDS):
        if not exchange.run():
            break


class _Exchange:
    def __init__(self, placing: Placing) -> None:
        self.placing = placing
        self.words = list(words_of(placing))
        self.alike: dict[str, list[int]] = defaultdict(list)
        for number, word in enumerate(self.words):
            self.alike[self._letters(word)].append(number)
        self.lefts: dict[tuple[str, int], float] = {}
        """Where units and lines of the answer begin on the page, at the left."""
        for word in self.words:
            left = float(placing.page.boxes[word.spot.first, 0])
            for key in (("unit", word.unit), ("line", placing.answer.units[word.unit].line)):
                self.lefts[key] = min(left, self.lefts.get(key, left))

    def _letters(self, word: Word) -> str:
        return self.placing.answer.letters[word.first : word.last]

    def sort_rows(self) -> None:
        """Equal words of one line that are printed in one row stand there in the order in which they are
        written."""
        units, page = self.placing.answer.units, self.placing.page
        groups: dict[tuple[str, int], list[Word]] = defaultdict(list)
        for word in self.words:
            groups[self._letters(word), units[word.unit].line].append(word)
        for words in groups.values():
            tops = [float(page.centres[word.spot.first, 1]) for word in words]
            if len(words) < 2 or max(tops) - min(tops) > _SAME_ROW * page.height:
                continue
            spots = sorted((word.spot for word in words), key=lambda spot: float(page.boxes[spot.first, 0]))
            if spots != [word.spot for word in words]:
                for word, spot in zip(words, spots, strict=True):
                    self._settle(word, spot)

    def run(self) -> bool:
        changed = False
        for number in range(len(self.words)):
            if max(self._steps(number)) > _BAD_STEP:
                changed |= self._improve(number)
        return changed

    def _steps(self, number: int) -> tuple[float, float]:
        """What the steps to a word and from it cost."""
        return self._step(number - 1), self._step(number)

    def _step(self, number: int) -> float:
        """What the step from a word to the next one costs."""
        if not 0 <= number < len(self.words) - 1:
            return 0.0
        before, after = self.words[number], self.words[number + 1]
        page = self.placing.page
        origin, target = page.boxes[before.spot.last - 1], page.boxes[after.spot.first]
        height = page.height
        right = float(target[0] - origin[2]) / height
        down = float(target[1] + target[3] - origin[1] - origin[3]) / 2 / height
        units = self.placing.answer.units
        lines = units[before.unit].line, units[after.unit].line
        # The next line of a paragraph or a cell begins below its first word, that of a table below its
        # first cell.
        key = ("unit", before.unit) if lines[0] == lines[1] else ("line", lines[0])
        aside = min(abs(right), abs(float(target[0]) - self.lefts[key]) / height)
        return cost_of_step(right, down, aside)

    def _improve(self, number: int) -> bool:
        """Put a word where it suits its neighbours better; whether there was such a place."""
        word = self.words[number]
        others = [other for other in self.alike[self._letters(word)] if other != number][:_MOST_ALIKE]
        gains = [
            (self._gain_of_swap(number, other, length), other, length)
            for other in others
            for length in self._lengths(number, other)
        ]
        best_swap = max(gains, default=(0.0, -1, 0))
        free = [(self._gain_of_move(number, spot), spot) for spot in self._free_spots(word)]
        best_move = max(free, default=(0.0, Spot(0, 0)))
        if max(best_swap[0], best_move[0]) < _LEAST_GAIN:
            return False
        if best_move[0] >= best_swap[0]:
            self.placing.take_back(np.arange(word.first, word.last))
            self._settle(word, best_move[1])
        else:
            self._swap(number, best_swap[1], best_swap[2])
            for place in range(best_swap[2]):
                for changed in (number + place, best_swap[1] + place):
                    self._give(self.words[changed])
        return True

    def _lengths(self, one: int, other: int) -> Iterator[int]:
        """How many words may go along: one, and all that follow and are equal."""
        yield 1
        length = 1
        low, high = min(one, other), max(one, other)
        while (
            length < _LONGEST_SERIES
            and low + length < high
            and high + length < len(self.words)
            and self._letters(self.words[low + length]) == self._letters(self.words[high + length])
        ):
            length += 1
        if length > 1:
            yield length

    def _gain_of_swap(self, one: int, other: int, length: int) -> float:
        edges = {edge for start in (one, other) for edge in range(start - 1, start + length)}
        before = sum(map(self._step, edges))
        self._swap(one, other, length)
        after = sum(map(self._step, edges))
        self._swap(one, other, length)
        return before - after

    def _swap(self, one: int, other: int, length: int) -> None:
        for step in range(length):
            first, second = self.words[one + step], self.words[other + step]
            first.spot, second.spot = second.spot, first.spot

    def _free_spots(self, word: Word) -> list[Spot]:
        page = self.placing.page
        spots = [
            Spot(first, last)
            for first, last in page.found(self._letters(word))
            if page.is_edge(first) and page.is_edge(last) and self.placing.is_free(first, last)
        ]
        return spots[:_MOST_ALIKE]

    def _gain_of_move(self, number: int, spot: Spot) -> float:
        word, kept = self.words[number], self.words[number].spot
        before = sum(self._steps(number))
        word.spot = spot
        after = sum(self._steps(number))
        word.spot = kept
        return before - after

    def _settle(self, word: Word, spot: Spot) -> None:
        word.spot = spot
        self._give(word)

    def _give(self, word: Word) -> None:
        self.placing.give(np.arange(word.first, word.last), np.arange(word.spot.first, word.spot.last))


def words_of(placing: Placing) -> Iterator[Word]:
    """The words of an answer that stand on one piece of the page as they were written."""
    answer, page = placing.answer, placing.page
    starts = np.flatnonzero(answer.word_starts | answer.unit_starts)
    for first, last in pairwise([*starts, len(answer.letters)]):
        places = placing.place[first:last]
        if (places >= 0).all() and (np.diff(places) == 1).all():
            spot = Spot(int(places[0]), int(places[-1]) + 1)
            same_piece = page.piece_of[spot.first] == page.piece_of[spot.last - 1]
            if same_piece and page.letters[spot.first : spot.last] == answer.letters[first:last]:
                yield Word(int(first), int(last), int(answer.unit_of[first]), spot)
