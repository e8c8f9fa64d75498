"""Pages with tens of thousands of boxes: putting them in order must not take forever, nor lose a box."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from crowded_pages import (
    LAYOUTS,
    Layout,
    dust,
    grid_of_prose,
    grid_of_words,
    nested_boxes,
    nested_columns,
    one_column,
    one_row,
    ragged_column,
    staircase,
    two_columns,
)
from crowded_tables import RULED, Ruled, boxes_anywhere, nested_frames
from small_pdfs import one_page
from work_counts import lines_run

from vlm_core import DocumentResult, PageResult, TextLine, chunks
from vlm_core.images.decode import open_document
from vlm_core.images.pdf_order import in_reading_order
from vlm_core.images.pdf_text import Char, Line, Style
from vlm_core.ocr.layout import lines_in_order
from vlm_core.reading_order.columns import Work
from vlm_core.structure.table_finding.find import find_tables

MOST_GROWTH = 6
"""Of the lines of code that run, with four times as many boxes. A quadratic algorithm has 16."""
MOST_LINES = 9_000_000
"""Of code, for a page of 2,500 boxes or 8,000 words: pages made to take forever are given up."""


def sizes(few: int, many: int) -> pytest.MarkDecorator:
    """How many boxes the smaller of two pages has: few in `make test`, many in `make test-slow`."""
    values = [pytest.param(few, id="few"), pytest.param(many, id="many", marks=pytest.mark.slow)]
    return pytest.mark.parametrize("count", values)


def lines_to_order(layout: Layout, count: int, work: Work | None = None) -> int:
    pieces = layout(count)
    return lines_run(lambda: lines_in_order(pieces, 2_000, 3_000, work))


@sizes(500, 5_000)
@pytest.mark.parametrize(
    "layout",
    [grid_of_words, grid_of_prose, one_row, one_column, two_columns, nested_boxes],
    ids=lambda layout: layout.__name__,
)
def test_four_times_as_many_boxes_take_at_most_six_times_the_work(layout: Layout, count: int) -> None:
    assert lines_to_order(layout, 4 * count) <= MOST_GROWTH * lines_to_order(layout, count)


HARD = pytest.mark.parametrize(
    "layout", [ragged_column, nested_columns, dust, staircase], ids=lambda layout: layout.__name__
)


@pytest.mark.slow
@HARD
def test_no_layout_takes_more_than_a_bounded_amount_of_work(layout: Layout) -> None:
    assert lines_to_order(layout, 2_500) <= MOST_LINES


@HARD
def test_a_sixteenth_of_the_work_bounds_a_page_to_a_sixteenth_of_the_lines(layout: Layout) -> None:
    assert lines_to_order(layout, 800, Work(Work().left // 16)) <= MOST_LINES / 16


@sizes(400, 2_000)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_no_box_is_lost_however_many_there_are(layout: Layout, count: int) -> None:
    pieces = layout(count)
    text = " ".join(line.text for line in lines_in_order(pieces, 2_000, 3_000))
    assert sorted(text.split()) == sorted(" ".join(piece.text for piece in pieces).split())


def test_columns_are_still_parted_on_a_page_of_thousands() -> None:
    columns = 100
    pieces = grid_of_prose(10_000)
    lefts = [line.bbox[0] for line in lines_in_order(pieces, 100 * columns, 3_000)]
    assert lefts == sorted(lefts)


@pytest.mark.parametrize(
    ("layout", "is_whole"),
    [(grid_of_words, True), (one_column, True), (dust, False), (staircase, False)],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_lines_whose_columns_were_not_all_looked_for_are_in_doubt(layout: Layout, is_whole: bool) -> None:
    work = Work()
    lines_in_order(layout(2_500), 2_000, 3_000, work)
    assert work.was_enough == is_whole
    assert [doubt.partition(":")[0] for doubt in work.doubts] == ["lines may be out of order"] * (
        not is_whole
    )


# --- as a PDF draws them -------------------------------------------------------------------------

DRAWN: dict[str, Callable[[int], list[tuple[float, float]]]] = {
    "column by column": lambda count: [(60 * (n // 100), -14 * (n % 100)) for n in range(count)],
    "beside each other, upwards": lambda count: [(60 * n, 14 * n) for n in range(count)],
    "beside each other, up and down": lambda count: [(60 * n, 14 * (-1) ** n * n) for n in range(count)],
    "beside each other, anywhere": lambda count: [
        (60 * n, 14 * at) for n, at in enumerate(random.Random(5).sample(range(count), count))
    ],
    "row by row": lambda count: [(60 * (n % 100), -14 * (n // 100)) for n in range(count)],
    "upwards": lambda count: [(0, 14 * n) for n in range(count)],
}
"""Where the lines of a page begin, in the order in which it draws them."""


def drawn_line(x: float, y: float) -> Line:
    ink = (x, y, x + 40, y + 8)
    return Line("word", ink, Char("w", ink, (x, y), Style(10)))


def lines_to_order_drawn(places: list[tuple[float, float]]) -> int:
    lines = [drawn_line(x, y) for x, y in places]
    return lines_run(lambda: in_reading_order(lines))


@sizes(300, 2_000)
@pytest.mark.parametrize("places", DRAWN.values(), ids=DRAWN)
def test_lines_of_a_pdf_take_little_more_work_each_however_many_there_are(
    places: Callable[[int], list[tuple[float, float]]], count: int
) -> None:
    assert lines_to_order_drawn(places(4 * count)) <= MOST_GROWTH * lines_to_order_drawn(places(count))


def test_a_pdf_page_whose_columns_were_not_all_looked_for_says_so() -> None:
    upwards = b" ".join(b"1 0 0 1 %d %f Tm (w) Tj" % (n, n / 2) for n in range(1_000))
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    above = b"1 0 0 1 9 0 Tm (b) Tj 1 0 0 1 9 500 Tm (a) Tj "
    for drawn, doubts in ((upwards, 0), (above + upwards, 1)):
        resources, sheet = b"/Font<</F 5 0 R>>", b"0 0 1005 505"
        page = one_page(b"BT /F 0.5 Tf " + drawn + b" ET", font, resources=resources, box=sheet)
        with open_document(page) as document:
            warnings = document.page(1).warnings
        assert sum("lines may be out of order" in warning for warning in warnings) == doubts


# --- what stands on a page -----------------------------------------------------------------------


def lines_to_find_tables(ruled: Callable[[int], Ruled], count: int) -> int:
    page = ruled(count)
    return lines_run(lambda: find_tables(page.lines, page.rules, 1_000, 1_400))


# Boxes anywhere grow faster until their bound: a test below has a smaller page of them.
GROWING = [
    pytest.param(ruled, count, id=f"{ruled.__name__}-{count}", marks=[pytest.mark.slow] * (count > 500))
    for ruled in RULED
    for count in (500, 2_000)
    if (ruled, count) != (boxes_anywhere, 500)
]


@pytest.mark.parametrize(("ruled", "count"), GROWING)
def test_tables_are_looked_for_in_little_more_work_for_each_word_however_many_there_are(
    ruled: Callable[[int], Ruled], count: int
) -> None:
    assert lines_to_find_tables(ruled, 4 * count) <= MOST_GROWTH * lines_to_find_tables(ruled, count)


@sizes(1_000, 8_000)
@pytest.mark.parametrize("ruled", [nested_frames, boxes_anywhere], ids=lambda ruled: ruled.__name__)
def test_rules_in_and_over_each_other_take_no_more_than_a_bounded_amount_of_work(
    ruled: Callable[[int], Ruled], count: int
) -> None:
    assert lines_to_find_tables(ruled, count) <= MOST_LINES * count / 8_000


def page_of(layout: Layout, count: int) -> PageResult:
    pieces = layout(count)
    width, height = (max(piece.box[end] for piece in pieces) for end in (2, 3))
    lines = [
        TextLine(text=text, bbox=(x0 / width, y0 / height, x1 / width, y1 / height))
        for text, (x0, y0, x1, y1) in ((piece.text, piece.box) for piece in pieces)
    ]
    return PageResult(text="\n".join(line.text for line in lines), lines=tuple(lines))


@sizes(250, 1_000)
@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_a_page_is_cut_into_chunks_in_little_more_work_for_each_line_however_many_there_are(
    layout: Layout, count: int
) -> None:
    def work(lines: int) -> int:
        document = DocumentResult(source="a.png", pages=(page_of(layout, lines),))
        return lines_run(lambda: list(chunks(document)))

    work(10)  # loads what is needed
    assert work(4 * count) <= MOST_GROWTH * work(count)


LONG_TEXTS = {
    "words of one letter": "x ",
    "one word": "x",
    "marks": "<",
    "marks of Chinese": "。",
    "entities": "&amp;",
}


def rows_of_markdown(count: int) -> str:
    return "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * count


def rows_of_html(count: int) -> str:
    return "<table>" + "<tr><td rowspan=2>a</td></tr>" * count


SLOW = pytest.mark.slow
COSTLY: dict[str, Callable[[int], str]] = {
    "links": "[a](b".__mul__,
    "headings": "# a\n\n".__mul__,
    "rows of a table": rows_of_markdown,
    "rows of which each spans the next": rows_of_html,
}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        *(pytest.param(part.__mul__, 2_000, id=name) for name, part in LONG_TEXTS.items()),
        *(pytest.param(text, 500, id=name) for name, text in COSTLY.items()),
        *(pytest.param(text, 2_000, id=f"{name}-many", marks=SLOW) for name, text in COSTLY.items()),
    ],
)
def test_an_answer_is_cut_into_chunks_in_little_more_work_however_long_it_is(
    text: Callable[[int], str], count: int
) -> None:
    def work(length: int) -> int:
        document = DocumentResult(source="a.png", pages=(PageResult(text=text(length)),))
        return lines_run(lambda: list(chunks(document)))

    work(1)  # loads what is needed
    assert work(4 * count) <= MOST_GROWTH * work(count)
