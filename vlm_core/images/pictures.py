"""Pages as pictures to look at: upright, with boxes drawn where something was found."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

from vlm_core.errors import InputError
from vlm_core.images.sources import expand
from vlm_core.types import Box, PageResult

BOX_COLOUR = (214, 39, 40)


def page_png(
    document: Any,
    page: PageResult,
    *,
    boxes: Iterable[Box] = (),
    password: str | None = None,
    allow_private_urls: bool = False,
) -> bytes:
    """The picture behind a page's result, as PNG.

    Args:
        document: what the result was read from: a path, URL, bytes and so on.
        page: the result; the picture is turned as it was, so that its boxes fit.
        boxes: to be drawn, as fractions of the page.
        password: of an encrypted PDF.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Returns:
        A PNG file, upright.

    Raises:
        InputError: the document cannot be read, or is another one by now.

    Example:
        >>> from vlm_core import read
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> page_png(white, read(white).pages[0], boxes=[(0, 0, 1, 0.5)])[:4]
        b'\\x89PNG'
    """
    from PIL import Image

    source, *others = expand(document, allow_private_urls=allow_private_urls)
    if others:
        raise InputError(f"{page.source} is more than one document", hint="Give the one that was read.")
    with source.open(password=password) as pages:
        image = pages.page(page.page_number)
    if page.sha256 and image.sha256 != page.sha256:
        raise InputError(
            f"{page.source} changed since page {page.page_number} was read", hint="Read it again first."
        )
    picture = Image.frombytes("RGB", (image.width, image.height), image.pixels)
    turned = picture.rotate(image.rotation - page.rotation, expand=True)
    _draw(turned, boxes)
    png = io.BytesIO()
    turned.save(png, "PNG")
    return png.getvalue()


def _draw(picture: Any, boxes: Iterable[Box]) -> None:
    from PIL import ImageDraw

    pen = ImageDraw.Draw(picture)
    thickness = max(2, round(min(picture.size) / 300))
    for x0, y0, x1, y1 in boxes:
        corners = (x0 * picture.width, y0 * picture.height, x1 * picture.width, y1 * picture.height)
        outside = (
            corners[0] - thickness,
            corners[1] - thickness,
            corners[2] + thickness,
            corners[3] + thickness,
        )
        pen.rectangle(outside, outline=BOX_COLOUR, width=thickness)
