"""Large pages for an engine that needs few of their pixels: in grey, smaller, and a band at a time."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from vlm_core.errors import ImageTooLargeError
from vlm_core.images.colour import is_deep, to_grey, to_rgb
from vlm_core.images.decode_limits import MOST_IN_COLOUR
from vlm_core.images.picture import UNNAMED, Bounds, Loaded, upright
from vlm_core.images.raw_rows import RawRows, raw_rows, rows_of
from vlm_core.images.resample import ScaledFrames, Size

if TYPE_CHECKING:
    from PIL import ImageFile

    from vlm_core.types import PageImage  # which loads pydantic; a worker does without

BAND_PIXELS = 1_000_000
MAX_ROW_BYTES = 300_000_000
"""Of a PNG's rows: 100 megapixels in colour."""
# Share of a side that is wanted from which a JPEG is decoded so small.
_ENOUGH = 0.8
_FILTER = Image.Resampling.HAMMING

_SIDEWAYS = frozenset(
    {
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
    }
)
# Turns that make the last row or column the first row.
_FROM_THE_END = frozenset(
    {
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.ROTATE_180,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
    }
)


def size_within(size: Size, most: int) -> Size:
    """A size of the same shape that has no more than so many pixels.

    Example:
        >>> size_within((100, 100), 2500), size_within((10, 10), 2500)
        ((50, 50), (10, 10))
    """
    scale = min(1.0, math.sqrt(most / (size[0] * size[1])))
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def upright_size(loaded: Loaded) -> Size:
    """The size of a frame once it is turned."""
    width, height = loaded.image.size
    return (height, width) if loaded.turn in _SIDEWAYS else (width, height)


def bands(loaded: Loaded) -> Iterator[Image.Image]:
    """A picture from top to bottom as it stands upright, a few rows at a time."""
    image, turn = loaded.image, loaded.turn
    width, height = image.size
    total = width if turn in _SIDEWAYS else height
    rows = max(1, BAND_PIXELS * total // (width * height))
    for first in range(0, total, rows):
        last = min(first + rows, total)
        start, end = (total - last, total - first) if turn in _FROM_THE_END else (first, last)
        box = (start, 0, end, height) if turn in _SIDEWAYS else (0, start, width, end)
        yield upright(image.crop(box), turn)


def scaled(parts: Iterator[Image.Image], size: Size, wanted: Size) -> Iterator[Image.Image]:
    """A grey picture made smaller a band at a time, with the same pixels as if it were made so at once.

    Args:
        parts: of it, each as wide as it is, from top to bottom.
        size: of it.
        wanted: in which it is to be.
    """
    if size == wanted:
        yield from parts
        return
    scale = size[1] / wanted[1]
    margin = math.ceil(scale) + 1
    rows = max(1, BAND_PIXELS // size[0])
    held, top = Image.new("L", (size[0], 0)), 0
    for first in range(0, wanted[1], rows):
        last = min(first + rows, wanted[1])
        begin, end = max(0, int(first * scale) - margin), min(size[1], math.ceil(last * scale) + margin)
        held, top = held.crop((0, begin - top, size[0], held.height)), begin
        while top + held.height < end:
            held = _below(held, next(parts))
        box = (0, first * scale - top, size[0], min(last * scale - top, held.height))
        yield held.resize((wanted[0], last - first), _FILTER, box)


def _below(upper: Image.Image, lower: Image.Image) -> Image.Image:
    both = Image.new("L", (upper.width, upper.height + lower.height))
    both.paste(upper)
    both.paste(lower, (0, upper.height))
    return both


def _grey(band: Image.Image) -> Image.Image:
    return to_grey(band) or to_rgb(band).convert("L")


@dataclass(frozen=True)
class Grey:
    """A large page, in grey."""

    size: Size
    bands: Iterator[Image.Image]
    """Of mode L, from top to bottom; they are made as they are asked for."""
    rotation: int = 0


class ReadFrames(ScaledFrames):
    """The frames of a file for an engine that needs few of their pixels.

    Args:
        most: pixels of a page at most; a larger one is made smaller.
    """

    def __init__(self, data: bytes, kind: str, source: str, most: int, bounds: Bounds | None = None) -> None:
        self._most = most
        super().__init__(data, kind, source, lambda size: size, bounds)

    def is_large(self, number: int) -> bool:
        """Whether a page is had in grey. Arguments and errors are those of `page`."""
        width, height = self.size(number)
        return width * height > min(MOST_IN_COLOUR, self._most)

    @contextmanager
    def grey(self, number: int) -> Iterator[Grey]:
        """A large page, as long as the statement lasts. Arguments and errors are those of `page`."""
        self._check_number(number)
        rows = rows_of(self._data or b"") if self._kind == "PNG" else None
        if rows is not None:
            size = rows.width, rows.height
            with self._typed_errors(number):
                self._check_size(size, number)
                self._check_rows(size[0] * size[1] * rows.samples, number)
                self._check_bytes(0, number)
                yield self._made(size, rows.bands())
            return
        if raw := self._raw(number):
            with self._typed_errors(number):
                self._check_bytes(0, number)
                yield self._made(raw.size, raw.bands())
            return
        with self.loaded(number) as loaded:
            # Of more than 8 bits a channel, the darkest and the brightest of the whole picture count.
            whole = (is_deep(loaded.image) and to_grey(loaded.image)) or loaded.image
            loaded = Loaded(whole, loaded.turn, loaded.rotation, is_original=False)
            yield self._made(upright_size(loaded), bands(loaded), loaded.rotation)

    def _raw(self, number: int) -> RawRows | None:
        """A page that stands in its file unpacked and upright."""
        with self._typed_errors(number), self._frame(number - 1) as image:
            self._check_size(image.size, number)
            raw = raw_rows(image, self._data or b"") if self._is_upright(image) else None
        self._image = cast("ImageFile.ImageFile", image)  # a single one is not put back by itself
        return raw

    def _check_bytes(self, needed: int, page: int | None = None) -> None:
        """The file itself is held twice, by this process and by the one that asks."""
        super()._check_bytes(needed + 2 * len(self._data or b""), page)

    def _check_rows(self, length: int, page: int) -> None:
        """Refuse what takes seconds to unpack."""
        if self._bounds.memory is not None and length > MAX_ROW_BYTES:
            name = self._source or UNNAMED
            message = f"{name} unpacks to {length / 1e6:.0f} MB, more than {MAX_ROW_BYTES / 1e6:.0f}"
            raise ImageTooLargeError(message, page=page, hint=self._bounds.hint)

    def _made(self, size: Size, parts: Iterator[Image.Image], rotation: int = 0) -> Grey:
        wanted = size_within(size, self._most)
        return Grey(wanted, scaled(map(_grey, parts), size, wanted), rotation)

    def page(self, number: int) -> PageImage:
        if not self.is_large(number):
            return super().page(number)
        from vlm_core.types import PageImage

        with self.grey(number) as grey:
            levels = b"".join(band.tobytes() for band in grey.bands)
            width, height = grey.size
        return PageImage.of_levels(
            levels,
            width,
            height,
            page_number=number,
            total_pages=self.total_pages,
            rotation=grey.rotation,
            source=self._source,
        )

    def _draft(self, image: Image.Image) -> None:
        """Have a large JPEG decoded no larger than it is wanted, without its colours."""
        if isinstance(image, JpegImageFile) and image.width * image.height > min(MOST_IN_COLOUR, self._most):
            width, height = size_within(image.size, self._most)
            image.draft("L", (math.ceil(width * _ENOUGH), math.ceil(height * _ENOUGH)))
