"""The protocol that every OCR engine meets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from vlm_core.types import PageImage, PageResult

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Route
    from vlm_core.client import VLMClient
    from vlm_core.ocr.callable_client import ForeignClient


Engine: TypeAlias = "str | Route | VLMClient | ForeignClient | OCREngine"
"""How a user says what reads the pages."""


@runtime_checkable
class OCREngine(Protocol):
    """What an OCR engine must have.

    Used where they exist: a coroutine function `aread_page(page)`; `max_concurrency`, the number of
    pages that the engine can read at once; `max_side`, the pixels of a page's longer side that it looks
    at, to which PDFs are drawn; `reading_pixels`, those of a picture that it needs, to which a larger one is
    made smaller while it is decoded (over 16 megapixels it comes in grey); and `identity`, a dict of plain
    values with all that changes a page's answer, for the journal. An engine that sets none of them is
    called from threads.
    """

    name: str
    model: str | None

    def read_page(self, page: PageImage) -> PageResult:
        """Read one page. Raise a VLMError where that is impossible; never put it into the text."""
        ...


@dataclass(frozen=True)
class OCROptions:
    """What a page's text is to be like, and how it is asked for.

    Example:
        >>> OCROptions("text").of_a_model
        []
    """

    task: str = "markdown"
    prompt: str | None = None
    schema: Any = None
    request_options: Mapping[str, Any] = field(default_factory=dict)
    fallbacks: Sequence[str | Route] = ()
    max_concurrency: int = 8
    readings: int | None = None
    """How often a page is asked for where the answers are bad; None for as often as an engine does."""
    languages: str | Sequence[str] | None = None

    @property
    def digest(self) -> str:
        """The task, with a mark for what else changes the text that is asked for."""
        if not (self.prompt or self.schema or self.request_options or self.languages):
            return self.task
        schema = getattr(self.schema, "model_json_schema", lambda: self.schema)()
        asked = [self.prompt, schema, dict(self.request_options)]
        if self.languages:
            asked.append(self.languages)
        said = json.dumps(asked, sort_keys=True, default=str)
        return f"{self.task}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"

    @property
    def of_a_model(self) -> list[str]:
        """The names of those that only a vision model can meet."""
        wished = {
            "prompt": self.prompt,
            "output_schema": self.schema,
            "request_options": self.request_options,
            "fallbacks": self.fallbacks,
        }
        return [name for name, value in wished.items() if value]


def engine_name(engine: Engine) -> str:
    """How an engine is called where it must be a word.

    Example:
        >>> engine_name("local")
        'local'
    """
    if isinstance(engine, str):
        return engine
    return str(getattr(engine, "name", None) or getattr(engine, "route", engine))
