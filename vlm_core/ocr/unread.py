"""What of a page no character accounts for: how much of its writing, and where it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from vlm_core.types import Box, rounded

if TYPE_CHECKING:
    from vlm_core.ocr.recognition import Reading
    from vlm_core.ocr.tiles import Quads

READABLE = 0.5
"""The mean probability of its characters from which a line counts as read."""
SHARE = 0.06
"""The share of a page's writing, or a line's, from which it tells that some is unread.

Pages in scripts that the model lacks have 0.11 and more, others 0.02 at most.
"""
LEAST = 3 * 48
"""Columns of a line 48 pixels high: about six letters, below which a page is not called partial."""
SPARSE = 0.25
"""Characters for each time that a box is longer than high, below which most of it went unread."""
RULES = frozenset("-_=*.~—–· ")
NAMED = 3
"""Places that a warning names."""
ADVICE = (
    "Perhaps the local engine lacks the script, or the print is too faint: look at the page, or read it "
    "with a vision model"
)


class Unread(NamedTuple):
    """The share of a page's writing that went unread, and where it stands."""

    share: float = 0.0
    boxes: tuple[Box, ...] = ()

    @property
    def warning(self) -> str:
        """In words, with the places as left, top, right, bottom, fractions of the page.

        Example:
            >>> Unread(0.4, ((0.1, 0.2, 0.9, 0.3),)).warning.split(". ")[0]
            '40 % of the writing is unread, at 0.100,0.200,0.900,0.300'
        """
        places = "; ".join(",".join(f"{edge:.3f}" for edge in box) for box in self.boxes[:NAMED])
        more = len(self.boxes) - NAMED
        others = f" and {more} more place{'s' * (more > 1)}" if more > 0 else ""
        percent = round(100 * self.share)
        return f"{percent} % of the writing is unread, at {places}{others}. {ADVICE}"


def unread_on(lines: Sequence[tuple[Quads, Reading]], width: int, height: int) -> Unread:
    """What of a page's lines went unread.

    Args:
        lines: their boxes in pixels, and what was read in them.
        width: of the page, in pixels.
        height: likewise.
    """
    readings = [reading for _, reading in lines]
    if not is_unread(readings):
        return Unread()
    missed = [_box(quad) for quad, reading in lines if _columns_unread(reading) > SHARE * reading.ink.all]
    boxes = sorted(_joined(missed), key=lambda box: (box[1], box[0]))
    return Unread(
        round(sum(map(_columns_unread, readings)) / sum(reading.ink.all for reading in readings), 3),
        tuple(rounded((x0 / width, y0 / height, x1 / width, y1 / height)) for x0, y0, x1, y1 in boxes),
    )


def is_unread(readings: Collection[Reading]) -> bool:
    """Whether so much of some lines' writing went unread that it must be told."""
    total = sum(reading.ink.all for reading in readings)
    return sum(map(_columns_unread, readings)) >= max(LEAST, SHARE * total)


def _columns_unread(reading: Reading) -> int:
    return reading.ink.unread if reading.score >= READABLE else reading.ink.all


def _box(quad: Quads) -> Box:
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def _joined(boxes: Iterable[Box]) -> list[Box]:
    """Boxes of places: lines less than a line apart are one."""
    places: list[Box] = []
    for box in boxes:
        while near := next((place for place in places if _are_near(place, box)), None):
            places.remove(near)
            box = min(near[0], box[0]), min(near[1], box[1]), max(near[2], box[2]), max(near[3], box[3])
        places.append(box)
    return places


def _are_near(a: Box, b: Box) -> bool:
    line = min(a[2] - a[0], a[3] - a[1], b[2] - b[0], b[3] - b[1])
    across, down = max(a[0], b[0]) - min(a[2], b[2]), max(a[1], b[1]) - min(a[3], b[3])
    return max(across, down) < line


def is_hardly_read(quad: Quads, reading: Reading) -> bool:
    """Whether a reading is far too short for its box, as one in a script that the model does not know.

    Such a line can come out as a sure comma. A drawn rule may be a single dash, and is none.
    """
    import numpy as np

    sides = np.linalg.norm(quad[[1, 2]] - quad[[0, 1]], axis=1)
    expected = SPARSE * float(sides.max() / max(sides.min(), 1.0))
    return reading.score >= READABLE and len(reading.text) < expected and not RULES.issuperset(reading.text)
