"""A page's pixels as the local engine holds them: once, in grey where they are many."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.images.decode_limits import MOST_IN_COLOUR
from vlm_core.types import PageImage

Pixels: TypeAlias = NDArray[np.uint8]
"""Height × width × 3, RGB, 8 bits; of a whole page also height × width, grey."""
TALL = 1.5
"""Height to width from which a box counts as tall; recognisers turn such a crop to the left."""


class Tile(NamedTuple):
    """A part of a picture, in pixels; x1 and y1 are outside."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def pixels(self) -> int:
        """Its area."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)


def pixels_of(page: PageImage) -> Pixels:
    """The pixels of a page, not copied unless it is large and in colour.

    Example:
        >>> pixels_of(PageImage.of_levels(bytes(6), 3, 2)).shape
        (2, 3)
    """
    shape = page.height, page.width
    if page.levels is not None:  # its pixels would be made for this alone
        return np.frombuffer(page.levels, np.uint8).reshape(shape)
    rgb = np.frombuffer(page.pixels, np.uint8).reshape(*shape, 3)
    return in_grey(rgb) if is_large(rgb) else rgb


def is_large(image: Pixels) -> bool:
    """Whether a page is looked at in grey, with care for memory.

    Example:
        >>> is_large(np.zeros((9000, 9000), np.uint8))
        True
    """
    return bool(image.shape[0] * image.shape[1] > MOST_IN_COLOUR)


def in_colour(part: Pixels) -> Pixels:
    """A part of a page with three channels, height × width × 3.

    Example:
        >>> in_colour(np.zeros((2, 3), np.uint8)).shape
        (2, 3, 3)
    """
    return part if part.ndim == 3 else np.asarray(cv2.cvtColor(part, cv2.COLOR_GRAY2RGB), np.uint8)


def in_grey(image: Pixels) -> Pixels:
    """A picture in grey, height × width.

    Example:
        >>> in_grey(np.zeros((2, 3, 3), np.uint8)).shape
        (2, 3)
    """
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def for_network(part: Pixels) -> Pixels:
    """A part of a page with its channels in the order in which the networks take them: blue first.

    Example:
        >>> for_network(np.array([[[1, 2, 3]]], np.uint8)).tolist()
        [[[3, 2, 1]]]
    """
    return part[:, :, ::-1]
