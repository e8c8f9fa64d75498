"""One value held against a page: where it stands, whether it does, and what stands there instead.

What is asked of a value is not what is asked of a page's text. A value may be a part of a line, and not of a
word. It stands in one place: letters put together from several are none. A number and a date are the same
however they are written. And an amount that stands on the page may still be another one than was wanted,
which only the words beside it tell.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from difflib import SequenceMatcher
from functools import cached_property
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from vlm_core.evidence.answer import Answer, answer_of
from vlm_core.evidence.boxes import boxes_of
from vlm_core.evidence.differences import POINTS, Difference, differences, differences_of_pairs
from vlm_core.evidence.judging import Judge, Verdict, is_accent
from vlm_core.evidence.labels import Label, label_of
from vlm_core.evidence.numbers_and_dates import (
    DateIn,
    NumberIn,
    amounts,
    date_of,
    date_written_like,
    dates_in,
    numbers_in,
    order_of,
    written_like,
)
from vlm_core.evidence.place import placed
from vlm_core.evidence.places import beside
from vlm_core.evidence.placing import Placing
from vlm_core.evidence.printed import PagePrint, Piece, Print
from vlm_core.evidence.standing import Standing
from vlm_core.ocr.folding import folded
from vlm_core.ocr.printed_page import PrintedPage
from vlm_core.types import Box, PageState
from vlm_core.types.evidence import EvidenceStatus

MOST_PLACES = 50
"""Of one value on a page: of "0.00" in a long table, those that come first."""

# Letters of a text from which it may begin or end within a printed word: engines join words.
_MAY_CUT = 8
# Letters of the page between two of a value that follow each other, at most: another column's line.
_GAP = 45
# Letters within a word that the page has and the value lacks, at most, for the word to be in one place.
_GAP_IN_WORD = 3
# Letters at a line's end that the value lacks, at most, where it goes on in another line.
_REST = 2
# The share of a value's letters that must stand in a place, for something else to stand there instead.
_AKIN = 0.5
# Numbers and dates of a page that are tried for one that was not found, and what of them must be alike.
_MOST_TRIED, _ALIKE = 8, 0.4
# Times the height of a line: how far the middles of two lines of one row are apart.
_ROW = 0.55
# Times the height: what could not be read must be so wide a part of what the value would take, to hold it.
_LETTER, _ROOM = 0.45, 0.6
# The share of a value's letters in a script that the engine reads, for it to be judged.
_LEGIBLE = 0.5


class Sought(NamedTuple):
    """A value that is looked for.

    Args:
        text: as it was written.
        numbers: what it may be as a number; empty where it is a text.
        day_first: what it is as a date where the day comes before the month; also where their order is plain.
        month_first: what it is where the month comes first.
        role: which amount it is to be: "total", "tax" and so on; None where any will do.
    """

    text: str
    numbers: frozenset[Decimal] = frozenset()
    day_first: date | None = None
    month_first: date | None = None
    role: str | None = None

    @property
    def is_date(self) -> bool:
        """Whether it may be a date."""
        return self.day_first is not None or self.month_first is not None


def sought(value: object, role: str | None = None) -> Sought:
    """A value of an answer as it is looked for.

    Args:
        value: a text, a number or a date.
        role: see `Sought`.

    Example:
        >>> sought("12/03/2018").day_first, sought("2018-03-12").month_first
        (datetime.date(2018, 3, 12), datetime.date(2018, 3, 12))
    """
    found = date_of(value)
    if found is None:
        return Sought(str(value), amounts(value), role=role)
    return Sought(str(value), day_first=found.day_first, month_first=found.month_first, role=role)


class _Token(NamedTuple):
    """A number or a date of a page."""

    first: int
    last: int
    piece: int
    text: str
    said: NumberIn | DateIn

    @property
    def is_amount(self) -> bool:
        """Whether it is written as sums of money are."""
        return (
            isinstance(self.said, NumberIn)
            and not self.said.is_percent
            and any(map(self.text.__contains__, ".,"))
        )

    def says(self, numbers: frozenset[Decimal]) -> bool:
        """Whether it may be one of some numbers."""
        return isinstance(self.said, NumberIn) and self.said.says(numbers)


@dataclass(frozen=True, eq=False)
class FieldPage:
    """A page on which values are looked for, any number of them.

    Args:
        printed: as the local engine read it closely, or a PDF has it.
        order: of day and month in its dates, where another page of the document tells.
    """

    printed: PrintedPage
    order: str = ""
    _texts: dict[int, tuple[str, list[int]]] = field(default_factory=dict)
    _labels: dict[int, Label] = field(default_factory=dict)

    @cached_property
    def prints(self) -> PagePrint:
        """Its letters in both orders."""
        return PagePrint(self.printed.lines)

    @property
    def print(self) -> Print:
        """Its letters in reading order."""
        return self.prints.by_rows

    @cached_property
    def own_order(self) -> str:
        """Of day and month, if one of its dates tells."""
        return order_of(line.text for line in self.printed.lines)

    @cached_property
    def numbers(self) -> list[_Token]:
        """All numbers on it."""
        return list(self._tokens(numbers_in))

    def numbers_of(self, wanted: Iterable[Decimal]) -> list[_Token]:
        """The numbers on it that may be read as one of some others, in their order."""
        found = {token.first: token for number in wanted for token in self._by_reading.get(number, ())}
        return [found[first] for first in sorted(found)]

    @cached_property
    def _by_reading(self) -> dict[Decimal, list[_Token]]:
        by_reading: dict[Decimal, list[_Token]] = defaultdict(list)
        for token in self.numbers:
            assert isinstance(token.said, NumberIn)
            percents = {reading / 100 for reading in token.said.readings if token.said.is_percent}
            for reading in token.said.readings | percents:
                by_reading[reading].append(token)
        return by_reading

    @cached_property
    def dates(self) -> list[_Token]:
        """All dates on it."""
        return list(self._tokens(dates_in))

    def _tokens(self, find: Callable[[str], Iterator[NumberIn] | Iterator[DateIn]]) -> Iterator[_Token]:
        for number in range(len(self.print.pieces)):
            text, places = self.text_of(number)
            for said in find(text):
                inside = [place for place in places[said.start : said.end] if place >= 0]
                yield _Token(inside[0], inside[-1] + 1, number, text[said.start : said.end], said)

    def text_of(self, number: int) -> tuple[str, list[int]]:
        """A piece's text with its blanks, and of each character which of the page's letters it is."""
        if number not in self._texts:
            page, piece = self.print, self.print.pieces[number]
            text = ""
            places: list[int] = []
            for letter in range(piece.first, piece.last):
                if letter > piece.first and page.begins_word(letter):
                    text, places = text + " ", [*places, -1]
                shown = page.originals[letter]
                text, places = text + shown, places + [letter] * len(shown)
            self._texts[number] = text, places
        return self._texts[number]

    def row_of(self, piece: Piece) -> list[Piece]:
        """The pieces in one row with one, from left to right."""
        middle, reach = _middle(piece), _ROW * self._tallest
        first, last = bisect_left(self._levels, middle - reach), bisect_right(self._levels, middle + reach)
        row = [
            other
            for other in self._downwards[first:last]
            if abs(_middle(other) - middle) < _ROW * max(piece.height, other.height)
        ]
        return sorted(row, key=lambda other: other.line.box[0])

    @cached_property
    def _downwards(self) -> list[Piece]:
        """Its pieces from the top down."""
        return sorted(self.print.pieces, key=_middle)

    @cached_property
    def _levels(self) -> list[float]:
        return [_middle(piece) for piece in self._downwards]

    @cached_property
    def _tallest(self) -> float:
        return max((piece.height for piece in self.print.pieces), default=0.0)

    def label_at(self, first: int) -> Label:
        """The words that call the amount which begins with a letter: those in front of it in its row.

        They end at the amount before it.
        """
        if first not in self._labels:
            self._labels[first] = self._label_at(first)
        return self._labels[first]

    @cached_property
    def has_amounts(self) -> bool:
        """Whether sums of money are on it."""
        return any(token.is_amount for token in self.numbers)

    def amounts_called(self, role: str) -> list[_Token]:
        """The amounts whose label is that of a role."""
        return [
            token for token in self.numbers if token.is_amount and self.label_at(token.first).is_for(role)
        ]

    def _label_at(self, first: int) -> Label:
        own = self.print.piece(first)
        parts: list[str] = []
        for piece in self.row_of(own):
            if piece.line.box[0] > own.line.box[0] and piece is not own:
                break
            number = int(self.print.piece_of[piece.first])
            text, places = self.text_of(number)
            if piece is own:
                text = text[: places.index(first)]
            cut = max((said.end for said in numbers_in(text) if _is_amount(text, said)), default=0)
            parts = [*([] if cut else parts), text[cut:]]
        if self._is_one_of_several(first):
            return Label(" ".join(parts), ())  # a table's row, whose words call none of its amounts
        return label_of([part for part in parts if any(map(str.isalpha, part))])

    def _is_one_of_several(self, first: int) -> bool:
        """Whether another amount stands beside one, with no words between."""
        own = self.print.piece(first)
        row: list[str] = []
        for piece in self.row_of(own):
            number = int(self.print.piece_of[piece.first])
            text, places = self.text_of(number)
            said = [found for found in numbers_in(text) if _is_amount(text, found)]
            at = 0
            for found in said:
                row += ["words"] if _WORD.search(text[at : found.start]) else []
                row.append("own" if first in places[found.start : found.end] else "amount")
                at = found.end
            row += ["words"] if _WORD.search(text[at:]) else []
        place = row.index("own") if "own" in row else 0
        return "amount" in row[max(0, place - 1) : place + 2]

    def boxes(self, first: int, last: int) -> tuple[Box, ...]:
        """The boxes of letters, one a printed line, drawn in to the ink."""
        page, found = self.print, []
        pieces = page.piece_of[first:last]
        for _, group in groupby(
            range(first, last), key=lambda letter: page.pieces[pieces[letter - first]].line.number
        ):
            letters = list(group)
            box = page.box(letters[0], letters[-1] + 1)
            found.append(box if self.printed.pixels is None else self.printed.pixels.tightened(box))
        return tuple(found)


def _middle(piece: Piece) -> float:
    return (piece.line.box[1] + piece.line.box[3]) / 2


# Words that call an amount; a currency does not.
_WORD = re.compile(r"[^\W\d_]{4,}")


def _is_amount(text: str, said: NumberIn) -> bool:
    """Whether a number is an amount of its own, and not a part of the words, as a rate or a count is."""
    return not said.is_percent and any(sign in text[said.start : said.end] for sign in ".,")


def places_of(value: Sought, page: FieldPage) -> list[Standing]:
    """The places where a value stands on a page, as it is written or by what it says.

    Args:
        value: that is looked for.
        page: on which.
    """
    if not _letters(value.text):
        return []
    spots = [*_as_written(value, page), *_by_value(value, page)]
    return _each_once(spots[:MOST_PLACES], page, value)


def standing_instead(value: Sought, page: FieldPage) -> Standing:
    """What stands on a page in place of a value that was not read there, or that the pixels allow it.

    Args:
        value: that has no place on the page.
        page: on which.
    """
    if not _letters(value.text) or not _is_legible(value.text, page):
        return Standing("not_checked")
    return _judged(value, page)


def _letters(text: str) -> str:
    return "".join(map(folded, text))


def _is_legible(text: str, page: FieldPage) -> bool:
    letters, known = [letter for letter in _letters(text) if letter.isalnum()], page.printed.alphabet
    return not known or not letters or sum(letter in known for letter in letters) >= _LEGIBLE * len(letters)


# --- what stands there ------------------------------------------------------------------------------------


class _Spot(NamedTuple):
    first: int
    last: int
    status: EvidenceStatus = "exact"
    is_open: bool = False


def _each_once(spots: Iterable[_Spot], page: FieldPage, value: Sought) -> list[Standing]:
    once: dict[int, _Spot] = {}
    for spot in spots:
        once.setdefault(spot.first, spot)
    return [
        Standing(
            spot.status,
            page.print.shown(spot.first, spot.last),
            page.boxes(spot.first, spot.last),
            1.0,
            label=page.label_at(spot.first) if value.numbers else Label("", ()),
            is_open=spot.is_open,
        )
        for spot in once.values()
    ]


def _as_written(value: Sought, page: FieldPage) -> Iterator[_Spot]:
    """The places where it stands letter by letter, whole words or numbers."""
    letters, text = _letters(value.text), page.print.letters
    at = text.find(letters)
    while at >= 0:
        last = at + len(letters)
        is_whole = _is_whole_number if value.numbers or value.is_date else _is_whole_text
        if is_whole(page.print, at, last):
            yield _Spot(at, last)
        at = text.find(letters, at + 1)


def _is_whole_text(page: Print, first: int, last: int) -> bool:
    cuts = [edge for edge in (first, last) if not page.is_edge(edge)]
    if not cuts:
        return True
    # Engines join words; never digits.
    return last - first >= _MAY_CUT and not any(
        page.letters[edge - 1].isdigit() and page.letters[edge].isdigit() for edge in cuts
    )


def _is_whole_number(page: Print, first: int, last: int) -> bool:
    if page.piece_of[first] != page.piece_of[last - 1]:
        return False
    piece, letters = page.piece(first), page.letters
    if first > piece.first and page.word_of[first - 1] == page.word_of[first]:
        before = letters[first - 1]
        if before.isdigit() or (
            before in POINTS and first - 1 > piece.first and letters[first - 2].isdigit()
        ):
            return False
    if last < piece.last and page.word_of[last] == page.word_of[last - 1]:
        after = letters[last : last + 2]
        return not (
            after[0].isdigit() or (after[0] in POINTS and after[1:].isdigit() and last + 1 < piece.last)
        )
    return True


def _by_value(value: Sought, page: FieldPage) -> Iterator[_Spot]:
    """The places where a number or a date says the same, however it is written."""
    either = value.numbers | {-number for number in value.numbers}
    # A sum is not a count or a rate that is the same.
    is_sum = value.role is not None and page.has_amounts
    for token in page.numbers_of(either):
        assert isinstance(token.said, NumberIn)
        if is_sum and not token.is_amount:
            continue
        if token.says(value.numbers):
            yield _Spot(token.first, token.last)
        elif not token.said.readings.isdisjoint(either):  # a discount may be written without its minus
            yield _Spot(token.first, token.last, "close")
    for token in page.dates if value.is_date else ():
        assert isinstance(token.said, DateIn)
        said = token.said.in_order(page.own_order or page.order)
        # Both are read in one order: "05/12" is not "12/05", whichever of day and month comes first.
        alike = [
            one is not None and one == other for one, other in zip(said, _as_said(value, said), strict=True)
        ]
        if any(alike):
            is_open = not all(alike) and None not in said and said[0] != said[1]
            yield _Spot(token.first, token.last, "close" if is_open else "exact", is_open)


def _as_said(value: Sought, said: tuple[date | None, date | None]) -> tuple[date | None, date | None]:
    """A date in the orders in which the page's may be read; in its own where that is plain."""
    day_first, month_first = value.day_first, value.month_first
    if day_first is None or month_first is None:
        plain = day_first or month_first
        return plain, plain
    return (day_first if said[0] else None), (month_first if said[1] else None)


