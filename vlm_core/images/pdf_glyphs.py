"""The characters of a PDF page as pdfium finds them: text, place, whether anybody sees them, and whether a
font's glyphs look like the text that it gives."""

from __future__ import annotations

import ctypes
import math
import re
import struct
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .pdf_chars import guessed_space
from .pdf_headings import tagged_levels
from .pdf_layout import Box
from .pdf_objects import Drawn
from .pdf_text import Char, Style, is_readable, space

_FLAT = 0.02  # font sizes
_FIRST_CHARS = 200
_BANDS = 10  # of a page, from top to bottom
_BOLD = re.compile(rb"bold|black|heavy|demi|(?:cm|ec|sf)bx|-medi(?!um)", re.IGNORECASE)
_LONGEST_NAME, _FORCED_BOLD = 256, 1 << 18
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
    fonts = _Fonts(tagged_levels(page))
    with closing(page.get_textpage()) as textpage:
        chars = list(_seen(textpage, page.get_bbox(), drawn, since, fonts))
    return chars if is_readable(chars) else []


def count_chars(page: pdfium.PdfPage) -> int:
    """How many characters pdfium finds on a page."""
    with closing(page.get_textpage()) as textpage:
        count: int = textpage.count_chars()
    return count


def first_words(page: pdfium.PdfPage) -> str:
    """The words at the top of a page as it is stored, as pdfium finds them; empty for a page without text."""
    left, bottom, right, top = page.get_bbox()
    found: list[str] = []
    with closing(page.get_textpage()) as textpage:
        bands = _BANDS if textpage.count_chars() else 0
        for band in range(bands):
            upper, lower = (top - (top - bottom) * edge / bands for edge in (band, band + 1))
            found += textpage.get_text_bounded(left, lower, right, upper).split()
            if sum(map(len, found)) > _FIRST_CHARS:
                break
    return " ".join(found)[:_FIRST_CHARS]


def _seen(
    textpage: pdfium.PdfTextPage, visible: Box, drawn: Drawn, since: int, fonts: _Fonts
) -> Iterator[Char]:
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
            styles[place] = _style(textpage, index, fonts)
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


class _Fonts:
    """Which fonts of a page are bold, and which of its text is a heading by its tag."""

    def __init__(self, levels: Mapping[int, int]) -> None:
        self._levels, self._bold = levels, dict[int, bool]()

    def is_bold(self, font: Any, address: int) -> bool:
        if address not in self._bold:
            name = ctypes.create_string_buffer(_LONGEST_NAME)
            c.FPDFFont_GetBaseFontName(font, name, _LONGEST_NAME)
            is_forced = c.FPDFFont_GetFlags(font) & _FORCED_BOLD
            self._bold[address] = bool(is_forced) or bool(_BOLD.search(name.value))
        return self._bold[address]

    def level(self, text_object: Any) -> int:
        return self._levels.get(c.FPDFPageObj_GetMarkedContentID(text_object), 0) if self._levels else 0


def _style(textpage: pdfium.PdfTextPage, index: int, fonts: _Fonts) -> Style | None:
    text_object = c.FPDFText_GetTextObject(textpage, index)
    mode = c.FPDFTextObj_GetTextRenderMode(text_object)
    if mode in _UNSEEN_MODES:
        return None
    matrix = c.FS_MATRIX()
    c.FPDFText_GetMatrix(textpage, index, matrix)
    font_size = c.FPDFText_GetFontSize(textpage, index)
    x, y = matrix.a * font_size, matrix.b * font_size
    length = math.hypot(x, y)
    if not length:
        return None
    size = abs(font_size) * math.hypot(matrix.c, matrix.d)
    font = c.FPDFTextObj_GetFont(text_object)
    address = ctypes.cast(font, ctypes.c_void_p).value or 0
    is_bold = mode == c.FPDF_TEXTRENDERMODE_FILL_STROKE or (address and fonts.is_bold(font, address))
    return Style(size, x / length, y / length, address, bool(is_bold), fonts.level(text_object))


_FEWEST = 2  # characters that must be out of shape
_SHARE = 0.4  # of those whose shape is known, from which a font is in doubt
_HEIGHTS = (
    0.4,
    1.6,
)  # font sizes; a font with more or less between its highest and lowest ink has another scale
_STRAIGHT = 0.999  # the cosine of the angle up to which text runs along a side of the page
_EVEN = 0.12  # font sizes between the tops of a font's capitals


