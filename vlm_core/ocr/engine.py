"""The protocol that every OCR engine meets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

from vlm_core.errors import ConfigError
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

    @property
    def digest(self) -> str:
        """The task, with a mark for what else changes the text that is asked for."""
        if not (self.prompt or self.schema or self.request_options):
            return self.task
        schema = getattr(self.schema, "model_json_schema", lambda: self.schema)()
        said = json.dumps([self.prompt, schema, dict(self.request_options)], sort_keys=True, default=str)
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


def find_engine(engine: Engine, wishes: OCROptions) -> OCREngine:
    """The engine that a user named or brought.

    Args:
        engine: "local", a route of a vision model, a VLMClient, or an object that reads pages.
        wishes: what its text is to look like; an object of the user's own knows its task itself.

    Raises:
        ConfigError: there is no such engine, or it cannot meet a wish.

    Example:
        >>> find_engine("local", OCROptions("text")).name
        'rapidocr'
    """
    if engine != "local" and not isinstance(engine, OCREngine):
        return _of_model(engine, wishes)
    if wishes.of_a_model:
        raise ConfigError(
            f"{engine if isinstance(engine, str) else engine.name} takes no {', '.join(wishes.of_a_model)}",
            hint='They are for a vision model, as engine="provider:model".',
        )
    if isinstance(engine, OCREngine):
        return engine
    from vlm_core.ocr.local import LocalEngine

    return LocalEngine(wishes.task)


def engine_name(engine: Engine) -> str:
    """How an engine is called where it must be a word.

    Example:
        >>> engine_name("local")
        'local'
    """
    if isinstance(engine, str):
        return engine
    return str(getattr(engine, "name", None) or getattr(engine, "route", engine))


def _of_model(engine: Any, wishes: OCROptions) -> OCREngine:
    from vlm_core.catalog.routes import Route
    from vlm_core.client import VLMClient
    from vlm_core.ocr.callable_client import ForeignClient
    from vlm_core.ocr.remote import RemoteEngine

    routes, last_resort = _with_last_resort(wishes)
    if isinstance(engine, (VLMClient, ForeignClient)) and routes:
        raise ConfigError(
            f"a {type(engine).__name__} takes no other routes as fallbacks", hint="Give them to the client."
        )
    if isinstance(engine, (str, Route)):
        engine = VLMClient(engine, fallbacks=routes, max_concurrency=wishes.max_concurrency)
    if not isinstance(engine, (VLMClient, ForeignClient)):
        raise ConfigError(
            f"engine={type(engine).__name__} object is no OCR engine",
            hint='Give "local", a route, a VLMClient, or an object with name, model and read_page(page).',
        )
    return RemoteEngine(
        engine,
        wishes.task,
        prompt=wishes.prompt,
        schema=wishes.schema,
        options=wishes.request_options,
        last_resort=last_resort,
    )


def _with_last_resort(wishes: OCROptions) -> tuple[Sequence[str | Route], OCREngine | None]:
    """The routes, and the embedded engine where it stands behind them all."""
    fallbacks = wishes.fallbacks
    if "local" not in fallbacks:
        return fallbacks, None
    if fallbacks.index("local") != len(fallbacks) - 1:
        raise ConfigError('fallbacks: "local" is not the last', hint="It answers always: put it at the end.")
    from vlm_core.ocr.layout import RENDERERS
    from vlm_core.ocr.local import LocalEngine

    return fallbacks[:-1], LocalEngine(wishes.task if wishes.task in RENDERERS else "markdown")
