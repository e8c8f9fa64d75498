"""Any image as a provider takes it: within its limits, upright, truly labelled and without metadata.

A file that is so already goes out with its pixels untouched and is not decoded. All others are
decoded, shrunk where a limit demands it, and written anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vlm_core.catalog.schema import ImageLimits, ModelProfile
from vlm_core.completion import EncodedImage
from vlm_core.errors import ImageTooLargeError, InputError, TooManyImagesError
from vlm_core.images import cache
from vlm_core.images.pipeline import Images, ImageWarning, Target, of_page, of_pages, of_source
from vlm_core.images.sources import Source
from vlm_core.types import MAX_PAGES, PageImage
from vlm_core.warning import warn_caller

if TYPE_CHECKING:
    from vlm_core.images.decode import Pages

__all__ = ["MAX_PAGES", "ImageWarning", "Picture", "clear_cache", "fit", "fit_conversation", "sendable"]

_LABEL_BYTES = len("data:image/jpeg;base64,")
# In which the bytes of a request are shared out anew: a picture may take less than its share, or more.
_ROUNDS = 3


@dataclass(frozen=True)
class Picture:
    """An image of a conversation, and where it stands there.

    Example:
        >>> Picture(Source.from_bytes(b"GIF89a", "a.gif"), position="messages[0].content[1]").source.name
        'a.gif'
    """

    source: Source
    pages: tuple[int, ...] | None = None
    """From 1; None for all."""
    position: str = ""
    """Named in errors."""
    password: str | None = field(default=None, repr=False)
    """Of an encrypted PDF."""
    max_pages: int = MAX_PAGES
    """That it may have, where its pages are not named."""
    max_side: int | None = None
    """Pixels of the longer side, where it is to be smaller than the provider's limits ask for."""


def sendable(
    document: Pages | Source | bytes,
    limits: ImageLimits,
    profile: ModelProfile | None = None,
    *,
    pages: Sequence[int] | None = None,
    source: str = "",
) -> Images:
    """The pages of a picture or PDF as a provider takes them, each fitted for itself.

    A picture sent again is neither decoded nor encoded again, and a file unchanged not even read.

    Args:
        document: a file's bytes, a source, or an open document.
        limits: of the provider. Where no formats are known, PNG and JPEG are used.
        profile: of the model; pictures that must shrink are shrunk to its grid.
        pages: those wanted, from 1; by default all.
        source: what to call bytes in errors.

    Raises:
        ImageTooLargeError: a page cannot be made small enough and stay readable.
        TooManyImagesError: `pages` is left out, and there are more than `MAX_PAGES`.
        InputError: the document, or a page of it, cannot be read.

    Warns:
        ImageWarning: a page is larger than recommended, since it would not be readable otherwise.

    Example:
        >>> sendable(b"P5 2 1 255 \\x00\\xff", ImageLimits())
        (EncodedImage(format='png', width=2, height=1),)
    """
    target = Target.of(limits, profile)
    numbers = tuple(pages) if pages is not None else None
    if isinstance(document, (bytes, bytearray, memoryview)):
        document = Source.from_bytes(bytes(document), source or "<bytes>")
    if isinstance(document, Source):
        return of_source(document, target, numbers)
    return of_pages(document, target, numbers, source)


def fit(page: PageImage | bytes, limits: ImageLimits, profile: ModelProfile | None = None) -> EncodedImage:
    """One page, or a file of one page, as a provider takes it.

    Arguments and errors are those of `sendable`.

    Example:
        >>> fit(PageImage(pixels=bytes(3), width=1, height=1), ImageLimits())
        EncodedImage(format='png', width=1, height=1)
    """
    if isinstance(page, PageImage):
        return of_page(page, Target.of(limits, profile))
    first, *others = sendable(page, limits, profile)
    if others:
        raise TooManyImagesError(
            f"the file has {1 + len(others)} pages", hint="Call sendable(), which gives all of them."
        )
    return first


def clear_cache() -> None:
    """Forget what was encoded, and give its memory back.

    Example:
        >>> clear_cache()
    """
    cache.shared.clear()


