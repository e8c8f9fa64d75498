"""The review page: pages beside their pictures, with what was found about them, in a browser.

One HTML file that loads nothing from a network. All text of pages is a stranger's: it is handed over as JSON,
and the page's program puts it in as text. A content security policy forbids every other program and style.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from vlm_core.completion import EncodedImage
from vlm_core.errors import ConfigError, VLMError
from vlm_core.export.review_data import by_severity, page_values
from vlm_core.images.page_images import pages_encoded
from vlm_core.jobs.corrections import FORMAT, VERSION
from vlm_core.jobs.writing import write_whole
from vlm_core.types import DocumentResult, PageResult

# Of the longer side, in pixels: a letter's print can be read, and 500 pages are some 100 MB.
_PICTURE_SIDE = 1_600
_OUR_PICTURE = re.compile(r"\d{4,}-[0-9a-f]{12}\.(?:png|jpeg)")
# What ends a script element, and what old programs take for the end of a line.
_ESCAPED = {ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&\u2028\u2029"}


class ReviewPage(NamedTuple):
    """A review page that was written."""

    path: Path
    pages: int
    findings: int
    """On all pages, notes too."""
    without_picture: tuple[str, ...]
    """Pages whose picture could not be had, each with the reason."""


def review(
    documents: DocumentResult | Iterable[DocumentResult],
    path: str | os.PathLike[str],
    *,
    single_file: bool = False,
    password: str | None = None,
    allow_private_urls: bool = False,
) -> ReviewPage:
    """Write a page for a browser on which documents can be looked at, and corrected.

    Each page's picture stands beside its text, with the boxes of its blocks and what a check found. What
    is corrected there is saved as a file; `apply_corrections` puts it into a journal.

    Args:
        documents: one or many, as a reader gave them. Their files are opened again for the pictures.
        path: of the page, such as "review.html". Pictures are written into a folder beside it, here
            "review_files", which must go with the page.
        single_file: whether the pictures are in the page itself instead.
        password: of encrypted PDFs.
        allow_private_urls: whether a document's URL may lead to this machine or its network.

    Returns:
        Where it is, how many pages and findings it has, and which pages have no picture.

    Raises:
        ConfigError: the documents have no pages, or `path` is one of the documents.
        OSError: it cannot be written.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from vlm_core import read
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> with TemporaryDirectory() as folder:
        ...     review(read(white), f"{folder}/review.html").pages
        1
    """
    shown = [documents] if isinstance(documents, DocumentResult) else list(documents)
    pages = [page for document in shown for page in _all_pages(document)]
    target = Path(path).expanduser()
    _check(pages, target)
    folder = target.with_name(f"{target.stem}_files")
    if not single_file:
        _clear(folder)
    values: list[dict[str, Any]] = []
    without: list[str] = []
    pictures = _pictures(shown, password=password, allow_private_urls=allow_private_urls)
    for number, (page, picture) in enumerate(zip(pages, pictures, strict=True), 1):
        value = page_values(page)
        if isinstance(picture, EncodedImage):
            name = f"{number:04d}-{hashlib.sha256(picture.data).hexdigest()[:12]}.{picture.format}"
            value["picture"] = _embedded(picture) if single_file else _written(folder, name, picture)
        else:
            value["no_picture"] = str(picture)
            without.append(f"{page.source}, page {page.page_number}: {picture}")
        values.append(value)
    write_whole(target.parent, target.name, _html(values, by_severity(pages)))
    return ReviewPage(target, len(pages), sum(len(page.findings) for page in pages), tuple(without))


def _all_pages(document: DocumentResult) -> Iterator[PageResult]:
    yield from document.pages
    for attached in document.attachments:
        yield from _all_pages(attached)


def _check(pages: Sequence[PageResult], target: Path) -> None:
    if not pages:
        raise ConfigError("The documents have no pages", hint="Give a document that was read.")
    if target.is_dir():
        raise ConfigError(f"{target} is a folder", hint='Give the name of a file, such as "review.html".')
    if any(_is_same(target, page.source) for page in pages):
        raise ConfigError(f"{target} is one of the documents", hint="Give another name.")


def _is_same(target: Path, source: str) -> bool:
    try:
        return target.samefile(Path(source).expanduser())
    except (OSError, ValueError, RuntimeError):  # it is not a file; no file can have such a name
        return False


def _pictures(
    documents: Iterable[DocumentResult], *, password: str | None, allow_private_urls: bool
) -> Iterator[EncodedImage | VLMError]:
    for document in documents:
        yield from pages_encoded(
            document.source,
            document.pages,
            max_side=_PICTURE_SIDE,
            password=password,
            allow_private_urls=allow_private_urls,
        )
        yield from _pictures(document.attachments, password=password, allow_private_urls=allow_private_urls)


def _written(folder: Path, name: str, picture: EncodedImage) -> str:
    write_whole(folder, name, picture.data)
    return f"{quote(folder.name)}/{name}"


def _embedded(picture: EncodedImage) -> str:
    return picture.data_uri.decode("ascii")


def _clear(folder: Path) -> None:
    """Remove the pictures of an earlier page of this name; whatever else is there stays."""
    if folder.is_dir() and not folder.is_symlink():
        for file in folder.iterdir():
            if _OUR_PICTURE.fullmatch(file.name):
                file.unlink()


def _html(pages: Sequence[dict[str, Any]], order: Sequence[tuple[int, int]]) -> bytes:
    style, program, template = (_part(name) for name in ("review.css", "review.js", "review.html"))
    data = {
        "made_by": f"vlm-adapters {metadata.version('vlm-adapters')}",
        "format": FORMAT,
        "version": VERSION,
        "pages": pages,
        "order": order,
    }
    places = {
        "style-digest": _digest(style),
        "program-digest": _digest(program),
        "style": style,
        "program": program,
        # A file's name need not be Unicode: then it has surrogates, which JSON writes as escapes.
        "data": json.dumps(data, separators=(",", ":")).translate(_ESCAPED),
    }
    # In one pass: what is put in is not looked at again.
    filled = re.sub(r"\{\{([a-z-]+)\}\}", lambda match: places[match[1]], template)
    return filled.encode()


def _part(name: str) -> str:
    return (files("vlm_core.export") / "review_page" / name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    """As a content security policy names a program or a style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
