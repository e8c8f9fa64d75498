"""Loading image documents into LangChain."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from itertools import repeat
from types import FrameType
from typing import TYPE_CHECKING, Any, Unpack

from langchain_core.document_loaders.base import BaseBlobParser, BaseLoader
from langchain_core.documents.base import Blob, Document

from langchain_vlm.arrays import as_picture
from vlm_core import PagesFailed
from vlm_core.integration import (
    Mode,
    OnFailed,
    Passage,
    PassageOptions,
    ReaderOptions,
    apassages,
    check_mode,
    checked_chunk_options,
    checked_min_score,
    passages,
    reader_with,
    source_from,
    stable_id,
    strict_options,
)

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from vlm_core import DocumentReader, Engine
    from vlm_core.integration import Source


class VLMLoader(BaseLoader):
    """Loads scans, photographs and PDFs as Documents, page by page.

    A Document has the same id and metadata whenever the same picture is read in the same way.
    Metadata: `source`, `page` (from 0), `page_label` (from 1), `total_pages`, `width`, `height`,
    `rotation` (degrees clockwise, where it was turned), `sha256` (of the picture), `ocr_engine`,
    `ocr_state`, `trust` (always "untrusted": the text is a stranger's), and in block mode `bbox`
    ("x0,y0,x1,y1", fractions of the page). What is not known, such as the size of a page that could
    not be opened, is left out.

    A page without text gives no Document; one `EmptyPagesWarning` lists them all at the end.

    Args:
        source: a path, directory, glob pattern, URL, bytes, binary file or Pillow image, or a list
            of these.
        engine: "local", a vision model as "provider:model" or VLMClient, any chat model of LangChain that
            takes images, or an OCR engine of your own.
        mode: what becomes one Document: a "document", a "page", a "block" of lines, or a "chunk": whole
            paragraphs and rows of tables, of at most `chunk_tokens`, with the metadata `headings` ("A > B"),
            `pages` ("3,4"), `boxes` ("3:x0,y0,x1,y1;...") and `block_kinds`.
        chunk_tokens: of a chunk, at most: words, marks, and Chinese, Japanese and Korean characters, or
        tokenizer: what it tells of a text, such as `lambda text: len(encoding.encode(text))`.
        overlap: tokens at the end of a chunk, at most, that the next one begins with.
        empty_pages: give pages without text too; `ocr_state` says what became of them.
        min_score: leave out pages with a lower `score` (from 0 to 1); one `LowScoreWarning` lists them at the
            end. Pages that a vision model read have no score, and stay.
        reader_options: those of `vlm_core.DocumentReader`, such as task, password, max_pages and
            on_page.

    Raises:
        ConfigError: an argument cannot be used.

    Example:
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> VLMLoader(white, empty_pages=True).load()[0].metadata["ocr_state"]
        'blank'
    """

    @strict_options(*ReaderOptions.__annotations__)
    def __init__(
        self,
        source: Any,
        engine: Engine | BaseChatModel = "local",
        mode: Mode = "page",
        *,
        empty_pages: bool = False,
        chunk_tokens: int = 512,
        tokenizer: Callable[[str], int] | None = None,
        overlap: int = 0,
        min_score: float | None = None,
        **reader_options: Unpack[ReaderOptions],
    ) -> None:
        check_mode(mode)
        self.source = source
        self.mode = mode
        self.empty_pages = empty_pages
        self._chunking = checked_chunk_options(chunk_tokens, tokenizer, overlap)
        self.min_score = checked_min_score(min_score)
        self._reader = _reader(engine, reader_options)
        self._may_raise = "on_error" not in reader_options

    def lazy_load(self) -> Iterator[Document]:
        """Yield each Document as soon as its page is read.

        Raises:
            DocumentNotFoundError: the source is the path of a file that does not exist.
            PagesFailed: an `index()` with a cleanup reads it, and a page failed; after all Documents. Not
                where `on_error` is given.
            VLMError: with on_error="raise", what was wrong with the first page that failed.
        """
        run = index_run() if self._may_raise else None
        read = passages(self._reader, self.source, self.mode, **self._options(run))
        documents = map(_document, read)
        yield from documents if run is None else run.filled(documents)

    async def alazy_load(self) -> AsyncIterator[Document]:
        """As `lazy_load`, without ever blocking the event loop."""
        run = index_run() if self._may_raise else None
        read = apassages(self._reader, self.source, self.mode, **self._options(run))
        async with aclosing(read):
            documents = (_document(passage) async for passage in read)
            async for document in documents if run is None else run.afilled(documents):
                yield document

    def _options(self, run: IndexRun | None) -> PassageOptions:
        return {
            "empty_pages": self.empty_pages,
            "at_least_one": False,
            "on_failed": "warn" if run is None else run.on_failed,
            "min_score": self.min_score,
            **self._chunking,
        }


class VLMBlobParser(BaseBlobParser):
    """Parses blobs that hold scans, photographs or PDFs, as `VLMLoader` loads files.

    The bytes tell what a blob is, not its type. It may also be an array in NumPy's file format, in
    which some PDF loaders hand over embedded pictures: give this parser as their `images_parser`.
    Such a blob has no source, and gives a Document even where its picture has no text.

    A blob's metadata, its source above all, is kept on its Documents.

    Args:
        engine: as for `VLMLoader`, as are the others.

    Example:
        >>> blob = Blob.from_data(b"P5 40 40 255 " + bytes([255]) * 1600)
        >>> next(VLMBlobParser().lazy_parse(blob)).page_content
        ''
    """

    @strict_options(*ReaderOptions.__annotations__)
    def __init__(
        self,
        engine: Engine | BaseChatModel = "local",
        mode: Mode = "page",
        *,
        empty_pages: bool = False,
        chunk_tokens: int = 512,
        tokenizer: Callable[[str], int] | None = None,
        overlap: int = 0,
        min_score: float | None = None,
        **reader_options: Unpack[ReaderOptions],
    ) -> None:
        check_mode(mode)
        self.mode = mode
        self.empty_pages = empty_pages
        self._chunking = checked_chunk_options(chunk_tokens, tokenizer, overlap)
        self.min_score = checked_min_score(min_score)
        self._reader = _reader(engine, reader_options)
        self._may_raise = "on_error" not in reader_options

    def lazy_parse(self, blob: Blob) -> Iterator[Document]:
        """Yield each Document as soon as its page is read.

        Raises:
            PagesFailed: as of `VLMLoader`, after the Documents of this blob.
            VLMError: with on_error="raise", what was wrong with the first page that failed.
        """
        with advice():
            for passage in passages(self._reader, _source(blob), self.mode, **self._options(blob)):
                yield _document(passage, blob.metadata)

    async def alazy_parse(self, blob: Blob) -> AsyncIterator[Document]:
        """As `lazy_parse`, without ever blocking the event loop."""
        read = apassages(self._reader, _source(blob), self.mode, **self._options(blob))
        with advice():
            async with aclosing(read):
                async for passage in read:
                    yield _document(passage, blob.metadata)

    def _options(self, blob: Blob) -> PassageOptions:
        run = index_run() if self._may_raise else None
        return {
            "empty_pages": self.empty_pages,
            # A PDF's parser that found it in the PDF asks for the first Document, so there must be one.
            "at_least_one": blob.source in (None, "", "#") or blob.mimetype == "application/x-npy",
            "on_failed": "warn" if run is None else run.on_failed,
            "min_score": self.min_score,
            **self._chunking,
        }


# What a check found may change while the picture stays.
_OF_CHECKS = frozenset({"boxes", "findings", "agreement"})


def key_encoder(document: Document) -> str:
    """The key under which `index()` stores a Document: one for each picture, whatever OCR makes of it.

    A vision model may read the same picture twice and answer in other words; with this key the
    second reading is skipped instead of stored anew. A changed picture has another key. Documents
    that are not a whole page or block of a loader of ours, such as the chunks of a text splitter, and
    pages that were not read in full are known by their text and metadata.

    Args:
        document: any Document.

    Returns:
        A UUID.

    Raises:
        TypeError: the metadata of another's Document is not JSON.

    Example:
        >>> key_encoder(Document("TOTAL 9.00")) == key_encoder(Document("TOTAL 9.00", id="random"))
        True
    """
    if document.id and document.metadata.get("ocr_state") == "ok" and "sha256" in document.metadata:
        return document.id
    known = {name: fact for name, fact in document.metadata.items() if name not in _OF_CHECKS}
    content = json.dumps([document.page_content, known], sort_keys=True)
    return stable_id(hashlib.sha256(content.encode()).hexdigest())


def _reader(engine: Engine | BaseChatModel, options: ReaderOptions) -> DocumentReader:
    second = options.get("verify_with")
    if isinstance(engine, str) and isinstance(second, str | None):
        return reader_with(engine, options)
    from langchain_vlm.engines import as_engine  # chat models are slow to import

    if second is not None:
        options = {**options, "verify_with": as_engine(second)}
    return reader_with(as_engine(engine), options)


def _document(passage: Passage, metadata: dict[str, Any] | None = None) -> Document:
    facts = {**(metadata or {}), **_metadata(passage)}
    return Document(
        passage.text,
        id=passage.id,
        metadata={name: fact for name, fact in facts.items() if fact is not None},
    )


def _metadata(passage: Passage) -> dict[str, str | float | None]:
    page, number = passage.page, passage.page_number
    return {
        "source": page.source,
        "page": None if number is None else number - 1,
        "sha256": page.sha256 or None,
        **passage.metadata,
    }


def _source(blob: Blob) -> Source:
    return source_from(lambda: as_picture(blob.as_bytes()), str(blob.source or "<bytes>"))


# --- loaders that LangChain's `index()` reads ---------------------------------------------------------
#
# `index(cleanup=...)` deletes what the loader does not give again, so that a page that cannot be read at the
# moment would be deleted like one that is gone. What is deleted cannot be chosen from within a loader, but an
# error ends `index()` before it deletes. So the loader gives all that was read, and raises then.

_API = "langchain_core.indexing.api"
_HINT = (
    "index() ends here, and deletes nothing that these pages gave before. "
    'Run it again; with on_error="record" it goes on, and deletes that.'
)


@dataclass(frozen=True)
class IndexRun:
    """A call of `index()` or `aindex()` that deletes what it is not given.

    Example:
        >>> IndexRun("full", batch_size=100).on_failed
        'raise'
    """

    cleanup: str
    batch_size: int

    @property
    def on_failed(self) -> OnFailed:
        """What is to be done where pages failed.

        "incremental" deletes with each batch the other pages of its documents, so that nothing may be
        given of a document of which a page failed.
        """
        return "hold_back" if self.cleanup == "incremental" else "raise"

    def filled(self, documents: Iterator[Document]) -> Iterator[Document]:
        """All Documents of a loader; where it raises at the end, their last batch is filled up before."""
        count, last = 0, None
        with advice():
            try:
                for last in documents:
                    count += 1
                    yield last
            except PagesFailed:
                yield from self._rest(count, last)
                raise

    async def afilled(self, documents: AsyncIterator[Document]) -> AsyncIterator[Document]:
        """As `filled`."""
        count, last = 0, None
        with advice():
            try:
                async for last in documents:
                    count += 1
                    yield last
            except PagesFailed:
                for document in self._rest(count, last):
                    yield document
                raise

    def _rest(self, count: int, last: Document | None) -> Iterator[Document]:
        """The last Document, until its batch is full: of one that is not full nothing is indexed where
        the loader raises, and what is in it more than once is indexed once."""
        return repeat(last, -count % self.batch_size) if last is not None else iter(())


@contextmanager
def advice() -> Iterator[None]:
    """A PagesFailed that is raised within says what it means for an index."""
    try:
        yield
    except PagesFailed as error:
        error.hint = _HINT
        raise


def index_run() -> IndexRun | None:
    """The call of `index()` or `aindex()` that is reading a loader at this moment, if it deletes anything.

    LangChain does not tell a loader who reads it, so that it is looked up in the call stack.

    Example:
        >>> index_run() is None
        True
    """
    api: Any = sys.modules.get(_API)
    if api is None:
        return None
    codes = {api.index.__code__, api.aindex.__code__}
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code not in codes:
        frame = frame.f_back
    if frame is None or frame.f_locals["cleanup"] is None:
        return None
    return IndexRun(frame.f_locals["cleanup"], frame.f_locals["batch_size"])
