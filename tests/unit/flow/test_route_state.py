"""When a route is left alone, for how long, and how it comes back; all on a clock that we set."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from vlm_core.flow.route_state import CircuitBreaker


def opened(at: float = 0.0, retry_after: float | None = None) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(4):
        breaker.failed(at)
    breaker.failed(at, retry_after)
    assert breaker.opened_at == at
    return breaker


def after(outcomes: str, times: Sequence[float]) -> CircuitBreaker:
    """One to which this happened: a "+" is a success, a "-" a failure."""
    breaker = CircuitBreaker()
    for outcome, now in zip(outcomes, times, strict=True):
        (breaker.succeeded if outcome == "+" else breaker.failed)(now)
    return breaker


@pytest.mark.parametrize(
    ("outcomes", "seconds_apart", "opens"),
    [
        pytest.param("----", 0, False, id="4 failures in a row are borne"),
        pytest.param("-----", 0, True, id="5 are not"),
        pytest.param("-----", 1000, True, id="5 in a row count, however long they take"),
        pytest.param("----+----", 0, False, id="a success begins the count anew"),
        pytest.param("+-+-+-+-+-", 1, True, id="half of 10 failed"),
        pytest.param("+-+-+-+-", 1, False, id="half of fewer than 10"),
        pytest.param("+++-+-+-+-", 1, False, id="less than half of 10"),
        pytest.param("+-+-+-+-+-", 3, True, id="10 within 27 seconds"),
        pytest.param("+-+-+-+-+-+-", 3.5, False, id="10 that take longer than 30 seconds"),
        pytest.param("-+-+-+-+-+", 1, False, id="a success never opens it"),
        pytest.param("++++++++++", 0, False, id="successes"),
    ],
)
def test_it_opens_when_too_many_calls_failed(outcomes: str, seconds_apart: float, opens: bool) -> None:
    times = [seconds_apart * number for number in range(len(outcomes))]
    assert after(outcomes, times).is_open(times[-1]) is opens


def test_closed_it_admits_any_number() -> None:
    breaker = CircuitBreaker()
    assert all(breaker.admits(0.0) for _ in range(100))


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        pytest.param(None, 10, id="of its own accord"),
        pytest.param(3, 10, id="the provider asks for less"),
        pytest.param(25, 25, id="the provider asks for more"),
        pytest.param(900, 30, id="the provider asks for more than the longest pause"),
    ],
)
def test_open_it_admits_nobody_until_the_pause_is_over(retry_after: float | None, pause: float) -> None:
    breaker = opened(at=100, retry_after=retry_after)
    assert breaker.opens_again_at == 100 + pause
    assert not breaker.admits(100)
    assert not breaker.admits(100 + pause - 0.001)
    assert breaker.admits(100 + pause)


def test_an_earlier_failure_may_have_asked_for_the_longer_pause() -> None:
    breaker = CircuitBreaker()
    breaker.failed(0, retry_after=25)
    for now in range(1, 5):
        breaker.failed(now)
    assert breaker.opens_again_at == 25


def test_what_a_provider_asked_for_before_a_success_is_over() -> None:
    breaker = CircuitBreaker()
    breaker.failed(0, retry_after=25)
    breaker.succeeded(1)
    for _ in range(5):
        breaker.failed(2)
    assert breaker.opens_again_at == 12


def test_while_the_probe_is_out_nobody_else_is_admitted() -> None:
    breaker = opened(at=0)
    assert breaker.admits(10)
    assert not breaker.admits(10)
    assert not breaker.admits(19.9)


def test_asking_whether_it_is_open_sends_no_probe() -> None:
    breaker = opened(at=0)
    assert not breaker.is_open(10)
    assert breaker.admits(10)
    assert breaker.is_open(10)


def test_a_probe_that_succeeds_closes_it_and_all_is_forgotten() -> None:
    breaker = opened(at=0)
    breaker.admits(10)
    breaker.succeeded(11)
    assert breaker.opened_at is breaker.opens_again_at is None
    for _ in range(4):
        breaker.failed(12)
    assert not breaker.is_open(12)
    breaker.failed(12)
    assert breaker.opens_again_at == 22


def test_each_probe_that_fails_doubles_the_pause_up_to_thirty_seconds() -> None:
    breaker, now, pauses = opened(at=0), 10.0, []
    for _ in range(7):
        assert breaker.admits(now)
        breaker.failed(now)
        assert breaker.opened_at == now
        assert breaker.opens_again_at is not None
        pauses.append(breaker.opens_again_at - now)
        now = breaker.opens_again_at
    assert pauses == [20, 30, 30, 30, 30, 30, 30]


def test_a_probe_that_is_given_back_may_be_tried_again_at_once() -> None:
    breaker = opened(at=0)
    assert breaker.admits(10)
    breaker.release_probe()
    assert breaker.admits(10)
    assert not breaker.admits(10)


def test_a_probe_that_is_given_back_waits_for_what_the_provider_asked() -> None:
    breaker = opened(at=0)
    breaker.admits(10)
    breaker.failed(11, retry_after=25, began=-1)
    breaker.release_probe()
    assert breaker.opens_again_at == 36


def test_what_was_no_probe_can_be_given_back_without_effect() -> None:
    breaker = opened(at=0)
    breaker.release_probe()
    assert not breaker.admits(9)


def test_a_call_from_before_gives_no_probe_back() -> None:
    breaker = opened(at=0)
    breaker.admits(10)
    breaker.release_probe(began=9)
    assert not breaker.admits(11)


def test_a_probe_that_never_comes_back_blocks_for_one_more_pause_only() -> None:
    breaker = opened(at=0)
    assert breaker.admits(12)
    assert not breaker.admits(21.9)
    assert breaker.admits(22)
    assert not breaker.admits(22)


def test_a_slow_probe_closes_it_though_another_has_gone_since() -> None:
    breaker = opened(at=0)
    assert breaker.admits(10)
    assert breaker.admits(20)
    breaker.succeeded(25, began=10)
    assert breaker.opened_at is None


def test_a_slow_probe_that_fails_opens_it_again_though_another_has_gone_since() -> None:
    breaker = opened(at=0)
    breaker.admits(10)
    breaker.admits(20)
    breaker.failed(25, began=10)
    assert breaker.opens_again_at == 40


@pytest.mark.parametrize(
    ("took", "opens_again_at"),
    [
        pytest.param(0, 30, id="at once"),
        pytest.param(9, 30, id="it takes a while"),
        pytest.param(15, 35, id="so long that the pause is nearly over"),
        pytest.param(60, 80, id="longer than the pause"),
    ],
)
def test_a_pause_counts_from_when_its_probe_was_sent_but_leaves_the_route_alone(
    took: float, opens_again_at: float
) -> None:
    breaker = opened(at=0)
    breaker.admits(10)
    breaker.failed(10 + took, began=10)
    assert breaker.opens_again_at == opens_again_at


@pytest.mark.parametrize("probes", [pytest.param(0, id="open"), pytest.param(1, id="with the probe out")])
def test_a_late_failure_from_before_it_opened_is_not_the_probes(probes: int) -> None:
    breaker = opened(at=5)
    for _ in range(probes):
        assert breaker.admits(15)
    awaited = breaker.opens_again_at
    breaker.failed(16, began=4)
    assert (breaker.opened_at, breaker.opens_again_at) == (5, awaited)


def test_a_late_failure_can_still_ask_for_a_longer_pause() -> None:
    breaker = opened(at=5)
    breaker.failed(6, retry_after=25, began=4)
    assert breaker.opens_again_at == 31


def test_a_late_success_from_before_it_opened_does_not_close_it() -> None:
    breaker = opened(at=5, retry_after=25)
    breaker.succeeded(6, began=4)
    assert breaker.is_open(29)


def test_a_call_that_went_out_although_it_was_open_closes_it_if_it_succeeds() -> None:
    breaker = opened(at=5)
    breaker.succeeded(8, began=6)
    assert breaker.opened_at is None


def test_calls_that_went_out_although_it_was_open_do_not_double_the_pause() -> None:
    breaker = opened(at=5)
    for _ in range(10):
        breaker.failed(8, began=6)
    assert breaker.opens_again_at == 15


def test_late_failures_from_before_it_closed_do_not_open_it_again() -> None:
    breaker = opened(at=0)
    breaker.admits(10)
    breaker.succeeded(11)
    for _ in range(20):
        breaker.failed(12, began=9)
    assert not breaker.is_open(12)


def test_of_many_threads_one_gets_the_probe() -> None:
    breaker = opened(at=0)
    together = threading.Barrier(8)

    def ask(now: float) -> bool:
        together.wait(10)
        return breaker.admits(now)

    with ThreadPoolExecutor(8) as pool:
        for number in range(1, 30):
            assert list(pool.map(ask, [10.0 * number] * 8)).count(True) == 1
            breaker.release_probe()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_can_use_it_while_other_threads_of_the_parent_do() -> None:
    breaker, over = opened(at=0), threading.Event()

    def use() -> None:
        while not over.is_set():
            breaker.failed(1)

    with ThreadPoolExecutor(2) as pool:
        pool.submit(use), pool.submit(use)
        try:
            statuses = []
            for _ in range(20):
                if (child := os.fork()) == 0:
                    os._exit(0 if breaker.admits(10) else 1)
                statuses.append(os.waitpid(child, 0)[1])
        finally:
            over.set()
    assert statuses == [0] * 20
