"""Ruling lines, shades and words of a born-digital page."""

from __future__ import annotations

import pytest

from tests.unit.images.test_pdf import say, text_pdf
from vlm_core.images.pdf_worker import open_pdf
from vlm_core.types import TextLayer

WORDS = say(b"Carbon monoxide 500 000")


def layer_of(content: bytes, page: bytes = b"/MediaBox[0 0 400 300]") -> TextLayer:
    with open_pdf(text_pdf(WORDS + b"\n" + content, page=page)) as document:
        layer = document.page(1).text_layer
    assert layer is not None
    return layer


LINE = (0.25, 0.5, 0.75, 0.5)


@pytest.mark.parametrize(
    ("content", "rules"),
    [
        (b"100 150 m 300 150 l S", [LINE]),
        (b"100 149.5 200 1 re f", [(0.25, 0.49833, 0.75, 0.50167)]),
        (b"q .5 0 0 .5 0 0 cm 200 300 m 600 300 l S Q", [LINE]),
        (b"100 150 m 300 150 l 300 250 l S", [LINE, (0.75, 0.16667, 0.75, 0.5)]),
        (b"100 150 m 300 250 l S", []),
        (b"100 150 m 200 290 300 290 300 150 c S", []),
        (b"100 150 m 300 150 l n", []),
        (b"100 150 m 101 150 l S", []),
    ],
    ids=["stroked", "filled", "scaled", "two sides", "aslant", "bent", "not drawn", "short"],
)
def test_lines_that_run_across_or_down_are_rules(content: bytes, rules: list[tuple[float, ...]]) -> None:
    assert [pytest.approx(rule, abs=0.004) for rule in rules] == list(layer_of(content).rules)


def test_the_sides_of_an_outlined_box_are_rules() -> None:
    assert len(layer_of(b"100 150 200 100 re S").rules) == 4


@pytest.mark.parametrize(
    ("content", "shades"),
    [
        (b".8 g 100 150 200 90 re f", [(0.25, 0.2, 0.75, 0.5)]),
        (b".8 g 100 150 200 30 re f 100 180 200 30 re f 100 210 200 30 re f", [(0.25, 0.2, 0.75, 0.5)]),
        (
            b".8 g 100 150 100 90 re f .7 g 200 150 100 90 re f",
            [(0.25, 0.2, 0.5, 0.5), (0.5, 0.2, 0.75, 0.5)],
        ),
        (b"1 g 100 150 200 90 re f", []),
    ],
    ids=["one", "in strips", "of two colours", "white"],
)
def test_filled_boxes_are_shades(content: bytes, shades: list[tuple[float, ...]]) -> None:
    assert sorted(layer_of(content).shades) == [pytest.approx(shade, abs=0.004) for shade in shades]


def test_the_rules_of_a_page_turned_are_where_they_are_seen() -> None:
    layer = layer_of(b"100 150 m 300 150 l S", b"/MediaBox[0 0 400 300]/Rotate 90")
    assert len(layer.rules) == 1
    x0, y0, x1, y1 = layer.rules[0]
    assert (x1 - x0 > y1 - y0) == (layer.lines[0].bbox[2] - layer.lines[0].bbox[0] > 0.2)


def test_a_line_has_its_words_with_boxes_from_the_left() -> None:
    (line,) = layer_of(b"").lines
    assert [word.text for word in line.words] == ["Carbon", "monoxide", "500", "000"]
    sides = [side for word in line.words for side in word.bbox[::2]]
    assert sides == sorted(sides)
    assert (sides[0], sides[-1]) == (line.bbox[0], line.bbox[2])
