"""How many calls go out at once, how that number finds its level, and where the others wait."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from math import inf

import pytest

from vlm_core.errors import ConfigError
from vlm_core.flow.concurrency import AIMDLimit, ConcurrencyLimiter, Outcome

OK, OVERLOADED, NEUTRAL = Outcome


def fill(limiter: AIMDLimit) -> int:
    taken = 0
    while limiter.admits():
        taken += 1
    return taken


def play(limiter: AIMDLimit, *outcomes: Outcome, now: float = 1.0) -> list[int]:
    """The limit after each outcome, of calls that have just begun, with others always waiting."""
    limits = []
    for outcome in outcomes:
        fill(limiter)
        limiter.done(outcome, now, began=now)
        limits.append(limiter.limit)
    return limits


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        pytest.param({}, 4, id="as it comes"),
        pytest.param({"ceiling": 2}, 2, id="the ceiling is lower than the start"),
        pytest.param({"ceiling": 20, "start": 10}, 10, id="a start of one's own"),
    ],
)
def test_it_begins_at_the_start_or_at_the_ceiling(settings: dict[str, int], limit: int) -> None:
    limiter = AIMDLimit(**settings)
    assert fill(limiter) == limiter.in_flight == limiter.limit == limit
    assert not limiter.admits()


@pytest.mark.parametrize("settings", [{"ceiling": 0}, {"ceiling": -1}, {"start": 0}], ids=str)
def test_a_limiter_that_would_admit_nobody_is_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="max_concurrency"):
        AIMDLimit(**settings)


def test_a_call_that_is_done_frees_its_place() -> None:
    limiter = AIMDLimit(ceiling=1)
    assert limiter.admits()
    limiter.done(NEUTRAL, 1.0, 0.0)
    assert limiter.admits()


def test_a_place_that_is_given_back_is_free_and_teaches_nothing() -> None:
    limiter = AIMDLimit()
    fill(limiter)
    limiter.gave_back()
    assert (limiter.in_flight, limiter.limit) == (3, 4)


@pytest.mark.parametrize(
    ("outcomes", "limits"),
    [
        pytest.param([OK] * 4, [5, 6, 7, 8], id="until the first overload it doubles with each round"),
        pytest.param([NEUTRAL] * 4, [4] * 4, id="neutral outcomes teach nothing"),
        pytest.param([OK, OK, OVERLOADED], [5, 6, 3], id="an overload halves it"),
        pytest.param([OK, OVERLOADED], [5, 2], id="an odd limit is rounded down"),
        pytest.param(
            [OVERLOADED, OK, OK, OK, OK, OK, OK], [2, 2, 3, 3, 3, 4, 4],
            id="after an overload it grows by 1 for as many successes as it is high",
        ),
        pytest.param(
            [OVERLOADED, OK, NEUTRAL, OK], [2, 2, 2, 3], id="a neutral outcome does not interrupt the count"
        ),
    ],
)  # fmt: skip
def test_it_learns_from_how_calls_end(outcomes: list[Outcome], limits: list[int]) -> None:
    assert play(AIMDLimit(), *outcomes) == limits


def test_it_stays_at_the_ceiling() -> None:
    assert play(AIMDLimit(ceiling=6), *[OK] * 4) == [5, 6, 6, 6]


def test_an_overload_begins_the_count_of_successes_anew() -> None:
    limiter = AIMDLimit(start=16)
    assert play(limiter, OVERLOADED, OK, OK, OK, now=1.0) == [8] * 4
    assert play(limiter, OVERLOADED, OK, OK, OK, OK, now=2.0) == [4, 4, 4, 4, 5]


def test_it_never_falls_below_one() -> None:
    limiter = AIMDLimit()
    assert [play(limiter, OVERLOADED, now=now)[0] for now in range(1, 5)] == [2, 1, 1, 1]


def test_a_limit_that_is_not_used_does_not_grow() -> None:
    limiter = AIMDLimit()
    for now in range(50):
        assert limiter.admits()
        limiter.done(OK, now + 1.0, float(now))
    assert limiter.limit == 4


def test_calls_that_were_out_together_cut_it_once() -> None:
    limiter = AIMDLimit(start=16)
    fill(limiter)
    for number in range(16):
        limiter.done(OVERLOADED, now=2.0 + number, began=1.0)
    assert (limiter.limit, limiter.in_flight) == (8, 0)


def test_calls_that_were_out_before_a_cut_do_not_make_it_grow() -> None:
    limiter = AIMDLimit(start=16)
    fill(limiter)
    limiter.done(OVERLOADED, now=2.0, began=1.0)
    for _ in range(8):
        limiter.done(OK, now=3.0, began=1.0)
    assert play(limiter, *[OK] * 7, now=4.0) == [8] * 7
    assert play(limiter, OK, now=5.0) == [9]


def test_above_a_limit_that_was_cut_nobody_is_admitted_until_enough_are_done() -> None:
    limiter = AIMDLimit()
    fill(limiter)
    limiter.done(OVERLOADED, now=2.0, began=1.0)
    assert not limiter.admits()
    limiter.done(NEUTRAL, now=2.0, began=1.0)
    assert not limiter.admits()
    limiter.done(NEUTRAL, now=2.0, began=1.0)
    assert limiter.admits()


LONG = 30.0
"""Seconds. Whoever waits for so long has found a fault."""


class Line(deque):
    """The line of a gate, telling whenever somebody has joined it."""

    def __init__(self, joined: Callable[[], object]) -> None:
        super().__init__()
        self._joined = joined

    def append(self, waiter: object) -> None:
        super().append(waiter)
        self._joined()


@pytest.fixture
def gate() -> ConcurrencyLimiter:
    """One with a single place, which is taken."""
    gate = ConcurrencyLimiter(ceiling=1)
    assert gate.acquire(0)
    return gate


@pytest.fixture
def other_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs on a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def switching() -> Iterator[None]:
    """Threads take turns far more often than they would."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def leave(gate: ConcurrencyLimiter, outcome: Outcome = Outcome.NEUTRAL) -> None:
    gate.release(outcome, now=1.0, began=0.0)


