"""Check boxes and radio buttons of a PDF's form, as marks that stand in its text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .pdf_layout import Box
from .pdf_text import Char, Line, Style, space, with_entries

_MARKS = {c.FPDF_FORMFIELD_CHECKBOX: "[{}]", c.FPDF_FORMFIELD_RADIOBUTTON: "({})"}
UNSEEN = c.FPDF_ANNOT_FLAG_HIDDEN | c.FPDF_ANNOT_FLAG_NOVIEW
_BESIDE = 0.5  # share of the lower one of a mark and a line that stands beside the other
_BASELINE = 0.2  # share of a mark's height at which the text beside it stands


class Mark(NamedTuple):
    """A check box or a radio button: "[x]" or "[ ]", "(x)" or "( )", and where it is in points."""

    text: str
    box: Box


def marks_of(page: pdfium.PdfPage) -> Iterator[Mark]:
    """The check boxes and radio buttons of a page, before its form becomes part of it."""
    for index in range(c.FPDFPage_GetAnnotCount(page) if page.formenv else 0):
        widget = c.FPDFPage_GetAnnot(page, index)
        try:
            form = _MARKS.get(c.FPDFAnnot_GetFormFieldType(page.formenv, widget))
            if form and not c.FPDFAnnot_GetFlags(widget) & UNSEEN:
                state = "x" if c.FPDFAnnot_IsChecked(page.formenv, widget) else " "
                yield Mark(form.format(state), box_of(widget))
        finally:
            c.FPDFPage_CloseAnnot(widget)


def box_of(annotation: object) -> Box:
    """Where an annotation is, in points."""
    rect = c.FS_RECTF()
    c.FPDFAnnot_GetRect(annotation, rect)
    left, right = sorted((rect.left, rect.right))
    bottom, top = sorted((rect.bottom, rect.top))
    return left, bottom, right, top


def without(chars: Sequence[Char], boxes: Sequence[Box]) -> Sequence[Char]:
    """The characters, but for those in boxes, as those with which marks are drawn."""
    if not boxes:
        return chars
    return [space() if any(holds(box, char) for box in boxes) else char for char in chars]


def holds(box: Box, char: Char) -> bool:
    """Whether the middle of a character lies in a box."""
    if char.text.isspace():
        return False
    x, y = (char.box[0] + char.box[2]) / 2, (char.box[1] + char.box[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def as_chars(marks: Sequence[Mark], turn: int) -> Iterator[Char]:
    """Marks as characters that run as a reader of the page sees them.

    Args:
        marks: of the page.
        turn: degrees by which the page is shown turned clockwise.
    """
    cos, sin = round(math.cos(math.radians(turn))), round(math.sin(math.radians(turn)))
    for mark in marks:
        left, bottom, right, top = mark.box
        height = min(right - left, top - bottom)
        corner = {0: (left, bottom), 90: (right, bottom), 180: (right, top), 270: (left, top)}[turn]
        origin = corner[0] - sin * _BASELINE * height, corner[1] + cos * _BASELINE * height
        yield from (space(), Char(mark.text, mark.box, origin, Style(height, cos, sin)), space())


def with_marks(lines: Sequence[Line], marks: Sequence[Line]) -> list[Line]:
    """The lines with the marks of a form, each beside the nearest line of its row: that is its label."""
    merged = list(lines)
    for mark in marks:
        beside = [index for index, line in enumerate(merged) if _in_row(line, mark)]
        if not beside:
            merged = with_entries(merged, [mark])
            continue
        nearest = min(beside, key=lambda index: abs(_distance(mark, merged[index])))
        merged.insert(nearest if _distance(mark, merged[nearest]) > 0 else nearest + 1, mark)
    return merged


def _in_row(line: Line, mark: Line) -> bool:
    low, high = (0, 2) if mark.first.style.quarter in (90, 270) else (1, 3)
    shared = min(line.box[high], mark.box[high]) - max(line.box[low], mark.box[low])
    return shared > _BESIDE * min(line.box[high] - line.box[low], mark.box[high] - mark.box[low])


def _distance(mark: Line, line: Line) -> float:
    """How far a reader goes on from a mark to a line; negative where the line comes first."""
    low, high, sign = {0: (0, 2, 1), 90: (1, 3, 1), 180: (2, 0, -1), 270: (3, 1, -1)}[
        mark.first.style.quarter
    ]
    after = sign * (line.box[low] - mark.box[high])
    before = sign * (mark.box[low] - line.box[high])
    return after if after >= before else -before
