"""DocumentReader: documents of any kind in, a result for every page out, in order."""

from __future__ import annotations

import copy
import os
from collections.abc import (
    AsyncGenerator,
    Callable,
    Container,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Future
from contextlib import aclosing, closing, contextmanager, suppress
from dataclasses import replace
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar, cast, get_args

from vlm_core.errors import ConfigError, InputError, MissingExtraError
from vlm_core.free_memory import release_free_memory
from vlm_core.jobs.budget import JobBudget, JobJournal
from vlm_core.jobs.ordered import (
    CancellableReader,
    ReaderThreads,
    Steps,
    StoppablePages,
    adrive,
    in_order,
    until_closed,
)
from vlm_core.jobs.page_furniture import with_furniture
from vlm_core.jobs.page_job import Job, OpenDocuments, PageJob, ReadOptions, page_jobs
from vlm_core.jobs.progress import Progress, show_progress
from vlm_core.jobs.second_reader import SecondModel, SecondReader
from vlm_core.ocr.engine import Engine, OCREngine, OCROptions
from vlm_core.ocr.resolve_engine import find_engine, last_resort_of
from vlm_core.option_names import names_of, strict_options
from vlm_core.types import DocumentResult, Furniture, PageResult, Verify
from vlm_core.warning import warn_caller

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Route
    from vlm_core.client import VLMClient
    from vlm_core.evidence.verify import PageVerifier
    from vlm_core.images.sources import Source
    from vlm_core.jobs.journal import Journal
    from vlm_core.jobs.plan import Plan

OnPage = Callable[[PageResult], None]
_Stream: TypeAlias = Steps[PageResult]
_Item = TypeVar("_Item")


class DocumentReader:
    """Turns image documents into text, page by page, and accounts for every page.

    A reader may be used again, from several threads, and may be pickled. Its pages are read side
    by side, and results come in the order of the sources.

    Args:
        engine: "local" (RapidOCR on this machine: no key, no network), "tesseract:rus+eng", a vision model's
            route as "provider:model", a `Route`, a `VLMClient`, or any `OCREngine`.
        task: what the text is to look like; the local engine knows "markdown", "text" and "layout", a
            vision model also "table", "json", "handwriting", "receipt" and "describe".
        prompt: words of your own for a vision model, in place of the task's.
        output_schema: of the JSON that a vision model is to give: a JSON schema or a pydantic model.
        request_options: for a vision model: temperature, max_tokens, extra_body, and of the picture
            `detail` and `max_side` (pixels of its longer side).
        fallbacks: routes to ask where that one cannot answer; "local" as the last one is the embedded
            engine. With engine="local" they read the pages of which some is still unread, within the budget.
        languages: what the local engine is to expect, as ["rus", "eng"] or "ru+en". Without them it tells the
            script of what stays unread itself.
        journal: a file, or a `Journal`, in which each page is recorded before its result is handed on. What
            was read well and stands there is not read again; its `attempts` are 0.
        budget_usd: once so much is spent in one call, its further pages are skipped, but those in flight.
        pdf_text: "auto" takes a born-digital PDF page's text from the PDF and reads the pictures
            on it; "ignore" always reads the page's picture.
        dehyphenate: whether words that a line's end has parted are put together, in a PDF's own text and in
            what the local engine reads. `lines` stay as they stand on the page.
        password: for encrypted PDFs.
        max_pages: at most so many pages of each document are read; the last one's `warnings` say
            how many were not.
        max_concurrency: pages read at once; the local engine reads at most one a core.
        on_error: "record" puts a page's or document's error on its result and goes on; "raise"
            raises it, after the results of all pages before it.
        on_page: is called with every result as it is delivered, those without text too.
        progress: True shows a progress bar, "auto" does so on a terminal.
        allow_private_urls: whether URLs may lead to this machine or its network.
        attachments: whether the pictures and PDFs that a PDF carries are read too, each as a document of its
            own behind it, called "contract.pdf#scan.png". A warning names those that are not read.
        furniture: what becomes of page headers, page footers and page numbers: "mark" leaves them in the text
            and tells them among the `blocks`, "drop" leaves them out of all, "keep" takes them for text like
            any other. With "drop" and "keep" the pages of a document come together, once all are read.
        figure_images: a folder into which the pictures of figures are written, as PNG: of all blocks of the
            kind "figure" whose place is known. `PageResult.figure_images` names the files.
        verify: whether what a model wrote is checked against the page's pixels by the local engine: then
            `evidence`, `findings` and `agreement` of the results say what of it stands where. "strict" has
            notes about numbers looked at, too. With engine="local" nothing is checked.
        verify_with: a second model, as "provider:model", that is shown the pixels where a finding is, and
            nothing else; `Finding.second_opinion` says what it read. What it reads as the first model did
            becomes a note. It stands for `verify=True`, too. `budget_usd` counts it; `plan` does not.
        trusted: whether the documents come from where no one means harm. Pictures are decoded in this process
            then, and PDFs get more time and memory; others are decoded apart, within limits.

    Raises:
        ConfigError: an argument cannot be used.

    Example:
        >>> reader = DocumentReader(task="text", on_error="raise")
        >>> reader.read(b"P5 40 40 255 " + bytes([255]) * 1600).pages[0].state
        <PageState.BLANK: 'blank'>
    """

    @strict_options(elsewhere={"pages": "Give it to read() or iter(), as in read(document, pages=[1, 3])."})
    def __init__(
        self,
        engine: Engine = "local",
        task: str = "markdown",
        *,
        prompt: str | None = None,
        output_schema: Any = None,
        request_options: Mapping[str, Any] | None = None,
        fallbacks: Sequence[str | Route] = (),
        journal: str | os.PathLike[str] | Journal | None = None,
        budget_usd: float | None = None,
        pdf_text: Literal["auto", "ignore"] = "auto",
        dehyphenate: bool = True,
        password: str | None = None,
        max_pages: int | None = None,
        max_concurrency: int = 8,
        on_error: Literal["record", "raise"] = "record",
        on_page: OnPage | None = None,
        progress: bool | Literal["auto"] = False,
        allow_private_urls: bool = False,
        attachments: bool = False,
        furniture: Furniture = "mark",
        figure_images: str | os.PathLike[str] | None = None,
        verify: Verify = False,
        verify_with: Engine | None = None,
        trusted: bool = False,
        languages: str | Sequence[str] | None = None,
    ) -> None:
        _check_choice("pdf_text", pdf_text, ("auto", "ignore"))
        _check_choice("furniture", furniture, get_args(Furniture))
        _check_choice("on_error", on_error, ("record", "raise"))
        _check_choice("verify", verify, (True, False, "strict"))
        _check_count("max_concurrency", max_concurrency)
        if max_pages is not None:
            _check_count("max_pages", max_pages)
        _check_budget(budget_usd)
        ocr_options = OCROptions(
            task,
            prompt,
            output_schema,
            request_options or {},
            fallbacks,
            max_concurrency,
            languages=languages,
        )
        self.engine = find_engine(engine, ocr_options)
        self._ocr_options = ocr_options
        self.budget_usd = budget_usd
        self.journal = _opened(journal)
        self.task = task
        self.asked_for = ocr_options.digest if furniture == "mark" else f"{ocr_options.digest} {furniture}"
        """The task, and a digest of all else that was asked for: part of what documents are known by."""
        self.on_error = on_error
        self.on_page = on_page
        self.progress = progress
        # An engine knows how many pages it can read at once: the local one, one a core.
        self.max_concurrency = min(max_concurrency, getattr(self.engine, "max_concurrency", max_concurrency))
        wants_check = bool(verify) or verify_with is not None
        verifier = _verifier(self.engine, ocr_options) if wants_check else None
        self._options = ReadOptions(
            self.engine,
            task,
            pdf_text,
            password,
            max_pages,
            allow_private_urls,
            attachments,
            dehyphenate,
            trusted,
            furniture,
            None if figure_images is None else _folder("figure_images", figure_images),
            verifier,
            verify == "strict",
            None if verifier is None else _second_model(verify_with, max_concurrency, verify),
            last_resort_of(self.engine, ocr_options),
        )
        self._running: ReaderThreads | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Threads and locks cannot be pickled, and are made anew by the first job.
        return {**self.__dict__, "_running": None}

    def __repr__(self) -> str:
        return f"DocumentReader(engine={self.engine.name!r}, task={self.task!r})"

    def read(self, document: Any, *, pages: Iterable[int] | None = None) -> DocumentResult:
        """Read one document.

        Args:
            document: a path, URL, data URI, bytes, binary file or Pillow image.
            pages: the numbers of the pages to read, from 1; all by default.

        Returns:
            A result for every page; with attachments=True also `attachments`, a result for each that is read.

        Raises:
            InputError: there is more than one document here; `iter` reads many.
            VLMError: with on_error="raise", what was wrong with the first page that failed.
        """
        # An attachment is read as a separate document, behind the one that carries it.
        return _with_attached(list(self.iter(self._the_only(document), pages=pages)))

    async def aread(self, document: Any, *, pages: Iterable[int] | None = None) -> DocumentResult:
        """As `read`, without blocking the event loop. Any number may be awaited at once."""
        import asyncio

        # Each call opens its document. Without a bound, a thousand awaited at once take a thousand files.
        async with self._threads().documents_of_loop():
            source = await asyncio.to_thread(self._the_only, document)
            async with aclosing(self.aiter(source, pages=pages)) as results:
                return _with_attached([result async for result in results])

    def iter(
        self, sources: Any, *, pages: Iterable[int] | None = None
    ) -> Generator[DocumentResult, None, None]:
        """Read many documents, each delivered once its last page is read.

        Args:
            sources: as for `read`, or a directory, a glob pattern, or a list of any of these.
            pages: the numbers of the pages to read of each.
        """
        return _blocking(_by_document(self._stream(sources, pages, CancellableReader(self.engine))))

    def aiter(
        self, sources: Any, *, pages: Iterable[int] | None = None
    ) -> AsyncGenerator[DocumentResult, None]:
        """As `iter`, without blocking the event loop.

        Once it is closed or cancelled, pages that a vision model is reading are cancelled too.
        """
        return self._aiter(_by_document, sources, pages)

    def iter_pages(
        self, sources: Any, *, pages: Iterable[int] | None = None
    ) -> Generator[PageResult, None, None]:
        """Read many documents and deliver each page as soon as it is its turn."""
        return _blocking(self._stream(sources, pages, CancellableReader(self.engine)))

    def aiter_pages(
        self, sources: Any, *, pages: Iterable[int] | None = None
    ) -> AsyncGenerator[PageResult, None]:
        """As `iter_pages`, without blocking the event loop. It ends as `aiter` does."""
        return self._aiter(lambda stream: stream, sources, pages)

    def stoppable_pages(
        self, sources: Any, *, pages: Iterable[int] | Container[int] | None = None
    ) -> StoppablePages:
        """As `iter_pages`, each with its document's number from 0; and it can be stopped in good order.

        After `stop()`, pages that were begun still come. Those that were not do not, so that a document
        may lack pages at its end, or even between two.

        Example:
            >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
            >>> pages = DocumentReader(max_concurrency=1).stoppable_pages([white] * 9)
            >>> next(pages)[0]
            0
            >>> pages.stop()
            >>> len(list(pages)) < 8
            True
        """
        reading = CancellableReader(self.engine)
        return StoppablePages(_blocking(self._stream(sources, pages, reading)), reading)

    def documents_of(self, source: Source) -> list[Source]:
        """The documents that are read of a source: itself, and with attachments=True those that it carries.

        Example:
            >>> from vlm_core import Source
            >>> [found.name for found in DocumentReader().documents_of(Source.from_bytes(b"GIF89a", "a.gif"))]
            ['a.gif']
        """
        return list(self._options.expanded([source]))

    def plan(
        self,
        sources: Any,
        *,
        routes: Sequence[str | Route | VLMClient] = (),
        pages: Iterable[int] | Container[int] | None = None,
        expected_output_tokens: int | None = None,
    ) -> Plan:
        """What reading would take: pages, tokens and money. Every page is opened, and none is sent.

        Args:
            sources: as for `iter`.
            routes: to compare; by default the engine's own, with its fallbacks.
            pages: as for `iter`.
            expected_output_tokens: of a page's answer, 400 by default.

        Raises:
            ConfigError: a route cannot be used.
        """
        from vlm_core.jobs.plan import EXPECTED_OUTPUT_TOKENS, Planner, pricings_of

        own = replace(self._ocr_options, fallbacks=(), languages=None)
        engines = [find_engine(route, own) for route in routes] or [self.engine]
        pricings = [pricing for engine in engines for pricing in pricings_of(engine)]
        planner = Planner(
            self.engine, self.task, pricings, self.journal, expected_output_tokens or EXPECTED_OUTPUT_TOKENS
        )
        # Pages are planned as they are read, by an engine that only measures them.
        measuring = copy.copy(self)
        measuring.engine, measuring._options = (
            planner,
            replace(self._options, engine=planner, verifier=None, second=None, last_resort=None),
        )
        measuring.journal = measuring.budget_usd = measuring.on_page = None
        measuring.progress, measuring.on_error = False, "record"
        reading = CancellableReader(planner)
        return planner.plan(_blocking(measuring._stream(sources, pages, reading)))

    def _the_only(self, document: object) -> Source:
        from vlm_core.images.sources import expand

        private = self._options.allow_private_urls
        expanded = expand(document, allow_private_urls=private, on_skip=Progress().skipped)
        sources = list(islice(expanded, 2))
        if len(sources) == 1:
            return sources[0]
        count = "several" if sources else "none"
        raise InputError(
            f"read() reads one document, and there are {count} here",
            hint="Use iter() for directories, patterns and lists.",
        )

    async def _aiter(
        self, arranged: Callable[[_Stream], Steps[_Item]], sources: object, pages: Iterable[int] | None
    ) -> AsyncGenerator[_Item, None]:
        import asyncio  # slow to load, and not needed where all is done in threads

        reading = CancellableReader(self.engine, asyncio.get_running_loop())
        steps = arranged(self._stream(sources, pages, reading, waits=False))
        # The reader closes first: it cancels the pages on which a step would wait while it is closed.
        async with aclosing(adrive(lambda loop: steps)) as items:
            with closing(reading):
                async for item in items:
                    yield item

    def _stream(
        self,
        sources: object,
        pages: Iterable[int] | Container[int] | None,
        reading: CancellableReader,
        *,
        waits: bool = True,
    ) -> _Stream:
        numbers, threads = _page_numbers(pages), self._threads()
        with (
            show_progress(self.progress, self.budget_usd) as bar,
            self._giving_back(waits=waits),
            closing(OpenDocuments()) as documents,
            closing(reading),
        ):
            budget, second = JobBudget(self.budget_usd), self._options.second
            job = Job(
                self._options,
                reading,
                threads.slots,
                budget,
                JobJournal(self.journal, self.engine, self.task, reading.pause, self._options.is_complete),
                bar,
                None if second is None else SecondReader(second, reading, budget),
                self._journal_of_last_resort(reading),
            )
            tasks = until_closed(page_jobs(job, sources, numbers, documents), reading)
            # More pages are begun than are read at once: some are decoded meanwhile, to be ready in time.
            ahead = 2 * self.max_concurrency
            results = in_order(tasks, PageJob.run, threads.pool, ahead, waits=waits)
            with closing(_furnished(results, self._options)) as steps:
                for step in steps:
                    if isinstance(step, PageResult):
                        self._deliver(step, bar)
                    yield step

    def _journal_of_last_resort(self, reading: CancellableReader) -> JobJournal | None:
        last = self._options.last_resort
        return None if last is None else JobJournal(self.journal, last, self.task, reading.pause)

    @contextmanager
    def _giving_back(self, *, waits: bool) -> Iterator[None]:
        """Give back at its end what a job has freed; on an event loop in a thread, for it takes a moment."""
        try:
            yield
        finally:
            if waits:
                release_free_memory()
            else:
                with suppress(RuntimeError):  # Python ends
                    self._threads().pool.submit(release_free_memory)

    def _deliver(self, result: PageResult, bar: Progress) -> None:
        bar.delivered(result)
        if self._options.verifier is not None:  # what a check takes differs from page to page
            release_free_memory()
        if self.on_page is not None:
            self.on_page(result)
        if self.on_error == "raise" and result.error is not None:
            raise result.error

    def _threads(self) -> ReaderThreads:
        """The same for all that this reader does, so that its bound holds over concurrent calls."""
        # Threads do not survive a fork.
        if self._running is None or self._running.pid != os.getpid():
            self._running = ReaderThreads(self.max_concurrency)
        return self._running


@strict_options(*names_of(DocumentReader))
def read(document: Any, *, pages: Iterable[int] | None = None, **options: Any) -> DocumentResult:
    """Read one document, in one line.

    Args:
        document: a path, URL, data URI, bytes, binary file or Pillow image.
        pages: the numbers of the pages to read, from 1; all by default.
        options: those of `DocumentReader`.

    Example:
        >>> read(b"P5 40 40 255 " + bytes([255]) * 1600).text
        ''
    """
    return DocumentReader(**options).read(document, pages=pages)


def _blocking(steps: Steps[_Item]) -> Generator[_Item, None, None]:
    """Steps that wait themselves, so that none of them is a Future."""
    return cast("Generator[_Item, None, None]", steps)


def _by_document(stream: _Stream) -> Steps[DocumentResult]:
    pages: list[PageResult] = []
    with closing(stream):
        for step in stream:
            if isinstance(step, Future):
                yield step
                continue
            if pages and step.document != pages[0].document:
                yield _document(pages)
                pages = []
            pages.append(step)
    if pages:
        yield _document(pages)


def _furnished(stream: _Stream, options: ReadOptions) -> _Stream:
    """The pages; where their page furniture is to be dropped or kept, those of each document together."""
    if options.furniture == "mark":
        yield from stream
        return
    for step in _by_document(stream):
        if isinstance(step, Future):
            yield step
        else:
            yield from with_furniture(step, options)


def _with_attached(results: Sequence[DocumentResult]) -> DocumentResult:
    """The first document with the others, which are its attachments."""
    document, *attached = results
    return document.model_copy(update={"attachments": tuple(attached)}) if attached else document


def _document(pages: Sequence[PageResult]) -> DocumentResult:
    return DocumentResult(source=pages[0].source, pages=tuple(pages))


def _page_numbers(pages: Iterable[int] | Container[int] | None) -> Container[int] | None:
    if isinstance(pages, (int, str)):
        hint = "Write pages=[1, 3]."
        raise ConfigError(f"pages={pages!r} is not a list of page numbers", hint=hint, argument="pages")
    # What only tells whether it holds a number may have no end, as "from page 5 on" has none.
    return frozenset(pages) if isinstance(pages, Iterable) and not isinstance(pages, range) else pages


def _folder(name: str, value: object) -> Path:
    """A folder that may be yet to be made."""
    path = Path(value).expanduser() if isinstance(value, (str, os.PathLike)) else None
    if path is None or (path.exists() and not path.is_dir()):
        told = f"{name} must be a folder: {value!r}"
        raise ConfigError(told, hint="Give the name of one; it is made if it is missing.", argument=name)
    return path


def _verifier(engine: OCREngine, asked_for: OCROptions) -> PageVerifier | None:
    """What checks the pages of an engine; None where it is the one that would."""
    if engine.name == "rapidocr":
        warn_caller(
            'verify checks nothing with engine="local": it would hold its own words against themselves'
        )
        return None
    if find_spec("rapidocr") is None:  # before a page is paid for
        raise MissingExtraError(
            "verify needs the local OCR engine", hint="Install it with: pip install 'vlm-adapters[local]'"
        )
    from vlm_core.evidence.verify import PageVerifier

    return PageVerifier.of_task(asked_for.task, has_prompt=bool(asked_for.prompt or asked_for.schema))


def _second_model(engine: Engine | None, max_concurrency: int, verify: Verify) -> SecondModel | None:
    if engine is None:
        return None
    options = OCROptions("text", max_concurrency=max_concurrency, readings=1)
    found = find_engine(engine, options)
    if found.name == "rapidocr":
        raise ConfigError(
            'verify_with="local" is what checks already',
            hint='Name another model, as "provider:model".',
            argument="verify_with",
        )
    return SecondModel(found, verify == "strict")


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        hint = f"It is one of {', '.join(map(str, choices))}."
        raise ConfigError(f"{name}={value!r} is not known", hint=hint, argument=name)


def _opened(journal: str | os.PathLike[str] | Journal | None) -> Journal | None:
    if journal is None:
        return None
    from vlm_core.jobs.journal import Journal

    return journal if isinstance(journal, Journal) else Journal(journal)


def _check_budget(budget_usd: float | None) -> None:
    if budget_usd is not None and not budget_usd > 0:
        hint = "Give dollars, or leave it out."
        raise ConfigError(f"budget_usd={budget_usd} must be above 0", hint=hint, argument="budget_usd")


def _check_count(name: str, value: int) -> None:
    if value < 1:
        hint = "Give a number of at least 1."
        raise ConfigError(f"{name}={value} must be at least 1", hint=hint, argument=name)
