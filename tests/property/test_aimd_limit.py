"""Any history of calls, against a limiter that keeps the whole of it and works everything out anew."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from vlm_core.flow.concurrency import AIMDLimit, Outcome


def limit_after(start: int, ceiling: int, lessons: list[tuple[str, float]]) -> tuple[int, float]:
    """The limit, and when it was last cut.

    Args:
        start: where it begins.
        ceiling: the highest.
        lessons: in order, what ended and when: "full" is a success while every place was taken.
    """
    limit, cut_at, successes, is_fast = min(start, ceiling), float("-inf"), 0, True
    for lesson, now in lessons:
        if lesson == "overload":
            limit, cut_at, successes, is_fast = max(1, limit // 2), now, 0, False
        elif is_fast:
            limit = min(limit + 1, ceiling)
        else:
            successes += 1
            if successes == limit:
                limit, successes = min(limit + 1, ceiling), 0
    return limit, cut_at


class History(RuleBasedStateMachine):
    """Calls go out when they are admitted, end in any order, and time goes on."""

    @initialize(ceiling=st.integers(1, 20), start=st.integers(1, 20))
    def begin(self, ceiling: int, start: int) -> None:
        self.limiter = AIMDLimit(ceiling, start)
        self.start, self.now = start, 0.0
        self.out: list[float] = []
        self.lessons: list[tuple[str, float]] = []

    @rule()
    def wait(self) -> None:
        self.now += 1

    @rule(count=st.integers(1, 30))
    def ask(self, count: int) -> None:
        for _ in range(count):
            has_room = len(self.out) < self.limiter.limit
            assert self.limiter.admits() == has_room
            if has_room:
                self.out.append(self.now)

    @rule(data=st.data(), outcome=st.sampled_from(Outcome), count=st.integers(1, 20))
    def end(self, data: Any, outcome: Outcome, count: int) -> None:
        for _ in range(min(count, len(self.out))):
            limit, cut_at = limit_after(self.start, self.limiter.ceiling, self.lessons)
            is_full = len(self.out) >= limit
            began = self.out.pop(data.draw(st.integers(0, len(self.out) - 1)))
            self.limiter.done(outcome, self.now, began)
            if began >= cut_at:
                self.learn(outcome, is_full)

    def learn(self, outcome: Outcome, is_full: bool) -> None:
        if outcome is Outcome.OVERLOADED:
            self.lessons.append(("overload", self.now))
        elif outcome is Outcome.OK and is_full:
            self.lessons.append(("full", self.now))

    @rule()
    def give_back(self) -> None:
        if self.out:
            self.out.pop()
            self.limiter.gave_back()

    @invariant()
    def the_limit_is_what_the_history_makes_it(self) -> None:
        limit, _ = limit_after(self.start, self.limiter.ceiling, self.lessons)
        assert self.limiter.limit == limit
        assert 1 <= limit <= self.limiter.ceiling

    @invariant()
    def it_counts_the_calls_that_are_out(self) -> None:
        assert self.limiter.in_flight == len(self.out)


TestHistory = History.TestCase
