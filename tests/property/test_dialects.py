"""Whatever a model writes, it is read without an error, in time that grows with its length."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from work_counts import lines_run

from vlm_core.ocr.answer_checks import check
from vlm_core.ocr.dialects.dialect import TASKS
from vlm_core.ocr.dialects.registry import DIALECTS, find_dialect
from vlm_core.ocr.loops import LoopDetector, is_looped
from vlm_core.types import PageState

PIECES = [
    "---\n", "primary_language: en\n", "is_rotation_valid: False\n", "rotation_correction: 90\n", "<think>",
    "</think>", "<answer>", "</answer>", "```", "```markdown\n", "<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>",
    "[[1, 2, 3, 4]]", '{"bbox": [1, 2, 3, 4], ', '"category": "Table", ', '"text": "', '"}', "[", "]",
    "{", "}", "NaN", "\\", "\\u00", '"natural_text": "', "<fcel>", "<ecel>", "<lcel>", "<ucel>", "<xcel>",
    "<nl>", "<table>", "</table>", "<tr><td>", "| a |\n|-|\n", "\n", "TOTAL 9.00", "<｜end▁of▁sentence｜>",
    "<|im_end|>", "\x00", "\ud800", " ", "title",
]  # fmt: skip
MARKS = ["<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>", "[[0,0,9,9]]", "a\n"]
ANSWERS = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(PIECES), max_size=30).map("".join),
    st.lists(st.sampled_from(MARKS)).map("".join),
)


@given(text=ANSWERS, name=st.sampled_from(sorted(DIALECTS)), task=st.sampled_from(TASKS))
def test_any_answer_is_read(text: str, name: str, task: str) -> None:
    reading = find_dialect(name).parse(text, task, width=1000, height=500)
    assert all(0 <= side <= 1 for line in reading.lines for side in line.bbox)
    assert reading.rotation in (None, 0, 90, 180, 270)
    verdict = check(reading, finish_reason="stop", task=task, page_is_blank=False)
    assert isinstance(verdict.state, PageState)


@given(text=st.text(alphabet=st.characters(categories=["Lu", "Ll", "Nd", "Lo"]), min_size=1))
def test_a_page_of_letters_is_never_changed(text: str) -> None:
    for name in DIALECTS:
        if text.lower() not in ("null", "none", "notext"):
            assert find_dialect(name).parse(text, "markdown", width=10, height=10).text == text


@given(
    unit=st.text(min_size=1, max_size=40),
    times=st.integers(1, 400),
    cuts=st.lists(st.integers(0, 4000), max_size=20),
)
def test_a_loop_is_the_same_in_whatever_pieces_it_comes(unit: str, times: int, cuts: list[int]) -> None:
    text = unit * times
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    detector = LoopDetector()
    found = [detector.feed(text[start:end]) for start, end in pairwise(edges)]
    assert found[-1] == is_looped(text)
    assert found == sorted(found)


ENDLESS = [
    "<|ref|>", "<|ref|>text<|/ref|><|det|>", "<|det|>[[", '{"bbox": ', '{"bbox": [1, 2, 3, 4], "text": "',
    '{"natural_text": "\\', "<fcel><lcel>", "<ucel><nl>", "<table>", "</table>", "<think>", "</think>",
    "```\n", "```markdown\n", "---\n", "primary_language: ", "| a |\n|-|\n", " ", "\n", "[[", "{", "<",
    "\\", "Here is the ",
]  # fmt: skip
LONG_LINES = [
    pytest.param("```" + " " * 40_000 + "x", id="fence-and-blanks"),
    pytest.param(("a" + " " * 2000 + "b\n") * 40, id="lines-of-blanks"),
    pytest.param("---\nis_table:" + " " * 40_000 + "\n---\n", id="key-and-blanks"),
    pytest.param("Here is the " + "text " * 10_000, id="remark"),
    pytest.param("|" * 40_000 + "\n" + "|-" * 20_000, id="wide-table"),
    pytest.param("[[" + "1, " * 20_000, id="box"),
    pytest.param('{"total": "' + "a" * 40_000 + '"}', id="amount"),
    pytest.param("<answer>" * 5000 + "</answer>" * 5000, id="nested-answers"),
]


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("unit", ENDLESS, ids=repr)
def test_twice_the_answer_takes_no_more_than_twice_the_work(name: str, unit: str) -> None:
    dialect = find_dialect(name)

    def work(size: int) -> int:
        return lines_run(lambda: dialect.parse(unit * size, "markdown", width=1000, height=500))

    assert work(800) < 2.5 * work(400) + 500


@pytest.mark.parametrize("count", [4_000, pytest.param(20_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_huge_answer_of_unclosed_marks_comes_to_an_end(name: str, count: int) -> None:
    """A pattern that tries all splits of these would not end while anybody waits."""
    for unit in ENDLESS:
        reading = find_dialect(name).parse(unit * count, "markdown", width=1000, height=500)
        assert len(reading.text) <= len(unit) * 3 * count


@pytest.mark.parametrize("text", LONG_LINES)
def test_a_huge_line_comes_to_an_end(text: str) -> None:
    for name in DIALECTS:
        for task in TASKS:
            assert find_dialect(name).parse(text, task, width=1000, height=500).rotation in (None, 0)
