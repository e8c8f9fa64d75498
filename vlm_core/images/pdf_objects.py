"""What is drawn on a PDF page beside its text: what lies over the text, and what may be lettering itself."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .pdf_layout import Box
from .pdf_rules import rules_on
from .pdf_text import Char

_MOST = 20_000  # objects of one page that are looked at
_THIN = 1.5  # points; what is thinner is a rule, and hides nothing
_LETTER = 90  # points; anything longer is not a single letter
_WORD = 12  # segments of the shortest word that is a single path
_CORNERS = 5  # points of a rectangle's path, its first one twice
_OPAQUE = 255


@dataclass
class Drawn:
    """What was found on a page.

    `covers` are the opaque rectangles from the top one down, in points; `over` says of a text object, by
    its address, how many of them lie over it.
    """

    covers: list[Box] = field(default_factory=list)
    over: dict[int, int] = field(default_factory=dict)
    shapes: list[Box] = field(default_factory=list)
    """Drawn lines and areas that are neither rules nor rectangles, in points; none without lettering."""

    rules: list[Box] = field(default_factory=list)
    """Its ruling lines as thin boxes, in points."""

    shades: list[Box] = field(default_factory=list)
    """Its shaded areas, in points."""

    may_be_lettering: bool = False
    """Whether a shape is as small as a letter, or has as many parts as a word."""

    hidden: set[tuple[float, float]] = field(default_factory=set)
    """Where the characters stand that were found to lie under an opaque rectangle."""

    def hides(self, text_object: int, char: Char) -> bool:
        """Whether the middle of a character lies under an opaque rectangle."""
        count = self.over.get(text_object, 0)
        if not count or char.text.isspace():
            return False
        x, y = (char.box[0] + char.box[2]) / 2, (char.box[1] + char.box[3]) / 2
        covers = self.covers[:count]
        is_hidden = any(left <= x <= right and low <= y <= high for left, low, right, high in covers)
        if is_hidden:
            self.hidden.add(char.origin)
        return is_hidden

    @property
    def warnings(self) -> list[str]:
        """What must be said of what is left out."""
        count = len(self.hidden)
        characters = f"{count} character{'s' * (count > 1)}"
        return [f"{characters} under opaque boxes were left out"] if count else []


def drawn_on(page: pdfium.PdfPage, objects: Sequence[pdfium.PdfObject]) -> Drawn:
    """Look at all that is drawn on a page, from the top down.

    Args:
        page: to be looked at.
        objects: of the page, and of its forms.
    """
    found = Drawn()
    found.rules, found.shades = rules_on(objects[:_MOST])
    if len(objects) > _MOST:
        found.shapes.append(page.get_bbox())
        found.may_be_lettering = True
    for thing in reversed(objects[: _MOST + 1]):
        if thing.type == c.FPDF_PAGEOBJ_TEXT:
            if found.covers:
                found.over[address(thing.raw)] = len(found.covers)
        elif thing.type == c.FPDF_PAGEOBJ_PATH:
            _add_path(found, thing)
    if not found.may_be_lettering:
        found.shapes.clear()
    return found


def address(raw: Any) -> int:
    """What an object is known by."""
    return ctypes.cast(raw, ctypes.c_void_p).value or 0


def _add_path(found: Drawn, path: pdfium.PdfObject) -> None:
    box = path.get_bounds()
    if min(box[2] - box[0], box[3] - box[1]) < _THIN:  # a part of a letter, too, but then there are others
        return
    if not _is_rectangle(path):
        found.shapes.append(_on_page(path, box))
        found.may_be_lettering |= _may_be_lettering(path, box)
    elif _is_opaque(path) and (clipped := _clipped(path, box)):
        found.covers.append(_on_page(path, clipped))


def _may_be_lettering(path: pdfium.PdfObject, box: Box) -> bool:
    longer: float = max(box[2] - box[0], box[3] - box[1])
    return longer <= _LETTER or c.FPDFPath_CountSegments(path) >= _WORD


def _on_page(thing: pdfium.PdfObject, box: Box) -> Box:
    """A box in points of the page; within a form it is placed by the form's place."""
    form = thing.container
    while form:
        box = form.get_matrix().on_rect(*box)
        form = form.container
    return box


def _is_rectangle(path: pdfium.PdfObject) -> bool:
    count = c.FPDFPath_CountSegments(path)
    if not _CORNERS - 1 <= count <= _CORNERS:
        return False
    segments = [c.FPDFPath_GetPathSegment(path, index) for index in range(count)]
    is_closed = bool(c.FPDFPathSegment_GetClose(segments[-1])) or _is_filled(path)
    return is_closed and _is_square_cut([_point(segment) for segment in segments])


def _is_square_cut(points: list[tuple[float, float]]) -> bool:
    return all(abs(a[0] - b[0]) < 0.01 or abs(a[1] - b[1]) < 0.01 for a, b in pairwise(points))


def _point(segment: object) -> tuple[float, float]:
    x, y = ctypes.c_float(), ctypes.c_float()
    c.FPDFPathSegment_GetPoint(segment, x, y)
    return x.value, y.value


def _is_filled(path: pdfium.PdfObject) -> bool:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    c.FPDFPath_GetDrawMode(path, fill, stroke)
    is_filled: bool = fill.value != c.FPDF_FILLMODE_NONE
    return is_filled


def _is_opaque(path: pdfium.PdfObject) -> bool:
    if not _is_filled(path) or c.FPDFPageObj_HasTransparency(path):
        return False
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    return bool(c.FPDFPageObj_GetFillColor(path, red, green, blue, alpha)) and alpha.value == _OPAQUE


def _clipped(path: pdfium.PdfObject, box: Box) -> Box | None:
    """What shows of a rectangle; None where nothing does, or where its clip is not a rectangle."""
    clip = c.FPDFPageObj_GetClipPath(path)
    for index in range(max(c.FPDFClipPath_CountPaths(clip), 0) if clip else 0):
        points = list(_clip_points(clip, index))
        if len(points) > _CORNERS or not points or not _is_square_cut(points):
            return None
        xs, ys = zip(*points, strict=True)
        box = max(box[0], min(xs)), max(box[1], min(ys)), min(box[2], max(xs)), min(box[3], max(ys))
    return box if box[0] < box[2] and box[1] < box[3] else None


def _clip_points(clip: object, index: int) -> Iterator[tuple[float, float]]:
    for number in range(c.FPDFClipPath_CountPathSegments(clip, index)):
        yield _point(c.FPDFClipPath_GetPathSegment(clip, index, number))
