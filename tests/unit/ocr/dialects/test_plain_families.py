"""Answers of the families whose answer is the text itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vlm_core.ocr.dialects.dialect import Reading

Parse = Callable[..., Reading]
TABLE = "<table><tr><td>Tea</td></tr></table>"
ANSWERS = [
    pytest.param("# SHOP\n\nTOTAL 9.00", "# SHOP\n\nTOTAL 9.00", id="markdown"),
    pytest.param("```markdown\n# SHOP\n```", "# SHOP", id="fenced"),
    pytest.param("```markdown\n# SHOP", "# SHOP", id="fence-that-was-cut"),
    pytest.param("SHOP<|im_end|>", "SHOP", id="end-token"),
    pytest.param("The token <|im_end|> ends it.", "The token <|im_end|> ends it.", id="page-about-tokens"),
    pytest.param(f"Prices\n\n{TABLE}", f"Prices\n\n{TABLE}", id="table"),
    pytest.param("<table><tr><td>Te", "<table><tr><td>Te", id="cut-table"),
    pytest.param("---\ntitle: x\n---\na", "---\ntitle: x\n---\na", id="front-matter-of-the-page"),
    pytest.param("naïve ☑ 中文 \u200b", "naïve ☑ 中文 \u200b", id="signs"),
    pytest.param("There is no text in the image.", "", id="no-text"),
    pytest.param("", "", id="empty"),
]


@pytest.mark.parametrize("dialect", ["numarkdown", "nanonets-ocr", "rolmocr", "got-ocr2", "lightonocr"])
@pytest.mark.parametrize(("answer", "text"), ANSWERS)
def test_the_text_is_what_stands_on_the_page(parse: Parse, dialect: str, answer: str, text: str) -> None:
    reading = parse(dialect, answer)
    assert (reading.text, reading.problem, reading.lines) == (text, "", ())
    assert reading.tables == ((TABLE,) if TABLE in answer else ())


@pytest.mark.parametrize(
    ("answer", "text", "problem"),
    [
        pytest.param("<think>A receipt.</think><answer># SHOP</answer>", "# SHOP", "", id="whole"),
        pytest.param("<think>A\n\nB</think>\n<answer>\n# SHOP\n</answer>\n", "# SHOP", "", id="on-lines"),
        pytest.param("A receipt.</think><answer># SHOP</answer>", "# SHOP", "", id="start-in-the-prompt"),
        pytest.param("<answer># SHOP</answer>", "# SHOP", "", id="thought-apart"),
        pytest.param("# SHOP", "# SHOP", "", id="tags-taken-off-by-the-server"),
        pytest.param("<think>A receipt.</think># SHOP", "# SHOP", "", id="no-answer-tag"),
        pytest.param("<think>A</think><answer># SH", "# SH", "", id="answer-cut"),
        pytest.param("<think>A receipt, and", "", "gave no answer", id="nothing-but-thought"),
        pytest.param("<think>A</think><answer></answer>", "", "", id="empty-answer"),
        pytest.param(
            "<think>A</think><answer>a </answer> b</answer>", "a </answer> b", "", id="tag-on-the-page"
        ),
    ],
)
def test_numarkdown_thinks_before_it_answers(parse: Parse, answer: str, text: str, problem: str) -> None:
    reading = parse("numarkdown", answer)
    assert reading.text == text
    assert (problem in reading.problem) if problem else not reading.problem


def test_nanonets_tags_stay_in_the_text(parse: Parse) -> None:
    answer = "<watermark>COPY</watermark>\n<img>A cat.</img>\n☑ yes\n<page_number>1/2</page_number>"
    assert parse("nanonets-ocr", answer).text == answer


def test_a_thought_that_reached_the_limit_is_left_to_the_guards(parse: Parse) -> None:
    assert parse("numarkdown", "<think>A receipt, and", finish_reason="length").problem == ""
