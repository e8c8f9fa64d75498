"""Pictures and PDFs as content blocks, for messages and for what tools return."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Any

from langchain_vlm.mime_types import MEDIA_TYPES
from vlm_core import InputError, PageResult, page_png
from vlm_core.integration import Source, data_uri, expand, sniff

__all__ = ["image_block"]


def image_block(
    source: Any, *, detail: str | None = None, pages: Sequence[int] | None = None
) -> dict[str, Any]:
    """A picture or PDF as a content block, which a HumanMessage or a tool's result may hold.

    The block is plain JSON, and holds the file as it is; ChatVLM fits it to the provider when it sends
    it. A web address is kept as one, and nothing is fetched.

    Args:
        source: a path, bytes, a binary file, a Pillow image, a PageImage, a data URI or a web address.
        detail: "low", "high" or "auto", for providers that know it.
        pages: of a file with several, from 1; by default all.

    Raises:
        InputError: the file cannot be read, or there is more than one.
        UnsupportedImageError: it is neither a picture nor a PDF.

    Example:
        >>> image_block(b"GIF89a", detail="low")
        {'type': 'image_url', 'image_url': {'url': 'data:image/gif;base64,R0lGODlh', 'detail': 'low'}}
    """
    if pages is not None and not isinstance(pages, Sequence):
        raise InputError(f"pages={pages!r} is not a list of page numbers", hint="Write [1, 3], for example.")
    beside: dict[str, Any] = {} if detail is None else {"detail": detail}
    chosen: dict[str, Any] = {} if pages is None else {"pages": list(pages)}
    if isinstance(source, str) and source[:8].lower().startswith(("http://", "https://")):
        return {"type": "image_url", "image_url": {"url": source, **beside}, **chosen}
    data = _file(_only(source))
    kind = sniff(data) or ""
    if kind == "PDF":
        encoded = binascii.b2a_base64(data, newline=False).decode("ascii")
        block = {"type": "file", "base64": encoded, "mime_type": "application/pdf"}
        return {**block, "extras": {**beside, **chosen}} if beside or chosen else block
    uri = data_uri(data, MEDIA_TYPES[kind])
    return {"type": "image_url", "image_url": {"url": uri, **beside}, **chosen}


def _only(source: Any) -> Source:
    found = expand(source)
    first, another = next(found, None), next(found, None)
    if first is None or another is not None:
        raise InputError("a block holds one file, and no folder, pattern or list", hint="Make one for each.")
    return first


def _file(source: Source) -> bytes:
    """The bytes of a file that is known to be a picture or PDF; a decoded picture as PNG."""
    if source.image is not None:
        return _as_png(source)
    data = source.read()
    if sniff(data) is None:
        with source.open():  # which says what it is instead
            raise AssertionError("unreachable")  # pragma: no cover
    return data


def _as_png(source: Source) -> bytes:
    with source.open() as pages:
        if pages.total_pages > 1:
            raise InputError(
                f"{source.name} is a decoded picture of {pages.total_pages} pages",
                hint="Give its file, or each of them: frame.copy().",
            )
        page = pages.page(1)
    if page.original is not None:
        return page.original
    return page_png(page, PageResult(rotation=page.rotation, page_number=page.page_number))
