"""What parts the cells of tables on a PDF page: thin shapes, the sides of others, and shaded areas."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .pdf_layout import Box

_THIN = 3.0  # points; a filled shape up to this thick is a rule
_SHORTEST = 4.0  # points; what is shorter is a tick or a part of a letter
_STRAIGHT = 0.5  # points that the ends of a side may be off one another
_TOUCHING = 0.6  # points between two parts of one shaded area
_MOST_SEGMENTS = 400  # of one shape; what has more is a drawing
_MOST_IN_ALL = 6000
_MOST_SHADED = 1000  # areas; a page with more has a drawing in colours
_CORNERS = 5  # points of a rectangle, its first one twice
_WHITE = 250  # of 255; a shade this light does not show on paper

_Point: TypeAlias = tuple[float, float]
_Colour: TypeAlias = tuple[int, int, int, int]


def rules_on(objects: Sequence[pdfium.PdfObject]) -> tuple[list[Box], list[Box]]:
    """The ruling lines among the objects of a page, as thin boxes, and the shaded areas, in points.

    Args:
        objects: of the page, and of its forms.
    """
    found: list[Box] = []
    shaded: list[tuple[_Colour, Box]] = []
    left = _MOST_IN_ALL
    for thing in objects:
        if thing.type != c.FPDF_PAGEOBJ_PATH:
            continue
        is_filled, is_stroked = _drawn_as(thing)
        left -= 1
        box = _placed(thing, thing.get_bounds())
        width, height = box[2] - box[0], box[3] - box[1]
        if not (is_filled or is_stroked) or max(width, height) < _SHORTEST:
            continue
        if min(width, height) <= _THIN:
            found.append(box)
            continue
        count = c.FPDFPath_CountSegments(thing)
        left -= count
        if is_stroked and count <= _MOST_SEGMENTS and left >= 0:
            found += _sides(thing, count)
        elif is_filled and count <= _CORNERS and (colour := _colour(thing)):
            shaded.append((colour, box))
    return found, _whole(shaded) if len(shaded) <= _MOST_SHADED else []


def _drawn_as(path: pdfium.PdfObject) -> tuple[bool, bool]:
    """Whether a path is filled, and whether it is stroked."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    c.FPDFPath_GetDrawMode(path, fill, stroke)
    return fill.value != c.FPDF_FILLMODE_NONE, bool(stroke.value)


def _colour(path: pdfium.PdfObject) -> _Colour | None:
    """What a path is filled with; None where that does not show."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not c.FPDFPageObj_GetFillColor(path, red, green, blue, alpha) or not alpha.value:
        return None
    colour = red.value, green.value, blue.value, alpha.value
    return None if min(colour[:3]) >= _WHITE else colour


def _whole(shaded: Iterable[tuple[_Colour, Box]]) -> list[Box]:
    """Shaded areas, those put together that touch and have one colour: many a cell is shaded line by line."""
    areas = list(dict.fromkeys(shaded))
    for low, high in ((1, 3), (0, 2)):
        beside = 1 - low
        ordered = sorted(areas, key=lambda area: (area[0], *_rounded(area[1], beside), area[1][low]))
        areas = []
        for colour, box in ordered:
            last = areas[-1] if areas else None
            if (
                last
                and last[0] == colour
                and box[low] - last[1][high] <= _TOUCHING
                and all(abs(box[i] - last[1][i]) <= _TOUCHING for i in (beside, beside + 2))
            ):
                sides = list(last[1])
                sides[high] = max(sides[high], box[high])
                areas[-1] = colour, (sides[0], sides[1], sides[2], sides[3])
            else:
                areas.append((colour, box))
    return [box for _, box in areas]


def _rounded(box: Box, side: int) -> tuple[int, int]:
    return round(box[side]), round(box[side + 2])


def _placed(thing: pdfium.PdfObject, box: Box) -> Box:
    """A box in points of the page; within a form it is placed by the form's place."""
    form = thing.container
    while form:
        box = form.get_matrix().on_rect(*box)
        form = form.container
    return box


def _sides(path: pdfium.PdfObject, count: int) -> Iterator[Box]:
    """The sides of a shape that run across or down the page."""
    matrix, form = path.get_matrix(), path.container
    while form:
        matrix, form = matrix.multiply(form.get_matrix()), form.container
    for outline in _outlines(path, count):
        placed = [matrix.on_point(*point) for point in outline]
        for (x0, y0), (x1, y1) in pairwise(placed):
            is_straight = min(abs(x1 - x0), abs(y1 - y0)) <= _STRAIGHT
            if is_straight and max(abs(x1 - x0), abs(y1 - y0)) >= _SHORTEST:
                yield min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _outlines(path: pdfium.PdfObject, count: int) -> Iterator[list[_Point]]:
    """The corners of each part of a shape; one that is closed ends where it begins."""
    outline: list[_Point] = []
    x, y = ctypes.c_float(), ctypes.c_float()
    for index in range(count):
        segment = c.FPDFPath_GetPathSegment(path, index)
        kind = c.FPDFPathSegment_GetType(segment)
        c.FPDFPathSegment_GetPoint(segment, x, y)
        if kind == c.FPDF_SEGMENT_MOVETO:
            yield outline
            outline = []
        if kind == c.FPDF_SEGMENT_BEZIERTO and outline:  # a bend, and no side
            yield outline
            outline = []
        outline.append((x.value, y.value))
        if c.FPDFPathSegment_GetClose(segment):
            outline.append(outline[0])
    yield outline
