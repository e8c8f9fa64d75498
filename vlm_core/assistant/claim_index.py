"""The lines of documents by what stands in them: a claim is held against those alone that have some of it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from itertools import accumulate, pairwise, takewhile
from typing import NamedTuple, TypeAlias, TypeVar

from vlm_core.assistant.claims import Part
from vlm_core.assistant.page_selection import words
from vlm_core.assistant.passages import Line, SourceText
from vlm_core.assistant.results import Citation
from vlm_core.evidence.numbers_and_dates import amounts, date_of, dates_in, numbers_in
from vlm_core.ocr.folding import folded
from vlm_core.types import Box

LONGEST_WINDOW = 3
"""Lines that are taken together."""
_MOST_BOXES = 12
# Between two lines and two passages, in texts that are looked through.
_NEXT_LINE, _NEXT_PASSAGE = "\n", "\0"
# Characters on either side of a line's end in which a date may be that goes on in the next line.
_DATE_REACH = 24
# Characters that are looked through at the cost of one comparison.
_LOOKED_THROUGH = 4000
# Passages that have a word are found at the cost of one comparison.
_PASSAGES_LOOKED_UP = 16

_Key = TypeVar("_Key")
Spans: TypeAlias = Mapping[int, Sequence[tuple[int, int]]]
"""Where something stands: by passage its first and its last line, in order, each from 0."""


class Window(NamedTuple):
    """Some lines of a passage that follow each other."""

    passage: SourceText
    number: int
    """Of the passage, from 0."""
    first: int
    last: int
    """Behind its last line."""

    @property
    def lines(self) -> tuple[Line, ...]:
        """Its lines."""
        return self.passage.lines[self.first : self.last]

    @property
    def text(self) -> str:
        """What stands in it."""
        return "\n".join(line.text for line in self.lines)

    @property
    def has_numbers(self) -> bool:
        """Whether a number stands in it."""
        return any(True for line in self.lines for _ in numbers_in(line.text))

    def has(self, spans: Spans) -> bool:
        """Whether something stands in it."""
        own = spans.get(self.number, ())
        from_here = range(bisect_left(own, (self.first, 0)), len(own))
        near = takewhile(lambda span: span[0] < self.last, (own[place] for place in from_here))
        return any(last < self.last for _, last in near)

    def citation(self) -> Citation:
        """Where it is: its boxes on the first of its pages, or the page alone."""
        boxes = [place for line in self.lines for place in line.boxes]
        pages = [place.page_number for place in boxes] or list(self.passage.pages) or [1]
        own: list[Box] = [place.bbox for place in boxes if place.page_number == pages[0]]
        return Citation(
            self.passage.source, pages[0], self.passage.total_pages, tuple(dict.fromkeys(own))[:_MOST_BOXES]
        )


class Found(NamedTuple):
    """Where a part of an answer stands, and what it took to find it."""

    spans: Spans
    comparisons: int


class ClaimIndex:
    """The lines of some passages, by their words, numbers and dates.

    Args:
        passages: of documents.

    Example:
        >>> passage = SourceText(0, "a.pdf", (1,), None, (Line("Invoice 17", ()), Line("TOTAL 9.00", ())))
        >>> ClaimIndex([passage]).word("total").spans
        {0: [(1, 1)]}
    """

    def __init__(self, passages: Sequence[SourceText]) -> None:
        self.passages = passages
        self.lines = [
            (number, place) for number, passage in enumerate(passages) for place in range(len(passage.lines))
        ]
        """Of all passages: the passage and the line in it."""

    def window(self, number: int, first: int, last: int) -> Window:
        """Lines of a passage, `last` being behind the last of them."""
        return Window(self.passages[number], number, first, last)

    # --- words, numbers and dates ------------------------------------------------------------------

    def word(self, word: str) -> Found:
        """The lines with a word."""
        return _found(self._words.get(word, {}))

    def lines_with(self, word: str) -> int:
        """How many there are."""
        return self._counts[word]

    def part(self, part: Part) -> Found:
        """Where a number, a date or a quotation stands, however it is written."""
        if part.kind == "quotation":
            return self.letters(letters_of(part.text))
        dates, numbers = _said_by(part.text)
        if not (dates or numbers):
            return self._within(self._texts, self._text_starts, part.text)
        known = [self._dates.get(one, {}) for one in dates] + [self._numbers.get(one, {}) for one in numbers]
        together: dict[int, set[tuple[int, int]]] = defaultdict(set)
        for spans in known:
            for number, own in spans.items():
                together[number].update(own)
        return _found({number: sorted(own) for number, own in together.items()})

    def letters(self, letters: str) -> Found:
        """Where letters stand in a row, in up to three lines; everywhere where there are none."""
        if not letters:
            return _found(_by_passage((number, line, line) for number, line in self.lines))
        return self._within(self._letters, self._letter_starts, letters)

    def _within(self, text: str, starts: Sequence[int], sought: str) -> Found:
        spans = (
            (self.lines[first], self.lines[last])
            for first, last in _lines_with(text, starts, sought)
            if last - first < LONGEST_WINDOW
        )
        found = _by_passage((number, first, last) for (number, first), (_, last) in spans)
        lines = sum(map(len, found.values()))
        return _found(found, len(text) // _LOOKED_THROUGH + lines // _PASSAGES_LOOKED_UP)

    @cached_property
    def _words(self) -> dict[str, dict[int, list[tuple[int, int]]]]:
        return self._by_key(lambda text: set(words(text)))

    @cached_property
    def _counts(self) -> Counter[str]:
        return Counter({word: sum(map(len, spans.values())) for word, spans in self._words.items()})

    @cached_property
    def _numbers(self) -> dict[Decimal, dict[int, list[tuple[int, int]]]]:
        return self._by_key(_numbers_of)

    @cached_property
    def _dates(self) -> dict[date, dict[int, list[tuple[int, int]]]]:
        """Also those that go on in the next line."""
        found = self._by_key(_dates_of)
        for (number, line), (other, _) in pairwise(self.lines):
            if number != other:
                continue
            before, after = (self.passages[number].lines[place].text for place in (line, line + 1))
            for one in _dates_across(before, after):
                spans = found.setdefault(one, {}).setdefault(number, [])
                spans.insert(bisect_left(spans, (line, line + 1)), (line, line + 1))
        return found

    def _by_key(
        self, keys_of: Callable[[str], Iterable[_Key]]
    ) -> dict[_Key, dict[int, list[tuple[int, int]]]]:
        found: dict[_Key, dict[int, list[tuple[int, int]]]] = {}
        for number, line in self.lines:
            for key in keys_of(self.passages[number].lines[line].text):
                found.setdefault(key, {}).setdefault(number, []).append((line, line))
        return found

    # --- texts that are looked through ---------------------------------------------------------------

    @cached_property
    def _texts(self) -> str:
        return "".join(text + _NEXT_LINE for text in self._line_texts)

    @cached_property
    def _text_starts(self) -> Sequence[int]:
        return list(accumulate((len(text) + 1 for text in self._line_texts), initial=0))

    @cached_property
    def _line_letters(self) -> Sequence[str]:
        """Those of each line, the last of a passage with a mark behind them."""
        each = [letters_of(text) for text in self._line_texts]
        for place, (number, line) in enumerate(self.lines):
            if line == len(self.passages[number].lines) - 1:
                each[place] += _NEXT_PASSAGE
        return each

    @cached_property
    def _letters(self) -> str:
        return "".join(self._line_letters)

    @cached_property
    def _letter_starts(self) -> Sequence[int]:
        return list(accumulate(map(len, self._line_letters), initial=0))

    @property
    def _line_texts(self) -> Iterator[str]:
        return (line.text for passage in self.passages for line in passage.lines)


def _found(spans: Spans, looked_through: int = 0) -> Found:
    return Found(spans, 1 + len(spans) // _PASSAGES_LOOKED_UP + looked_through)


def _by_passage(spans: Iterable[tuple[int, int, int]]) -> dict[int, list[tuple[int, int]]]:
    found: dict[int, list[tuple[int, int]]] = {}
    for number, first, last in spans:
        own = found.setdefault(number, [])
        if not own or own[-1] != (first, last):
            own.append((first, last))
    return found


def _lines_with(text: str, starts: Sequence[int], sought: str) -> Iterator[tuple[int, int]]:
    """The first and the last line of each place of a text in another one, whose lines begin at `starts`."""
    place = text.find(sought)
    while place >= 0:
        first = bisect_right(starts, place) - 1
        last = bisect_right(starts, place + len(sought) - 1) - 1
        yield first, last
        # The next one in these lines is as good: on to where it begins or ends in a later one.
        later = min(starts[first + 1], starts[last + 1] - len(sought) + 1)
        place = text.find(sought, max(place + 1, later))


def letters_of(text: str) -> str:
    """The letters and digits of a text, folded.

    Example:
        >>> letters_of("TOTAL: 9.00")
        'total900'
    """
    return "".join(letter for letter in "".join(map(folded, text)) if letter.isalnum())


def _numbers_of(text: str) -> set[Decimal]:
    """All that the numbers in a line may say."""
    said: set[Decimal] = set()
    for found in numbers_in(text):
        own = {-number for number in found.readings} if found.is_negative else found.readings
        said |= found.readings | own
        if found.is_percent:
            said |= {number / 100 for number in own}
    return said


def _dates_of(text: str) -> set[date]:
    both = (one for found in dates_in(text) for one in (found.day_first, found.month_first))
    return {one for one in both if one is not None}


def _dates_across(before: str, after: str) -> set[date]:
    """Dates that begin in a line and go on in the next one, with digits in either."""
    tail, head = before[-_DATE_REACH:], after[:_DATE_REACH]
    if not (any(map(str.isdigit, head)) and any(map(str.isalnum, tail))):
        return set()
    whole = f"{tail}\n{head}"
    across = (found for found in dates_in(whole) if found.start < len(tail) < found.end)
    both = (one for found in across for one in (found.day_first, found.month_first))
    return {one for one in both if one is not None}


@lru_cache(maxsize=1024)
def _said_by(text: str) -> tuple[frozenset[date], frozenset[Decimal]]:
    """The dates that a text may be; else the numbers."""
    found = date_of(text)
    if found is None:
        return frozenset(), amounts(text)
    return frozenset(one for one in (found.day_first, found.month_first) if one is not None), frozenset()
