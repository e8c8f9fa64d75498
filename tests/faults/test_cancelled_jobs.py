"""Jobs that are broken off on an event loop: nothing of them goes on asking, and the loop closes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, suppress
from pathlib import Path
from threading import Event, Lock
from typing import Any, TypeAlias

import pytest
from PIL import Image

from vlm_core.client import VLMClient
from vlm_core.jobs.journal import Journal
from vlm_core.jobs.reader import DocumentReader
from vlm_core.testing import ScriptedServer, Seen
from vlm_core.types import PageImage, PageResult

PAGES = 50
TAKEN = 3
AT_ONCE = 4
LONG_SECONDS = 20.0
"""That no test waits for."""
Results: TypeAlias = AsyncGenerator[PageResult, None]
BreakOff: TypeAlias = Callable[[Results], Awaitable[None]]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages, each 40 pixels wider than its number says."""
    frames = [Image.new("L", (40 + number, 60), 30) for number in range(1, PAGES + 1)]
    path = tmp_path_factory.mktemp("book") / "book.tif"
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:])
    return path


class Slow:
    """Answers for the first pages, and for no other until it may."""

    def __init__(self, at_once: int) -> None:
        self.may_answer = Event()
        self.is_busy = Event()
        """All that may be asked at once is."""
        self.asked = 0
        self._at_once = at_once
        self._lock = Lock()

    def __call__(self, seen: Seen) -> str:
        width = seen.images[0].width
        assert width is not None
        with self._lock:
            self.asked += 1
            if self.asked == TAKEN + self._at_once:
                self.is_busy.set()
        if width - 40 > TAKEN:
            self.may_answer.wait(LONG_SECONDS)
        return "TOTAL 9.00"


@pytest.fixture
def slow() -> Iterator[Slow]:
    slow = Slow(AT_ONCE)
    yield slow
    slow.may_answer.set()


@pytest.fixture
def server(slow: Slow) -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.answer(slow)
        yield server
        slow.may_answer.set()


async def take(results: Results, count: int) -> None:
    async for _ in results:
        count -= 1
        if not count:
            return


async def by_closing(results: Results) -> None:
    async with aclosing(results):
        await take(results, TAKEN)


async def by_cancelling(results: Results) -> None:
    taken = asyncio.Event()

    async def consume() -> None:
        async with aclosing(results):
            await take(results, TAKEN)
            taken.set()
            await take(results, PAGES)

    task = asyncio.create_task(consume())
    await taken.wait()
    await asyncio.sleep(0)
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def by_a_time_limit(results: Results) -> None:
    await take(results, TAKEN)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await take(results, PAGES)


async def by_forgetting(results: Results) -> None:
    await take(results, TAKEN)


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a program as asyncio.run does, and see to it that the loop had nothing to complain of."""
    complaints: list[dict[str, Any]] = []

    async def watched() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
        await main()

    asyncio.run(watched())
    assert complaints == []


@pytest.fixture
def end_of_threads() -> Callable[[], None]:
    """Waits for the threads of readers that are gone; one that goes on asking would not end."""
    before = set(threading.enumerate())

    def wait() -> None:
        for thread in set(threading.enumerate()) - before:
            if thread.name.startswith(("vlm-page", "vlm-close")):
                thread.join(LONG_SECONDS)
                assert not thread.is_alive()

    return wait


@pytest.mark.parametrize("break_off", [by_closing, by_cancelling, by_a_time_limit, by_forgetting])
@pytest.mark.parametrize("journal", [False, True], ids=["without-journal", "with-journal"])
def test_a_job_that_is_broken_off_asks_for_nothing_more(
    server: ScriptedServer,
    slow: Slow,
    book: Path,
    tmp_path: Path,
    break_off: BreakOff,
    journal: bool,
    end_of_threads: Callable[[], None],
) -> None:
    options: dict[str, Any] = {"journal": tmp_path / "pages.journal"} if journal else {}

    async def main() -> None:
        client = VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key)
        async with client:
            reader = DocumentReader(client, max_concurrency=AT_ONCE, **options)
            await break_off(reader.aiter_pages(book))

    run(main)
    end_of_threads()
    assert slow.asked <= TAKEN + AT_ONCE
    if journal:
        with Journal(tmp_path / "pages.journal") as opened:
            assert opened.totals().pages == {"ok": TAKEN}


def test_tasks_of_a_job_that_is_cancelled_end_while_the_loop_goes_on(
    server: ScriptedServer, slow: Slow, book: Path, end_of_threads: Callable[[], None]
) -> None:
    async def main() -> None:
        async with VLMClient("some-vlm", base_url=server.base_url, api_key=server.api_key) as client:
            before = asyncio.all_tasks()
            reader = DocumentReader(client, max_concurrency=AT_ONCE)
            results = reader.aiter_pages(book)
            await take(results, TAKEN)
            assert await asyncio.to_thread(slow.is_busy.wait, LONG_SECONDS)
            await results.aclose()
            left = asyncio.all_tasks() - before
            if left:
                await asyncio.wait(left, timeout=LONG_SECONDS)
            assert asyncio.all_tasks() == before
            assert not slow.may_answer.is_set()

    run(main)
    end_of_threads()
    assert slow.asked == TAKEN + AT_ONCE


def test_an_engine_that_works_on_threads_reads_no_further_page(
    book: Path, end_of_threads: Callable[[], None]
) -> None:
    may_end, busy = Event(), threading.Semaphore(0)
    begun: list[int] = []

    class Engine:
        name, model = "slow", None

        def read_page(self, page: PageImage) -> PageResult:
            begun.append(page.page_number)
            if page.page_number > TAKEN:
                busy.release()
                may_end.wait(LONG_SECONDS)
            return PageResult(text="read", engine=self.name)

    async def main() -> None:
        results = DocumentReader(Engine(), max_concurrency=AT_ONCE).aiter_pages(book)
        await take(results, TAKEN)
        for _ in range(AT_ONCE):
            assert await asyncio.to_thread(busy.acquire, timeout=LONG_SECONDS)
        await results.aclose()
        may_end.set()

    run(main)
    end_of_threads()
    assert len(begun) <= TAKEN + AT_ONCE
