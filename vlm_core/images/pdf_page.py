"""A PDF page as it is handed on: drawn, with the text that it brings; or the picture that it is."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as c

from ..reading_order.columns import Work
from . import pdf_notes
from .pdf_chars import spaced, without_doubles
from .pdf_document import NO_OVERLAY, Document, Failure, Overlay, render
from .pdf_forms import as_chars, with_marks, without
from .pdf_glyphs import doubtful_fonts, first_words, readable_chars
from .pdf_headings import with_levels
from .pdf_layout import Box, Picture, View, area, around, coverage, is_legible, merged, pixel_size
from .pdf_objects import Drawn, drawn_on
from .pdf_order import in_reading_order
from .pdf_stored import StoredScan, scan_dpi, stored_scan
from .pdf_text import (
    Char,
    Line,
    blocks_of,
    columns_from_the_right,
    lines_of,
    main_direction,
    space,
    with_entries,
)

_SCAN = 0.9  # share of the page under pictures from which all of it is read as a picture
_MANY = 200  # shapes of a page from which they are not looked at one by one
_PICTURE = 0.05  # share of the page from which a picture may hold text of its own

Page: TypeAlias = tuple[dict[str, Any], Any]
"""A page's header, and its pixels or its JPEG."""
# A line's text, its box as fractions of the page, its block, its words with their boxes, whether it is bold,
# and the level of its heading.
_PlainLine: TypeAlias = tuple[str, Box, int, list[tuple[str, Box]], bool, int]


class _Said(NamedTuple):
    """What a page says without OCR."""

    turn: int = 0
    """Degrees clockwise by which it must be turned to be upright."""
    layer: dict[str, Any] | None = None
    entries: Sequence[tuple[str, Box, bool]] = ()
    """Of a page that needs OCR, what a form or a note says on it: text, box, and whether it is a mark."""
    warnings: Sequence[str] = ()


def draw(
    document: Document, number: int, *, text: bool, max_side: int | None, digest_only: bool = False
) -> Page:
    """Draw a page and read its own text, or hand on the JPEG that it is.

    Args:
        document: it is open.
        number: of the page, from 1.
        text: whether its own text is wanted.
        max_side: pixels of the longer side of a page without text of its own.
        digest_only: of a page that is a JPEG, give its identity alone.

    Raises:
        Failure: it is damaged, or cropped to nothing.
    """
    document.renew()
    with document.page(number - 1) as (page, overlay):
        view = _view(page)
        if overlay is None and (scan := stored_scan(page, view, document.plain_streams)):
            document.keeps(scan.size)
            return _identity(scan) if digest_only else _as_stored(scan, view)
        overlay = overlay or NO_OVERLAY
        objects = list(page.get_objects())
        pictures = [picture for picture in _pictures(objects) if is_legible(picture, view)]
        is_scan = coverage(view.fractions(picture.box) for picture in pictures) >= _SCAN
        drawn = drawn_on(page, objects) if text and not is_scan else None
        titles = document.titles.get(number - 1, {}) if drawn else {}
        said = _said_by(page, overlay, pictures, drawn, titles) if text else _undrawn(page, overlay)
        resolution = max(picture.resolution for picture in pictures) if is_scan else None
        is_grey = is_scan and _is_grey(page)
        with _turned(page, said.turn):
            shown = _view(page).size
            size = pixel_size(shown, resolution, None if said.layer else max_side)
            header = {"width": size[0], "height": size[1], "rotation": said.turn, "grey": is_grey}
            told = {"attachments": overlay.attachments, "warnings": said.warnings}
            dpi = 72 * size[0] / shown[0]
            pixels = render(page, size, is_scan=is_scan, is_grey=is_grey)
            return {**header, **told, "layer": said.layer, "entries": said.entries, "dpi": dpi}, pixels


def outline(document: Document, number: int) -> dict[str, Any]:
    """A page's size in pixels, and its first words where they are text and not a picture; it is not drawn.

    Args:
        document: it is open.
        number: of the page, from 1.

    Raises:
        Failure: it is damaged, or cropped to nothing.
    """
    document.renew()
    with document.page(number - 1) as (page, overlay):
        view = _view(page)
        if overlay is None and (scan := stored_scan(page, view, document.plain_streams)):
            document.keeps(scan.size)
            width, height = _shown_size(scan)
            return {"width": width, "height": height, "words": ""}
        objects = page.get_objects() if _may_show_pictures(page) else ()
        pictures = [picture for picture in _pictures(objects) if is_legible(picture, view)]
        is_scan = coverage(view.fractions(picture.box) for picture in pictures) >= _SCAN
        resolution = max(picture.resolution for picture in pictures) if is_scan else None
        width, height = pixel_size(view.size, resolution)
        return {"width": width, "height": height, "words": "" if is_scan else first_words(page)}


