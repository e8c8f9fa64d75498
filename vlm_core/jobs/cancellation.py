"""Pages read on threads for someone who may have enough of them at any moment."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import CancelledError, Future
from threading import Event, Lock
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from vlm_core.ocr.engine import OCREngine
from vlm_core.types import PageImage, PageResult

if TYPE_CHECKING:
    import asyncio

NumberedPage: TypeAlias = tuple[int, PageResult]
Task = TypeVar("Task")


class PageCancelled(CancelledError):  # noqa: N818  it is not an error of the page
    """A page was not begun, because its job was stopped. It is not a page's error."""


class CancellableReader:
    """Reads the pages of one job until it is closed.

    Args:
        engine: what reads.
        loop: where it does, if it has an `aread_page`; else it does so on the thread that asks.

    Example:
        >>> from vlm_core.ocr.local import LocalEngine
        >>> reading = CancellableReader(LocalEngine("text"))
        >>> white = PageImage(pixels=bytes([255]) * 4800, width=40, height=40)
        >>> reading.read_page(white).state
        <PageState.BLANK: 'blank'>
        >>> reading.close()
        >>> reading.read_page(white)
        Traceback (most recent call last):
        vlm_core.jobs.cancellation.PageCancelled: the job was broken off
    """

    def __init__(self, engine: OCREngine, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._engine = engine
        self._loop = loop if hasattr(engine, "aread_page") else None
        self._begun: set[Future[PageResult]] = set()
        self._closed = Event()
        self._lock = Lock()

    def read_page(self, page: PageImage) -> PageResult:
        """Read a page; the thread waits for it.

        Raises:
            CancelledError: the job was broken off (`PageCancelled`: before the page was begun). No journal
                keeps that as the page's own error.
            VLMError: as the engine raised it.
        """
        if self._loop is None:
            self.check()
            return self._engine.read_page(page)
        future = self._begin(page, self._loop)
        try:
            return future.result()
        finally:
            with self._lock:
                self._begun.discard(future)

    def pause(self, seconds: float) -> None:
        """Block the thread for so long, or until the job is broken off.

        Raises:
            PageCancelled: the job was broken off.
        """
        self._closed.wait(seconds)
        self.check()

    def close(self) -> None:
        """Begin no further page, cancel those that are being read on the loop, and end all pauses."""
        with self._lock:
            self._closed.set()
            begun = tuple(self._begun)
        for future in begun:
            future.cancel()

    def _begin(self, page: PageImage, loop: asyncio.AbstractEventLoop) -> Future[PageResult]:
        import asyncio  # slow to load, and not needed where all is done in threads

        with self._lock:  # nothing is begun behind the back of `close`
            self.check()
            aread_page = self._engine.aread_page  # type: ignore[attr-defined]  # not all have it
            future: Future[PageResult] = asyncio.run_coroutine_threadsafe(aread_page(page), loop)
            self._begun.add(future)
            return future

    @property
    def is_closed(self) -> bool:
        """Whether no further page is begun."""
        return self._closed.is_set()

    def check(self) -> None:
        """Raise `PageCancelled` where no further page is begun."""
        if self._closed.is_set():
            raise PageCancelled("the job was broken off")


def until_closed(tasks: Iterator[Task], reading: CancellableReader) -> Iterator[Task]:
    """Tasks until their job is stopped, perhaps while the next one is waited for.

    Args:
        tasks: may raise `PageCancelled`, which ends them.
        reading: of the job.
    """
    try:
        while not reading.is_closed:
            yield next(tasks)
    except (PageCancelled, StopIteration):
        return


class StoppablePages:
    """Pages with the number of their document, from 0, until someone asks to stop.

    Args:
        pages: in order.
        reading: what reads them.
    """

    def __init__(self, pages: Generator[PageResult, None, None], reading: CancellableReader) -> None:
        self._pages = pages
        self._reading = reading

    def __iter__(self) -> Iterator[NumberedPage]:
        return self

    def __next__(self) -> NumberedPage:
        page = next(self._pages)
        return page.document, page

    def stop(self) -> None:
        """Begin no further page; those that were begun still come. May be called from any thread."""
        self._reading.close()

    def close(self) -> None:
        """Give up the pages that have not come yet."""
        self._pages.close()
