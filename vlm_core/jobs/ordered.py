"""Pages read side by side and delivered in order, until whoever asked for them has enough.

There is a bound on what is begun ahead, and at any moment a job may be stopped in good order.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor, wait
from functools import partial
from inspect import GEN_CLOSED, getgeneratorstate
from itertools import islice
from threading import Event, Lock, Thread
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast
from weakref import WeakKeyDictionary

from vlm_core.ocr.engine import OCREngine
from vlm_core.threads import begin, until_done
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
        vlm_core.jobs.ordered.PageCancelled: the job was broken off
    """

    def __init__(self, engine: OCREngine, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._engine = engine
        self._loop = loop
        self._begun: set[Future[PageResult]] = set()
        self._closed = Event()
        self._lock = Lock()

    def read_page(self, page: PageImage, engine: OCREngine | None = None) -> PageResult:
        """Read a page; the thread waits for it.

        Args:
            page: to be read.
            engine: another one that reads for the same job.

        Raises:
            CancelledError: the job was broken off (`PageCancelled`: before the page was begun). No journal
                keeps that as the page's own error.
            VLMError: as the engine raised it.
        """
        engine = engine or self._engine
        if self._loop is None or not hasattr(engine, "aread_page"):
            self.check()
            return engine.read_page(page)
        future = self._begin(partial(engine.aread_page, page), self._loop)
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

    def _begin(
        self, read: Callable[[], Coroutine[Any, Any, PageResult]], loop: asyncio.AbstractEventLoop
    ) -> Future[PageResult]:
        import asyncio  # slow to load, and not needed where all is done in threads

        with self._lock:  # nothing is begun behind the back of `close`
            self.check()
            future: Future[PageResult] = asyncio.run_coroutine_threadsafe(read(), loop)
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


# --- order ----------------------------------------------------------------------------------------

Result = TypeVar("Result")
Steps: TypeAlias = Generator[Future[Any] | Result, None, None]
"""Results, and before one that is not there yet the Future to wait for."""
_END = object()
_LONGEST_WAIT_SECONDS = 1.0
# For so many pages that are read at once, one more is drawn: answers come in bursts.
_DRAWN_AHEAD = 2
# Documents that calls of `aread` hold open, for each page that is read at once.
_OPEN_DOCUMENTS = 2


def in_order(
    tasks: Iterable[Task], run: Callable[[Task], Result], pool: Executor, ahead: int, *, waits: bool = True
) -> Steps[Result]:
    """Run tasks on a pool and yield their results in the order of the tasks.

    Args:
        tasks: taken one by one, as results are.
        run: is called with each task on a thread of the pool.
        pool: where they run.
        ahead: at most so many are begun whose results were not yet taken.
        waits: whether this generator blocks until a result is there. If not, it yields a Future that must
            be done before the next step is taken, as `adrive` does.

    A task that raises `PageCancelled` has no result: the job was stopped before it was begun.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(2) as pool:
        ...     list(in_order(range(4), str, pool, ahead=2))
        ['0', '1', '2', '3']
    """
    remaining = iter(tasks)
    begun: deque[Future[Result]] = deque()
    try:
        begun.extend(pool.submit(run, task) for task in islice(remaining, ahead))
        while begun:
            if waits:
                _wait_for(begun[0])
            elif not begun[0].done():
                yield begun[0]
            try:
                result = begun.popleft().result()
            except PageCancelled:  # it was not begun
                continue
            # The next is begun before this one is handed on, for whoever takes it may be slow.
            begun.extend(pool.submit(run, task) for task in islice(remaining, 1))
            yield result
    finally:
        for future in begun:
            future.cancel()


def _wait_for(future: Future[Any]) -> None:
    """Block until a result is there, a second at a time.

    Python handles signals between two waits. One that comes as a wait begins would be left until its end.
    """
    while not future.done():
        wait([future], timeout=_LONGEST_WAIT_SECONDS)


class FairSemaphore:
    """So many places at once; whoever waits longest for one gets the next. `threading`'s are not fair.

    Args:
        count: the places.

    Example:
        >>> turns = FairSemaphore(1)
        >>> with turns:
        ...     print("alone")
        alone
    """

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: deque[Lock] = deque()
        self._lock = Lock()

    def __enter__(self) -> None:
        with self._lock:
            if self._free:
                self._free -= 1
                return
            # A lock of its own is a place in the line: to release it hands the slot to this waiter, and no
            # newcomer can overtake, as one could while a counter is free.
            turn = Lock()
            turn.acquire()
            self._line.append(turn)
        turn.acquire()

    def __exit__(self, *_: object) -> None:
        with self._lock:
            if self._line:
                self._line.popleft().release()
            else:
                self._free += 1


class ReaderThreads:
    """The threads of a reader, in one process.

    Args:
        max_concurrency: pages that are read at once.

    Example:
        >>> threads = ReaderThreads(8)
        >>> threads.pid == os.getpid()
        True
    """

    def __init__(self, max_concurrency: int) -> None:
        self.pid = os.getpid()
        drawn_ahead = max_concurrency // _DRAWN_AHEAD
        self.pool = ThreadPoolExecutor(max_concurrency + drawn_ahead, thread_name_prefix="vlm-page")
        self.slots = FairSemaphore(max_concurrency)
        self._open_documents = _OPEN_DOCUMENTS * max_concurrency
        self._documents: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = WeakKeyDictionary()

    def documents_of_loop(self) -> asyncio.Semaphore:
        """Bounds how many documents are open at once on the running loop, each for a call of its own."""
        import asyncio  # slow to load, and not needed where all is done in threads

        loop = asyncio.get_running_loop()
        return self._documents.setdefault(loop, asyncio.Semaphore(self._open_documents))


async def adrive(start: Callable[[asyncio.AbstractEventLoop], Steps[Result]]) -> AsyncGenerator[Result, None]:
    """Drive a generator from a coroutine, each step of it on a thread of its own.

    Where a step is a Future, no thread waits for it.

    Args:
        start: makes the generator; it is given the event loop.

    Example:
        >>> import asyncio
        >>> async def collect():
        ...     return [item async for item in adrive(lambda loop: (letter for letter in "ab"))]
        >>> asyncio.run(collect())
        ['a', 'b']
    """
    import asyncio  # slow to load, and not needed where all is done in threads

    steps = start(asyncio.get_running_loop())
    pending: Future[object] | None = None
    try:
        while True:
            pending = begin(partial(next, steps, _END))
            await until_done(pending)
            step = pending.result()
            if step is _END:
                return
            # No thread is held while a page is read, so that thousands of jobs may wait.
            if isinstance(step, Future):
                await until_done(step)
            else:
                yield cast("Result", step)
    finally:
        _close_after(pending, steps)


def _close_after(pending: Future[object] | None, steps: Steps[Result]) -> None:
    """Close the steps, without waiting, once none is being taken: a running generator cannot be closed."""

    def close(done: object) -> None:
        # On a thread: to close waits for pages, and this may run on the event loop.
        if getgeneratorstate(steps) != GEN_CLOSED:
            Thread(target=steps.close, name="vlm-close").start()

    if pending is None:
        close(pending)
    else:
        pending.add_done_callback(close)
