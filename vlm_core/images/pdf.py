"""The PDF worker: opens PDFs and draws their pages, in a process of its own.

pdfium is a large C++ library that reads strangers' files and may be used by one thread only,
so it runs here, apart from the program that wants the pages; `pdf_worker` starts this process
and talks to it. A request is a frame that names one of `_REQUESTS`; each gets one reply.
"""

from __future__ import annotations

import ctypes
import io
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import cached_property
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as c

from . import pdf_attachments
from .confine import allow_cpu, confine
from .pdf_chars import guessed_space, spaced, without_doubles
from .pdf_fonts import doubtful_fonts
from .pdf_forms import Mark, as_chars, marks_of, with_marks, without_marks
from .pdf_frames import read_frame, write_frame
from .pdf_layout import Box, Picture, View, area, around, coverage, is_legible, merged, pixel_size
from .pdf_objects import Drawn, address, drawn_on
from .pdf_order import in_reading_order
from .pdf_scan import PlainStreams, scan_dpi
from .pdf_stored import StoredScan, stored_scan
from .pdf_text import (
    Char,
    Line,
    Style,
    blocks_of,
    columns_from_the_right,
    is_readable,
    lines_of,
    main_direction,
    space,
    with_entries,
)

MAX_MEMORY = 3 << 30
STRANGERS_MEMORY = 512 << 20
"""Bytes of its own that a worker may have, libraries besides; the first for files that are trusted."""
CPU_SECONDS = 4.0
"""For a page of a stranger's document."""
_OPENED_BYTES = 25e6
"""Of a document that may take one second more to open."""
_cpu_seconds = 0.0
# Where pdfium looks for fonts that a document names and does not bring (CFX_LinuxMapper).
_FONTS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/usr/share/X11/fonts/Type1",
    "/usr/share/X11/fonts/TTF",
)
_GRACE = 10  # seconds over the parent's time limit until an orphan ends itself
_RENEWED_AFTER = 100  # pages
_FLAT = 0.02  # font sizes
_SCAN = 0.9  # share of the page under pictures from which all of it is read as a picture
_MANY = 200  # shapes of a page from which they are not looked at one by one
_PICTURE = 0.05  # share of the page from which a picture may hold text of its own

_FAILURES = {
    c.FPDF_ERR_FILE: "file",
    c.FPDF_ERR_PASSWORD: "password",
    c.FPDF_ERR_SECURITY: "security",
}
_UNSEEN_MODES = (c.FPDF_TEXTRENDERMODE_INVISIBLE, c.FPDF_TEXTRENDERMODE_CLIP)
_UNSEEN_NOTES = (c.FPDF_ANNOT_LINK, c.FPDF_ANNOT_POPUP)


class _Document:
    """An open document, and what it was opened from."""

    def __init__(self, data: bytes, path: str | None, password: str | None) -> None:
        self._source = data, path, password  # pdfium goes on reading from the bytes
        self.pdf = _open_pdf(*self._source)
        self._drawn = 0
        self.own_chars: dict[int, int] = {}
        """Of each page with annotations, by index: the characters that are the page's own."""
        self.marks: dict[int, list[Mark]] = {}
        """Of each page with a form, by index: its check boxes and radio buttons."""
        self.noted: dict[int, list[dict[str, Any]]] = {}
        """Of each page with notes that carry files, by index: these files."""

    def __len__(self) -> int:
        return len(self.pdf)

    def page(self, index: int) -> pdfium.PdfPage:
        return self.pdf[index]

    @cached_property
    def plain_streams(self) -> PlainStreams:
        """Those of its JPEG streams that are shown as they are stored."""
        data, path, _ = self._source
        return PlainStreams(lambda: open(path, "rb") if path else io.BytesIO(data))

    def close(self) -> None:
        self.pdf.close()

    def renew(self) -> None:
        """Open the document anew once in a while: pdfium keeps all it has read of it until it is closed."""
        self._drawn += 1
        if self._drawn % _RENEWED_AFTER == 0:
            fresh = _open_pdf(*self._source)
            self.pdf.close()
            self.pdf = fresh


Documents = dict[int, _Document]
Reply = tuple[dict[str, Any], Any]


class _Failure(Exception):  # noqa: N818  it becomes an error in the parent, which has the words for it
    """Why a request cannot be met, in a word."""


