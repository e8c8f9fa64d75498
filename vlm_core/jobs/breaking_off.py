"""Pages read on threads for someone who may have enough of them at any moment."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from threading import Event, Lock
from typing import TYPE_CHECKING

from vlm_core.ocr.engine import OCREngine
from vlm_core.types import PageImage, PageResult

if TYPE_CHECKING:
    import asyncio


class Reading:
    """Reads the pages of one job until it is closed.

    Args:
        engine: what reads.
        loop: where it does, if it has an `aread_page`; else it does so on the thread that asks.

    Example:
        >>> from vlm_core.ocr.local import LocalEngine
        >>> reading = Reading(LocalEngine("text"))
        >>> white = PageImage(pixels=bytes([255]) * 4800, width=40, height=40)
        >>> reading.read_page(white).state
        <PageState.BLANK: 'blank'>
        >>> reading.close()
        >>> reading.read_page(white)
        Traceback (most recent call last):
        concurrent.futures._base.CancelledError: the job was broken off
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
            CancelledError: the job was broken off. No journal may have that as the page's own error.
            VLMError: as the engine raised it.
        """
        if self._loop is None:
            self._check()
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
            CancelledError: the job was broken off.
        """
        self._closed.wait(seconds)
        self._check()

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
            self._check()
            aread_page = self._engine.aread_page  # type: ignore[attr-defined]  # not all have it
            future: Future[PageResult] = asyncio.run_coroutine_threadsafe(aread_page(page), loop)
            self._begun.add(future)
            return future

    def _check(self) -> None:
        if self._closed.is_set():
            raise CancelledError("the job was broken off")
