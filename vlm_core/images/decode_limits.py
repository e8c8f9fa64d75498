"""What decoding a picture may take: checked by its first bytes and structure, before any of it is done."""

from __future__ import annotations

import re
from collections.abc import Callable

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from vlm_core.errors import CorruptImageError, DecompressionBombError, ImageTooLargeError
from vlm_core.images.sniff import tiff_value_sizes

MAX_FRAMES = 10_000
"""Of one file."""
MAX_ALL_PIXELS = 2_000_000_000
"""Of all frames of a file together, for which a large file may have more."""
_PIXELS_PER_BYTE = 1000
MAX_SCANS = 100
"""Of one JPEG. An encoder that saves every bit of every coefficient by itself makes about 60."""
MAX_SCANNED_PIXELS = 1_500_000_000
"""Of one JPEG, a pixel counted once for each scan. A progressive one has about 10 scans."""
MAX_PLAIN_BYTES = 8 << 20
"""Of a PPM whose numbers are written out, which are read one by one."""
MAX_COMMENTS = 1000
"""Of such a one."""

MAX_TAGS = 1_000_000
"""Of all directories of a TIFF."""

MOST_IN_COLOUR = 16_000_000
"""Pixels of a page that an OCR engine looks at in colour. A larger one is read as well in grey, in a third of
the memory."""
READING_BYTES = 220_000_000
"""Of memory to decode a page for an engine that needs few pixels, and for its file in both processes: 40
megapixels in colour of a packed file, 36 of an unpacked one."""

_HEADER_BYTES = 1 << 16
_START_OF_SCAN = b"\xff\xda"
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # not a stuffed byte, nor a restart
_PPM_BETWEEN = rb"(?:\s++|#[^\r\n]*+(?:[\r\n]|\Z))++"
_PPM_HEADER = {
    kind: re.compile(rb"P[1-6](?:%b[0-9.+-]{1,10}+){%d}" % (_PPM_BETWEEN, tokens))
    for kind, tokens in ((b"P1", 2), (b"P4", 2), (b"P2", 3), (b"P3", 3), (b"P5", 3), (b"P6", 3))
}
_SAVE_ANEW = "Open it in a picture editor and save it anew."
_PIXEL_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
_ANY_PIXEL_BYTES = 4
# Modes that become grey.
_GREY = frozenset({"1", "L", "I;16", "I;16B", "I;16L", "I;16N", "I", "F"})
# Of memory for a pixel, besides those of the picture that comes out.
_DECODERS_OWN_BYTES = {"WEBP": 8, "AVIF": 6, "HEIF": 6}


def check_work(data: bytes, kind: str, name: str) -> None:
    """Refuse a file that is made to keep a decoder busy.

    Args:
        data: the file.
        kind: its format, as `sniff` calls it.
        name: what to call it in errors.

    Raises:
        ImageTooLargeError: it has more scans, or more numbers, than a picture has.
        CorruptImageError: its header has no end within reach.

    Example:
        >>> check_work(b"P1 1 1 0", "PPM", "dot.pbm")
    """
    check = _CHECKS.get(kind)
    if check is not None:
        check(data, name)


def _check_scans(data: bytes, name: str) -> None:
    if data.count(_START_OF_SCAN) > MAX_SCANS and (scans := jpeg_scans(data)) > MAX_SCANS:
        message = f"{name} is a JPEG of {scans} scans, more than {MAX_SCANS}"
        raise ImageTooLargeError(message, hint=_SAVE_ANEW)


def check_scanned_pixels(data: bytes, size: tuple[int, int], name: str) -> None:
    """Refuse a JPEG that goes over many pixels many times.

    Raises:
        ImageTooLargeError: it goes over more than `MAX_SCANNED_PIXELS`.
    """
    pixels = size[0] * size[1]
    if data.count(_START_OF_SCAN) * pixels <= MAX_SCANNED_PIXELS:
        return
    if (scans := jpeg_scans(data)) > 1 and scans * pixels > MAX_SCANNED_PIXELS:
        message = f"{name} is a JPEG of {scans} scans over {pixels / 1e6:.0f} megapixels, too much work"
        raise ImageTooLargeError(message, hint=_SAVE_ANEW)


def jpeg_scans(data: bytes) -> int:
    """How many scans a JPEG has, up to its end; what stands behind it, or in its notes, does not count.

    Example:
        >>> jpeg_scans(b"\\xff\\xd8\\xff\\xe1\\0\\4\\xff\\xda\\xff\\xda\\0\\2..\\xff\\0.\\xff\\xd9\\xff\\xda")
        1
    """
    scans, position = 0, 2
    while found := _MARKER.search(data, position):
        marker, position = data[found.start() + 1], found.end()
        if marker == 0xD9:
            break
        scans += marker == 0xDA
        position += int.from_bytes(data[position : position + 2])
    return scans


