"""Small pictures that ask for much time or memory."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import cache

from PIL import Image

SIDE = 13_342
"""Its square is 178 million pixels."""


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def zeros(count: int) -> bytes:
    """So many zero bytes, deflated; never held together."""
    packer, block = zlib.compressobj(9), bytes(1 << 20)
    parts = [packer.compress(block) for _ in range(count >> 20)]
    return b"".join([*parts, packer.compress(bytes(count & (1 << 20) - 1)), packer.flush()])


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(side: int, depth: int, colours: int, extra: bytes = b"", *, interlaced: bool = False) -> bytes:
    """A PNG that is black all over."""
    bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colours]
    head = struct.pack(">IIBBBBB", side, side, depth, colours, 0, 0, interlaced)
    body = zeros(side * (1 + -(-side * bits // 8)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + extra + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png_of_size(side: int) -> bytes:
    """A small PNG that says to be so large, and is not."""
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def tiff(side: int, samples: int, bits: int, photometric: int) -> bytes:
    """A TIFF of one strip, deflated, black or white all over."""
    body = zeros(side * -(-side * samples * bits // 8))
    entries = [
        (256, 3, 1, side),
        (257, 3, 1, side),
        (258, 3, 1, bits),
        (259, 3, 1, 8),
        (262, 3, 1, photometric),
    ]
    entries += [(273, 4, 1, 200), (277, 3, 1, samples), (278, 4, 1, side), (279, 4, 1, len(body))]
    if samples > 1:
        entries[2] = (258, 3, samples, 180)
    packed = b"".join(
        struct.pack("<HHIHH", tag, kind, count, value, 0)
        if kind == 3 and count == 1
        else struct.pack("<HHII", tag, kind, count, value)
        for tag, kind, count, value in entries
    )
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + packed + bytes(4)
    return head.ljust(180, b"\0") + struct.pack("<4H", *[bits] * 4).ljust(20, b"\0") + body


def unpacked_tiff(side: int, samples: int, bits: int, photometric: int, *, planes: bool = False) -> bytes:
    """A TIFF that is stored as it is, white all over; its samples plane by plane if that is asked for."""
    count = samples if planes else 1
    length = side * side * samples * bits // 8
    each, places = length // count, 512
    strips = struct.pack(f"<{2 * count}I", *(places + n * each for n in range(count)), *[each] * count)
    head = 10 + 12 * 10 + 4
    entries = [
        (256, 3, 1, side),
        (257, 3, 1, side),
        (258, 3, samples, bits if samples == 1 else head),
        (259, 3, 1, 1),
        (262, 3, 1, photometric),
        (273, 4, count, places if count == 1 else head + 8),
        (277, 3, 1, samples),
        (278, 3, 1, side),
        (279, 4, count, each if count == 1 else head + 8 + 4 * count),
        (284, 3, 1, 2 if planes else 1),
    ]
    tags = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    start = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + tags + bytes(4)
    start += struct.pack("<4H", *[bits] * 4) + strips
    return start.ljust(places, b"\0") + (b"\0" if photometric == 5 else b"\xff") * length


def unpacked_bmp(side: int) -> bytes:
    """A bitmap in colour that is stored as it is, white all over."""
    row = -(-side * 3 // 4) * 4
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + row * side, 0, 0, 54) + header + b"\xff" * (row * side)


def gif(side: int, frames: int) -> bytes:
    """A GIF of a large screen and frames of one dot."""
    dot = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0x80, 0, 0) + bytes(6) + dot * frames + b";"


def webp(side: int, frames: int) -> bytes:
    """An animation on a large canvas, each frame of which is a dot."""
    dot = saved(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    size = (side - 1).to_bytes(3, "little")
    frame = b"ANMF" + struct.pack("<I", 16 + len(dot)) + bytes(12) + (40).to_bytes(3, "little") + b"\0" + dot
    body = b"WEBPVP8X" + struct.pack("<IB3x", 10, 2) + size + size + b"ANIM" + struct.pack("<I", 6) + bytes(6)
    body += frame * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bmp(side: int, depth: int) -> bytes:
    """A bitmap whose lines are packed to nothing."""
    palette = bytes(4 << depth)
    header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, depth, 1 if depth == 8 else 2, 2, 0, 0, 0, 0)
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + 2, 0, 0, start) + header + palette + b"\0\1"


def scans_again(jpeg: bytes, times: int) -> bytes:
    """A JPEG whose last scan comes again and again."""
    starts = [found.start() for found in re.finditer(b"\xff\xda", jpeg)]
    return jpeg[: starts[-1]] + jpeg[starts[-1] : -2] * times + b"\xff\xd9"


def progressive(side: int) -> bytes:
    return saved(Image.new("RGB", (side, side), "teal"), "JPEG", progressive=True, quality=30)


def directories(count: int) -> bytes:
    """A TIFF of so many directories, each empty, one behind the other."""
    parts = (struct.pack("<HI", 0, 8 + 6 * (number + 1)) for number in range(count - 1))
    return b"II*\0\x08\0\0\0" + b"".join(parts) + struct.pack("<HI", 0, 0)


def many_tags(count: int) -> bytes:
    """A TIFF whose directory is full of tags, each of which has the whole file for its value."""
    size = 14 + 12 * count
    tags = b"".join(struct.pack("<HHII", 40_000 + n % 9000, 1, size, 0) for n in range(count))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", count) + tags + bytes(4)


MANY: dict[str, Callable[[], bytes]] = {
    "a JPEG of 1,000 scans": lambda: scans_again(progressive(3000), 1000),
    "a JPEG of 1,000 scans, grey": lambda: scans_again(
        saved(Image.new("L", (4000, 4000), "grey"), "JPEG", progressive=True), 1000
    ),
    "a JPEG of 80 scans and 49 megapixels": lambda: scans_again(progressive(7000), 80),
    "a JPEG that is not progressive, of 2,000 scans": lambda: scans_again(
        saved(Image.new("L", (2000, 2000), "grey"), "JPEG"), 2000
    ),
    "a PBM of comments": lambda: b"P1\n" + b"#\n" * 300_000 + b"1 1\n0",
    "a PGM of one comment": lambda: b"P5\n#" + b"x" * 900_000 + b"\n1 1 255\n\0",
    "a PPM of blanks": lambda: b"P6\n" + b" " * 900_000 + b"1 1 255\n\0\0\0",
    "a PBM with comments among its dots": lambda: b"P1\n900 900\n" + b"#\n0" * 400_000,
    "a JPEG of 80 scans and 16 megapixels": lambda: scans_again(progressive(4000), 70),
    "a PPM in numbers": lambda: b"P3\n1700 1700\n255\n" + b"7 " * 8_670_000,
    "a TIFF of 170,000 directories": lambda: directories(170_000),
    "a TIFF of 9,000 directories": lambda: directories(9_000),
    "a TIFF of tags": lambda: many_tags(20_000),
    "a GIF of 50,000 frames": lambda: gif(1, 50_000),
    "a GIF of 9,000 frames on a large screen": lambda: gif(7000, 9000),
    "a WebP of 11,000 frames": lambda: webp(1, 11_000),
    "a PNG of 200,000 chunks": lambda: png(8, 8, 2, chunk(b"teXt", b"a\0b") * 200_000),
    "a PNG of packed notes": lambda: png(8, 8, 2, chunk(b"zTXt", b"a\0\0" + zeros(60 << 20)) * 40),
}
"""Files that keep a decoder busy."""

LARGE: dict[str, Callable[[], bytes]] = {
    "a PNG of one bit": lambda: png(SIDE, 1, 0),
    "a PNG in grey": lambda: png(SIDE, 8, 0),
    "a PNG in deep grey": lambda: png(SIDE, 16, 0),
    "a PNG in colour": lambda: png(SIDE, 8, 2),
    "a PNG in deep colour, see-through": lambda: png(9000, 16, 6),
    "a PNG of a palette, see-through": lambda: png(
        SIDE, 8, 3, chunk(b"PLTE", bytes(768)) + chunk(b"tRNS", bytes(256))
    ),
    "a PNG in passes": lambda: png(12_000, 8, 4, interlaced=True),
    "a TIFF of one bit": lambda: tiff(SIDE, 1, 1, 0),
    "a TIFF in colour": lambda: tiff(SIDE, 3, 8, 2),
    "a TIFF of inks": lambda: tiff(10_000, 4, 8, 5),
    "a TIFF in deep grey": lambda: tiff(SIDE, 1, 16, 1),
    "a GIF of a large screen": lambda: gif(9000, 2),
    "a WebP of a large canvas": lambda: webp(13_000, 2),
    "a bitmap of 8 bits": lambda: bmp(SIDE, 8),
    "a bitmap of 4 bits": lambda: bmp(SIDE, 4),
    "a JPEG in 90 megapixels, progressive": lambda: progressive(9500),
}
"""Files that would unpack to gigabytes."""

_EVERY = MANY | LARGE


@cache
def made(name: str) -> bytes:
    return _EVERY[name]()


def names_of(pictures: dict[str, Callable[[], bytes]]) -> Sequence[str]:
    return list(pictures)
