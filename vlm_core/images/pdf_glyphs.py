"""The characters of a PDF page as pdfium finds them: text, place, and whether anybody sees them."""

from __future__ import annotations

import ctypes
import math
import struct
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .pdf_chars import guessed_space
from .pdf_layout import Box
from .pdf_objects import Drawn
from .pdf_text import Char, Style, is_readable, space

_FLAT = 0.02  # font sizes
_UNSEEN_MODES = (c.FPDF_TEXTRENDERMODE_INVISIBLE, c.FPDF_TEXTRENDERMODE_CLIP)


def _plain(function: Any, result: Any, *arguments: Any) -> Any:
    """A function of pdfium that takes and gives plain numbers, for a page asks thousands of times."""
    return ctypes.PYFUNCTYPE(result, *arguments)(ctypes.cast(function, ctypes.c_void_p).value or 0)


_ADDRESS, _INT = ctypes.c_void_p, ctypes.c_int
_text_object = _plain(c.FPDFText_GetTextObject, _ADDRESS, _ADDRESS, _INT)
_code = _plain(c.FPDFText_GetUnicode, ctypes.c_uint, _ADDRESS, _INT)
_has_no_text = _plain(c.FPDFText_HasUnicodeMapError, _INT, _ADDRESS, _INT)
_put_box = _plain(c.FPDFText_GetCharBox, _INT, _ADDRESS, _INT, *[_ADDRESS] * 4)
_put_origin = _plain(c.FPDFText_GetCharOrigin, _INT, _ADDRESS, _INT, *[_ADDRESS] * 2)
_NUMBERS = struct.Struct("=6d")


def readable_chars(page: pdfium.PdfPage, drawn: Drawn, since: int = 0) -> list[Char]:
    """The characters of a page, none where they make no sense.

    Args:
        page: upright, as it is shown.
        drawn: what is drawn on it beside its text.
        since: the index of the first one that is wanted.
    """
    with closing(page.get_textpage()) as textpage:
        chars = list(_seen(textpage, page.get_bbox(), drawn, since))
    return chars if is_readable(chars) else []


def count_chars(page: pdfium.PdfPage) -> int:
    """How many characters pdfium finds on a page."""
    with closing(page.get_textpage()) as textpage:
        count: int = textpage.count_chars()
    return count


def _seen(textpage: pdfium.PdfTextPage, visible: Box, drawn: Drawn, since: int) -> Iterator[Char]:
    """The characters, with a space in place of each one that does not show."""
    unseen, guessed = space(), guessed_space()
    glyph = _glyphs(textpage, visible)
    page = ctypes.cast(textpage.raw, _ADDRESS).value
    styles: dict[int, Style | None] = {}  # by text object
    for index in range(since, textpage.count_chars()):
        place = _text_object(page, index)
        if not place:
            yield guessed
            continue
        if place not in styles:
            styles[place] = _style(textpage, index)
        style = styles[place]
        char = glyph(index, style) if style else None
        yield unseen if char is None or (place in drawn.over and drawn.hides(place, char)) else char


def _glyphs(textpage: pdfium.PdfTextPage, visible: Box) -> Callable[[int, Style], Char | None]:
    """What gives a character of a page by its index; None for white space and what is cut off."""
    page = ctypes.cast(textpage.raw, _ADDRESS).value
    numbers = ctypes.create_string_buffer(_NUMBERS.size)  # used again for each
    left_at, right_at, bottom_at, top_at, x_at, y_at = range(
        ctypes.addressof(numbers), ctypes.addressof(numbers) + _NUMBERS.size, 8
    )
    x0, y0, x1, y1 = visible

    def glyph(index: int, style: Style) -> Char | None:
        code = _code(page, index)
        text = chr(code) if code <= sys.maxunicode else "\ufffd"  # a broken font may give any number
        if text.isspace():  # a tab too, whatever the font has for it
            return None
        if _has_no_text(page, index) == 1:
            text = "\ufffd"  # pdfium gives the font's own code for it, which means nothing
        _put_box(page, index, left_at, right_at, bottom_at, top_at)
        _put_origin(page, index, x_at, y_at)
        left, right, bottom, top, x, y = _NUMBERS.unpack(numbers)
        if top - bottom <= _FLAT * style.size:  # its font is not at hand, and it has no ink: its place then
            top = bottom + style.size
        if not (x0 <= (left + right) / 2 <= x1 and y0 <= (bottom + top) / 2 <= y1):
            return None
        return Char(text, (left, bottom, right, top), (x, y), style)

    return glyph


def _style(textpage: pdfium.PdfTextPage, index: int) -> Style | None:
    text_object = c.FPDFText_GetTextObject(textpage, index)
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
    font = ctypes.cast(c.FPDFTextObj_GetFont(text_object), ctypes.c_void_p).value
    return Style(size, x / length, y / length, font or 0)
