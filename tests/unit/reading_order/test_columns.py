"""Columns, band by band: what is read down, and what is read across."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from vlm_core.reading_order.columns import columns_of
from vlm_core.reading_order.pieces import Piece

PROSE = "it goes on and on, over many a line"


def piece(
    text: str, x: float, y: float, width: float = 60, height: float = 20, drawn: int | None = None
) -> Piece:
    return Piece(text, 0.9, (x, y, x + width, y + height), y + height / 2, drawn=drawn)


def column(name: str, x: float, y: float, rows: int, pitch: float = 30, width: float = 400) -> list[Piece]:
    return [piece(f"{name}{row} {PROSE}", x, y + pitch * row, width) for row in range(rows)]


def table(x: Sequence[float], y: float, rows: int, pitch: float = 30) -> list[Piece]:
    return [
        piece(f"{'abcdef'[n]}{row}", left, y + pitch * row) for row in range(rows) for n, left in enumerate(x)
    ]


def order(*pieces: Piece) -> list[str]:
    """The first words, in reading order."""
    shuffled = random.Random(7).sample(pieces, len(pieces))
    return [piece.text.split()[0] for part in columns_of(shuffled) for row in part for piece in row]


def names(*groups: Sequence[Piece]) -> list[str]:
    return [piece.text.split()[0] for group in groups for piece in group]


@pytest.mark.parametrize(("above", "below"), [(0, 0), (10, 0), (0, 10), (10, 10), (30, 30)])
def test_columns_are_found_however_many_lines_run_across_elsewhere(above: int, below: int) -> None:
    top, foot = column("top", 50, 0, above, width=900), column("foot", 50, 3000, below, width=900)
    left, right = column("left", 50, 1500, 12), column("right", 550, 1500, 12)
    assert order(*top, *left, *right, *foot) == names(top, left, right, foot)


def test_a_table_between_two_pairs_of_columns_is_read_row_by_row() -> None:
    title = [piece(f"Title {PROSE}", 200, 20, width=600)]
    upper = column("one", 50, 100, 6), column("two", 550, 100, 6)
    cells = table((60, 300, 600, 850), 300, rows=4)
    lower = column("three", 50, 450, 6), column("four", 550, 450, 6)
    pieces = [piece for group in (title, *upper, cells, *lower) for piece in group]
    assert order(*pieces) == names(title, *upper, cells, *lower)


def test_a_few_lines_under_a_headline_are_columns_where_others_are() -> None:
    upper = column("one", 50, 100, 6), column("two", 550, 100, 6)
    headline = [piece(f"Headline {PROSE}", 50, 300, width=900)]
    lower = column("three", 50, 340, 2), column("four", 550, 340, 2)
    pieces = [piece for group in (*upper, headline, *lower) for piece in group]
    assert order(*pieces) == names(*upper, headline, *lower)


def test_a_header_and_a_footer_are_not_of_the_columns_they_stand_over() -> None:
    header = [piece("Journal", 50, 20), piece("Volume", 800, 20)]
    columns = column("left", 50, 100, 6), column("right", 550, 100, 6)
    footer = [piece("12", 50, 400), piece("2009", 850, 400)]
    pieces = [piece for group in (header, *columns, footer) for piece in group]
    assert order(*pieces) == names(header, *columns, footer)


def test_prose_beside_a_table_is_a_column_of_its_own() -> None:
    cells, text = table((50, 200, 350), 100, rows=12, pitch=23), column("text", 550, 95, 10)
    assert order(*cells, *text) == names(cells, text)


def test_prose_beside_a_side_bar_on_the_same_baselines_is_a_column_of_its_own() -> None:
    text = column("text", 50, 100, 12)
    side_bar = [piece(f"bar{row}", 550, 100 + 30 * row) for row in (1, 2, 4, 5, 8, 9)]
    assert order(*text, *side_bar) == names(text, side_bar)


def test_descriptions_of_some_lines_stay_beside_their_figures() -> None:
    entries = [
        [
            piece(f"text{entry} {PROSE}", 50, 100 + 100 * entry, width=400),
            piece(f"figure{entry}", 800, 100 + 100 * entry),
            piece(f"more{entry} {PROSE}", 50, 130 + 100 * entry, width=400),
            piece(f"end{entry} of it", 50, 160 + 100 * entry, width=90),
        ]
        for entry in range(5)
    ]
    assert order(*(piece for entry in entries for piece in entry)) == names(*entries)


def test_words_far_apart_make_no_gutter() -> None:
    rows = [
        [
            piece(f"a{row} {PROSE}", 50, 30 * row, 300 + (70 * row) % 110),
            piece(f"b{row} {PROSE}", 380 + (70 * row) % 110, 30 * row, 300),
        ]
        for row in range(10)
    ]
    assert order(*(piece for row in rows for piece in row)) == names(*rows)


def test_a_line_that_overlaps_its_neighbour_a_little_never_swaps_with_it() -> None:
    tops = [0.0, 9.0, 18.0, 27.0]  # of lines 20 high, as of a page that is bent
    lines = [piece(f"line{number} {PROSE}", 10.0 * (number % 2), top, 400) for number, top in enumerate(tops)]
    assert order(*lines) == names(lines)


def drawn(pieces: Sequence[Piece]) -> list[Piece]:
    return [
        piece(each.text, *each.box[:2], each.box[2] - each.box[0], drawn=n) for n, each in enumerate(pieces)
    ]


def test_lists_that_a_pdf_draws_one_after_the_other_are_read_so() -> None:
    lists = table((50, 200), 100, rows=6, pitch=30) + table((600, 750), 110, rows=6, pitch=30)
    assert order(*drawn(lists)) == names(lists)


def test_labels_that_a_pdf_draws_before_their_values_are_read_with_them() -> None:
    labels, values = table((50,), 100, rows=6), [piece(f"v{row}", 600, 100 + 30 * row) for row in range(6)]
    pairs = [[label, value] for label, value in zip(labels, values, strict=True)]
    assert order(*drawn([*labels, *values])) == names(*pairs)


def test_cells_of_some_lines_that_a_pdf_draws_one_by_one_are_no_columns() -> None:
    cells = [
        [piece(f"{name}{row}{line} {PROSE}", x, 120 * row + 30 * line, 400) for line in range(3)]
        for row in range(4)
        for name, x in (("l", 50), ("r", 550))
    ]
    pieces = drawn([piece for cell in cells for piece in cell])
    rows = [f"{name}{row}{line}" for row in range(4) for line in range(3) for name in "lr"]
    assert order(*pieces) == rows
