"""The pages of one call: documents opened one after the other, each page read when it is its turn."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Literal

from vlm_core.errors import (
    BudgetExceeded,
    CorruptImageError,
    EngineError,
    InputError,
    MissingExtraError,
    VLMError,
)
from vlm_core.jobs.budget import JobBudget, JobJournal
from vlm_core.jobs.figure_images import with_figure_images
from vlm_core.jobs.ordered import CancellableReader, FairSemaphore, PageCancelled
from vlm_core.jobs.progress import Progress
from vlm_core.jobs.second_reader import SecondModel, SecondReader
from vlm_core.ocr.engine import OCREngine
from vlm_core.types import Furniture, PageImage, PageResult, PageState, TextLayer

if TYPE_CHECKING:
    from vlm_core.evidence.verify import PageVerifier
    from vlm_core.images.decode import Pages
    from vlm_core.images.sources import Source

# Engines whose text is a page's lines, one below the other. A model's words stay as it wrote them.
_LINE_ENGINES = frozenset({"pdf", "rapidocr", "tesseract"})
# Pages of a document, after which it is looked whether there are any that can be opened.
_MOST_FAILED_IN_A_ROW = 100


@dataclass(frozen=True)
class ReadOptions:
    """What a reader was asked to do with every document."""

    engine: OCREngine
    task: str
    pdf_text: Literal["auto", "ignore"]
    password: str | None
    max_pages: int | None
    allow_private_urls: bool
    attachments: bool = False
    dehyphenate: bool = True
    trusted: bool = False
    furniture: Furniture = "mark"
    figure_images: Path | None = None
    verifier: PageVerifier | None = None
    is_strict: bool = False
    second: SecondModel | None = None
    last_resort: OCREngine | None = None
    """What reads the pages of which the engine left some unread."""

    def is_complete(self, result: PageResult) -> bool:
        """Whether a result was checked, if it is to be, has the second opinions that are wanted, and leaves
        nothing to the last resort.
        """
        if self.last_resort is not None and result.state is PageState.PARTIAL:
            return False
        verifier = self.verifier
        if verifier is None:
            return True
        if verifier.is_due(result) and verifier.needs_reading(result):
            return False
        return self.second is None or not self.second.disputed(result)

    @property
    def joins_words(self) -> bool:
        """Whether words that a line's end has parted are put together in the text of lines."""
        return self.dehyphenate and self.task != "layout"

    def expanded(self, sources: Iterable[Source]) -> Iterable[Source]:
        """The sources, with those that they carry where these are read."""
        if not self.attachments:
            return sources
        from vlm_core.images.attached_sources import with_attachments

        return with_attachments(sources, password=self.password, trusted=self.trusted)


@dataclass(frozen=True)
class Job:
    """What the pages of one call share."""

    options: ReadOptions
    reader: CancellableReader
    slots: FairSemaphore
    budget: JobBudget
    journal: JobJournal
    bar: Progress
    second: SecondReader | None = None
    last_journal: JobJournal | None = None
    """The journal as the last resort uses it."""


