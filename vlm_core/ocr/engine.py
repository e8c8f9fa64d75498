"""The protocol that every OCR engine meets."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from vlm_core.errors import ConfigError
from vlm_core.types import PageImage, PageResult


@runtime_checkable
class OCREngine(Protocol):
    """What an OCR engine must have.

    Used where they exist: a coroutine function `aread_page(page)`, and `max_concurrency`, the number
    of pages that the engine can read at once. An engine that sets neither is called from threads.
    """

    name: str
    model: str | None

    def read_page(self, page: PageImage) -> PageResult:
        """Read one page. Raise a VLMError where that is impossible; never put it into the text."""
        ...


def find_engine(engine: str | OCREngine, task: str) -> OCREngine:
    """The engine that a user named or brought.

    Args:
        engine: "local", or an object that reads pages.
        task: what its text is to look like; an object of the user's own knows its task itself.

    Raises:
        ConfigError: there is no such engine.

    Example:
        >>> find_engine("local", "text").name
        'rapidocr'
    """
    if engine == "local":
        from vlm_core.ocr.local import LocalEngine

        return LocalEngine(task)
    if isinstance(engine, str):
        raise ConfigError(
            f"engine={engine!r} cannot be used: vision models are not supported as engines yet",
            hint='Use engine="local", or give an object with name, model and read_page(page).',
        )
    if not isinstance(engine, OCREngine):
        raise ConfigError(
            f"engine={type(engine).__name__} object is no OCR engine",
            hint="An engine has name, model and read_page(page).",
        )
    return engine
