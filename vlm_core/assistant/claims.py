"""What an answer claims: its sentences, and the numbers and quotations in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Literal, TypeAlias

from vlm_core.assistant.results import Citation
from vlm_core.evidence.numbers_and_dates import dates_in, numbers_in
from vlm_core.types.evidence import EvidenceStatus
from vlm_core.types.value import Value

ClaimKind: TypeAlias = Literal["sentence", "number", "quotation"]
"""Dates are numbers, too."""


class Claim(Value):
    """A part of an answer, and the places that bear it.

    Example:
        >>> claim = Claim(text="9.00", start=13, end=17, kind="number", status="exact")
        >>> claim.is_borne
        True
    """

    text: str
    start: int
    """Of its first character in the answer."""
    end: int
    """Behind its last one."""
    kind: ClaimKind
    status: EvidenceStatus
    """exact: it stands there as it is. close: its words do, and all of its numbers. contradicted: its words
    do, with other numbers. not_found: nothing bears it. not_checked: it, or the answer before it, is too long
    to be looked for."""
    agreement: float = 0.0
    """The share of its words, rare ones counting more, that stand in one place; from 0 to 1."""
    said: str = ""
    """What stands in the best place."""
    citations: tuple[Citation, ...] = ()
    """The places, the best first. Of a claim that is contradicted: where something else stands."""
    documents: tuple[int, ...] = ()
    """Of each place, which of the documents it is in, from 0."""

    @property
    def is_borne(self) -> bool:
        """Whether a document bears it."""
        return self.status in ("exact", "close")


class CitedAnswer(Value):
    """An answer with the places that bear what it claims.

    Example:
        >>> CitedAnswer(answer="Hello.").unsupported
        ()
    """

    answer: str
    claims: tuple[Claim, ...] = ()
    """Sentences in order, each followed by the numbers and quotations in it."""

    @property
    def unsupported(self) -> tuple[Claim, ...]:
        """The claims that nothing bears."""
        return tuple(claim for claim in self.claims if not claim.is_borne)

    @property
    def ok(self) -> bool:
        """Whether every claim is borne by a document."""
        return not self.unsupported

    def with_marks(self) -> str:
        """The answer, each sentence with the numbers of its places behind it, and a list of them below.

        Example:
            >>> place = Citation("a.pdf", 3)
            >>> claim = Claim(
            ...     text="It is 9.", start=0, end=8, kind="sentence", status="close", citations=(place,)
            ... )
            >>> print(CitedAnswer(answer="It is 9.", claims=(claim,)).with_marks())
            It is 9. [1]
            <BLANKLINE>
            [1] a.pdf, page 3
        """
        numbers: dict[tuple[str, int], int] = {}
        text, at = "", 0
        for claim in self.claims:
            if claim.kind != "sentence":
                continue
            places = [(place.source, place.page) for place in claim.citations] if claim.is_borne else []
            marks = [numbers.setdefault(place, len(numbers) + 1) for place in places]
            text += self.answer[at : claim.end] + "".join(f" [{mark}]" for mark in dict.fromkeys(marks))
            at = claim.end
        listed = [f"[{number}] {source}, page {page}" for (source, page), number in numbers.items()]
        return "\n\n".join(filter(None, [(text + self.answer[at:]).rstrip(), "\n".join(listed)]))


class Part(Value):
    """A sentence, or a number or quotation in it, before it is looked for."""

    text: str
    start: int
    end: int
    kind: ClaimKind
    inner: tuple[Any, ...] = ()
    """Of a sentence: the parts in it."""


# What stands in front of a line in Markdown, and a line's number in a list.
_MARKER = re.compile(r"\s*(?:#{1,6}\s+|>\s*|[-*+•]\s+|\d{1,3}[.)]\s+)*")
_QUOTED = re.compile(r"[\"“„«]([^\"”“»\n]{3,200})[\"”“»]")
# Where a sentence ends. A point behind a single letter, or one of these words, ends none.
_END = re.compile(r"(?<![.!?。！？])[.!?。！？]++[\"”»)\]*_]*+(?=\s|$|[^\W\d_a-z])|[。！？]")
_ABBREVIATION = re.compile(
    r"(?:\b(?:[A-Za-z]|no|nos|mr|mrs|ms|dr|st|vs|etc|approx|incl|inc|ltd|co|bhd|e\.g|i\.e|z\.b|art|fig|p|pp))\.$",
    re.IGNORECASE,
)
_LONGEST_ABBREVIATION = 16
LONGEST_SENTENCE = 2000
"""Characters: what is in a longer one is not looked for."""
# A sentence with fewer words, and without a number or a quotation, claims nothing.
_FEWEST_WORDS = 2
_TIME = re.compile(r"(?<![\d:])\d{1,2}:\d{2}(?::\d{2})?(?![\d:])")
# Numbers of sources that a model was asked to put down.
_SOURCE_MARK = re.compile(r"\[\^?\d{1,3}(?:\s*,\s*\d{1,3})*\]")


def parts_of(answer: str) -> Iterator[Part]:
    """The sentences of an answer, each with the numbers and quotations in it.

    Questions, and what leads to a list, claim nothing.

    Example:
        >>> [(part.text, part.inner[0].text) for part in parts_of("1. The total is 9.00. Ok?")]
        [('The total is 9.00.', '9.00')]
    """
    for start, end in _sentences(answer):
        text = answer[start:end]
        is_short = end - start <= LONGEST_SENTENCE
        inner = (*_quotations(answer, start, end), *_numbers(answer, start, end)) if is_short else ()
        words = re.findall(r"[^\W\d_]{2,}", text)
        if text.rstrip("*_ ").endswith(("?", ":", "？", "：")) or (len(words) < _FEWEST_WORDS and not inner):
            continue
        yield Part(text=text, start=start, end=end, kind="sentence", inner=inner)


def _sentences(answer: str) -> Iterator[tuple[int, int]]:
    at = 0
    for line in answer.splitlines(keepends=True):
        marker = _MARKER.match(line)
        start = at + (marker.end() if marker else 0)
        stop = at + len(line.rstrip())
        for found in _END.finditer(answer, start, stop):
            last_word = answer[max(start, found.end() - _LONGEST_ABBREVIATION) : found.end()]
            if _ABBREVIATION.search(last_word) and found.end() < stop:
                continue
            yield _stripped(answer, start, found.end())
            start = found.end()
        if answer[start:stop].strip("*_|- "):
            yield _stripped(answer, start, stop)
        at += len(line)


def _stripped(answer: str, start: int, end: int) -> tuple[int, int]:
    while start < end and answer[start].isspace():
        start += 1
    return start, end


def _quotations(answer: str, start: int, end: int) -> Iterator[Part]:
    for found in _QUOTED.finditer(answer, start, end):
        yield Part(text=found[1], start=found.start(1), end=found.end(1), kind="quotation")


def _numbers(answer: str, start: int, end: int) -> Iterator[Part]:
    text = answer[start:end]
    taken = bytearray(len(text))
    for mark in _SOURCE_MARK.finditer(text):
        taken[mark.start() : mark.end()] = b"x" * len(mark[0])
    dates = [(found.start, found.end) for found in dates_in(text)]
    dates += [found.span() for found in _TIME.finditer(text)]
    numbers = [(found.start, found.end) for found in numbers_in(text)]
    numbers = [(first, last) for first, last in numbers if " " not in text[first:last]]  # its parts come, too
    for first, last in (*dates, *numbers):
        if not any(taken[first:last]):
            taken[first:last] = b"x" * (last - first)
            yield Part(text=text[first:last], start=start + first, end=start + last, kind="number")
