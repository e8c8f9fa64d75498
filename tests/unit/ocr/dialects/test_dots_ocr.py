"""Answers of dots.ocr: JSON, whole, broken and cut."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from vlm_core.ocr.dialects.dialect import Reading
from vlm_core.ocr.dialects.dots_ocr import resized

Parse = Callable[..., Reading]

CELLS: list[dict[str, Any]] = [
    {"bbox": [0, 0, 504, 252], "category": "Title", "text": "# SHOP"},
    {"bbox": [0, 252, 504, 300], "category": "Picture"},
    {"bbox": [0, 300, 1008, 400], "category": "Formula", "text": "E = mc^2"},
    {"bbox": [0, 400, 1008, 504], "category": "Table", "text": "<table><tr><td>Tea</td></tr></table>"},
]
WHOLE = json.dumps(CELLS)
TEXT = "# SHOP\n\n$$\nE = mc^2\n$$\n\n<table><tr><td>Tea</td></tr></table>"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(WHOLE, id="list"),
        pytest.param(f"```json\n{WHOLE}\n```", id="fenced"),
        pytest.param(json.dumps({"layout": CELLS}), id="in-an-object"),
        pytest.param(json.dumps(CELLS, indent=2), id="on-many-lines"),
        pytest.param(WHOLE + "<|endofassistant|>", id="end-token"),
    ],
)
def test_a_page_has_its_text_its_boxes_and_its_tables(parse: Parse, answer: str) -> None:
    reading = parse("dots-ocr", answer)  # 1,000 × 500 pixels, which the model sees as 1,008 × 504
    assert (reading.text, reading.problem, reading.warnings) == (TEXT, "", ())
    assert reading.lines[0].bbox == (0.0, 0.0, 0.5, 0.5)
    assert len(reading.lines) == 3
    assert reading.tables == (CELLS[3]["text"],)


@pytest.mark.parametrize(
    ("answer", "text", "saved"),
    [
        pytest.param(WHOLE[:-1], TEXT, 4, id="bracket-missing"),
        pytest.param(WHOLE.replace("}, {", "} {"), TEXT, 4, id="commas-missing"),
        pytest.param(WHOLE[: WHOLE.index("/td>")], TEXT[:-17], 4, id="cut-in-a-text"),
        pytest.param(WHOLE[: WHOLE.index("mc^2") - 12], "# SHOP", 2, id="cut-before-a-text"),
        pytest.param(WHOLE.replace('"category": "Title"', "category: Title"),
                     TEXT, 4, id="one-without-quotes"),
        pytest.param(WHOLE.replace("[0, 0, 504, 252]", "[0, 0, 504, NaN]"), TEXT, 4, id="nan"),
        pytest.param(WHOLE + " and so on", TEXT, 4, id="words-behind"),
    ],
)  # fmt: skip
def test_what_can_be_saved_of_broken_json_is(parse: Parse, answer: str, text: str, saved: int) -> None:
    reading = parse("dots-ocr", answer)
    assert reading.text == text
    assert f"{saved} blocks were saved" in reading.warnings[0]


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        pytest.param("SHOP\nTOTAL 9.00", "", id="plain-text"),
        pytest.param("", "", id="empty"),
        pytest.param("[1] a footnote", "", id="text-that-begins-with-a-bracket"),
        pytest.param('[{"bbox": [0, 0, 5', "no JSON", id="cut-in-the-first-box"),
        pytest.param('{"bbox"', "no JSON", id="cut-in-the-first-key"),
        pytest.param('[{"bbox":' * 20_000, "no JSON", id="deep"),
    ],
)
def test_what_holds_no_block_is_text_or_a_problem(parse: Parse, answer: str, problem: str) -> None:
    reading = parse("dots-ocr", answer, "text")
    assert reading.text == answer
    assert (problem in reading.problem) if problem else not reading.problem


@pytest.mark.parametrize(
    "box",
    [
        pytest.param("null", id="null"),
        pytest.param("[0, 0, 10]", id="three"),
        pytest.param('["a", 0, 1, 2]', id="text"),
        pytest.param("[2000, 0, 3000, 10]", id="outside"),
    ],
)
def test_a_box_that_is_none_takes_no_text_with_it(parse: Parse, box: str) -> None:
    reading = parse("dots-ocr", f'[{{"bbox": {box}, "category": "Text", "text": "TOTAL"}}]')
    assert (reading.text, reading.lines) == ("TOTAL", ())
    assert reading.warnings == ("1 blocks of text have no box that can be used",)


def test_what_is_no_block_is_passed_over(parse: Parse) -> None:
    answer = '[7, {"category": "Text"}, {"bbox": [0, 0, 28, 28], "category": "Text", "text": 7}]'
    assert parse("dots-ocr", answer).text == ""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("$$x$$", "$$x$$", id="in-dollars"),
        pytest.param("\\[x\\]", "\\[x\\]", id="in-brackets"),
        pytest.param("x", "$$\nx\n$$", id="bare"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_formula_is_marked_once(parse: Parse, text: str, expected: str) -> None:
    cells = [{"bbox": [0, 0, 28, 28], "category": "Formula", "text": text}]
    assert parse("dots-ocr", json.dumps(cells)).text == expected


@pytest.mark.parametrize(
    ("size", "seen"),
    [
        pytest.param((1000, 500), (1008, 504), id="to-the-grid"),
        pytest.param((1008, 504), (1008, 504), id="on-the-grid"),
        pytest.param((2480, 3508), (2492, 3500), id="a4-at-300-dpi"),
        pytest.param((4000, 3500), (3584, 3136), id="over-the-limit"),
        pytest.param((20, 20), (56, 56), id="under-the-limit"),
        pytest.param((5000, 10), (5012, 28), id="sliver"),
    ],
)
def test_a_picture_is_resized_as_the_model_does(size: tuple[int, int], seen: tuple[int, int]) -> None:
    assert resized(*size) == seen
