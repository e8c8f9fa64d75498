"""Where anything stands on a page, told from its pixels before text is looked for.

The detector's cost grows with the area that it sees, and most of a page can be bare: a receipt on a
scanner's glass fills a sixth of it.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.pixels import Pixels, Tile, in_grey

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
        image: height × width × 3, RGB, 8 bits, at the scale at which text is looked for else.

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
        image: height × width × 3, RGB, 8 bits.
    """
    parts = _parts(image)
    return np.asarray(parts[_are_letters(parts), cv2.CC_STAT_HEIGHT])


def _parts(image: NDArray[np.uint8]) -> NDArray[np.int32]:
    """The connected parts of the ink, a row each as OpenCV describes them."""
    grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
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


FAINT = 12
"""Grey levels by which the faintest print differs from what is about it;"""
NOISE, FAINTEST_IN_NOISE = 12.5, 32
"""times the difference that three quarters of a noisy page's pixels have, which is four times the noise, and
no more than so many."""
FAINTEST = 6
"""Grey levels below which no print is looked for: what differs by less is bare paper, a shade or JPEG."""
MARGIN = 48
"""Pixels of paper about marks, which the detector wants."""
MOST_PARTS = 16
"""Parts that a page is looked at in; where there are more, it is looked at as a whole."""
MOST_MARKED = 0.5
"""Of its area: where parts take more, a page is looked at as a whole, for the detector errs less on one."""


def has_marks(image: NDArray[np.uint8]) -> bool:
    """Whether anything as high as the smallest letter stands out from what is about it, be it ever so faint.

    A white sheet has no mark, and neither has noise.

    Args:
        image: height × width × 3, RGB, 8 bits.

    Example:
        >>> has_marks(np.full((900, 600, 3), 255, np.uint8))
        False
    """
    difference = _difference(image)
    over_noise = NOISE * float(np.percentile(difference, 25))
    marks = np.asarray(difference > min(max(FAINT, over_noise), FAINTEST_IN_NOISE), np.uint8)
    return bool((cv2.connectedComponentsWithStats(marks)[2][1:, cv2.CC_STAT_HEIGHT] >= LOWEST).any())


def marked_parts(image: Pixels) -> list[Tile]:
    """The parts of a page on which anything stands, with a margin; the whole page where they are most of it.

    Args:
        image: height × width × 3, RGB, 8 bits, at the scale at which text is looked for.

    Returns:
        Parts that do not overlap, from top to bottom.

    Example:
        >>> page = np.full((900, 600, 3), 255, np.uint8)
        >>> page[800:820, 290:300] = 0
        >>> marked_parts(page)
        [Tile(x0=224, y0=736, x1=366, y1=884)]
    """
    differing = np.asarray(_difference(image) > FAINTEST, np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(differing)
    is_mark = stats[:, cv2.CC_STAT_HEIGHT] >= LOWEST
    is_mark[0] = False  # the paper
    about = np.ones((2 * MARGIN + 1, 2 * MARGIN + 1), np.uint8)
    spread = cv2.dilate(is_mark[labels].astype(np.uint8), about)
    found = cv2.connectedComponentsWithStats(spread)[2][1:, : cv2.CC_STAT_AREA]
    tiles = [Tile(x, y, x + width, y + height) for x, y, width, height in found.tolist()]
    whole = Tile(0, 0, image.shape[1], image.shape[0])
    parts = _apart(tiles) if len(tiles) <= MOST_PARTS else [whole]
    return parts if sum(part.pixels for part in parts) <= MOST_MARKED * whole.pixels else [whole]


def _difference(image: Pixels) -> NDArray[np.uint8]:
    """By how much each pixel differs from what is about it."""
    grey = cv2.blur(in_grey(image), (3, 3))
    return np.asarray(cv2.absdiff(grey, cv2.blur(grey, (NEIGHBOURHOOD, NEIGHBOURHOOD))), np.uint8)


def _apart(tiles: list[Tile]) -> list[Tile]:
    """Tiles that do not overlap: those that did are joined."""
    tiles = sorted(tiles, key=lambda tile: (tile.y0, tile.x0))
    for number, tile in enumerate(tiles):
        for other in tiles[:number]:
            if _overlap(tile, other):
                rest = [one for one in tiles if one not in (tile, other)]
                return _apart([*rest, _around([tile, other])])
    return tiles


def _overlap(one: Tile, other: Tile) -> bool:
    return one.x0 < other.x1 and other.x0 < one.x1 and one.y0 < other.y1 and other.y0 < one.y1


def _around(tiles: list[Tile]) -> Tile:
    x0, y0, x1, y1 = zip(*tiles, strict=True)
    return Tile(min(x0), min(y0), max(x1), max(y1))
