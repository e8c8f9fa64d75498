"""Any history of calls, against a breaker that keeps the whole of it and works everything out anew."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from vlm_core.flow.route_state import CircuitBreaker

SECONDS = st.sampled_from([0, 0, 1, 1, 3, 9, 10, 11, 20, 30, 31, 300, 301])
LONGEST = 30
"""Seconds of the longest pause, whatever happened before and whatever the provider asks for."""
ASKED = st.none() | st.sampled_from([0, 1, 15, 60, 900])


class Model:
    """A plain breaker: what happened since it last opened or closed, in full."""

    def __init__(self) -> None:
        self.since = self.counts_from = float("-inf")
        self.opened = False
        self.outcomes: list[tuple[float, bool]] = []
        self.asked: list[float] = []
        self.probes_failed = 0
        self.probe: float | None = None
        self.probes: list[float] = []

    def pause(self) -> float:
        return float(min(10 * 2**self.probes_failed, LONGEST))

    def ready_at(self) -> float:
        if self.probes:
            return max([max(self.probes) + self.pause(), *self.asked])
        return max([self.counts_from + self.pause(), self.since + 10, *self.asked])

    def admits(self, now: float) -> bool:
        if not self.opened:
            return True
        if now < self.ready_at():
            return False
        self.probes.append(now)
        self.probe = now
        return True

    def succeeded(self, now: float, began: float) -> None:
        if began < self.since:
            return
        self.asked = []
        if not self.opened:
            self.outcomes.append((now, False))
            return
        self.__init__()  # type: ignore[misc]
        self.since = now

    def failed(self, now: float, retry_after: float | None, began: float) -> None:
        if retry_after is not None:
            self.asked.append(now + min(retry_after, LONGEST))
        if began < self.since:
            return
        if self.opened and self.probe is not None:
            self.probes_failed += 1
            self.open(now, self.probe)
        elif not self.opened:
            self.outcomes.append((now, True))
            if self.is_ill(now):
                self.open(now, now)

    def is_ill(self, now: float) -> bool:
        last = [failed for _, failed in self.outcomes[-5:]]
        recent = [failed for time, failed in self.outcomes if time >= now - 30]
        return last == [True] * 5 or (len(recent) >= 10 and recent.count(True) >= recent.count(False))

    def open(self, now: float, counts_from: float) -> None:
        self.opened, self.since, self.counts_from = True, now, counts_from
        self.probe, self.probes = None, []

    def release_probe(self, began: float) -> None:
        if self.probe is not None and began >= self.probe:
            self.probes = [self.probe - self.pause()]
            self.probe = None


class History(RuleBasedStateMachine):
    """Calls go out when they are admitted, end in any order, and time goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker, self.model = CircuitBreaker(), Model()
        self.now = 1000.0
        self.out: list[float] = []
        self.probe_until = float("-inf")

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def ask(self) -> None:
        opened_at = self.breaker.opened_at
        admitted = self.breaker.admits(self.now)
        assert admitted == self.model.admits(self.now)
        if not admitted:
            return
        self.out.append(self.now)
        if opened_at is not None:
            assert self.now >= opened_at + 10
            assert self.now >= self.probe_until, "two probes at once"
            self.probe_until = self.now + 10

    @rule()
    def send_although_it_is_open(self) -> None:
        self.out.append(self.now)

    @rule(data=st.data(), times=st.integers(1, 6))
    def succeed(self, data: Any, times: int) -> None:
        for _ in range(times):
            began = self.any_call(data)
            self.breaker.succeeded(self.now, began=began)
            self.model.succeeded(self.now, began)
        self.end_of_probe()

    @rule(data=st.data(), times=st.integers(1, 6), retry_after=ASKED)
    def fail(self, data: Any, times: int, retry_after: float | None) -> None:
        for _ in range(times):
            began = self.any_call(data)
            self.breaker.failed(self.now, retry_after, began=began)
            self.model.failed(self.now, retry_after, began)
        self.end_of_probe()

    @rule(data=st.data())
    def give_back(self, data: Any) -> None:
        began = self.any_call(data)
        self.breaker.release_probe(began=began)
        self.model.release_probe(began)
        if began >= self.probe_until - 10:
            self.probe_until = float("-inf")

    def any_call(self, data: Any) -> float:
        if not self.out:
            return self.now
        return self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))

    def end_of_probe(self) -> None:
        if self.breaker.opened_at in (None, self.now):
            self.probe_until = float("-inf")

    @invariant()
    def it_is_open_as_the_plain_one_is(self) -> None:
        assert (self.breaker.opened_at is not None) == self.model.opened
        if self.model.opened:
            assert self.breaker.opened_at == self.model.since
            assert self.breaker.is_open(self.now) == (self.now < self.model.ready_at())

    @invariant()
    def a_route_that_recovers_now_is_asked_within_thirty_seconds(self) -> None:
        ends = self.breaker.opens_again_at
        assert ends is None or ends <= self.now + LONGEST

    def teardown(self) -> None:
        assert self.breaker.admits(self.now + LONGEST)


TestHistory = History.TestCase
