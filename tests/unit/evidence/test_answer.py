"""An answer taken apart: letters with their places in the text, lines and cells."""

from __future__ import annotations

import pytest

from vlm_core.evidence.answer import answer_of
from vlm_core.ocr.folding import folded

UNITS = {
    "lines": ("Tea\nCake", ["Tea", "Cake"]),
    "a heading": ("## Prices", ["Prices"]),
    "a list item": ("- Tea\n* Cake", ["Tea", "Cake"]),
    "a row of Markdown": ("| Tea | 2.00 |\n|---|---|\n| Cake | 3.50 |", ["Tea", "2.00", "Cake", "3.50"]),
    "cells of HTML on one line": (
        "<table><tr><td>Tea</td><td>2.00</td></tr></table>",
        ["Tea", "2.00"],
    ),
    "emphasis": ("**Total** _due_", ["Total** _due"]),
    "an address behind its text": ("[site](https://example.com)", ["[site]"]),
    "a fence": ("```\nTea\n```", ["Tea"]),
    "a rule": ("Tea\n-----\nCake", ["Tea", "Cake"]),
    "a bar that is not a table's": ("Tea | 2.00", ["Tea | 2.00"]),
    "a comment": ("Tea <!-- page 1 --> Cake", ["Tea <!-- page 1 --> Cake"]),
}


@pytest.mark.parametrize(("text", "units"), UNITS.values(), ids=UNITS)
def test_a_text_has_these_lines_and_cells(text: str, units: list[str]) -> None:
    answer = answer_of(text)
    assert [text[unit.start : unit.end] for unit in answer.units] == units


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        pytest.param("Tea 2.00", "tea2.00", id="blanks and case"),
        pytest.param("ＴＥＡ", "tea", id="width"),
        pytest.param("“Tea” – 2", '"tea"-2', id="quotes and dashes"),
        pytest.param("ﬁne", "fine", id="a ligature"),
        pytest.param("cafe\u0301", "café", id="an accent of its own"),
        pytest.param("Straße", "straße", id="a letter that stays one"),
        pytest.param("A &amp; B", "a&b", id="an entity"),
        pytest.param(r"2\*3 \# 1", "2*3#1", id="an escape"),
        pytest.param("<b>Tea</b><br>2", "tea2", id="tags"),
        pytest.param("Tea<thé>", "tea<thé>", id="what only looks like a tag"),
    ],
)
def test_a_text_has_these_letters(text: str, letters: str) -> None:
    assert answer_of(text).letters == letters


@pytest.mark.parametrize(
    ("text", "unchecked"),
    [
        pytest.param("Let $$x^2$$ be", "$$x^2$$", id="a formula"),
        pytest.param(r"Let $\alpha_1$ be", r"$\alpha_1$", id="a formula in a line"),
        pytest.param("![A cup](cup.png) Tea", "![A cup](cup.png)", id="a picture"),
    ],
)
def test_what_cannot_be_held_against_print_is_left_out(text: str, unchecked: str) -> None:
    answer = answer_of(text)
    assert [text[start:end] for start, end in answer.unchecked] == [unchecked]


def test_amounts_of_dollars_are_not_formulas() -> None:
    assert answer_of("from $5.00 to $6.00").unchecked == ()


def test_each_letter_knows_its_place() -> None:
    text = "| Tea &amp; Cake | 2.00 |"
    answer = answer_of(text)
    held = zip(answer.letters, answer.offsets, answer.lengths, strict=True)
    assert all(letter in folded(text[at]) or text[at : at + length] == "&amp;" for letter, at, length in held)


def test_cells_know_their_row_and_column() -> None:
    answer = answer_of("| Tea | 2.00 |\n| Cake | |\n\n<table><tr><th>A</th><th>B</th></tr></table>")
    assert [(unit.line, unit.column) for unit in answer.units[:3]] == [(0, 0), (0, 1), (1, 0)]
    assert [unit.column for unit in answer.units[3:]] == [0, 1]
