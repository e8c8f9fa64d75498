"""How many calls at once one route gets: more while all goes well, half as many once it is too much.

Additive increase, multiplicative decrease, as in TCP's congestion control (RFC 5681). Without a
clock, a lock or any waiting of its own: `vlm_core.flow.concurrency` has those.
"""

from __future__ import annotations

from enum import Enum, auto
from math import inf

from vlm_core.errors import ConfigError


class Outcome(Enum):
    """What the end of a call says of how many a route can take."""

    OK = auto()
    OVERLOADED = auto()
    """There were too many: 429, 503, a timeout."""
    NEUTRAL = auto()


class AIMDLimit:
    """Counts the calls of a route, and finds out how many it takes at once.

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
