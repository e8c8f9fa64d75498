"""A PDF page that brings its own text: that text, and what an engine reads in its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vlm_core.errors import MissingExtraError
from vlm_core.ocr.guards import NO_TEXT, page_warnings
from vlm_core.ocr.layout import render
from vlm_core.ocr.unread import Unread
from vlm_core.types import Box, PageImage, PageResult, PageState, TextLayer, TextLine, rounded, total_usage

ENGINE = "pdf"


def read_with_text_layer(
    page: PageImage, read_page: Callable[[PageImage], PageResult], task: str
) -> PageResult:
    """Read a page: by its own text where it has one, else by the engine.

    A picture that cannot be read costs no text of the page; a warning says so.

    Args:
        page: with or without a text layer.
        read_page: the engine; it gets the page, or the pictures on a page that has text.
        task: what the text is to look like.
    """
    layer = page.text_layer
    if layer is None:
        return read_page(page)
    pictures = [(box, _read_picture(page, box, read_page)) for box in layer.pictures]
    lines = _follow(layer, [line for box, result in pictures for line in _on_page(box, result, layer)])
    text = render(task, lines)
    partial = [(box, result) for box, result in pictures if result.state is PageState.PARTIAL]
    warnings = [warning for box, result in pictures for warning in _warnings(box, result)]
    return PageResult(
        text=text,
        state=PageState.PARTIAL if partial else PageState.OK,
        unread_share=max((result.unread_share for _, result in partial), default=0.0),
        unread=tuple(place for box, result in partial for place in _unread(box, result)),
        lines=lines,
        width=page.width,
        height=page.height,
        rotation=page.rotation,
        sha256=page.sha256,
        engine=ENGINE,
        usage=total_usage(result.usage for _, result in pictures),
        cost_usd=sum(result.cost_usd or 0.0 for _, result in pictures),
        seconds=sum(result.seconds for _, result in pictures),
        warnings=tuple(dict.fromkeys([*warnings, *page_warnings(text)])),
    )


def _read_picture(page: PageImage, box: Box, read_page: Callable[[PageImage], PageResult]) -> PageResult:
    try:
        return read_page(_cut_out(page, box))
    except MissingExtraError:
        raise
    except Exception as error:  # noqa: BLE001  an engine of the user's own may raise anything
        return PageResult(warnings=(f"a picture on the page could not be read: {error}",))


def _warnings(picture: Box, result: PageResult) -> list[str]:
    """What is said of a picture; that it holds no text is nothing to tell of a page that has some."""
    told = [warning for warning in result.warnings if warning != NO_TEXT]
    if result.state is PageState.PARTIAL and result.unread:
        unread = Unread(result.unread_share, _unread(picture, result))
        return [f"a picture on the page: {unread.warning}", *told[1:]]
    return told


def _unread(picture: Box, result: PageResult) -> tuple[Box, ...]:
    return tuple(rounded(_placed(box, picture)) for box in result.unread)


def _cut_out(page: PageImage, box: Box) -> PageImage:
    x0, x1 = (round(fraction * page.width) for fraction in (box[0], box[2]))
    y0, y1 = (round(fraction * page.height) for fraction in (box[1], box[3]))
    stride = 3 * page.width
    rows = (page.pixels[y * stride + 3 * x0 : y * stride + 3 * x1] for y in range(y0, y1))
    return PageImage(
        pixels=b"".join(rows),
        width=x1 - x0,
        height=y1 - y0,
        page_number=page.page_number,
        total_pages=page.total_pages,
        source=page.source,
        dpi=page.dpi,
    )


def _on_page(picture: Box, result: PageResult, layer: TextLayer) -> list[TextLine]:
    """A picture's lines where they stand on the page, less those that the page's text has already."""
    lines = result.lines or _spread(result.text)
    placed = [line.model_copy(update={"bbox": rounded(_placed(line.bbox, picture))}) for line in lines]
    return [line for line in placed if not any(_covers(known.bbox, line.bbox) for known in layer.lines)]


def _spread(text: str) -> list[TextLine]:
    """A text whose lines' places are not known, from the top to the bottom."""
    rows = [row for row in text.splitlines() if row.strip()]
    return [
        TextLine(text=row, bbox=(0.0, number / len(rows), 1.0, (number + 1) / len(rows)), row=number)
        for number, row in enumerate(rows)
    ]


def _placed(box: Box, picture: Box) -> Box:
    x0, y0, x1, y1 = picture
    width, height = x1 - x0, y1 - y0
    return x0 + box[0] * width, y0 + box[1] * height, x0 + box[2] * width, y0 + box[3] * height


def _covers(known: Box, box: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return known[0] <= x <= known[2] and known[1] <= y <= known[3]


def _follow(layer: TextLayer, found: Sequence[TextLine]) -> tuple[TextLine, ...]:
    """The pictures' lines in blocks of their own behind the page's."""
    behind = max((line.block for line in layer.lines), default=-1) + 1
    return *layer.lines, *(line.model_copy(update={"block": line.block + behind}) for line in found)