@dataclass(frozen=True)
class PageJob:
    """One page to be read, or the result of one that cannot be."""

    job: Job
    document: OpenDocument
    page_number: int
    failed: PageResult | None = None
    """The result, where it is known that the page cannot be read."""

    def run(self) -> PageResult:
        """Read the page; what goes wrong is on the result.

        Raises:
            PageCancelled: the job was stopped before the page was begun.
            MissingExtraError: no page can be read.
        """
        from vlm_core.ocr.text_layer import read_with_text_layer

        job, document, number = self.job, self.document, self.page_number
        job.reader.check()
        if self.failed is not None:
            return self.failed
        try:
            folder = job.options.figure_images
            page = document.decode(number, job.journal, needs_picture=folder is not None)
            if isinstance(page, PageResult):  # the journal has it
                return document.completed(page, number, job.options)
            layer = page.text_layer if job.options.pdf_text == "ignore" else None
            if layer is not None:  # it is there for checking alone
                page = page.without_text()
            read = partial(self._read_picture, layer=layer)
            result = read_with_text_layer(page, read, job.options.task)
            document.note(result)
            completed = document.completed(result, number, job.options, page)
            return completed if folder is None else with_figure_images(completed, page, folder)
        except (MissingExtraError, PageCancelled):
            raise
        except VLMError as error:
            return document.failure(number, error)
        except Exception as error:  # noqa: BLE001  an engine of the user's own may raise anything
            message = f"{document.name}: {job.options.engine.name} failed on page {number}: {error}"
            failure = EngineError(message, page=number)
            failure.__cause__ = error
            return document.failure(number, failure)

    def _read_picture(self, picture: PageImage, layer: TextLayer | None = None) -> PageResult:
        """Read a page, or a picture on a page that has text of its own, and check what was read.

        Args:
            picture: to be read.
            layer: the page's own text, where what is read is checked by that.
        """
        job = self.job
        # The slot comes first: other processes wait for a claimed page, so it must not wait for its turn.
        with job.slots, job.journal.claim(picture) as known:
            if known is not None:
                return self._checked(picture, self._with_last_resort(picture, known), layer)
            # The budget comes after the journal, whose pages are given though the money is spent.
            # What an engine reads for nothing, is read in any case.
            if job.options.last_resort is None and (end := job.budget.end_for(picture)) is not None:
                if not isinstance(end, BudgetExceeded):
                    raise end
                engine = job.options.engine.name
                return PageResult.of(picture, PageState.SKIPPED_BUDGET, engine=engine, error=end)
            try:
                result = job.reader.read_page(picture)
            except VLMError as error:
                # The next run reads a failed page again; until then `vlm journal list` shows why it failed.
                if not job.budget.is_ended_by(error):
                    job.journal.put_error(picture, error)
                raise
            job.budget.spend(result)
            job.journal.put(picture, result)
            return self._checked(picture, self._with_last_resort(picture, result), layer)

    def _with_last_resort(self, picture: PageImage, result: PageResult) -> PageResult:
        """A result; where some of its page is unread, that of the last resort, if that could read it."""
        job = self.job
        last, journal = job.options.last_resort, job.last_journal
        if last is None or journal is None or result.state is not PageState.PARTIAL:
            return result
        with journal.claim(picture) as known:
            if known is not None:
                return known
            if (end := job.budget.end_for(picture)) is not None:
                return _with_warning(result, f"{last.name} did not read it: {end.message}")
            try:
                other = job.reader.read_page(picture, last)
            except VLMError as error:
                job.budget.is_ended_by(error)
                return _with_warning(result, f"{last.name} did not read it: {error.message}")
            job.budget.spend(other)
            journal.put(picture, other)
            if other.state not in (PageState.OK, PageState.PARTIAL):
                paid = {"usage": other.usage, "cost_usd": other.cost_usd}
                told = f"{other.provider}:{other.model} did not read it: {other.state.value}"
                return _with_warning(result.model_copy(update=paid), told)
            percent = round(100 * result.unread_share)
            told = f"read by {other.model}, since {result.engine} left {percent} % of the writing unread"
            return _with_warning(other, told)

    def _checked(self, picture: PageImage, result: PageResult, layer: TextLayer | None) -> PageResult:
        """A result with what a check of it found, and a second model's word on that, if they are wanted."""
        job, checked = self.job, self._verified(picture, result, layer)
        if job.second is None:
            return checked
        opinions = job.second.opinions(checked, picture)
        if opinions.answered:
            paid = opinions.usage, opinions.cost_usd
            job.journal.put_checked(picture, opinions.added_to(checked), *paid)
        return opinions.told_on(checked)

    def _verified(self, picture: PageImage, result: PageResult, layer: TextLayer | None) -> PageResult:
        """A result with what a check of it found, if it is to be checked. What fails then costs no text."""
        job, verifier = self.job, self.job.options.verifier
        if verifier is None or not verifier.is_due(result):
            return result
        if not verifier.needs_reading(result):
            return verifier.verified(result, picture)
        try:
            checked, local = verifier.verified_with_lines(result, picture, layer)
        except MissingExtraError:
            raise
        except VLMError as error:
            told = (*result.warnings, f"it was not checked: {error.message}")
            return result.model_copy(update={"warnings": told})
        if local is not None:
            job.journal.put_of(verifier.reader_of(local), picture, local)
        job.journal.put_checked(picture, checked)
        return checked


