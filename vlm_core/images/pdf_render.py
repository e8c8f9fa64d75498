"""A PDF page as pixels, drawn by pdfium."""

from __future__ import annotations

import ctypes
from typing import TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as c

Pixels: TypeAlias = "ctypes.Array[ctypes.c_ubyte]"


_SHRINK = 1 - 1e-6
"""A picture that ends a rounding error beyond the last pixel is drawn a pixel wider, and so blurred."""


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
