"""How a page is turned: its longest lines are asked, and only if they can be read is it turned.

The classifier that tells which way is up was trained on scripts that the recogniser knows, and
answers for a sofa's seam as well. So what it says holds only if the lines can be read that way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from vlm_core.ocr.orientation import clockwise_turn, is_tall, turn_image
from vlm_core.ocr.pixels import Pixels
from vlm_core.ocr.recognition import SPARSE, RecognizedLine, crop_box
from vlm_core.ocr.tiles import Quads

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
