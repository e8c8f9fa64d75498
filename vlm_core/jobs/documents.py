"""From sources to page tasks: documents opened one after the other, pages decoded when it is their turn."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from vlm_core.errors import CorruptImageError, EngineError, InputError, MissingExtraError, VLMError
from vlm_core.jobs.cancellation import PageCancelled
from vlm_core.jobs.progress import Progress
from vlm_core.ocr.engine import OCREngine
from vlm_core.types import PageImage, PageResult, PageState

if TYPE_CHECKING:
    from vlm_core.images.decode import Pages
    from vlm_core.images.sources import Source

_OF_LINES = frozenset({"pdf", "rapidocr"})
"""Engines whose text is a page's lines, one below the other."""
_MOST_FAILED_IN_A_ROW = 100
"""Pages of a document, after which it is looked whether there are any that can be opened."""

ReadPage: TypeAlias = Callable[[PageImage], PageResult]
Known: TypeAlias = Callable[[str], PageResult | None]
"""Gives the result of a page that was read before, by the page's `sha256`."""


class PageReader(NamedTuple):
    """How pages come to be results."""

    read: ReadPage
    known: Known | None = None
    """Is asked first, where a page's identity can be had without the page."""


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

    @property
    def max_side(self) -> int | None:
        """Pixels of the longer side that the engine looks at, at most."""
        side: int | None = getattr(self.engine, "max_side", None)
        return side

    @property
    def reading_pixels(self) -> int | None:
        """Those of a picture that the engine looks at, at most."""
        pixels: int | None = getattr(self.engine, "reading_pixels", None)
        return pixels

    def expanded(self, sources: Iterable[Source]) -> Iterable[Source]:
        """The sources, with those that they carry where these are read."""
        if not self.attachments:
            return sources
        from vlm_core.images.attached_sources import with_attachments

        return with_attachments(sources, password=self.password, trusted=self.trusted)


@dataclass(frozen=True)
class PageTask:
    """One page to be read. `document` counts the documents of a job from 0."""

    document: int
    read: Callable[[], PageResult]

    def run(self) -> tuple[int, PageResult]:
        """Read the page; what goes wrong is on the result."""
        return self.document, self.read()


class OpenDocuments:
    """The documents of a job that are open. Each closes after its last page; `close` ends the rest."""

    def __init__(self) -> None:
        self._open: list[_OpenDocument] = []

    def add(self, document: _OpenDocument) -> None:
        """Keep a document that was opened, and forget those that are closed."""
        self._open = [*(other for other in self._open if not other.closed), document]

    def close(self) -> None:
        """Close what a job that was broken off has left open."""
        for document in self._open:
            document.close()


def page_tasks(
    job: ReadOptions,
    sources: Any,
    wanted: Container[int] | None,
    reader: PageReader,
    bar: Progress,
    documents: OpenDocuments,
) -> Iterator[PageTask]:
    """The tasks of all documents in order; each document is opened when its first task is taken.

    Args:
        job: what to do with each.
        sources: anything that `expand` takes.
        wanted: the page numbers to read, from 1; None for all.
        reader: reads the pages, or knows them.
        bar: is told of the pages to come and of files passed over.
        documents: holds what is open. Tasks may be run after the last one was taken, so that it
            outlives this iterator.
    """
    from vlm_core.images.sources import expand

    found = expand(sources, allow_private_urls=job.allow_private_urls, on_skip=bar.skipped)
    for number, source in enumerate(job.expanded(bar.counted(sources, found))):
        for read in _pages_of(source, job, wanted, reader, bar, documents):
            yield PageTask(number, read)


def _pages_of(
    source: Source,
    job: ReadOptions,
    wanted: Container[int] | None,
    reader: PageReader,
    bar: Progress,
    documents: OpenDocuments,
) -> Iterator[Callable[[], PageResult]]:
    try:
        pages = source.open(
            password=job.password,
            pdf_text=job.pdf_text,
            max_side=job.max_side,
            reading_pixels=job.reading_pixels,
            trusted=job.trusted,
        )
        numbers = _chosen(source.name, pages.total_pages, wanted)
    except MissingExtraError:
        raise
    except VLMError as error:
        failed = _failed(source.name, 1, None, error)
        bar.expect(1)
        yield lambda: failed
        return
    read = numbers[: job.max_pages]
    document = _OpenDocument(source.name, pages, read, len(numbers) - len(read), pages.warnings)
    documents.add(document)
    bar.expect(len(read))
    for place, number in enumerate(read):
        if document.ends_at(number):
            bar.expect_fewer(len(read) - place - 1)
            yield document.ending(place)
            return
        yield document.task(number, job, reader)


def chosen_pages(total_pages: int, wanted: Container[int] | None) -> list[int]:
    """The numbers of the pages to read of a document.

    Example:
        >>> chosen_pages(5, {4, 5, 6})
        [4, 5]
    """
    return [n for n in range(1, total_pages + 1) if wanted is None or n in wanted]


def _chosen(name: str, total_pages: int, wanted: Container[int] | None) -> list[int]:
    numbers = chosen_pages(total_pages, wanted)
    if not numbers:
        raise InputError(f"{name} has none of the pages asked for", hint=f"Its pages are 1 to {total_pages}.")
    return numbers


