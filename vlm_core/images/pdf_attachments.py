"""The files that a PDF carries: those of the document, a portfolio's among them, and those of its notes.

This is the worker's side; `attachments` is the side of the program that reads them.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import closing
from typing import Any, TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .sniff import sniff

Place: TypeAlias = tuple[int | None, int]
"""The index of the page whose note holds an attachment, None for the document; and the index there."""

_MOST = 1000  # attachments of one document that are looked at
_MAX_BYTES = 256 << 20
_HEAD = 1024


def count(pdf: pdfium.PdfDocument) -> int:
    """How many files the document carries, without those of its notes."""
    found: int = c.FPDFDoc_GetAttachmentCount(pdf)
    return max(found, 0)


def of_document(pdf: pdfium.PdfDocument) -> Iterator[dict[str, Any]]:
    """Each file of the document: `name`, `size` in bytes, `kind` as `sniff` calls it, and `place`."""
    for index in range(min(count(pdf), _MOST)):
        yield _described(c.FPDFDoc_GetAttachment(pdf, index), (None, index))


def of_page(page: pdfium.PdfPage, number: int) -> Iterator[dict[str, Any]]:
    """Each file of the notes on a page, as `of_document` has them.

    Args:
        page: to be looked at.
        number: its index.
    """
    for index in range(min(c.FPDFPage_GetAnnotCount(page), _MOST)):
        note = c.FPDFPage_GetAnnot(page, index)
        try:
            if c.FPDFAnnot_GetSubtype(note) == c.FPDF_ANNOT_FILEATTACHMENT:
                yield _described(c.FPDFAnnot_GetFileAttachment(note), (number, index))
        finally:
            c.FPDFPage_CloseAnnot(note)


def content(pdf: pdfium.PdfDocument, place: Place) -> bytes:
    """A file's bytes; none where it cannot be had or is too large."""
    number, index = place
    if number is None:
        return _bytes(c.FPDFDoc_GetAttachment(pdf, index))
    with closing(pdf[number]) as page:
        note = c.FPDFPage_GetAnnot(page, index)
        try:
            return _bytes(c.FPDFAnnot_GetFileAttachment(note))
        finally:
            c.FPDFPage_CloseAnnot(note)


def _described(attachment: object, place: Place) -> dict[str, Any]:
    data = _bytes(attachment, _HEAD)
    return {"name": _name(attachment), "size": _size(attachment), "kind": sniff(data), "place": place}


def _name(attachment: object) -> str:
    if not attachment:
        return ""
    length = c.FPDFAttachment_GetName(attachment, None, 0)
    buffer = (ctypes.c_ushort * (length // 2 + 1))()
    c.FPDFAttachment_GetName(attachment, buffer, length)
    return bytes(buffer)[: max(length - 2, 0)].decode("utf-16-le", "replace")


def _size(attachment: object) -> int | None:
    """Bytes once unpacked; None where the file is missing or damaged."""
    size = ctypes.c_ulong()
    found = bool(attachment) and c.FPDFAttachment_GetFile(attachment, None, 0, size)
    return size.value if found else None


def _bytes(attachment: object, most: int | None = None) -> bytes:
    size = _size(attachment) or 0
    if not 0 < size <= _MAX_BYTES:
        return b""
    buffer = (ctypes.c_ubyte * size)()
    written = ctypes.c_ulong()
    if not c.FPDFAttachment_GetFile(attachment, buffer, size, written):
        return b""
    return bytes(memoryview(buffer)[:most])