# --- what does not ----------------------------------------------------------------------------------------


def _judged(value: Sought, page: FieldPage) -> Standing:
    """A value that the engine did not read: whether the pixels allow it, and what stands there instead."""
    if not page.print.letters:
        return Standing("not_checked" if page.printed.result.state is not PageState.BLANK else "not_found")
    tried = list(_tried(value, page))
    for _, standing in tried:
        if standing.is_found:
            return standing
    aligned = _Aligned(value, page).standing()
    if aligned.is_found:
        return aligned
    if tried:
        return max(tried, key=lambda pair: pair[0])[1]
    if aligned.status == "not_found" and _could_stand_unread(value, page.printed):
        return Standing("not_checked")
    return aligned


def _tried(value: Sought, page: FieldPage) -> Iterator[tuple[float, Standing]]:
    """Numbers or dates that are like the value: each with how much, and whether it may be what is printed."""
    for token, written in _likest(value, page):
        letters = _letters(written)
        verdict = _verdict(page, token, letters)
        printed = page.print.letters[token.first : token.last]
        label = page.label_at(token.first) if value.numbers else Label("", ())
        is_own = value.role is not None and label.is_for(value.role)
        likeness = SequenceMatcher(None, letters, printed, autojunk=False).ratio()
        yield (
            likeness + is_own,
            Standing(
                "contradicted" if verdict.stands else "close",
                page.print.shown(token.first, token.last),
                page.boxes(token.first, token.last),
                round(likeness, 4),
                verdict.score,
                label,
            ),
        )


