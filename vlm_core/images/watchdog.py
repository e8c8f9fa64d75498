"""Something done when an answer is late, without a thread for each question."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Watchdog:
    """Calls a function once an answer takes longer than it may. It watches one question at a time.

    Its thread starts with the first question. It sleeps until the deadline that it knows, and only then
    looks whether there is another, so that a question that is answered in time costs next to nothing.

    Args:
        bite: is called in the watchdog's thread.

    Example:
        >>> late = threading.Event()
        >>> watchdog = Watchdog(late.set)
        >>> watchdog.expect_within(0.01)
        >>> late.wait(10), watchdog.has_bitten
        (True, True)
    """

    def __init__(self, bite: Callable[[], object]) -> None:
        self.has_bitten = False
        """Whether an answer was late."""
        self._bite = bite
        self._deadline: float | None = None
        self._wakes_at: float | None = None
        self._is_over = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def expect_within(self, seconds: float) -> None:
        """A question is asked, to be answered in so many seconds."""
        with self._changed:
            self._deadline = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="vlm-watchdog", daemon=True)
                self._thread.start()
            elif self._wakes_at is None or self._wakes_at > self._deadline:
                self._changed.notify()

    def rest(self) -> None:
        """The question is answered."""
        self._deadline = None

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._is_over:
                now, deadline = time.monotonic(), self._deadline
                if deadline is not None and now >= deadline:
                    self.has_bitten, self._is_over = True, True
                    self._bite()
                    return
                self._wakes_at = deadline
                self._changed.wait(None if deadline is None else deadline - now)
