"""Work done side by side and delivered in order, with a bound on what is begun ahead."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from concurrent.futures import Executor, Future, wait
from functools import partial
from inspect import GEN_CLOSED, getgeneratorstate
from itertools import islice
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar, cast

from vlm_core.jobs.cancellation import PageCancelled
from vlm_core.threads import begin, until_done

if TYPE_CHECKING:
    import asyncio

Task = TypeVar("Task")
Result = TypeVar("Result")
Steps: TypeAlias = Generator[Future[Any] | Result, None, None]
"""Results, and before one that is not there yet the Future to wait for."""
_END = object()
_LONGEST_WAIT_SECONDS = 1.0


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
            if isinstance(step, Future):
                await until_done(step)
            else:
                yield cast("Result", step)
    finally:
        _close_after(pending, steps)


def _close_after(pending: Future[object] | None, steps: Steps[Result]) -> None:
    """Close the steps, without waiting, once none is being taken: a running generator cannot be closed."""

    def close(done: object) -> None:
        if getgeneratorstate(steps) != GEN_CLOSED:
            Thread(target=steps.close, name="vlm-close").start()

    if pending is None:
        close(pending)
    else:
        pending.add_done_callback(close)
