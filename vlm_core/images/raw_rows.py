"""The rows of a picture that is stored unpacked, a few at a time, so that its pixels are never held twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from PIL import Image

_BYTES = {
    layout: size
    for size, layouts in (
        (1, ("L",)),
        (3, ("RGB", "BGR")),
        (4, ("RGBA", "RGBX", "BGRA", "BGRX", "CMYK")),
        (6, ("RGB;16L", "RGB;16B")),
        (8, ("RGBA;16L", "RGBA;16B", "CMYK;16L", "CMYK;16B")),
    )
    for layout in layouts
}
"""Of a pixel, by the layout in which it is stored, as Pillow calls it."""
_BAND_PIXELS = 1_000_000


class _Strip(NamedTuple):
    """Rows that are stored one behind the other."""

    first: int
    last: int
    offset: int
    layout: str
    row_bytes: int
    direction: int
    """-1 where the lowest row comes first."""


@dataclass(frozen=True)
class RawRows:
    """A picture for its rows; what is said of it, such as a profile of its colours, goes with them."""

    mode: str
    size: tuple[int, int]
    info: dict[Any, Any]
    data: memoryview
    strips: Sequence[_Strip]

    def bands(self) -> Iterator[Image.Image]:
        """The picture from top to bottom.

        Raises:
            ValueError: it ends before its last row.
        """
        rows = max(1, _BAND_PIXELS // self.size[0])
        for strip in self.strips:
            for first in range(strip.first, strip.last, rows):
                yield self._decoded(strip, first, min(first + rows, strip.last))

    def _decoded(self, strip: _Strip, first: int, last: int) -> Image.Image:
        stored = (strip.last - last) if strip.direction < 0 else first - strip.first
        start = strip.offset + stored * strip.row_bytes
        part = self.data[start : start + (last - first) * strip.row_bytes]
        layout = strip.layout, strip.row_bytes, strip.direction
        band = Image.frombytes(self.mode, (self.size[0], last - first), part, "raw", *layout)
        band.info = dict(self.info)
        return band


def raw_rows(image: Image.Image, data: bytes) -> RawRows | None:
    """A picture for its rows; None where it is packed, or stored in tiles or channel by channel.

    Args:
        image: as it was opened, not yet loaded.
        data: its file.

    Example:
        >>> from io import BytesIO
        >>> from PIL.PpmImagePlugin import PpmImageFile
        >>> data = b"P6 1 2 255 abcdef"
        >>> [band.tobytes() for band in raw_rows(PpmImageFile(BytesIO(data)), data).bands()]
        [b'abcdef']
    """
    strips = [_strip(tile, image.size[0]) for tile in getattr(image, "tile", ())]
    known = sorted(strip for strip in strips if strip is not None)
    if not strips or len(known) < len(strips) or min(image.size) < 1:
        return None
    if known[0].first != 0 or known[-1].last != image.size[1]:
        return None
    if any(above.last != below.first for above, below in pairwise(known)):
        return None
    return RawRows(image.mode, image.size, dict(image.info), memoryview(data), known)


def _strip(tile: Any, width: int) -> _Strip | None:
    codec, (left, top, right, bottom), offset, args = tile
    if codec != "raw":
        return None
    layout, stride, direction = args if isinstance(args, tuple) else (args, 0, 1)
    if layout not in _BYTES or (left, right) != (0, width) or top >= bottom:
        return None
    return _Strip(top, bottom, offset, layout, stride or width * _BYTES[layout], direction)