class _Shape(NamedTuple):
    """What the ink of a character reaches, in font sizes over the line: its lower and its upper end."""

    bottom: float
    top: float


class _Range(NamedTuple):
    """Between what the lower and the upper end of a character are."""

    lowest: float
    highest: float
    lowest_top: float
    highest_top: float

    def holds(self, shape: _Shape) -> bool:
        return (
            self.lowest <= shape.bottom <= self.highest and self.lowest_top <= shape.top <= self.highest_top
        )


# Wide enough for the usual fonts: Times has an "x" of 0.45 and an "H" of 0.66, Verdana of 0.55 and 0.73.
_RANGES = {
    "acemnorsuvwxz": _Range(-0.12, 0.15, 0.3, 0.66),
    "bdhkl": _Range(-0.15, 0.15, 0.52, 1.0),
    "gpqy": _Range(-0.5, -0.08, 0.3, 0.75),
    "ABCDEFGHIKLMNOPRSTUVWXYZ": _Range(-0.15, 0.15, 0.52, 1.0),
    "\"'*^`\u00b0\u2018\u2019\u201c\u201d\u2122\u02dc": _Range(0.2, 1.0, 0.4, 1.1),
    "-=~\u2013\u2014\u2039\u203a\u00ab\u00bb": _Range(0.02, 0.5, 0.1, 0.75),
    ".,_": _Range(-0.4, 0.1, -0.3, 0.3),
}
_EXPECTED = {text: shape for texts, shape in _RANGES.items() for text in texts}


def doubtful_fonts(chars: Iterable[Char]) -> set[int]:
    """The fonts whose glyphs do not look like the text that they give.

    Args:
        chars: of a page.

    Example:
        >>> from vlm_core.images.pdf_text import Style
        >>> low = [Char(text, (0, 0, 5, 5), (0, 0), Style(10, font=7)) for text in '"-xv']
        >>> doubtful_fonts(low)
        {7}
    """
    fonts: dict[int, dict[str, _Shape]] = defaultdict(dict)
    for char in chars:
        if char.text in _EXPECTED:
            shapes = fonts[char.style.font]
            if char.text not in shapes and (shape := _shape(char)):
                shapes[char.text] = shape
    return {font for font, shapes in fonts.items() if _is_doubtful(shapes)}


def _shape(char: Char) -> _Shape | None:
    """None where the font is not at hand, or the text runs askew: then its ink is not known."""
    if max(abs(char.style.cos), abs(char.style.sin)) < _STRAIGHT:
        return None
    left, bottom, right, top = char.box
    x, y = char.origin
    low, high = {
        0: (bottom - y, top - y),
        90: (x - right, x - left),
        180: (y - top, y - bottom),
        270: (left - x, right - x),
    }[char.style.quarter]
    size = char.style.size
    is_known = size > 0 and abs(high - low - size) > 0.001 * size
    return _Shape(low / size, high / size) if is_known else None


def _is_doubtful(shapes: Mapping[str, _Shape]) -> bool:
    if not shapes:
        return False
    height = max(shape.top for shape in shapes.values()) - min(shape.bottom for shape in shapes.values())
    if not _HEIGHTS[0] <= height <= _HEIGHTS[1]:
        return False
    tested = {text: shape for text, shape in shapes.items() if not _is_in_capitals(text, shapes)}
    tallest = max((shape.top for text, shape in tested.items() if text.isupper()), default=0.0)
    wrong = sum(
        not _EXPECTED[text].holds(shape) or (text.isupper() and shape.top < tallest - _EVEN)
        for text, shape in tested.items()
    )
    return wrong >= _FEWEST and wrong >= _SHARE * len(tested)


def _is_in_capitals(text: str, shapes: Mapping[str, _Shape]) -> bool:
    """Whether a letter is of a case that its font draws as capitals or small capitals: all of one height."""
    return text.isalpha() and _are_even(
        [shapes[other] for other in shapes if other.islower() == text.islower()]
    )


def _are_even(shapes: Sequence[_Shape]) -> bool:
    tops, bottoms = ([shape[end] for shape in shapes] for end in (1, 0))
    return max(tops) - min(tops) < _EVEN and max(bottoms) - min(bottoms) < _EVEN
