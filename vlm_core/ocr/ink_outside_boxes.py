"""Ink that looks like letters and stands outside every text box: what the detector passed over.

Letters are known by the page's own: they are as high, and stand in a row. So a photograph's texture,
a drawing or a table's rules are none.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.line_ink import HEIGHT
from vlm_core.ocr.pixels import Pixels, in_grey
from vlm_core.ocr.tiles import Quads
from vlm_core.ocr.unread_ink import Ink
from vlm_core.types import Box

CONTRAST = 40
"""Grey levels by which ink differs from the paper about it."""
LOWEST, HIGHEST, WIDEST = 0.3, 1.0, 2.0
"""Times the height of the page's lines: letters are so high, and so wide at most."""
THINNEST, FULLEST = 0.12, 0.85
"""The share of its rectangle that a letter's ink fills."""
APART = 0.5
"""Times the height of a line that letters of one row stand apart at most."""
FEWEST = 8
"""Letters in a row."""
ALIGNED, OFF_LINE = 0.6, 0.1
"""The share of a row's letters that stand on one line, to so much of its height; a texture's parts do not."""
WORKING_HEIGHT = 24
"""Pixels to which the page's lines are scaled: enough to tell a letter by."""


class Row(NamedTuple):
    """A row of letters outside every box."""

    box: Box
    """In pixels."""
    ink: Ink
    """All of it unread."""


def rows_outside(image: Pixels, quads: Quads) -> list[Row]:
    """The rows of letters that stand in no box.

    Args:
        image: the pixels of an upright page.
        quads: N × 4 × 2, its text boxes in pixels.

    Example:
        >>> rows_outside(np.full((90, 90, 3), 255, np.uint8), np.zeros((0, 4, 2), np.float32))
        []
    """
    if not len(quads):
        return []  # there is nothing to know letters by
    thickness = np.linalg.norm(quads[:, [1, 2]] - quads[:, [0, 1]], axis=2).min(axis=1)
    scale = min(1.0, WORKING_HEIGHT / max(float(np.median(thickness)), 1.0))
    line = float(np.median(thickness)) * scale
    small = np.asarray(
        cv2.resize(in_grey(image), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )
    _, labels, stats, middles = cv2.connectedComponentsWithStats(_ink(small, line))
    parts = np.asarray(stats, np.int32)
    is_letter = _look_like_letters(parts, line) & _are_outside(
        np.asarray(middles), quads * np.float32(scale), small
    )
    letters = is_letter[labels].astype(np.uint8)
    joined = cv2.morphologyEx(letters, cv2.MORPH_CLOSE, np.ones((1, round(APART * line) | 1), np.uint8))
    count, row_labels, found, _ = cv2.connectedComponentsWithStats(joined)
    row_of = np.zeros(len(parts), np.int32)
    row_of[labels] = row_labels  # all pixels of a letter are in one row
    rows = []
    for number in range(1, count):
        members = parts[(row_of == number) & is_letter]
        if len(members) >= FEWEST and _stand_on_a_line(members, line):
            x, y, width, height = (int(value) / scale for value in found[number, :4])
            columns = int(members[:, cv2.CC_STAT_WIDTH].sum() / line * HEIGHT)
            rows.append(Row((x, y, x + width, y + height), Ink(columns, columns)))
    return rows


def _ink(grey: Pixels, line: float) -> NDArray[np.uint8]:
    """What is darker or lighter than the paper about it."""
    paper = cv2.medianBlur(grey, max(3, round(2 * line) | 1))
    return np.asarray(cv2.absdiff(grey, paper) > CONTRAST, np.uint8)


def _look_like_letters(parts: NDArray[np.int32], line: float) -> NDArray[np.bool_]:
    """For each connected part, whether it has the size of a letter; the first one is the paper."""
    width, height = parts[:, cv2.CC_STAT_WIDTH], parts[:, cv2.CC_STAT_HEIGHT]
    filled = parts[:, cv2.CC_STAT_AREA] / (width * height)
    sized = (height >= LOWEST * line) & (height <= HIGHEST * line) & (width <= WIDEST * line)
    return np.asarray(sized & (filled >= THINNEST) & (filled <= FULLEST) & (np.arange(len(parts)) > 0))


def _are_outside(middles: NDArray[np.float64], quads: Quads, page: Pixels) -> NDArray[np.bool_]:
    """For each point on a page, whether it is in no box."""
    boxes: Any = np.zeros_like(page)
    for quad in quads:
        cv2.fillPoly(boxes, [np.round(quad).astype(np.int32)[:, None]], (1,))
    boxes = cv2.dilate(boxes, np.ones((5, 5), np.uint8))
    x, y = middles.astype(np.int32).T
    return np.asarray(boxes[y, x] == 0)


def _stand_on_a_line(letters: NDArray[np.int32], line: float) -> bool:
    """Whether most letters end below on one line, which may be skewed or bent."""
    left, bottom = letters[:, cv2.CC_STAT_LEFT], letters[:, cv2.CC_STAT_TOP] + letters[:, cv2.CC_STAT_HEIGHT]
    place = (left - left.mean()) / max(float(np.ptp(left)), 1.0)
    off = np.abs(bottom - np.polyval(np.polyfit(place, bottom, 2), place))
    return bool((off <= OFF_LINE * line).mean() >= ALIGNED)
