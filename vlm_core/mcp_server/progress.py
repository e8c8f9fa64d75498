"""How far a call has come, on its way from whatever thread does the work to the client."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from threading import Event
from typing import TypeAlias

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.session import ServerSession

from vlm_core.assistant.library import OnProgress

Step: TypeAlias = tuple[int, int, str]


class GivenUp(BaseException):
    """The caller no longer waits for the work. It is raised where the work tells of its progress."""


@asynccontextmanager
async def reported(session: ServerSession) -> AsyncIterator[OnProgress]:
    """Report the progress of some work to the client, in order, and all of it before the work's result.

    Args:
        session: of the call. It reports nothing where the client did not ask for it.

    Yields:
        What the work tells its progress. Once the block is left, it raises `GivenUp`, which ends work that
        goes on in a thread after the call was cancelled.
    """
    loop, is_over = asyncio.get_running_loop(), Event()
    send, receive = anyio.create_memory_object_stream[Step](math.inf)

    def queue(step: Step) -> None:
        with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
            send.send_nowait(step)

    def tell(done: int, total: int, what: str) -> None:
        if is_over.is_set():
            raise GivenUp
        loop.call_soon_threadsafe(queue, (done, total, what))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_report, receive, session)
        try:
            yield tell
        finally:
            is_over.set()
            send.close()


async def _report(steps: MemoryObjectReceiveStream[Step], session: ServerSession) -> None:
    """Report steps. Each must be further than the one before, also where the work begins to count anew."""
    before = last = total = 0
    async with steps:
        async for done, of, what in steps:
            if done <= last:
                before += total
            last, total = done, of
            await session.report_progress(before + done, before + of, what)
