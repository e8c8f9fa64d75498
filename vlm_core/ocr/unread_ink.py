"""What of a page no character accounts for: how much of its writing, and where it stands."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

from vlm_core.types import Box, rounded

SHARE = 0.06
"""The share of a page's writing, or a line's, from which it is told that some is unread.

Pages in scripts that the model lacks have 0.11 and more, others 0.02 at most.
"""
LEAST = 3 * 48
"""Columns of a line 48 pixels high: about six letters, below which a page is not called partial."""
LITTLE, LITTLE_SHARE = 24, 0.15
"""Columns, and their share of the page's, from which a warning says that letters may be unread."""
NAMED = 3
"""Places that a warning names."""
ADVICE = (
    "Perhaps the local engine lacks the script, or the print is too faint: look at the page, or read it "
    "with a vision model"
)


class Ink(NamedTuple):
    """Columns of a line, 48 pixels high, that hold ink, and those of them that no character accounts for."""

    unread: int = 0
    all: int = 0


NO_INK = Ink()


class Unread(NamedTuple):
    """The share of a page's writing that went unread, and where it stands."""

    share: float = 0.0
    boxes: tuple[Box, ...] = ()
    advice: str = ""
    """What to do about it, where more is known than that."""

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
        return f"{percent} % of the writing is unread, at {places}{others}. {self.advice or ADVICE}"


def unread_on(writing: Sequence[tuple[Box, Ink]], width: int, height: int) -> Unread:
    """What of a page's writing went unread; nothing where that is too little to tell.

    Args:
        writing: where each line stands, in pixels, and its ink.
        width: of the page, in pixels.
        height: likewise.

    Example:
        >>> unread_on([((0, 0, 90, 10), Ink(300, 400)), ((0, 50, 90, 60), Ink(0, 600))], 100, 100)
        Unread(share=0.3, boxes=((0.0, 0.0, 0.9, 0.1),), advice='')
    """
    inks = [ink for _, ink in writing]
    if not is_unread(inks):
        return Unread()
    missed = _joined(place for place, ink in writing if ink.unread > SHARE * ink.all)
    return Unread(
        round(sum(ink.unread for ink in inks) / sum(ink.all for ink in inks), 3),
        tuple(
            rounded((x0 / width, y0 / height, x1 / width, y1 / height))
            for x0, y0, x1, y1 in sorted(missed, key=lambda box: (box[1], box[0]))
        ),
    )


def is_unread(inks: Collection[Ink]) -> bool:
    """Whether so much of some lines' ink went unread that it must be told."""
    return sum(ink.unread for ink in inks) >= max(LEAST, SHARE * sum(ink.all for ink in inks))


def is_little_unread(inks: Collection[Ink]) -> bool:
    """Whether a letter or more of a few words went unread: too little for a state, enough for a warning.

    Example:
        >>> is_little_unread([Ink(27, 130)]), is_little_unread([Ink(27, 900)])
        (True, False)
    """
    unread = sum(ink.unread for ink in inks)
    share = LITTLE_SHARE * sum(ink.all for ink in inks)
    return unread >= max(LITTLE, share) and not is_unread(inks)


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
