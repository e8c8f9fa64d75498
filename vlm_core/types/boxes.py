"""Where things stand: boxes as fractions of a page."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

Box: TypeAlias = tuple[float, float, float, float]


_BOX_DIGITS = 5


def rounded(box: Box) -> Box:
    """A box with as many digits as tell pixels apart, and none that arithmetic has left.

    Example:
        >>> rounded((0.2, 0.1, 0.1 + 0.2, 0.4))
        (0.2, 0.1, 0.3, 0.4)
    """
    x0, y0, x1, y1 = box
    return round(x0, _BOX_DIGITS), round(y0, _BOX_DIGITS), round(x1, _BOX_DIGITS), round(y1, _BOX_DIGITS)


def union(boxes: Iterable[Box]) -> Box:
    """The box around one box or more.

    Example:
        >>> union([(0.1, 0.1, 0.2, 0.2), (0.3, 0.0, 0.4, 0.1)])
        (0.1, 0.0, 0.4, 0.2)
    """
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


class PageBox(NamedTuple):
    """A place in a document.

    Example:
        >>> PageBox(3, (0.1, 0.2, 0.9, 0.4)).page_number
        3
    """

    page_number: int
    bbox: Box


def boxes_in_words(boxes: Iterable[PageBox]) -> str:
    """Places as one line of text has them, for metadata.

    Example:
        >>> boxes_in_words([PageBox(3, (0.1, 0.2, 0.9, 0.4))])
        '3:0.1000,0.2000,0.9000,0.4000'
    """
    return ";".join(f"{page}:{','.join(f'{edge:.4f}' for edge in bbox)}" for page, bbox in boxes)
