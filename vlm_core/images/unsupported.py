"""Whether a picture that Pillow cannot decode is whole, and of a kind that Pillow lacks.

Layouts are those of TIFF 6.0, its later compressions (Library of Congress, TIFF tag registry), BigTIFF,
and ITU-T T.81 (JPEG).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

# Of a TIFF's values: bytes, whole numbers and places in the file.
_TYPES = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
_BITS, _COMPRESSION, _COLOURS, _SAMPLES, _PLANES, _FORMAT = 258, 259, 262, 277, 284, 339
_STRIPS, _TILES, _TILE_WIDTH = (273, 279), (324, 325), 322
_APART = 2
_MOST_VALUES = 1_000_000

_COLOUR_NAMES = {
    0: "grey",
    1: "grey",
    2: "RGB",
    3: "colour map",
    5: "CMYK",
    6: "YCbCr",
    8: "CIELab",
    9: "ICCLab",
    10: "ITULab",
    32803: "camera sensor data",
    32844: "LogL",
    32845: "LogLuv",
}
# Those that the libtiff of Pillow's wheels may lack.
_COMPRESSION_NAMES = {
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "JPEG of a DNG",
    34933: "PNG",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_FORMAT_NAMES = {2: "signed", 3: "floating point", 5: "complex", 6: "complex"}

_LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
_HIERARCHICAL = {0xC5, 0xC6, 0xCD, 0xCE}
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_BARE = {0x01, *range(0xD0, 0xD9)}  # markers that nothing belongs to


def unsupported_layout(data: bytes, kind: str, frame: int, error: Exception) -> str | None:
    """What is special about a picture that could not be decoded although it is whole.

    Args:
        data: the file.
        kind: its format, as `sniff` calls it.
        frame: which of its frames could not be decoded, from 0.
        error: what Pillow raised.

    Returns:
        The layout in words, or None where the file is damaged or its layout is a usual one.

    Example:
        >>> lossless = b"\\xff\\xd8" + b"\\xff\\xc3\\0\\x0b\\x08\\0\\1\\0\\1\\1\\1\\x11\\0" + b"\\xff\\xd9"
        >>> unsupported_layout(lossless, "JPEG", 0, OSError())
        'lossless JPEG'
    """
    if kind == "TIFF":
        return _tiff_layout(data, frame, knows_layout=not isinstance(error, SyntaxError | TypeError))
    return _jpeg_layout(data) if kind == "JPEG" else None


def has_deep_planes(tags: Mapping[int, Any], tiles: Iterable[tuple[Any, ...]]) -> bool:
    """Whether an unpacked TIFF has more than 8 bits a sample, stored channel by channel.

    Args:
        tags: of a frame.
        tiles: how Pillow would decode it.

    Example:
        >>> has_deep_planes({258: (8, 8, 8), 277: 3, 284: 2}, [("raw", (0, 0, 1, 1), 8, ("R", 0, 1))])
        False
    """
    is_apart = tags.get(_PLANES) == _APART and tags.get(_SAMPLES, 1) > 1
    return is_apart and max(tags.get(_BITS, (1,))) > 8 and any(tile[0] == "raw" for tile in tiles)


def _jpeg_layout(data: bytes) -> str | None:
    position = 2
    while data[position : position + 1] == b"\xff" and position + 9 < len(data):
        marker = data[position + 1]
        if marker in _FRAMES:
            return (
                _jpeg_frame(marker, data[position + 4]) if data.rstrip(b"\0").endswith(b"\xff\xd9") else None
            )
        bare = marker in _BARE or marker == 0xFF
        position += (
            (1 if marker == 0xFF else 2) if bare else 2 + int.from_bytes(data[position + 2 : position + 4])
        )
    return None


def _jpeg_frame(marker: int, bits: int) -> str | None:
    if marker in _LOSSLESS:
        return "lossless JPEG"
    if marker in _HIERARCHICAL:
        return "hierarchical JPEG"
    return None if bits == 8 else f"JPEG of {bits} bits a sample"


def _tiff_layout(data: bytes, frame: int, *, knows_layout: bool) -> str | None:
    order = "<" if data[:2] == b"II" else ">"
    is_big = b"+" in data[2:4]
    try:
        tags = _directory(data, order, is_big, frame)
    except (struct.error, OverflowError, IndexError, ValueError):
        return None
    places, counts = (tags.get(tag, ()) for tag in (_TILES if _TILES[0] in tags else _STRIPS))
    if not places or any(a + b > len(data) for a, b in zip(places, counts, strict=False)):
        return None
    odd = list(_oddities(tags, order, is_big))
    return ", ".join([_samples(tags), *odd]) if odd or not knows_layout else None


def _samples(tags: Mapping[int, tuple[int, ...]]) -> str:
    bits = tags.get(_BITS, (1,))
    samples = tags.get(_SAMPLES, (len(bits),))[0]
    depth = f"{samples} × {bits[0]} bits" if samples > 1 else f"{bits[0]} bits"
    form = _FORMAT_NAMES.get(tags.get(_FORMAT, (1,))[0], "")
    colours = tags.get(_COLOURS, (1,))[0]
    return " ".join(filter(None, [depth, form, _COLOUR_NAMES.get(colours, f"colour space {colours}")]))


def _oddities(tags: Mapping[int, tuple[int, ...]], order: str, is_big: bool) -> Iterator[str]:
    """What makes a layout hard for a decoder, beside the samples themselves."""
    if is_big and order == ">":
        yield "big-endian BigTIFF"
    compression = tags.get(_COMPRESSION, (1,))[0]
    if compression in _COMPRESSION_NAMES:
        yield f"compressed with {_COMPRESSION_NAMES[compression]}"
    if _TILE_WIDTH in tags and _TILES[0] not in tags:
        yield "tiles stored as strips"
    samples = tags.get(_SAMPLES, (1,))[0]
    if samples > 1 and tags.get(_PLANES, (1,))[0] == 2:
        yield "a plane for each colour"


def _directory(data: bytes, order: str, is_big: bool, frame: int) -> dict[int, tuple[int, ...]]:
    """The tags of a frame that hold whole numbers.

    Raises:
        struct.error: the file ends too early.
        ValueError: there is no such frame.
    """
    first, count, entry, link = (8, "Q", 20, "Q") if is_big else (4, "H", 12, "I")
    (offset,) = struct.unpack_from(order + link, data, first)
    for _ in range(frame):
        (entries,) = struct.unpack_from(order + count, data, offset)
        (offset,) = struct.unpack_from(
            order + link, data, offset + struct.calcsize(order + count) + entries * entry
        )
    if not offset:
        raise ValueError
    (entries,) = struct.unpack_from(order + count, data, offset)
    start = offset + struct.calcsize(order + count)
    places = range(start, start + entries * entry, entry)
    return {tag: values for tag, values in (_tag(data, order, link, place) for place in places) if values}


def _tag(data: bytes, order: str, link: str, place: int) -> tuple[int, tuple[int, ...]]:
    tag, kind, count = struct.unpack_from(f"{order}HH{link}", data, place)
    if kind not in _TYPES or count > _MOST_VALUES:
        return tag, ()
    layout = f"{order}{count}{_TYPES[kind]}"
    inline = struct.calcsize(order + link)
    value_place = place + 4 + inline
    if struct.calcsize(layout) > inline:
        (value_place,) = struct.unpack_from(order + link, data, value_place)
    return tag, struct.unpack_from(layout, data, value_place)
