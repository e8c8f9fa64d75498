"""Points of vertical Chinese and Japanese, which stand at the right of a column and are not recognised.

A column is held with its right side up. So a comma or a full stop is a small sign high in a gap between two
characters, where nothing else stands.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.pixels import Pixels

# Times the usual distance of two characters from which there is room for a point between them.
_ROOM = 1.5
# Shares of the line's height: a point is at most so high and wide, at least so large, and ends above this.
_LARGEST, _SMALLEST, _LOWEST = 0.42, 0.1, 0.6
# Kana tell Japanese, whose comma is another than that of Chinese.
_KANA = range(0x3040, 0x3100)


def marks_between(
    letters: Sequence[str], centres: NDArray[np.floating], line: Pixels
) -> list[tuple[int, str, float]]:
    """The points that stand in a column: before which character, which they are, and their place.

    Args:
        letters: that were read in it.
        centres: of these, in pixels from its left end, in ascending order.
        line: height × width × 3, RGB, held with its right side up.
    """
    if len(letters) < 3:
        return []
    pitch = float(np.median(np.diff(centres)))
    ends = [*centres.tolist(), centres[-1] + 2 * pitch]
    gaps = [
        (number, start + pitch / 2, end - pitch / 2)
        for number, (start, end) in enumerate(pairwise(ends), 1)
        if end - start >= _ROOM * pitch
    ]
    if not gaps:
        return []
    comma = "、" if any(letter[:1] and ord(letter[0]) in _KANA for letter in letters) else "，"
    signs = {"comma": comma, "stop": "。"}
    dark = _dark(line)
    found = ((number, _point_in(dark, start, end)) for number, start, end in gaps)
    return [(number, signs[point[0]], point[1]) for number, point in found if point is not None]


def _dark(line: Pixels) -> NDArray[np.uint8]:
    grey = np.asarray(cv2.cvtColor(line, cv2.COLOR_RGB2GRAY), np.uint8)
    _, dark = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
    return np.asarray(dark if dark.mean() <= 0.5 else 1 - dark, np.uint8)


def _point_in(dark: NDArray[np.uint8], start: float, end: float) -> tuple[str, float] | None:
    """Which point stands alone between two columns of pixels, and where; None where anything else does."""
    height = len(dark)
    _, _, stats, centres = cv2.connectedComponentsWithStats(dark)
    inside = [
        (stat.tolist(), float(centre[0]))
        for stat, centre in zip(stats[1:], centres[1:], strict=True)
        if start <= centre[0] < end and stat[4] >= (_SMALLEST * height) ** 2
    ]
    if len(inside) != 1:
        return None
    (left, top, wide, high, _), place = inside[0]
    if max(wide, high) > _LARGEST * height or top + high > _LOWEST * height:
        return None
    _, hierarchy = cv2.findContours(
        dark[top : top + high, left : left + wide], cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE
    )
    has_hole = hierarchy is not None and bool((hierarchy[0][:, 2] >= 0).any())
    return ("stop" if has_hole else "comma"), place
