"""Loading image documents into LlamaIndex."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any

from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import Document

from llamaindex_vlm.nodes import document_of, linked
from llamaindex_vlm.options import ReadingOptions
from vlm_core import Passage, apassages, passages, source_from

if TYPE_CHECKING:
    from llamaindex_vlm.pictures import Pictures


class VLMReader(ReadingOptions, BasePydanticReader):
    """Loads scans, photographs and PDFs as Documents, page by page.

    A Document has the same id and metadata whenever the same picture is read in the same way.
    Metadata: `file_path`, `file_name`, `page_label` (from 1), `total_pages`, `width`, `height`,
    `rotation` (degrees clockwise, where the page was turned), `image_sha256`, `ocr_engine`, `ocr_state`,
    `trust` (always "untrusted": the text is a stranger's), and in block mode `bbox` ("x0,y0,x1,y1",
    fractions of the page). What is not known is left out.

    A page without text gives no Document; one `EmptyPagesWarning` lists them all at the end.

    Raises:
        ConfigError: an option is not known or cannot be used.
        pydantic.ValidationError: an option is of a wrong type.

    Example:
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> VLMReader(empty_pages=True).load_data(white)[0].metadata["ocr_state"]
        'blank'
    """

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores the reader."""
        return "VLMReader"

    def lazy_load_data(
        self, file: Any, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> Iterable[Document]:
        """Yield each Document as soon as its page is read.

        Args:
            file: a path, directory, glob pattern, URL, bytes, binary file or Pillow image, or a list
                of these; with `fs`, a path there.
            extra_info: metadata to put on every Document. It may name the file, but what is known
                of the page stands.
            fs: an fsspec file system.

        Raises:
            VLMError: with on_error="raise", what was wrong with the first page that failed.
            ConfigError: image_dir cannot be written to.
        """
        document, make = self._prepared(file, extra_info, fs)
        found = passages(
            self._reader, document, self.mode, empty_pages=self.empty_pages, chunk_tokens=self.chunk_tokens
        )
        made = map(make, found)
        yield from linked(made) if self.mode == "chunk" else made

    async def aload_data(
        self, file: Any, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """As `load_data`, without ever blocking the event loop."""
        document, make = await asyncio.to_thread(self._prepared, file, extra_info, fs)
        found = apassages(
            self._reader, document, self.mode, empty_pages=self.empty_pages, chunk_tokens=self.chunk_tokens
        )
        async with aclosing(found):
            # On a thread, for a picture may be written.
            made = [await asyncio.to_thread(make, passage) async for passage in found]
        return list(linked(made)) if self.mode == "chunk" else made

    async def alazy_load_data(
        self, file: Any, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> Iterable[Document]:
        """As `aload_data`: LlamaIndex wants them in an iterable that does not wait."""
        return await self.aload_data(file, extra_info, fs)

    def _prepared(
        self, file: Any, extra_info: dict[str, Any] | None, fs: Any
    ) -> tuple[Any, Callable[[Passage], Document]]:
        """What to read, and what makes a Document of each passage."""
        document = file if fs is None else source_from(partial(_bytes_in, fs, str(file)), str(file))
        if not self.image_reference and self.image_dir is None:
            return document, partial(_document, extra_info or {}, None)
        from llamaindex_vlm.pictures import Pictures, read_once

        if self.image_dir is not None:
            document = read_once(document, allow_private_urls=self.allow_private_urls)
        pictures = Pictures(document, self.image_dir, self._password(), self.allow_private_urls)
        return document, partial(_document, extra_info or {}, pictures)


def file_extractor(reader: VLMReader | None = None) -> dict[str, VLMReader]:
    """What `SimpleDirectoryReader` needs to read image documents: a reader for each file suffix.

    It looks suffixes up in lower case, so that `.PNG` is found too. Files without a suffix it reads
    as text, whatever they are.

    Args:
        reader: reads them all; by default the local engine, page by page.

    Example:
        >>> file_extractor()[".tif"].mode
        'page'
    """
    from vlm_core import SUFFIXES

    shared = reader or VLMReader()
    return dict.fromkeys(sorted(SUFFIXES), shared)


def _bytes_in(fs: Any, path: str) -> bytes:
    with fs.open(path, "rb") as file:
        data: bytes = file.read()
        return data


def _document(extra_info: dict[str, Any], pictures: Pictures | None, passage: Passage) -> Document:
    picture = None if pictures is None else pictures.resource(passage)
    return document_of(passage, extra_info, picture)