def _identity(scan: StoredScan) -> Page:
    """What `PageImage.sha256` says of the page; that is part of a module which is too large for a worker."""
    width, height = _shown_size(scan)
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"JPEG" + scan.turn.to_bytes(2, "big")
    digest = hashlib.sha256(head)
    digest.update(scan.jpeg.stripped)
    return {"sha256": digest.hexdigest()}, b""


def _shown_size(scan: StoredScan) -> tuple[int, int]:
    size = scan.jpeg.width, scan.jpeg.height
    return size if scan.turn % 180 == 0 else size[::-1]


def _as_stored(scan: StoredScan, view: View) -> Page:
    width, height = _shown_size(scan)
    header = {"width": width, "height": height, "dpi": scan_dpi(width, view.size), "turn": scan.turn}
    return {**header, "attachments": [], "warnings": []}, scan.jpeg.stripped


def _undrawn(page: pdfium.PdfPage, overlay: Overlay) -> _Said:
    """Of a page whose own text is not wanted: the notes that a picture of it does not show."""
    if not overlay.notes:
        return _Said()
    comments = [note for note in overlay.notes if not note.is_writing]
    writing = pdf_notes.unread_writing(overlay.notes, _filled_in(page, overlay))
    return _Said(warnings=pdf_notes.warnings_of([*comments, *writing]))


def _filled_in(page: pdfium.PdfPage, overlay: Overlay) -> list[Char]:
    """The characters that are not the page's own, but were laid over it."""
    return readable_chars(page, Drawn(), since=overlay.own_chars or 0)


def _said_by(
    page: pdfium.PdfPage,
    overlay: Overlay,
    pictures: Sequence[Picture],
    drawn: Drawn | None,
    titles: Mapping[str, int],
) -> _Said:
    """What a page says; `drawn` is None where it is a scan."""
    told = pdf_notes.warnings_of([note for note in overlay.notes if not note.is_writing])
    if drawn:
        work = Work()
        turn, layer = _own_text(page, overlay, pictures, drawn, work, titles)
        told += drawn.warnings
        if layer:
            return _Said(turn, layer, warnings=[*told, *work.doubts])
    return _Said(entries=list(_entries(page, overlay)), warnings=told)


def _own_text(
    page: pdfium.PdfPage,
    overlay: Overlay,
    pictures: Sequence[Picture],
    drawn: Drawn,
    work: Work,
    titles: Mapping[str, int],
) -> tuple[int, dict[str, Any] | None]:
    """The turn that a born-digital page needs, and its text; None where it has none that makes sense."""
    chars = readable_chars(page, drawn)
    turn = (main_direction(chars) - page.get_rotation()) % 360 if chars else 0
    with _turned(page, turn):
        own = None if turn else overlay.own_chars
        trusted, others = _by_trust(readable_chars(page, drawn) if turn else chars)
        view = _view(page)
        lines = with_levels(_lines(trusted, overlay, own, view.turn, work) if trusted else [], titles)
        doubtful = _lines(others, NO_OVERLAY, None, view.turn, work)
        return turn, _layer(view, lines, doubtful, pictures, drawn) if lines or doubtful else None


def _by_trust(chars: list[Char]) -> tuple[list[Char], list[Char]]:
    """The characters of fonts that look like their text, and those of the others; white space is in both."""
    fonts = doubtful_fonts(chars)
    if not fonts:
        return chars, []
    trusted = [space() if char.style.font in fonts else char for char in chars]
    return trusted, [char if char.style.font in fonts else space() for char in chars]


def _lines(chars: Sequence[Char], overlay: Overlay, own: int | None, turn: int, work: Work) -> list[Line]:
    """Characters as lines; the first ones are the page's own, the others were filled in."""
    marks = overlay.marks
    filled = chars[own:] if own is not None else []
    notes = pdf_notes.unread_writing(overlay.notes, chars if own is None else filled)
    printed = _upright(without(chars[:own], [mark.box for mark in marks]), turn)
    filled = without(filled, [*(mark.box for mark in marks), *(note.box for note in notes)])
    entries = [*_upright(filled, turn), *lines_of(pdf_notes.as_chars(notes))]
    in_order = columns_from_the_right(in_reading_order(printed, work))
    lines = with_entries(in_order, in_reading_order(entries, work))
    return with_marks(lines, lines_of(as_chars(marks, turn)))