def main(option: str) -> None:
    """Answer requests from standard input on standard output until the parent is gone.

    Args:
        option: what the documents are, as `pdf_worker.workers` says.
    """
    global _cpu_seconds
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that nothing a library prints gets between the frames
    is_trusted = option == "trusted"
    _cpu_seconds = 0.0 if is_trusted else CPU_SECONDS
    memory = MAX_MEMORY if is_trusted else STRANGERS_MEMORY
    reads_files = is_trusted or option == "files"
    had = confine(memory=memory, readable=("/",) if reads_files else (*_FONTS, *sys.path))
    write_frame(replies, {"confinement": had})
    documents: Documents = {}
    with suppress(EOFError, BrokenPipeError):
        while True:
            write_frame(replies, *_answer(documents, *read_frame(requests)))


def _answer(documents: Documents, header: dict[str, Any], payload: bytes) -> Reply:
    _set_alarm(header.pop("seconds") + _GRACE)
    allow_cpu(_cpu_seconds and _cpu_seconds + _opened_bytes(header, payload) / _OPENED_BYTES)
    try:
        return _REQUESTS[header.pop("request")](documents, payload, **header)
    except _Failure as failure:
        return {"failure": str(failure)}, b""
    except Exception as error:  # noqa: BLE001  whatever it is, the parent must hear of it
        return {"failure": "error", "detail": str(error) or type(error).__name__}, b""
    finally:
        _set_alarm(0)
        allow_cpu(0)


def _opened_bytes(header: dict[str, Any], payload: bytes) -> int:
    """How large a document is that a request opens."""
    with suppress(OSError):
        return os.stat(header["path"]).st_size if header.get("path") else len(payload)
    return 0


def _set_alarm(seconds: float) -> None:
    """Have the system end this process, even within pdfium: the parent may be dead by then. 0 is never."""
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds))


def _open(documents: Documents, data: bytes, key: int, path: str | None, password: str | None) -> Reply:
    documents[key] = _Document(data, path, password)
    return {"pages": len(documents[key]), "attachments": pdf_attachments.count(documents[key].pdf)}, b""


def _attachments(documents: Documents, _data: bytes, key: int, with_notes: bool) -> Reply:
    document = documents[key]
    found = list(pdf_attachments.of_document(document.pdf))
    for index in range(len(document) if with_notes else 0):
        with suppress(pdfium.PdfiumError), closing(document.page(index)) as page:
            found += pdf_attachments.of_page(page, index)
    return {"attachments": found}, b""


def _attachment(documents: Documents, _data: bytes, key: int, place: pdf_attachments.Place) -> Reply:
    return {}, pdf_attachments.content(documents[key].pdf, place)


def _open_pdf(data: bytes, path: str | None, password: str | None) -> pdfium.PdfDocument:
    pdf = pdfium.PdfDocument(_raw_document(data, path, password))
    if not len(pdf):
        raise _Failure("empty")
    if pdf.get_formtype() == c.FORMTYPE_XFA_FULL:  # its pages only say that this viewer is no good
        raise _Failure("xfa")
    with suppress(pdfium.PdfiumError):  # a broken form; the pages come all the same
        pdf.init_forms()
    return pdf


def _raw_document(data: bytes, path: str | None, password: str | None) -> Any:
    secret = None if password is None else password.encode() + b"\0"
    if path:
        raw = c.FPDF_LoadDocument(path.encode(errors="surrogateescape") + b"\0", secret)
    else:
        raw = c.FPDF_LoadMemDocument64(data, len(data), secret)
    if not raw:
        raise _Failure(_FAILURES.get(c.FPDF_GetLastError(), "format"))
    return raw


def _readable_after(documents: Documents, _data: bytes, key: int, number: int) -> Reply:
    """The number of the next page that can be loaded; 0 where none can."""
    document = documents[key]
    for index in range(number, len(document)):
        page = c.FPDF_LoadPage(document.pdf, index)
        if page:
            c.FPDF_ClosePage(page)
            return {"next": index + 1}, b""
    return {"next": 0}, b""


def _close(documents: Documents, _data: bytes, key: int) -> Reply:
    if key in documents:
        documents.pop(key).close()
    return {}, b""


