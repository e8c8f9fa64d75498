"""How high the letters on a page are, told from their ink before anything is looked for.

The detector's cost grows with the picture's area, and large print is found as well in a smaller one.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

MEDIAN = 14.0
"""Pixels that the median letter keeps: its line then is some 24 high, as in print of 10 points at 150 dpi."""
SMALL = 9.0
"""Pixels that all but the smallest quarter of the letters keep, for the small print beside large one."""
FEWEST = 50
"""Letters from which their height says anything."""
LETTERED = 0.4
"""Share of the ink that is letters on a page of print. A chart has less, and in a smaller picture the ticks
and curves beside its letters would run into them."""
CONTRAST, NEIGHBOURHOOD = 25, 41
"""Grey levels by which ink is darker than the paper about it, of so many pixels a side."""
LOWEST, HIGHEST = 7, 150
"""Pixels between which letters are high."""


def shrinkage(image: NDArray[np.uint8]) -> float:
    """By how much a page may be scaled down so that its print is still found, from 0 to 1.

    Args:
        image: height × width × 3, BGR, 8 bits, at the scale at which text is looked for else.

    Example:
        >>> shrinkage(np.full((900, 600, 3), 255, np.uint8))
        1.0
    """
    parts = _parts(image)
    letters = parts[_are_letters(parts)]
    inked = letters[:, cv2.CC_STAT_AREA].sum()
    if len(letters) < FEWEST or inked < LETTERED * parts[:, cv2.CC_STAT_AREA].sum():
        return 1.0
    quarter, median = np.percentile(letters[:, cv2.CC_STAT_HEIGHT], [25, 50])
    return min(1.0, max(MEDIAN / float(median), SMALL / float(quarter)))


def letter_heights(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The heights in pixels of all that has the shape of a letter.

    Args:
        image: height × width × 3, BGR, 8 bits.
    """
    parts = _parts(image)
    return np.asarray(parts[_are_letters(parts), cv2.CC_STAT_HEIGHT])


def _parts(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The connected parts of the ink, a row each as OpenCV describes them."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    if 2 * np.count_nonzero(grey < 128) > grey.size:  # light print on a dark page
        grey = 255 - grey
    ink = cv2.adaptiveThreshold(
        grey, 1, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, NEIGHBOURHOOD, CONTRAST
    )
    return np.asarray(cv2.connectedComponentsWithStats(ink)[2][1:], np.int32)


def _are_letters(parts: NDArray[np.int32]) -> NDArray[np.bool_]:
    """For each part, whether it has the shape of a letter."""
    width, height, area = (
        parts[:, column] for column in (cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT, cv2.CC_STAT_AREA)
    )
    has_size = (height >= LOWEST) & (height < HIGHEST)
    has_shape = (width <= 3 * height) & (height <= 4 * width) & (area >= 0.15 * width * height)
    return np.asarray(has_size & has_shape)
