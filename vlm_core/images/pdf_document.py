"""Open PDFs of the worker, and their pages with all that is laid over them, loaded and drawn."""

from __future__ import annotations

import ctypes
import io
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as c

from . import pdf_attachments
from .pdf_forms import Mark, marks_of
from .pdf_glyphs import count_chars
from .pdf_headings import outline_levels
from .pdf_notes import Note, notes_of, undrawn
from .pdf_stored import PlainStreams

Pixels: TypeAlias = "ctypes.Array[ctypes.c_ubyte]"


# A picture that ends a rounding error beyond the last pixel is drawn a pixel wider, and so blurred.
_SHRINK = 1 - 1e-6


def render(
    page: pdfium.PdfPage, size: tuple[int, int], *, is_scan: bool = False, is_grey: bool = False
) -> Pixels:
    """Draw a page on white.

    Args:
        page: with its form, where it has one.
        size: width and height in pixels.
        is_scan: whether it is a picture, which keeps its pixels where it has as many.
        is_grey: whether one byte a pixel is enough.

    Returns:
        RGB bytes, or one byte a pixel, row by row.
    """
    kind = c.FPDFBitmap_Gray if is_grey else c.FPDFBitmap_BGR
    bitmap = pdfium.PdfBitmap.new_native(*size, kind, rev_byteorder=not is_grey)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    flags = c.FPDF_ANNOT | (0 if is_grey else c.FPDF_REVERSE_BYTE_ORDER)
    if is_scan:
        across, down = (
            _SHRINK * pixels / points for pixels, points in zip(size, page.get_size(), strict=True)
        )
        matrix, all_of_it = c.FS_MATRIX(across, 0, 0, down, 0, 0), c.FS_RECTF(0, 0, *size)
        c.FPDF_RenderPageBitmapWithMatrix(bitmap, page, matrix, all_of_it, flags)
    else:
        c.FPDF_RenderPageBitmap(bitmap, page, 0, 0, *size, 0, flags)
    if page.formenv:
        c.FPDF_FFLDraw(page.formenv, bitmap, page, 0, 0, *size, 0, flags)
    pixels: Pixels = bitmap.buffer
    return pixels


# Bytes that pdfium keeps of a document until it is opened anew, which takes longer the more pages it has.
_MOST_KEPT = 64 << 20
_OF_A_DRAWN_PAGE = _MOST_KEPT // 100
_LEAST_OF_A_STORED_PAGE = _MOST_KEPT // 400
_FAILURES = {
    c.FPDF_ERR_FILE: "file",
    c.FPDF_ERR_PASSWORD: "password",
    c.FPDF_ERR_SECURITY: "security",
}
_UNSEEN_NOTES = (c.FPDF_ANNOT_LINK, c.FPDF_ANNOT_POPUP)


class Failure(Exception):  # noqa: N818  it becomes an error in the parent, which has the words for it
    """Why a request cannot be met, in a word."""


@dataclass
class Overlay:
    """What annotations lay over a page, found before they became part of it."""

    own_chars: int | None = None
    """How many characters are the page's own; None where all are."""
    marks: list[Mark] = field(default_factory=list)
    """Its check boxes and radio buttons."""
    notes: list[Note] = field(default_factory=list)
    """Notes with a text that pdfium does not draw, or perhaps not all of it."""
    attachments: list[dict[str, Any]] = field(default_factory=list)
    """The files that notes carry."""


NO_OVERLAY = Overlay()


