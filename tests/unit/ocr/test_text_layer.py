"""Pages that bring their own text, and the pictures on them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw, ImageFont

from vlm_core import PageImage, PageResult, PageState, TextLine
from vlm_core.errors import MissingExtraError
from vlm_core.ocr.page_warnings import NO_TEXT
from vlm_core.ocr.text_layer import read_with_text_layer
from vlm_core.ocr.unread_ink import Unread
from vlm_core.types import Block, Cell, Table, TextLayer, Word

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


def test_a_picture_that_was_read_in_part_makes_the_page_one_and_says_where() -> None:
    part = PageResult(
        state=PageState.PARTIAL,
        unread_share=0.4,
        unread=((0.0, 0.0, 1.0, 0.5),),
        warnings=(Unread(0.4, ((0.0, 0.0, 1.0, 0.5),)).warning, "odd"),
    )
    layer = TextLayer(lines=(OWN,), pictures=(PICTURE,))
    result = read_with_text_layer(page(layer), lambda picture: part, "text")
    assert (result.state, result.text) == (PageState.PARTIAL, OWN.text)
    assert (result.unread_share, result.unread) == (0.4, ((0.5, 0.5, 1.0, 0.75),))
    where, other = result.warnings
    assert where.startswith(
        "a picture on the page: 40 % of the writing is unread, at 0.500,0.500,1.000,0.750. "
    )
    assert other == "odd"


def test_what_a_picture_hid_is_said_but_not_that_a_photograph_has_no_text() -> None:
    layer = TextLayer(lines=(OWN,), pictures=(PICTURE,))
    unread = "2 text boxes were found but could not be read"
    result = read_with_text_layer(page(layer), engine(warnings=(unread, NO_TEXT)), "text")
    assert result.warnings == (unread,)


def test_text_of_a_picture_stands_between_the_blocks_around_it() -> None:
    above, below = (
        TextLine(text=text, bbox=(0.5, y, 0.9, y + 0.1), block=n)
        for n, (text, y) in enumerate((("above", 0.1), ("below", 0.8)))
    )
    layer = TextLayer(lines=(above, below), pictures=((0.5, 0.4, 1.0, 0.6),))
    label = TextLine(text="in it", bbox=(0.0, 0.0, 1.0, 1.0))
    assert read_with_text_layer(page(layer), engine(label), "text").text == "above\n\nin it\n\nbelow"


@pytest.mark.parametrize(
    ("turn", "box"),
    [
        (0, (0.5, 0.5, 0.75, 0.55)),
        (90, (0.5, 0.75, 0.55, 1.0)),
        (180, (0.75, 0.95, 1.0, 1.0)),
        (270, (0.95, 0.5, 1.0, 0.75)),
    ],
)
def test_lines_of_a_picture_that_was_turned_stand_where_they_are_on_the_page(
    turn: int, box: tuple[float, ...]
) -> None:
    line = TextLine(text="corner", bbox=(0.0, 0.0, 0.5, 0.1))

    def turning(picture: PageImage) -> PageResult:
        return PageResult(lines=(line,), rotation=turn)

    layer = TextLayer(lines=(OWN,), pictures=(PICTURE,))
    assert read_with_text_layer(page(layer), turning, "text").lines[-1].bbox == pytest.approx(box)


def test_a_table_of_a_picture_is_a_block_of_the_page_in_its_place() -> None:
    texts = [Word("Tea", (0.0, 0.5, 0.2, 0.6)), Word("2.00", (0.5, 0.5, 0.7, 0.6))]
    lines = tuple(TextLine(text=word.text, bbox=word.bbox, words=(word,), row=0) for word in texts)
    cells = tuple(Cell(row=0, column=n, text=word.text, bbox=word.bbox) for n, word in enumerate(texts))
    found = Block(
        kind="table", text="Tea  2.00", bbox=(0.0, 0.5, 0.7, 0.6), lines=(0, 1), table=Table(cells=cells)
    )
    layer = TextLayer(lines=(OWN,), pictures=(PICTURE,))
    result = read_with_text_layer(page(layer), lambda _: PageResult(lines=lines, found=(found,)), "text")
    assert [(block.kind, block.lines) for block in result.blocks] == [("paragraph", (0,)), ("table", (1, 2))]
    assert [cell.bbox for cell in result.tables[0].cells] == [line.bbox for line in result.lines[1:]]
    assert [line.words[0].bbox for line in result.lines[1:]] == [line.bbox for line in result.lines[1:]]


def test_words_of_a_picture_stand_where_they_are_on_the_page() -> None:
    seen = TextLine(text="Tea", bbox=(0.0, 0.5, 0.2, 0.6), words=(Word("Tea", (0.0, 0.5, 0.2, 0.6)),))
    layer = TextLayer(lines=(OWN,), pictures=(PICTURE,))
    line = read_with_text_layer(page(layer), lambda _: PageResult(lines=(seen,)), "text").lines[-1]
    assert line.bbox == (0.5, 0.75, 0.6, 0.8)
    assert line.words == (Word("Tea", line.bbox),)


WRONG = TextLine(text='"7+%-', bbox=(0.1, 0.1, 0.4, 0.2))


def seeing(*texts: str) -> Callable[[PageImage], PageResult]:
    lines = tuple(TextLine(text=text, bbox=(0, 0, 1, 1), score=0.9) for text in texts)
    return lambda picture: PageResult(text="\n".join(texts), lines=lines)


@pytest.mark.parametrize(
    ("written", "seen", "text"),
    [
        pytest.param('"7+%-', ["Phone"], "Phone", id="they disagree"),
        pytest.param("SMALL CAPITALS", ["SMALL CAPITAIS"], "SMALL CAPITALS", id="they agree"),
        pytest.param('"7+%-', [], '"7+%-', id="OCR sees nothing"),
    ],
)
def test_text_that_does_not_look_like_its_font_gives_way_to_what_is_seen(
    written: str, seen: list[str], text: str
) -> None:
    layer = TextLayer(doubtful=(WRONG.model_copy(update={"text": written}),))
    result = read_with_text_layer(page(layer), seeing(*seen), "text")
    assert result.text == text
    assert bool(result.warnings) == (not seen)


def test_lettering_in_a_drawing_is_read_and_what_is_unsure_is_told() -> None:
    image = Image.new("RGB", (400, 200), "white")
    ImageDraw.Draw(image).text((100, 100), "Total 3,141", "black", ImageFont.load_default(30))
    layer = TextLayer(lines=(OWN,), drawings=((0.2, 0.4, 0.8, 0.9),))
    drawn = PageImage(pixels=image.tobytes(), width=400, height=200, dpi=200.0, text_layer=layer)
    lines = [
        TextLine(text=text, bbox=(0, y, 1, y + 0.4), score=score)
        for text, y, score in (("Total 3,141", 0.1, 0.99), ("7", 0.6, 0.55))
    ]
    result = read_with_text_layer(drawn, engine(*lines), "text")
    assert result.text == "the page's own words\n\nTotal 3,141"
    assert result.warnings == ("what was read unsurely in a drawing was left out: '7'",)


def test_a_drawing_without_lettering_never_sees_the_engine() -> None:
    def fail(picture: PageImage) -> PageResult:
        raise AssertionError

    layer = TextLayer(lines=(OWN,), drawings=(PICTURE,))
    assert read_with_text_layer(page(layer), fail, "text").text == OWN.text
