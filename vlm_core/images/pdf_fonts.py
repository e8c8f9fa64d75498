"""Whether the text that a font gives can be what its glyphs show.

A font without a mapping gives the codes of its glyphs for characters, and those may look like any text.
Letters have shapes, though: "g" goes below the line, "-" and the quotation mark stand above it, "x" is low.
Where a good part of a font's characters is not shaped like that, its text is in doubt. Geometry alone,
without pdfium.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from .pdf_text import Char

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