def assert_all_free(gate: ConcurrencyLimiter) -> None:
    assert (gate.limiter.in_flight, gate.waiting) == (0, 0)


async def lined_up(gate: ConcurrencyLimiter, count: int = 1) -> list[asyncio.Task[bool]]:
    tasks = [asyncio.create_task(gate.aacquire(LONG)) for _ in range(count)]
    await asyncio.sleep(0)
    assert gate.waiting == count
    return tasks


def test_a_gate_that_would_let_nobody_in_is_refused() -> None:
    with pytest.raises(ConfigError):
        ConcurrencyLimiter(ceiling=0)


async def test_as_many_as_the_limit_enter_without_waiting() -> None:
    gate = ConcurrencyLimiter()
    assert [gate.acquire(0), await gate.aacquire(0), gate.acquire(0), await gate.aacquire(0)] == [True] * 4
    assert not gate.acquire(0)
    assert not await gate.aacquire(0)


async def test_whoever_knows_of_another_route_is_sent_on_when_one_becomes_too_much() -> None:
    gate = ConcurrencyLimiter()
    assert all(gate.acquire(0) for _ in range(4))
    patient, impatient = (
        asyncio.create_task(gate.aacquire(LONG, is_patient)) for is_patient in (True, False)
    )
    await asyncio.sleep(0)
    leave(gate, Outcome.OVERLOADED)
    assert not await impatient
    assert not patient.done()
    leave(gate)
    leave(gate)
    assert await patient


async def test_whoever_knows_of_another_route_does_not_wait_at_one_that_was_too_much() -> None:
    gate = ConcurrencyLimiter()
    assert all(gate.acquire(0) for _ in range(4))
    leave(gate, Outcome.OVERLOADED)
    assert not gate.acquire(LONG, is_patient=False)
    assert not await gate.aacquire(LONG, is_patient=False)
    leave(gate)
    leave(gate)
    assert gate.acquire(0, is_patient=False)


async def test_while_a_route_is_found_out_everybody_waits_for_it() -> None:
    gate = ConcurrencyLimiter()
    assert all(gate.acquire(0) for _ in range(4))
    task = asyncio.create_task(gate.aacquire(LONG, is_patient=False))
    await asyncio.sleep(0)
    leave(gate, Outcome.OK)
    assert await task


