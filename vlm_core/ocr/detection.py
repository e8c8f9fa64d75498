"""Boxes from the detector's map, those of bent lines too.

RapidOCR gives a box to what fills its rectangle. A line on a curled page does not: it came out
without a box, and nothing told of it. Such a line is cut into parts that are straight.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.tiles import Pixels, Quads

SURE = 0.6
"""The mean probability from which something that does not fill its rectangle is a line for certain."""
STRAIGHT = 0.6
"""The share of its rectangle that a straight line fills."""
SHORTEST = 4.0
"""Times its thickness that a part of a bent line is long."""
WORD_GAP = 0.15
"""Of a part's length: how far from the middle a gap between words is looked for, to cut there."""
GAP_CONTRAST = 0.3
"""Of the line's contrast, below which a place on it is a gap."""

Points = NDArray[np.float32]
"""N × 2, x before y, in pixels."""


def boxes_in(detector: Any) -> Callable[[Pixels], Quads]:
    """A function that finds the boxes in a picture.

    Args:
        detector: RapidOCR's TextDetector; nothing on it is changed.

    Returns:
        From height × width × 3 pixels (BGR) to N × 4 × 2 corners.
    """
    # Made once: these hold settings only. RapidOCR's own call keeps the last one on the detector.
    prepare, boxes_of = detector.get_preprocess(), detector.postprocess_op

    def detect(image: Pixels) -> Quads:
        maps = detector.session(prepare(image))
        boxes, _ = boxes_of(maps, image.shape[:2])
        found = [np.asarray(boxes, np.float32).reshape(-1, 4, 2)]
        found += [_corners(part)[None] for part in _bent_parts(maps[0, 0], image, boxes_of)]
        return np.concatenate(found)

    return detect


def _corners(part: Points) -> Quads:
    """The smallest box around points, its corners clockwise from the top left."""
    corners = cv2.boxPoints(cv2.minAreaRect(part))
    left, right = corners[np.argsort(corners[:, 0])].reshape(2, 2, 2)
    left, right = left[np.argsort(left[:, 1])], right[np.argsort(right[:, 1])]
    return np.asarray([left[0], right[0], right[1], left[1]], np.float32)


def _bent_parts(probability: NDArray[np.float32], image: Pixels, boxes_of: Any) -> Iterator[Points]:
    """The straight parts of the lines to which RapidOCR gives no box since they are bent."""
    mask = cv2.dilate((probability > boxes_of.thresh).astype(np.uint8), boxes_of.dilation_kernel)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours[: boxes_of.max_candidates]:
        corners, thickness = boxes_of.get_mini_boxes(contour)
        if (
            thickness < boxes_of.min_size
            or boxes_of.box_score_fast(probability, corners) >= boxes_of.box_thresh
        ):
            continue
        if boxes_of.box_score_slow(probability, contour) >= SURE:
            yield from straight_parts(contour, image, boxes_of.unclip_ratio)


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
    rectangle = cv2.minAreaRect(core)
    length, area = max(rectangle[1]), max(rectangle[1][0] * rectangle[1][1], 1.0)
    if len(core) >= STRAIGHT * area or length**2 < 2 * SHORTEST * len(core):
        return [wide]
    corners = cv2.boxPoints(rectangle)
    along = max((corners[1] - corners[0], corners[2] - corners[1]), key=np.linalg.norm) / length
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