def _likest(value: Sought, page: FieldPage) -> list[tuple[_Token, str]]:
    """The tokens that are most like a value or of its role, and it as each of them is written."""
    tokens = page.numbers if value.numbers else page.dates if value.is_date else []
    weighed = []
    for token in tokens:
        if value.numbers:
            written = written_like(abs(min(value.numbers)), token.text)
        else:
            written = _date_like(value, token.text)
        printed = page.print.letters[token.first : token.last]
        is_own = value.role is not None and page.label_at(token.first).is_for(value.role)
        matcher = SequenceMatcher(None, _letters(written), printed, autojunk=False)
        # Two upper bounds, which cost little, come first: a page may have a thousand numbers.
        if not (is_own or value.is_date) and min(matcher.real_quick_ratio(), matcher.quick_ratio()) < _ALIKE:
            continue
        likeness = matcher.ratio()
        if likeness >= _ALIKE or is_own or value.is_date:
            weighed.append((likeness + is_own, token, written))
    weighed.sort(key=lambda each: -each[0])
    return [(token, written) for _, token, written in weighed[:_MOST_TRIED]]


def _date_like(value: Sought, pattern: str) -> str:
    """A date as another one is written; as it is where day and month may be either."""
    plain = value.day_first if value.day_first == value.month_first or value.month_first is None else None
    plain = plain or (value.month_first if value.day_first is None else None)
    return value.text if plain is None else date_written_like(plain, pattern)


