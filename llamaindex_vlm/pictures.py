"""Where the picture behind a page is to be found on this disk: in its own file, or as a PNG beside others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

from llama_index.core.schema import MediaResource

from vlm_core import ConfigError, InputError, PageImage, PageResult, VLMError, page_png
from vlm_core.integration import Passage, Source, expand, page_again, sniff, warn_caller

_SHOWN = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
"""Formats that browsers and vision models show."""


@dataclass(frozen=True)
class Pictures:
    """Finds the pictures behind the pages of what is being read.

    Args:
        document: what is read.
        folder: where pictures may be written; None to refer only to picture files that are there.
        password: of an encrypted PDF.
        allow_private_urls: whether a URL may lead to this machine or its network.
    """

    document: Any
    folder: Path | None = None
    password: str | None = None
    allow_private_urls: bool = False

    def resource(self, passage: Passage) -> MediaResource | None:
        """The picture of a page; None where there is none, with a warning where it could not be had.

        Raises:
            ConfigError: the folder cannot be written to.
        """
        if not passage.page.sha256:
            return None
        file = self._file(passage)
        if file is not None and (found := _as_it_is(passage.page, file)):
            return found
        if self.folder is None or passage.page_number is None:
            return None
        path = _path_in(self.folder, passage.page.sha256, passage.page.rotation)
        return self._written(path, passage, self.document if file is None else file)

    def _file(self, passage: Passage) -> Path | None:
        # A Source has a name of its own, which may be that of a file here by chance.
        if isinstance(self.document, Source):
            return None
        path = Path(passage.page.source).expanduser()
        return path.resolve() if path.is_file() else None

    def _written(self, path: Path, passage: Passage, document: Any) -> MediaResource | None:
        if not path.exists():
            try:
                png = page_png(
                    document,
                    passage.page,
                    password=self.password,
                    allow_private_urls=self.allow_private_urls,
                )
            except VLMError as error:
                warn_caller(f"No picture of page {passage.page_number}: {error}")
                return None
            _write(path, png)
        return MediaResource(path=path.resolve(), mimetype="image/png")


def read_once(document: Any, *, allow_private_urls: bool = False) -> Any:
    """A document that is read or downloaded a single time, however often it is opened.

    Args:
        document: anything a reader takes. What is on this disk, or many, is returned as it is.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Example:
        >>> read_once("scans/invoice.png"), type(read_once(b"GIF89a")).__name__
        ('scans/invoice.png', 'Source')
    """
    if isinstance(document, Iterator) and not hasattr(document, "read"):
        return document  # looking into it would use it up
    sources = list(islice(expand(document, allow_private_urls=allow_private_urls), 2))
    if len(sources) != 1 or sources[0].path is not None:
        return document
    return replace(sources[0], read=cache(sources[0].read))


def picture_again(
    document: str | None, page: PageResult, *, folder: Path | None, **opening: Any
) -> MediaResource:
    """The picture of a page that was read before, if it is still the same.

    Args:
        document: the path or URL that it was read from; None if it was in memory.
        page: what is known of it: its number, the digest of its picture, its size and its turn.
        folder: where pictures of pages are and may be written; None to hold the picture in memory.
        opening: `password` of an encrypted PDF, and `allow_private_urls`.

    Raises:
        InputError: the document cannot be read, or is another one by now.
        ConfigError: the folder cannot be written to.
    """
    if (written := _written_before(page.sha256, folder)) is not None:
        return MediaResource(path=written, mimetype="image/png")
    if not document:
        raise InputError("it was read from memory", hint="Read it with image_dir=..., and name that here.")
    # A Path, because there are no patterns in it.
    image = page_again(document if "://" in document else Path(document), page, **opening)
    file = Path(document).expanduser()
    if not page.width:  # it was read when nodes did not tell of size and turn yet
        page = page.model_copy(update={"rotation": image.rotation})
    if not page.rotation and file.is_file() and (found := _as_it_is(image, file.resolve())):
        return found
    png = page_png(image, page)
    if folder is None:
        return MediaResource(data=png, mimetype="image/png")
    path = _path_in(folder, page.sha256, page.rotation)
    _write(path, png)
    return MediaResource(path=path.resolve(), mimetype="image/png")


def _path_in(folder: Path, sha256: str, rotation: int) -> Path:
    return folder / f"{sha256}-{rotation}.png"


def _written_before(sha256: str, folder: Path | None) -> Path | None:
    """A picture of the page that is there already; one that was turned, where there are several."""
    paths = [] if folder is None else sorted(folder.glob(f"{sha256}-*.png"), reverse=True)
    return paths[0].resolve() if paths else None


def _as_it_is(page: PageResult | PageImage, file: Path) -> MediaResource | None:
    """The file itself, if it is nothing but this page, upright, in a format that is shown everywhere."""
    if page.total_pages != 1 or page.rotation:
        return None
    with file.open("rb") as opened:
        mimetype = _SHOWN.get(sniff(opened.read(1024)) or "")
    return MediaResource(path=file, mimetype=mimetype) if mimetype else None


def _write(path: Path, png: bytes) -> None:
    """Write a whole file or none, whoever else is writing the same."""
    part = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(png)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"image_dir={str(path.parent)!r} cannot be written to: {error}") from error
    finally:
        with suppress(OSError):
            part.unlink()
