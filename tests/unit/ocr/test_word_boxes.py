"""The words of a line and where they stand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core import read
from vlm_core.ocr.word_boxes import WordSpan, word_spans, words_on_page

TEXT = "Carbon monoxide 500 000 kg"
FONT = ImageFont.load_default(size=32)


def page_with_a_line() -> Image.Image:
    image = Image.new("RGB", (900, 200), "white")
    ImageDraw.Draw(image).text((60, 80), TEXT, fill="black", font=FONT)
    return image


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_words_stand_where_they_were_drawn(turn: int) -> None:
    page = read(page_with_a_line().rotate(turn, expand=True), task="text").pages[0]
    words = [word for line in page.lines for word in line.words]
    assert [word.text for word in words] == TEXT.split()
    for number, word in enumerate(words):
        before = " ".join([*TEXT.split()[:number], ""]) if number else ""
        start = 60 + FONT.getlength(before)
        assert word.bbox[0] * page.width == pytest.approx(start, abs=6)
        assert word.bbox[2] * page.width == pytest.approx(start + FONT.getlength(word.text), abs=6)


def test_a_line_s_words_are_its_text(data: Path) -> None:
    page = read(data / "pages" / "phototest.tif", task="text").pages[0]
    assert page.lines
    assert [" ".join(word.text for word in line.words) for line in page.lines] == [
        " ".join(line.text.split()) for line in page.lines
    ]


def test_a_word_ends_where_its_ink_does() -> None:
    line = np.full((48, 200, 3), 255, np.uint8)
    line[10:40, 20:60] = line[10:40, 100:150] = 0
    spans = word_spans("ab cd", [False] * 5, np.array([28.0, 52, 80, 112, 140]), line)
    assert spans == (WordSpan("ab", 0.1, 0.3), WordSpan("cd", 0.5, 0.75))


def test_a_rule_below_the_words_does_not_join_them() -> None:
    line = np.full((48, 200, 3), 255, np.uint8)
    line[10:36, 20:60] = line[10:36, 100:150] = 0
    line[40:42] = 0
    spans = word_spans("ab cd", [False] * 5, np.array([28.0, 52, 80, 112, 140]), line)
    assert [(span.start, span.end) for span in spans] == [(0.1, 0.3), (0.5, 0.75)]


def test_a_space_that_was_swallowed_parts_words() -> None:
    line = np.full((48, 200, 3), 255, np.uint8)
    line[10:36, 20:60] = line[10:36, 100:150] = 0
    spans = word_spans("abcd", [False, False, True, False], np.array([28.0, 52, 112, 140]), line)
    assert [span.text for span in spans] == ["ab", "cd"]


def test_words_of_a_line_askew_have_the_boxes_around_them() -> None:
    quad = np.array([[0, 0], [100, 10], [100, 30], [0, 20]], np.float32)
    (word,) = words_on_page([WordSpan("a", 0.5, 1.0)], quad)
    assert word == ("a", (50, 5, 100, 30))