def _draw(
    documents: Documents, _data: bytes, key: int, number: int, text: bool, max_side: int | None
) -> Reply:
    document = documents[key]
    document.renew()
    with closing(_load(document, number - 1)) as page:
        view = _view(page)
        if scan := _stored(document, page, number, view):
            return _as_stored(scan, view)
        pictures = [picture for picture in _pictures(page) if is_legible(picture, view)]
        is_scan = coverage(view.fractions(picture.box) for picture in pictures) >= _SCAN
        drawn = drawn_on(page) if text and not is_scan else Drawn()
        chars = _read(page, drawn) if text and not is_scan else []
        turn = (main_direction(chars) - view.turn) % 360 if chars else 0
        with _turned(page, turn):
            own = None if turn else document.own_chars.get(number - 1)
            view = _view(page)
            trusted, others = _by_trust(_read(page, drawn) if turn else chars)
            lines = _lines(trusted, own, document.marks.get(number - 1, []), view.turn)
            doubtful = _lines(others, None, [], view.turn)
            layer = _layer(view, lines, doubtful, pictures, drawn) if lines or doubtful else None
            resolution = max(picture.resolution for picture in pictures) if is_scan else None
            size = pixel_size(view.size, resolution, None if layer else max_side)
            is_grey = is_scan and _is_grey(page)
            header = {"width": size[0], "height": size[1], "rotation": turn, "layer": layer, "grey": is_grey}
            told = {"attachments": document.noted.get(number - 1, []), "warnings": drawn.warnings}
            return {**header, **told, "dpi": 72 * size[0] / view.size[0]}, _pixels(page, size, is_grey)


def _stored(document: _Document, page: pdfium.PdfPage, number: int, view: View) -> StoredScan | None:
    has_notes = number - 1 in document.own_chars
    return None if has_notes else stored_scan(page, view, document.plain_streams)


def _as_stored(scan: StoredScan, view: View) -> Reply:
    size = scan.jpeg.width, scan.jpeg.height
    width, height = size if scan.turn % 180 == 0 else size[::-1]
    header = {"width": width, "height": height, "dpi": scan_dpi(width, view.size), "turn": scan.turn}
    return {**header, "attachments": [], "warnings": []}, scan.jpeg.stripped


def _view(page: pdfium.PdfPage) -> View:
    view = View(page.get_bbox(), page.get_rotation())
    if not all(view.size):
        raise _Failure("page")  # cropped to nothing
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


def _load(document: _Document, index: int) -> pdfium.PdfPage:
    """A page with its annotations and form entries made part of it, so that their text is seen too."""
    try:
        page = document.page(index)
        if _is_annotated(page):
            with closing(page):
                document.own_chars[index] = _count_chars(page)
                document.marks[index] = list(marks_of(page))
                document.noted[index] = list(pdf_attachments.of_page(page, index))
                _pixels(page, (1, 1))  # drawing gives notes that lack an appearance one
                c.FPDFPage_Flatten(page, c.FLAT_NORMALDISPLAY)
            page = document.page(index)  # only a page loaded anew shows what became part of it
    except pdfium.PdfiumError:
        raise _Failure("page") from None
    return page


def _count_chars(page: pdfium.PdfPage) -> int:
    with closing(page.get_textpage()) as textpage:
        count: int = textpage.count_chars()
    return count


def _is_annotated(page: pdfium.PdfPage) -> bool:
    return any(_annotation_type(page, i) not in _UNSEEN_NOTES for i in range(c.FPDFPage_GetAnnotCount(page)))


def _annotation_type(page: pdfium.PdfPage, index: int) -> int:
    annotation = c.FPDFPage_GetAnnot(page, index)
    kind: int = c.FPDFAnnot_GetSubtype(annotation)
    c.FPDFPage_CloseAnnot(annotation)
    return kind


def _pictures(page: pdfium.PdfPage) -> Iterator[Picture]:
    for image in page.get_objects(filter=[c.FPDF_PAGEOBJ_IMAGE]):
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


def _read(page: pdfium.PdfPage, drawn: Drawn) -> list[Char]:
    """The characters of a page, none where they make no sense."""
    with closing(page.get_textpage()) as textpage:
        chars = list(_chars(textpage, page.get_bbox(), drawn))
    return chars if is_readable(chars) else []


def _by_trust(chars: list[Char]) -> tuple[list[Char], list[Char]]:
    """The characters of fonts that look like their text, and those of the others; white space is in both."""
    fonts = doubtful_fonts(chars)
    if not fonts:
        return chars, []
    trusted = [space() if char.style.font in fonts else char for char in chars]
    return trusted, [char if char.style.font in fonts else space() for char in chars]


