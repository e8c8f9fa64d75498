"""Any of Pillow's modes to opaque 8-bit RGB.

No colour management but for CMYK, whose inks mean little without their profile: all else is
taken as sRGB, as every vision model takes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from typing import cast

from PIL import Image, ImageCms, ImageOps

_DEEP = frozenset({"I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
_COLOUR_MAP = 320
_BAND_PIXELS = 1_000_000


def to_rgb(image: Image.Image) -> Image.Image:
    """The picture as it would print on white paper, in RGB.

    Args:
        image: a picture of any mode, already loaded; it stays as it is.

    Returns:
        The same picture in mode RGB; the very same object where it is that already.

    Raises:
        ValueError: floating-point pixels are infinite or no numbers.

    Example:
        >>> to_rgb(Image.new("LA", (1, 1), (0, 51))).getpixel((0, 0))
        (204, 204, 204)
    """
    if image.mode in _DEEP:
        return _shallow(image).convert("RGB")
    if image.mode == "P" and (palette := _shallow_palette(image)):
        image = image.copy()
        image.putpalette(palette)
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode == "CMYK":
        return _printed(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def is_deep(image: Image.Image) -> bool:
    """Whether a picture has more than 8 bits a channel, which are told by its darkest and brightest ones."""
    return image.mode in _DEEP


def to_grey(image: Image.Image) -> Image.Image | None:
    """The picture in mode L where it has no colour by its mode, and is opaque; None for others.

    Args:
        image: a picture of any mode, already loaded; it stays as it is.

    Raises:
        ValueError: as `to_rgb` says.

    Example:
        >>> to_grey(Image.new("1", (1, 1), 1)).getpixel((0, 0)), to_grey(Image.new("RGB", (1, 1)))
        (255, None)
    """
    if image.mode in _DEEP:
        return _shallow(image)
    if image.mode not in ("1", "L") or image.has_transparency_data:
        return None
    return image if image.mode == "L" else image.convert("L")


def _on_white(image: Image.Image) -> Image.Image:
    # Pillow has no way from premultiplied grey to RGBA but over LA.
    rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
    alpha = rgba.getchannel("A")
    if alpha.getextrema() == (255, 255):
        return rgba.convert("RGB")
    white = Image.new("RGB", rgba.size, "white")
    white.paste(rgba, mask=alpha)
    return white


def _printed(image: Image.Image) -> Image.Image:
    if profile := image.info.get("icc_profile"):
        # A damaged profile, or one for other channels, is as good as none.
        with suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):
            srgb = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, BytesIO(profile), srgb, outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")


def _shallow_palette(image: Image.Image) -> bytes:
    """The colours of a TIFF whose colour map has values of 8 bits, where the format wants 16; else none.

    Pillow takes the upper 8 bits, which are 0. libtiff's tools take such a map for what it is.
    """
    values = getattr(image, "tag_v2", {}).get(_COLOUR_MAP, ())
    if not values or max(values) > 0xFF:
        return b""
    count = len(values) // 3
    return bytes(channel for colour in range(count) for channel in values[colour::count])


def _shallow(image: Image.Image) -> Image.Image:
    """16-bit, 32-bit and floating-point greys in 8 bits."""
    low, high = _levels(image)
    scale = 255 / ((high - low) or 1)
    offset = 0.5 - low * scale
    grey = Image.new("L", image.size)
    for top, deep in _deep_bands(image):
        grey.paste(deep.point(lambda value: value * scale + offset).convert("L"), (0, top))
    # Pillow turns the tones of a TIFF whose zero is white only where it has 8 bits or fewer.
    tags = getattr(image, "tag_v2", {})
    return ImageOps.invert(grey) if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else grey


def _deep_bands(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """A picture in floating point from top to bottom, for all of it would take four bytes a pixel."""
    rows = max(1, _BAND_PIXELS // max(1, image.width))
    for top in range(0, image.height, rows):
        bottom = min(top + rows, image.height)
        yield top, image.crop((0, top, image.width, bottom)).convert("F")


def _levels(image: Image.Image) -> tuple[float, float]:
    """The values that become black and white.

    A picture of whole numbers that never sets the highest of its 16 bits has fewer, 12 say, or is
    far too dark to read: its own brightest value becomes white.
    """
    found = [deep.getextrema() for _, deep in _deep_bands(image)]
    low, high = (
        choose(cast("float", each[place]) for each in found) for place, choose in enumerate((min, max))
    )
    if not all(math.isfinite(cast("float", value)) for each in found for value in each):
        raise ValueError("its pixels hold values that are infinite or no numbers")
    if image.mode == "F":
        return low, high
    return min(low, 0), 0xFFFF if 0x8000 <= high <= 0xFFFF else high
