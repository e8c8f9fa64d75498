"""Reading order, rows, lines and blocks, and the three ways to write them down."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial

import pytest

from vlm_core.ocr.layout import Piece, as_layout, as_text, blocks, lines_in_order, text_of_page
from vlm_core.types import Block, Cell, Table, TextLine

WIDTH, HEIGHT = 1000, 1000


as_markdown = partial(text_of_page, "markdown")


def piece(text: str, x: float, y: float, width: float | None = None, height: float = 20) -> Piece:
    return Piece(text, 0.9, (x, y, x + (width or 10 * len(text)), y + height), y + height / 2)


def text_of(*pieces: Piece) -> str:
    shuffled = random.Random(7).sample(pieces, len(pieces))
    return as_text(lines_in_order(shuffled, WIDTH, HEIGHT))


def prose(name: str, x: float, rows: range) -> list[Piece]:
    return [piece(f"{name} column, its line {row:02d}", x, 100 + 30 * row, width=400) for row in rows]


def test_a_receipt_is_read_row_by_row() -> None:
    rows = [("APPLES", "1.00"), ("PEARS", "2.50"), ("PLUMS", "0.75"), ("BREAD", "3.10"), ("TOTAL", "7.35")]
    pieces = [
        cell
        for n, (item, price) in enumerate(rows)
        for cell in (piece(item, 50, 30 * n), piece(price, 800, 30 * n + 3))
    ]
    assert text_of(*pieces) == "\n".join(f"{item}  {price}" for item, price in rows)


def test_columns_of_prose_are_read_one_after_the_other() -> None:
    left, right = prose("left", 50, range(8)), prose("right", 550, range(8))
    assert text_of(*left, *right).replace("\n\n", "\n").split("\n") == [p.text for p in left + right]


def test_a_headline_divides_columns_above_from_columns_below() -> None:
    above = prose("one", 50, range(6)), prose("two", 550, range(6))
    headline = piece("A headline that runs across both of the columns", 50, 300, width=900)
    below = prose("three", 50, range(8, 14)), prose("four", 550, range(8, 14))
    expected = [p.text for p in [*above[0], *above[1], headline, *below[0], *below[1]]]
    lines = text_of(*above[0], *above[1], headline, *below[0], *below[1])
    assert [line for line in lines.split("\n") if line] == expected


def test_three_columns_are_read_from_left_to_right() -> None:
    columns = [
        [piece(f"{name} third of row {row:02d}", x, 30 * row, width=280) for row in range(6)]
        for name, x in (("first", 0), ("second", 350), ("last", 700))
    ]
    expected = [p.text for column in columns for p in column]
    assert [line for line in text_of(*columns[0], *columns[1], *columns[2]).split("\n") if line] == expected


def test_columns_that_nearly_touch_are_still_columns() -> None:
    left = [
        piece(f"left column, its line {row:02d}", 50, 100 + 30 * row, width=440 + row) for row in range(8)
    ]
    right = [piece(f"right column, its line {row:02d}", 500, 100 + 30 * row, width=440) for row in range(8)]
    assert text_of(*left, *right).replace("\n\n", "\n").split("\n") == [p.text for p in left + right]


def test_a_line_that_reaches_into_the_gutter_stays_in_its_column() -> None:
    left, right = prose("left", 50, range(8)), prose("right", 460, range(8))
    left[4] = piece("left column, its line 04", 50, 220, width=420)
    assert text_of(*left, *right).replace("\n\n", "\n").split("\n") == [p.text for p in left + right]


def test_pieces_that_stand_close_are_one_line_with_one_box() -> None:
    (line,) = lines_in_order([piece("swallowed", 50, 10), piece("words", 150, 12)], WIDTH, HEIGHT)
    assert line.text == "swallowed words"
    assert line.bbox == (0.05, 0.01, 0.2, 0.032)


def test_pieces_far_apart_on_a_row_keep_their_own_boxes() -> None:
    lines = lines_in_order([piece("TOTAL", 50, 10), piece("9.00", 800, 10)], WIDTH, HEIGHT)
    assert [line.bbox[0] for line in lines] == [0.05, 0.8]


def test_a_wide_gap_between_rows_begins_a_block() -> None:
    pieces = [piece("one", 0, 0), piece("two", 0, 25), piece("three", 0, 50), piece("four", 0, 120)]
    lines = lines_in_order(pieces, WIDTH, HEIGHT)
    assert [[line.text for line in block] for block in blocks(lines)] == [["one", "two", "three"], ["four"]]


def test_short_paragraphs_are_blocks_of_their_own() -> None:
    tops = [0, 25, 75, 100, 150, 175, 225, 250]
    lines = lines_in_order([piece(f"line at {top}", 0, top) for top in tops], WIDTH, HEIGHT)
    assert [len(block) for block in blocks(lines)] == [2, 2, 2, 2]


def skewed(text: str, x: float, y: float, slope: float = 0.06) -> Piece:
    box = (x, y + slope * x, x + 10 * len(text), y + slope * x + 20)
    return Piece(text, 0.9, box, y + 10)


def test_boxes_too_narrow_for_their_text_do_not_make_a_layout_wide() -> None:
    rows = [line("far", 1 - 1e-5, 0.05 * n, 1.0) for n in range(9)]
    assert max(map(len, as_layout(rows).split("\n"))) == 500 + len("far")


def test_a_box_far_beyond_the_page_does_not_make_a_layout_wide() -> None:
    assert len(as_layout([line("far", 1e6, 0, 1e6 + 0.3)])) == 500 + len("far")


@pytest.mark.parametrize("render", [as_text, as_layout])
def test_a_row_of_a_skewed_page_stays_one_row(render: Callable[[Sequence[TextLine]], str]) -> None:
    pieces = [
        skewed("TOTAL GBP", 50, 0),
        skewed("38.25", 800, 0),
        skewed("CARD", 50, 30),
        skewed("38.25", 800, 30),
    ]
    rows = render(lines_in_order(pieces, WIDTH, HEIGHT)).split("\n")
    assert [row.split() for row in rows] == [["TOTAL", "GBP", "38.25"], ["CARD", "38.25"]]


def test_the_score_of_a_joined_line_is_weighed_by_length() -> None:
    pieces = [Piece("a", 0.5, (0, 0, 10, 20), 10), Piece("bcd", 0.9, (15, 0, 45, 20), 10)]
    assert lines_in_order(pieces, WIDTH, HEIGHT)[0].score == pytest.approx(0.8)


def test_boxes_end_at_the_edge_of_the_page() -> None:
    (line,) = lines_in_order([piece("edge", -5, 990, width=1010)], WIDTH, HEIGHT)
    assert line.bbox == (0.0, 0.99, 1.0, 1.0)


@pytest.mark.parametrize("spanned", [6, 2], ids=["a column of a form", "a tall cell"])
def test_a_table_in_which_rows_run_together_is_written_as_lines(spanned: int) -> None:
    """A cell over six rows with six lines is six cells that no rule parts."""
    numbers = [line(f"n{n}", 0.1, 0.1 + 0.03 * n, 0.12) for n in range(6)]
    labels = [line(f"label {n}", 0.3, 0.1 + 0.03 * n, 0.5) for n in range(6)]
    lines = [each for pair in zip(numbers, labels, strict=True) for each in pair]
    lines = [each.model_copy(update={"row": n // 2}) for n, each in enumerate(lines)]
    tall = Cell(row=0, column=0, row_span=6, text="\n".join(f"n{n}" for n in range(spanned)))
    others = (Cell(row=n, column=1, text=f"label {n}") for n in range(6))
    table = Block(kind="table", text="table", lines=tuple(range(12)), table=Table(cells=(tall, *others)))
    text = text_of_page("markdown", lines, [table])
    assert ("n0  label 0\nn1  label 1" in text) == (spanned == 6)
    assert ("<table>" in text) == (spanned == 2)


def test_no_pieces_are_no_lines() -> None:
    assert lines_in_order([], WIDTH, HEIGHT) == ()


def line(text: str, x0: float, y0: float, x1: float, height: float = 0.02, block: int = 0) -> TextLine:
    return TextLine(text=text, bbox=(x0, y0, x1, y0 + height), block=block)


def test_large_print_is_a_heading_in_markdown_alone() -> None:
    lines = [
        line("Invoice", 0, 0, 0.3, height=0.05),
        *(line("text", 0, 0.1 * n, 0.3, block=1) for n in (1, 2, 3)),
    ]
    assert as_markdown(lines).startswith("# Invoice\n\n")
    assert as_text(lines).startswith("Invoice\n\n")


def test_layout_keeps_what_stands_below_each_other_in_one_column() -> None:
    rows = [
        line("ITEM", 0, 0.0, 0.08),
        line("PRICE", 0.4, 0.0, 0.5),
        line("ladder", 0, 0.03, 0.12),
        line("9.00", 0.4, 0.03, 0.48),
    ]
    first, second = as_layout(rows).split("\n")
    assert first.index("PRICE") == second.index("9.00")


def test_layout_never_writes_over_a_cell() -> None:
    rows = [line("a rather long description", 0, 0, 0.2), line("9.00", 0.21, 0, 0.25)]
    assert as_layout(rows).split() == ["a", "rather", "long", "description", "9.00"]


@pytest.mark.parametrize("render", [as_text, as_markdown, as_layout])
def test_no_lines_are_no_text(render: Callable[[Sequence[TextLine]], str]) -> None:
    assert render(()) == ""
