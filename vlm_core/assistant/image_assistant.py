"""ImageAssistant: what an agent may ask about images, and is safe to be given to a model."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vlm_core.assistant.file_access import FileAccessPolicy, Roots, resolved_roots, spellings_of
from vlm_core.assistant.folder import Folder
from vlm_core.assistant.library import Library, OnProgress
from vlm_core.assistant.page_pictures import SIDE
from vlm_core.assistant.questions import ask_blocking, ask_on_loop, is_paid, model_of, most_images
from vlm_core.assistant.results import (
    DocumentList,
    ImageAnswer,
    ImageData,
    ImageReading,
    PageList,
    PagePicture,
    TextMatches,
)
from vlm_core.assistant.search_index import SearchIndex
from vlm_core.assistant.service import AssistantService
from vlm_core.assistant.tools import IMAGE_TOOLS, ImageTool
from vlm_core.assistant.untrusted import one_line, sanitized_errors
from vlm_core.errors import ConfigError
from vlm_core.flow.validation import check_counts
from vlm_core.ocr.dialects.json_answers import check_schema
from vlm_core.option_names import strict_options
from vlm_core.threads import on_own_thread
from vlm_core.types import MAX_PAGES
from vlm_core.wire.options import check_options

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Route
    from vlm_core.client import VLMClient
    from vlm_core.jobs.journal import Journal
    from vlm_core.ocr.callable_client import ForeignClient
    from vlm_core.ocr.engine import Engine

# A JSON schema has one of them.
_SCHEMA_WORDS = frozenset({"type", "properties", "$ref", "anyOf", "oneOf", "allOf", "enum"})


class ImageAssistant:
    """Reads images, answers questions about them and finds texts in them, for a model that names files.

    Every image is named by a text: a file under `root_dir`, or a URL where these are allowed. What it
    gives back says where it looked. An assistant may be used from any number of threads and event
    loops; a document that is asked about often is opened, decoded and read once.

    Args:
        engine: what reads: "local", a route, a `VLMClient`, or any `OCREngine`.
        llm: the vision model that answers questions: a route, a `VLMClient` or a `ForeignClient`. None
            takes the engine's own where that is a model which answers questions; where it is not, a
            question is answered with the text that was read.
        root_dir: the folder, or folders, under which files may be read; by default the current one.
        allow_urls: whether pictures are also fetched from public web addresses.
        allow_private_urls: whether these may lead to this machine or its network.
        max_pages: of one document, that are read or listed.
        max_images: pages shown to the model in one question; fewer where the provider takes fewer.
        max_bytes: of one file or download.
        max_chars: of a document's words in one result's text.
        password: of encrypted PDFs.
        journal: a file, or a `Journal`, in which pages that were read are kept.
        max_concurrency: pages that are read at once.
        request_options: of questions: temperature, max_tokens ..., and `detail` and `max_side` of pictures.
        cite_boxes: whether a model's answer is looked up in the text that the engine reads, to cite
            boxes. It takes the engine's reading of each page that was shown; None does it where the
            engine is not a vision model, which would be paid for that.
        search_seconds: for which one search reads documents that were not read yet, a few pages more at
            most; 0 searches what was read alone. A vision model as the engine reads nothing for a search.
        show_pages: whether the tools have `show_page`, for an agent whose own model sees pictures.

    Raises:
        ConfigError: an argument cannot be used.

    Example:
        >>> import tempfile, pathlib
        >>> folder = tempfile.TemporaryDirectory()
        >>> _ = pathlib.Path(folder.name, "white.pgm").write_bytes(b"P5 40 40 255 " + bytes([255]) * 1600)
        >>> with ImageAssistant(root_dir=folder.name) as assistant:
        ...     assistant.read_image("white.pgm").text
        'white.pgm, page 1 of 1: it is blank.'
        >>> folder.cleanup()
    """

    @strict_options()
    def __init__(
        self,
        engine: Engine = "local",
        llm: str | Route | VLMClient | ForeignClient | None = None,
        *,
        root_dir: Roots = ".",
        allow_urls: bool = False,
        allow_private_urls: bool = False,
        max_pages: int = MAX_PAGES,
        max_images: int = 8,
        max_bytes: int = 64 * 2**20,
        max_chars: int = 20_000,
        password: str | None = None,
        journal: str | os.PathLike[str] | Journal | None = None,
        max_concurrency: int = 8,
        request_options: Mapping[str, Any] | None = None,
        cite_boxes: bool | None = None,
        search_seconds: float = 30.0,
        show_pages: bool = False,
    ) -> None:
        # First of all, while the arguments are the only locals: an assistant is pickled by them.
        self._made_of = {name: value for name, value in locals().items() if name != "self"}
        from vlm_core.jobs.reader import DocumentReader

        roots = self._made_of["root_dir"] = resolved_roots(root_dir)
        _check_seconds(search_seconds)
        self._has_pictures = show_pages
        check_counts(max_pages=max_pages, max_images=max_images, max_bytes=max_bytes, max_chars=max_chars)
        options = dict(request_options or {})
        check_options({name: options[name] for name in options if name not in ("detail", "max_side")})
        task = "text" if engine == "local" else "markdown"
        reader = DocumentReader(
            engine, task, journal=journal, max_concurrency=max_concurrency, password=password
        )
        self._model, made = model_of(llm, reader.engine, max_concurrency)
        is_free = not is_paid(reader.engine)
        index = SearchIndex()
        library = Library(reader, password, on_read=index.add)
        self._owned: tuple[Library | SearchIndex | VLMClient, ...] = (library, index, *made)
        admission = FileAccessPolicy(roots, allow_urls, allow_private_urls, max_bytes, spellings_of(root_dir))
        self._desk = AssistantService(
            folder=Folder(
                admission, library, index, max_pages, max_chars, search_seconds if is_free else 0.0
            ),
            library=library,
            max_pages=max_pages,
            max_images=most_images(max_images, self._model),
            max_chars=max_chars,
            options=options,
            has_model=self._model is not None,
            cite_boxes=is_free if cite_boxes is None else cite_boxes,
        )

    def __repr__(self) -> str:
        return f"ImageAssistant(llm={self._model.route!r})" if self._model else "ImageAssistant()"

    @property
    def has_llm(self) -> bool:
        """Whether there is a vision model to answer questions."""
        return self._model is not None

    @property
    def tools(self) -> tuple[ImageTool, ...]:
        """What a model may be given: the tools that this assistant can serve."""
        return tuple(
            tool
            for tool in IMAGE_TOOLS
            if (self.has_llm or not tool.needs_llm) and (self._has_pictures or not tool.shows_picture)
        )

    def within(self, root_dir: Roots) -> ImageAssistant:
        """The same assistant for another folder, or folders; it shares all that was read.

        Closing it does nothing: the first one closes.

        Raises:
            ConfigError: one is not a folder.
        """
        # Without __init__, which would open another journal and make another client.
        other = object.__new__(ImageAssistant)
        other.__dict__.update(self.__dict__)
        roots = resolved_roots(root_dir)
        other._made_of = {**self._made_of, "root_dir": roots}
        other._desk = self._desk.within(roots, spellings_of(root_dir))
        other._owned = ()
        return other

    def read_image(
        self, image: str, page: int | None = None, *, on_progress: OnProgress | None = None
    ) -> ImageReading:
        """Read the text of an image or document.

        Args:
            image: its name, relative to the root, or a URL.
            page: which one, from 1; by default all, up to `max_pages`.
            on_progress: is told how many pages are read, of how many, and which; on any thread.

        Raises:
            InputError: it cannot be read, or may not be; what it says is fit for the model that asked.
            VLMError: the engine cannot read at all.
        """
        with sanitized_errors():
            return self._desk.read(image, page, on_progress)

    async def aread_image(
        self, image: str, page: int | None = None, *, on_progress: OnProgress | None = None
    ) -> ImageReading:
        """As `read_image`, without blocking the event loop."""
        return await on_own_thread(self.read_image, image, page, on_progress=on_progress)

    def ask_image(
        self,
        images: str | Sequence[str],
        question: str,
        pages: Sequence[int] | None = None,
        *,
        on_progress: OnProgress | None = None,
    ) -> ImageAnswer:
        """Ask about one image, or about several that are compared.

        Args:
            images: names relative to the root, or URLs.
            question: in plain words.
            pages: those to look at, from 1, of each document; by default all, or the best by their
                text where there are more than can be shown at once. The answer says which.
            on_progress: as for `read_image`.

        Raises:
            InputError: as for `read_image`.
            TooManyImagesError: more are named than can be shown at once.
            ProviderError: the model's provider refused.
            ResponseError: what came is not an answer.
        """
        with sanitized_errors():
            steps = self._desk.ask(_listed(images), question, _listed(pages), on_progress)
            return ask_blocking(steps, self._model)

    async def aask_image(
        self,
        images: str | Sequence[str],
        question: str,
        pages: Sequence[int] | None = None,
        *,
        on_progress: OnProgress | None = None,
    ) -> ImageAnswer:
        """As `ask_image`, without blocking the event loop."""
        with sanitized_errors():
            steps = self._desk.ask(_listed(images), question, _listed(pages), on_progress)
            return await ask_on_loop(steps, self._model)

    def extract(
        self, image: str, schema: Any, page: int | None = None, *, on_progress: OnProgress | None = None
    ) -> ImageData:
        """Get values from an image as a schema has them.

        Args:
            image: its name relative to the root, or a URL.
            schema: a JSON schema, or a pydantic model's class.
            page: which one, from 1; by default all, or the best for the schema's words.
            on_progress: as for `read_image`.

        Raises:
            ConfigError: there is no vision model to ask, or the schema is not valid.
            MalformedResponse: what the model gave is not JSON, or does not fit the schema.
            VLMError: as for `ask_image`.
        """
        with sanitized_errors():
            self._check_extract(schema)
            return ask_blocking(self._desk.extract(image, schema, page, on_progress), self._model)

    async def aextract(
        self, image: str, schema: Any, page: int | None = None, *, on_progress: OnProgress | None = None
    ) -> ImageData:
        """As `extract`, without blocking the event loop."""
        with sanitized_errors():
            self._check_extract(schema)
            return await ask_on_loop(self._desk.extract(image, schema, page, on_progress), self._model)

    def find_text(self, image: str, text: str, *, on_progress: OnProgress | None = None) -> TextMatches:
        """Find every place where a text stands in an image or document, also with a few errors.

        Args:
            image: its name relative to the root, or a URL.
            text: what is sought; case, blanks and punctuation count little.
            on_progress: as for `read_image`.

        Raises:
            VLMError: as for `read_image`.
        """
        with sanitized_errors():
            return self._desk.find_text(image, text, on_progress)

    async def afind_text(
        self, image: str, text: str, *, on_progress: OnProgress | None = None
    ) -> TextMatches:
        """As `find_text`, without blocking the event loop."""
        return await on_own_thread(self.find_text, image, text, on_progress=on_progress)

    def list_pages(self, document: str, *, on_progress: OnProgress | None = None) -> PageList:
        """List the pages of a document: sizes, and whether the file holds their text. Nothing is read.

        Args:
            document: its name relative to the root, or a URL.
            on_progress: as for `read_image`.

        Raises:
            InputError: as for `read_image`.
        """
        with sanitized_errors():
            return self._desk.list_pages(document, on_progress)

    async def alist_pages(self, document: str, *, on_progress: OnProgress | None = None) -> PageList:
        """As `list_pages`, without blocking the event loop."""
        return await on_own_thread(self.list_pages, document, on_progress=on_progress)

    def show_page(
        self,
        document: str,
        page: int = 1,
        max_side: int = SIDE,
        *,
        on_progress: OnProgress | None = None,
    ) -> PagePicture:
        """Show a page, for a model that sees pictures.

        Args:
            document: its name relative to the root, or a URL.
            page: which one, from 1.
            max_side: pixels of the picture's longer side at most, from 64 to 4096.
            on_progress: as for `read_image`.

        Raises:
            InputError: as for `read_image`, or the document lacks this page.
        """
        with sanitized_errors():
            found = self._desk.show_page(document, page, max_side)
        if on_progress is not None:
            on_progress(1, 1, f"{one_line(str(document))}, page {page}")
        return found

    async def ashow_page(
        self,
        document: str,
        page: int = 1,
        max_side: int = SIDE,
        *,
        on_progress: OnProgress | None = None,
    ) -> PagePicture:
        """As `show_page`, without blocking the event loop."""
        return await on_own_thread(self.show_page, document, page, max_side, on_progress=on_progress)

    def list_documents(
        self, pattern: str | None = None, start: int = 1, *, on_progress: OnProgress | None = None
    ) -> DocumentList:
        """List the documents that may be read, newest first, 50 at a time.

        Args:
            pattern: a part of the name, or the whole with `*` and `?`; None for all.
            start: the number of the first one that is listed, from 1.
            on_progress: as for `read_image`.

        Raises:
            InputError: the pattern or the number cannot be one.
        """
        with sanitized_errors():
            return self._desk.list_documents(pattern, start, on_progress)

    async def alist_documents(
        self, pattern: str | None = None, start: int = 1, *, on_progress: OnProgress | None = None
    ) -> DocumentList:
        """As `list_documents`, without blocking the event loop."""
        return await on_own_thread(self.list_documents, pattern, start, on_progress=on_progress)

    def search_documents(
        self, query: str, pattern: str | None = None, *, on_progress: OnProgress | None = None
    ) -> TextMatches:
        """Find the pages of all documents that have most to do with some words, best first.

        What was not read yet is read first, for up to `search_seconds`; the result's `notes` say what was
        not looked through.

        Args:
            query: words or figures that stand on the page, or a question.
            pattern: of the names of documents, as for `list_documents`; None for all.
            on_progress: as for `read_image`.

        Raises:
            InputError: the query is empty or too long.
        """
        with sanitized_errors():
            return self._desk.search(query, pattern, on_progress)

    async def asearch_documents(
        self, query: str, pattern: str | None = None, *, on_progress: OnProgress | None = None
    ) -> TextMatches:
        """As `search_documents`, without blocking the event loop."""
        return await on_own_thread(self.search_documents, query, pattern, on_progress=on_progress)

    def close(self) -> None:
        """Forget the documents, and close the connections of a model that was given by its route."""
        for owned in self._owned:
            owned.close()

    async def aclose(self) -> None:
        """As `close`, on an event loop."""
        from vlm_core.client import VLMClient

        self.close()
        for owned in self._owned:
            if isinstance(owned, VLMClient):
                await owned.aclose()

    def __enter__(self) -> ImageAssistant:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> ImageAssistant:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (self._made_of,)

    def _check_extract(self, schema: object) -> None:
        if self._model is None:
            raise ConfigError(
                "extract needs a vision model, and there is none",
                hint='Give one as llm=..., such as "novita:qwen/qwen3-vl-8b-instruct"; '
                "without one, read_image gives the text.",
            )
        check_schema(schema)
        if schema is None or (isinstance(schema, Mapping) and not _SCHEMA_WORDS & schema.keys()):
            raise ConfigError(
                "extract got no JSON schema",
                hint='Write it like {"type": "object", "properties": {"total": {"type": "number"}}}.',
            )


def _check_seconds(seconds: object) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
        raise ConfigError(
            f"search_seconds={seconds!r} is not a number of seconds",
            hint="Give one of at least 0.",
            argument="search_seconds",
        )


def _remade(made_of: dict[str, Any]) -> ImageAssistant:
    return ImageAssistant(**made_of)


def _listed(one_or_more: object) -> list[object]:
    if one_or_more is None:
        return []
    return list(one_or_more) if isinstance(one_or_more, (list, tuple)) else [one_or_more]
