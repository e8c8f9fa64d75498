"""Where calls wait for their turn: in order, from threads and from event loops at once."""

from __future__ import annotations

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TypeVar

from vlm_core.flow.aimd_limit import AIMDLimit, Outcome

Result = TypeVar("Result")


_LEAST_START = 4
_START_SHARE = 4
"""A route begins with a quarter of the calls that it is trusted with."""


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
        """Wake it without a place: it knows of another route."""
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
        """Do it with the lock."""
        with self._lock:
            result = task()
            self._let_in()
        self._catch_up()
        return result

    def _later(self, task: Callable[[], None]) -> None:
        """Do it with the lock, or leave it to whoever has that.

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
