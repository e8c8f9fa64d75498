"""cite(): which of the documents bears what an answer claims, with page and boxes.

Words are compared, not their sense: a sentence is borne where most of its words, rare ones counting more,
stand in a few places of one document, with all of its numbers. No model is asked, and the same answer is
always cited alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from functools import cached_property
from heapq import nsmallest
from typing import Any, NamedTuple, TypeAlias

from vlm_core.assistant.claim_index import LONGEST_WINDOW, ClaimIndex, Found, Spans, Window, letters_of
from vlm_core.assistant.claims import LONGEST_SENTENCE, CitedAnswer, Claim, Part, parts_of
from vlm_core.assistant.page_selection import SMALL, words
from vlm_core.assistant.passages import SourceText, source_texts
from vlm_core.errors import ConfigError
from vlm_core.types.evidence import EvidenceStatus

_Rank: TypeAlias = tuple[bool, bool, float]
# The share of a sentence's words, by their weight, from which a place bears it; where all of its numbers and
# quotations are there, too; and from which a place speaks of the same, though with other numbers.
BORNE, BORNE_WITH_VALUES, SAME_MATTER = 0.6, 0.45, 0.5
# How much less than the best passage another one may have in common, to be cited beside it.
_NEARLY = 0.1
# Places of one passage that bear one sentence together, and places that are cited for one.
_MOST_PLACES, _MOST_CITED = 3, 5
# Lines that are looked up at the cost of one comparison.
_LINES_LOOKED_UP = 16
# The share of a sentence that each line of a place must add.
_WORTH_A_LINE = 0.05
# The share of the lines that have a word which is neither rare nor common.
_USUAL = 0.05
MOST_COMPARED = 600_000
"""Places of the documents that have a word or a value of a claim: some 5 s of CPU. The rest of the answer is
one claim, not checked."""
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
    for part in parts_of(answer):
        if library.comparisons > MOST_COMPARED or len(claims) >= MOST_CLAIMS:
            rest = answer[part.start :].rstrip()
            end = part.start + len(rest)
            claims.append(_claim(Part(text=rest, start=part.start, end=end, kind="sentence"), "not_checked"))
            break
        claims += library.claims(part)
    return CitedAnswer(answer=answer, claims=tuple(claims))


class _Match(NamedTuple):
    """What of a sentence stands in a passage, in one place or in a few."""

    agreement: float
    missing: tuple[Part, ...]
    """Numbers and quotations of the sentence that are not there."""
    is_exact: bool
    windows: tuple[Window, ...] = ()

    @property
    def rank(self) -> _Rank:
        """The better, the higher."""
        return self.is_exact, not self.missing, round(self.agreement, 3)


class _Sentence:
    """A sentence as words and values, its items, with where each of them stands. Some of them are bits of a
    number."""

    def __init__(self, part: Part, index: ClaimIndex, weights: Callable[[str], float]) -> None:
        self.part = part
        text = part.text
        for inner in part.inner:
            text = text.replace(inner.text, " ", 1) if inner.kind == "number" else text
        said = [word for word in dict.fromkeys(words(text)) if len(word) > 1 and word not in _EMPTY]
        self.words = len(said)
        """The first of its items; behind them are its values."""
        own = list(map(weights, said))
        # A number says as much as the rarest word.
        self.weights = own + [max(own, default=1.0)] * len(part.inner)
        self.total = sum(self.weights)
        letters = letters_of(part.text.strip(" .*_"))
        whole = index.letters(letters) if len(letters) > _SHORT else Found({}, 0)
        items = [*map(index.word, said), *map(index.part, part.inner)]
        self.whole = whole.spans
        self.spans = [item.spans for item in items]
        self.comparisons = whole.comparisons + sum(item.comparisons for item in items)
        self._shares: dict[int, float] = {}

    @cached_property
    def by_passage(self) -> dict[int, int]:
        """What of it stands anywhere in each passage that has any of it."""
        items = dict.fromkeys(self.whole, 0)
        for bit, spans in enumerate(self.spans):
            for number in spans:
                items[number] = items.get(number, 0) | 1 << bit
        return items

    def share(self, items: int) -> float:
        """The share of the sentence that some of its words and values are."""
        share = self._shares.get(items)
        if share is None:
            said = math.fsum(weight for bit, weight in enumerate(self.weights) if items >> bit & 1)
            share = self._shares[items] = said / (self.total or 1.0)
        return share

    def missing(self, items: int) -> tuple[Part, ...]:
        """Its values that are not among some."""
        return tuple(inner for bit, inner in enumerate(self.part.inner, self.words) if not items >> bit & 1)

    @cached_property
    def light(self) -> int:
        """Words that gain nothing in a window that has no others: they say less than a line costs."""
        light = 0
        for bit in sorted(range(self.words), key=lambda bit: (self.weights[bit], bit)):
            if self.share(light | 1 << bit) > _WORTH_A_LINE:
                break
            light |= 1 << bit
        return light

    def most(self, number: int) -> _Match:
        """The best that it may be in a passage."""
        if number in self.whole:
            return _Match(1.0, (), is_exact=True)
        own = self.by_passage[number]
        return _Match(self.share(own), self.missing(own), is_exact=False)


class _Library:
    """The passages, and how rare each word is among them."""

    def __init__(self, passages: Sequence[SourceText]) -> None:
        self.index = ClaimIndex(passages)
        self.total = len(self.index.lines)
        self.comparisons = 0

    def _weight(self, word: str) -> float:
        """The rarer a word, the more; one that stands nowhere is neither rare nor common."""
        often = self.index.lines_with(word) or max(1.0, _USUAL * self.total)
        rare = math.log(1 + (self.total + 1) / (often + 0.5))
        return rare * (0.5 if len(word) <= SMALL and word.isalpha() else 1.0)

    def claims(self, part: Part) -> Iterator[Claim]:
        """A sentence, then what is in it: looked for where the sentence stands, then anywhere."""
        if len(part.text) > LONGEST_SENTENCE:
            yield _claim(part, "not_checked")
            return
        sentence = _Sentence(part, self.index, self._weight)
        self.comparisons += sentence.comparisons
        matches = self._matches(sentence)
        yield self._claim(part, matches)
        is_near = bool(matches) and matches[0].agreement >= SAME_MATTER
        near = [window for match in matches[:_MOST_PLACES] for window in match.windows] if is_near else []
        for number, inner in enumerate(part.inner):
            yield self._part(inner, sentence.spans[sentence.words + number], near)

    def _matches(self, sentence: _Sentence) -> list[_Match]:
        """What stands in the passages, the best first: of those that may be among the first, or as good."""
        most = ((sentence.most(number), number) for number in sentence.by_passage)
        ranked = sorted(((match.rank, match, number) for match, number in most), key=_of_rank, reverse=True)
        found: list[tuple[_Rank, _Match, int]] = []
        best: list[tuple[_Rank, _Match, int]] = []
        for rank, match, number in ranked:
            if len(best) < _MOST_PLACES or rank >= best[-1][0] or _is_alike(match, best[0][1]):
                own = self._match(sentence, number)
                found.append((own.rank, own, number))
                best = sorted([*best, found[-1]], key=_of_rank, reverse=True)[:_MOST_PLACES]
        found.sort(key=lambda each: each[2])
        return [match for _, match, _ in sorted(found, key=_of_rank, reverse=True)]

    def _match(self, sentence: _Sentence, number: int) -> _Match:
        """What of a sentence stands in a passage: in one place if all of it does, else in the best few."""
        if number in sentence.whole:
            first, last = min(sentence.whole[number], key=lambda span: (span[1] - span[0], span))
            window = self.index.window(number, first, last + 1)
            return _Match(1.0, (), is_exact=True, windows=(window,))
        found = self._windows(sentence, number)
        held = 0
        chosen: list[Window] = []
        while found and len(chosen) < _MOST_PLACES:
            gains = {place: sentence.share(own & ~held) - _cost(place) for place, own in found.items()}
            best = max(gains, key=gains.__getitem__)
            if gains[best] <= 0:
                break
            chosen.append(self.index.window(number, *best))
            held |= found[best]
        return _Match(sentence.share(held), sentence.missing(held), is_exact=False, windows=tuple(chosen))

    def _windows(self, sentence: _Sentence, number: int) -> dict[tuple[int, int], int]:
        """The windows of a passage that can gain, in order, with what of a sentence stands in them."""
        lines: dict[int, int] = {}
        over_lines: list[tuple[int, int, int]] = []
        heavy: set[tuple[int, int]] = set()
        for bit, spans in enumerate(sentence.spans):
            own, item = spans.get(number, ()), 1 << bit
            for first, last in own:
                if first == last:
                    lines[first] = lines.get(first, 0) | item
                else:
                    over_lines.append((first, last, item))
            if item & ~sentence.light:
                heavy.update(own)
            self.comparisons += len(own) // _LINES_LOOKED_UP
        # A window that begins or ends with a line without any is worse than the one without that line.
        edges = lines.keys() | {line for span in over_lines for line in span[:2]}
        places = {place for span in heavy for place in _around(*span, edges)}
        self.comparisons += len(places)
        found = dict.fromkeys(sorted(places), 0)
        for first, last in found:
            for line in range(first, last):
                found[first, last] |= lines.get(line, 0)
        for first, last, item in over_lines:
            for place in _around(first, last, edges):
                found[place] |= item
        return {place: own for place, own in found.items() if not _is_too_long(place, own, found)}

    def _claim(self, part: Part, matches: Sequence[_Match]) -> Claim:
        best = matches[0] if matches else None
        least = SAME_MATTER if best and best.missing else BORNE_WITH_VALUES if part.inner else BORNE
        if best is None or best.agreement < least:
            return _claim(part, "not_found", best.agreement if best else 0.0, [])
        if best.missing:
            other = [window for window in best.windows if window.has_numbers]
            return _claim(part, "contradicted" if other else "not_found", best.agreement, other)
        alike = [window for match in matches if _is_alike(match, best) for window in match.windows]
        status: EvidenceStatus = "exact" if best.is_exact else "close"
        return _claim(part, status, best.agreement, alike[:_MOST_CITED])

    def _part(self, part: Part, spans: Spans, near: Sequence[Window]) -> Claim:
        """A number or a quotation: where its sentence stands, else anywhere, unless it is very short."""
        found = [window for window in near if window.has(spans)]
        if not found and len(part.text) > _SHORT_NUMBER:
            every = ((number, *span) for number, own in sorted(spans.items()) for span in own)
            shortest = nsmallest(_MOST_PLACES, every, key=lambda place: (place[2] - place[1], place))
            found = [self.index.window(number, first, last + 1) for number, first, last in shortest]
            self.comparisons += sum(map(len, spans.values())) // _LINES_LOOKED_UP
        if not found:
            return _claim(part, "not_found")
        least = min(len(window.lines) for window in found)
        alone = [window for window in found if len(window.lines) == least]
        return _claim(part, "exact", 1.0, alone[:_MOST_PLACES])


def _of_rank(each: tuple[_Rank, _Match, int]) -> _Rank:
    return each[0]


def _is_alike(match: _Match, best: _Match) -> bool:
    """Whether a passage is as good as the best one, so that it is cited beside it."""
    return match.rank[:2] >= best.rank[:2] and match.agreement >= best.agreement - _NEARLY


def _around(first: int, last: int, edges: Set[int]) -> Iterator[tuple[int, int]]:
    """The windows that hold some lines, and begin and end with one of some others."""
    for start in range(last + 1 - LONGEST_WINDOW, first + 1):
        if start in edges:
            for end in range(last, start + LONGEST_WINDOW):
                if end in edges:
                    yield start, end + 1


def _is_too_long(place: tuple[int, int], items: int, found: Mapping[tuple[int, int], int]) -> bool:
    """Whether a window has no more than the one without its first or its last line."""
    first, last = place
    return found.get((first + 1, last)) == items or found.get((first, last - 1)) == items


def _cost(place: tuple[int, int]) -> float:
    """What the lines of a window cost."""
    return _WORTH_A_LINE * (place[1] - place[0])


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
    part: Part, status: EvidenceStatus, agreement: float = 0.0, windows: Sequence[Window] = ()
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
