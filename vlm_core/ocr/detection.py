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
        found += [_around(part, boxes_of) for part in _bent_parts(maps[0, 0], image, boxes_of)]
        return np.concatenate(found)

    return detect


def _around(part: Points, boxes_of: Any) -> Quads:
    """The box of a part, with the margin that RapidOCR gives to every box."""
    corners, _ = boxes_of.get_mini_boxes(part)
    wider, _ = boxes_of.get_mini_boxes(boxes_of.unclip(corners))
    return np.asarray(boxes_of.order_points_clockwise(wider), np.float32)[None]


def _bent_parts(probability: NDArray[np.float32], image: Pixels, boxes_of: Any) -> Iterator[Points]:
    """The straight parts of the lines to which RapidOCR gives no box since they are bent."""
    mask = cv2.dilate((probability > boxes_of.thresh).astype(np.uint8), boxes_of.dilation_kernel)
    contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours[: boxes_of.max_candidates]:
        corners, thickness = boxes_of.get_mini_boxes(contour)
        if thickness < boxes_of.min_size or boxes_of.box_score_fast(probability, corners) >= boxes_of.box_thresh:
            continue
        if boxes_of.box_score_slow(probability, contour) >= SURE:
            yield from straight_parts(_inside(contour), image)


def _inside(contour: NDArray[np.int32]) -> Points:
    """All pixels within a contour."""
    x, y, width, height = cv2.boundingRect(contour)
    filled = np.zeros((height, width), np.uint8)
    cv2.drawContours(filled, [contour], -1, 1, cv2.FILLED, offset=(-x, -y))
    rows, columns = np.nonzero(filled)
    return np.stack([columns + x, rows + y], axis=1).astype(np.float32)


def straight_parts(points: Points, image: Pixels) -> list[Points]:
    """Cut a bent line, between words where it can, until each part fills its rectangle.

    Args:
        points: the line's pixels.
        image: on which it stands.
    """
    (_, _), sides, _ = rectangle = cv2.minAreaRect(points)
    length, area = max(sides), max(sides[0] * sides[1], 1.0)
    thickness = len(points) / max(length, 1.0)
    if len(points) >= STRAIGHT * area or length < 2 * SHORTEST * thickness:
        return [points]
    place = _along(points, rectangle)
    cut = _gap_near_middle(points, place, image)
    return [
        part for half in (points[place < cut], points[place >= cut]) for part in straight_parts(half, image)
    ]


def _along(points: Points, rectangle: Any) -> NDArray[np.float32]:
    """How far along a rectangle's longer side each point is, in pixels from its first one."""
    corners = cv2.boxPoints(rectangle)
    side = max((corners[1] - corners[0], corners[2] - corners[1]), key=np.linalg.norm)
    place = points @ (side / np.linalg.norm(side))
    return np.asarray(place - place.min(), np.float32)


def _gap_near_middle(points: Points, place: NDArray[np.float32], image: Pixels) -> float:
    """Where to cut a line: in the widest run of places near its middle without ink, or in the middle."""
    length = float(place.max())
    first, last = int((0.5 - WORD_GAP) * length), int((0.5 + WORD_GAP) * length)
    near = (place >= first) & (place < last)
    x, y = points[near].astype(int).T
    shades = image[y, x].mean(axis=1)
    at = place[near].astype(int) - first
    darkest, lightest = np.full(last - first, 255.0), np.zeros(last - first)
    np.minimum.at(darkest, at, shades)
    np.maximum.at(lightest, at, shades)
    contrast = lightest - darkest
    empty = contrast < 0.3 * contrast.max(initial=0.0)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], empty, [False]]).astype(np.int8)))
    if not len(edges):
        return length / 2
    widest = int(np.argmax(edges[1::2] - edges[::2]))
    return first + float(edges[2 * widest] + edges[2 * widest + 1]) / 2