def _lines(chars: list[Char], own: int | None, marks: list[Mark], turn: int) -> list[Line]:
    """Characters as lines; the first ones are the page's own, the others were filled in."""
    if not chars:
        return []
    chars = without_marks(chars, marks) if marks else chars
    parts = chars[:own], chars[own:] if own is not None else [], list(as_chars(marks, turn))
    printed, filled, marked = (lines_of(spaced(without_doubles(part), turn)) for part in parts)
    printed = columns_from_the_right(in_reading_order(printed))
    return with_marks(with_entries(printed, in_reading_order(filled)), marked)


def _chars(textpage: pdfium.PdfTextPage, visible: Box, drawn: Drawn) -> Iterator[Char]:
    """The characters of a page, space taking the place of those that nobody sees."""
    styles: dict[int, Style | None] = {}  # by text object
    for index in range(textpage.count_chars()):
        text_object = c.FPDFText_GetTextObject(textpage, index)
        place = address(text_object)
        if not place:
            yield guessed_space()
            continue
        if place not in styles:
            styles[place] = _style(textpage, index, text_object)
        style = styles[place]
        char = _char(textpage, index, style, visible) if style else space()
        yield space() if drawn.hides(place, char) else char


def _style(textpage: pdfium.PdfTextPage, index: int, text_object: Any) -> Style | None:
    if c.FPDFTextObj_GetTextRenderMode(text_object) in _UNSEEN_MODES:
        return None
    matrix = c.FS_MATRIX()
    c.FPDFText_GetMatrix(textpage, index, matrix)
    font_size = c.FPDFText_GetFontSize(textpage, index)
    x, y = matrix.a * font_size, matrix.b * font_size
    length = math.hypot(x, y)
    if not length:
        return None
    size = abs(font_size) * math.hypot(matrix.c, matrix.d)
    return Style(size, x / length, y / length, address(c.FPDFTextObj_GetFont(text_object)))


def _char(textpage: pdfium.PdfTextPage, index: int, style: Style, visible: Box) -> Char:
    code = c.FPDFText_GetUnicode(textpage, index)
    text = chr(code) if code <= sys.maxunicode else "\ufffd"  # what a broken font gives may be any number
    if text.isspace():  # a tab too, whatever the font has for it
        return space()
    if c.FPDFText_HasUnicodeMapError(textpage, index) == 1:
        text = "\ufffd"  # pdfium gives the font's own code for it, which means nothing
    box = _with_height(textpage.get_charbox(index), style)
    if not _is_inside(box, visible):
        return space()
    x, y = ctypes.c_double(), ctypes.c_double()
    c.FPDFText_GetCharOrigin(textpage, index, x, y)
    return Char(text, box, (x.value, y.value), style)


def _with_height(box: Box, style: Style) -> Box:
    """The box of a character, that of its place where its font is not at hand and it has no ink."""
    return box if box[3] - box[1] > _FLAT * style.size else (*box[:3], box[1] + style.size)


def _is_inside(box: Box, visible: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return visible[0] <= x <= visible[2] and visible[1] <= y <= visible[3]


def _layer(
    view: View, lines: list[Line], doubtful: list[Line], pictures: list[Picture], drawn: Drawn
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
    }


def _as_plain(view: View, lines: list[Line]) -> list[tuple[str, Box, int]]:
    blocks = blocks_of(lines) if lines else []
    return [(line.text, view.fractions(line.box), block) for line, block in zip(lines, blocks, strict=True)]


def _pixels(
    page: pdfium.PdfPage, size: tuple[int, int], is_grey: bool = False
) -> ctypes.Array[ctypes.c_ubyte]:
    """The page on white, as RGB bytes, or one byte a pixel."""
    kind = c.FPDFBitmap_Gray if is_grey else c.FPDFBitmap_BGR
    bitmap = pdfium.PdfBitmap.new_native(*size, kind, rev_byteorder=not is_grey)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    byte_order = 0 if is_grey else c.FPDF_REVERSE_BYTE_ORDER
    area_and_flags = (0, 0, *size, 0, c.FPDF_ANNOT | byte_order)
    c.FPDF_RenderPageBitmap(bitmap, page, *area_and_flags)
    if page.formenv:
        c.FPDF_FFLDraw(page.formenv, bitmap, page, *area_and_flags)
    pixels: ctypes.Array[ctypes.c_ubyte] = bitmap.buffer
    return pixels


_REQUESTS: dict[str, Callable[..., Reply]] = {
    "open": _open,
    "close": _close,
    "draw": _draw,
    "readable_after": _readable_after,
    "attachments": _attachments,
    "attachment": _attachment,
}
