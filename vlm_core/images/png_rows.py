"""The rows of a PNG a few at a time, so that its pixels are never held together.

Pillow decodes a PNG as a whole. Here its stream is unpacked a part at a time, and each part becomes a PNG of
its own. The last row of the part before stands in front of it, because PNG's filters refer to the row above.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

from PIL import Image
from PIL.PngImagePlugin import PngImageFile

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
"""Of a pixel, by the type of its colours."""
_COLOURS = (b"PLTE", b"tRNS")
_TURNING = (b"eXIf", b"iTXt", b"zTXt", b"tEXt")
"""Chunks that may say how the picture is to be turned."""
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
