"""Answers of DeepSeek-OCR, with its tokens, without them, and broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vlm_core.ocr.dialects.dialect import Reading

Parse = Callable[..., Reading]


def marked(label: str, box: str, below: str = "") -> str:
    return f"<|ref|>{label}<|/ref|><|det|>{box}<|/det|>\n{below}"


PAGE = "\n".join(
    [
        marked("title", "[[0, 0, 999, 99]]", "# SHOP\n"),
        marked("image", "[[0, 100, 500, 200]]", ""),
        marked("text", "[[0, 300, 999, 400]]", "TOTAL 9.00\n"),
        marked("table", "[[0, 500, 999, 900]]", "<table><tr><td>Tea</td></tr></table>"),
    ]
)


def test_a_page_has_its_text_its_boxes_and_its_tables(parse: Parse) -> None:
    reading = parse("deepseek-ocr", PAGE)
    assert reading.text == "# SHOP\n\nTOTAL 9.00\n\n<table><tr><td>Tea</td></tr></table>"
    assert [line.text for line in reading.lines] == reading.text.split("\n\n")
    assert reading.lines[1].bbox == (0.0, round(300 / 999, 5), 1.0, round(400 / 999, 5))
    assert reading.tables == ("<table><tr><td>Tea</td></tr></table>",)


def test_a_server_that_leaves_the_tokens_out_changes_nothing(parse: Parse) -> None:
    bare = PAGE
    for token in ("<|ref|>", "<|/ref|>", "<|det|>", "<|/det|>"):
        bare = bare.replace(token, "")
    assert "title[[0, 0, 999, 99]]" in bare
    assert parse("deepseek-ocr", bare) == parse("deepseek-ocr", PAGE)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        pytest.param("TOTAL 9.00", "TOTAL 9.00", id="no-boxes"),
        pytest.param("TOTAL<｜end▁of▁sentence｜>", "TOTAL", id="end-token"),
        pytest.param(
            marked("SHOP", "[[0,0,9,9]]") + marked("TOTAL", "[[0,9,9,20]]"), "SHOP\nTOTAL", id="lines"
        ),
        pytest.param("SHOP[[0, 0, 9, 9]]\nTOTAL[[0, 9, 9, 20]]", "SHOP\nTOTAL", id="lines-without-tokens"),
        pytest.param(
            "before\n" + marked("text", "[[0,0,9,9]]", "TOTAL"), "before\n\nTOTAL", id="text-before"
        ),
        pytest.param(marked("image", "[[0,0,9,9]]"), "", id="a-picture-alone"),
        pytest.param(marked("chart", "[[0,0,9,9]]", "| 1 |"), "| 1 |", id="a-chart-with-text"),
        pytest.param(marked("text", "[[0,0,9,9]]", "a") + "<|ref|>text<|/ref|><|det|>[[0, 5", "a", id="cut"),
        pytest.param(marked("a", "[[0,0,9,9]]") + "<|ref|>b<|/ref|><|det|>[[0, 5", "a\nb", id="cut-line"),
        pytest.param("<|ref|>text<|/ref|>", "<|ref|>text<|/ref|>", id="no-box-at-all"),
        pytest.param("see [[1]] and [[2, 3]]", "see [[1]] and [[2, 3]]", id="footnotes-of-the-page"),
        pytest.param("", "", id="empty"),
    ],
)
def test_the_text_is_what_stands_on_the_page(parse: Parse, answer: str, text: str) -> None:
    assert parse("deepseek-ocr", answer).text == text


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        pytest.param("[[0, 0, 999, 999]]", (0.0, 0.0, 1.0, 1.0), id="whole-page"),
        pytest.param("[0, 0, 999, 999]", (0.0, 0.0, 1.0, 1.0), id="not-nested"),
        pytest.param("[[0, 0, 99.9, 999], [499.5, 0, 999, 99]]", (0.0, 0.0, 1.0, 1.0), id="two"),
        pytest.param("[[-5, 0, 1200, 999]]", (0.0, 0.0, 1.0, 1.0), id="out-of-range"),
        pytest.param("[[0, 0, NaN, 999]]", None, id="nan"),
        pytest.param("[[0, 0, 999]]", None, id="three"),
        pytest.param("[[]]", None, id="empty"),
        pytest.param("__import__('os').system('id')", None, id="code"),
        pytest.param("[[" * 5000, None, id="deep"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_a_box_that_is_none_takes_no_text_with_it(
    parse: Parse, box: str, expected: tuple[float, ...] | None
) -> None:
    reading = parse("deepseek-ocr", marked("text", box, "TOTAL"))
    assert reading.text == "TOTAL"
    assert [line.bbox for line in reading.lines] == ([expected] if expected else [])
    assert reading.warnings == (() if expected else ("1 blocks of text have no box that can be used",))
