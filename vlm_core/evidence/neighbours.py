"""Places by what stands beside: for texts that stand several times, and for those that stand otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlm_core.evidence.placing import Placing, Spot
from vlm_core.evidence.printed import Print

# Letters of the answer within which a neighbour with a place is looked for.
_REACH = 120
# Distances are in heights of the print. To go on in a row costs so much for each height off the baseline,
# each height to the right, and for a step back to the left.
_OFF_ROW, _ALONG_ROW, _BACK = 3.0, 0.05, 3.0
# To go on in the line below costs so much for each height off, each height to the side, as such, and for a
# step upwards.
_LINE_STEP, _OFF_LINE, _OFF_COLUMN, _NEW_LINE, _UP = 1.3, 0.7, 0.15, 1.0, 3.0
# A text of one or two letters is like so many others that it must stand no further from its neighbours.
_SHORT, _FARTHEST = 3, 6.0
# Letters of a unit that may be moved to where the same stands, and how far, in heights.
_MOVABLE, _MOVED = range(2, 15), 6.0
# Letters from which a text that is said once more is a repetition, and not another text that is alike.
_LONG_TEXT = 8
# Of words that stand otherwise in their row: letters at most, and how far the lengths may differ.
_LONGEST_NUMBER, _LENGTHS = 12, (0.4, 2.5)
# Pixels that what stands between two neighbours may reach into them.
_OVERLAP = 4.0
_DIGITS_WORTH, _INSIDE_WORTH, _STEP_COST = 0.2, 0.3, 0.05
# What each height of distance from its neighbours takes from a word's likeness.
_FAR = 0.01
# How like a line must be to be the one that a unit stands for: anywhere, near by, or as the only one there.
_LIKE, _LIKE_NEAR, _LIKE_BETWEEN = 0.55, 0.3, 0.15
_NEAR, _BESIDE = 4, 2
_HALF_TO_TWICE = (0.5, 2.0)


def place_equal_texts(placing: Placing) -> None:
    """Runs of letters without a place go where the same text stands free, nearest to their neighbours."""
    for first, last in list(_without_place(placing)):
        for start, end in _tries(placing, first, last):
            if (placing.place[start:end] >= 0).any():
                continue
            _place_equal(placing, start, end)


def _without_place(placing: Placing) -> Iterator[tuple[int, int]]:
    """Runs of letters of one unit that have no place."""
    loose = np.flatnonzero(placing.place < 0)
    if len(loose):
        breaks = (np.diff(loose) != 1) | (np.diff(placing.answer.unit_of[loose]) != 0)
        for part in np.split(loose, np.flatnonzero(breaks) + 1):
            yield int(part[0]), int(part[-1]) + 1


def _tries(placing: Placing, first: int, last: int) -> Iterator[tuple[int, int]]:
    """A run as a whole, then its words."""
    yield first, last
    inner = [letter for letter in range(first + 1, last) if placing.answer.word_starts[letter]]
    cuts = [first, *inner, last]
    if inner:
        yield from pairwise(cuts)


def _place_equal(placing: Placing, first: int, last: int) -> None:
    answer, page = placing.answer, placing.page
    text = answer.letters[first:last]
    if not any(letter.isalnum() for letter in text) or not answer.is_edge(first) or not answer.is_edge(last):
        return
    spots = [
        Spot(start, end)
        for start, end in page.found(text)
        if page.is_edge(start) and page.is_edge(end) and placing.is_free(start, end)
    ]
    if not spots:
        return
    before, after = _neighbours(placing, first, last)
    costs = [_distance(placing, spot, before, after) for spot in spots]
    best = int(np.argmin(costs))
    if last - first < _SHORT and costs[best] > _FARTHEST:
        return
    placing.give(np.arange(first, last), np.arange(spots[best].first, spots[best].last))


def _neighbours(placing: Placing, first: int, last: int) -> tuple[int | None, int | None]:
    """The letters of the page that stand for what is written before and behind."""
    before = placing.place[max(0, first - _REACH) : first]
    after = placing.place[last : last + _REACH]
    held_before, held_after = before[before >= 0], after[after >= 0]
    return (
        int(held_before[-1]) if len(held_before) else None,
        int(held_after[0]) if len(held_after) else None,
    )


def _distance(placing: Placing, spot: Spot, before: int | None, after: int | None) -> float:
    """How far a spot is from where its neighbours let it be expected."""
    centres, height = placing.page.centres, placing.page.height
    begins, ends = centres[spot.first], centres[spot.last - 1]
    costs = []
    for neighbour, nearest, sign in ((before, begins, 1.0), (after, ends, -1.0)):
        if neighbour is not None:
            right, down = ((nearest - centres[neighbour]) * sign / height).tolist()
            sides = np.abs(np.array([begins[0], ends[0]]) - centres[neighbour, 0]) / height
            costs.append(cost_of_step(right, down, min(abs(right), float(sides.min()))))
    return sum(costs) / max(1, len(costs))


def cost_of_step(right: float, down: float, aside: float) -> float:
    """What it costs to go on so far to the right and down: in the same row, or in the line below."""
    in_row = _OFF_ROW * abs(down) + _ALONG_ROW * max(right, 0.0) + (_BACK if right < 0 else 0.0)
    below = _OFF_LINE * abs(down - _LINE_STEP) + _OFF_COLUMN * aside + _NEW_LINE
    return min(in_row, below + (_UP if down < 0 else 0.0))


def free_misfits(placing: Placing) -> bool:
    """Short units that fit badly where they are, while the same stands near by, are set free; with them those
    that fit badly there."""
    freed = False
    for number, unit in enumerate(placing.answer.units):
        if unit.length not in _MOVABLE:
            continue
        letters = np.arange(unit.first, unit.last)
        places = placing.place[letters]
        held = places[places >= 0]
        if not len(held) or (placing.is_equal(letters).all() and _is_whole_word(placing, held)):
            continue
        spot = _same_near(placing, placing.answer.letters_of(number), held)
        if spot is not None:
            placing.take_back(letters)
            givers = placing.giver[spot.first : spot.last]
            placing.take_back(np.unique(givers[givers >= 0]))
            freed = True
    return freed


def _is_whole_word(placing: Placing, places: NDArray[np.intp]) -> bool:
    page = placing.page
    return page.is_edge(int(places[0])) and page.is_edge(int(places[-1]) + 1)


def _same_near(placing: Placing, text: str, held: NDArray[np.intp]) -> Spot | None:
    """Where a text stands as a whole word, free or held by what says something else, not far away."""
    page = placing.page
    for first, last in page.found(text):
        whole = page.begins_word(first) and page.begins_word(last)
        if not whole or not (placing.is_free(first, last) or placing.is_taken_wrongly(first, last)):
            continue
        off = np.abs(page.centres[held, 1] - page.centres[first, 1]).min() / page.height
        if off <= _MOVED:
            return Spot(first, last)
    return None


# --- what stands there instead ----------------------------------------------------------------------


class _Candidate(NamedTuple):
    likeness: float
    spot: Spot


def pair_by_place(placing: Placing) -> None:
    """Letters without a place are paired with what stands where they should: a number changed whole, say."""
    loose = [number for number in range(len(placing.answer.units)) if _is_loose(placing, number)]
    for number in loose:
        span = placing.answer.units[number]
        _pair_best(placing, span.first, span.last, _words_in_row(placing, number))
    for number in loose:
        if placing.instead_of(number) is None and not said_before(placing, number):
            span = placing.answer.units[number]
            _pair_best(placing, span.first, span.last, _lines_near(placing, number))
    for first, last in list(_without_place(placing)):
        unit = placing.answer.units[placing.answer.unit_of[first]]
        if (first, last) != (unit.first, unit.last):
            _pair_best(placing, first, last, _words_beside(placing, first, last))


def _pair_best(placing: Placing, first: int, last: int, candidates: Iterator[_Candidate]) -> None:
    best = max(candidates, default=None)
    if best is not None:
        placing.pair(first, last, best.spot)


def said_before(placing: Placing, number: int) -> bool:
    """Whether a unit says what another one says that has its place."""
    text = placing.answer.letters_of(number)
    if len(text) < _LONG_TEXT:
        return False
    return any(
        other != number and placing.answer.letters_of(other) == text and (placing.places_of(other) >= 0).all()
        for other in range(len(placing.answer.units))
    )


def _is_loose(placing: Placing, number: int) -> bool:
    unit = placing.answer.units[number]
    span = slice(unit.first, unit.last)
    return bool(unit.length and (placing.place[span] < 0).all() and not (placing.repeated[span] >= 0).all())


def _words_in_row(placing: Placing, number: int) -> Iterator[_Candidate]:
    """Free words of the printed row, between those that stand for the unit's neighbours in its line."""
    text = placing.answer.letters_of(number)
    if len(text) <= _LONGEST_NUMBER and _has_alnum(text):
        yield from _between(placing, text, *_in_line(placing, number))


