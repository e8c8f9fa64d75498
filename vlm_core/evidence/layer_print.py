"""A born-digital page as it is printed: its own text, and what the local engine reads in its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vlm_core.ocr.local import LocalEngine
from vlm_core.ocr.printed_line import PrintedLine, lines_of_text
from vlm_core.ocr.printed_page import PrintedPage
from vlm_core.ocr.text_layer import drawn_lettering
from vlm_core.types import Box, PageImage, PageResult, TextLayer

BY_TEXT_LAYER = "pdf"


def print_of_layer(layer: TextLayer, page: PageImage, engine: LocalEngine | None = None) -> PrintedPage:
    """A page as its PDF has it; where that has pictures with words, the local engine reads them.

    Args:
        layer: its text.
        page: its picture.
        engine: reads the page, if it has anything that its text may lack. Without one, that is illegible.

    Raises:
        MissingExtraError: the engine is needed and not installed.
        EngineError: it failed.
    """
    places = (*layer.pictures, *(line.bbox for line in layer.doubtful), *drawn_lettering(page, layer))
    size = page.width, page.height
    result = PageResult.of(page, lines=layer.lines, engine=BY_TEXT_LAYER)
    own = lines_of_text(layer.lines, *size)
    elsewhere = tuple(_in_pixels(box, size) for box in places)
    seen = engine.read_closely(page.without_text()) if engine is not None and elsewhere else None
    # Boxes of a page that the engine has turned are others.
    if seen is None or seen.result.rotation != page.rotation:
        return PrintedPage(result, own, elsewhere)
    unread = tuple(box for box in seen.result.unread if _is_within(_in_pixels(box, size), elsewhere))
    known = [line.box for line in own]
    lines = [line for line in seen.lines if _is_within(line.box, elsewhere)]
    return PrintedPage(
        result.model_copy(update={"unread": unread}),
        (*own, *_behind(own, [line for line in lines if not _is_within(line.box, known)])),
        tuple(box for box in seen.illegible if _is_within(box, elsewhere)),
        seen.pixels,
        alphabet_of_pictures=seen.alphabet,
    )


def _behind(own: Sequence[PrintedLine], others: Sequence[PrintedLine]) -> list[PrintedLine]:
    """Lines with numbers, blocks and rows that follow those of others."""
    number = 1 + max((line.number for line in own), default=-1)
    block = 1 + max((line.block for line in own), default=-1)
    row = 1 + max((line.row for line in own), default=-1)
    return [
        replace(line, number=line.number + number, block=line.block + block, row=line.row + row)
        for line in others
    ]


def _is_within(box: Box, places: Sequence[Box]) -> bool:
    """Whether the middle of a box is in one of some places."""
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in places)


def _in_pixels(box: Box, size: tuple[int, int]) -> Box:
    width, height = size
    return box[0] * width, box[1] * height, box[2] * width, box[3] * height
