"""The rows of a picture that is stored unpacked, or of a PNG, a few at a time, so that its pixels are never
held twice."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from typing import Any, NamedTuple

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

# Of a pixel, by the layout in which it is stored, as Pillow calls it.
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


_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Of a pixel, by the type of its colours.
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_COLOURS = (b"PLTE", b"tRNS")
# Chunks that may say how the picture is to be turned.
_TURNING = (b"eXIf", b"iTXt", b"zTXt", b"tEXt")
_BAND_BYTES = 1 << 20


@dataclass(frozen=True)
class PNGRows:
    """A PNG of 8 bits a sample that is stored from top to bottom.

    Example:
        >>> from io import BytesIO
        >>> file = BytesIO()
        >>> Image.linear_gradient("L").save(file, "PNG")
        >>> [band.size for band in rows_of(file.getvalue()).bands()]
        [(256, 256)]
    """

    width: int
    height: int
    header: bytes
    """What stands behind the size."""
    samples: int
    colours: bytes
    """Chunks that say what colours its numbers are."""
    stream: tuple[memoryview, ...]
    """The packed rows."""

    def bands(self) -> Iterator[Image.Image]:
        """The picture from top to bottom.

        Raises:
            ValueError: it ends before its last row.
        """
        length = 1 + self.width * self.samples
        above = bytes(length)
        rest = self.height
        for packed in self._parts(length * max(1, _BAND_BYTES // length)):
            rows = min(rest, len(packed) // length)
            if rows == 0:
                raise ValueError("it ends before its last row")
            band = self._decoded(above, packed, rows, length)
            above = b"\0" + band.crop((0, rows - 1, self.width, rows)).tobytes()
            rest -= rows
            yield band
            if not rest:
                return
        raise ValueError("it ends before its last row")

    def _parts(self, size: int) -> Iterator[bytes]:
        """The filtered rows, so many bytes at a time."""
        inflater = zlib.decompressobj()
        held = bytearray()
        for packed in self.stream:
            piece: bytes | memoryview = packed
            while piece and not inflater.eof:
                held += inflater.decompress(piece, size - len(held))
                piece = inflater.unconsumed_tail
                if len(held) == size:
                    yield bytes(held)
                    held.clear()
        if held:
            yield bytes(held)

    def _decoded(self, above: bytes, packed: bytes, rows: int, length: int) -> Image.Image:
        size = struct.pack(">II", self.width, rows + 1)
        packer = zlib.compressobj(0)
        stored = packer.compress(above) + packer.compress(packed[: rows * length]) + packer.flush()
        parts = (_chunk(b"IHDR", size + self.header), self.colours, _chunk(b"IDAT", stored), _chunk(b"IEND"))
        with PngImageFile(BytesIO(_SIGNATURE + b"".join(parts))) as image:
            image.load()
            band = image.crop((0, 1, self.width, rows + 1))
        band.info = dict(image.info)
        return band


def rows_of(data: bytes) -> PNGRows | None:
    """A PNG for its rows; None for one that is not stored plainly from the top, or may have to be turned.

    Example:
        >>> rows_of(b"GIF89a") is None
        True
    """
    chunks = list(_chunks(data)) if data.startswith(_SIGNATURE) else []
    if not chunks or chunks[0][0] != b"IHDR" or len(chunks[0][1]) != 13:
        return None
    width, height, depth, colours, *plain = struct.unpack(">IIBBBBB", chunks[0][1])
    names = {name for name, _ in chunks}
    if depth != 8 or colours not in _SAMPLES or any(plain) or not width or not height:
        return None
    if not names.isdisjoint(_TURNING) or (colours == 3 and b"PLTE" not in names):
        return None
    return PNGRows(
        width,
        height,
        bytes(chunks[0][1][8:]),
        _SAMPLES[colours],
        b"".join(_chunk(name, bytes(body)) for name, body in chunks if name in _COLOURS),
        tuple(body for name, body in chunks if name == b"IDAT"),
    )


def _chunks(data: bytes) -> Iterator[tuple[bytes, memoryview]]:
    place, view = len(_SIGNATURE), memoryview(data)
    while place + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        yield name, view[place + 8 : place + 8 + length]
        if name == b"IEND":
            return
        place += 12 + length


def _chunk(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
