"""Work side by side, delivered in order, driven from threads and from a loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from vlm_core.jobs.ordered import adrive, in_order


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as pool:
        yield pool


def test_results_come_in_order_though_the_first_ends_last(pool: ThreadPoolExecutor) -> None:
    second_done = threading.Event()

    def run(task: int) -> int:
        if task == 0:
            assert second_done.wait(10)
        else:
            second_done.set()
        return task

    assert list(in_order([0, 1], run, pool, ahead=2)) == [0, 1]


def test_no_more_tasks_are_taken_than_may_be_begun_ahead(pool: ThreadPoolExecutor) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for task in range(100):
            taken.append(task)
            yield task

    results = in_order(tasks(), str, pool, ahead=3)
    next(results)
    assert len(taken) == 4
    results.close()


def test_tasks_not_yet_run_are_cancelled_when_the_results_are_closed() -> None:
    ran: list[int] = []
    begun, may_end = threading.Event(), threading.Event()

    def run(task: int) -> int:
        ran.append(task)
        if task == 1:
            begun.set()
            assert may_end.wait(10)
        return task

    with ThreadPoolExecutor(1) as pool:
        results = in_order(range(10), run, pool, ahead=5)
        assert next(results) == 0
        assert begun.wait(10)
        results.close()
        may_end.set()
    assert ran == [0, 1]


async def test_the_loop_runs_on_while_a_step_takes_its_time() -> None:
    ticked = threading.Event()

    def steps() -> Generator[bool, None, None]:
        yield ticked.wait(10)

    async def tick() -> None:
        ticked.set()

    async def collect() -> list[bool]:
        return [item async for item in adrive(lambda loop: steps())]

    collected, _ = await asyncio.gather(collect(), tick())
    assert collected == [True]


async def test_a_cancelled_drive_ends_at_once_and_closes_its_generator() -> None:
    stepping, may_end, closed = threading.Event(), threading.Event(), threading.Event()

    def steps() -> Generator[int, None, None]:
        try:
            stepping.set()
            may_end.wait(10)
            yield 1
        finally:
            closed.set()

    async def collect() -> None:
        async for _ in adrive(lambda loop: steps()):
            pass

    task = asyncio.create_task(collect())
    await asyncio.to_thread(stepping.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not closed.is_set()
    may_end.set()
    assert await asyncio.to_thread(closed.wait, 10)


async def test_an_error_of_a_step_is_raised_to_the_coroutine() -> None:
    def steps() -> Generator[int, None, None]:
        yield 1
        raise ValueError("no second")

    with pytest.raises(ValueError, match="no second"):
        _ = [item async for item in adrive(lambda loop: steps())]
