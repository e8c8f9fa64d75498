"""Fewer pixels: pictures made smaller, if possible while they are decoded."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from PIL import Image, ImageOps
from PIL.JpegImagePlugin import JpegImageFile

from vlm_core.images.colour import to_rgb
from vlm_core.images.picture import Bounds, FileFrames, upright

if TYPE_CHECKING:
    from PIL import ImageFile

    from vlm_core.types import PageImage

Size = tuple[int, int]

_FILTER = Image.Resampling.HAMMING
# From three times the wanted size on, pixels are averaged first, which is quicker and looks the same.
_GAP = 3.0

# Share of the wanted size from which a JPEG is decoded so small, and enlarged by that little. Reads as
# well, and takes half the time.
_ENOUGH = 8 / 9

# Formats whose decoders need no care when a frame is scaled before it is turned.
_SCALED_EARLY = frozenset({"JPEG", "PNG"})


def resized(image: Image.Image, size: Size) -> Image.Image:
    """The picture in another size; the very same object where it has that already.

    Example:
        >>> resized(Image.new("L", (4, 2)), (2, 1)).size
        (2, 1)
    """
    return image if image.size == size else image.resize(size, _FILTER, reducing_gap=_GAP)


def on_canvas(image: Image.Image, size: Size) -> Image.Image:
    """The picture in the top left corner of a white sheet; itself where the sheet has its size.

    Example:
        >>> on_canvas(Image.new("L", (2, 1)), (2, 2)).tobytes()
        b'\\x00\\x00\\xff\\xff'
    """
    if image.size == size:
        return image
    sheet = Image.new(image.mode, size, "white")
    sheet.paste(image)
    return sheet


def is_grey(image: Image.Image) -> bool:
    """Whether an RGB picture has no colour in it.

    Example:
        >>> is_grey(Image.new("RGB", (9, 9), "grey")), is_grey(Image.new("RGB", (9, 9), "red"))
        (True, False)
    """
    glance = image.resize((min(image.width, 64), min(image.height, 64)), Image.Resampling.NEAREST)
    return _channels_agree(glance) and _channels_agree(image)


def _channels_agree(image: Image.Image) -> bool:
    red, *others = (image.getchannel(channel).tobytes() for channel in range(3))
    return all(red == other for other in others)


def as_image(page: PageImage) -> Image.Image:
    """A page as a Pillow picture, of mode L if it has no colour.

    Example:
        >>> from vlm_core.types import PageImage
        >>> as_image(PageImage(pixels=b"\\x80" * 3, width=1, height=1)).mode
        'L'
    """
    size = page.width, page.height
    if page.levels is not None:
        return Image.frombytes("L", size, page.levels)
    return _grey_if_grey(Image.frombytes("RGB", size, page.pixels))


def _grey_if_grey(image: Image.Image) -> Image.Image:
    return image.getchannel(0) if image.mode == "RGB" and is_grey(image) else image


class ScaledFrames(FileFrames):
    """The frames of a file, made as small as they will be sent while they are decoded, where that saves work.

    Args:
        sent_size: the size in which a frame of a given size is sent.
    """

    def __init__(
        self,
        data: bytes,
        kind: str,
        source: str,
        sent_size: Callable[[Size], Size],
        bounds: Bounds | None = None,
    ) -> None:
        self._sent_size = sent_size
        super().__init__(data, kind, source, bounds)

    def size(self, number: int) -> Size:
        """Width and height of a frame as it is stored, which is not decoded for it.

        Arguments and errors are those of `page`.
        """
        self._check_number(number)
        with self._typed_errors(number), self._frame(number - 1) as stored:
            size = stored.size
        self._image = cast("ImageFile.ImageFile", stored)  # a single one is not put back by itself
        return size

    def image(self, number: int, size: Size | None = None) -> tuple[Image.Image, bool]:
        """One frame, upright and opaque, of mode L or RGB; and whether it was made smaller.

        Args:
            number: which one, from 1.
            size: in which it is sent, where that is known; errors are those of `page`.
        """
        self._check_number(number)
        with self._typed_errors(number), self._frame(number - 1) as stored:
            self._check_size(stored.size, number)
            if not self._is_plain(stored):
                self._check_memory(stored, number)
                loaded = self._loaded(stored, number)
                flat = loaded.image.convert("L") if stored.mode == "1" else to_rgb(loaded.image)
                return _grey_if_grey(upright(flat, loaded.turn)), False
            scaled = self._scaled(stored, size)
            with suppress(Exception):  # a damaged note says nothing of a turn
                ImageOps.exif_transpose(scaled, in_place=True)
            return _grey_if_grey(scaled), scaled is not stored

    def _is_plain(self, image: Image.Image) -> bool:
        plain = image.mode in ("L", "RGB") and not image.has_transparency_data
        return plain and self._kind in _SCALED_EARLY

    def _scaled(self, image: Image.Image, size: Size | None) -> Image.Image:
        size = size or self._sent_size(image.size)
        if isinstance(image, JpegImageFile):
            # The decoder leaves out what is not needed. It can halve, and halve again.
            image.draft(None, (math.ceil(size[0] * _ENOUGH), math.ceil(size[1] * _ENOUGH)))
        image.load()
        return resized(image, size)
