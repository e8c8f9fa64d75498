"""Pages turned, and pages cut in two between lines."""

from __future__ import annotations

from dataclasses import replace

from PIL import Image

from vlm_core.types import PageImage

_CLOCKWISE = {
    90: Image.Transpose.ROTATE_270,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_90,
}
# Where a page may be cut, as shares of its height.
_MIDDLE = (0.35, 0.65)


def turned(page: PageImage, degrees: int) -> PageImage:
    """A page turned clockwise by a right angle or two; its `rotation` says so.

    Args:
        page: any page.
        degrees: a multiple of 90.

    Example:
        >>> turned(PageImage(pixels=bytes(6), width=2, height=1), 90).height
        2
    """
    turn = degrees % 360
    if turn == 0:
        return page
    image = as_image(page).transpose(_CLOCKWISE[turn])
    return of_image(page, image, rotation=(page.rotation + turn) % 360)


def halves(page: PageImage) -> tuple[PageImage, PageImage]:
    """The upper and the lower half of a page, cut through the lightest row near its middle.

    Example:
        >>> [half.height for half in halves(PageImage(pixels=bytes(12), width=1, height=4))]
        [2, 2]
    """
    image = as_image(page)
    row = _lightest_row(image)
    upper, lower = (0, 0, page.width, row), (0, row, page.width, page.height)
    return of_image(page, image.crop(upper)), of_image(page, image.crop(lower))


def _lightest_row(image: Image.Image) -> int:
    """The row with the least ink, the middle one of several."""
    first, last = (max(1, round(share * image.height)) for share in _MIDDLE)
    ink = image.convert("L").resize((1, image.height), Image.Resampling.BOX).tobytes()
    middle = image.height // 2
    return max(range(first, max(first + 1, last)), key=lambda row: (ink[row], -abs(row - middle)))


def as_image(page: PageImage) -> Image.Image:
    """A page as Pillow has it.

    Example:
        >>> as_image(PageImage(pixels=bytes(6), width=2, height=1)).size
        (2, 1)
    """
    size = page.width, page.height
    if page.levels is not None:
        return Image.frombytes("L", size, page.levels)
    return Image.frombytes("RGB", size, page.pixels)


def of_image(page: PageImage, image: Image.Image, rotation: int | None = None) -> PageImage:
    """A picture as one that was made of a page: turned, or a part of it.

    Args:
        page: that it was made of.
        image: the picture.
        rotation: of it; the page's own where it is None.

    Example:
        >>> of_image(PageImage(pixels=bytes(6), width=2, height=1), Image.new("RGB", (5, 5))).width
        5
    """
    return replace(
        page,
        pixels=image.convert("RGB").tobytes(),
        levels=None,
        stored=None,
        width=image.width,
        height=image.height,
        rotation=page.rotation if rotation is None else rotation,
        original=None,
        text_layer=None,
        entries=(),
    )
