"""An answer checked against a page: what of it is there, and what is there instead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from vlm_core.evidence.answer import Answer, answer_of
from vlm_core.evidence.boxes import boxes_of
from vlm_core.evidence.cells import find_small_cells
from vlm_core.evidence.differences import Difference, differences, differences_of_pairs
from vlm_core.evidence.judging import Judge, Verdict, is_accent, is_look_alike
from vlm_core.evidence.neighbours import said_before
from vlm_core.evidence.place import placed
from vlm_core.evidence.places import beside, expected, overlaps
from vlm_core.evidence.placing import Placing
from vlm_core.evidence.printed import PagePrint
from vlm_core.evidence.swapped import Swapped, swapped_numbers
from vlm_core.evidence.thresholds import THRESHOLDS, Thresholds
from vlm_core.ocr.printed_line import PrintedLine
from vlm_core.ocr.printed_page import PrintedPage
from vlm_core.types import Box, PageState
from vlm_core.types.evidence import EvidenceStatus, FindingKind, Severity

# The share of a unit's letters that must be those of something said before, for it to be a repetition.
_REPEATED = 0.7
MOST_UNREAD = 0.5
"""The share of a page's ink that may be unread for what is not found to be told as not being there."""
# The share of a unit's letters and digits in a script that the engine reads, for it to be judged.
_LEGIBLE = 0.5
# Letters of a word, up to which a change is told with all of it.
_LONGEST_WORD = 24
_CHANGED: dict[str, FindingKind] = {
    "number": "number_changed",
    "sign": "number_changed",
    "text": "text_changed",
}


@dataclass(frozen=True)
class Mark:
    """A finding, in pixels and letters.

    Args:
        kind: of it.
        text: what was written.
        expected: what is printed.
        span: of the answer's text; None for what it lacks.
        box: in pixels.
        score: of the difference.
        severity: how much it counts.
        unit: of the answer.
    """

    kind: FindingKind
    text: str
    expected: str
    span: tuple[int, int] | None
    box: Box | None
    score: float = 0.0
    severity: Severity = "review"
    unit: int | None = None


class UnitEvidence(NamedTuple):
    """A line or a cell of an answer, with its boxes in pixels, by printed line."""

    span: tuple[int, int]
    boxes: tuple[Box, ...]
    status: EvidenceStatus
    agreement: float
    letters: int


@dataclass(frozen=True)
class Checked:
    """What came of a check.

    Args:
        evidence: of every unit of the answer, in order.
        marks: what is to be looked at.
        placing: of the answer on the page.
    """

    evidence: tuple[UnitEvidence, ...]
    marks: tuple[Mark, ...]
    placing: Placing

    @property
    def agreement(self) -> float | None:
        """The share of the letters that were checked that stand on the page; None where none was."""
        counted = [unit for unit in self.evidence if unit.status != "not_checked"]
        total = sum(unit.letters for unit in counted)
        return sum(unit.agreement * unit.letters for unit in counted) / total if total else None


def check(
    text: str, page: PrintedPage, *, misses: bool = True, thresholds: Thresholds = THRESHOLDS
) -> Checked:
    """Hold a text against a page.

    Args:
        text: what a model wrote of the page.
        page: as the local engine read it closely, or a PDF has it.
        misses: whether lines that the text lacks are told: it was to be all of the page.
        thresholds: from which differences count.
    """
    answer = answer_of(text)
    placing = placed(answer, PagePrint(page.lines))
    if page.pixels is not None:
        find_small_cells(placing, page.pixels)
    checker = _Checker(page, Judge(placing, page.pixels, thresholds), misses)
    checker.run()
    return Checked(tuple(checker.evidence()), tuple(checker.marks), checker.placing)


