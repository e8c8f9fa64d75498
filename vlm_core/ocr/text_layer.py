"""A PDF page that brings its own text: that text, and what an engine reads in its pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vlm_core.errors import MissingExtraError
from vlm_core.ocr.guards import NO_TEXT, page_warnings
from vlm_core.ocr.layout import render
from vlm_core.types import Box, PageImage, PageResult, TextLayer, TextLine, rounded, total_usage

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
    lines = _in_place(layer.lines, [(box, _on_page(box, result, layer)) for box, result in pictures])
    text = render(task, lines)
    warnings = [warning for _, result in pictures for warning in result.warnings if warning != NO_TEXT]
    return PageResult(
        text=text,
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


def _in_place(
    own: Sequence[TextLine], pictures: Sequence[tuple[Box, Sequence[TextLine]]]
) -> tuple[TextLine, ...]:
    """The page's lines, and between them those of its pictures, in blocks of their own."""
    found: dict[int, list[TextLine]] = {}
    parts: list[Sequence[TextLine]] = []
    for box, lines in pictures:
        found.setdefault(_place(box, own), []).extend(_after(found.get(_place(box, own), ()), lines))
    start = 0
    for place in sorted(found):
        parts += [own[start:place], found[place]]
        start = place
    together: list[TextLine] = []
    for part in [*parts, own[start:]]:
        together += _after(together, part)
    return tuple(together)


def _after(before: Sequence[TextLine], lines: Sequence[TextLine]) -> list[TextLine]:
    """Lines with their blocks numbered on from those before."""
    if not lines or not before:
        return list(lines)
    step = before[-1].block + 1 - lines[0].block
    return [line.model_copy(update={"block": line.block + step}) for line in lines]


def _place(picture: Box, lines: Sequence[TextLine]) -> int:
    """How many of the page's lines come before a picture, so that fewest of its column are out of order."""
    beside = [
        (number, line.bbox[1] + line.bbox[3] < picture[1] + picture[3])
        for number, line in enumerate(lines, 1)
        if min(line.bbox[2], picture[2]) > max(line.bbox[0], picture[0])
    ]
    if not beside:
        return len(lines)
    cost = sum(is_above for _, is_above in beside)  # of those above, all come after it
    costs = {0: cost}
    for number, is_above in beside:
        cost += -1 if is_above else 1
        costs[number] = cost
    return min(costs, key=lambda number: costs[number])
