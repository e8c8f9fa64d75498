"""A streamed answer, ended as soon as it runs in circles."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, closing

from vlm_core.answers import Completion, Delta
from vlm_core.ocr.loops import LoopDetector

Steps = Generator[Delta | Completion, None, None]
AsyncSteps = AsyncGenerator[Delta | Completion, None]


class _Watch:
    """What came so far, and whether there is more to wait for."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._detector = LoopDetector()
        self.completion: Completion | None = None

    def is_over(self, step: Delta | Completion) -> bool:
        if isinstance(step, Completion):
            self.completion = step
            return True
        self._pieces.append(step.text)
        return self._detector.feed(step.text)

    @property
    def answer(self) -> Completion:
        return self.completion or Completion("".join(self._pieces))


def until_looped(steps: Steps) -> Completion:
    """A streamed answer as a whole; what runs in circles is broken off, and is no longer than that took.

    Args:
        steps: of a client's stream.

    Example:
        >>> until_looped(step for step in [Delta("TOTAL"), Completion("TOTAL", route="a:b")]).route
        'a:b'
    """
    watch = _Watch()
    with closing(steps):
        any(watch.is_over(step) for step in steps)
    return watch.answer


async def auntil_looped(steps: AsyncSteps) -> Completion:
    """As `until_looped`, on an event loop."""
    watch = _Watch()
    async with aclosing(steps):
        async for step in steps:
            if watch.is_over(step):
                break
    return watch.answer
