"""Pages that bring their own text, and the pictures on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from vlm_core import PageImage, PageResult, TextLine
from vlm_core.errors import MissingExtraError
from vlm_core.ocr.guards import NO_TEXT
from vlm_core.ocr.text_layer import read_with_text_layer
from vlm_core.types import TextLayer

OWN = TextLine(text="the page's own words", bbox=(0.1, 0.1, 0.9, 0.2))
PICTURE = (0.5, 0.5, 1.0, 1.0)


def page(layer: TextLayer | None) -> PageImage:
    """Ten by ten pixels; the lower right quarter is dark."""
    rows = [bytes([255] * 30)] * 5 + [bytes([255] * 15 + [9] * 15)] * 5
    return PageImage(pixels=b"".join(rows), width=10, height=10, text_layer=layer, rotation=90)


def engine(*lines: TextLine, warnings: tuple[str, ...] = ()) -> Callable[[PageImage], PageResult]:
    return lambda picture: PageResult(text="x", lines=lines, warnings=warnings, engine="seen")


def test_a_page_without_a_layer_is_the_engines() -> None:
    assert read_with_text_layer(page(None), engine(), "text").engine == "seen"


def test_a_page_with_a_layer_and_no_pictures_never_sees_the_engine() -> None:
    def fail(picture: PageImage) -> PageResult:
        raise AssertionError

    result = read_with_text_layer(page(TextLayer(lines=(OWN,))), fail, "text")
    assert (result.text, result.engine, result.rotation) == (OWN.text, "pdf", 90)


def test_the_engine_gets_just_the_picture() -> None:
    seen: list[PageImage] = []

    def look(picture: PageImage) -> PageResult:
        seen.append(picture)
        return PageResult()

    read_with_text_layer(page(TextLayer(lines=(OWN,), pictures=(PICTURE,))), look, "text")
    assert [(picture.width, picture.height, set(picture.pixels)) for picture in seen] == [(5, 5, {9})]


def test_a_pictures_text_follows_the_pages_where_it_stands() -> None:
    label = TextLine(text="a label", bbox=(0.0, 0.0, 0.5, 0.5))
    layer = TextLayer(lines=(OWN,), pictures=(PICTURE,))
    result = read_with_text_layer(page(layer), engine(label), "text")
    assert result.text == "the page's own words\n\na label"
    assert result.lines[1].bbox == (0.5, 0.5, 0.75, 0.75)


def test_a_pictures_text_stands_between_the_lines_above_and_below_it() -> None:
    above, below = (
        TextLine(text=text, bbox=(0.0, top, 0.9, top + 0.05), block=block)
        for text, top, block in (("above", 0.1, 0), ("below", 0.8, 0))
    )
    beside = TextLine(text="the next column", bbox=(0.91, 0.1, 1.0, 0.2), block=1)
    layer = TextLayer(lines=(above, below, beside), pictures=((0.0, 0.3, 0.9, 0.6),))
    label = TextLine(text="a label", bbox=(0.0, 0.0, 0.5, 0.5))
    result = read_with_text_layer(page(layer), engine(label), "text")
    assert [line.text for line in result.lines] == ["above", "a label", "below", "the next column"]
    assert [line.block for line in result.lines] == [0, 1, 2, 3]


def test_text_that_lies_over_a_picture_is_not_read_twice() -> None:
    over = TextLine(text="caption", bbox=(0.55, 0.55, 0.9, 0.65))
    again = TextLine(text="captlon", bbox=(0.1, 0.1, 0.8, 0.3))
    layer = TextLayer(lines=(over,), pictures=(PICTURE,))
    assert read_with_text_layer(page(layer), engine(again), "text").text == "caption"


def test_a_picture_that_cannot_be_read_costs_no_text() -> None:
    def fail(picture: PageImage) -> PageResult:
        raise ValueError("no memory")

    result = read_with_text_layer(page(TextLayer(lines=(OWN,), pictures=(PICTURE,))), fail, "text")
    assert result.text == OWN.text
    assert result.warnings == ("a picture on the page could not be read: no memory",)


def test_an_engine_that_is_not_installed_is_said_at_once() -> None:
    def fail(picture: PageImage) -> PageResult:
        raise MissingExtraError("not installed")

    with pytest.raises(MissingExtraError):
        read_with_text_layer(page(TextLayer(lines=(OWN,), pictures=(PICTURE,))), fail, "text")


def test_what_a_picture_hid_is_said_but_not_that_a_photograph_has_no_text() -> None:
    layer = TextLayer(lines=(OWN,), pictures=(PICTURE,))
    unread = "2 text boxes were found but could not be read"
    result = read_with_text_layer(page(layer), engine(warnings=(unread, NO_TEXT)), "text")
    assert result.warnings == (unread,)
