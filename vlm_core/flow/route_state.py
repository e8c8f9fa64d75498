"""Routes as a client keeps them: each with what it has learned of its health and of how much it bears."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vlm_core.errors import ProviderError, RateLimited, ServerError, VLMError
from vlm_core.flow.aimd_limit import Outcome
from vlm_core.flow.breaker import CircuitBreaker
from vlm_core.flow.concurrency import ConcurrencyLimiter
from vlm_core.flow.policy import retry_rule

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint


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
        failure.attempts = ()
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
