"""Ink on a page that is all but empty: where it stands, so that the detector sees it close.

On a white page of A4 the detector passes over a lone page number, which it finds at once on a part
of the page. Dust is smaller than print.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.pixels import Pixels, Tile, in_colour
from vlm_core.ocr.tiles import Detect, Quads

CONTRAST = 40
"""Grey levels by which ink differs from paper."""
SMALLEST = 7
"""Pixels, at the scale at which text is looked for: the height of print that can be read."""
GAP = 15
"""Pixels that stand between parts of one spot at most."""
MARGIN = 64
"""Pixels of paper about a spot, which the detector wants."""
MOST = 12
"""Spots that are looked at, the largest first."""
LARGEST = 0.25
"""Of the page's shorter side: the height of a spot from which it is a drawing."""
MOST_PIXELS = 1_500_000
"""Of all of them together: more is not a spot, and costs as much as a page."""


def text_in_spots(image: Pixels, scale: float, detect: Detect) -> tuple[Quads, int]:
    """The text boxes in the spots of ink on a page, and how many spots have none.

    Args:
        image: the page's pixels.
        scale: at which text is looked for.
        detect: the detector for one tile.

    Returns:
        N × 4 × 2, in pixels of `image`, and the number.
    """
    resized = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small = in_colour(np.asarray(resized, np.uint8))
    found = [
        detect(small[spot.y0 : spot.y1, spot.x0 : spot.x1]) + np.array([spot.x0, spot.y0], np.float32)
        for spot in spots(small)
    ]
    quads = np.concatenate([np.zeros((0, 4, 2), np.float32), *found])
    return np.asarray(quads / np.float32(scale), np.float32), sum(not len(boxes) for boxes in found)


def spots(image: Pixels) -> list[Tile]:
    """Where ink stands on a page, with a margin; nothing where it is nearly everywhere.

    Args:
        image: height × width × 3, RGB, 8 bits.

    Example:
        >>> page = np.full((900, 600, 3), 255, np.uint8)
        >>> page[800:820, 290:300] = 0
        >>> spots(page)
        [Tile(x0=226, y0=736, x1=364, y1=884)]
    """
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.int16)
    ink = (np.abs(grey - np.int16(np.median(grey))) > CONTRAST).astype(np.uint8)
    _, labels, parts, _ = cv2.connectedComponentsWithStats(ink)
    is_print = parts[:, cv2.CC_STAT_HEIGHT] >= SMALLEST
    is_print[0] = False  # the paper
    joined = cv2.morphologyEx(
        is_print[labels].astype(np.uint8), cv2.MORPH_CLOSE, np.ones((GAP, GAP), np.uint8)
    )
    found = cv2.connectedComponentsWithStats(joined)[2][1:]
    found = found[found[:, cv2.CC_STAT_HEIGHT] < LARGEST * min(image.shape[:2])]
    largest = found[np.argsort(-found[:, cv2.CC_STAT_AREA], kind="stable")][:MOST]
    tiles = [_with_margin(spot, image.shape[1], image.shape[0]) for spot in largest]
    area = sum((tile.x1 - tile.x0) * (tile.y1 - tile.y0) for tile in tiles)
    return tiles if area <= MOST_PIXELS else []


def _with_margin(spot: NDArray[np.int32], width: int, height: int) -> Tile:
    x, y, across, down = (int(value) for value in spot[:4])
    return Tile(
        max(0, x - MARGIN),
        max(0, y - MARGIN),
        min(width, x + across + MARGIN),
        min(height, y + down + MARGIN),
    )
