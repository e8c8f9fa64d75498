"""cite(): which of the documents bears what an answer claims, with page and boxes.

Words are compared, not their sense: a sentence is borne where most of its words, rare ones counting more,
stand together in one place, with all of its numbers. No model is asked, and the same answer is always cited
alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from vlm_core.assistant.claims import CitedAnswer, Claim, Part, parts_of
from vlm_core.assistant.page_selection import SMALL, words
from vlm_core.assistant.passages import Line, SourceText, source_texts
from vlm_core.assistant.results import Citation
from vlm_core.errors import ConfigError
from vlm_core.evidence.numbers_and_dates import amounts, date_of, dates_in, numbers_in
from vlm_core.ocr.folding import folded
from vlm_core.types import Box

# The share of a sentence's words, by their weight, from which a place bears it; and from which it speaks of
# the same, though with other numbers.
BORNE, SAME_MATTER = 0.6, 0.5
# How much less than the best another place may have in common, to be cited beside it; and how many are.
_NEARLY, _MOST_PLACES = 0.1, 3
# Lines that are taken together.
_LONGEST_WINDOW = 3
# A line more must add so much to what a sentence has in common with a place.
_WORTH_A_LINE = 0.08
_MOST_BOXES = 12


def cite(answer: str, documents: Any) -> CitedAnswer:
    """The claims of an answer, each with the pages and boxes that bear it, and those that nothing bears.

    Claims are sentences, and the numbers, dates and quotations in them. Numbers and dates compare by value.
    Boxes are as narrow as the documents tell: lines of a `DocumentResult`, blocks of a chunk.

    Args:
        answer: of a model, in Markdown or plain.
        documents: that it was made from: LangChain's Documents and LlamaIndex's nodes with the metadata of
            this library's loaders, `DocumentResult`, `PageResult`, `Chunk`, or texts.

    Raises:
        ConfigError: the answer is not a text, or the documents are none of these.

    Example:
        >>> invoice = {"text": "Invoice 17\\nTOTAL RM 9.00", "metadata": {"source": "a.pdf", "page": 1}}
        >>> cited = cite("The total of invoice 17 is 9 RM. It was paid in cash.", [invoice])
        >>> [(claim.text, claim.status) for claim in cited.claims if claim.kind == "sentence"]
        [('The total of invoice 17 is 9 RM.', 'close'), ('It was paid in cash.', 'not_found')]
        >>> cited.claims[0].citations[0].page
        2
    """
    if not isinstance(answer, str):
        raise ConfigError(
            f"answer is a {type(answer).__name__}", hint="Give the text of the answer.", argument="answer"
        )
    library = _Library(source_texts(documents))
    return CitedAnswer(
        answer=answer, claims=tuple(claim for part in parts_of(answer) for claim in library.claims(part))
    )


class _Window:
    """Some lines of a passage that follow each other."""

    def __init__(self, passage: SourceText, first: int, last: int) -> None:
        self.passage, self.first, self.last = passage, first, last

    @property
    def lines(self) -> tuple[Line, ...]:
        return self.passage.lines[self.first : self.last]

    @cached_property
    def text(self) -> str:
        return "\n".join(line.text for line in self.lines)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(words(self.text))

    @cached_property
    def letters(self) -> str:
        return _letters(self.text)

    @cached_property
    def numbers(self) -> list[Any]:
        return list(numbers_in(self.text))

    @cached_property
    def dates(self) -> list[Any]:
        return list(dates_in(self.text))

    def has(self, part: Part) -> bool:
        """Whether a number, a date or a quotation stands in it."""
        if part.kind == "quotation":
            return _letters(part.text) in self.letters
        if (wanted := date_of(part.text)) is not None:
            either = {wanted.day_first, wanted.month_first} - {None}
            return any(not either.isdisjoint({found.day_first, found.month_first}) for found in self.dates)
        numbers = amounts(part.text)
        if not numbers:
            return part.text in self.text
        return any(found.says(numbers) or not found.readings.isdisjoint(numbers) for found in self.numbers)

    def citation(self) -> Citation:
        """Where it is: its boxes on the first of its pages, or the page alone."""
        boxes = [place for line in self.lines for place in line.boxes]
        pages = [place.page_number for place in boxes] or list(self.passage.pages) or [1]
        own: list[Box] = [place.bbox for place in boxes if place.page_number == pages[0]]
        return Citation(
            self.passage.source, pages[0], self.passage.total_pages, tuple(dict.fromkeys(own))[:_MOST_BOXES]
        )


class _Match(NamedTuple):
    """A window, and how much of a sentence stands in it."""

    agreement: float
    missing: tuple[Part, ...]
    """Numbers and quotations of the sentence that it lacks."""
    is_exact: bool
    window: _Window

    @property
    def rank(self) -> tuple[bool, bool, float, int]:
        return self.is_exact, not self.missing, round(self.agreement, 3), -len(self.window.lines)


class _Library:
    """The passages, and how rare each word is among them."""

    def __init__(self, passages: Sequence[SourceText]) -> None:
        self.windows = [
            _Window(passage, first, last)
            for passage in passages
            for first in range(len(passage.lines))
            for last in range(first + 1, min(first + _LONGEST_WINDOW, len(passage.lines)) + 1)
        ]
        lines = [set(words(line.text)) for passage in passages for line in passage.lines]
        self.counts = Counter(word for line in lines for word in line)
        self.total = len(lines)

    def claims(self, sentence: Part) -> Iterator[Claim]:
        """A sentence, then what is in it: looked for where the sentence stands, then anywhere."""
        matches = sorted(self._matches(sentence), key=lambda match: match.rank, reverse=True)
        best = matches[0] if matches else None
        yield self._claim(sentence, matches)
        near = [match.window for match in matches if best and match.agreement >= best.agreement - _NEARLY]
        for part in sentence.inner:
            yield self._part(part, near if best and best.agreement >= SAME_MATTER else [])

    def _weight(self, word: str) -> float:
        rare = math.log(1 + (self.total + 1) / (self.counts[word] + 0.5))
        return rare * (0.5 if len(word) <= SMALL and word.isalpha() else 1.0)

    def _matches(self, sentence: Part) -> Iterator[_Match]:
        wanted = self._wanted(sentence)
        letters = _letters(sentence.text.strip(" .*_"))
        total = sum(wanted.values())
        for window in self.windows:
            shared = sum(weight for word, weight in wanted.items() if word in window.words)
            is_exact = len(letters) > _SHORT and letters in window.letters
            if shared or is_exact:
                missing = tuple(part for part in sentence.inner if not window.has(part))
                # What is found by value counts as a word that is there.
                found = len(sentence.inner) - len(missing)
                values = found / len(sentence.inner) if sentence.inner else 0.0
                agreement = (shared + values) / (total + bool(sentence.inner)) if total else values
                yield _Match(1.0 if is_exact else agreement, missing, is_exact, window)

    def _wanted(self, sentence: Part) -> dict[str, float]:
        """The words of a sentence but for its numbers, by weight."""
        text = sentence.text
        for part in sentence.inner:
            if part.kind == "number":
                text = text.replace(part.text, " ", 1)
        return {word: self._weight(word) for word in words(text) if len(word) > 1 and word not in _EMPTY}

    def _claim(self, part: Part, matches: Sequence[_Match]) -> Claim:
        best = matches[0] if matches else None
        if best is None or best.agreement < SAME_MATTER or (best.agreement < BORNE and not best.missing):
            return _claim(part, "not_found", best.agreement if best else 0.0, [])
        near = [
            match
            for match in matches
            if match.agreement >= best.agreement - _NEARLY and match.rank[:2] == best.rank[:2]
        ]
        windows = list(_apart(match.window for match in _shortest(near)))
        if best.missing:
            numbers_are_there = any(window.numbers for window in windows)
            status = "contradicted" if numbers_are_there else "not_found"
            return _claim(part, status, best.agreement, windows if numbers_are_there else [])
        return _claim(part, "exact" if best.is_exact else "close", best.agreement, windows)

    def _part(self, part: Part, near: Sequence[_Window]) -> Claim:
        """A number or a quotation: where its sentence stands, else anywhere, unless it is very short."""
        for windows in (near, self.windows if len(part.text) > _SHORT_NUMBER else ()):
            found = [window for window in windows if window.has(part)]
            if found:
                shortest = min(len(window.lines) for window in found)
                alone = [window for window in found if len(window.lines) == shortest]
                return _claim(part, "exact", 1.0, list(_apart(alone)))
        return _claim(part, "not_found", 0.0, [])


# Letters of a sentence from which it may stand somewhere as it is; characters of a number that says nothing.
_SHORT, _SHORT_NUMBER = 8, 2
# Words that are in every answer.
_EMPTY = frozenset(
    word
    for language in (
        "the a an of is are was were be to in on at for and or it its this that by with as from has have had",
        "der die das ein eine und ist im am auf von zu mit",
        "le la les un une et est de des du en el los las es y",
    )
    for word in language.split()
)


def _claim(part: Part, status: Any, agreement: float, windows: Sequence[_Window]) -> Claim:
    return Claim(
        text=part.text,
        start=part.start,
        end=part.end,
        kind=part.kind,
        status=status,
        agreement=round(min(1.0, agreement), 4),
        said=windows[0].text if windows else "",
        citations=tuple(window.citation() for window in windows),
        documents=tuple(window.passage.number for window in windows),
    )


def _shortest(matches: Sequence[_Match]) -> list[_Match]:
    """Matches of which none has a line more than it is worth."""
    ranked = sorted(
        matches, key=lambda match: -(match.agreement - _WORTH_A_LINE * (len(match.window.lines) - 1))
    )
    return ranked[: 4 * _MOST_PLACES]


def _apart(windows: Iterable[_Window]) -> Iterator[_Window]:
    """The first windows that do not overlap."""
    taken: list[_Window] = []
    for window in windows:
        if len(taken) == _MOST_PLACES:
            return
        overlaps = any(
            window.passage is other.passage and window.first < other.last and other.first < window.last
            for other in taken
        )
        if not overlaps:
            taken.append(window)
            yield window


def _letters(text: str) -> str:
    return "".join(letter for letter in "".join(map(folded, text)) if letter.isalnum())
