"""Pixels to a file: which format, at which quality, and, where bytes are short, in which size.

A sample of the rows tells what each way would give, so that a large picture is encoded once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

from PIL import Image, ImageChops

from vlm_core.completion import EncodedImage
from vlm_core.errors import ConfigError
from vlm_core.images.resample import resized

Size = tuple[int, int]

READABLE_PIXELS = 2_000_000
"""No picture is shrunk below this for its bytes. An A4 page then has 145 dpi: of a noisy one in 6 points the
local engine still reads 0.998 of the words, and next to nothing with a quarter less."""

_GREYS = 16
_STRIPS, _STRIP_ROWS = 10, 16
# Pixels of which writing them twice is cheaper than thinking about it.
_SMALL = 1 << 16
_GOLDEN = (math.sqrt(5) - 1) / 2
# A picture in which fewer pixels than this share equal their neighbour is not tried as PNG.
_FLAT = 0.3
# A way is tried if it is predicted to miss the wanted bytes by less than this factor.
_SURE = 1.15
# By how much fewer pixels each attempt takes than are thought to fit; the last one takes the fewest.
_CAUTION = (1.0, 0.95, 0.8, 0.0)


@dataclass(frozen=True)
class Writer:
    """One way to write a picture.

    Example:
        >>> Writer("png").write(Image.new("L", (1, 1)))[:4]
        b'\\x89PNG'
    """

    format: str
    options: Mapping[str, Any] = field(default_factory=dict)
    few_greys: bool = False
    """Greys are rounded to 16 levels first."""

    def write(self, image: Image.Image) -> bytes:
        """The picture, of mode L or RGB, as a file."""
        if self.few_greys:
            image = image.point(_ROUNDED)
        options = dict(self.options)
        if self.format == "png" and image.mode == "L":
            image, extra = _indexed(image)
            options |= extra
        buffer = BytesIO()
        image.save(buffer, self.format, **options)
        return buffer.getvalue()


_ROUNDED = [round(level * (_GREYS - 1) / 255) * 255 // (_GREYS - 1) for level in range(256)]
_RUN_LENGTHS = 3  # the search for repeats left out: blurred letters have none, and it takes half the time
_FULL_COLOUR, _HALVED_COLOUR = 0, 2

_PNG = Writer("png", {"compress_level": 3})
_PNG_FEW_GREYS = Writer("png", {"compress_type": _RUN_LENGTHS}, few_greys=True)
# From the best to the last resort, which is used only where the picture cannot be made smaller either.
_LADDERS = {
    "jpeg": (
        Writer("jpeg", {"quality": 85, "subsampling": _FULL_COLOUR}),  # thin coloured letters stay sharp
        Writer("jpeg", {"quality": 75, "subsampling": _HALVED_COLOUR}),
        Writer("jpeg", {"quality": 60, "subsampling": _HALVED_COLOUR}),
    ),
    "webp": tuple(Writer("webp", {"quality": quality, "method": 2}) for quality in (82, 72, 55)),
}


def _indexed(image: Image.Image) -> tuple[Image.Image, dict[str, Any]]:
    """A grey picture of few levels with 1, 2 or 4 bits a pixel, any other one as it is."""
    levels = [level for level, count in enumerate(image.histogram()) if count]
    if len(levels) > _GREYS:
        return image, {}
    places = {level: place for place, level in enumerate(levels)}
    indexed = image.point([places.get(level, 0) for level in range(256)])
    indexed.putpalette([channel for level in levels for channel in (level,) * 3])
    return indexed, {"bits": next(bits for bits in (1, 2, 4) if len(levels) <= 1 << bits)}


def compressed(
    image: Image.Image,
    formats: Collection[str],
    *,
    sized: Callable[[int], Size],
    target_bytes: int | None = None,
    is_scaled: bool = False,
) -> EncodedImage:
    """Write a picture: without loss where that is smaller, for the rest as JPEG.

    Quality gives way first, then size; both only as far as small print stays readable.

    Args:
        image: of mode L or RGB.
        formats: that may be used.
        sized: the size that the picture gets when it may have so many pixels.
        target_bytes: of the file; it is missed where the picture would become unreadable.
        is_scaled: that the pixels are not the original's own, so that greys may be rounded.

    Raises:
        ConfigError: none of the formats can be written.

    Example:
        >>> page = Image.new("L", (80, 60), "white")
        >>> compressed(page, {"png", "jpeg"}, sized=lambda pixels: page.size)
        EncodedImage(format='png', width=80, height=60)
    """
    sample = _Sample(image)
    rungs, last = _ladder(sample, formats, is_scaled=is_scaled)
    best = None
    for rung in rungs:
        if target_bytes is None or sample.predicted(rung) < target_bytes * _SURE:
            best = _written(image, rung)
            if len(best.data) <= (target_bytes or len(best.data)):
                return best
    assert target_bytes is not None
    shrunk = _shrunk(image, sample, rungs[-1], sized, target_bytes)
    if len(shrunk.data) <= target_bytes:
        return shrunk
    final = _written(resized(image, (shrunk.width, shrunk.height)), last)
    return min(filter(None, (final, shrunk, best)), key=lambda way: len(way.data))


class _Sample:
    """Some rows of a picture, from all over it."""

    def __init__(self, image: Image.Image) -> None:
        rows = _STRIPS * _STRIP_ROWS
        self.image = image if image.height < 2 * rows else _strips(image)
        self._share = self.image.height / image.height
        self._predicted: dict[tuple[str, float], float] = {}

    def predicted(self, writer: Writer, scale: float = 1.0) -> float:
        """Bytes that all of the picture would take, its sides scaled."""
        key = repr(writer), scale
        if key not in self._predicted:
            width, height = (max(1, round(side * scale)) for side in self.image.size)
            self._predicted[key] = len(writer.write(resized(self.image, (width, height)))) / self._share
        return self._predicted[key]

    def may_be_flat(self) -> bool:
        """Whether there are areas of one colour, as in drawings, screens and clean scans, or all is small."""
        if self.image.width * self.image.height < _SMALL:
            return True
        grey = self.image.convert("L")
        changes = ImageChops.difference(grey, ImageChops.offset(grey, 1, 0)).histogram()
        return changes[0] >= _FLAT * sum(changes)


def _strips(image: Image.Image) -> Image.Image:
    sample = Image.new(image.mode, (image.width, _STRIPS * _STRIP_ROWS))
    for strip in range(_STRIPS):
        # Never at equal distances, which might be those of the lines of text.
        top = int(strip * _GOLDEN % 1 * (image.height - _STRIP_ROWS))
        rows = image.crop((0, top, image.width, top + _STRIP_ROWS))
        sample.paste(rows, (0, strip * _STRIP_ROWS))
    return sample


def _ladder(
    sample: _Sample, formats: Collection[str], *, is_scaled: bool
) -> tuple[tuple[Writer, ...], Writer]:
    """The ways to write a picture, the best one first, and the last resort."""
    lossless = _lossless(sample.image, is_scaled=is_scaled) if "png" in formats else ()
    lossy = next((ladder for kind, ladder in _LADDERS.items() if kind in formats), ())
    if not lossy or not lossless:
        rungs = lossless or lossy[:-1]
        if not rungs:
            raise _no_format(formats)
        return rungs, (lossless or lossy)[-1]
    if not sample.may_be_flat() or sample.predicted(_PNG) > sample.predicted(lossy[0]):
        return lossy[:-1], lossy[-1]
    return (lossless if sample.image.mode == "L" else lossless + lossy[:-1]), lossy[-1]


def _lossless(image: Image.Image, *, is_scaled: bool) -> tuple[Writer, ...]:
    if image.mode != "L":
        return (_PNG,)
    return (_PNG_FEW_GREYS,) if is_scaled else (_PNG, _PNG_FEW_GREYS)


def _no_format(formats: Collection[str]) -> ConfigError:
    return ConfigError(
        f"none of the image formats that the provider takes can be written: {', '.join(sorted(formats))}",
        hint="Add png, jpeg or webp to the formats of its limits.",
    )


def _shrunk(
    image: Image.Image, sample: _Sample, writer: Writer, sized: Callable[[int], Size], target_bytes: int
) -> EncodedImage:
    """The picture as large as the bytes allow, but no smaller than is readable."""
    pixels = image.width * image.height
    floor = min(READABLE_PIXELS, pixels)
    wanted = pixels * _predicted_scale(sample, writer, target_bytes) ** 2
    for caution in _CAUTION:
        wanted = max(floor, wanted * caution)
        way = _written(resized(image, sized(int(wanted))), writer)
        if len(way.data) <= target_bytes or wanted == floor:
            break
        wanted *= target_bytes / len(way.data)
    return way


def _predicted_scale(sample: _Sample, writer: Writer, target_bytes: int) -> float:
    scale = 1.0
    for _ in range(2):
        share = 0.95 * target_bytes / sample.predicted(writer, scale)
        scale = min(1.0, scale * math.sqrt(share))
    return scale


def _written(image: Image.Image, writer: Writer) -> EncodedImage:
    return EncodedImage(writer.write(image), writer.format, image.width, image.height)
