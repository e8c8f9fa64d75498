"""Boxes drawn on a page so that what stands under them and beside them can be read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from vlm_core.types import Box

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

# One colour a kind, all of which white letters can be read on.
COLOURS = {
    "": (214, 39, 40),
    "heading": (31, 90, 180),
    "paragraph": (70, 96, 120),
    "list_item": (110, 70, 160),
    "table": (0, 118, 100),
    "figure": (150, 80, 20),
    "caption": (160, 60, 110),
    "formula": (100, 100, 20),
    "code": (60, 60, 60),
    "page_header": (96, 96, 110),
    "page_footer": (96, 96, 110),
    "footnote": (96, 96, 110),
    "review": (198, 40, 40),
    "note": (160, 95, 0),
    "missing": (26, 86, 196),
}
_TINT = 0.15
_GAP = 2


class Outline(NamedTuple):
    """A box to be drawn."""

    bbox: Box
    """In fractions of the page."""
    kind: str = ""
    """What it is the box of: a row of the colours."""
    label: str = ""


class _Pixels(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: _Pixels) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def draw_outlines(picture: Image, outlines: Iterable[Outline]) -> Image:
    """A picture with boxes: a thin line around each, a tint that print shows through, a label beside it.

    A label stands outside its box where no other box and no other label is; where there is not such a place,
    the colour has to say it.

    Args:
        picture: of a page, in RGB.
        outlines: to be drawn, those behind over those before.

    Example:
        >>> from PIL.Image import new
        >>> white = new("RGB", (40, 40), "white")
        >>> draw_outlines(white, [Outline((0.2, 0.2, 0.8, 0.8), "table")]).getpixel((20, 20))
        (217, 234, 232)
    """
    from PIL import Image, ImageChops, ImageDraw

    drawn = [(outline, _in_pixels(outline.bbox, picture.size)) for outline in outlines]
    ink = Image.new("RGB", picture.size, "white")
    pen = ImageDraw.Draw(ink)
    thickness = max(1, round(min(picture.size) / 600))
    edges = [_around(box, thickness, picture.size) for _, box in drawn]
    for (outline, _), around in zip(drawn, edges, strict=True):
        pen.rectangle(around, fill=_tint(_colour(outline)))
    for (outline, _), around in zip(drawn, edges, strict=True):
        pen.rectangle(around, outline=_colour(outline), width=thickness)
    # As transparent ink does: what is printed stays as dark as it is.
    marked = ImageChops.multiply(picture.convert("RGB"), ink)
    _label(ImageDraw.Draw(marked), drawn, picture.size)
    return marked


def _colour(outline: Outline) -> tuple[int, int, int]:
    return COLOURS.get(outline.kind, COLOURS[""])


def _tint(colour: tuple[int, int, int]) -> tuple[int, int, int]:
    red, green, blue = (round(255 - (255 - part) * _TINT) for part in colour)
    return red, green, blue


def _around(box: _Pixels, thickness: int, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The edges of a box, a line's thickness outside of it, within the picture."""
    left, top = max(box.left - thickness, 0), max(box.top - thickness, 0)
    right, bottom = box.right + thickness, box.bottom + thickness
    return min(left, size[0] - 1), min(top, size[1] - 1), min(right, size[0] - 1), min(bottom, size[1] - 1)


def _label(pen: ImageDraw, drawn: list[tuple[Outline, _Pixels]], size: tuple[int, int]) -> None:
    from PIL import ImageFont

    points = max(9, round(min(size) / 70))
    font = ImageFont.load_default(size=points)
    taken = [box for _, box in drawn]
    for outline, box in drawn:
        if not outline.label:
            continue
        width, height = pen.textlength(outline.label, font) + 6, points + 4
        free = (
            place
            for place in _beside(box, width, height)
            if place.left >= 0 and place.top >= 0 and place.right <= size[0] and place.bottom <= size[1]
            if not any(place.meets(other) for other in taken)
        )
        if (place := next(free, None)) is not None:
            taken.append(place)
            pen.rectangle(place, fill=_colour(outline))
            pen.text((place.left + 3, place.top + 1), outline.label, font=font, fill="white")


def _beside(box: _Pixels, width: float, height: float) -> Iterator[_Pixels]:
    """Places for a label around a box: in front of it, behind it, above and below."""
    for left, top in (
        (box.left - width - _GAP, box.top),
        (box.right + _GAP, box.top),
        (box.left, box.top - height - _GAP),
        (box.left, box.bottom + _GAP),
    ):
        yield _Pixels(left, top, left + width, top + height)


def _in_pixels(box: Box, size: tuple[int, int]) -> _Pixels:
    width, height = size
    within = (min(max(0.0, edge), 1.0) for edge in box)
    x0, y0, x1, y1 = within
    return _Pixels(
        x0 * width, y0 * height, max(x1 * width, x0 * width + 1), max(y1 * height, y0 * height + 1)
    )
