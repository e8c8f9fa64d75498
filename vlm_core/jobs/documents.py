"""From sources to page tasks: documents opened one after the other, pages decoded when it is their turn."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

from vlm_core.errors import EngineError, InputError, MissingExtraError, VLMError
from vlm_core.images.sources import Source, expand
from vlm_core.jobs.progress import Progress
from vlm_core.ocr.engine import OCREngine
from vlm_core.ocr.text_layer import read_with_text_layer
from vlm_core.types import PageImage, PageResult, PageState

if TYPE_CHECKING:
    from vlm_core.images.decode import Pages

ReadPage = Callable[[PageImage], PageResult]


@dataclass(frozen=True)
class Job:
    """What a reader was asked to do with every document."""

    engine: OCREngine
    task: str
    pdf_text: Literal["auto", "ignore"]
    password: str | None
    max_pages: int | None
    allow_private_urls: bool


@dataclass(frozen=True)
class PageTask:
    """One page to be read. `document` counts the documents of a job from 0."""

    document: int
    read: Callable[[], PageResult]

    def run(self) -> tuple[int, PageResult]:
        """Read the page; what goes wrong is on the result."""
        return self.document, self.read()


def page_tasks(
    job: Job, sources: Any, wanted: frozenset[int] | None, read_page: ReadPage, bar: Progress
) -> Generator[PageTask, None, None]:
    """The tasks of all documents in order; each document is opened when its first task is taken.

    Args:
        job: what to do with each.
        sources: anything that `expand` takes.
        wanted: the page numbers to read, from 1; None for all.
        read_page: the engine's way to read a page.
        bar: is told of the pages to come and of files passed over.
    """
    open_documents: list[_OpenDocument] = []
    try:
        found = expand(sources, allow_private_urls=job.allow_private_urls, on_skip=bar.skipped)
        for number, source in enumerate(found):
            for read in _pages_of(source, job, wanted, read_page, open_documents, bar):
                yield PageTask(number, read)
    finally:
        for document in open_documents:
            document.close()


def _pages_of(
    source: Source,
    job: Job,
    wanted: frozenset[int] | None,
    read_page: ReadPage,
    open_documents: list[_OpenDocument],
    bar: Progress,
) -> Iterator[Callable[[], PageResult]]:
    try:
        pages = source.open(password=job.password, pdf_text=job.pdf_text)
        numbers = _chosen(source.name, pages.total_pages, wanted)
    except MissingExtraError:
        raise
    except VLMError as error:
        failed = _failed(source.name, 1, None, error)
        bar.expect(1)
        yield lambda: failed
        return
    document = _OpenDocument(source.name, pages, numbers[: job.max_pages], len(numbers))
    open_documents[:] = [*(other for other in open_documents if not other.closed), document]
    bar.expect(len(document.numbers))
    for number in document.numbers:
        yield document.task(number, job, read_page)


def _chosen(name: str, total_pages: int, wanted: frozenset[int] | None) -> list[int]:
    numbers = [n for n in range(1, total_pages + 1) if wanted is None or n in wanted]
    if not numbers:
        raise InputError(f"{name} has none of the pages asked for", hint=f"Its pages are 1 to {total_pages}.")
    return numbers


@dataclass(eq=False)
class _OpenDocument:
    """A document and the pages of it that are still to be read; closed after the last one."""

    name: str
    pages: Pages
    numbers: list[int]
    wanted: int
    """How many pages were asked for, before `max_pages` cut them short."""
    closed: bool = False
    _done: int = 0
    _lock: Lock = field(default_factory=Lock)

    def task(self, number: int, job: Job, read_page: ReadPage) -> Callable[[], PageResult]:
        return lambda: self._read(number, job, read_page)

    def close(self) -> None:
        with self._lock:
            self._close()

    def _close(self) -> None:
        if not self.closed:
            self.closed = True
            self.pages.close()

    def _read(self, number: int, job: Job, read_page: ReadPage) -> PageResult:
        try:
            result = _identified(
                read_with_text_layer(self._decode(number), read_page, job.task), self, number
            )
        except MissingExtraError:
            raise
        except VLMError as error:
            result = _failed(self.name, number, self.pages.total_pages, error)
        except Exception as error:  # noqa: BLE001  an engine of the user's own may raise anything
            wrapped = EngineError(
                f"{self.name}: {job.engine.name} failed on page {number}: {error}", page=number
            )
            wrapped.__cause__ = error
            result = _failed(self.name, number, self.pages.total_pages, wrapped)
        return self._with_rest(result)

    def _decode(self, number: int) -> PageImage:
        with self._lock:
            try:
                return self.pages.page(number)
            finally:
                self._done += 1
                if self._done == len(self.numbers):
                    self._close()

    def _with_rest(self, result: PageResult) -> PageResult:
        """Say on the last page that is read that there are others."""
        unread = self.wanted - len(self.numbers)
        if not unread or result.page_number != self.numbers[-1]:
            return result
        warning = f"{unread} more pages were not read (max_pages={len(self.numbers)})"
        return result.model_copy(update={"warnings": (*result.warnings, warning)})


def _identified(result: PageResult, document: _OpenDocument, number: int) -> PageResult:
    """The result with the source's own name and numbers, whatever the engine put there."""
    return result.model_copy(
        update={"source": document.name, "page_number": number, "total_pages": document.pages.total_pages}
    )


def _failed(name: str, number: int, total_pages: int | None, error: VLMError) -> PageResult:
    with contextlib.suppress(AttributeError):
        error.page = error.page or number
    return PageResult(
        state=PageState.FAILED, source=name, page_number=number, total_pages=total_pages, error=error
    )
