"""Pages that are one JPEG and stay one until somebody asks for their pixels."""

from __future__ import annotations

from typing import Any

from vlm_core.images.metadata import with_turn
from vlm_core.types import PageImage, StoredJPEG


def stored_page(
    jpeg: bytes, width: int, height: int, turn: int, *, trusted: bool = False, **fields: Any
) -> PageImage:
    """A page that is a JPEG.

    Args:
        jpeg: without metadata.
        width: of the page as it is shown, in pixels.
        height: likewise.
        turn: degrees clockwise by which the page shows the picture turned.
        trusted: whether it may be decoded in this process.
        fields: the others of a PageImage.
    """
    original = jpeg if turn % 360 == 0 else None
    stored = StoredJPEG(jpeg, turn % 360, decoded, trusted)
    return PageImage.of_stored(stored, width, height, original=original, **fields)


def decoded(stored: StoredJPEG) -> bytes:
    """The RGB pixels of a stored page, as it is shown.

    Raises:
        CorruptImageError: it is damaged.
    """
    if stored.trusted:
        from vlm_core.images.picture import FileFrames  # which loads PIL

        with FileFrames(as_file(stored), "JPEG", "") as document:
            return document.page(1).pixels
    from vlm_core.images.picture_worker import PictureFile

    with PictureFile(as_file(stored), "JPEG", "") as document:
        return document.page(1).pixels


def as_file(stored: StoredJPEG) -> bytes:
    """A JPEG file that says how it is to be turned."""
    return with_turn(stored.stream, stored.turn)
