"""One document made ready for a provider: passed on as it is, or decoded, shrunk and written anew."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, Self, TypeAlias

from vlm_core.catalog.schema import ImageLimits, ModelProfile
from vlm_core.completion import EncodedImage
from vlm_core.errors import ImageTooLargeError, InputError, TooManyImagesError
from vlm_core.images import cache
from vlm_core.images.cache import Content
from vlm_core.images.data_uris import is_written_as
from vlm_core.images.metadata import PlainFile, plain_file
from vlm_core.images.reading import file_stamp
from vlm_core.images.resize import canvas_size, is_sliver, meets, sent_size
from vlm_core.images.sniff import sniff
from vlm_core.images.sources import Source
from vlm_core.images.stored_jpeg import as_file
from vlm_core.types import MAX_PAGES, PageImage, StoredJPEG
from vlm_core.warning import warn_caller

if TYPE_CHECKING:
    from PIL.Image import Image

    from vlm_core.images.decode import Pages

_RELIED_UPON = frozenset({"png", "jpeg"})
_ANY_MODEL = ModelProfile(prefix="")

Images = cache.Images
Numbers = tuple[int, ...] | None
SentSize: TypeAlias = "Callable[[tuple[int, int]], tuple[int, int]]"
Place = tuple[str, int]
"""A document's name and a page's number."""


class ImageWarning(UserWarning):
    """Images go out, though not as the provider recommends."""


@dataclass(frozen=True)
class Target:
    """What an image is made for: all that decides how it is written.

    Example:
        >>> Target.of(ImageLimits(target_base64_bytes=1_000_000)).wanted_bytes
        750000
    """

    limits: ImageLimits
    profile: ModelProfile = _ANY_MODEL
    most_bytes: int | None = None
    """Of each image, where the whole request would be too large without."""
    max_pages: int = MAX_PAGES
    """Of one file, where its pages are not named."""

    @classmethod
    def of(cls, limits: ImageLimits, profile: ModelProfile | None = None) -> Target:
        """What matters of a provider and a model; two of them that differ in nothing else are equal."""
        shape = limits.model_copy(update=dict.fromkeys(_OF_THE_REQUEST))
        kept = {name: getattr(profile, name) for name in _OF_THE_MODEL} if profile else {}
        return cls(shape, ModelProfile(prefix="", **kept))

    def no_larger_than(self, max_side: int | None) -> Target:
        """The same with a limit for the longer side, in pixels, where it has none that is lower."""
        sides = [side for side in (max_side, self.limits.max_side) if side is not None]
        if max_side is None or min(sides) == self.limits.max_side:
            return self
        return replace(self, limits=self.limits.model_copy(update={"max_side": min(sides)}))

    @property
    def formats(self) -> Collection[str]:
        """Those that may be sent."""
        return self.limits.formats if self.limits.formats is not None else _RELIED_UPON

    def early_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size to which a picture may be shrunk before anything else is done with it."""
        return size if is_sliver(size, self.profile) else sent_size(size, self.limits, self.profile)

    @property
    def wanted_bytes(self) -> int | None:
        """What an image should have at most."""
        soft = self.limits.target_base64_bytes
        every = (self.limits.max_image_bytes, self.most_bytes, soft // 4 * 3 if soft is not None else None)
        return min((bound for bound in every if bound is not None), default=None)


_OF_THE_REQUEST = ("max_body_bytes", "max_images", "recommended_images", "accepts_url", "accepts_detail")
_OF_THE_MODEL = ("image_tokens", "max_pixels", "grid")


def of_source(source: Source, target: Target, numbers: Numbers, password: str | None = None) -> Images:
    """The pages of a source; a file that is known and has not changed is not even read.

    Args:
        source: any one document.
        target: what its pages are made for.
        numbers: the pages wanted, from 1; None for all.
        password: of an encrypted PDF.

    Raises:
        InputError: as `sendable` says.

    Example:
        >>> of_source(Source.from_bytes(b"P5 1 1 255 \\xff"), Target(ImageLimits()), None)
        (EncodedImage(format='png', width=1, height=1),)
    """
    if source.image is not None:
        with source.open() as pages:
            return of_pages(pages, target, numbers, source.name)
    if source.key is not None:
        read_and_make = partial(_of_file, source, target, numbers, password)
        return cache.shared.get(
            (Content(source.key), target, numbers, password), read_and_make, original=source.key
        )
    if (stamp := _stamp(source)) is not None:
        read_and_make = partial(_of_file, source, target, numbers, password)
        return cache.shared.get((stamp, target, numbers, password), read_and_make)
    data = source.read()
    make = partial(_of_bytes, source, data, target, numbers, password)
    return cache.shared.get((Content(data), target, numbers, password), make, original=data)


def of_pages(document: Pages, target: Target, numbers: Numbers, name: str) -> Images:
    """The pages of an open document. Arguments and errors are those of `of_source`."""
    wanted = _wanted(document.total_pages, numbers, target, name)
    return tuple(of_page(document.page(number), target) for number in wanted)


def of_page(page: PageImage, target: Target) -> EncodedImage:
    """One decoded page. Arguments and errors are those of `of_source`."""
    if page.original is not None and page.stored is None:
        source = replace(Source.from_bytes(page.original, page.source), is_strangers=True)
        return of_source(source, target, None)[0]
    make = partial(_of_decoded, page, target)
    return cache.shared.get((page.sha256, target), make)[0]


def _stamp(source: Source) -> tuple[object, ...] | None:
    """What tells a file from what it was before; None where that cannot be relied upon."""
    if source.path is None:
        return None
    try:
        found = os.stat(source.path)
    except (OSError, ValueError):  # reading it will say what is wrong
        return None
    stamp = file_stamp(found)
    return stamp and (str(source.path), *stamp)


def _of_file(source: Source, target: Target, numbers: Numbers, password: str | None) -> Images:
    data = source.read()
    images = _of_bytes(source, data, target, numbers, password)
    return tuple(_as_it_came(image, data, source.key) for image in images)


def _as_it_came(image: EncodedImage, data: bytes, key: bytes | str | None) -> EncodedImage:
    """A picture with the data URI that it came in, where that is right as it is."""
    if image.data is data and isinstance(key, str) and is_written_as(key, data, f"image/{image.format}"):
        return replace(image, uri=key.encode("ascii"))
    return image


def _of_bytes(source: Source, data: bytes, target: Target, numbers: Numbers, password: str | None) -> Images:
    kind = sniff(data) or ""
    plain = plain_file(data, kind)
    if plain and numbers in (None, (1,)) and _passes(plain, target):
        return (EncodedImage(plain.stripped, plain.format, plain.width, plain.height),)
    if kind in ("", "PDF"):
        return _of_pdf(data, target, numbers, source.name, password)
    with frames_of(data, kind, source.name, target.early_size, apart=source.is_strangers) as frames:
        wanted = _wanted(frames.total_pages, numbers, target, source.name)
        return tuple(_written(*frames.image(number), target, (source.name, number)) for number in wanted)


class Frames(Protocol):
    """A picture that is open, whose frames come in about the size in which they are sent."""

    @property
    def total_pages(self) -> int: ...

    def image(self, number: int) -> tuple[Image, bool]: ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...


def frames_of(data: bytes, kind: str, name: str, sent_size: SentSize, *, apart: bool) -> Frames:
    """Open a picture for its frames.

    Args:
        data: the file.
        kind: its format, as `sniff` calls it.
        name: what to call it in errors.
        sent_size: the size in which a frame of a given size is sent.
        apart: decode it in a process of its own.
    """
    if apart:
        from vlm_core.images.picture_worker import ScaledFile

        return ScaledFile(data, kind, name, sent_size)
    from vlm_core.images.resample import ScaledFrames

    return ScaledFrames(data, kind, name, sent_size)


def _passes(plain: PlainFile, target: Target) -> bool:
    size = plain.width, plain.height
    most = target.wanted_bytes
    return (
        plain.format in target.formats
        and meets(size, target.limits)
        and not is_sliver(size, target.profile)
        and (most is None or len(plain.stripped) <= most)
    )


def _of_pdf(data: bytes, target: Target, numbers: Numbers, name: str, password: str | None) -> Images:
    from vlm_core.images.decode import open_document

    with open_document(data, source=name, password=password, pdf_text="ignore") as pages:
        wanted = _wanted(pages.total_pages, numbers, target, name)
        return tuple(_of_decoded(pages.page(number), target)[0] for number in wanted)


def _wanted(total: int, numbers: Numbers, target: Target, name: str) -> tuple[int, ...]:
    if numbers is None and total > target.max_pages:
        raise TooManyImagesError(
            f"{name or 'the document'} has {total} pages; at most {target.max_pages} of one file are sent",
            hint="Name those that matter, as in pages=(1, 2, 3), or raise max_pages.",
        )
    return tuple(range(1, total + 1)) if numbers is None else numbers


def _of_decoded(page: PageImage, target: Target) -> Images:
    from vlm_core.images.resample import as_image

    if page.stored is not None:
        return (_of_stored(page, page.stored, target),)
    return (_written(as_image(page), False, target, (page.source, page.page_number)),)


def _of_stored(page: PageImage, stored: StoredJPEG, target: Target) -> EncodedImage:
    """A page that is one JPEG: passed on, or decoded no larger than it is sent."""
    file = as_file(stored)
    plain = plain_file(file, "JPEG")
    if plain and _passes(plain, target):
        return EncodedImage(plain.stripped, plain.format, plain.width, plain.height)
    try:
        with frames_of(file, "JPEG", page.source, target.early_size, apart=not stored.trusted) as frames:
            image, is_scaled = frames.image(1)
    except InputError as error:
        error.page = page.page_number
        raise
    return _written(image, is_scaled, target, (page.source, page.page_number))


def _written(image: Image, is_scaled: bool, target: Target, place: Place) -> EncodedImage:
    from vlm_core.images.compress import compressed

    laid_out = _laid_out(image, target)
    encoded = compressed(
        laid_out,
        target.formats,
        sized=lambda pixels: sent_size(laid_out.size, target.limits, target.profile, pixels=pixels),
        target_bytes=target.wanted_bytes,
        is_scaled=is_scaled or laid_out is not image,
    )
    _check_bytes(encoded, target.limits, place)
    return encoded


def _laid_out(image: Image, target: Target) -> Image:
    """The picture in the size in which it is sent, a sliver on a white sheet."""
    from vlm_core.images.resample import on_canvas, resized

    canvas = canvas_size(image.size, target.profile)
    sheet = sent_size(canvas, target.limits, target.profile)
    if canvas == image.size:
        return resized(image, sheet)
    scale = max(sheet) / max(canvas)
    width, height = (min(math.ceil(side * scale), most) for side, most in zip(image.size, sheet, strict=True))
    return on_canvas(resized(image, (width, height)), sheet)


def _check_bytes(encoded: EncodedImage, limits: ImageLimits, place: Place) -> None:
    name = f"page {place[1]} of {place[0] or 'the document'}"
    size = len(encoded.data)
    if limits.max_image_bytes is not None and size > limits.max_image_bytes:
        raise ImageTooLargeError(
            f"{name} takes {size} bytes even when it is compressed as far as it stays readable, and "
            f"the limit is max_image_bytes={limits.max_image_bytes}",
            hint="Cut the picture into parts, or use a provider that takes larger ones.",
            page=place[1],
        )
    recommended = limits.target_base64_bytes
    if recommended is not None and (in_base64 := -(-size // 3) * 4) > recommended:
        warn_caller(
            f"{name} is sent with {in_base64} bytes of base64, though the provider recommends at most "
            f"{recommended}: with fewer it would not be readable. Cut it into parts if the provider is slow.",
            ImageWarning,
        )
