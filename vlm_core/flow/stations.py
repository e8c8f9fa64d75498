"""Routes as a client keeps them: each with what it has learned of its health and of how much it bears."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vlm_core.errors import ProviderError, RateLimited, ServerError, VLMError
from vlm_core.flow.breaker import Breaker
from vlm_core.flow.gate import Gate
from vlm_core.flow.limiter import Outcome
from vlm_core.flow.policy import rule_for

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint


@dataclass(eq=False)
class Station:
    """A route on the way of a question."""

    endpoint: Endpoint
    gate: Gate = field(default_factory=Gate, repr=False)
    breaker: Breaker = field(default_factory=Breaker, repr=False)
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
        self.gate.leave(outcome, now, began)
        if outcome is Outcome.OK:
            self.breaker.succeeded(now, began)
        elif error is not None and rule_for(error).is_ill:
            self._failure = copy(error)  # without its traceback
            self.breaker.failed(now, getattr(error, "retry_after", None), began)
        else:
            self.breaker.gave_back(began)

    def left_alone(self, now: float) -> VLMError:
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


def worth_asking(
    stations: Sequence[Station], clock: Callable[[], float], left_alone: dict[Station, VLMError]
) -> Iterator[Station]:
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
            left_alone[station] = station.left_alone(now)
    if len(left_alone) == len(stations):
        longest = min(stations, key=lambda station: station.breaker.opened_at or 0.0)
        del left_alone[longest]
        yield longest
