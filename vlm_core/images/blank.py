"""How much of a page is ink."""

from __future__ import annotations

from itertools import accumulate

from vlm_core.types import PageImage

# Grey levels by which paper may differ from its usual shade, as where the other side shows through.
_PAPER_TOLERANCE = 40
# Pixels: the width at which a page is looked at, so that dust does not count.
_WIDTH = 400


def ink_share(page: PageImage) -> float:
    """The share of a page's area that is neither its most usual shade nor close to it.

    Args:
        page: any page; paper may be of any shade.

    Example:
        >>> ink_share(PageImage(pixels=bytes(150) + bytes([255]) * 450, width=20, height=10))
        0.25
    """
    from PIL import Image

    mode, pixels = ("RGB", page.pixels) if page.levels is None else ("L", page.levels)
    image = Image.frombuffer(mode, (page.width, page.height), pixels, "raw", mode, 0, 1)
    scale = min(1.0, _WIDTH / page.width)
    shape = max(1, round(page.width * scale)), max(1, round(page.height * scale))
    grey = image if mode == "L" else image.convert("L")  # which would copy it
    shades = grey.resize(shape, Image.Resampling.BOX).histogram()
    paper = _median(shades)
    ink = sum(count for shade, count in enumerate(shades) if abs(shade - paper) > _PAPER_TOLERANCE)
    return ink / sum(shades)


def _median(shades: list[int]) -> int:
    half = sum(shades) / 2
    return next(shade for shade, count in enumerate(accumulate(shades)) if count >= half)
