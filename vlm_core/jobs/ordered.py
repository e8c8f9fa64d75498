"""Work done side by side and delivered in order, with a bound on what is begun ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from concurrent.futures import Executor, Future
from itertools import islice
from threading import Lock, Thread
from typing import TYPE_CHECKING, TypeVar, cast

from vlm_core.jobs.breaking_off import BrokenOff

if TYPE_CHECKING:
    import asyncio

Task = TypeVar("Task")
Result = TypeVar("Result")
_END = object()


def in_order(
    tasks: Iterable[Task], run: Callable[[Task], Result], pool: Executor, ahead: int
) -> Generator[Result, None, None]:
    """Run tasks on a pool and yield their results in the order of the tasks.

    Args:
        tasks: taken one by one, as results are.
        run: is called with each task on a thread of the pool.
        pool: where they run.
        ahead: at most so many are begun whose results were not yet taken.

    A task that raises `BrokenOff` has no result: the job was stopped before it was begun.

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
            try:
                result = begun.popleft().result()
            except BrokenOff:  # it was not begun, and nothing is after it
                continue
            begun.extend(pool.submit(run, task) for task in islice(remaining, 1))
            yield result
    finally:
        for future in begun:
            future.cancel()


class Turns:
    """So many places at once; whoever waits longest for one gets the next. `threading`'s are not fair.

    Args:
        count: the places.

    Example:
        >>> turns = Turns(1)
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


async def adrive(
    start: Callable[[asyncio.AbstractEventLoop], Generator[Result, None, None]],
) -> AsyncGenerator[Result, None]:
    """Drive a generator from a coroutine, each step of it on a thread.

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

    loop = asyncio.get_running_loop()
    generator = start(loop)
    step: asyncio.Future[object] | None = None
    try:
        while True:
            step = loop.run_in_executor(None, next, generator, _END)
            item = await asyncio.shield(step)
            if item is _END:
                return
            yield cast("Result", item)
    finally:
        _close_after(step, generator)


def _close_after(step: asyncio.Future[object] | None, generator: Generator[Result, None, None]) -> None:
    """Close a generator, without waiting, once its step is over: a running one cannot be closed."""

    def close(done: object) -> None:
        Thread(target=generator.close, name="vlm-close").start()

    if step is None or step.done():
        close(step)
    else:
        step.add_done_callback(close)