@pytest.mark.parametrize("seconds", [0.0, -1.0, 0.001])
async def test_a_wait_that_is_over_takes_no_place_and_leaves_nobody_in_line(
    gate: ConcurrencyLimiter, seconds: float
) -> None:
    assert not gate.acquire(seconds)
    assert not await gate.aacquire(seconds)
    leave(gate)
    assert_all_free(gate)


@pytest.mark.parametrize("seconds", [LONG, inf])
def test_a_thread_is_woken_by_one_that_leaves(gate: ConcurrencyLimiter, seconds: float) -> None:
    gate._line = Line(lambda: threading.Thread(target=leave, args=[gate]).start())
    assert gate.acquire(seconds)
    assert gate.limiter.in_flight == 1


@pytest.mark.parametrize("seconds", [LONG, inf])
async def test_a_task_is_woken_by_a_thread_that_leaves(gate: ConcurrencyLimiter, seconds: float) -> None:
    gate._line = Line(lambda: threading.Thread(target=leave, args=[gate]).start())
    assert await gate.aacquire(seconds)
    assert gate.limiter.in_flight == 1


def test_threads_and_tasks_enter_in_the_order_in_which_they_came(
    gate: ConcurrencyLimiter, other_loop: asyncio.AbstractEventLoop
) -> None:
    order: list[int] = []
    joined = threading.Semaphore(0)
    gate._line = Line(joined.release)

    def by_thread(number: int) -> None:
        assert gate.acquire(LONG)
        order.append(number)
        leave(gate)

    async def by_task(number: int) -> None:
        assert await gate.aacquire(LONG)
        order.append(number)
        leave(gate)

    with ThreadPoolExecutor(10) as pool:
        futures: list[Future[None]] = []
        for number in range(20):
            if number % 2:
                futures.append(pool.submit(by_thread, number))
            else:
                futures.append(asyncio.run_coroutine_threadsafe(by_task(number), other_loop))
            assert joined.acquire(timeout=LONG)
        leave(gate)
        for future in futures:
            future.result(LONG)
    assert order == list(range(20))
    assert_all_free(gate)


def test_a_place_that_is_freed_just_before_one_lines_up_is_taken() -> None:
    gate = ConcurrencyLimiter()
    with gate._in_line(lambda: None, True) as waiter:
        assert waiter.has_place
    assert (gate.limiter.in_flight, gate.waiting) == (1, 0)


async def test_nobody_enters_past_those_who_wait() -> None:
    gate = ConcurrencyLimiter()
    assert all(gate.acquire(0) for _ in range(4))
    waiting = await lined_up(gate, 2)
    leave(gate)
    assert not gate.acquire(0)
    leave(gate)
    assert await asyncio.gather(*waiting) == [True, True]


@pytest.mark.parametrize(
    ("outcome", "let_in"),
    [
        pytest.param(Outcome.NEUTRAL, 1, id="the limit stays"),
        pytest.param(Outcome.OK, 2, id="the limit grows"),
        pytest.param(Outcome.OVERLOADED, 0, id="the limit falls"),
    ],
)
async def test_as_many_as_fit_are_let_in_when_one_leaves(outcome: Outcome, let_in: int) -> None:
    gate = ConcurrencyLimiter()
    assert all(gate.acquire(0) for _ in range(4))
    waiting = await lined_up(gate, 3)
    leave(gate, outcome)
    assert gate.waiting == 3 - let_in
    for _ in range(6):
        leave(gate)
    assert await asyncio.gather(*waiting) == [True] * 3
    leave(gate)
    assert_all_free(gate)


async def test_a_task_that_is_cancelled_leaves_the_line(gate: ConcurrencyLimiter) -> None:
    first, second = await lined_up(gate, 2)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert gate.waiting == 1
    leave(gate)
    assert await second


async def test_a_task_that_is_cancelled_as_it_is_woken_passes_its_place_on(gate: ConcurrencyLimiter) -> None:
    first, second = await lined_up(gate, 2)
    leave(gate)
    assert gate.waiting == 1
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await second
    leave(gate)
    assert_all_free(gate)


def test_a_thread_that_is_interrupted_leaves_the_line(gate: ConcurrencyLimiter) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    gate._line = Line(interrupt)
    with pytest.raises(KeyboardInterrupt):
        gate.acquire(LONG)
    leave(gate)
    assert_all_free(gate)


