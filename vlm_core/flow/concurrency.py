"""How many calls a route gets at once, and where the others wait: in order, from threads and event loops."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from functools import partial
from math import inf
from typing import TypeVar

from vlm_core.errors import ConfigError


class Outcome(Enum):
    """What the end of a call says of how many a route can take."""

    OK = auto()
    OVERLOADED = auto()
    """There were too many: 429, 503, a timeout."""
    NEUTRAL = auto()


class AIMDLimit:
    """Counts the calls of a route, and finds out how many it takes at once.

    Additive increase, multiplicative decrease, as in TCP's congestion control (RFC 5681). It has no clock, no
    lock and no waiting of its own: `ConcurrencyLimiter` has those.

    The limit begins at `start` and grows by 1 with each success, so that it doubles with each round,
    until the first overload; from then on by 1 for as many successes as it is high. It grows only
    while all of it is used. An overload halves it, at most once for the calls that were already out.

    Args:
        ceiling: the limit never goes above this number of calls.
        start: where it begins, or at `ceiling` if that is lower.

    Raises:
        ConfigError: no call would ever be admitted.

    Example:
        >>> limiter = AIMDLimit(ceiling=8, start=2)
        >>> [limiter.admits() for _ in range(3)]
        [True, True, False]
        >>> limiter.done(Outcome.OK, now=1.0, began=0.0)
        >>> limiter.limit, limiter.in_flight
        (3, 1)
        >>> limiter.done(Outcome.OVERLOADED, now=2.0, began=0.0)
        >>> limiter.limit
        1
    """

    def __init__(self, ceiling: int = 16, start: int = 4) -> None:
        if ceiling < 1 or start < 1:
            raise ConfigError(
                f"{min(ceiling, start)} calls at once were allowed, so that none could be made",
                hint="Set max_concurrency to 1 or more.",
            )
        self.ceiling = ceiling
        self.limit = min(start, ceiling)
        self.in_flight = 0
        self._was_ever_overloaded = False
        self._successes = 0
        self._cut_at = -inf

    @property
    def is_cut(self) -> bool:
        """Whether it was too much, and has not recovered since."""
        return self._was_ever_overloaded and self.limit < self.ceiling

    def admits(self) -> bool:
        """Take a place, if one is free."""
        if self.in_flight >= self.limit:
            return False
        self.in_flight += 1
        return True

    def gave_back(self) -> None:
        """A place was taken, and no call was made."""
        # A forked child may be done with a call that its parent began.
        self.in_flight = max(0, self.in_flight - 1)

    def done(self, outcome: Outcome, now: float, began: float) -> None:
        """A call is over: free its place, and learn from it.

        Args:
            outcome: how it ended.
            now: seconds.
            began: when the place was taken, or later, in seconds. A call that began before the limit
                was last cut tells of the load before, and teaches nothing.
        """
        was_full = self.in_flight >= self.limit
        self.gave_back()
        if began < self._cut_at:
            return
        if outcome is Outcome.OVERLOADED:
            self._cut(now)
        elif outcome is Outcome.OK and was_full:
            self._grow()

    def _cut(self, now: float) -> None:
        self.limit = max(1, self.limit // 2)
        self._was_ever_overloaded = True
        self._successes, self._cut_at = 0, now

    def _grow(self) -> None:
        self._successes += 1
        if not self._was_ever_overloaded or self._successes >= self.limit:
            self.limit = min(self.limit + 1, self.ceiling)
            self._successes = 0


Result = TypeVar("Result")


_LEAST_START = 4
# A route begins with a quarter of the calls that it is trusted with.
_START_SHARE = 4


class _Waiter:
    """A call that stands in line."""

    def __init__(self, wake: Callable[[], object], is_patient: bool) -> None:
        self._wake = wake
        self.is_patient = is_patient
        self.has_place = False

    def is_woken(self) -> bool:
        """Wake it, with a place that it now has; False if its event loop was closed meanwhile."""
        try:
            self._wake()
        except RuntimeError:
            return False
        self.has_place = True
        return True

    def send_on(self) -> None:
        """Wake it without a place, so that it asks another route."""
        with suppress(RuntimeError):  # its event loop was closed meanwhile
            self._wake()


class ConcurrencyLimiter:
    """Lets in as many calls at once as a limiter admits; the others wait in line.

    Whoever was let in must leave, once.

    Args:
        ceiling: the limit never goes above this number of calls.

    Raises:
        ConfigError: the ceiling is below 1.

    Example:
        >>> gate = ConcurrencyLimiter(ceiling=1)
        >>> gate.acquire(seconds=1), gate.acquire(seconds=0)
        (True, False)
        >>> gate.release(Outcome.OK, now=1.0, began=0.0)
        >>> gate.acquire(seconds=0)
        True
    """

    def __init__(self, ceiling: int = 16) -> None:
        self.limiter = AIMDLimit(ceiling, start=max(_LEAST_START, ceiling // _START_SHARE))
        self._begin()
        _gates.add(self)

    def _begin(self) -> None:
        self._lock = threading.Lock()
        self._line: deque[_Waiter] = deque()
        # What must not wait for the lock; see _later.
        self._tasks: deque[Callable[[], None]] = deque()
        self.limiter.in_flight = 0

    @property
    def waiting(self) -> int:
        """How many stand in line."""
        return len(self._line)

    def acquire(self, seconds: float, is_patient: bool = True) -> bool:
        """Wait for a place, blocking the thread.

        Args:
            seconds: how long at most; with 0, a place is taken only if it is free now.
            is_patient: False not to wait while there are fewer places than there were, for too many
                calls went out: another route may have some.

        Returns:
            Whether there is a place, now taken; False once the time or the patience is over.
        """
        if self._now(self.limiter.admits):
            return True
        woken = threading.Event()
        with self._in_line(woken.set, is_patient) as waiter:
            woken.wait(min(seconds, threading.TIMEOUT_MAX))
        return waiter.has_place

    async def aacquire(self, seconds: float, is_patient: bool = True) -> bool:
        """Wait for a place on an event loop. Arguments and result are those of `acquire`."""
        if self._now(self.limiter.admits):
            return True
        import asyncio  # slow to load, and not needed where all is done in threads

        loop = asyncio.get_running_loop()
        woken = loop.create_future()
        wake = partial(loop.call_soon_threadsafe, woken.set_result, None)
        with self._in_line(wake, is_patient) as waiter:
            await asyncio.wait((woken,), timeout=min(seconds, threading.TIMEOUT_MAX))
        return waiter.has_place

    def release(self, outcome: Outcome, now: float, began: float) -> None:
        """Free a place, and let in as many as now fit. Never waits; any thread may call it.

        Args:
            outcome: how the call ended.
            now: seconds.
            began: when the call was let in, or later, in seconds on the same clock.
        """
        self._later(partial(self._done, outcome, now, began))

    def _done(self, outcome: Outcome, now: float, began: float) -> None:
        self.limiter.done(outcome, now, began)
        if outcome is Outcome.OVERLOADED:
            waiting, self._line = self._line, deque()
            for waiter in waiting:
                self._line_up(waiter)

    def _line_up(self, waiter: _Waiter) -> None:
        if waiter.is_patient or not self.limiter.is_cut:
            self._line.append(waiter)
        else:
            waiter.send_on()

    @contextmanager
    def _in_line(self, wake: Callable[[], object], is_patient: bool) -> Iterator[_Waiter]:
        waiter = _Waiter(wake, is_patient)
        try:
            self._now(partial(self._line_up, waiter))
            yield waiter
            self._now(partial(self._step_aside, waiter))
        except BaseException:  # cancelled, interrupted, or thrown away
            self._later(partial(self._step_out, waiter))
            raise

    def _step_aside(self, waiter: _Waiter) -> None:
        if not waiter.has_place:
            with suppress(ValueError):  # it never came to stand in line
                self._line.remove(waiter)

    def _step_out(self, waiter: _Waiter) -> None:
        if waiter.has_place:
            self.limiter.gave_back()
        else:
            self._step_aside(waiter)

    def _now(self, task: Callable[[], Result]) -> Result:
        """Run a task under the lock."""
        with self._lock:
            result = task()
            self._let_in()
        self._catch_up()
        return result

    def _later(self, task: Callable[[], None]) -> None:
        """Run a task under the lock, or queue it for the current holder.

        An abandoned call ends while garbage is collected, at any moment on any thread, even on one
        that is just holding the lock. It would wait for itself.
        """
        self._tasks.append(task)
        self._catch_up()

    def _catch_up(self) -> None:
        # Whoever has the lock looks here after giving it back, so that no task is left lying.
        while self._tasks and self._lock.acquire(blocking=False):
            try:
                while self._tasks:
                    self._tasks.popleft()()
                self._let_in()
            finally:
                self._lock.release()

    def _let_in(self) -> None:
        """Done before the lock is given back, so that no place is ever free while somebody waits."""
        while self._line and self.limiter.admits():
            if not self._line.popleft().is_woken():
                self.limiter.gave_back()


_gates: weakref.WeakSet[ConcurrencyLimiter] = weakref.WeakSet()


def _begin_anew() -> None:
    """After a fork none of those who waited or had a place is left, and the lock may have been held."""
    for gate in list(_gates):
        gate._begin()


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_begin_anew)
