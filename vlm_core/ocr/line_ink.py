"""The ink of one line of text, held at the recogniser's height: where it is, and what of it went unread.

A model passes over characters that it does not know, and is sure of those around them: a line of
Vietnamese lost every other vowel at a mean probability of 0.98. The ink tells.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.pixels import Pixels
from vlm_core.ocr.unread_ink import SHARE, Ink

HEIGHT = 48
"""Pixels: the height of the recogniser's input (PP-OCRv6)."""
EDGE = 4
"""Pixels above and below a line that are left out: neighbouring lines reach into them."""
NEAR = 5
"""Pixels that a letter's place, as the recogniser gives it, is off its ink at the most."""
REACH = 24
"""Pixels to either side of its place that one character's ink reaches: half of a square one."""
SPECK_WIDTH, SPECK_HEIGHT = 4, 9
"""Pixels below which ink is not a letter but a dot, a dash or a rule."""
REPEATED = 0.75
"""How much a row of one sign is like itself, a sign further on; lines of text reach 0.62."""
SIGN_WIDTHS = range(16, 72)
"""Pixels that such a sign may take, and"""
SIGNS = 5
"""how often it stands there at least."""
RULE = 72
"""Pixels: what runs on for so long in one row is a rule, such as that under a word."""


def ink_of(line: Pixels) -> NDArray[np.bool_]:
    """Where a line is written, whether dark on light or light on dark; its edges left out.

    Args:
        line: 48 × width × 3, RGB.
    """
    grey = np.asarray(cv2.cvtColor(line, cv2.COLOR_RGB2GRAY), np.uint8)
    threshold, _ = cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    dark: NDArray[np.bool_] = grey[EDGE:-EDGE] <= threshold
    return dark if dark.mean() <= 0.5 else ~dark


def unread_ink(line: Pixels, centres: NDArray[np.floating[Any]], *, square: bool) -> Ink:
    """How much of a line's ink no character accounts for.

    Args:
        line: 48 × width × 3, RGB.
        centres: of the characters that were read in it, in pixels from its left end.
        square: whether most of them are as wide as high, such as Chinese ones, whose parts stand apart.
    """
    ink = without_rules(ink_of(line))
    starts, ends = _letters(ink)
    total = int((ends - starts).sum())
    unread = _far_from(starts, ends, centres, REACH if square else NEAR)
    return Ink(0, 0) if unread > SHARE * total and _is_ornament(ink) else Ink(unread, total)


def _is_ornament(ink: NDArray[np.bool_]) -> bool:
    """Whether one sign is repeated all along, as in a row of asterisks: no text repeats itself so."""
    width = ink.shape[1]
    if width < SIGNS * SIGN_WIDTHS.start:
        return False
    level = ink - ink.mean()
    shifts = range(SIGN_WIDTHS.start, min(SIGN_WIDTHS.stop, width // SIGNS))
    return any(_likeness(level[:, shift:], level[:, :-shift]) >= REPEATED for shift in shifts)


def _likeness(one: NDArray[np.floating[Any]], other: NDArray[np.floating[Any]]) -> float:
    return float((one * other).sum() / max(float(np.linalg.norm(one) * np.linalg.norm(other)), 1e-9))


def without_rules(ink: NDArray[np.bool_]) -> NDArray[np.bool_]:
    rules = cv2.morphologyEx(ink.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, RULE), np.uint8))
    return np.asarray(ink & (rules == 0))


def _letters(ink: NDArray[np.bool_]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    """The first columns of all runs of columns with ink that may be a letter, and the columns after them."""
    rows = len(ink)
    starts, ends = _runs(np.asarray(ink.any(axis=0)))
    if not len(starts):
        return starts, ends
    top = np.where(ink.any(axis=0), ink.argmax(axis=0), rows)
    below = np.where(ink.any(axis=0), rows - ink[::-1].argmax(axis=0), 0)
    height = np.maximum.reduceat(below, starts) - np.minimum.reduceat(top, starts)
    are_letters = (ends - starts >= SPECK_WIDTH) & (height >= SPECK_HEIGHT)
    return starts[are_letters], ends[are_letters]


def _runs(flags: NDArray[np.bool_]) -> tuple[NDArray[np.int_], NDArray[np.int_]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return edges[::2], edges[1::2]


def _far_from(
    starts: NDArray[np.int_], ends: NDArray[np.int_], centres: NDArray[np.floating[Any]], near: int
) -> int:
    """How many columns of runs are farther than REACH from every character that stands in their run.

    Args:
        starts: the runs' first columns.
        ends: the columns after them.
        centres: of the characters, in ascending order.
        near: pixels that a character may stand outside a run and still be in it.
    """
    lengths = ends - starts
    start, end = np.repeat(starts, lengths), np.repeat(ends, lengths)
    column = start + np.arange(len(start)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    places = np.concatenate([[-np.inf], centres, [np.inf]])
    after = np.searchsorted(places, column)
    before, behind = places[after - 1], places[after]
    is_close = (before >= start - near) & (column - before <= REACH)
    is_close |= (behind < end + near) & (behind - column <= REACH)
    return int((~is_close).sum())
