"""Which way is up: a page's quarter turns, found from its text boxes.

On a page that lies on its side most boxes are taller than wide; on one that stands on its head,
or lies on its other side, most lines look upside down to the classifier. Together the two tell
the four positions apart (96 of 96 turned pages where this was first measured). The classifier
errs on single lines, so only the page's majority is obeyed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_core.ocr.pixels import Pixels
from vlm_core.ocr.tiles import Quads

LONE = 2.0
"""Length to thickness below which a box holds a sign or two."""
TALL = 1.5
"""Height to width from which a box counts as tall; recognisers turn such a crop to the left."""


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
