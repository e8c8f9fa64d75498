"""Where an answer and the print below it differ, run by run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

from vlm_core.evidence.placing import Placing, Run

DifferenceKind: TypeAlias = Literal["number", "sign", "text", "mark"]
POINTS = frozenset(".,")


@dataclass(frozen=True)
class Difference:
    """Letters of an answer, and those that are printed in their place; either may be none.

    Args:
        unit: of the answer.
        piece: of the page.
        start: of the answer's letters, and
        end: behind them.
        first: of the page's letters, and
        last: behind them.
        written: the answer's letters.
        printed: the page's.
        kind: what it changes.
        at_edge: whether it is the first or the last of what the unit has on the piece.
    """

    unit: int
    piece: int
    start: int
    end: int
    first: int
    last: int
    written: str
    printed: str
    kind: DifferenceKind
    at_edge: bool

    def is_at_left(self, placing: Placing) -> bool:
        """Whether it begins with the piece's first letter."""
        return self.first <= placing.page.pieces[self.piece].first

    def lines(self, placing: Placing) -> tuple[str, str]:
        """The letters of the whole piece: with what was written, and as they are printed."""
        page, piece = placing.page, placing.page.pieces[self.piece]
        before, after = page.letters[piece.first : self.first], page.letters[self.last : piece.last]
        return before + self.written + after, page.text(piece)


def differences_of_pairs(placing: Placing, unit: int) -> Iterator[Difference]:
    """The differences of those letters of a unit that stand for something that they do not say at all."""
    span = placing.answer.units[unit]
    for (start, end), spot in placing.instead.items():
        if span.first <= start < span.last:
            written, printed = placing.answer.letters[start:end], placing.page.letters[spot.first : spot.last]
            kind: DifferenceKind = "number" if _has_digit(written + printed) else "text"
            piece = int(placing.page.piece_of[spot.first])
            yield Difference(
                unit, piece, start, end, spot.first, spot.last, written, printed, kind, at_edge=True
            )


class _Reach(NamedTuple):
    """What of the answer and of a piece of the page a run accounts for."""

    run: Run
    start: int
    end: int
    first: int
    last: int


def differences(placing: Placing, unit: int) -> Iterator[Difference]:
    """All differences of a unit where some of it stands on the page, piece by piece."""
    for reach in _reaches(placing, placing.runs_of(unit)):
        yield from _of_reach(placing, reach)


def _reaches(placing: Placing, runs: list[Run]) -> Iterator[_Reach]:
    """What each run of a unit accounts for: letters between two runs belong to the one with room for them."""
    if not runs:
        return
    span = placing.answer.units[runs[0].unit]
    free = [_free_beside(placing, run) for run in runs]
    starts = [span.first]
    for number in range(1, len(runs)):
        own, before = runs[number].letters, runs[number - 1].letters
        first = int(placing.place[own[0]])
        room_before = free[number - 1][1] > placing.place[before[-1]] + 1
        room_here = free[number][0] < first
        starts.append(int(own[0]) if room_before and not room_here else int(before[-1]) + 1)
    for number, run in enumerate(runs):
        end = starts[number + 1] if number + 1 < len(runs) else span.last
        yield _Reach(run, starts[number], end, *free[number])


def _free_beside(placing: Placing, run: Run) -> tuple[int, int]:
    """A run's letters on its piece with the free ones on both sides: first, and behind the last."""
    piece = placing.page.pieces[run.piece]
    first, last = int(placing.place[run.letters[0]]), int(placing.place[run.letters[-1]]) + 1
    while first > piece.first and placing.giver[first - 1] < 0:
        first -= 1
    while last < piece.last and placing.giver[last] < 0:
        last += 1
    return first, last


_Pair = tuple[int | None, int | None]


def _of_reach(placing: Placing, reach: _Reach) -> Iterator[Difference]:
    pairs = list(_pairs(placing, reach))
    answer, page = placing.answer.letters, placing.page.letters
    number = 0
    while number < len(pairs):
        begin = number
        while number < len(pairs) and not _is_same(pairs[number], answer, page):
            number += 1
        if number > begin:
            before = pairs[begin - 1] if begin else None
            edge = begin == 0 or number == len(pairs)
            yield _difference(placing, reach, pairs[begin:number], before, at_edge=edge)
        number += 1


def _pairs(placing: Placing, reach: _Reach) -> Iterator[_Pair]:
    """Letters of both sides next to each other: of the answer, of the page, or of both."""
    at = reach.first
    paired = {letter for span in placing.instead for letter in range(*span)}
    for letter in range(reach.start, reach.end):
        place = int(placing.place[letter])
        if letter in paired:
            continue
        if not (at <= place < reach.last):
            yield letter, None
            continue
        yield from ((None, between) for between in range(at, place))
        yield letter, place
        at = place + 1
    yield from ((None, rest) for rest in range(at, reach.last))


def _is_same(pair: _Pair, answer: str, page: str) -> bool:
    letter, place = pair
    return letter is not None and place is not None and answer[letter] == page[place]


def _difference(
    placing: Placing, reach: _Reach, pairs: list[_Pair], before: _Pair | None, *, at_edge: bool
) -> Difference:
    letters = [letter for letter, _ in pairs if letter is not None]
    places = [place for _, place in pairs if place is not None]
    start = letters[0] if letters else reach.start if before is None else _after(before[0])
    first = places[0] if places else reach.first if before is None else _after(before[1])
    end = letters[-1] + 1 if letters else start
    last = places[-1] + 1 if places else first
    answer, page = placing.answer.letters, placing.page.letters
    written = "".join(answer[letter] for letter in letters)
    printed = "".join(page[place] for place in places)
    beside = (_at(answer, start - 1), _at(answer, end), _at(page, first - 1), _at(page, last))
    kind = _kind(written, printed, *beside)
    unit, piece = reach.run.unit, reach.run.piece
    return Difference(unit, piece, start, end, first, last, written, printed, kind, at_edge)


def _after(place: int | None) -> int:
    assert place is not None
    return place + 1


def _at(text: str, place: int) -> str:
    return text[place] if 0 <= place < len(text) else " "


def _kind(
    written: str, printed: str, before: str, after: str, printed_before: str, printed_after: str
) -> DifferenceKind:
    """What a difference changes, by its letters and those of both sides around it."""
    both = written + printed
    if _has_digit(both):
        return "number"
    between_digits = (before.isdigit() and after.isdigit()) or (
        printed_before.isdigit() and printed_after.isdigit()
    )
    if between_digits and not POINTS.isdisjoint(both):
        return "number"
    if "-" in both and after.isdigit() and not before.isdigit():
        return "sign"
    return "text" if any(letter.isalpha() for letter in both) else "mark"


def _has_digit(text: str) -> bool:
    return any(letter.isdigit() for letter in text)