def fit_conversation(
    pictures: Sequence[Picture],
    limits: ImageLimits,
    profile: ModelProfile | None = None,
    *,
    text_bytes: int,
) -> list[Images]:
    """All pictures of one request, so that their number and the bytes of the whole fit as well.

    Args:
        pictures: of the whole conversation, for providers remember none.
        limits: of the provider.
        profile: of the model.
        text_bytes: of the request without its pictures.

    Returns:
        The pages of each picture.

    Raises:
        TooManyImagesError: they have more pages together than the provider takes.
        ImageTooLargeError: the request would be too large, even with pictures just readable.
        InputError: a picture cannot be read; the message begins with its position.

    Warns:
        ImageWarning: there are more than the provider recommends.

    Example:
        >>> dot = Picture(Source.from_bytes(b"P5 1 1 255 \\xff"))
        >>> fit_conversation([dot, dot], ImageLimits(max_images=2), text_bytes=100)[1]
        (EncodedImage(format='png', width=1, height=1),)
    """
    target = Target.of(limits, profile)
    _check_count([1] * len(pictures), pictures, limits)  # before any work is done
    pictures = [_in_hand(picture) for picture in pictures]
    fitted = [_fitted(picture, target) for picture in pictures]
    _check_count([len(images) for images in fitted], pictures, limits)
    _advise(sum(map(len, fitted)), limits)
    if limits.max_body_bytes is None:
        return fitted
    return _within(limits.max_body_bytes - text_bytes, fitted, pictures, target, limits)


@contextmanager
def _named(picture: Picture) -> Iterator[None]:
    """Errors within begin with the picture's position."""
    try:
        yield
    except InputError as error:
        if not error.message.startswith(picture.position):
            error.message = f"{picture.position}: {error.message}"
        raise


def _in_hand(picture: Picture) -> Picture:
    """The picture, fetched where that could not be done twice: a URL, say, or an open file."""
    source = picture.source
    if source.path is not None or source.image is not None or source.key is not None:
        return picture
    with _named(picture):
        return replace(picture, source=Source.from_bytes(source.read(), source.name))


def _fitted(picture: Picture, target: Target) -> Images:
    with _named(picture):
        target = replace(target.no_larger_than(picture.max_side), max_pages=picture.max_pages)
        return of_source(picture.source, target, picture.pages, picture.password)


def _check_count(counts: list[int], pictures: Sequence[Picture], limits: ImageLimits) -> None:
    if limits.max_images is None or sum(counts) <= limits.max_images:
        return
    where = [
        picture.position + (f" ({count} pages)" if count > 1 else "")
        for picture, count in zip(pictures, counts, strict=True)
    ]
    shown = ", ".join(where[:10]) + (f" and {len(where) - 10} more" if len(where) > 10 else "")
    raise TooManyImagesError(
        f"the conversation holds {sum(counts)} images, and the provider takes "
        f"max_images={limits.max_images}: {shown}",
        hint="Leave images of earlier turns out, name fewer pages, or ask about them one by one.",
    )


def _advise(count: int, limits: ImageLimits) -> None:
    if limits.recommended_images is not None and count > limits.recommended_images:
        warn_caller(
            f"more images are sent than the {limits.recommended_images} that the provider recommends; "
            "answers may be worse. Ask about fewer at a time.",
            ImageWarning,
        )


def _within(
    room: int, fitted: list[Images], pictures: Sequence[Picture], target: Target, limits: ImageLimits
) -> list[Images]:
    """The pictures with no more bytes than there is room for, the largest ones made smaller."""
    share = None
    for _ in range(_ROUNDS):
        sizes = [_uri_bytes(image) for images in fitted for image in images]
        if sum(sizes) <= room:
            return fitted
        share = _fair_share(sizes, room, share)
        smaller = replace(target, most_bytes=max(0, share - _LABEL_BYTES) // 4 * 3)
        fitted = [
            _fitted(picture, smaller) if max(map(_uri_bytes, images)) > share else images
            for picture, images in zip(pictures, fitted, strict=True)
        ]
    if (taken := sum(_uri_bytes(image) for images in fitted for image in images)) <= room:
        return fitted
    raise ImageTooLargeError(
        f"the {len(pictures)} pictures of the conversation take {taken} bytes even when they are compressed "
        f"as far as they stay readable; max_body_bytes={limits.max_body_bytes} leaves {max(0, room)} to them",
        hint="Leave images of earlier turns out, name fewer pages, or ask about them one by one.",
    )


def _uri_bytes(image: EncodedImage) -> int:
    return _LABEL_BYTES + -(-len(image.data) // 3) * 4


def _fair_share(sizes: list[int], room: int, missed: int | None) -> int:
    """The most that each may take so that all of them fit; what is smaller leaves the others more.

    Args:
        sizes: in bytes.
        room: for all of them.
        missed: the share of the round before; what is larger even so will not get any smaller.
    """
    firm = [size for size in sizes if missed is not None and size > missed]
    room -= sum(firm)
    waiting = sorted(size for size in sizes if missed is None or size <= missed)
    for place, size in enumerate(waiting):
        share = max(0, room) // (len(waiting) - place)
        if size > share:
            return _rounded(share)
        room -= size
    return max(sizes)


def _rounded(share: int) -> int:
    """A little less, so that a picture has the same share in the next turn, and need not be encoded again."""
    step = 1 << max(0, share.bit_length() - 4)
    return share // step * step