@dataclass(eq=False)
class OpenDocument:
    """A document and the pages of it that are still to be read; closed after the last one."""

    number: int
    """Of the job, from 0."""
    name: str
    pages: Pages | None = None
    """None where it could not be opened."""
    numbers: list[int] = field(default_factory=lambda: [1])
    unread: int = 0
    """How many more pages were asked for than `max_pages` allows."""
    warnings: tuple[str, ...] = ()
    """What must be said of the document."""
    closed: bool = False
    _done: int = 0
    _failed_in_a_row: int = 0
    _is_known: bool = True
    """Whether the last page was read before, so that the next one may be known without its bytes."""
    _lock: Lock = field(default_factory=Lock)

    @property
    def total_pages(self) -> int | None:
        """None where it could not be opened."""
        return None if self.pages is None else self.pages.total_pages

    def decode(
        self, number: int, journal: JobJournal, *, needs_picture: bool = False
    ) -> PageImage | PageResult:
        """A page; or its result, where the journal has it and the pages around it.

        Args:
            number: of the page.
            journal: of the job.
            needs_picture: give the page also where the journal has its result.

        Raises:
            InputError: it cannot be decoded.
        """
        # pdfium and the decoders take one thread at a time.
        with self._lock:
            try:
                page = self._page(number, journal, needs_picture)
            except InputError:
                self._failed_in_a_row += 1
                raise
            finally:
                # A page that cannot be decoded is done, too: else the document would stay open.
                self._count_done()
            self._failed_in_a_row = 0
            return page

    def _page(self, number: int, journal: JobJournal, needs_picture: bool) -> PageImage | PageResult:
        assert self.pages is not None
        page_or_known = getattr(self.pages, "page_or_known", None)  # not all have it
        if needs_picture or not journal.is_kept or page_or_known is None or not self._is_known:
            return self.pages.page(number)
        page: PageImage | PageResult = page_or_known(number, journal.known)
        # A page that was not known has cost the worker two requests: the next ones are taken to be new, too.
        self._is_known = not (isinstance(page, PageImage) and page.stored)
        return page

    def note(self, result: PageResult) -> None:
        """Remember whether the journal had a page that was decoded."""
        self._is_known |= result.attempts == 0

    def ends_at(self, number: int) -> bool:
        """Whether so many pages failed in a row that only damaged ones can be left, from this one on."""
        with self._lock:
            if self._failed_in_a_row < _MOST_FAILED_IN_A_ROW or self.closed or self.pages is None:
                return False
            # To look is slow where pages are many: it is done once in a hundred failures.
            self._failed_in_a_row = 0
            return self.pages.readable_after(number - 1) is None

    def end_at(self, place: int) -> PageResult:
        """Give up the pages from this place on: one result tells that all of them fail."""
        first, last = self.numbers[place], self.numbers[-1]
        message = (
            f"{self.name}: pages {first} to {last} cannot be read; the {_MOST_FAILED_IN_A_ROW} before them "
            "failed, and of these none can be opened"
        )
        with self._lock:
            self.numbers = self.numbers[: place + 1]
            self._count_done()
        return self.failure(first, CorruptImageError(message))

    def _count_done(self) -> None:
        self._done += 1
        if self._done == len(self.numbers):
            self._close()

    def close(self) -> None:
        """Close the document, unless its last page has done so."""
        with self._lock:
            self._close()

    def _close(self) -> None:
        if not self.closed and self.pages is not None:
            self.closed = True
            self.pages.close()

    # --- results ---------------------------------------------------------------------------------

    def completed(
        self, result: PageResult, number: int, options: ReadOptions, page: PageImage | None = None
    ) -> PageResult:
        """A result with what its document and its picture say, whatever the engine said.

        Args:
            result: of an engine, or of the journal.
            number: of the page.
            options: of the job.
            page: that was read; None where the journal had its result.
        """
        from vlm_core.ocr.hyphens import dehyphenate
        from vlm_core.structure.evidence_boxes import with_text

        if options.is_strict:
            from vlm_core.evidence.verify import promoted

            result = promoted(result)
        # What a person wrote stays as it was written.
        if options.joins_words and result.engine in _LINE_ENGINES and not result.corrected:
            result = with_text(result, dehyphenate(result.text))
        facts = {
            "source": self.name,
            "page_number": number,
            "total_pages": self.total_pages,
            "document": self.number,
            "engine": result.engine or options.engine.name,
            "sha256": result.sha256 or (page.sha256 if page else ""),
            "warnings": (*result.warnings, *(page.warnings if page else ()), *self._warnings_on(number)),
        }
        return result.model_copy(update=facts)

    def failure(self, number: int, error: VLMError) -> PageResult:
        """The result of a page that could not be read."""
        error.page = error.page or number
        _forget_frames(error)
        return PageResult(
            state=PageState.FAILED,
            source=self.name,
            page_number=number,
            total_pages=self.total_pages,
            document=self.number,
            error=error,
            warnings=tuple(self._warnings_on(number)),
        )

    def _warnings_on(self, number: int) -> Iterator[str]:
        """On the first page what is true of the document, on the last one that there are others."""
        if number == self.numbers[0]:
            yield from self.warnings
        if self.unread and number == self.numbers[-1]:
            yield f"{self.unread} more pages were not read (max_pages={len(self.numbers)})"


