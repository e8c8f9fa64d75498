"""The one picture that a scanned PDF page is, as it is stored, where pdfium knows of nothing else on it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .metadata import EmbeddedJPEG, embedded_jpeg
from .pdf_layout import View
from .pdf_scan import PlainStreams, covers, is_worth_passing

_CHANNELS = {c.FPDF_COLORSPACE_DEVICEGRAY: 1, c.FPDF_COLORSPACE_DEVICERGB: 3}
_DEPTH = 10  # of forms within forms that are looked into
_MARK_BYTES = 64
_buffer = (ctypes.c_ubyte * (1 << 20))()
"""For a picture's stream, where it fits: to make one anew takes as long as to have it filled."""


class StoredScan(NamedTuple):
    """A page that is one JPEG."""

    jpeg: EmbeddedJPEG
    turn: int
    """Degrees clockwise by which the page shows it turned."""
    size: int
    """Bytes of the stream with its metadata."""


def stored_scan(page: pdfium.PdfPage, view: View, plain: PlainStreams) -> StoredScan | None:
    """The JPEG that a page consists of; None where anything else shows, or it is not shown as it is.

    Invisible text, as OCR programs add it, does not show, nor does what the picture covers.

    Args:
        page: without annotations.
        view: of the page.
        plain: the streams that no mask and no decode array changes.
    """
    image = _topmost_picture(page)
    if image is None:
        return None
    matrix = image.get_matrix()
    if not covers(matrix.get(), view.box) or _is_changed(image):
        return None
    if not _is_dct(image):
        return None
    stream = _stream_of(image)
    jpeg = embedded_jpeg(stream)
    if jpeg is None or not is_worth_passing((jpeg.width, jpeg.height), (matrix.a, matrix.d)):
        return None
    channels = plain.channels(stream)
    if channels is None or not _is_told_alike(image, jpeg, channels):
        return None
    return StoredScan(jpeg, view.turn, len(stream))


def _is_told_alike(image: pdfium.PdfImage, jpeg: EmbeddedJPEG, channels: int) -> bool:
    """Whether the PDF says the same of a picture's size and colours as the JPEG itself.

    Args:
        image: the picture.
        jpeg: its stream.
        channels: of its colour space; 0 where its dictionary does not say, and pdfium must be asked.
    """
    width, height = ctypes.c_uint(), ctypes.c_uint()
    c.FPDFImageObj_GetImagePixelSize(image, width, height)
    # To ask for the colour space takes as long as to load the page.
    channels = channels or _CHANNELS.get(image.get_metadata().colorspace, 0)
    return (width.value, height.value, channels) == (jpeg.width, jpeg.height, jpeg.channels)


def _is_dct(image: pdfium.PdfImage) -> bool:
    if c.FPDFImageObj_GetImageFilterCount(image) != 1:
        return False
    name = ctypes.create_string_buffer(16)
    c.FPDFImageObj_GetImageFilter(image, 0, name, len(name))
    return name.value == b"DCTDecode"


def _stream_of(image: pdfium.PdfImage) -> bytes:
    length = c.FPDFImageObj_GetImageDataRaw(image, None, 0)
    if length > len(_buffer):
        return bytes(image.get_data())
    c.FPDFImageObj_GetImageDataRaw(image, _buffer, length)
    return ctypes.string_at(_buffer, length)


def _topmost_picture(page: pdfium.PdfPage) -> pdfium.PdfImage | None:
    """The picture that is drawn last, where nothing that shows is drawn over it."""
    for index in reversed(range(c.FPDFPage_CountObjects(page))):
        thing = c.FPDFPage_GetObject(page, index)
        if not _is_unseen(thing):
            is_picture = c.FPDFPageObj_GetType(thing) == c.FPDF_PAGEOBJ_IMAGE
            return pdfium.PdfObject(thing, page=page, pdf=page.pdf) if is_picture else None
    return None


def _is_unseen(thing: Any, depth: int = 0) -> bool:
    """Whether an object is invisible text, or a form that holds nothing else."""
    kind = c.FPDFPageObj_GetType(thing)
    if kind == c.FPDF_PAGEOBJ_TEXT:
        return bool(c.FPDFTextObj_GetTextRenderMode(thing) == c.FPDF_TEXTRENDERMODE_INVISIBLE)
    if kind != c.FPDF_PAGEOBJ_FORM or depth == _DEPTH:
        return False
    inner: Callable[[Any, int], Any] = c.FPDFFormObj_GetObject
    return all(_is_unseen(inner(thing, i), depth + 1) for i in range(c.FPDFFormObj_CountObjects(thing)))


def _is_changed(image: pdfium.PdfImage) -> bool:
    """Whether a clip, a blend or an optional layer decides what is seen of a picture."""
    clip = c.FPDFPageObj_GetClipPath(image)
    is_clipped = bool(clip) and c.FPDFClipPath_CountPaths(clip) >= 0  # 0 where letters clip it, -1 for none
    marks = (c.FPDFPageObj_GetMark(image, i) for i in range(c.FPDFPageObj_CountMarks(image)))
    return is_clipped or bool(c.FPDFPageObj_HasTransparency(image)) or any(map(_is_layer, marks))


def _is_layer(mark: Any) -> bool:
    name, length = (ctypes.c_ushort * _MARK_BYTES)(), ctypes.c_ulong()
    if not c.FPDFPageObjMark_GetName(mark, name, ctypes.sizeof(name), length):
        return True
    return bytes(name)[: length.value].decode("utf-16-le", "replace").rstrip("\0") == "OC"
