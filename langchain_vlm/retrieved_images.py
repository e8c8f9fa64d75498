"""The pictures behind retrieved Documents, for a model that is to see what it answers from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import islice
from pathlib import PurePath
from typing import Any

from langchain_core.documents import Document

from vlm_core import ConfigError, ImageWarning, PageResult, VLMError
from vlm_core.integration import (
    document_again,
    on_own_thread,
    page_encoded,
    page_told_by,
    strict_options,
    warn_caller,
)

__all__ = ["apage_images", "page_images"]


@strict_options()
def page_images(
    documents: Iterable[Document],
    *,
    max_images: int | None = None,
    max_side: int | None = None,
    password: str | None = None,
    allow_private_urls: bool = False,
) -> list[dict[str, Any]]:
    """The pages that Documents were read from, as content blocks for a message.

    Each page is shown once, however many Documents are of it, in their order and as upright as it was
    read. A text block in front of each says which it is, as in "receipt.jpg, page 1:". The blocks are such
    as all chat models of LangChain take; ChatVLM fits the pictures to its provider too. Documents that
    were not read from pictures are passed over.

    Args:
        documents: as VLMLoader gave them, or pieces of them with their metadata.
        max_images: pictures at most; those of the first Documents.
        max_side: pixels of a picture's longer side at most, to take fewer tokens.
        password: of encrypted PDFs.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Raises:
        ConfigError: a limit is not a positive number.

    Warns:
        ImageWarning: a page is left out: it is gone, it is another one by now, it is one too many, or
            it is not known, since the Document is of several pages.

    Example:
        >>> page_images([Document("no picture", metadata={"source": "notes.txt"})])
        []
    """
    pictures = _Pictures(documents, max_images, max_side, password, allow_private_urls)
    return pictures.told(pictures.blocks())


@strict_options()
async def apage_images(
    documents: Iterable[Document],
    *,
    max_images: int | None = None,
    max_side: int | None = None,
    password: str | None = None,
    allow_private_urls: bool = False,
) -> list[dict[str, Any]]:
    """As `page_images`, without blocking the event loop while documents are downloaded and decoded.

    Example:
        >>> import asyncio
        >>> asyncio.run(apage_images([Document("no picture", metadata={"source": "notes.txt"})]))
        []
    """
    pictures = _Pictures(documents, max_images, max_side, password, allow_private_urls)
    return pictures.told(await on_own_thread(pictures.blocks))


class _Pictures:
    """The pictures behind Documents; each document is opened again, and read or downloaded, once."""

    def __init__(
        self,
        documents: Iterable[Document],
        max_images: int | None,
        max_side: int | None,
        password: str | None,
        allow_private_urls: bool,
    ) -> None:
        _check_count("max_images", max_images, least=0)
        _check_count("max_side", max_side, least=1)
        self._warnings: list[str] = []
        self._pages = _pages_behind(documents, self._warnings)
        self._names = _names(self._pages)
        self._max_images = max_images
        self._max_side = max_side
        self._password = password
        self._document = cache(partial(document_again, allow_private_urls=allow_private_urls))

    def blocks(self) -> list[dict[str, Any]]:
        """The labels and pictures of all pages, up to the limit."""
        waiting = iter(self._pages)
        shown = list(islice(filter(None, map(self._of_page, waiting)), self._max_images))
        if left_out := "; ".join(map(self._label, waiting)):
            self._warnings.append(f"With max_images={self._max_images} these are not shown: {left_out}")
        return [block for blocks in shown for block in blocks]

    def told(self, blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The same, after a warning of what is left out: not on a thread, where the caller is not found."""
        for warning in self._warnings:
            warn_caller(warning, ImageWarning)
        return blocks

    def _label(self, page: PageResult) -> str:
        return f"{self._names[page.source]}, page {page.page_number}"

    def _of_page(self, page: PageResult) -> list[dict[str, Any]]:
        """A page's label and its picture; none, with a warning, where it cannot be had."""
        try:
            document = self._document(page.source)
            image = page_encoded(document, page, max_side=self._max_side, password=self._password)
        except VLMError as error:
            self._warnings.append(f"{self._label(page)} is not shown: {error}")
            return []
        return [
            {"type": "text", "text": f"{self._label(page)}:"},
            {"type": "image_url", "image_url": {"url": image.data_uri.decode("ascii")}},
        ]


def _pages_behind(documents: Iterable[Document], warnings: list[str]) -> list[PageResult]:
    """The pages of Documents, each once; of others there is a warning."""
    pages: dict[str, PageResult] = {}
    for document in documents:
        page = page_told_by(document.metadata)
        if page is not None:
            pages.setdefault(page.sha256, page)
        elif "ocr_engine" in document.metadata:
            source = document.metadata.get("source")
            warnings.append(f"{source} is not shown: it was read as a whole. {_BY_PAGE}")
    return list(pages.values())


_BY_PAGE = 'Read it with mode="page" or "block", so that its pages are known.'


def _names(pages: Sequence[PageResult]) -> dict[str, str]:
    """What each source is called: by its file's name, unless two have the same."""
    short = {page.source: " ".join(PurePath(page.source).name.split()) for page in pages}
    times = Counter(short.values())
    return {source: name if times[name] == 1 else source for source, name in short.items()}


def _check_count(name: str, value: int | None, *, least: int) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
        raise ConfigError(f"{name}={value!r} is not a number of at least {least}", hint="Give one, or None.")