class OpenDocuments:
    """The documents of a job that are open. Each closes after its last page; `close` ends the rest."""

    def __init__(self) -> None:
        self._open: list[OpenDocument] = []

    def add(self, document: OpenDocument) -> None:
        """Keep a document that was opened, and forget those that are closed."""
        self._open = [*(other for other in self._open if not other.closed), document]

    def close(self) -> None:
        """Close what a job that was broken off has left open."""
        for document in self._open:
            document.close()


def page_jobs(
    job: Job, sources: object, numbers: Container[int] | None, documents: OpenDocuments
) -> Iterator[PageJob]:
    """The pages of all documents in order; each document is opened when its first page is taken.

    Args:
        job: that they are of.
        sources: anything that `expand` takes.
        numbers: of the pages to read, from 1; None for all.
        documents: holds what is open. Pages may be read after the last one was taken, so that it
            outlives this iterator.
    """
    from vlm_core.images.sources import expand

    expanded = expand(sources, allow_private_urls=job.options.allow_private_urls, on_skip=job.bar.skipped)
    for number, source in enumerate(job.options.expanded(job.bar.counted(sources, expanded))):
        try:
            document = _opened(job.options, number, source, numbers)
        except MissingExtraError:
            raise
        except VLMError as error:
            job.bar.expect(1)
            unopened = OpenDocument(number, source.name)
            yield PageJob(job, unopened, 1, failed=unopened.failure(1, error))
            continue
        # From here on it is closed, even if the job is broken off before its first page.
        documents.add(document)
        yield from _pages_of(document, job)


def _opened(
    options: ReadOptions, number: int, source: Source, asked_for: Container[int] | None
) -> OpenDocument:
    pages = source.open(
        password=options.password,
        # A page's own text checks what is read in its picture.
        pdf_text="auto" if options.verifier is not None else options.pdf_text,
        # A page is drawn in the size that the engine looks at, and no larger.
        max_side=getattr(options.engine, "max_side", None),
        reading_pixels=getattr(options.engine, "reading_pixels", None),
        trusted=options.trusted,
    )
    numbers = chosen_pages(pages.total_pages, asked_for)
    if not numbers:
        pages.close()
        raise InputError(
            f"{source.name} has none of the pages asked for", hint=f"Its pages are 1 to {pages.total_pages}."
        )
    read = numbers[: options.max_pages]
    return OpenDocument(number, source.name, pages, read, len(numbers) - len(read), pages.warnings)


def _pages_of(document: OpenDocument, job: Job) -> Iterator[PageJob]:
    numbers = document.numbers
    job.bar.expect(len(numbers))
    for place, number in enumerate(numbers):
        if document.ends_at(number):
            job.bar.expect_fewer(len(numbers) - place - 1)
            yield PageJob(job, document, number, failed=document.end_at(place))
            return
        yield PageJob(job, document, number)


def chosen_pages(total_pages: int, numbers: Container[int] | None) -> list[int]:
    """The numbers of the pages to read of a document.

    Example:
        >>> chosen_pages(5, {4, 5, 6})
        [4, 5]
    """
    return [n for n in range(1, total_pages + 1) if numbers is None or n in numbers]


def _with_warning(result: PageResult, warning: str) -> PageResult:
    return result.model_copy(update={"warnings": (*result.warnings, warning)})


def _forget_frames(error: BaseException | None) -> None:
    """Drop the tracebacks of an error and its causes: their frames would keep the file in memory."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
