"""Which areas of a page are figures, and what is lettered in them."""

from __future__ import annotations

import pytest

from vlm_core.structure.figures import figures_of
from vlm_core.types import Block, Box, TextLine

AREA: Box = (0.2, 0.2, 0.7, 0.5)


def line(text: str, box: Box) -> TextLine:
    return TextLine(text=text, bbox=box)


def test_lettering_in_an_area_is_of_its_figure() -> None:
    lines = [line("A page", (0.1, 0.1, 0.3, 0.12)), line("Height", (0.3, 0.3, 0.4, 0.32))]
    (figure,) = figures_of([AREA], lines, [], "pdf")
    assert (figure.kind, figure.text, figure.lines, figure.origin) == ("figure", "Height", (1,), "pdf")


@pytest.mark.parametrize(
    "area",
    [
        pytest.param((0.1, 0.1, 0.2, 0.2), id="logo"),
        pytest.param((0.1, 0.1, 0.9, 0.14), id="rule"),
        pytest.param((0.02, 0.02, 0.98, 0.98), id="frame of the page"),
        pytest.param((0.0, 0.0, 1.0, 0.2), id="banner"),
        pytest.param((0.3, 0.0, 0.6, 1.0), id="stripe"),
    ],
)
def test_an_area_of_another_shape_is_no_figure(area: Box) -> None:
    assert not list(figures_of([area], [], [], "ocr"))


def test_a_frame_around_a_text_is_no_figure() -> None:
    text = [
        line("a long sentence of prose " * 3, (0.22, y / 100, 0.68, y / 100 + 0.02)) for y in (22, 26, 30)
    ]
    assert not list(figures_of([AREA], text, [], "ocr"))


def test_an_area_full_of_lines_is_no_figure() -> None:
    text = [line("one two", (0.22, y / 100, 0.68, y / 100 + 0.02)) for y in range(22, 48, 3)]
    assert not list(figures_of([AREA], text, [], "ocr"))


def test_what_a_table_holds_is_not_a_figures() -> None:
    lines = [line("9.00", (0.3, 0.3, 0.4, 0.32))]
    table = Block(kind="table", bbox=(0.1, 0.28, 0.9, 0.34), lines=(0,))
    assert not list(figures_of([AREA], lines, [table], "ocr"))


def test_an_area_within_a_figure_is_part_of_it() -> None:
    inner = (0.25, 0.25, 0.5, 0.45)
    assert [figure.bbox for figure in figures_of([inner, AREA], [], [], "ocr")] == [AREA]


def test_a_line_is_lettering_of_one_figure() -> None:
    areas: list[Box] = [(0.2, 0.2, 0.7, 0.5), (0.4, 0.32, 0.9, 0.72)]
    lines = [line("shared", (0.5, 0.4, 0.6, 0.42))]
    found = list(figures_of(areas, lines, [], "ocr"))
    assert sum(figure.lines.count(0) for figure in found) == 1
