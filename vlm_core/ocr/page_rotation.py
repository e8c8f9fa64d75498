"""How a page is turned: its longest lines are asked, and only if they can be read is it turned.

The classifier that tells which way is up was trained on scripts that the recogniser knows, and
answers for a sofa's seam as well. So what it says holds only if the lines can be read that way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from vlm_core.ocr.pixels import TALL, Pixels
from vlm_core.ocr.recognition import SPARSE, RecognizedLine, crop_box
from vlm_core.ocr.tiles import Quads

LONE = 2.0
"""Length to thickness below which a box holds a sign or two."""


def is_tall(quad: Quads) -> bool:
    """Whether a box is taller than a line of text is.

    Example:
        >>> is_tall(np.float32([[0, 0], [10, 0], [10, 90], [0, 90]]))
        True
    """
    width, height = np.linalg.norm(quad[1] - quad[0]), np.linalg.norm(quad[3] - quad[0])
    return bool(height >= TALL * width)


def is_lone(quad: Quads) -> bool:
    """Whether a box is too short for more than a sign or two, which may as well be dirt.

    Example:
        >>> is_lone(np.float32([[0, 0], [10, 0], [10, 9], [0, 9]]))
        True
    """
    sides = np.linalg.norm(quad[[1, 2]] - quad[[0, 1]], axis=1)
    return bool(sides.max() < LONE * sides.min())


def clockwise_turn(tall: Sequence[bool], upside_down: Sequence[bool]) -> int:
    """The turn in degrees clockwise that sets a page upright, from the votes of its lines.

    Args:
        tall: for each line, whether its box is taller than wide.
        upside_down: for each line, whether it looks upside down once a tall one is turned to the left.

    Returns:
        0, 90, 180 or 270.

    Example:
        >>> clockwise_turn([True, True, False], [True, True, True])
        90
    """
    sideways, inverted = _majority(tall), _majority(upside_down)
    if sideways:
        return 90 if inverted else 270
    return 180 if inverted else 0


def _majority(votes: Sequence[bool]) -> bool:
    return sum(votes) * 2 > len(votes)


def turn_image(image: Pixels, degrees: int) -> Pixels:
    """Turn a picture clockwise by quarter turns."""
    return np.ascontiguousarray(np.rot90(image, -degrees // 90))


def turn_quads(quads: Quads, degrees: int, width: int, height: int) -> Quads:
    """Turn boxes clockwise along with their picture.

    Args:
        quads: N × 4 × 2, in pixels.
        degrees: 0, 90, 180 or 270.
        width: of the picture before the turn, in pixels.
        height: likewise.

    Returns:
        The boxes on the turned picture, their corners again from the top left.

    Example:
        >>> turn_quads(np.float32([[[0, 0], [1, 0], [1, 9], [0, 9]]]), 90, 10, 20)[0, 0].tolist()
        [11.0, 0.0]
    """
    x, y = quads[..., 0], quads[..., 1]
    turned = {
        0: (x, y),
        90: (height - y, x),
        180: (width - x, height - y),
        270: (y, width - x),
    }[degrees]
    first_corner = degrees // 90
    return np.roll(np.stack(turned, axis=-1), first_corner, axis=1)


STRIP = 4
"""Times its height that a line is shown of, to tell which way is up."""
VOTERS = 24
"""Lines that are asked which way is up."""
READERS = 6
"""Lines that are read to confirm it."""
LEGIBLE = 0.8
"""The mean probability of characters from which lines stand upright: turned by 180 degrees they have 0.75."""
FEWEST = 4
"""Characters that must be read before a page is turned for them."""


def turn_of(
    image: Pixels,
    quads: Quads,
    look_inverted: Callable[[list[Pixels]], list[bool]],
    read: Callable[[Pixels], RecognizedLine],
) -> int:
    """The quarter turn that sets a page upright.

    Args:
        image: the page's pixels.
        quads: its text boxes, in pixels.
        look_inverted: whether lines look upside down, in the classifier's eyes.
        read: reads a line as it is held.

    Returns:
        Degrees clockwise; 0 for a page on which no text can be read.
    """
    if not len(quads):
        return 0
    voters = sorted(quads, key=lambda quad: -float((quad.max(axis=0) - quad.min(axis=0)).max()))[:VOTERS]
    tall = [is_tall(quad) for quad in voters]
    crops = [crop_box(image, quad) for quad in voters]
    held = [turn_image(crop, 270) if sideways else crop for crop, sideways in zip(crops, tall, strict=True)]
    # The classifier squeezes what it is given into a short strip, in which a long line is past telling.
    turn = clockwise_turn(tall, look_inverted([crop[:, : STRIP * crop.shape[0]] for crop in held]))
    candidates = {0: (), 180: (180,)}.get(turn, (turn, 360 - turn))
    asked = [crop for crop, sideways in zip(held, tall, strict=True) if sideways == (turn % 180 == 90)][
        :READERS
    ]
    return next((degrees for degrees in candidates if _are_legible(asked, degrees, read)), 0)


def _are_legible(held: Sequence[Pixels], degrees: int, read: Callable[[Pixels], RecognizedLine]) -> bool:
    """Whether lines can be read once the page is turned; tall ones were turned to the left already."""
    upside_down = degrees in (90, 180)
    readings = [read(turn_image(crop, 180) if upside_down else crop) for crop in held]
    letters = sum(len(reading.text) for reading in readings)
    score = sum(reading.score * len(reading.text) for reading in readings)
    is_sure = bool(score >= LEGIBLE * letters)
    return letters >= FEWEST and is_sure and not _is_sparse(held, letters)


def _is_sparse(held: Sequence[Pixels], letters: int) -> bool:
    """Whether far fewer characters were read than stand there, as in a script that is not known."""
    length: float = sum(crop.shape[1] / crop.shape[0] for crop in held)
    return letters < SPARSE * length
