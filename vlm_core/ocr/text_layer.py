"""A PDF page that brings its own text: that text, and what an engine reads in its pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import partial
from typing import NamedTuple

from vlm_core.errors import MissingExtraError
from vlm_core.ocr.entries import with_entries
from vlm_core.ocr.layout import blocks, moved, text_of_page
from vlm_core.ocr.page_warnings import NO_TEXT, page_warnings
from vlm_core.ocr.picture_checks import CheckedPicture, checks_on_page
from vlm_core.ocr.unread_ink import Unread
from vlm_core.structure.figures import figures_of
from vlm_core.structure.found_blocks import moved_block, renumbered
from vlm_core.structure.table_finding.find import find_tables
from vlm_core.types import (
    Block,
    Box,
    PageImage,
    PageResult,
    PageState,
    TextLayer,
    TextLine,
    rounded,
    total_usage,
)

ENGINE = "pdf"
# How like two texts are, from 0 to 1, from which they say the same but for errors of OCR.
_ALIKE = 0.6
# The score from which a line in what may be lettering counts as read.
_SURE = 0.8
# Places of lines in doubt that are read one by one; where there are more, all are read together.
_MOST_PLACES = 12
# Heights of a line around lines in doubt that are shown to the engine with them.
_MARGIN = 0.3


def read_with_text_layer(
    page: PageImage, read_page: Callable[[PageImage], PageResult], task: str
) -> PageResult:
    """Read a page: by its own text where it has one, else by the engine.

    The engine reads the pictures on the page, lettering that is drawn and not written, and lines in fonts
    whose glyphs do not look like their text. What it cannot read costs no text; a warning says so.

    Args:
        page: with or without a text layer.
        read_page: the engine; it gets the page, or the pictures on a page that has text.
        task: what the text is to look like.
    """
    layer = page.text_layer
    if layer is None:
        return with_entries(read_page(page), page.entries, task)
    pictures = [_picture(page, box, read_page) for box in layer.pictures]
    pictures += [_checked(page, place, lines, read_page) for place, lines in _doubtful_places(layer)]
    # What is drawn may be an ornament: a warning tells of it, and the page stays as it is.
    incomplete = [picture.result for picture in pictures if picture.result.state is PageState.PARTIAL]
    pictures += [_surely(_picture(page, box, read_page)) for box in drawn_lettering(page, layer)]
    results = [picture.result for picture in pictures]
    lines = _in_place(layer.lines, [(picture.place, _new_lines(picture, layer)) for picture in pictures])
    found = tuple(_tables_and_figures(lines, layer, page, pictures))
    text = text_of_page(task, lines, found, "pdf")
    warnings = [warning for result in results for warning in result.warnings if warning != NO_TEXT]
    return PageResult.of(
        page,
        PageState.PARTIAL if incomplete else PageState.OK,
        text=text,
        unread_share=max((result.unread_share for result in incomplete), default=0.0),
        unread=tuple(place for result in incomplete for place in result.unread),
        lines=lines,
        found=found,
        engine=ENGINE,
        usage=total_usage(result.usage for result in results),
        cost_usd=sum(result.cost_usd or 0.0 for result in results),
        seconds=sum(result.seconds for result in results),
        warnings=tuple(dict.fromkeys([*warnings, *page_warnings(text)])),
        **checks_on_page(text, map(_as_checked, pictures)),
    )


def _as_checked(picture: _Picture) -> CheckedPicture:
    return CheckedPicture(picture.result, partial(_box_on_page, picture.place, picture.result.rotation))


def _tables_and_figures(
    lines: Sequence[TextLine], layer: TextLayer, page: PageImage, pictures: Iterable[_Picture]
) -> Iterator[Block]:
    """What else stands on the page. What is in its pictures was found by the lines that are drawn there."""
    of_pictures = list(_of_pictures(pictures, lines))
    tables = [block for block in of_pictures if block.kind == "table"]
    tables += _tables(lines, layer, page, {number for block in tables for number in block.lines})
    yield from tables
    areas = [block.bbox for block in of_pictures if block.kind == "figure" and block.bbox]
    yield from figures_of([*layer.pictures, *layer.drawings, *areas], lines, tables, "pdf")


def _tables(lines: Sequence[TextLine], layer: TextLayer, page: PageImage, taken: set[int]) -> Iterator[Block]:
    """The tables of the page's own lines."""
    free = [
        line.model_copy(update={"text": "", "words": ()}) if number in taken else line
        for number, line in enumerate(lines)
    ]
    shades = layer.shades
    yield from find_tables(free, layer.rules, page.width, page.height, shades=shades, origin="pdf")


def _of_pictures(pictures: Iterable[_Picture], lines: Sequence[TextLine]) -> Iterator[Block]:
    """What the engine found in pictures, where they stand on the page, with its lines' numbers."""
    numbers = {(line.text, line.bbox): number for number, line in enumerate(lines)}
    for place, result, _ in pictures:
        seen = [(line.text, line.bbox) for line in _on_page(place, result)] if result.found else []
        places = {number: numbers[line] for number, line in enumerate(seen) if line in numbers}
        for block in renumbered(result.found, places):
            yield moved_block(block, partial(_box_on_page, place, result.rotation))


