"""The ruling lines of a PDF page: thin drawn shapes, and the straight sides of what is outlined.

The sides of what is only filled are not among them: a shaded cell is often drawn in strips, one a line.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .pdf_layout import Box

_THIN = 3.0  # points; a filled shape up to this thick is a rule
_SHORTEST = 4.0  # points; what is shorter is a tick or a part of a letter
_STRAIGHT = 0.5  # points that the ends of a side may be off one another
_MOST_SEGMENTS = 400  # of one shape; what has more is a drawing
_MOST_IN_ALL = 6000
_WHITE = 250  # of 255; a filled shape this light does not show on paper

_Point: TypeAlias = tuple[float, float]


def rules_on(objects: Sequence[pdfium.PdfObject]) -> list[Box]:
    """The ruling lines among the objects of a page, as thin boxes in points.

    Args:
        objects: of the page, and of its forms.
    """
    found: list[Box] = []
    left = _MOST_IN_ALL
    for thing in objects:
        if thing.type != c.FPDF_PAGEOBJ_PATH:
            continue
        is_filled, is_stroked = _drawn_as(thing)
        if not is_filled and not is_stroked:
            continue
        left -= 1
        box = _placed(thing, thing.get_bounds())
        width, height = box[2] - box[0], box[3] - box[1]
        if max(width, height) < _SHORTEST:
            continue
        if min(width, height) <= _THIN:
            found.append(box)
            continue
        count = c.FPDFPath_CountSegments(thing)
        left -= count
        if is_stroked and count <= _MOST_SEGMENTS and left >= 0:
            found += _sides(thing, count)
    return found


def _drawn_as(path: pdfium.PdfObject) -> tuple[bool, bool]:
    """Whether a path is filled, other than in white, and whether it is stroked."""
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    c.FPDFPath_GetDrawMode(path, fill, stroke)
    is_filled = fill.value != c.FPDF_FILLMODE_NONE and not _is_white(path)
    return is_filled, bool(stroke.value)


def _is_white(path: pdfium.PdfObject) -> bool:
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    if not c.FPDFPageObj_GetFillColor(path, red, green, blue, alpha):
        return False
    return not alpha.value or min(red.value, green.value, blue.value) >= _WHITE


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