@dataclass
class _Checker:
    """Goes through an answer unit by unit, then through what is left of the page."""

    page: PrintedPage
    judge: Judge
    misses: bool
    marks: list[Mark] = field(default_factory=list)
    unchecked: set[int] = field(default_factory=set)
    excused: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.placing = self.judge.placing
        self.answer: Answer = self.placing.answer
        self.thresholds = self.judge.thresholds
        self.width = float(self.page.result.width)

    def run(self) -> None:
        for unit in range(len(self.answer.units)):
            if not self._is_legible(unit, self.page.alphabet):
                self.unchecked.add(unit)
            elif self.placing.instead_of(unit) is not None:
                self._check_pairs(unit)
            elif (self.placing.places_of(unit) < 0).all():
                self._check_without_place(unit)
            else:
                self._check_differences(unit)
                self._check_pairs(unit)
        for swapped in swapped_numbers(self.placing):
            self._mark_swapped(swapped)
        if self.misses:
            self._check_missing()

    def _is_legible(self, unit: int, known: frozenset[str]) -> bool:
        """Whether an engine that knows some characters knows the script."""
        letters = [letter for letter in self.answer.letters_of(unit) if letter.isalnum()]
        return (
            not known or not letters or sum(letter in known for letter in letters) >= _LEGIBLE * len(letters)
        )

    @property
    def _is_unreadable(self) -> bool:
        """Whether so little of the page could be read that what is not found may be there."""
        result = self.page.result
        nothing = not self.page.lines and result.state is not PageState.BLANK
        return nothing or result.unread_share > MOST_UNREAD

    # --- units ---------------------------------------------------------------------------------------

    def _check_pairs(self, unit: int) -> None:
        for difference in differences_of_pairs(self.placing, unit):
            if difference.written != difference.printed and not self._is_illegible(difference):
                self._mark(difference, self.judge.weighed(difference), _CHANGED[difference.kind])

    def _is_illegible(self, difference: Difference) -> bool:
        """Whether it is of letters that the engine reads badly or not at all, or of accents alone."""
        written = [letter for letter in difference.written if letter.isalnum()]
        if any(letter.isdigit() for letter in written) or not written:
            return is_accent(difference)
        known = self.page.alphabet
        # A script of which some letters are unknown is not one that the engine was taught.
        is_foreign = bool(known) and any(
            letter.isalpha() and letter not in known for letter in self.answer.letters_of(difference.unit)
        )
        return (is_foreign and all(not letter.isascii() for letter in written)) or is_accent(difference)

    def _check_without_place(self, unit: int) -> None:
        letters = self.answer.letters_of(unit)
        count = sum(letter.isalnum() for letter in letters)
        if not count:
            return
        if self._may_be_in_picture(unit):
            self.unchecked.add(unit)
            return
        span = self.answer.units[unit]
        repeated = self.placing.repeated[span.first : span.last]
        if (repeated >= 0).mean() > _REPEATED:
            self._mark_repeated(unit, int(repeated[repeated >= 0][0]))
            return
        if said_before(self.placing, unit):
            self._mark_repeated(unit, self.placing.page.letters.find(letters))
            return
        if self._is_unreadable:
            self.unchecked.add(unit)
            return
        seen, box = self._look_for(unit)
        if seen == "illegible":
            self.unchecked.add(unit)
            return
        is_note = seen == "read" or count <= self.thresholds.unseen_letters
        self._mark_unit(unit, "not_on_page", "", box, "note" if is_note else "review")

    def _may_be_in_picture(self, unit: int) -> bool:
        """Whether it may be in a picture of a born-digital page that was not read, or not in its script."""
        is_unseen = self.page.pixels is None and bool(self.page.illegible)
        return is_unseen or not self._is_legible(unit, self.page.alphabet_of_pictures)

    def _mark_repeated(self, unit: int, letter: int) -> None:
        piece = self.placing.page.piece(letter)
        letters = self.answer.letters_of(unit)
        near = self.thresholds.repeated_near
        others = [
            other
            for other in range(max(0, unit - near), min(len(self.answer.units), unit + near + 1))
            if other != unit and self.answer.letters_of(other) == letters
        ]
        is_plain = bool(others) or len(letters) >= self.thresholds.repeated_letters
        self._mark_unit(unit, "repeated", piece.line.text, piece.line.box, "review" if is_plain else "note")

    def _look_for(self, unit: int) -> tuple[str, Box | None]:
        """Whether a unit is seen where it should stand, and where that is."""
        places = list(expected(self.placing, unit, self.width))
        for place in places:
            for illegible in (*self.page.illegible, *_in_pixels(self.page)):
                if overlaps(place, illegible):
                    return "illegible", illegible
        best: tuple[str, Box | None] = ("nothing", None)
        for place in places:
            seen = self.judge.seen_in(self.answer.letters_of(unit), place)
            if seen == "read":
                return seen, place
            if seen == "ink" and best[0] == "nothing":
                best = seen, place
        return best

    # --- differences -----------------------------------------------------------------------------------

    def _check_differences(self, unit: int) -> None:
        for difference in differences(self.placing, unit):
            if (
                difference.kind == "mark"
                or self.judge.is_excused_point(difference)
                or self._is_illegible(difference)
            ):
                continue
            verdict = self.judge.weighed(difference)
            if not verdict.stands:
                if difference.kind in ("number", "sign") and difference.written and difference.printed:
                    self._mark(difference, verdict, "number_changed")
            elif (
                difference.at_edge
                and difference.written
                and not difference.printed
                and not self._is_glued(difference)
            ):
                self._mark_beside(difference, verdict)
            elif difference.at_edge and difference.printed and not difference.written:
                self._mark_left_out(difference, verdict)
            else:
                self._mark(difference, verdict, _CHANGED[difference.kind])

    def _is_glued(self, difference: Difference) -> bool:
        """Whether what was written is of one word with what is printed beside it."""
        beside_it = difference.end if difference.is_at_left(self.placing) else difference.start
        return not self.answer.begins_word(beside_it)

    def _mark_beside(self, difference: Difference, verdict: Verdict) -> None:
        """Text beside a printed line, of which nothing was read there."""
        place = beside(self.placing, difference, self.width)
        seen = "nothing" if place is None else self.judge.seen_in(difference.written, place)
        if seen == "read":
            return
        count = sum(letter.isalnum() for letter in difference.written)
        severity: Severity = "note" if count <= self.thresholds.unseen_letters else "review"
        letters = difference.start, difference.end
        self._put(difference.unit, letters, "not_on_page", "", place, verdict.score, severity)

    def _mark_left_out(self, difference: Difference, verdict: Verdict) -> None:
        """The rest of a printed line that the answer lacks; the rest of a word is a change."""
        page, printed = self.placing.page, difference.printed
        count = sum(letter.isalnum() for letter in printed)
        if count < 2 and not printed.isdigit():
            return
        if page.pieces[difference.piece].line.score < self.thresholds.missing_score:
            return
        inner = difference.last if difference.is_at_left(self.placing) else difference.first
        # What is printed before or behind a number without a blank is a part of it.
        in_number = difference.kind == "number" and not page.begins_word(inner)
        if not page.is_edge(inner) or in_number:
            self._mark(difference, verdict, _CHANGED[difference.kind])
        elif count >= 2 and self.misses:
            box = page.box(difference.first, difference.last)
            shown = page.shown(difference.first, difference.last)
            severity = self._severity_of_missing(page.pieces[difference.piece].line)
            self.marks.append(Mark("missing", "", shown, None, box, verdict.score, severity))

    def _mark(self, difference: Difference, verdict: Verdict, kind: FindingKind) -> None:
        """A change, told with the words that it is in."""
        is_note = not verdict.stands or (
            is_look_alike(difference) and verdict.score >= self.thresholds.look_alike
        )
        severity: Severity = "note" if is_note else "review"
        page = self.placing.page
        start, end = self.answer.word(difference.start, difference.end)
        first, last = self._printed_word(difference, start, end)
        if end - start > _LONGEST_WORD or last - first > _LONGEST_WORD:  # as in a script without blanks
            start, end, first, last = difference.start, difference.end, difference.first, difference.last
        box = page.box(first, last) if last > first else None
        printed = page.shown(first, last) if last > first else ""
        self._put(difference.unit, (start, end), kind, printed, box, verdict.score, severity)

    def _printed_word(self, difference: Difference, start: int, end: int) -> tuple[int, int]:
        """What is printed of the words that a change is in, by what is written of them beside it."""
        beside = np.r_[start : difference.start, difference.end : end]
        places = self.placing.place[beside]
        own = places[(places >= 0) & (self.placing.page.piece_of[places] == difference.piece)]
        first, last = difference.first, difference.last
        if len(own):
            first, last = min(first, int(own.min())), max(last, int(own.max()) + 1)
        return self.placing.page.word(first, last)

    def _put(
        self,
        unit: int,
        letters: tuple[int, int],
        kind: FindingKind,
        printed: str,
        box: Box | None,
        score: float,
        severity: Severity,
    ) -> None:
        answer = self.answer
        first, last = letters[0], letters[1] - 1
        if last < first:  # nothing was written: the letter beside tells the place
            first = last = min(first, len(answer.letters) - 1)
        start, end = int(answer.offsets[first]), int(answer.offsets[last] + answer.lengths[last])
        text = answer.text[start:end] if letters[1] > letters[0] else ""
        self.marks.append(Mark(kind, text, printed, (start, end), box, score, severity, unit))

    def _mark_unit(
        self, unit: int, kind: FindingKind, printed: str, box: Box | None, severity: Severity
    ) -> None:
        span = self.answer.units[unit]
        text = self.answer.text[span.start : span.end]
        self.marks.append(Mark(kind, text, printed, (span.start, span.end), box, 0.0, severity, unit))

    def _mark_swapped(self, swapped: Swapped) -> None:
        word, spot = swapped.word, swapped.instead.spot
        page = self.placing.page
        printed, box = page.shown(*spot), page.box(*spot)
        self._put(word.unit, (word.first, word.last), "number_changed", printed, box, 0.0, "review")

    # --- what the answer lacks ---------------------------------------------------------------------------

    def _check_missing(self) -> None:
        """Printed lines of which the answer has nothing."""
        placing, thresholds = self.placing, self.thresholds
        excused = self._beside_unchecked()
        for number, piece in enumerate(placing.page.pieces):
            if number in excused or not placing.is_free(piece.first, piece.last):
                continue
            count = sum(letter.isalnum() for letter in placing.page.text(piece))
            short = count < thresholds.missing_short
            least = thresholds.missing_short_score if short else thresholds.missing_score
            if count >= thresholds.missing_letters and piece.line.score >= least:
                box, severity = piece.line.box, self._severity_of_missing(piece.line)
                self.marks.append(Mark("missing", "", piece.line.text, None, box, piece.line.score, severity))

    def _severity_of_missing(self, line: PrintedLine) -> Severity:
        """A note where it is a picture on a born-digital page: of a chart not all need be transcribed."""
        return "note" if self.page.alphabet_of_pictures and line.matrices else "review"

    def _beside_unchecked(self) -> set[int]:
        """Pieces of the page where something stands that was not checked."""
        excused: set[int] = set()
        spans = [self.answer.units[unit][2:4] for unit in self.unchecked]
        for start, end in self.answer.unchecked:
            spans.append(tuple(np.searchsorted(self.answer.offsets, (start, end)).tolist()))
        pieces = self.placing.page.piece_of
        for first, last in spans:
            before = self.placing.place[:first]
            after = self.placing.place[last:]
            low = int(pieces[before[before >= 0][-1]]) if (before >= 0).any() else -1
            high = int(pieces[after[after >= 0][0]]) if (after >= 0).any() else len(self.placing.page.pieces)
            excused.update(range(low + 1, high))
        return excused

    # --- evidence -----------------------------------------------------------------------------------------

    def _boxes(self, unit: int) -> list[Box]:
        span = self.answer.units[unit]
        return [box for _, box in boxes_of(self.placing, np.arange(span.first, span.last), self.page.pixels)]

    def evidence(self) -> Iterator[UnitEvidence]:
        contradicted = {
            mark.unit for mark in self.marks if mark.severity == "review" and mark.kind != "repeated"
        }
        for number, unit in enumerate(self.answer.units):
            agreement = self.placing.agreement(number)
            boxes = tuple(self._boxes(number))
            status: EvidenceStatus
            if number in self.unchecked:
                status, boxes = "not_checked", ()
            elif (self.placing.places_of(number) < 0).all() and self.placing.instead_of(number) is None:
                status = "close" if number in self.placing.inked else "not_found"
            elif number in contradicted:
                status = "contradicted"
            else:
                status = "exact" if agreement == 1 else "close"
            # Marks alone, such as a dash in a cell, say nothing of whether the page is the right one.
            weight = unit.length if any(map(str.isalnum, self.answer.letters_of(number))) else 0
            yield UnitEvidence((unit.start, unit.end), boxes, status, agreement, weight)


def _in_pixels(page: PrintedPage) -> Sequence[Box]:
    """Where ink is that could not be read."""
    width, height = page.result.width, page.result.height
    return [(x0 * width, y0 * height, x1 * width, y1 * height) for x0, y0, x1, y1 in page.result.unread]
