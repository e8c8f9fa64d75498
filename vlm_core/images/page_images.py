"""Pages as pictures to look at: upright, with boxes drawn where something was found."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from math import ceil
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from vlm_core.catalog.schema import ImageLimits
from vlm_core.completion import EncodedImage
from vlm_core.errors import ConfigError, InputError, VLMError
from vlm_core.images.drawing import Outline, draw_outlines
from vlm_core.images.sources import Source, expand
from vlm_core.types import READING_PIXELS, Block, Box, Finding, PageImage, PageResult, TextLine

if TYPE_CHECKING:
    from PIL.Image import Image

    from vlm_core.images.decode import Pages

Boxed: TypeAlias = Box | Block | Finding | TextLine
"""A box, or what has one."""
_SHA256 = re.compile("[0-9a-f]{64}")
_PDF_TEXT: tuple[Literal["auto"], Literal["ignore"]] = ("auto", "ignore")
# So far a box may reach beyond the page: models do not measure exactly.
_BESIDE = 0.05


def page_png(
    document: Any,
    page: PageResult | None = None,
    *,
    boxes: Boxed | Iterable[Boxed] = (),
    max_side: int | None = None,
    password: str | None = None,
    allow_private_urls: bool = False,
) -> bytes:
    """The picture behind a page's result, as PNG, perhaps with boxes.

    A box has a thin line and a tint that print shows through. Blocks and findings have one colour for each
    kind, and a label beside the box where there is room for it.

    Args:
        document: what the result was read from: a path, URL, bytes and so on. Or the result itself, whose
            `source` is opened then.
        page: the result; the picture is turned as it was, so that its boxes fit.
        boxes: to be drawn, one or many: blocks, findings, lines, or boxes as fractions of the page (left,
            top, right, bottom). A block or a finding without a box is left out.
        max_side: pixels of the longer side, at most.
        password: of an encrypted PDF.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Returns:
        A PNG file, upright.

    Raises:
        ConfigError: `page` is not the result of a page, or a box is not four fractions.
        InputError: the document cannot be read, or is not the one that the page was read from.

    Example:
        >>> from vlm_core import read
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> page_png(white, read(white).pages[0], boxes=(0, 0, 1, 0.5))[:4]
        b'\\x89PNG'
    """
    to_draw = outlines_of(boxes)
    if page is None and isinstance(document, PageResult):
        page, document = document, _source_of(document, allow_private_urls)
    if not isinstance(page, PageResult):
        raise _not_a_page(document if page is None else page)
    image = page_again(document, page, password=password, allow_private_urls=allow_private_urls)
    turned = _turned(image, page.rotation)
    if max_side is not None:
        turned.thumbnail((max_side, max_side))
    return _as_png(draw_outlines(turned, to_draw) if to_draw else turned)


def show_png(png: bytes) -> None:
    """Show a picture in the system's viewer.

    Args:
        png: the picture.
    """
    from PIL import Image

    Image.open(io.BytesIO(png)).show()


def _source_of(page: PageResult, allow_private_urls: bool = False) -> Path | Source:
    if page.source.startswith("<") or not page.source:
        told = f"{page.source or 'the page'} was not read from a file or a URL: its picture is not known"
        raise InputError(told, hint="Give what it was read from, as in page_png(document, page).")
    return document_again(page.source, allow_private_urls=allow_private_urls)


def _not_a_page(given: object) -> ConfigError:
    return ConfigError(
        f"page is a {type(given).__name__}, not a PageResult",
        hint="Give one of the pages of a DocumentResult, as in document.pages[0].",
    )


def part_png(page: PageImage, box: Box, rotation: int) -> bytes:
    """A part of a page's picture, as PNG.

    Args:
        page: the picture.
        box: of the part, in fractions of the page.
        rotation: degrees clockwise by which the stored picture is turned for the page to stand upright.

    Example:
        >>> dots = PageImage(pixels=bytes(12), width=2, height=2)
        >>> part_png(dots, (0, 0, 0.5, 1), 0)[:4]
        b'\\x89PNG'
    """
    turned = _turned(page, rotation)
    within = (min(max(0.0, edge), 1.0) for edge in box)  # a model may give any numbers
    sides = (turned.width, turned.height) * 2
    left, top, right, bottom = (edge * side for edge, side in zip(within, sides, strict=True))
    x, y = min(int(left), turned.width - 1), min(int(top), turned.height - 1)
    return _as_png(turned.crop((x, y, max(ceil(right), x + 1), max(ceil(bottom), y + 1))))


def _turned(page: PageImage, rotation: int) -> Image:
    from PIL.Image import frombytes

    picture = frombytes("RGB", (page.width, page.height), page.pixels)
    return picture.rotate(page.rotation - rotation, expand=True)


def _as_png(picture: Image) -> bytes:
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def page_encoded(
    document: Any,
    page: PageResult,
    *,
    max_side: int | None = None,
    password: str | None = None,
    allow_private_urls: bool = False,
) -> EncodedImage:
    """The picture behind a page's result, upright, as models everywhere take it: PNG or JPEG.

    A file that is just this is not written anew; its metadata are left out. Arguments and errors are
    those of `page_png`.

    Args:
        document: what the result was read from.
        page: the result.
        max_side: pixels of the longer side, at most.
        password: of an encrypted PDF.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Example:
        >>> from vlm_core import read
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> page_encoded(white, read(white).pages[0], max_side=20)
        EncodedImage(format='png', width=20, height=20)
    """
    from vlm_core.images.encode import fit
    from vlm_core.images.rotate import turned

    image = page_again(document, page, password=password, allow_private_urls=allow_private_urls)
    return fit(turned(image, page.rotation - image.rotation), ImageLimits(max_side=max_side))


def pages_encoded(
    name: str,
    pages: Iterable[PageResult],
    *,
    max_side: int | None = None,
    password: str | None = None,
    allow_private_urls: bool = False,
) -> Iterator[EncodedImage | VLMError]:
    """The pictures of a document's pages as `page_encoded` gives them, the document being opened once.

    Args:
        name: of the document, as its pages' results have it.
        pages: the results.
        max_side: pixels of the longer side, at most.
        password: of an encrypted PDF.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Yields:
        A picture for each page; where it cannot be had, the error that says why.

    Example:
        >>> [error.message for error in pages_encoded("<bytes>", [PageResult()])]
        ['<bytes> was not read from a file or a URL: its picture is not known']
    """
    from vlm_core.images.encode import fit
    from vlm_core.images.rotate import turned

    try:
        again = _source_of(PageResult(source=name), allow_private_urls)
    except InputError as error:
        yield from (error for _ in pages)
        return
    with _OpenAgain(next(expand(again, allow_private_urls=allow_private_urls)), password) as opened:
        for page in pages:
            if not page.sha256:  # any picture would do: a stranger's journal may name a file of ours
                told = f"{name}: the picture of page {page.page_number} is not known"
                yield InputError(told, hint="Read the document again.")
                continue
            try:
                image = opened.page(page)
                yield fit(turned(image, page.rotation - image.rotation), ImageLimits(max_side=max_side))
            except VLMError as error:
                yield error


def page_again(
    document: Any, page: PageResult, *, password: str | None = None, allow_private_urls: bool = False
) -> PageImage:
    """The picture behind a page's result, as it was when it was read, but not turned.

    Arguments and errors are those of `page_png`. The only page of a document is found whatever its number.

    Example:
        >>> from vlm_core import read
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> page_again(white, read(white).pages[0]).width
        40
    """
    if not isinstance(page, PageResult):
        raise _not_a_page(page)
    source, *others = expand(document, allow_private_urls=allow_private_urls)
    if others:
        raise InputError(f"{page.source} is more than one document", hint="Give the one that was read.")
    with _OpenAgain(source, password) as opened:
        return opened.page(page)


class _Drawing(NamedTuple):
    """How a document is opened; a page of a PDF is drawn otherwise for each."""

    pdf_text: Literal["auto", "ignore"]
    max_side: int | None
    reading_pixels: int | None


class _OpenAgain:
    """A document that was read, opened for pictures of its pages: once, while its pages were drawn alike."""

    def __init__(self, source: Source, password: str | None) -> None:
        self._source = source
        self._password = password
        self._pages: Pages | None = None
        self._drawing: _Drawing | None = None

    def __enter__(self) -> _OpenAgain:
        return self

    def __exit__(self, *reason: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._pages is not None:
            self._pages.close()
            self._pages = None

    def page(self, page: PageResult) -> PageImage:
        """The picture of a page, as it was when it was read.

        Raises:
            InputError: the document cannot be read, or is not the one that the page was read from.
        """
        is_picture = False  # whose text is not in question, as that of a PDF's page is
        for drawing in self._drawings(page):
            if is_picture and drawing.pdf_text != _PDF_TEXT[0]:
                continue
            image = self._drawn(drawing, page.page_number)
            if page.sha256 in ("", image.sha256):
                return image
            is_picture = image.dpi is None
        raise _not_found(self._source, page)

    def _drawings(self, page: PageResult) -> Iterable[_Drawing]:
        """The ways in which a page may have been drawn; that of the page before comes first."""
        sides = dict.fromkeys((max(page.width, page.height) or None, None))
        ways = [
            _Drawing(pdf_text, max_side, reading_pixels)
            for pdf_text in _PDF_TEXT
            for max_side in sides
            for reading_pixels in (None, READING_PIXELS)
        ]
        return sorted(ways, key=lambda way: way != self._drawing)

    def _drawn(self, drawing: _Drawing, number: int) -> PageImage:
        if self._pages is None or drawing != self._drawing:
            self._close()
            self._pages, self._drawing = (
                self._source.open(password=self._password, **drawing._asdict()),
                drawing,
            )
        return self._pages.page(1 if self._pages.total_pages == 1 else number)


def _not_found(source: Source, page: PageResult) -> InputError:
    if source.name.startswith("<") or _place(source.name) != _place(page.source):
        return InputError(
            f"{source.name} does not hold page {page.page_number} of {page.source or 'the document'}",
            hint="Give the document that the page was read from.",
        )
    return InputError(
        f"{page.source} changed since page {page.page_number} was read", hint="Read it again first."
    )


def _place(name: str) -> str:
    """A name by which two names of one file are the same."""
    return os.path.realpath(os.path.expanduser(name))


def page_told_by(metadata: Mapping[str, Any]) -> PageResult | None:
    """What a document's or node's metadata say of the page that it was read from; None if they name none.

    Args:
        metadata: those of a loader or reader of either framework.

    Example:
        >>> page_told_by({"source": "a.pdf", "sha256": "0" * 64, "page_label": "2"}).page_number
        2
    """
    sha256 = str(metadata.get("image_sha256") or metadata.get("sha256"))
    label = "1" if metadata.get("total_pages") == 1 else str(metadata.get("page_label"))
    if not _SHA256.fullmatch(sha256) or not label.isdecimal() or label == "0":
        return None
    return PageResult(
        source=str(metadata.get("file_path") or metadata.get("source") or ""),
        page_number=int(label),
        total_pages=metadata.get("total_pages"),
        sha256=sha256,
        width=metadata.get("width") or 0,  # some stores give None for what is not there
        height=metadata.get("height") or 0,
        rotation=metadata.get("rotation") or 0,
    )


def document_again(name: str, *, allow_private_urls: bool = False) -> Path | Source:
    """The document that pages were read from, to be opened any number of times: a URL is downloaded once.

    Args:
        name: the `source` of the pages' results.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Example:
        >>> document_again("scans/[1].png").name
        '[1].png'
    """
    if "://" not in name:
        return Path(name)  # not a text, in which brackets and stars are a pattern
    source = next(expand(name, allow_private_urls=allow_private_urls))
    return replace(source, read=cache(source.read))


def outlines_of(given: Boxed | Iterable[Boxed]) -> list[Outline]:
    """One box or many, or what has one, as outlines to be drawn.

    Raises:
        ConfigError: one is not four fractions of the page in order.

    Example:
        >>> outlines_of((0, 0, 1, 0.5))[0].bbox
        (0.0, 0.0, 1.0, 0.5)
    """
    if isinstance(given, (Block, Finding, TextLine)):
        return _outlines(given)
    if not isinstance(given, Iterable) or isinstance(given, str):
        return _outlines(given)
    found = list(given)
    is_one = bool(found) and all(isinstance(edge, Real) for edge in found)
    return _outlines(found) if is_one else [outline for one in found for outline in _outlines(one)]


def _outlines(given: Any) -> list[Outline]:
    """The outline of a box, or of what may have one."""
    if isinstance(given, Block):
        return [Outline(given.bbox, given.kind, given.kind.replace("_", " "))] if given.bbox else []
    if isinstance(given, Finding):
        kind = "missing" if given.kind == "missing" else given.severity
        return [Outline(given.bbox, kind, given.kind.replace("_", " "))] if given.bbox else []
    return [Outline(given.bbox if isinstance(given, TextLine) else _box(given))]


def _box(given: Any) -> Box:
    shown = tuple(given) if isinstance(given, (list, tuple)) else given
    try:
        x0, y0, x1, y1 = map(float, given)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{shown!r} is not a box", hint="A box is (left, top, right, bottom), as in line.bbox."
        ) from None
    if not all(-_BESIDE <= edge <= 1 + _BESIDE for edge in (x0, y0, x1, y1)):
        raise ConfigError(
            f"the box {shown!r} is not within the page",
            hint="Give fractions from 0 to 1, as in line.bbox; divide pixels by page.width and page.height.",
        )
    if x0 > x1 or y0 > y1:
        raise ConfigError(
            f"the box {shown!r} ends before it begins", hint="A box is (left, top, right, bottom)."
        )
    return x0, y0, x1, y1
