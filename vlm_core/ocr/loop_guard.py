"""Streamed answers, broken off as soon as they run in circles."""

from __future__ import annotations

from vlm_core.completion import Delta
from vlm_core.ocr.loops import LoopDetector

LOOPED = "looped"
"""The finish_reason of an answer that was broken off for a loop."""


class LoopGuard:
    """Looks at the pieces of one streamed answer, and says when it is in a loop.

    Example:
        >>> watch = LoopGuard()
        >>> watch(Delta("TOTAL 9.00")), watch(Delta("and so on " * 200))
        (None, 'looped')
    """

    def __init__(self) -> None:
        self._text, self._reasoning = LoopDetector(), LoopDetector()

    def __call__(self, delta: Delta) -> str | None:
        """The reason to break the answer off; None while there is none."""
        looped = self._text.feed(delta.text), self._reasoning.feed(delta.reasoning)
        return LOOPED if any(looped) else None
