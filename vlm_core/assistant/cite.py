"""cite(): which of the documents bears what an answer claims, with page and boxes.

Words are compared, not their sense: a sentence is borne where most of its words, rare ones counting more,
stand in a few places of one document, with all of its numbers. No model is asked, and the same answer is
always cited alike.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from vlm_core.assistant.claims import LONGEST_SENTENCE, CitedAnswer, Claim, Part, parts_of
from vlm_core.assistant.page_selection import SMALL, words
from vlm_core.assistant.passages import Line, SourceText, source_texts
from vlm_core.assistant.results import Citation
from vlm_core.errors import ConfigError
from vlm_core.evidence.numbers_and_dates import amounts, date_of, dates_in, numbers_in
from vlm_core.ocr.folding import folded
from vlm_core.types import Box
from vlm_core.types.evidence import EvidenceStatus

# The share of a sentence's words, by their weight, from which a place bears it; where all of its numbers and
# quotations are there, too; and from which a place speaks of the same, though with other numbers.
BORNE, BORNE_WITH_VALUES, SAME_MATTER = 0.6, 0.45, 0.5
# How much less than the best passage another one may have in common, to be cited beside it.
_NEARLY = 0.1
# Places of one passage that bear one sentence together, and places that are cited for one.
_MOST_PLACES, _MOST_CITED = 3, 5
# Lines that are taken together.
_LONGEST_WINDOW = 3
# The share of a sentence that each line of a place must add.
_WORTH_A_LINE = 0.05
# The share of the lines that have a word which is neither rare nor common.
_USUAL = 0.05
_MOST_BOXES = 12
MOST_COMPARED = 600_000
"""Parts of an answer times places of the documents: some 3 s of CPU. The rest is one claim, not checked."""
MOST_CLAIMS = 5000
"""Of an answer; the rest is one claim, not checked."""


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
    claims: list[Claim] = []
    room = MOST_COMPARED
    for part in parts_of(answer):
        room -= (1 + len(part.inner)) * library.places
        if room < 0 or len(claims) >= MOST_CLAIMS:
            rest = answer[part.start :].rstrip()
            end = part.start + len(rest)
            claims.append(_claim(Part(text=rest, start=part.start, end=end, kind="sentence"), "not_checked"))
            break
        claims += library.claims(part)
    return CitedAnswer(answer=answer, claims=tuple(claims))


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
            return _quoted(part.text) in self.letters
        dates, numbers = _said_by(part.text)
        if dates:
            return any(not dates.isdisjoint({found.day_first, found.month_first}) for found in self.dates)
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
    """What of a sentence stands in a passage, in one place or in a few."""

    agreement: float
    missing: tuple[Part, ...]
    """Numbers and quotations of the sentence that are not there."""
    is_exact: bool
    windows: tuple[_Window, ...]

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """The better, the higher."""
        return self.is_exact, not self.missing, round(self.agreement, 3)


class _Sentence:
    """A sentence as words and values that are looked for."""

    def __init__(self, part: Part, weights: Callable[[str], float]) -> None:
        self.part = part
        text = part.text
        for inner in part.inner:
            text = text.replace(inner.text, " ", 1) if inner.kind == "number" else text
        self.words = {word: weights(word) for word in words(text) if len(word) > 1 and word not in _EMPTY}
        # A number says as much as the rarest word.
        self.value = max(self.words.values(), default=1.0)
        self.letters = _letters(part.text.strip(" .*_"))
        self.total = sum(self.words.values()) + self.value * len(part.inner)

    def found(self, window: _Window) -> frozenset[str | int]:
        """Its words and the numbers of its values that stand in a window."""
        return frozenset(window.words & self.words.keys()) | {
            number for number, inner in enumerate(self.part.inner) if window.has(inner)
        }

    def share(self, found: Iterable[str | int]) -> float:
        """The share of the sentence that some words and values are."""
        return sum(self.value if isinstance(one, int) else self.words[one] for one in found) / (
            self.total or 1.0
        )

    def missing(self, found: Set[str | int]) -> tuple[Part, ...]:
        """Its values that are not among some."""
        return tuple(inner for number, inner in enumerate(self.part.inner) if number not in found)


class _Library:
    """The passages, and how rare each word is among them."""

    def __init__(self, passages: Sequence[SourceText]) -> None:
        self.by_passage = [
            [
                _Window(passage, first, last)
                for first in range(len(passage.lines))
                for last in range(first + 1, min(first + _LONGEST_WINDOW, len(passage.lines)) + 1)
            ]
            for passage in passages
        ]
        self.places = sum(map(len, self.by_passage))
        lines = [set(words(line.text)) for passage in passages for line in passage.lines]
        self.counts = Counter(word for line in lines for word in line)
        self.total = len(lines)

    def _weight(self, word: str) -> float:
        """The rarer a word, the more; one that stands nowhere is neither rare nor common."""
        often = self.counts[word] or max(1.0, _USUAL * self.total)
        rare = math.log(1 + (self.total + 1) / (often + 0.5))
        return rare * (0.5 if len(word) <= SMALL and word.isalpha() else 1.0)

    def claims(self, part: Part) -> Iterator[Claim]:
        """A sentence, then what is in it: looked for where the sentence stands, then anywhere."""
        if len(part.text) > LONGEST_SENTENCE:
            yield _claim(part, "not_checked")
            return
        sentence = _Sentence(part, self._weight)
        found = [self._match(sentence, windows) for windows in self.by_passage if windows]
        matches = sorted(found, key=lambda match: match.rank, reverse=True)
        yield self._claim(part, matches)
        is_near = bool(matches) and matches[0].agreement >= SAME_MATTER
        near = [window for match in matches[:_MOST_PLACES] for window in match.windows] if is_near else []
        for inner in part.inner:
            yield self._part(inner, near)

    def _match(self, sentence: _Sentence, windows: Sequence[_Window]) -> _Match:
        """What of a sentence stands in a passage: in one place if all of it does, else in the best few."""
        if len(sentence.letters) > _SHORT:
            for window in windows:
                if sentence.letters in window.letters:
                    return _Match(1.0, (), is_exact=True, windows=(window,))
        found = {window: sentence.found(window) for window in windows}
        held: frozenset[str | int] = frozenset()
        chosen: list[_Window] = []
        while len(chosen) < _MOST_PLACES:
            gains = {window: self._gain(sentence, window, own - held) for window, own in found.items()}
            best = max(gains, key=gains.__getitem__)
            if gains[best] <= 0:
                break
            chosen.append(best)
            held |= found[best]
        return _Match(sentence.share(held), sentence.missing(held), is_exact=False, windows=tuple(chosen))

    def _gain(self, sentence: _Sentence, window: _Window, new: Set[str | int]) -> float:
        """What a window adds, less what its lines cost."""
        return sentence.share(new) - _WORTH_A_LINE * len(window.lines)

    def _claim(self, part: Part, matches: Sequence[_Match]) -> Claim:
        best = matches[0] if matches else None
        least = SAME_MATTER if best and best.missing else BORNE_WITH_VALUES if part.inner else BORNE
        if best is None or best.agreement < least:
            return _claim(part, "not_found", best.agreement if best else 0.0, [])
        if best.missing:
            other = [window for window in best.windows if window.numbers]
            return _claim(part, "contradicted" if other else "not_found", best.agreement, other)
        alike = [
            window
            for match in matches
            if match.rank[:2] == best.rank[:2] and match.agreement >= best.agreement - _NEARLY
            for window in match.windows
        ]
        status: EvidenceStatus = "exact" if best.is_exact else "close"
        return _claim(part, status, best.agreement, alike[:_MOST_CITED])

    def _part(self, part: Part, near: Sequence[_Window]) -> Claim:
        """A number or a quotation: where its sentence stands, else anywhere, unless it is very short."""
        every = [window for windows in self.by_passage for window in windows]
        for windows in (near, every if len(part.text) > _SHORT_NUMBER else ()):
            found = [window for window in windows if window.has(part)]
            if found:
                shortest = min(len(window.lines) for window in found)
                alone = [window for window in found if len(window.lines) == shortest]
                return _claim(part, "exact", 1.0, alone[:_MOST_PLACES])
        return _claim(part, "not_found")


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


def _claim(
    part: Part, status: EvidenceStatus, agreement: float = 0.0, windows: Sequence[_Window] = ()
) -> Claim:
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


@lru_cache(maxsize=1024)
def _said_by(text: str) -> tuple[frozenset[date | None], frozenset[Decimal]]:
    """The dates that a text may be; else the numbers."""
    found = date_of(text)
    if found is None:
        return frozenset(), amounts(text)
    return frozenset({found.day_first, found.month_first} - {None}), frozenset()


@lru_cache(maxsize=1024)
def _quoted(text: str) -> str:
    return _letters(text)


def _letters(text: str) -> str:
    return "".join(letter for letter in "".join(map(folded, text)) if letter.isalnum())
