"""Loading image documents into LlamaIndex."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from llama_index.core.bridge.pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_serializer,
    model_validator,
)
from llama_index.core.readers.base import BasePydanticReader
from llama_index.core.schema import BaseComponent, Document

from llamaindex_vlm.engines import as_engine
from llamaindex_vlm.nodes import document_of, linked
from vlm_core import PageResult
from vlm_core.integration import (
    ChunkOptions,
    EmptyPages,
    Mode,
    PageOptions,
    Passage,
    ReaderOptions,
    apassages,
    check_mode,
    check_names,
    checked_chunk_options,
    engine_name,
    passages,
    reader_with,
    source_from,
)

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

    from llamaindex_vlm.pictures import Pictures
    from vlm_core import DocumentReader, OCREngine


class ReadingOptions(BaseComponent):
    """A component that reads pictures. It cannot be changed, and may be pickled."""

    # The DocumentReader is made once, from what was given.
    model_config = ConfigDict(frozen=True)

    engine: str | Any = Field(
        default="local",
        description='"local", a vision model as "provider:model" or VLMClient, any LLM that takes '
        "images, or an OCR engine of your own.",
    )
    mode: Mode = Field(
        default="page",
        description='What becomes one Document: a "document", a "page", a "block" of lines or a "chunk".',
    )
    chunk_tokens: int = Field(
        default=512,
        ge=1,
        description="Of a chunk, at most: words, marks, and Chinese, Japanese and Korean characters.",
    )
    tokenizer: Callable[[str], int] | None = Field(
        default=None,
        exclude=True,
        description="Tells how many tokens a text has; by default words are counted.",
    )
    overlap: int = Field(default=0, ge=0, description="Tokens that a chunk repeats of the one before.")
    min_score: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Leave out pages with a lower `score`; one `LowScoreWarning` lists them at the end. "
        "Pages that a vision model read have no score, and stay.",
    )
    task: str = Field(
        default="markdown",
        description='What the text is to look like: "markdown", "text" or "layout"; of a vision model also '
        '"table", "json", "handwriting", "receipt" or "describe".',
    )
    prompt: str | None = Field(
        default=None, description="Words of your own for a vision model, in place of the task's."
    )
    output_schema: Any = Field(
        default=None, exclude=True, description="Of the JSON wanted: a JSON schema or a pydantic model."
    )
    request_options: dict[str, Any] | None = Field(
        default=None, description="For a vision model: temperature, max_tokens, max_side, detail, extra_body."
    )
    fallbacks: list[Any] = Field(
        default_factory=list,
        exclude=True,
        description='Routes to ask where the engine cannot answer; the last one may be "local".',
    )
    journal: Any = Field(
        default=None,
        exclude=True,
        description="A file in which each page is recorded, so that none is paid twice.",
    )
    budget_usd: float | None = Field(
        default=None, description="Once so much is spent in one call, its further pages are skipped."
    )
    pdf_text: Literal["auto", "ignore"] = Field(
        default="auto", description='"ignore" reads the picture of a PDF page even where it has text.'
    )
    dehyphenate: bool = Field(
        default=True, description="Whether words that a line's end has parted are put together."
    )
    password: SecretStr | None = Field(default=None, exclude=True, description="For encrypted PDFs.")
    max_pages: int | None = Field(
        default=None, description="At most so many pages of each document are read."
    )
    max_concurrency: int = Field(default=8, description="Pages read at once, by all calls together.")
    on_error: Literal["record", "raise"] = Field(
        default="record", description='"raise" raises the error of the first page that fails.'
    )
    on_page: Callable[[PageResult], None] | None = Field(
        default=None, exclude=True, description="Is called with the result of every page."
    )
    progress: bool | Literal["auto"] = Field(
        default=False, description='Whether to show a progress bar; "auto" does so on a terminal.'
    )
    allow_private_urls: bool = Field(
        default=False, description="Whether URLs may lead to this machine or its network."
    )
    attachments: bool = Field(
        default=False, description="Whether the pictures and PDFs that a PDF carries are read too."
    )
    furniture: Literal["drop", "keep", "mark"] = Field(
        default="mark",
        description='What becomes of page headers and footers: "drop" leaves them out, "keep" takes them '
        'for text like any other, "mark" leaves them in texts and out of chunks.',
    )
    figure_images: Path | None = Field(
        default=None, exclude=True, description="A folder into which the pictures of figures are written."
    )
    verify: bool | Literal["strict"] = Field(
        default=False,
        description="Whether what a model wrote is checked against the page's pixels by the local engine.",
    )
    verify_with: str | Any = Field(
        default=None,
        description="A second model that is shown the pixels where a finding is, as `engine` names one.",
    )
    trusted: bool = Field(
        default=False,
        description="Whether no one means harm with the documents, so that they are not decoded apart.",
    )
    empty_pages: EmptyPages = Field(
        default=False,
        description="Give pages without text too; `ocr_state` says what became of them. "
        '"failed" gives those that are not blank.',
    )
    image_reference: bool = Field(
        default=False,
        description="Let `image_resource` refer to the picture, where it is a file on this disk that "
        "holds the one page upright, as PNG, JPEG, WebP or GIF.",
    )
    image_dir: Path | None = Field(
        default=None,
        description="Where the pictures of all other pages, such as those of PDFs, are written to be "
        "referred to; implies image_reference.",
    )
    _reader: DocumentReader = PrivateAttr()
    _chunking: ChunkOptions = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, options: dict[str, Any]) -> dict[str, Any]:
        check_names(options, cls.model_fields)
        check_mode(options.get("mode", "page"))
        return options

    def model_post_init(self, context: object) -> None:
        """Make the reader that all calls share, so that its bound on pages holds over them."""
        options = {name: getattr(self, name) for name in ReaderOptions.__annotations__}
        options["password"] = self._password()
        if self.verify_with is not None:
            options["verify_with"] = as_engine(self.verify_with)
        self._reader = reader_with(as_engine(self.engine), cast("ReaderOptions", options))
        self._chunking = checked_chunk_options(self.chunk_tokens, self.tokenizer, self.overlap)

    def __reduce__(self) -> tuple[Any, ...]:
        # LlamaIndex would leave out what cannot be pickled, and so change the engine in silence.
        return _revive, (type(self), {name: getattr(self, name) for name in type(self).model_fields})

    @field_serializer("engine")
    def _engine_name(self, engine: str | OCREngine) -> str:
        return engine_name(as_engine(engine))

    @field_serializer("verify_with")
    def _second_name(self, engine: str | OCREngine | None) -> str | None:
        return None if engine is None else engine_name(as_engine(engine))

    @field_serializer("image_dir")
    def _image_dir_name(self, image_dir: Path | None) -> str | None:
        return None if image_dir is None else str(image_dir)

    def _page_options(self) -> PageOptions:
        return {
            "empty_pages": self.empty_pages,
            "min_score": self.min_score,
            **self._chunking,
        }

    def _password(self) -> str | None:
        return None if self.password is None else self.password.get_secret_value()


def _revive(kind: type[ReadingOptions], options: dict[str, Any]) -> ReadingOptions:
    return kind(**options)


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
        found = passages(self._reader, document, self.mode, **self._page_options())
        made = map(make, found)
        yield from linked(made) if self.mode == "chunk" else made

    async def aload_data(
        self, file: Any, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> list[Document]:
        """As `load_data`, without ever blocking the event loop."""
        document, make = await asyncio.to_thread(self._prepared, file, extra_info, fs)
        read = apassages(self._reader, document, self.mode, **self._page_options())
        async with aclosing(read):
            # On a thread, for a picture may be written.
            made = [await asyncio.to_thread(make, passage) async for passage in read]
        return list(linked(made)) if self.mode == "chunk" else made

    async def alazy_load_data(
        self, file: Any, extra_info: dict[str, Any] | None = None, fs: Any = None
    ) -> Iterable[Document]:
        """As `aload_data`: LlamaIndex wants them in an iterable that does not wait."""
        return await self.aload_data(file, extra_info, fs)

    def _prepared(
        self, file: object, extra_info: dict[str, Any] | None, fs: AbstractFileSystem | None
    ) -> tuple[object, Callable[[Passage], Document]]:
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
    from vlm_core.integration import SUFFIXES

    # One for all suffixes: its bound on pages read at once holds over all of them.
    shared = reader or VLMReader()
    return dict.fromkeys(sorted(SUFFIXES), shared)


def _bytes_in(fs: AbstractFileSystem, path: str) -> bytes:
    with fs.open(path, "rb") as file:
        data: bytes = file.read()
        return data


def _document(extra_info: dict[str, Any], pictures: Pictures | None, passage: Passage) -> Document:
    picture = None if pictures is None else pictures.resource(passage)
    return document_of(passage, extra_info, picture)
