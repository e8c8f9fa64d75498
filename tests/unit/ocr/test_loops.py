"""Loops are found, and pages that repeat themselves are not taken for them."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from vlm_core.ocr.loops import STEP, LoopDetector, is_looped

NUMBERS = random.Random(7)  # numbers that are the same on each run


def table(rows: int, columns: int, *, indent: str = "") -> str:
    cells = [[f"{NUMBERS.random() * 1000:.2f}" for _ in range(columns)] for _ in range(rows)]
    return "\n".join("<tr>" + "".join(f"{indent}<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)


HONEST = [
    pytest.param("| | | | | |\n" * 80, id="empty-markdown-rows"),
    pytest.param(("<tr>" + "<td></td>" * 31 + "</tr>") * 40, id="empty-attendance-sheet"),
    pytest.param(("<tr>\n" + "<td></td>\n" * 8 + "</tr>\n") * 60, id="empty-rows-a-cell-a-line"),
    pytest.param("<table>" + table(90, 12) + "</table>", id="table-of-numbers"),
    pytest.param(table(40, 8, indent="\n    "), id="table-of-numbers-a-cell-a-line"),
    pytest.param(("| 0.00 " * 12 + "|\n") * 60, id="zeros"),
    pytest.param("<tr><td>08:00</td><td>17:00</td><td>Project work</td></tr>" * 62, id="timesheet"),
    pytest.param("".join(f"Chapter {n} {'.' * 120} {n * 7}\n" for n in range(90)), id="dotted-leaders"),
    pytest.param("".join(f"第{n}章 {'…' * 60} {n}\n" for n in range(60)), id="chinese-leaders"),
    pytest.param(("_" * 100 + "\n") * 60, id="lines-to-write-on"),
    pytest.param("Name: " + "_" * 900, id="one-long-line-to-write-on"),
    pytest.param("COCA COLA 330ML        1.50\n" * 40, id="equal-lines-of-a-receipt"),
    pytest.param("    assert result == expected\n" * 90, id="code"),
    pytest.param("00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00\n" * 64, id="hex-dump"),
    pytest.param("I will not talk in class.\n" * 100, id="a-punishment"),
    pytest.param("la la la la " * 12, id="song"),
    pytest.param("- [ ] \n" * 90, id="check-boxes"),
    pytest.param("本发明涉及一种装置。\n" * 30, id="equal-chinese-lines"),
    pytest.param("ACGT" * 200, id="a-short-sequence"),
    pytest.param("\n" * 100, id="blank-lines"),
    pytest.param("=" * 200 + "\n" + "word " * 100, id="rule-and-words"),
    pytest.param("", id="nothing"),
    pytest.param("word", id="a-word"),
]
LOOPS = [
    pytest.param("The cat sat on the mat. " * 100, id="sentence"),
    pytest.param("The cat sat on the mat.\n" * 300, id="line"),
    pytest.param(("The quick brown fox jumps over the lazy dog. " * 8 + "\n\n") * 20, id="paragraph"),
    pytest.param("." * 4000, id="dots"),
    pytest.param("_" * 4000, id="underscores"),
    pytest.param("\n" * 2000, id="line-breaks"),
    pytest.param("<td></td>" * 500, id="empty-cells-without-end"),
    pytest.param("<tr><td></td><td></td></tr>" * 300, id="empty-rows-without-end"),
    pytest.param("| | | |\n" * 400, id="markdown-rows-without-end"),
    pytest.param("<fcel>0<nl>" * 400, id="otsl-rows-without-end"),
    pytest.param("0.00 " * 500, id="zeros-in-one-line"),
    pytest.param("本发明涉及一种装置，" * 200, id="chinese"),
    pytest.param("ha" * 1500, id="syllable"),
    pytest.param('{"bbox": [0, 0, 10, 10], "text": "SHOP"}, ' * 200, id="json"),
]


@pytest.mark.parametrize("text", HONEST)
def test_a_page_that_repeats_itself_is_a_page(text: str) -> None:
    assert not is_looped(text)


@pytest.mark.parametrize("text", LOOPS)
def test_a_loop_is_found(text: str) -> None:
    assert is_looped("# SHOP\n\nA page begins in good order.\n\n" + text)


@pytest.mark.parametrize("text", LOOPS)
def test_a_loop_is_found_though_the_model_came_out_of_it(text: str) -> None:
    words = " ".join(str(NUMBERS.random()) for _ in range(400))
    assert is_looped(text + words)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Introduction to the subject. " * 20, id="short-loop"),
        pytest.param("".join(f"{n}. Introduction to the subject\n" for n in range(300)), id="counting-up"),
        pytest.param("<tr><td></td><td></td></tr>" * 70, id="rows"),
    ],
)
def test_an_answer_that_was_cut_is_judged_more_strictly(text: str) -> None:
    assert not is_looped(text)
    assert is_looped(text, was_cut=True)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<table>" + table(90, 12), id="numbers-in-html"),
        pytest.param("".join(f"{n * 37 % 1009} " for n in range(3000)), id="numbers-in-text"),
        pytest.param("COCA COLA 330ML        1.50\n" * 8, id="a-few-equal-lines"),
        pytest.param("Name: " + "_" * 200, id="a-line-to-write-on"),
    ],
)
def test_an_answer_that_was_cut_is_not_a_loop_for_that(text: str) -> None:
    assert not is_looped(text, was_cut=True)


def test_real_receipts_are_no_loops(data: Path) -> None:
    receipts = sorted((data / "receipts").glob("*.csv"))
    texts = ["\n".join(line.split(",", 8)[-1] for line in path.read_text().splitlines()) for path in receipts]
    assert len(texts) > 40
    assert [text for text in texts if is_looped(text, was_cut=True)] == []


def test_once_in_a_loop_it_stays_said() -> None:
    detector = LoopDetector()
    assert detector.feed("." * 4000)
    assert detector.feed("words again")


def test_small_pieces_cost_no_more_looks_than_large_ones() -> None:
    """An answer is looked at once for each STEP characters, however it comes."""
    text = "".join(f"{n * 7919 % 100_003} " for n in range(20_000))
    looks = []

    class Counting(LoopDetector):
        def _advance(self) -> None:
            looks.append(self._waiting)
            super()._advance()

    detector = Counting()
    assert not any(detector.feed(character) for character in text)
    assert len(looks) == len(text) // STEP
    assert max(looks) == STEP