def _verdict(page: FieldPage, token: _Token, letters: str) -> Verdict:
    """Whether letters may stand in the place of a number or a date, by what the recogniser thought."""
    printed = page.print.letters[token.first : token.last]
    # A point more or less is not a number more or less: the alignment looks for it in the pixels.
    difference = Difference(
        0, token.piece, 0, len(letters), token.first, token.last, letters, printed, "number", at_edge=False
    )
    return Judge(_nothing_placed(page.print), page.printed.pixels).weighed(difference)


def _nothing_placed(page: Print) -> Placing:
    free, none = np.full(len(page.letters), -1, np.intp), np.full(0, -1, np.intp)
    return Placing(answer_of(""), page, none, free, none)


def _could_stand_unread(value: Sought, printed: PrintedPage) -> bool:
    """Whether something on the page could not be read that has room for a value."""
    if printed.result.unread:
        return True
    count = len(_letters(value.text))
    return any(box[2] - box[0] >= _ROOM * _LETTER * count * (box[3] - box[1]) for box in printed.illegible)


class _Aligned:
    """A value along the page, as an answer of one line is."""

    def __init__(self, value: Sought, page: FieldPage) -> None:
        self.value, self.page = value, page
        self.answer: Answer = answer_of(_without_markup(value.text))
        self.placing = placed(self.answer, page.prints)
        self.judge = Judge(self.placing, page.printed.pixels)

    def standing(self) -> Standing:
        """Whether it stands there, and what does if not."""
        letters = np.arange(len(self.answer.letters))
        places = self.placing.place
        if not len(letters) or (places < 0).all():
            return Standing("not_found")
        agreement = float(self.placing.is_equal(letters).mean())
        boxes = tuple(box for _, box in boxes_of(self.placing, letters, self.page.printed.pixels))
        worst, stands = self._differences()
        held = places[places >= 0]
        is_part = bool(self.value.numbers) and not _is_whole_number(
            self.placing.page, int(held.min()), int(held.max()) + 1
        )
        if stands or is_part or not self._is_in_one_place():
            if agreement < _AKIN:
                return Standing("not_found", agreement=round(agreement, 4))
            return Standing("contradicted", self._shown(), boxes, round(agreement, 4), worst)
        label = self.page_label(int(held[0])) if self.value.numbers else Label("", ())
        return Standing("close", self._shown(), boxes, round(agreement, 4), worst, label)

    def page_label(self, letter: int) -> Label:
        """The words in front of the letter; the alignment may have the lines in another order."""
        line = self.placing.page.piece(letter).line
        for number, piece in enumerate(self.page.print.pieces):
            if piece.line is line:
                offset = letter - self.placing.page.piece(letter).first
                return self.page.label_at(self.page.print.pieces[number].first + offset)
        return Label("", ())

    def _differences(self) -> tuple[float, bool]:
        """The score of what speaks most against it, and whether it stands."""
        worst, stands = 0.0, False
        for unit in range(len(self.answer.units)):
            if (self.placing.places_of(unit) < 0).all():
                return worst, True
            for difference in (*differences(self.placing, unit), *differences_of_pairs(self.placing, unit)):
                if self._is_nothing(difference):
                    continue
                verdict = self.judge.weighed(difference)
                if verdict.stands and not self._is_seen_beside(difference):
                    worst, stands = min(worst, verdict.score), True
        return worst, stands

    def _is_nothing(self, difference: Difference) -> bool:
        """Whether a difference is none of the value: signs, accents, or the rest of its line."""
        if difference.kind == "mark" or is_accent(difference) or self.judge.is_excused_point(difference):
            return True
        if (
            difference.written in POINTS
            and not difference.printed
            and self.answer.begins_word(difference.end)
        ):
            return True  # a sign of the sentence, where a line ends
        if not difference.at_edge or difference.written or not difference.printed:
            return False
        page, is_left = self.placing.page, difference.is_at_left(self.placing)
        if not page.is_edge(difference.last if is_left else difference.first):
            return False
        # In the middle of a value nothing is passed over but another column.
        goes_on = difference.start > 0 if is_left else difference.end < len(self.answer.letters)
        return not goes_on or len(difference.printed) <= _REST

    def _is_seen_beside(self, difference: Difference) -> bool:
        """Whether the rest of a value is seen beside the line, where the engine had found nothing."""
        if not difference.at_edge or difference.printed or not difference.written:
            return False
        place = beside(self.placing, difference, float(self.page.printed.result.width))
        return place is not None and self.judge.seen_in(difference.written, place) == "read"

    def _is_in_one_place(self) -> bool:
        """Whether its letters follow each other on the page, those of a word in one line."""
        answer, page, places = self.answer, self.placing.page, self.placing.place
        held = np.flatnonzero(places >= 0)
        for letter, following in pairwise(held):
            step = int(places[following] - places[letter])
            if abs(step) > _GAP:
                return False
            if following != letter + 1 or answer.begins_word(int(following)):
                continue
            is_near = (
                0 < step <= _GAP_IN_WORD and page.piece_of[places[letter]] == page.piece_of[places[following]]
            )
            is_of_word = answer.letters[letter].isalnum() and answer.letters[following].isalnum()
            if not is_near and (is_of_word or self.value.numbers or self.value.is_date):
                return False
        return True

    def _shown(self) -> str:
        """The words of the page that it stands on, line by line."""
        page, parts = self.placing.page, []
        held = sorted(int(place) for place in self.placing.place if place >= 0)
        for _, group in groupby(held, key=lambda place: page.piece_of[place]):
            places = list(group)
            piece = page.piece(places[0])
            first, last = page.word(places[0], places[-1] + 1)
            parts.append(page.shown(max(first, piece.first), min(last, piece.last)))
        return " ".join(parts)


def _without_markup(text: str) -> str:
    """A value as one line, in which no sign is Markdown's."""
    return " ".join(text.translate(_SIGNS).split())


_SIGNS = str.maketrans(dict.fromkeys("|*#<>`~$\\", " "))