def _check_header(data: bytes, name: str) -> None:
    pattern = _PPM_HEADER.get(data[:2])
    if len(data) > _HEADER_BYTES and pattern and not pattern.match(data[:_HEADER_BYTES]):
        message = f"{name} has a header of more than {_HEADER_BYTES} bytes"
        raise CorruptImageError(message, hint=_SAVE_ANEW)
    if data[:2] not in (b"P1", b"P2", b"P3"):
        return
    if (comments := data.count(b"#")) > MAX_COMMENTS:
        message = f"{name} has {comments} comments, more than {MAX_COMMENTS}"
        raise CorruptImageError(message, hint=_SAVE_ANEW)
    if len(data) > MAX_PLAIN_BYTES:
        message = f"{name} is written in numbers of {len(data)} bytes, more than {MAX_PLAIN_BYTES}"
        raise ImageTooLargeError(message, hint=_SAVE_ANEW)


def _check_tags(data: bytes, name: str) -> None:
    """Each value of a directory has bytes of its own, so that together they are no longer than the file."""
    tags = 0
    for sizes in tiff_value_sizes(data):
        tags += len(sizes)
        if tags > MAX_TAGS or sum(sizes) > 4 * len(data):  # four, for a file may have been cut short
            message = f"{name} is a TIFF whose tags hold more than the file itself"
            raise CorruptImageError(message, hint=_SAVE_ANEW)


_CHECKS: dict[str, Callable[[bytes, str], None]] = {
    "JPEG": _check_scans,
    "PPM": _check_header,
    "TIFF": _check_tags,
}


def check_length(length: int, name: str) -> None:
    """Refuse a file that is too long for an engine that needs few of its pixels.

    Raises:
        ImageTooLargeError: two of it would take more than `READING_BYTES`.
    """
    if 2 * length > READING_BYTES:
        message = f"{name} has {length / 1e6:.0f} MB, more than {READING_BYTES / 2e6:.0f}"
        raise ImageTooLargeError(message, hint="If you trust the file, pass trusted=True.")


def check_frames(frames: int, name: str) -> None:
    """Refuse a file of more frames than are read.

    Raises:
        ImageTooLargeError: it has more than `MAX_FRAMES`.
    """
    if frames > MAX_FRAMES:
        raise ImageTooLargeError(
            f"{name} has {frames} frames, more than {MAX_FRAMES}", hint="Cut it into several files."
        )


def check_all_pixels(frames: int, size: tuple[int, int], length: int, name: str) -> None:
    """Refuse a small file of very many pixels in all its frames together.

    Raises:
        DecompressionBombError: they are more than 2 billion and 1,000 for each byte.

    Example:
        >>> check_all_pixels(2000, (2480, 3508), 60_000_000, "two thousand faxes.tif")
    """
    if frames * size[0] * size[1] > MAX_ALL_PIXELS + _PIXELS_PER_BYTE * length:
        raise DecompressionBombError(
            f"{name} has {frames} frames of {size[0]} × {size[1]} pixels in {length} bytes, which is too much"
        )


def decoding_bytes(image: Image.Image, kind: str, stored: tuple[int, int] | None = None) -> int:
    """About how many bytes of memory it takes to decode a picture that is open, or to hold it then.

    Args:
        image: as it was opened, not yet loaded.
        kind: its format, as `sniff` calls it.
        stored: its size, where it is decoded smaller than it is stored.

    Example:
        >>> decoding_bytes(Image.new("RGB", (10, 10)), "PNG")
        400
    """
    own = _DECODERS_OWN_BYTES.get(kind, 0)
    coefficients = 0.0
    if isinstance(image, JpegImageFile) and image.info.get("progressive"):
        width, height = stored or image.size
        coefficients = 2 * _samples(image) * width * height  # all are held until the last scan
    decoded = _PIXEL_BYTES.get(image.mode, _ANY_PIXEL_BYTES) + own
    held = 1 if image.mode in _GREY else 3
    return int(image.width * image.height * max(decoded, held) + coefficients)


def _samples(image: JpegImageFile) -> float:
    """How many samples a JPEG has for each pixel, of all its channels."""
    layers = [(across, down) for _, across, down, _ in image.layer]
    widest = max((across for across, _ in layers), default=1) * max((down for _, down in layers), default=1)
    return sum(across * down for across, down in layers) / (widest or 1)
