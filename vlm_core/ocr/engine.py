"""The protocol that every OCR engine meets."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from vlm_core.types import PageImage, PageResult


@runtime_checkable
class OCREngine(Protocol):
    """What an OCR engine must have; an optional `aread_page` coroutine is used where it exists."""

    name: str
    model: str | None

    def read_page(self, page: PageImage) -> PageResult:
        """Read one page. Raise a VLMError where that is impossible; never put it into the text."""
        ...