def _words_beside(placing: Placing, first: int, last: int) -> Iterator[_Candidate]:
    """Free words between those that stand for what is written in the same unit before and behind."""
    answer = placing.answer
    text = answer.letters[first:last]
    if (
        len(text) > _LONGEST_NUMBER
        or not _has_alnum(text)
        or not (answer.is_edge(first) and answer.is_edge(last))
    ):
        return
    unit = answer.units[answer.unit_of[first]]
    before, after = placing.place[unit.first : first], placing.place[last : unit.last]
    left = int(before[-1]) if len(before) and before[-1] >= 0 else None
    right = int(after[0]) if len(after) and after[0] >= 0 else None
    yield from _between(placing, text, left, right)


def _between(placing: Placing, text: str, left: int | None, right: int | None) -> Iterator[_Candidate]:
    """Free words of a printed row between two letters of the page, like enough to be what a text stands
    for."""
    beside = [letter for letter in (left, right) if letter is not None]
    if not beside:
        return
    page = placing.page
    rows = {page.piece(letter).line.row for letter in beside}
    start = -np.inf if left is None else float(page.boxes[left, 2])
    end = np.inf if right is None else float(page.boxes[right, 0])
    for first, last in _free_words(placing, rows):
        printed = page.letters[first:last]
        middle = (page.boxes[first, 0] + page.boxes[last - 1, 2]) / 2
        fits = _LENGTHS[0] <= len(printed) / len(text) <= _LENGTHS[1] and _has_alnum(printed)
        likeness = _likeness(text, printed)
        alike = likeness > 0 or _has_digit(text) or _has_digit(printed)
        if fits and alike and start - _OVERLAP <= middle <= end + _OVERLAP:
            worth = likeness + (_DIGITS_WORTH if _has_digit(text) and _has_digit(printed) else 0.0)
            yield _Candidate(worth - _FAR * _gap(page, beside, first, last), Spot(first, last))