def drawn_lettering(page: PageImage, layer: TextLayer) -> list[Box]:
    """The places of lettering in small pictures and in what is drawn, beside the page's own text.

    Args:
        page: its picture.
        layer: its text.
    """
    if not layer.drawings:
        return []
    from vlm_core.images.lettering import lettering  # which loads PIL

    known = [*(line.bbox for line in (*layer.lines, *layer.doubtful)), *layer.pictures]
    return lettering(page, layer.drawings, known)


class _Picture(NamedTuple):
    """A part of the page, what the engine said of it, and its lines where they stand on the page."""

    place: Box
    result: PageResult
    lines: Sequence[TextLine]

    def saying(self, warning: str) -> _Picture:
        warnings = (*self.result.warnings, warning)
        return self._replace(result=self.result.model_copy(update={"warnings": warnings}))


def _picture(page: PageImage, box: Box, read_page: Callable[[PageImage], PageResult]) -> _Picture:
    result = _read_picture(page, box, read_page)
    return _Picture(box, _with_unread_on_page(box, result), list(_on_page(box, result)))


def _surely(picture: _Picture) -> _Picture:
    """A place that may hold lettering, without what looks like it by chance; a warning tells of that."""
    unsure = [line for line in picture.lines if line.score is not None and line.score < _SURE]
    if not unsure:
        return picture
    told = ", ".join(repr(line.text) for line in unsure)
    sure = [line for line in picture.lines if line not in unsure]
    return picture._replace(lines=sure).saying(f"what was read unsurely in a drawing was left out: {told}")


def _doubtful_places(layer: TextLayer) -> Iterator[tuple[Box, list[TextLine]]]:
    """Lines in doubt with their places, those that follow each other together."""
    together = blocks(layer.doubtful)
    if len(together) > _MOST_PLACES:
        together = [list(layer.doubtful)]
    for lines in together:
        x0, y0, x1, y1 = zip(*(line.bbox for line in lines), strict=True)
        margin = _MARGIN * max(bottom - top for top, bottom in zip(y0, y1, strict=True))
        yield _inside((min(x0) - margin, min(y0) - margin, max(x1) + margin, max(y1) + margin)), lines


def _inside(box: Box) -> Box:
    x0, y0, x1, y1 = (min(1.0, max(0.0, side)) for side in box)
    return x0, y0, x1, y1


def _checked(
    page: PageImage, place: Box, lines: Sequence[TextLine], read_page: Callable[[PageImage], PageResult]
) -> _Picture:
    """Lines in doubt: themselves where the engine sees nothing or the like, else what it sees."""
    seen = _picture(page, place, read_page)
    if not seen.lines:
        count = f"{len(lines)} line{'s' * (len(lines) > 1)}"
        doubt = (
            f"the text of {count} may be wrong: it does not look like its font, and OCR found nothing there"
        )
        return seen._replace(lines=lines).saying(doubt)
    return seen._replace(lines=lines) if _is_alike(lines, seen.lines) else seen


def _is_alike(lines: Sequence[TextLine], seen: Sequence[TextLine]) -> bool:
    ours, theirs = ("".join("".join(line.text.split()) for line in each) for each in (lines, seen))
    return SequenceMatcher(None, ours, theirs, autojunk=False).ratio() >= _ALIKE


def _read_picture(page: PageImage, box: Box, read_page: Callable[[PageImage], PageResult]) -> PageResult:
    try:
        return read_page(_cut_out(page, box))
    except MissingExtraError:
        raise
    except Exception as error:  # noqa: BLE001  an engine of the user's own may raise anything
        return PageResult(warnings=(f"a picture on the page could not be read: {error}",))


def _with_unread_on_page(picture: Box, result: PageResult) -> PageResult:
    """A picture's result, with the places of what went unread where they stand on the page."""
    if result.state is not PageState.PARTIAL or not result.unread:
        return result
    places = tuple(_box_on_page(picture, result.rotation, box) for box in result.unread)
    of_picture = Unread(result.unread_share, result.unread).warning
    on_page = f"a picture on the page: {Unread(result.unread_share, places).warning}"
    others = (warning for warning in result.warnings if warning != of_picture)
    return result.model_copy(update={"unread": places, "warnings": (on_page, *others)})


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


def _on_page(picture: Box, result: PageResult) -> Iterator[TextLine]:
    """A picture's lines where they stand on the page."""
    for line in result.lines or _spread(result.text):
        yield moved(line, partial(_box_on_page, picture, result.rotation))


def _box_on_page(picture: Box, turn: int, box: Box) -> Box:
    return rounded(_placed(_turned_back(box, turn), picture))


def _new_lines(picture: _Picture, layer: TextLayer) -> list[TextLine]:
    """A picture's lines, less those that the page's text has already."""
    return [
        line for line in picture.lines if not any(_covers(known.bbox, line.bbox) for known in layer.lines)
    ]


def _turned_back(box: Box, turn: int) -> Box:
    """A box on a picture that was turned clockwise, where it was before."""
    x0, y0, x1, y1 = box
    return {
        0: box,
        90: (y0, 1 - x1, y1, 1 - x0),
        180: (1 - x1, 1 - y1, 1 - x0, 1 - y0),
        270: (1 - y1, x0, 1 - y0, x1),
    }[turn % 360]


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