def test_a_place_passes_over_a_task_whose_loop_was_closed(gate: ConcurrencyLimiter) -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(gate.aacquire(LONG))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    joined, entered = threading.Semaphore(0), []
    line = Line(joined.release)
    line.extend(gate._line)
    gate._line = line
    thread = threading.Thread(target=lambda: entered.append(gate.acquire(LONG)))
    thread.start()
    assert joined.acquire(timeout=LONG)
    assert gate.waiting == 2
    leave(gate)
    thread.join(LONG)
    assert entered == [True]
    assert (gate.limiter.in_flight, gate.waiting) == (1, 0)
    assert not task.done()


def test_a_task_that_is_thrown_away_gives_back_the_place_it_was_woken_with(gate: ConcurrencyLimiter) -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(gate.aacquire(LONG))
    loop.run_until_complete(asyncio.sleep(0))
    leave(gate)
    assert (gate.limiter.in_flight, gate.waiting) == (1, 0)
    loop.close()
    del task
    gc.collect()
    assert_all_free(gate)


def test_a_call_can_end_on_the_thread_that_is_just_lining_up(gate: ConcurrencyLimiter) -> None:
    # As where garbage is collected at that moment, and an abandoned call with it.
    gate._line = Line(lambda: leave(gate))
    entered: list[bool] = []
    thread = threading.Thread(target=lambda: entered.append(gate.acquire(LONG)), daemon=True)
    thread.start()
    thread.join(LONG)
    assert entered == [True]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_finds_its_gate_empty(gate: ConcurrencyLimiter) -> None:
    joined = threading.Semaphore(0)
    gate._line = Line(joined.release)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(gate.acquire, LONG)
        assert joined.acquire(timeout=LONG)
        with gate._lock:  # as another thread may hold it at that moment
            child = os.fork()
            if child == 0:
                os._exit(0 if (gate.acquire(0), gate.acquire(0), gate.waiting) == (True, False, 0) else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert not waiting.done()
        leave(gate)
        assert waiting.result(LONG)


class Places:
    """What is behind the gate. A fifth who is let in finds none left."""

    def __init__(self) -> None:
        self.gate = ConcurrencyLimiter(ceiling=4)
        self.free = [1, 2, 3, 4]
        self.visits: list[int] = []

    @contextmanager
    def one(self) -> Iterator[None]:
        self.visits.append(place := self.free.pop())
        try:
            yield
        finally:
            self.free.append(place)
            leave(self.gate)

    def visit(self, seconds: float) -> None:
        if self.gate.acquire(seconds):
            with self.one():
                pass

    async def avisit(self, seconds: float) -> None:
        if await self.gate.aacquire(seconds):
            with self.one():
                await turns(3)


async def turns(count: int) -> None:
    """Let the other tasks run so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


async def visits(places: Places, count: int, rng: random.Random) -> list[BaseException | None]:
    async def cancel_one() -> None:
        await turns(rng.randrange(5))
        rng.choice(running).cancel()

    running = [asyncio.create_task(places.avisit(rng.choice(PATIENCE))) for _ in range(count)]
    await asyncio.gather(*(cancel_one() for _ in range(count // 3)))
    return await asyncio.gather(*running, return_exceptions=True)


PATIENCE = (0.0, 0.001, LONG, LONG)


@pytest.mark.usefixtures("switching")
@pytest.mark.parametrize("seed", range(8))
def test_two_hundred_come_and_go_and_no_place_is_lost_nor_given_twice(seed: int) -> None:
    places, rng = Places(), random.Random(seed)
    loops = [random.Random(rng.random()) for _ in range(2)]
    with ThreadPoolExecutor(12) as pool:
        by_task = [pool.submit(asyncio.run, visits(places, 50, own)) for own in loops]
        by_thread = [pool.submit(places.visit, rng.choice(PATIENCE)) for _ in range(100)]
        ends = [end for future in by_task for end in future.result(2 * LONG)]
        ends += [future.result(2 * LONG) for future in by_thread]
    cancelled = sum(isinstance(end, asyncio.CancelledError) for end in ends)
    assert len(ends) == ends.count(None) + cancelled == 200
    assert cancelled > 0
    assert places.visits
    assert sorted(places.free) == [1, 2, 3, 4]
    assert_all_free(places.gate)
