"""A PDF's lines: as drawn where that goes down the page, else as a reader comes to them."""

from __future__ import annotations

import pytest

from vlm_core.images.pdf_order import in_reading_order
from vlm_core.images.pdf_text import Char, Line, Style

PROSE = "goes on and on, over many a line"


def line(text: str, x: float, y: float, length: float | None = None, style: Style | None = None) -> Line:
    """Its first character stands at x and y, points from the lower left of the page."""
    style = style or Style(10)
    dx, dy = round(style.cos), round(style.sin)
    end = (x + dx * (length or 6 * len(text)) - 8 * dy, y + dy * (length or 6 * len(text)) + 8 * dx)
    box = (min(x, end[0]), min(y, end[1]), max(x, end[0]), max(y, end[1]))
    return Line(text, box, Char(text[0], box, (x, y), style))


def column(name: str, x: float, rows: int = 8) -> list[Line]:
    return [line(f"{name}{row} {PROSE}", x, 700 - 14 * row, 230) for row in range(rows)]


def order(*lines: Line) -> list[str]:
    return [line.text.split()[0] for line in in_reading_order(lines)]


def test_what_goes_down_the_page_is_kept_as_drawn() -> None:
    lists = [line(text, x, y) for x in (50, 300) for text, y in (("a", 700), ("b", 680), ("c", 660))]
    assert in_reading_order(lists) == lists


def test_labels_and_values_drawn_apart_come_together() -> None:
    labels = [line(text, 72, y) for text, y in (("Subtotal", 600), ("Tax", 580), ("Total", 560))]
    values = [line(text, 300, y) for text, y in (("7.20", 600), ("0.01", 580), ("7.21", 560))]
    title = line("Invoice", 72, 720, style=Style(24))
    assert order(*labels, *values, title) == ["Invoice", "Subtotal", "7.20", "Tax", "0.01", "Total", "7.21"]


def test_a_title_drawn_last_stands_above_both_columns() -> None:
    left, right = column("l", 50), column("r", 320)
    title = line(f"Title {PROSE}", 120, 760, 350, Style(18))
    expected = ["Title", *(f"l{row}" for row in range(8)), *(f"r{row}" for row in range(8))]
    assert order(*left, *right, title) == expected


def test_footnotes_drawn_first_end_their_columns() -> None:
    notes = [line(f"n{n} {PROSE}", x, 500, 230, Style(8)) for n, x in enumerate((50, 320))]
    expected = [*(f"l{row}" for row in range(8)), "n0", *(f"r{row}" for row in range(8)), "n1"]
    assert order(*notes, *column("l", 50), *column("r", 320)) == expected


def test_a_stamp_up_the_margin_stays_behind_what_was_drawn_before_it() -> None:
    stamp = line("stamp", 20, 300, style=Style(10, 0.0, 1.0))
    lines = [line("second", 50, 650), stamp, line("first", 50, 700)]
    assert order(*lines) == ["first", "second", "stamp"]


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_a_page_is_read_whichever_way_its_text_runs(turn: int) -> None:
    cos, sin = {0: (1.0, 0.0), 90: (0.0, 1.0), 180: (-1.0, 0.0), 270: (0.0, -1.0)}[turn]
    style = Style(10, cos, sin)
    places = {"first": (0, 0), "second": (0, -20), "third": (200, -20), "last": (0, -40)}
    lines = {
        text: line(text, 300 + cos * x - sin * y, 300 + sin * x + cos * y, style=style)
        for text, (x, y) in places.items()
    }
    assert order(*(lines[text] for text in ("third", "last", "second", "first"))) == list(places)


def test_rows_of_arabic_are_read_from_the_right() -> None:
    words = {"ابجد": (300, 700), "هوز": (50, 700), "حطي": (300, 680)}
    lines = {text: line(text, x, y) for text, (x, y) in words.items()}
    assert order(lines["حطي"], lines["هوز"], lines["ابجد"]) == list(words)


def test_columns_of_japanese_written_downwards_are_read_from_the_right() -> None:
    def downwards(text: str, x: float) -> Line:
        box = (x, 700 - 10.0 * len(text), x + 10, 700)
        return Line(text, box, Char(text[0], (x, 690, x + 10, 700), (x, 691), Style(10)))

    right, middle, left = (
        downwards("春はあけぼの", 400),
        downwards("やうやう白く", 380),
        downwards("なりゆく山際", 360),
    )
    assert in_reading_order([left, right, middle]) == [right, middle, left]
