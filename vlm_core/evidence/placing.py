"""Where each letter of an answer stands on the page: aligned, then cleared of chance, then completed.

Alignment alone puts letters of invented lines on whatever is like them, and lines that are equal on the
wrong one. So runs of letters that agree no better than chance are dropped, each letter of the page is
given once, what is left over is aligned with what is left of the page, and texts that stand several times
go to the place that suits their neighbours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlm_core.evidence.anchors import align_letters, way_along
from vlm_core.evidence.answer import Answer
from vlm_core.evidence.printed import PagePrint, Print
from vlm_core.types import Box

# A run of letters counts where so many are the same, and so large a part of what it spans; and, unless it has
# SURE letters, so large a part of the shorter of both lines.
_FEWEST, _DENSE, _SURE, _PART = 5, 0.55, 12, 0.3
# Or where it is whole words on both sides, and the same to so large a part; and of the shorter line.
_WORDS_DENSE, _WORDS_PART = 0.5, 0.6
# The share of a run's letters that are given already, from which it is a repetition.
_GIVEN = 0.3
# The share of a unit's letters without a place, from which it is aligned again with what is left.
_MOSTLY = 0.4
# Letters of the page within which a neighbour counts as near, and what that is worth.
_NEAR, _NEAR_WORTH = 30, 3
# The share of a unit's letters that must agree; with fewer, it gives up those it has.
_LEAST_AGREEMENT = 0.5
_SHORT_UNIT = 6
# A column order is tried where the page's own order takes more jumps and left-out letters than this share.
_GOOD_ORDER = 0.01
_LEFT_OUT = 0.2
# Letters of the page that a way may pass over without a jump.
_STEP = 40


class Run(NamedTuple):
    """Letters of one unit that stand one after the other on one piece of the page."""

    unit: int
    piece: int
    letters: NDArray[np.intp]
    """Of the answer, those that have a place."""


class Spot(NamedTuple):
    """Letters of the page."""

    first: int
    last: int


@dataclass(eq=False)
class Placing:
    """An answer, a page, and where the answer's letters stand on it.

    Args:
        answer: what was written.
        page: in the order in which it was aligned.
        place: of each letter of the answer, which of the page's it is, or -1.
        giver: of each letter of the page, which of the answer's it is, or -1.
        repeated: of each letter of the answer, which letter of the page it says once more, or -1.
        instead: by the first of some letters of the answer and that behind the last, what is printed where
        they
            should stand, though they say something else.
        inked: by unit, the ink where it should stand, of small cells that were not read.
    """

    answer: Answer
    page: Print
    place: NDArray[np.intp]
    giver: NDArray[np.intp]
    repeated: NDArray[np.intp]
    instead: dict[tuple[int, int], Spot] = field(default_factory=dict)
    inked: dict[int, Box] = field(default_factory=dict)

    def places_of(self, unit: int) -> NDArray[np.intp]:
        """Of a unit's letters, where each is, or -1."""
        span = self.answer.units[unit]
        return self.place[span.first : span.last]

    def is_equal(self, letters: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Of letters of the answer, whether each stands on the page as it was written."""
        places = self.place[letters]
        if not self.page.letters:
            return np.zeros(len(letters), np.bool_)
        return np.asarray((places >= 0) & (self.answer.codes[letters] == self.page.codes[places]))

    def agreement(self, unit: int) -> float:
        """The share of a unit's letters that stand on the page as they were written."""
        span = self.answer.units[unit]
        return float(self.is_equal(np.arange(span.first, span.last)).mean()) if span.length else 1.0

    def runs(self, letters: NDArray[np.intp] | None = None) -> Iterator[Run]:
        """The letters that have a place, in runs: of all, or of some of the answer."""
        held = np.flatnonzero(self.place >= 0) if letters is None else letters[self.place[letters] >= 0]
        if not len(held):
            return
        places, units = self.place[held], self.answer.unit_of[held]
        pieces = self.page.piece_of[places]
        breaks = (np.diff(units) != 0) | (np.diff(pieces) != 0) | (np.diff(places) <= 0)
        for part in np.split(held, np.flatnonzero(breaks) + 1):
            yield Run(int(self.answer.unit_of[part[0]]), int(self.page.piece_of[self.place[part[0]]]), part)

    def runs_of(self, unit: int) -> list[Run]:
        """Those of one unit."""
        span = self.answer.units[unit]
        return list(self.runs(np.arange(span.first, span.last)))

    def give(self, letters: NDArray[np.intp], places: NDArray[np.intp]) -> None:
        """Put letters of the answer in their places."""
        self.place[letters] = places
        self.giver[places] = letters
        self.repeated[letters] = -1

    def take_back(self, letters: NDArray[np.intp]) -> None:
        """Letters of the answer have no place any more."""
        places = self.place[letters]
        held = places[places >= 0]
        self.giver[held[np.isin(self.giver[held], letters)]] = -1
        self.place[letters] = -1

    def instead_of(self, unit: int) -> Spot | None:
        """What is printed where all of a unit should stand; None where that is not known."""
        span = self.answer.units[unit]
        return self.instead.get((span.first, span.last))

    def pair(self, start: int, end: int, spot: Spot) -> None:
        """Letters of the answer stand for letters of the page, which are given by that."""
        self.instead[start, end] = spot
        self.giver[spot.first : spot.last] = start

    def is_taken_wrongly(self, first: int, last: int) -> bool:
        """Whether all letters of the page that are given stand for letters that say something else."""
        givers = self.giver[first:last]
        return not self.is_equal(givers[givers >= 0]).all()

    def is_free(self, first: int, last: int) -> bool:
        """Whether none of some letters of the page is given."""
        return bool((self.giver[first:last] < 0).all())


def aligned(answer: Answer, prints: PagePrint) -> Placing:
    """An answer along a page, read in the order that suits it better: by rows, or column by column.

    Args:
        answer: what was written.
        prints: the page in both orders.
    """
    page = prints.by_rows
    way = way_along(answer, page)
    score = _disorder(way)
    if score > _GOOD_ORDER * len(way):
        columns = prints.by_columns
        other = way_along(answer, columns)
        if _disorder(other) < score:
            page, way = columns, other
    nothing = np.full(len(answer.letters), -1, np.intp)
    placing = Placing(answer, page, way, np.full(len(page.letters), -1, np.intp), nothing)
    if answer.letters == page.letters:
        placing.giver[way] = np.arange(len(way))
        return placing
    drop_chance(placing, placing.runs())
    give_once(placing)
    align_rest(placing)
    return placing


def _disorder(way: NDArray[np.intp]) -> float:
    """Jumps that a way takes, and a part of the letters that it leaves out."""
    steps = np.diff(way)
    both = (way[:-1] >= 0) & (way[1:] >= 0)
    jumps = both & ((steps <= 0) | (steps > _STEP))
    return float(jumps.sum() + _LEFT_OUT * (way < 0).sum())


# --- what is dropped ------------------------------------------------------------------------------


def drop_chance(placing: Placing, runs: Iterable[Run]) -> None:
    """Runs that agree no better than chance does have no place."""
    for run in list(runs):
        if not _is_sound(placing, run):
            placing.place[run.letters] = -1


def _is_sound(placing: Placing, run: Run) -> bool:
    letters, places = run.letters, placing.place[run.letters]
    same = int(placing.is_equal(letters).sum())
    span = max(int(letters[-1] - letters[0]), int(places[-1] - places[0])) + 1
    piece = placing.page.pieces[run.piece]
    shorter = min(placing.answer.units[run.unit].length, piece.last - piece.first)
    if same >= _FEWEST and same >= _DENSE * span and (same >= _SURE or same >= _PART * shorter):
        return True
    return same >= _WORDS_DENSE * span and same >= _WORDS_PART * shorter and _is_whole(placing, run)


def _is_whole(placing: Placing, run: Run) -> bool:
    """Whether a run is whole words, of the answer and of the page."""
    answer, page, piece = placing.answer, placing.page, placing.page.pieces[run.piece]
    first, last = int(placing.place[run.letters[0]]), int(placing.place[run.letters[-1]])
    begins = first == piece.first or page.is_edge(first)
    ends = last == piece.last - 1 or page.is_edge(last + 1)
    return (
        begins and ends and answer.is_edge(int(run.letters[0])) and answer.is_edge(int(run.letters[-1]) + 1)
    )


def give_once(placing: Placing) -> None:
    """Each letter of the page is given once, to the run that agrees best; what says it again is a
    repetition."""
    runs = list(placing.runs())
    worth = [int(placing.is_equal(run.letters).sum()) for run in runs]
    placing.giver[:] = -1
    for number in sorted(range(len(runs)), key=lambda number: -worth[number]):
        letters = runs[number].letters
        places = placing.place[letters]
        given = placing.giver[places] >= 0
        if given.sum() > _GIVEN * len(letters):
            placing.repeated[letters] = places
            placing.place[letters] = -1
        else:
            placing.place[letters[given]] = -1
            placing.giver[places[~given]] = letters[~given]


def _with_neighbours(placing: Placing, run: Run) -> int:
    """What it is worth that the letters before and behind stand near."""
    worth = 0
    for beside, own in ((run.letters[0] - 1, run.letters[0]), (run.letters[-1] + 1, run.letters[-1])):
        if 0 <= beside < len(placing.place) and placing.place[beside] >= 0:
            worth += _NEAR_WORTH * (abs(placing.place[own] - placing.place[beside]) <= _NEAR)
    return worth


def align_rest(placing: Placing) -> None:
    """Units that are left over are aligned with what is left of the page."""
    answer, page = placing.answer, placing.page
    without = placing.place < 0
    counts = np.bincount(answer.unit_of, weights=without, minlength=len(answer.units))
    lengths = np.bincount(answer.unit_of, minlength=len(answer.units))
    rest = np.flatnonzero(without & (counts > _MOSTLY * lengths)[answer.unit_of])
    free = np.flatnonzero(placing.giver < 0)
    if not len(rest) or not len(free):
        return
    way = align_letters(answer, page, rest, free)
    placed = rest[way >= 0]
    placing.place[placed] = free[way[way >= 0]]
    drop_chance(placing, placing.runs(placed))
    for letter in placed[placing.place[placed] >= 0]:
        if placing.giver[placing.place[letter]] >= 0:
            placing.place[letter] = -1
        else:
            placing.giver[placing.place[letter]] = letter


def give_up_strays(placing: Placing) -> bool:
    """Units that hardly agree give up the letters that they took of other lines; whether there were any."""
    freed = False
    for number, unit in enumerate(placing.answer.units):
        places = placing.places_of(number)
        if unit.length < _SHORT_UNIT or (places < 0).all():
            continue
        if placing.agreement(number) < _LEAST_AGREEMENT:
            placing.take_back(np.arange(unit.first, unit.last))
            freed = True
    return freed
