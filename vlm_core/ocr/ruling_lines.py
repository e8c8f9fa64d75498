"""The ruling lines of a page in its pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.pixels import Pixels, in_grey
from vlm_core.types import Box

LARGEST = 6_000_000
"""Pixels of a page that are looked at; a larger one is made smaller."""
WINDOW, CONTRAST = 25, 8
"""Pixels around one that its level is compared with, and by how much a line is darker."""
ACROSS, DOWN = 1 / 35, 1 / 70
"""Of the page's width and height: the shortest line across and down."""
THICK = 12
"""Pixels: what is thicker is an area."""
BRIDGE = 9
"""Pixels over which a broken line goes on."""


def ruling_lines(image: Pixels, slope: float = 0.0) -> list[Box]:
    """The lines that run across and down a page.

    Args:
        image: of the page, upright.
        slope: pixels by which its lines of text fall for each pixel to the right.

    Returns:
        The two ends of each, as fractions of the page.
    """
    dark = _dark(in_grey(image), slope)
    height, width = dark.shape
    lines = [(x, y, x + w, y) for x, y, w, _ in _runs(dark, max(30, int(width * ACROSS)))]
    turned = np.ascontiguousarray(dark.T)
    lines += [(y, x, y, x + w) for x, y, w, _ in _runs(turned, max(22, int(height * DOWN)))]
    back = _back(slope)
    return [_ends(line, back, width, height) for line in lines]


def _dark(grey: NDArray[Any], slope: float) -> NDArray[np.uint8]:
    """Where a page is darker than around, once it is level, and small enough."""
    shrink = min(1.0, math.sqrt(LARGEST / grey.size))
    if shrink < 1:
        grey = cv2.resize(grey, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
    if slope:
        level = np.array([[1, slope, 0], [-slope, 1, 0]], np.float64)
        grey = cv2.warpAffine(grey, level, grey.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    method = cv2.ADAPTIVE_THRESH_MEAN_C
    light_on_dark = cv2.bitwise_not(grey)
    dark = cv2.adaptiveThreshold(light_on_dark, 255, method, cv2.THRESH_BINARY, WINDOW, -CONTRAST)
    return np.asarray(dark, np.uint8)


def _runs(dark: NDArray[np.uint8], shortest: int) -> Iterator[tuple[float, float, float, float]]:
    """Thin runs of dark pixels along the rows: left end, middle height, length and thickness."""
    long = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((1, shortest), np.uint8))
    joined = cv2.dilate(long, np.ones((1, BRIDGE), np.uint8))
    count, _, found, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    thin = found[1:count]
    thin = thin[(thin[:, cv2.CC_STAT_HEIGHT] <= THICK) & (thin[:, cv2.CC_STAT_WIDTH] >= shortest)]
    for x, y, w, h in thin[:, :4].tolist():
        yield x + BRIDGE // 2, y + h / 2, w - 2 * (BRIDGE // 2), h


def _back(slope: float) -> NDArray[np.floating[Any]]:
    return np.linalg.inv(np.array([[1, slope], [-slope, 1]]))


def _ends(
    line: tuple[float, float, float, float], back: NDArray[np.floating[Any]], width: int, height: int
) -> Box:
    (x0, x1), (y0, y1) = back @ np.array([line[::2], line[1::2]])
    return float(x0 / width), float(y0 / height), float(x1 / width), float(y1 / height)
