"""Bytes to upright RGB pages, one at a time.

Metadata stays behind, for only pixels are handed on.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol

from PIL import Image

from vlm_core.images.picture import (
    MAX_PIXELS,
    UNNAMED,
    Bounds,
    Decoded,
    FileFrames,
    ImageFrames,
    Outline,
)
from vlm_core.images.sniff import refusal, sniff
from vlm_core.types import PageImage

__all__ = ["MAX_PIXELS", "Pages", "open_document", "open_image", "pages", "sniff"]

PDFText = Literal["auto", "ignore"]


class Pages(Protocol):
    """An open document. Its pages are decoded when asked for, in any order; one thread at a time."""

    @property
    def total_pages(self) -> int: ...

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said of the document, whichever of its pages are read."""

    def page(self, number: int) -> PageImage:
        """One page, counted from 1.

        Raises:
            InputError: this page cannot be had; the other ones can.
        """

    def outline(self, number: int) -> Outline:
        """A page's size in pixels, and the first words that the file holds of it; it is not drawn or decoded.

        Errors are those of `page`.
        """

    def readable_after(self, number: int) -> int | None:
        """The next page behind one that can be had, though perhaps not decoded; None where none can."""

    def close(self) -> None:
        """Let go of the file; there is no page after this."""

    def __enter__(self) -> Pages: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...


def open_document(
    data: bytes | Path,
    *,
    source: str = "",
    password: str | None = None,
    pdf_text: PDFText = "auto",
    max_side: int | None = None,
    attachments_follow: bool = False,
    trusted: bool = False,
    max_pixels: int = MAX_PIXELS,
    reading_pixels: int | None = None,
) -> Pages:
    """Open a picture or PDF, which is decoded in a process of its own with limits on its time and memory.

    Every frame of a TIFF, GIF, WebP, AVIF or HEIC is a page, a GIF's as it shows on the screen.
    Of an animated PNG only the picture that stands still is, and of a JPEG with previews or a
    second eye (MPO) only the photograph itself.

    Args:
        data: the file; of a PDF also its path, for one that is too large to be held in memory.
        source: what to call it in pages and errors.
        password: of a PDF that is encrypted.
        pdf_text: "auto" hands on the text that a PDF page brings itself, "ignore" does not.
        max_side: pixels of the longer side to which a PDF's page without text of its own is drawn at most.
        attachments_follow: whether the files that a PDF carries are read as documents of their own.
        trusted: decode a picture in this process, and give a PDF more time and memory.
        max_pixels: of one page of a picture, at most.
        reading_pixels: of one page of a picture for an engine that needs no more. A larger one is made
            smaller while it is decoded, and one of more than 16 megapixels comes in grey.

    Raises:
        UnsupportedImageError: the bytes are in no format that is read.
        CorruptImageError: they are damaged.
        ImageTooLargeError: a page would have more than `max_pixels` pixels, or takes too much memory or time.
        PDFError: a PDF cannot be opened.
        MissingExtraError: a HEIC needs an optional package.

    Example:
        >>> with open_document(b"P6 2 1 255 " + bytes(6)) as document:
        ...     document.page(1)
        PageImage(width=2, height=1, page_number=1, total_pages=1, rotation=0, source='')
    """
    if not isinstance(data, Path):
        data = bytes(data)
    kind = "PDF" if isinstance(data, Path) else sniff(data)
    if isinstance(data, Path) or kind == "PDF":
        from vlm_core.images.pdf_worker import open_pdf

        return open_pdf(
            data,
            source=source,
            password=password,
            pdf_text=pdf_text,
            max_side=max_side,
            attachments_follow=attachments_follow,
            trusted=trusted,
        )
    if kind is None:
        raise refusal(data, source or UNNAMED)
    if not trusted:
        from vlm_core.images.picture_worker import PictureFile

        return PictureFile(data, kind, source, max_pixels, reading_pixels)
    if reading_pixels is not None:
        from vlm_core.images.large import ReadFrames

        return ReadFrames(data, kind, source, reading_pixels, Bounds(max_pixels))
    return FileFrames(data, kind, source, Bounds(max_pixels))


def open_image(image: Image.Image | PageImage, *, source: str = "") -> Pages:
    """Open a picture that is decoded already; it stays as it is, and open.

    Args:
        image: a Pillow image of any mode, all of whose frames are pages, or a page.
        source: what to call it in pages and errors.

    Raises:
        ImageTooLargeError: a page would have more than `MAX_PIXELS` pixels.

    Example:
        >>> open_image(Image.new("CMYK", (1, 1), (0, 255, 255, 0))).page(1).pixels
        b'\\xff\\x00\\x00'
    """
    return Decoded(image) if isinstance(image, PageImage) else ImageFrames(image, source)


def pages(
    data: bytes,
    *,
    source: str = "",
    password: str | None = None,
    pdf_text: PDFText = "auto",
    trusted: bool = False,
) -> Iterator[PageImage]:
    """The pages of a picture or PDF in order, each decoded when it is asked for.

    Arguments and errors are those of `open_document`; the first page that fails ends it.

    Example:
        >>> [page.pixels for page in pages(b"P5 1 1 255 \\x80")]
        [b'\\x80\\x80\\x80']
    """
    options: dict[str, Any] = {"password": password, "pdf_text": pdf_text, "trusted": trusted}
    with open_document(data, source=source, **options) as document:
        for number in range(1, document.total_pages + 1):
            yield document.page(number)
