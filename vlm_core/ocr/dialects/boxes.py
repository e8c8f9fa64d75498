"""Boxes that models write, as fractions of the page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from vlm_core.types import Box


def fractions(box: Any, width: float, height: float) -> Box | None:
    """A box as fractions of a page; None where it is none.

    What lies outside the page is cut off, and corners that are swapped are put right.

    Args:
        box: what should be four numbers: left, top, right, bottom.
        width: of the page, in the same unit.
        height: likewise.

    Example:
        >>> fractions([0, 50, 1200, 100], 1000, 200)
        (0.0, 0.25, 1.0, 0.5)
        >>> fractions([0, 50, float("nan"), 100], 1000, 200) is None
        True
    """
    if not isinstance(box, (list, tuple)) or len(box) != 4 or not all(_is_number(side) for side in box):
        return None
    across = sorted(_within(side / width) for side in (box[0], box[2]))
    down = sorted(_within(side / height) for side in (box[1], box[3]))
    if across[0] == across[1] or down[0] == down[1]:
        return None
    return across[0], down[0], across[1], down[1]


def around(boxes: Iterable[Box]) -> Box | None:
    """The least box around some; None around none.

    Example:
        >>> around([(0.1, 0.1, 0.2, 0.2), (0.5, 0.0, 0.6, 0.1)])
        (0.1, 0.0, 0.6, 0.2)
    """
    corners = list(zip(*boxes, strict=True))
    if not corners:
        return None
    left, top, right, bottom = corners
    return min(left), min(top), max(right), max(bottom)


def _is_number(side: object) -> bool:
    if isinstance(side, bool) or not isinstance(side, (int, float)):
        return False
    return abs(side) < 1e9  # which NaN is not


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))