def _gap(page: Print, beside: list[int], first: int, last: int) -> float:
    """How far a word is from the nearer of its neighbours, in heights."""
    centres = page.centres
    gaps = [
        min(
            abs(float(centres[first, 0] - centres[letter, 0])),
            abs(float(centres[last - 1, 0] - centres[letter, 0])),
        )
        for letter in beside
    ]
    return min(gaps) / page.height


def _in_line(placing: Placing, number: int) -> tuple[int | None, int | None]:
    """Letters of the page for what is written in the same line before and behind a unit."""
    units = placing.answer.units
    line = units[number].line
    left = right = None
    for other in range(number - 1, -1, -1):
        if units[other].line != line:
            break
        held = placing.places_of(other)
        if (held >= 0).any():
            left = int(held[held >= 0][-1])
            break
    for other in range(number + 1, len(units)):
        if units[other].line != line:
            break
        held = placing.places_of(other)
        if (held >= 0).any():
            right = int(held[held >= 0][0])
            break
    return left, right


def _free_words(placing: Placing, rows: set[int]) -> Iterator[tuple[int, int]]:
    page = placing.page
    for piece in page.pieces:
        if piece.line.row not in rows:
            continue
        starts = [letter for letter in range(piece.first, piece.last) if page.begins_word(letter)]
        for first, last in zip(starts or [piece.first], [*starts[1:], piece.last], strict=False):
            if placing.is_free(first, last):
                yield first, last


def _lines_near(placing: Placing, number: int) -> Iterator[_Candidate]:
    """Free lines that are like the unit, or stand where it should."""
    text = placing.answer.letters_of(number)
    before, after = _rank_before(placing, number), _rank_after(placing, number)
    for rank, piece in enumerate(placing.page.pieces):
        if not placing.is_free(piece.first, piece.last):
            continue
        printed = placing.page.text(piece)
        distances = [abs(rank - other) for other in (before, after) if other is not None]
        near = min(distances, default=99)
        inside = (before is None or rank > before) and (after is None or rank < after)
        likeness = _likeness(text, printed)
        beside = (
            inside and near <= _BESIDE and _HALF_TO_TWICE[0] <= len(printed) / len(text) <= _HALF_TO_TWICE[1]
        )
        both_numbers = _is_number(text) and _is_number(printed)
        if (
            likeness >= _LIKE
            or (likeness >= _LIKE_NEAR and near <= _NEAR)
            or (beside and (both_numbers or likeness >= _LIKE_BETWEEN))
        ):
            worth = likeness + (_INSIDE_WORTH if inside else 0.0) - _STEP_COST * near
            yield _Candidate(worth, Spot(piece.first, piece.last))


def _rank_before(placing: Placing, number: int) -> int | None:
    """Which piece of the page the nearest unit before stands on."""
    first = placing.answer.units[number].first
    held = np.flatnonzero(placing.place[:first] >= 0)
    return int(placing.page.piece_of[placing.place[held[-1]]]) if len(held) else None


def _rank_after(placing: Placing, number: int) -> int | None:
    last = placing.answer.units[number].last
    held = np.flatnonzero(placing.place[last:] >= 0)
    return int(placing.page.piece_of[placing.place[last + held[0]]]) if len(held) else None


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one, other, autojunk=False).ratio()


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)


def _has_alnum(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def _is_number(text: str) -> bool:
    return _has_digit(text) and not any(letter.isalpha() for letter in text)