def _upright(chars: Sequence[Char], turn: int) -> list[Line]:
    return lines_of(spaced(without_doubles(chars), turn))


def _entries(page: pdfium.PdfPage, overlay: Overlay) -> Iterator[tuple[str, Box, bool]]:
    """What was laid over a page that is read by OCR: a form's entries and marks, and notes."""
    if overlay is NO_OVERLAY:
        return
    view = _view(page)
    filled: Sequence[Char] = _filled_in(page, overlay)
    notes = pdf_notes.unread_writing(overlay.notes, filled)
    marks = overlay.marks
    filled = without(filled, [*(mark.box for mark in marks), *(note.box for note in notes)])
    for line in (*_upright(filled, view.turn), *lines_of(pdf_notes.as_chars(notes))):
        yield line.text, view.fractions(line.box), False
    for mark in marks:
        yield mark.text, view.fractions(mark.box), True


def _view(page: pdfium.PdfPage) -> View:
    view = View(page.get_bbox(), page.get_rotation())
    if not all(view.size):
        raise Failure("page")  # cropped to nothing
    return view


@contextmanager
def _turned(page: pdfium.PdfPage, turn: int) -> Iterator[None]:
    """Have a page shown turned further clockwise: pdfium finds the words of upright text best."""
    stored = page.get_rotation()
    page.set_rotation((stored + turn) % 360)
    try:
        yield
    finally:
        page.set_rotation(stored)  # the document keeps it, and the page may be asked for again


def _may_show_pictures(page: pdfium.PdfPage) -> bool:
    """Whether there are pictures, or forms, which may hold some; it is told without looking into them."""
    places = range(c.FPDFPage_CountObjects(page))
    kinds = (c.FPDFPageObj_GetType(c.FPDFPage_GetObject(page, place)) for place in places)
    return any(kind in (c.FPDF_PAGEOBJ_IMAGE, c.FPDF_PAGEOBJ_FORM) for kind in kinds)


def _pictures(objects: Iterable[pdfium.PdfObject]) -> Iterator[Picture]:
    for image in objects:
        if image.type != c.FPDF_PAGEOBJ_IMAGE:
            continue
        matrix, form = image.get_matrix(), image.container
        while form:  # a picture within a form is placed by the form's place
            matrix, form = matrix.multiply(form.get_matrix()), form.container
        width, height = image.get_px_size()
        points = abs(matrix.a * matrix.d - matrix.b * matrix.c)
        if points:
            yield Picture(matrix.on_rect(0, 0, 1, 1), math.sqrt(width * height / points))


def _is_grey(page: pdfium.PdfPage) -> bool:
    """Whether nothing is on a page but pictures in grey or in black and white."""
    return not page.formenv and all(
        thing.type == c.FPDF_PAGEOBJ_IMAGE and _is_grey_image(thing)
        for thing in page.get_objects(max_depth=1)
    )


def _is_grey_image(image: pdfium.PdfImage) -> bool:
    stored = image.get_metadata()
    return stored.colorspace == c.FPDF_COLORSPACE_DEVICEGRAY and stored.bits_per_pixel in (1, 8)


def _layer(
    view: View, lines: list[Line], doubtful: list[Line], pictures: Sequence[Picture], drawn: Drawn
) -> dict[str, Any]:
    boxes = merged([view.fractions(picture.box) for picture in pictures])
    small = [box for box in boxes if area(box) <= _PICTURE]
    shapes = [view.fractions(shape) for shape in drawn.shapes]
    if len(shapes) > _MANY:
        shapes = [around(shapes)]
    return {
        "lines": _as_plain(view, lines),
        "doubtful": _as_plain(view, doubtful),
        "pictures": [box for box in boxes if area(box) > _PICTURE],
        "drawings": merged([*small, *shapes]),
        "rules": [view.fractions(rule) for rule in drawn.rules],
        "shades": [view.fractions(shade) for shade in drawn.shades],
    }


def _as_plain(view: View, lines: list[Line]) -> list[_PlainLine]:
    blocks = blocks_of(lines) if lines else []
    return [
        (
            line.text,
            view.fractions(line.box),
            block,
            [(text, view.fractions(box)) for text, box in line.words],
            line.is_bold,
            line.level,
        )
        for line, block in zip(lines, blocks, strict=True)
    ]