@dataclass(eq=False)
class _OpenDocument:
    """A document and the pages of it that are still to be read; closed after the last one."""

    name: str
    pages: Pages
    numbers: list[int]
    unread: int
    """How many more pages were asked for than `max_pages` allows."""
    warnings: tuple[str, ...] = ()
    """What must be said of the document."""
    closed: bool = False
    _done: int = 0
    _failed_in_a_row: int = 0
    _is_known: bool = True
    """Whether the last page was read before, so that the next one may be known without its bytes."""
    _lock: Lock = field(default_factory=Lock)

    def task(self, number: int, job: ReadOptions, reader: PageReader) -> Callable[[], PageResult]:
        return lambda: self._read(number, job, reader)

    def close(self) -> None:
        with self._lock:
            self._close()

    def ends_at(self, number: int) -> bool:
        """Whether so many pages failed in a row that only damaged ones can be left, from this one on."""
        with self._lock:
            if self._failed_in_a_row < _MOST_FAILED_IN_A_ROW or self.closed:
                return False
            self._failed_in_a_row = 0
            return self.pages.readable_after(number - 1) is None

    def ending(self, place: int) -> Callable[[], PageResult]:
        """The last task: all pages from this place on fail together."""
        first, last = self.numbers[place], self.numbers[-1]
        message = (
            f"{self.name}: pages {first} to {last} cannot be read; the {_MOST_FAILED_IN_A_ROW} before them "
            "failed, and of these none can be opened"
        )
        with self._lock:
            self.numbers = self.numbers[: place + 1]

        def end() -> PageResult:
            with self._lock:
                self._count_done()
            failed = _failed(self.name, first, self.pages.total_pages, CorruptImageError(message))
            return self._with_what_must_be_said(failed)

        return end

    def _close(self) -> None:
        if not self.closed:
            self.closed = True
            self.pages.close()

    def _read(self, number: int, job: ReadOptions, reader: PageReader) -> PageResult:
        from vlm_core.ocr.text_layer import read_with_text_layer

        try:
            found = self._decode(number, reader.known)
            if isinstance(found, PageImage):
                read = _with_page(read_with_text_layer(found, reader.read, job.task), found)
                self._is_known |= read.attempts == 0
            else:
                read = found
            result = _dehyphenated(_identified(read, self, number, job.engine.name), job)
        except (MissingExtraError, PageCancelled):
            raise
        except VLMError as error:
            result = _failed(self.name, number, self.pages.total_pages, error)
        except Exception as error:  # noqa: BLE001  an engine of the user's own may raise anything
            wrapped = EngineError(
                f"{self.name}: {job.engine.name} failed on page {number}: {error}", page=number
            )
            wrapped.__cause__ = error
            result = _failed(self.name, number, self.pages.total_pages, wrapped)
        return self._with_what_must_be_said(result)

    def _decode(self, number: int, known: Known | None) -> PageImage | PageResult:
        with self._lock:
            try:
                page = self._page(number, known)
            except InputError:
                self._failed_in_a_row += 1
                raise
            finally:
                self._count_done()
            self._failed_in_a_row = 0
            return page

    def _page(self, number: int, known: Known | None) -> PageImage | PageResult:
        """A page; or its result, where the pages around it are known and it is too."""
        page_or_known = getattr(self.pages, "page_or_known", None)  # not all have it
        if known is None or page_or_known is None or not self._is_known:
            return self.pages.page(number)
        found: PageImage | PageResult = page_or_known(number, known)
        self._is_known = not (isinstance(found, PageImage) and found.stored)
        return found

    def _count_done(self) -> None:
        self._done += 1
        if self._done == len(self.numbers):
            self._close()

    def _with_what_must_be_said(self, result: PageResult) -> PageResult:
        """Say on the first page what is true of the document, and on the last one that there are others."""
        warnings = [*result.warnings]
        if result.page_number == self.numbers[0]:
            warnings += self.warnings
        if self.unread and result.page_number == self.numbers[-1]:
            warnings.append(f"{self.unread} more pages were not read (max_pages={len(self.numbers)})")
        return result.model_copy(update={"warnings": tuple(warnings)}) if warnings else result


def _with_page(result: PageResult, page: PageImage) -> PageResult:
    """The result with what is said of its page whoever reads it."""
    warnings = (*result.warnings, *page.warnings)
    return result.model_copy(update={"sha256": result.sha256 or page.sha256, "warnings": warnings})


def _identified(result: PageResult, document: _OpenDocument, number: int, engine: str) -> PageResult:
    """The result with the source's own name and numbers, whatever the engine said."""
    return result.model_copy(
        update={
            "source": document.name,
            "page_number": number,
            "total_pages": document.pages.total_pages,
            "engine": result.engine or engine,
        }
    )


def _dehyphenated(result: PageResult, job: ReadOptions) -> PageResult:
    """The result with words whole that line ends have parted; a model's words stay as it wrote them."""
    from vlm_core.ocr.hyphens import dehyphenate

    if not job.dehyphenate or job.task == "layout" or result.engine not in _OF_LINES:
        return result
    text = dehyphenate(result.text)
    return result if text == result.text else result.model_copy(update={"text": text})


def _failed(name: str, number: int, total_pages: int | None, error: VLMError) -> PageResult:
    error.page = error.page or number
    _forget_frames(error)
    return PageResult(
        state=PageState.FAILED, source=name, page_number=number, total_pages=total_pages, error=error
    )


def _forget_frames(error: BaseException | None) -> None:
    """Drop the tracebacks of an error and its causes: their frames would keep the file in memory."""
    while error is not None:
        error.__traceback__ = None
        error = error.__cause__ or error.__context__
