"""Figures: areas of a page that hold a picture or a drawing, with what is lettered in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from vlm_core.types import Block, Box, Origin, TextLine, rounded

# Shares of the page: smaller areas are logos and ornaments, larger ones are the page's own frame.
_SMALLEST, _LARGEST = 0.02, 0.85
# Of the page's width and height: a strip is a rule or the edge of a scan, what reaches from edge to edge is
# a banner or the page's ground.
_NARROWEST, _WIDEST = 0.05, 0.97
# The share of an area that lines of text take at most; a frame around text holds more.
_MOST_TEXT = 0.25
# The share of a line that lies in an area, from which the line is lettering of the figure.
_INSIDE = 0.8
# Words of a line of lettering, at most; a paragraph's are more.
_LETTERING = 8
# The share of an area that lies in a table, from which it is the table's.
_OF_TABLE = 0.3


def figures_of(
    areas: Iterable[Box], lines: Sequence[TextLine], tables: Sequence[Block], origin: Origin
) -> Iterator[Block]:
    """The areas that are figures, each with its lettering.

    Args:
        areas: where a picture or a drawing stands, as fractions of the page.
        lines: of the page.
        tables: of the page: what they hold is theirs.
        origin: of the lines.

    Example:
        >>> label = TextLine(text="Height", bbox=(0.2, 0.2, 0.3, 0.22))
        >>> [figure.text for figure in figures_of([(0.1, 0.1, 0.5, 0.5)], [label], [], "ocr")]
        ['Height']
    """
    taken = {number for block in tables for number in block.lines}
    found: list[Box] = []
    for area in sorted(areas, key=_size, reverse=True):
        if not _may_be_figure(area) or any(_shared(area, other) > _OF_TABLE for other in found):
            continue
        if any(block.bbox and _shared(area, block.bbox) > _OF_TABLE for block in tables):
            continue
        inside = [n for n, line in enumerate(lines) if _shared(line.bbox, area) >= _INSIDE]
        if not taken.isdisjoint(inside) or not _is_lettering([lines[n] for n in inside], area):
            continue
        found.append(area)
        taken.update(inside)
        text = "\n".join(lines[number].text for number in inside)
        yield Block(kind="figure", text=text, bbox=rounded(area), lines=tuple(inside), origin=origin)


def _may_be_figure(area: Box) -> bool:
    sides = area[2] - area[0], area[3] - area[1]
    is_picture = min(sides) >= _NARROWEST and max(sides) <= _WIDEST
    return is_picture and _SMALLEST <= _size(area) <= _LARGEST


def _is_lettering(lines: Sequence[TextLine], area: Box) -> bool:
    text = sum(_size(line.bbox) for line in lines)
    long = sum(len(line.text.split()) > _LETTERING for line in lines)
    return text <= _MOST_TEXT * _size(area) and 2 * long <= max(1, len(lines))


def _size(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _shared(box: Box, other: Box) -> float:
    """How much of a box lies in another one."""
    common = max(box[0], other[0]), max(box[1], other[1]), min(box[2], other[2]), min(box[3], other[3])
    return 0.0 if common[0] >= common[2] or common[1] >= common[3] else _size(common) / (_size(box) or 1.0)