class Document:
    """An open document, and what it was opened from.

    Args:
        data: the file's bytes; not needed where there is a path.
        path: of the file.
        password: for an encrypted document.

    Raises:
        Failure: it cannot be opened.
    """

    def __init__(self, data: bytes, path: str | None, password: str | None) -> None:
        self._source = data, path, password  # pdfium goes on reading from the bytes
        self.pdf = _open_pdf(*self._source)
        self._is_fresh = True
        self._kept = 0
        self._overlays: dict[int, Overlay] = {}  # of pages with annotations, by index

    def __len__(self) -> int:
        return len(self.pdf)

    @cached_property
    def plain_streams(self) -> PlainStreams:
        """Those of its JPEG streams that are shown as they are stored."""
        data, path, _ = self._source
        return PlainStreams(lambda: open(path, "rb") if path else io.BytesIO(data))

    @cached_property
    def titles(self) -> Mapping[int, Mapping[str, int]]:
        """The levels of its outline's titles, by the index of the page that they lead to."""
        return outline_levels(self.pdf)

    def close(self) -> None:
        """Give back what pdfium holds of it."""
        self.pdf.close()

    def renew(self) -> None:
        """Open the document anew once in a while: pdfium keeps all it has read of it until it is closed."""
        if self._kept > _MOST_KEPT:
            self.open_anew()
            self._kept = 0
        self._kept += _OF_A_DRAWN_PAGE

    def keeps(self, stream: int) -> None:
        """Of the page that was renewed for, pdfium keeps a stream of so many bytes and little more."""
        self._kept += max(stream, _LEAST_OF_A_STORED_PAGE) - _OF_A_DRAWN_PAGE

    def open_anew(self) -> None:
        """Open the document as if nothing had been asked of it, where something was.

        Once damaged pages were asked for from the last to the first, pdfium takes sound ones for damaged too.
        """
        if not self._is_fresh:
            fresh = _open_pdf(*self._source)
            self.pdf.close()
            self.pdf, self._is_fresh = fresh, True

    def _loaded(self, index: int) -> pdfium.PdfPage:
        was_fresh, self._is_fresh = self._is_fresh, False
        try:
            return self.pdf[index]
        except pdfium.PdfiumError:
            if was_fresh:
                raise
        self.open_anew()
        return self._loaded(index)

    @contextmanager
    def page(self, index: int) -> Iterator[tuple[pdfium.PdfPage, Overlay | None]]:
        """A page with its annotations and form entries made part of it, so that their text is seen too.

        Raises:
            Failure: it is damaged.
        """
        try:
            page = self._loaded(index)
            if _is_annotated(page):
                with closing(page):
                    self._overlays[index] = _flatten(page, index)
                page = self.pdf[index]  # only a page loaded anew shows what became part of it
        except pdfium.PdfiumError:
            raise Failure("page") from None
        with closing(page):
            yield page, self._overlays.get(index)


def _flatten(page: pdfium.PdfPage, index: int) -> Overlay:
    """Make a page's annotations part of it."""
    notes = notes_of(page)
    overlay = Overlay(
        own_chars=count_chars(page),
        marks=list(marks_of(page)),
        attachments=list(pdf_attachments.of_page(page, index)),
    )
    render(page, (1, 1))  # drawing gives notes that lack an appearance one
    overlay.notes = undrawn(page, notes)
    c.FPDFPage_Flatten(page, c.FLAT_NORMALDISPLAY)
    return overlay


def _is_annotated(page: pdfium.PdfPage) -> bool:
    return any(_annotation_type(page, i) not in _UNSEEN_NOTES for i in range(c.FPDFPage_GetAnnotCount(page)))


def _annotation_type(page: pdfium.PdfPage, index: int) -> int:
    annotation = c.FPDFPage_GetAnnot(page, index)
    kind: int = c.FPDFAnnot_GetSubtype(annotation)
    c.FPDFPage_CloseAnnot(annotation)
    return kind


def _open_pdf(data: bytes, path: str | None, password: str | None) -> pdfium.PdfDocument:
    pdf = pdfium.PdfDocument(_raw_document(data, path, password))
    if not len(pdf):
        raise Failure("empty")
    if pdf.get_formtype() == c.FORMTYPE_XFA_FULL:  # its pages only say that another viewer is needed
        raise Failure("xfa")
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
        raise Failure(_FAILURES.get(c.FPDF_GetLastError(), "format"))
    return raw
