"""From the lines of pages to blocks, whatever engine found them: by geometry and by how texts begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vlm_core.structure.captions import says_caption
from vlm_core.structure.footnotes import footnote_units
from vlm_core.structure.furniture import furniture
from vlm_core.structure.headings import heading_units, relevelled
from vlm_core.structure.line_rows import Row, body_size, rows_of
from vlm_core.structure.line_units import Unit, units_of
from vlm_core.structure.markers import Marked, list_marker
from vlm_core.types import Block, BlockKind, Box, Origin, TextLine

# Sizes of print to the right, from which on an item is of a list within the list.
_INDENT = 1.0
# Sizes of print between a caption and its table or figure.
_LONGEST_BETWEEN = 2.5
# Lines of an item's first row, at most.
_MARKER_AND_TEXT = 2
_DASHES = frozenset("-–—*")


@dataclass(frozen=True)
class PageLines:
    """What blocks are made of: a page's lines, and what an engine found in its pixels."""

    lines: Sequence[TextLine]
    origin: Origin = "ocr"
    found: Sequence[Block] = ()
    """Tables and figures with their boxes and the numbers of the lines that are in them."""
    page_number: int | None = None
    has_furniture: bool = True
    """Whether page headers and page footers are looked for."""


@dataclass
class _Page:
    units: list[Unit]
    body: float
    found: Sequence[Block]


def blocks_of_pages(pages: Sequence[PageLines]) -> list[list[Block]]:
    """The blocks of each page of a document, every line in one of them.

    Headings have levels that hold over the document, and page headers, footers and page numbers are known by
    standing on several pages.

    Args:
        pages: all pages of one document, in order.

    Example:
        >>> shop = TextLine(text="SHOP", bbox=(0.4, 0.1, 0.6, 0.12))
        >>> [(block.kind, block.text) for block in blocks_of_pages([PageLines([shop])])[0]]
        [('paragraph', 'SHOP')]
    """
    parted = [_page(page) for page in pages]
    body = [page.body for page in parted]
    edges = furniture([page.units for page in parted], body)
    edges = [edge if page.has_furniture else {} for edge, page in zip(edges, pages, strict=True)]
    found = [_blocks(page, lines, edge) for page, lines, edge in zip(parted, pages, edges, strict=True)]
    flat = (
        relevelled(*zip(*(block for blocks in found for block in blocks), strict=True)) if any(found) else []
    )
    levelled = iter(flat)
    return [
        [next(levelled).model_copy(update={"page_number": page.page_number}) for _ in blocks]
        for blocks, page in zip(found, pages, strict=True)
    ]


def _page(page: PageLines) -> _Page:
    taken = {number for block in page.found for number in block.lines}
    rows = rows_of(page.lines, page.origin)
    rows = [part for block in rows for part in _without(block, taken)]
    every = [row for block in rows for row in block]
    return _Page(units_of(rows), body_size(every), page.found)


def _without(block: Sequence[Row], taken: set[int]) -> list[list[Row]]:
    """The rows of a block without the lines that are in a table.

    What stands beside a table is a block of its own, and so is what stands behind it.
    """
    parts: list[list[Row]] = [[]]
    was_beside = False
    for row in block:
        rest = row.without(taken)
        is_beside = rest is not row
        if is_beside != was_beside:
            parts.append([])
        if rest is not None:
            parts[-1].append(rest)
        was_beside = is_beside
    return [part for part in parts if part]


def _blocks(
    page: _Page, lines: PageLines, edges: dict[int, BlockKind]
) -> list[tuple[Block, float, int | None]]:
    """Blocks, each with the size of its print and the level of the heading that the file says it is."""
    notes = footnote_units(page.units, page.body, edges)
    edges = {**edges, **dict.fromkeys(notes, "footnote")}
    inner = [number for number in range(len(page.units)) if number not in edges]
    titles = {inner[place] for place in heading_units([page.units[number] for number in inner], page.body)}
    lists = _list_units(page.units, titles | set(edges))
    made = []
    for number, unit in enumerate(page.units):
        kind: BlockKind = edges.get(number, "heading" if number in titles else "paragraph")
        block = Block(kind=kind, text=unit.text, bbox=unit.bbox, lines=unit.lines, origin=lines.origin)
        if number in lists:
            marker, text, level = lists[number]
            block = block.model_copy(
                update={"kind": "list_item", "marker": marker, "text": text, "level": level}
            )
        elif kind == "paragraph" and says_caption(unit.text) and _is_beside(unit, page.found):
            block = block.model_copy(update={"kind": "caption"})
        made.append((block, unit.size, unit.heading_level))
    for block in page.found:
        made.insert(_place(block, [block for block, _, _ in made]), (block, 0.0, None))
    return made


def _place(block: Block, made: Sequence[Block]) -> int:
    """Where a table or figure stands among blocks that are in reading order."""
    if block.lines:
        first = min(block.lines)
        behind = (at for at, other in enumerate(made) if other.lines and min(other.lines) > first)
        return next(behind, len(made))
    if block.bbox is None:
        return len(made)
    below = (at for at, other in enumerate(made) if other.bbox and _is_under(other.bbox, block.bbox))
    return next(below, len(made))


def _is_under(box: Box, other: Box) -> bool:
    return min(box[2], other[2]) > max(box[0], other[0]) and box[1] >= other[1]


def _is_beside(unit: Unit, found: Sequence[Block]) -> bool:
    reach = _LONGEST_BETWEEN * unit.size
    return not found or any(
        block.bbox is not None
        and block.bbox[1] - reach <= unit.bbox[3]
        and unit.bbox[1] <= block.bbox[3] + reach
        for block in found
    )


def _list_units(units: Sequence[Unit], others: set[int]) -> dict[int, tuple[str, str, int]]:
    """The units that are list items: marker, text and level of each.

    A number or a dash is a marker only beside another one, so that a year or a sum begins no list.
    """
    marked = {
        number: found
        for number, unit in enumerate(units)
        if number not in others
        and len(unit.rows[0].lines) <= _MARKER_AND_TEXT
        and (found := list_marker(unit.rows[0].text))
    }
    certain = {
        number
        for number, found in marked.items()
        if not (found.marker[-1] in ".)" or found.marker in _DASHES)
        or any(_is_sibling(marked.get(near), found) for near in (number - 1, number + 1))
    }
    items: dict[int, tuple[str, str, int]] = {}
    lefts: list[float] = []
    for number in sorted(certain):
        unit, found = units[number], marked[number]
        if number - 1 not in certain and not (number - 2 in certain and number - 1 not in others):
            lefts = []
        while lefts and unit.bbox[0] < lefts[-1] - _INDENT * unit.size:
            lefts.pop()
        if not lefts or unit.bbox[0] > lefts[-1] + _INDENT * unit.size:
            lefts.append(unit.bbox[0])
        text = "\n".join([found.rest, *(row.text for row in unit.rows[1:])])
        items[number] = (found.marker, text, len(lefts))
    return items


def _is_sibling(near: Marked | None, found: Marked) -> bool:
    if near is None:
        return False
    return near.marker[-1] == found.marker[-1] and near.marker[0].isdigit() == found.marker[0].isdigit()
