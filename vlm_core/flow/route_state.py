"""Routes as a client keeps them: each with what it has learned of its health and of how much it bears."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING

from vlm_core.errors import ProviderError, RateLimited, ServerError, VLMError
from vlm_core.flow.concurrency import ConcurrencyLimiter, Outcome
from vlm_core.flow.policy import retry_rule

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint

FAILURES_IN_A_ROW = 5
OUTCOMES = 10
"""So many in the last RECENT_SECONDS, at least half of them failures, open it too."""
RECENT_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 30.0
"""Even where the provider asks for more: a probe is one request, and finds a route that is well again."""

# One for all breakers, held for about a microsecond. It can be taken twice, since a call that was
# abandoned may be given back while garbage is collected, at any moment on any thread.
_lock = threading.RLock()
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class CircuitBreaker:
    """Leaves a route that keeps failing alone for a while, then tries it with one call.

    Tells whether a route may be called, from how its last calls ended.

    It is closed at first and admits every call. It opens after 5 failures in a row, or once at least
    half of at least 10 outcomes in the last 30 seconds were failures. Open, it admits no call for
    10 seconds, or for as long as the provider asked; then one call, the probe. If that succeeds it
    closes, else it opens again for twice as long, from when the probe was sent. No pause is longer than
    30 seconds.

    It has no clock. Every `now` is in seconds on whatever clock the caller uses, always the same one.

    An outcome may say when its call `began`, in seconds: when it was admitted, or later. One that
    began before the breaker last opened or closed says nothing new, and is not counted.

    Example:
        >>> breaker = CircuitBreaker()
        >>> for now in range(5):
        ...     breaker.failed(now)
        >>> breaker.admits(13), breaker.admits(14), breaker.admits(15)
        (False, True, False)
        >>> breaker.succeeded(16)
        >>> breaker.admits(16), breaker.admits(16)
        (True, True)
    """

    def __init__(self) -> None:
        self.opened_at: float | None = None
        """When it last opened; None while it is closed."""
        self._failures_in_a_row = 0
        self._recent: deque[tuple[float, bool]] = deque()  # when, and whether it failed
        self._pause = FIRST_PAUSE_SECONDS
        self._not_before = -inf  # what the provider asked for
        self._next_probe_at = -inf
        self._probe_at: float | None = None  # when the probe went that is out
        self._changed_at = -inf

    def admits(self, now: float) -> bool:
        """Whether a call may go out; if it is the probe, it is out from now on.

        If nothing is heard of it for a pause, another may go: it may be lost, or only slow.
        """
        if self.opened_at is None:
            return True
        with _lock:
            if self.is_open(now):
                return False
            if self.opened_at is not None:
                self._probe_at = now
                self._pause_from(now)
            return True

    def succeeded(self, now: float, began: float | None = None) -> None:
        """A call came through. It closes an open breaker, which forgets all that was."""
        with _lock:
            if self._is_old(began):
                return
            self._failures_in_a_row, self._not_before = 0, -inf
            if self.opened_at is None:
                self._record(now, has_failed=False)
            else:
                self._close(now)

    def failed(self, now: float, retry_after: float | None = None, began: float | None = None) -> None:
        """Count a failure which says that the route is not healthy.

        Args:
            now: seconds.
            retry_after: for how many seconds the provider asked to be left alone. It is kept to, up to
                the longest pause, even where the outcome is not counted.
            began: seconds.
        """
        with _lock:
            if retry_after is not None:
                self._not_before = max(self._not_before, now + min(retry_after, LONGEST_PAUSE_SECONDS))
                self._next_probe_at = max(self._next_probe_at, self._not_before)
            if self._is_old(began):
                return
            if self.opened_at is None:
                self._record(now, has_failed=True)
                if self._counts_as_failure():
                    self._open(now, since=now)
            elif self._probe_at is not None:
                self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS)
                self._open(now, since=self._probe_at)

    def release_probe(self, began: float | None = None) -> None:
        """A call ended without telling anything, as when it was cancelled; a probe may be tried again."""
        with _lock:
            if self._probe_at is not None and (began is None or began >= self._probe_at):
                self._next_probe_at = max(self._probe_at, self._not_before)
                self._probe_at = None

    @property
    def opens_again_at(self) -> float | None:
        """When the next probe may go, if nothing is heard until then; None while it is closed."""
        return None if self.opened_at is None else self._next_probe_at

    def is_open(self, now: float) -> bool:
        """Whether a call would be refused. Unlike `admits` it sends no probe."""
        return self.opened_at is not None and now < self._next_probe_at

    def _is_old(self, began: float | None) -> bool:
        return began is not None and began < self._changed_at

    def _record(self, now: float, *, has_failed: bool) -> None:
        self._failures_in_a_row = self._failures_in_a_row + 1 if has_failed else 0
        self._recent.append((now, has_failed))
        while self._recent[0][0] < now - RECENT_SECONDS:
            self._recent.popleft()

    def _counts_as_failure(self) -> bool:
        if self._failures_in_a_row >= FAILURES_IN_A_ROW:
            return True
        count = len(self._recent)
        return count >= OUTCOMES and 2 * sum(has_failed for _, has_failed in self._recent) >= count

    def _open(self, now: float, since: float) -> None:
        self._probe_at = None
        self.opened_at = self._changed_at = now
        self._pause_from(since)
        self._next_probe_at = max(self._next_probe_at, now + FIRST_PAUSE_SECONDS)

    def _pause_from(self, since: float) -> None:
        # From when a probe was sent: one that takes long to fail puts the next one off no further.
        self._next_probe_at = max(since + self._pause, self._not_before)

    def _close(self, now: float) -> None:
        self._probe_at = None
        self._recent.clear()
        self._pause = FIRST_PAUSE_SECONDS
        self.opened_at, self._changed_at = None, now


@dataclass(eq=False)
class RouteState:
    """A route on the way of a question."""

    endpoint: Endpoint
    gate: ConcurrencyLimiter = field(default_factory=ConcurrencyLimiter, repr=False)
    breaker: CircuitBreaker = field(default_factory=CircuitBreaker, repr=False)
    _failure: VLMError | None = field(default=None, repr=False)
    """The last one that the breaker counted."""

    @property
    def route(self) -> str:
        """As "provider:model"."""
        return self.endpoint.route

    def left(self, outcome: Outcome, error: VLMError | None, now: float, began: float) -> None:
        """An attempt is over: give its place back, and remember what it says of the route.

        Args:
            outcome: for the number of calls at once.
            error: how it ended; None where it did well, or was broken off by the caller.
            now: by the call's clock.
            began: when it was sent.
        """
        self.gate.release(outcome, now, began)
        if outcome is Outcome.OK:
            self.breaker.succeeded(now, began)
        elif error is not None and retry_rule(error).is_ill:
            self._failure = copy(error)  # without its traceback
            self.breaker.failed(now, getattr(error, "retry_after", None), began)
        else:
            self.breaker.release_probe(began)

    def skip_reason(self, now: float) -> VLMError:
        """Why a call does not ask this route: an error of the kind that opened its breaker.

        Args:
            now: by the call's clock.
        """
        seconds = (self.breaker.opens_again_at or now) - now
        failure = copy(self._failure) if self._failure else ServerError("it failed", route=self.route)
        reason = failure.message.removeprefix(self.route).lstrip(": ")
        pause = f"left alone for {seconds:.0f} s more after repeated failures"
        failure.message = f"{self.route}: {pause}: {reason}"
        failure.attempts = ()  # those of an earlier call
        if isinstance(failure, ProviderError):
            failure.may_be_billed = False  # this call sends nothing there
        if isinstance(failure, (RateLimited, ServerError)):
            failure.retry_after = seconds
        return failure


def routes_to_try(
    stations: Sequence[RouteState], clock: Callable[[], float], left_alone: dict[RouteState, VLMError]
) -> Iterator[RouteState]:
    """The routes that are well, in order; where none is, the one that has been out of order longest.

    Each is looked at when its turn comes. Whoever takes one asks it, or gives its breaker back.

    Args:
        stations: in the order of preference.
        clock: tells the time in seconds.
        left_alone: gets the routes that are passed over, and why.
    """
    for station in stations:
        if station.breaker.admits(now := clock()):
            yield station
        else:
            left_alone[station] = station.skip_reason(now)
    if len(left_alone) == len(stations):
        longest = min(stations, key=lambda station: station.breaker.opened_at or 0.0)
        del left_alone[longest]
        yield longest
