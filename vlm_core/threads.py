"""Work that waits for other work, on threads of its own.

An event loop's executor has few threads (six on a machine with two cores), and everything in the program
shares them. Work that holds one while it waits for other work that needs one can wait for ever.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from threading import Thread
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def at_fork(
    *,
    before: Callable[[], object] | None = None,
    in_parent: Callable[[], object] | None = None,
    in_child: Callable[[], object] | None = None,
) -> None:
    """Call functions when this process forks; Windows does not.

    A child has no threads but the one that forked: what others held or waited for must be made anew in it.

    Args:
        before: is called in the parent before it forks.
        in_parent: is called in the parent after that.
        in_child: is called in the child.

    Example:
        >>> at_fork(in_child=lambda: None)
    """
    if hasattr(os, "register_at_fork"):
        callbacks = {"before": before, "after_in_parent": in_parent, "after_in_child": in_child}
        os.register_at_fork(**{when: call for when, call in callbacks.items() if call is not None})


async def on_own_thread(
    work: Callable[Arguments, Result], *args: Arguments.args, **kwargs: Arguments.kwargs
) -> Result:
    """Call a function that may wait for other work, without blocking the event loop.

    A thread is started for each call, so that no number of calls keeps another one from ending. If the
    caller is cancelled, the function runs on, and its result is dropped.

    Args:
        work: what to call.
        args: its arguments.
        kwargs: its keyword arguments.

    Example:
        >>> import asyncio
        >>> asyncio.run(on_own_thread(sorted, "cab"))
        ['a', 'b', 'c']
    """
    future = begin(partial(work, *args, **kwargs))
    await until_done(future)
    return future.result()


def begin(work: Callable[[], Result]) -> Future[Result]:
    """Call a function on a thread of its own, with the context variables of the caller.

    Example:
        >>> begin(lambda: 9).result()
        9
    """
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()  # it cannot be cancelled
    # Whoever starts a thread waits until it runs, which can be long where others are busy.
    _starter.submit(_start, future, partial(copy_context().run, work))
    return future


def _start(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        Thread(target=_settle, args=(future, work), name="vlm-work").start()
    except RuntimeError as error:  # there are too many
        future.set_exception(error)


def _settle(future: Future[Result], work: Callable[[], Result]) -> None:
    try:
        result = work()
    except BaseException as error:  # noqa: BLE001  it is raised where the result is asked for
        future.set_exception(error)
    else:
        future.set_result(result)


_starter = ThreadPoolExecutor(1, thread_name_prefix="vlm-starter")


def _renew_starter() -> None:
    """After a fork: threads do not survive it."""
    global _starter
    _starter = ThreadPoolExecutor(1, thread_name_prefix="vlm-starter")


at_fork(in_child=_renew_starter)


async def until_done(future: Future[Any]) -> None:
    """Wait for a thread's Future on an event loop, whatever becomes of it. It is never cancelled by this."""
    import asyncio  # slow to load, and not needed where all is done in threads

    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def wake(_: Future[Any]) -> None:
        with suppress(RuntimeError):  # the loop was closed meanwhile
            loop.call_soon_threadsafe(done.set)

    future.add_done_callback(wake)
    await done.wait()
