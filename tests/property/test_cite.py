"""cite() with its index gives what a comparison of every claim with every place gives."""

from __future__ import annotations

from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vlm_core import PageResult, TextLine, cite
from vlm_core.assistant import cite as module
from vlm_core.assistant.claim_index import ClaimIndex, Window, letters_of
from vlm_core.assistant.claims import Part
from vlm_core.assistant.page_selection import words
from vlm_core.assistant.passages import source_texts

WORDS = ("tea", "cake", "total", "invoice", "harbour", "ships", "north", "paid", "cash", "pots", "the", "of")
WORD = st.sampled_from(WORDS)
VALUE = st.sampled_from(
    ["9.00", "1,150.00", "1150", "-5.00", "12%", "17", "12/03/2018", "2018-03-12", "10:30"]
)
DATE_IN_TWO = st.sampled_from(["12 March", "2018 was", "due 27", "MAR 2018"])
LINE = st.lists(st.one_of(WORD, WORD, VALUE, DATE_IN_TWO), min_size=1, max_size=5).map(" ".join)
PAGES = st.lists(st.lists(LINE, max_size=8), min_size=1, max_size=5)


def page(rows: list[str]) -> PageResult:
    lines = tuple(
        TextLine(text=row, bbox=(0.1, at / 9, 0.9, (at + 1) / 9), row=at) for at, row in enumerate(rows)
    )
    return PageResult(text="\n".join(rows), lines=lines, source="slip.png")


@st.composite
def sentences(draw: st.DrawFn) -> str:
    quoted = st.lists(WORD, min_size=2, max_size=4).map(lambda said: '"' + " ".join(said) + '"')
    parts = draw(st.lists(st.one_of(WORD, WORD, VALUE, quoted), min_size=2, max_size=9))
    return " ".join(parts) + "."


class Exhaustive(module._Library):
    """Every window of every passage is held against a sentence, word by word."""

    def _matches(self, sentence: Any) -> list[Any]:
        found = [
            self._match(sentence, number)
            for number, passage in enumerate(self.index.passages)
            if passage.lines
        ]
        return sorted(found, key=lambda match: match.rank, reverse=True)

    def _match(self, sentence: Any, number: int) -> Any:
        letters = letters_of(sentence.part.text.strip(" .*_"))
        windows = [self.index.window(number, *place) for place in self._places(number)]
        if len(letters) > module._SHORT:
            whole = [window for window in windows if letters in letters_of(window.text)]
            if whole:
                shortest = min(whole, key=lambda window: len(window.lines))
                return module._Match(1.0, (), is_exact=True, windows=(shortest,))
        return super()._match(sentence, number) if windows else module._Match(0.0, (), is_exact=False)

    def _windows(self, sentence: Any, number: int) -> dict[tuple[int, int], int]:
        return {
            place: self._items(sentence, self.index.window(number, *place)) for place in self._places(number)
        }

    def _places(self, number: int) -> list[tuple[int, int]]:
        count = len(self.index.passages[number].lines)
        return [
            (first, last) for first in range(count) for last in range(first + 1, min(first + 3, count) + 1)
        ]

    def _items(self, sentence: Any, window: Window) -> int:
        text = sentence.part.text
        for inner in sentence.part.inner:
            text = text.replace(inner.text, " ", 1) if inner.kind == "number" else text
        said = [word for word in dict.fromkeys(words(text)) if len(word) > 1 and word not in module._EMPTY]
        own = words(window.text)
        values = [stands_in(inner, window) for inner in sentence.part.inner]
        return sum(1 << bit for bit, there in enumerate([*(word in own for word in said), *values]) if there)


def stands_in(part: Part, window: Window) -> bool:
    """Whether a value stands in the lines of a window, looked for in these alone."""
    return bool(ClaimIndex([window.passage._replace(lines=window.lines)]).part(part).spans)


@given(PAGES, st.lists(sentences(), min_size=1, max_size=3).map(" ".join))
def test_an_answer_is_cited_as_if_every_place_were_compared(pages: list[list[str]], answer: str) -> None:
    documents = list(map(page, pages))
    with pytest.MonkeyPatch.context() as patch:
        cited = cite(answer, documents)
        patch.setattr(module, "_Library", Exhaustive)
        assert cited == cite(answer, documents)


@given(PAGES, st.one_of(VALUE, st.sampled_from(["12 March 2018", "27 March 2018"])))
def test_a_value_is_found_in_each_line_that_says_it(pages: list[list[str]], value: str) -> None:
    texts = source_texts(list(map(page, pages)))
    part = Part(text=value, start=0, end=len(value), kind="number")
    spans = ClaimIndex(texts).part(part).spans
    for number, passage in enumerate(texts):
        for line in range(len(passage.lines)):
            window = Window(passage, number, line, line + 1)
            assert window.has(spans) == stands_in(part, window)


@given(st.lists(st.integers(0, 9), max_size=12))
def test_places_of_letters_are_those_of_their_lines(rows: list[int]) -> None:
    (passage,) = source_texts([page([f"row {row}" for row in rows])])
    found = list(chain.from_iterable(ClaimIndex([passage]).letters("row3").spans.values()))
    assert found == [(line, line) for line, row in enumerate(rows) if row == 3]
