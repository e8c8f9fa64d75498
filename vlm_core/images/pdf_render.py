"""A PDF page as pixels, drawn by pdfium."""

from __future__ import annotations

import ctypes
from typing import TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as c

Pixels: TypeAlias = "ctypes.Array[ctypes.c_ubyte]"


def render(page: pdfium.PdfPage, size: tuple[int, int], *, is_grey: bool = False) -> Pixels:
    """Draw a page on white.

    Args:
        page: with its form, where it has one.
        size: width and height in pixels.
        is_grey: whether one byte a pixel is enough.

    Returns:
        RGB bytes, or one byte a pixel, row by row.
    """
    kind = c.FPDFBitmap_Gray if is_grey else c.FPDFBitmap_BGR
    bitmap = pdfium.PdfBitmap.new_native(*size, kind, rev_byteorder=not is_grey)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, *size)
    byte_order = 0 if is_grey else c.FPDF_REVERSE_BYTE_ORDER
    area_and_flags = (0, 0, *size, 0, c.FPDF_ANNOT | byte_order)
    c.FPDF_RenderPageBitmap(bitmap, page, *area_and_flags)
    if page.formenv:
        c.FPDF_FFLDraw(page.formenv, bitmap, page, *area_and_flags)
    pixels: Pixels = bitmap.buffer
    return pixels
