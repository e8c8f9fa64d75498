"""Where a page shows photographs and other pictures beside its text, in its pixels."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.pixels import Pixels, in_grey
from vlm_core.types import Box, TextLine

SIDE = 640
"""Pixels of the page's longer side as it is looked at."""
CONTRAST = 30
"""Grey levels by which ink differs from the paper."""
APART = 5
"""Pixels between the parts of one picture, at most."""
FULL = 0.5
"""The share of its rectangle that a picture fills at least; a frame, an ornament or a few curves do not."""
SMALLEST = 0.02
"""The share of the page that an area takes at least."""
LARGEST = 0.85
"""The share of the page from which an area is the page's own frame or ground."""
VARIED = 14.0
"""Standard deviation of the grey levels below which an area is a ground of one colour."""


def figure_areas(image: Pixels, lines: Iterable[TextLine], tables: Sequence[Box]) -> list[Box]:
    """The areas of a page that may be figures.

    Args:
        image: of the page, upright.
        lines: of its text, which does not count as a figure's ink.
        tables: their boxes, whose rules do not count either.

    Returns:
        Boxes as fractions of the page.

    Example:
        >>> figure_areas(np.full((90, 90, 3), 255, np.uint8), [], [])
        []
    """
    grey = _small(in_grey(image))
    height, width = grey.shape
    paper = int(np.bincount(grey.ravel(), minlength=256).argmax())
    ink = (np.abs(grey.astype(np.int16) - paper) > CONTRAST).astype(np.uint8)
    covered = np.zeros_like(ink)
    for box in (*(line.bbox for line in lines), *tables):
        left, top, right, bottom = _in_pixels(box, width, height)
        covered[top:bottom, left:right] = 1
    ink[covered > 0] = 0
    joined = cv2.morphologyEx(ink, cv2.MORPH_CLOSE, np.ones((APART, APART), np.uint8))
    count, _, found, _ = cv2.connectedComponentsWithStats(joined)
    parts = found[1:count]
    pixels = parts[:, cv2.CC_STAT_WIDTH] * parts[:, cv2.CC_STAT_HEIGHT]
    is_full = parts[:, cv2.CC_STAT_AREA] >= FULL * pixels
    is_part = (pixels >= SMALLEST * ink.size) & (pixels <= LARGEST * ink.size)
    areas = parts[is_full & is_part, :4] / (width, height, width, height)
    boxes = [(x, y, x + w, y + h) for x, y, w, h in areas.tolist()]
    return [box for box in boxes if _is_varied(grey, covered, _in_pixels(box, width, height))]


def _small(grey: Pixels) -> NDArray[np.uint8]:
    shrink = min(1.0, SIDE / max(grey.shape))
    size = [max(1, round(side * shrink)) for side in grey.shape[::-1]]
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def _in_pixels(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """The pixels that a box touches, and one around it, for shrinking has spread its ink."""
    x0, y0, x1, y1 = box
    return (
        max(0, int(x0 * width) - 1),
        max(0, int(y0 * height) - 1),
        min(width, int(np.ceil(x1 * width)) + 1),
        min(height, int(np.ceil(y1 * height)) + 1),
    )


def _is_varied(grey: NDArray[np.uint8], covered: NDArray[np.uint8], place: tuple[int, int, int, int]) -> bool:
    """Whether an area is more than a ground of one colour behind text."""
    left, top, right, bottom = place
    across, down = (right - left) // 20, (bottom - top) // 20  # its edge, where it meets the paper
    inner = slice(top + down, bottom - down), slice(left + across, right - across)
    levels = grey[inner][covered[inner] == 0]
    return levels.size > 0 and float(levels.std()) >= VARIED
