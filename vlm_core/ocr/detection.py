"""Boxes from the detector's map, those of bent lines too.

RapidOCR gives a box to what fills its rectangle. A line on a curled page does not: it comes out
without a box, or in one that holds its neighbours too. Such a line is cut into parts that are straight.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.pixels import Pixels, for_network
from vlm_core.ocr.tiles import Quads, filled_up

SURE = 0.6
"""The mean probability from which what does not fill its rectangle is a line for certain."""
FILLED = 0.85
"""The share of its rectangle from which it need not be looked at whether a line is straight."""
BENT, BINS = 0.4, 8
"""Times its thickness by which the middle of a bent line leaves the straight, seen at so many places."""
SHORTEST = 4.0
"""Times its thickness that a part of a bent line is long."""
WORD_GAP = 0.15
"""Of a part's length: how far from the middle a gap between words is looked for, to cut there."""
GAP_CONTRAST = 0.3
"""Of the line's contrast, below which a place on it is a gap."""

Points = NDArray[np.float32]
"""N × 2, x before y, in pixels."""


LEAN_PIXELS = 1_500_000
"""From which the network runs in the session that takes less memory: 230 bytes a pixel in place of 310."""


def boxes_in(
    detector: Any, lean: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> Callable[[Pixels], Quads]:
    """A function that finds the boxes in a picture.

    Args:
        detector: RapidOCR's TextDetector; nothing on it is changed.
        lean: as the detector's session, from 1 × 3 × height × width to 1 × 1 × height × width, with less
            memory and more time; large pictures go there.

    Returns:
        From height × width × 3 pixels (RGB) to N × 4 × 2 corners.
    """
    # Made once: these hold settings only. RapidOCR's own call keeps the last one on the detector.
    boxes_of = detector.postprocess_op
    mean, std = (np.array(value, np.float32)[:, None, None] for value in (detector.mean, detector.std))

    def network_input(image: Pixels) -> NDArray[np.float32]:
        """1 × 3 × height × width, as RapidOCR prepares it, in half its time and memory."""
        levels = for_network(image).transpose(2, 0, 1)[None].astype(np.float32, order="C")
        levels *= 1 / (255 * std)
        levels -= mean / std
        return levels

    def detect(image: Pixels) -> Quads:
        height, width = image.shape[:2]
        image = filled_up(image)
        session = lean if image.shape[0] * image.shape[1] > LEAN_PIXELS else detector.session
        probability = session(network_input(image))[0, 0]
        mask = cv2.dilate((probability > boxes_of.thresh).astype(np.uint8), boxes_of.dilation_kernel)
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        quads = [
            quad
            for contour in contours[: boxes_of.max_candidates]
            for quad in _boxes_of_one(contour, probability, image, boxes_of)
        ]
        kept, _ = boxes_of.filter_det_res(quads, [1.0] * len(quads), height, width)
        return np.asarray(kept, np.float32).reshape(-1, 4, 2)

    return detect


def _boxes_of_one(
    contour: NDArray[np.int32], probability: NDArray[np.float32], image: Pixels, boxes_of: Any
) -> list[NDArray[np.int32]]:
    """The box of what a contour encloses, or the boxes of its parts; none where it is hardly text."""
    corners, thickness = boxes_of.get_mini_boxes(contour)
    if thickness < boxes_of.min_size:
        return []
    if _is_bent(contour) and boxes_of.box_score_slow(probability, contour) >= SURE:
        parts = straight_parts(contour, image, boxes_of.unclip_ratio)
        return [np.round(cv2.boxPoints(cv2.minAreaRect(part))).astype(np.int32) for part in parts]
    if boxes_of.box_score_fast(probability, corners) < boxes_of.box_thresh:
        return []
    box, thickness = boxes_of.get_mini_boxes(boxes_of.unclip(corners))
    return [np.round(box).astype(np.int32)] if thickness >= boxes_of.min_size + 2 else []


def _is_bent(contour: NDArray[np.int32]) -> bool:
    sides = cv2.minAreaRect(contour)[1]
    fills_it = cv2.contourArea(contour) >= FILLED * sides[0] * sides[1]
    return not fills_it and _bends(_inside(contour, 0))


def _bends(points: Points) -> bool:
    """Whether a long line's middle leaves the straight by a good part of its thickness."""
    along, across, length = _axes(points)
    thickness = len(points) / max(length, 1.0)
    if length < 2 * SHORTEST * thickness:
        return False
    place, off = points @ along, points @ across
    bins = ((place - place.min()) * (BINS / (length + 1))).astype(int)
    count = np.maximum(np.bincount(bins, minlength=BINS), 1)
    middle = np.bincount(bins, off, BINS) / count
    steps = np.arange(BINS)
    straight = np.polyval(np.polyfit(steps, middle, 1), steps)
    return bool(np.ptp(middle - straight) > BENT * thickness)


def _axes(points: Points) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """The directions of the longer and the shorter side of the smallest box around points, and its length."""
    corners = cv2.boxPoints(cv2.minAreaRect(points))
    sides = sorted((corners[1] - corners[0], corners[2] - corners[1]), key=lambda side: float(side @ side))
    short, long = (side / max(float(np.linalg.norm(side)), 1e-6) for side in sides)
    return long, short, float(np.linalg.norm(sides[1]))


def straight_parts(contour: NDArray[np.int32], image: Pixels, unclip_ratio: float) -> list[Points]:
    """Cut a bent line, between words where it can, until each part fills its rectangle.

    Args:
        contour: of the line, as the detector sees it: narrower than its letters are high.
        image: on which it stands.
        unclip_ratio: how much wider the letters are, as RapidOCR counts it.

    Returns:
        The pixels of each part, letters and all.
    """
    core = _inside(contour, 0)
    length = max(cv2.minAreaRect(core)[1])
    # A line's pixels are its length times its thickness, and its outline is twice its length.
    margin = round(unclip_ratio * len(core) / (2 * max(length, 1.0)))
    return _straight(core, _inside(contour, margin), image)


def _inside(contour: NDArray[np.int32], margin: int) -> Points:
    """All pixels within a contour, and those so near to it."""
    x, y, width, height = cv2.boundingRect(contour)
    filled: Any = np.zeros((height + 2 * margin, width + 2 * margin), np.uint8)
    cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED, offset=(margin - x, margin - y))
    if margin:
        side = 2 * margin + 1
        filled = cv2.dilate(filled, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    rows, columns = np.nonzero(filled)
    return np.stack([columns + x - margin, rows + y - margin], axis=1).astype(np.float32)


def _straight(core: Points, wide: Points, image: Pixels) -> list[Points]:
    """The parts of a line, from its inner pixels, by which it is judged, and all its pixels."""
    if not _bends(core):
        return [wide]
    along, _, _ = _axes(core)
    inner, whole = core @ along, wide @ along
    cut = _gap_near_middle(core, inner, image)
    return [
        *_straight(core[inner < cut], wide[whole < cut], image),
        *_straight(core[inner >= cut], wide[whole >= cut], image),
    ]


def _gap_near_middle(points: Points, place: NDArray[np.float32], image: Pixels) -> float:
    """Where to cut a line: in the widest run of places near its middle without ink, or in the middle."""
    middle, length = float(place.max() + place.min()) / 2, float(np.ptp(place))
    first = int(middle - WORD_GAP * length)
    at = place.astype(int) - first
    near = (at >= 0) & (at < int(2 * WORD_GAP * length))
    x, y = np.clip(points[near].astype(int).T, 0, [[image.shape[1] - 1], [image.shape[0] - 1]])
    shades = image[y, x].mean(axis=1)
    darkest, lightest = np.full(at[near].max() + 1, 255.0), np.zeros(at[near].max() + 1)
    np.minimum.at(darkest, at[near], shades)
    np.maximum.at(lightest, at[near], shades)
    contrast = lightest - darkest
    empty = contrast < GAP_CONTRAST * contrast.max(initial=0.0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    if not len(edges):
        return middle
    widest = int(np.argmax(edges[1::2] - edges[::2]))
    return first + float(edges[2 * widest] + edges[2 * widest + 1]) / 2
