"""A form's states and entries on a page that is read by OCR."""

from __future__ import annotations

import pytest

from vlm_core import PageImage, PageResult, PageState, TextLine
from vlm_core.ocr.page_warnings import NO_TEXT
from vlm_core.ocr.text_layer import read_with_text_layer
from vlm_core.types import Block, Box, Cell, Entry, Table, Word

TICKED = Entry("[x]", (0.1, 0.1, 0.12, 0.12), is_mark=True)


def line(text: str, bbox: Box, row: int = 0) -> TextLine:
    return TextLine(text=text, bbox=bbox, row=row, score=0.9)


def read(*lines: TextLine, entries: tuple[Entry, ...], rotation: int = 0) -> PageResult:
    page = PageImage(pixels=b"\xff" * 300, width=10, height=10, entries=entries)
    text = "\n".join(line.text for line in lines)
    result = PageResult(text=text, lines=lines, rotation=rotation, engine="seen")
    return read_with_text_layer(page, lambda page: result, "text")


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        pytest.param([line("a dog", (0.14, 0.1, 0.3, 0.12))], "[x]  a dog", id="before its label"),
        pytest.param([line("a dog", (0.02, 0.1, 0.08, 0.12))], "a dog  [x]", id="behind its label"),
        pytest.param(
            [line("X", (0.1, 0.1, 0.12, 0.12)), line("a dog", (0.14, 0.1, 0.3, 0.12))],
            "[x]  a dog",
            id="which was read as a letter",
        ),
        pytest.param(
            [line("X a dog", (0.1, 0.1, 0.3, 0.12))], "[x]  a dog", id="which was read with its label"
        ),
        pytest.param(
            [line("a dog", (0.14, 0.1, 0.2, 0.12)), line("a cat", (0.6, 0.1, 0.7, 0.12))],
            "[x]  a dog  a cat",
            id="of two labels",
        ),
    ],
)
def test_a_mark_stands_beside_its_label(lines: list[TextLine], text: str) -> None:
    assert read(*lines, entries=(TICKED,)).text == text


def test_a_mark_without_a_label_stands_behind_what_is_above_it() -> None:
    lines = [line("above", (0.05, 0.02, 0.3, 0.04)), line("below", (0.05, 0.5, 0.3, 0.52), row=1)]
    assert read(*lines, entries=(TICKED,)).text == "above\n[x]\n\nbelow"


@pytest.mark.parametrize(
    ("mark", "found"),
    [
        ((0.1, 0.1, 0.12, 0.12), [("[x]", "a dog"), ("Tea", "2.00")]),
        ((0.6, 0.5, 0.7, 0.52), [("a dog",), ("Tea",), ("[x]",)]),
    ],
    ids=["above it", "in place of a cell"],
)
def test_a_table_keeps_its_lines_or_is_none_where_one_is_replaced(
    mark: Box, found: list[tuple[str, ...]]
) -> None:
    lines = (
        line("a dog", (0.14, 0.1, 0.3, 0.12)),
        line("Tea", (0.1, 0.5, 0.2, 0.52), 1),
        line("2.00", (0.6, 0.5, 0.7, 0.52), 1),
    )
    cells = (Cell(row=0, column=0, text="Tea"), Cell(row=0, column=1, text="2.00"))
    table = Block(kind="table", text="Tea  2.00", lines=(1, 2), table=Table(cells=cells))
    result = PageResult(text="x", lines=lines, found=(table,), engine="seen")
    page = PageImage(pixels=b"\xff" * 300, width=10, height=10, entries=(TICKED._replace(bbox=mark),))
    read = read_with_text_layer(page, lambda _: result, "text")
    said = [tuple(read.lines[number].text for number in block.lines) for block in read.blocks]
    assert bool(read.found) == (len(found) == 2)
    assert [text for block in said for text in block] == [text for block in found for text in block]


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        pytest.param(
            [line("Name:", (0.1, 0.1, 0.2, 0.12)), line("Adα", (0.31, 0.1, 0.39, 0.12))],
            "Name:  Ada",
            id="read beside its label",
        ),
        pytest.param([line("Name: Ada", (0.1, 0.1, 0.39, 0.12))], "Name: Ada", id="read with its label"),
        pytest.param([line("Name:", (0.1, 0.1, 0.2, 0.12))], "Name:  Ada", id="not read"),
    ],
)
def test_what_was_filled_in_is_there_once(lines: list[TextLine], text: str) -> None:
    entry = Entry("Ada", (0.3, 0.1, 0.4, 0.12))
    assert read(*lines, entries=(entry,)).text == text


def test_a_mark_stands_where_it_is_once_the_page_is_upright() -> None:
    """The page was turned clockwise by 90 degrees, and its upper left corner is now on the right."""
    result = read(line("a dog", (0.7, 0.1, 0.86, 0.12)), entries=(TICKED,), rotation=90)
    assert result.text == "a dog  [x]"
    assert result.lines[1].bbox == pytest.approx((0.88, 0.1, 0.9, 0.12))


def test_a_models_text_stays() -> None:
    page = PageImage(pixels=b"\xff" * 300, width=10, height=10, entries=(TICKED,))
    seen = PageResult(text="☑ a dog", engine="model")
    assert read_with_text_layer(page, lambda page: seen, "text") is seen


def test_an_empty_page_with_a_mark_is_not_blank() -> None:
    page = PageImage(pixels=b"\xff" * 300, width=10, height=10, entries=(TICKED,))
    blank = PageResult(state=PageState.BLANK, warnings=(NO_TEXT,))
    result = read_with_text_layer(page, lambda page: blank, "text")
    assert (result.text, result.state, result.warnings) == ("[x]", PageState.OK, ())


def test_a_label_without_the_sign_of_its_box_has_the_words_of_its_text() -> None:
    words = (Word("X", (0.1, 0.1, 0.12, 0.12)), Word("a", (0.14, 0.1, 0.16, 0.12)))
    label = TextLine(text="X a", bbox=(0.1, 0.1, 0.16, 0.12), row=0, score=0.9, words=words)
    lines = read(label, entries=(TICKED,)).lines
    assert [line.text for line in lines] == ["[x]", "a"]
    assert lines[1].words == words[1:]
