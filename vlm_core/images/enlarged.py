"""Small parts of a page, each as a picture of its own that a vision model can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import ceil

from PIL import Image

from vlm_core.images.rotate import as_image, of_image, turned
from vlm_core.types import Box, PageImage

# Of a part's height: what is shown around it.
_MARGIN = 0.3
# Pixels of height to which a part is enlarged: twice a patch of the models that cut pictures into 28 x 28.
_LEAST_HEIGHT = 64
_MOST_TIMES = 4.0


def enlarged_parts(page: PageImage, boxes: Iterable[Box], rotation: int) -> Iterator[PageImage]:
    """Parts of a page, upright, with a narrow margin, and enlarged where they are low.

    Args:
        page: the picture.
        boxes: of the parts, in fractions of the upright page.
        rotation: degrees clockwise by which the stored picture is turned for the page to stand upright.

    Example:
        >>> white = PageImage(pixels=bytes([255]) * 30_000, width=100, height=100)
        >>> [part.width for part in enlarged_parts(white, [(0.2, 0.4, 0.8, 0.6)], 0)]
        [144]
    """
    upright = turned(page, rotation - page.rotation)
    picture = as_image(upright)
    for box in boxes:
        part = picture.crop(_around(box, picture.size))
        times = min(max(1.0, _LEAST_HEIGHT / part.height), _MOST_TIMES)
        size = round(part.width * times), round(part.height * times)
        yield of_image(upright, part.resize(size, Image.Resampling.BICUBIC) if times > 1 else part)


def _around(box: Box, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """The pixels of a part with its margin; no part is narrower than it is high."""
    width, height = size
    left, top, right, bottom = box[0] * width, box[1] * height, box[2] * width, box[3] * height
    margin = max(1.0, _MARGIN * (bottom - top))
    beside = max(margin, (bottom - top + 2 * margin - right + left) / 2)
    x0, y0 = max(0, int(left - beside)), max(0, int(top - margin))
    x1, y1 = min(width, ceil(right + beside)), min(height, ceil(bottom + margin))
    x0, y0 = min(x0, width - 1), min(y0, height - 1)
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)
