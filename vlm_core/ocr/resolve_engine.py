"""Which engine reads the pages: the one that a user named, or brought."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from vlm_core.errors import ConfigError
from vlm_core.ocr.engine import Engine, OCREngine, OCROptions, engine_name
from vlm_core.option_names import names_of

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Route

TESSERACT = "tesseract:"
"""What Tesseract's languages stand behind, as in "tesseract:rus+eng"."""


def find_engine(engine: Engine, wishes: OCROptions) -> OCREngine:
    """The engine that a user named or brought.

    Args:
        engine: "local", "tesseract:rus+eng", the name of an engine that an installed package brings, a route
            of a vision model, a VLMClient, or an object that reads pages.
        wishes: what its text is to look like; an object of the user's own knows its task itself.

    Raises:
        ConfigError: there is no such engine, or it cannot meet a wish.

    Example:
        >>> find_engine("local", OCROptions("text")).name
        'rapidocr'
    """
    takes_languages = engine == "local"
    if isinstance(engine, str) and f"{engine}:".startswith(TESSERACT):
        engine = _tesseract(engine.partition(":")[2], wishes)
        takes_languages = True
    elif isinstance(engine, str) and engine != "local" and ":" not in engine:  # a route has a colon
        engine, takes_languages = _installed(engine, wishes)
    if wishes.languages and not takes_languages:
        raise ConfigError(
            f"{engine_name(engine)} takes no languages",
            hint='languages=... is for engine="local"; of Tesseract\'s, write engine="tesseract:rus+eng".',
            argument="languages",
        )
    if engine != "local" and not isinstance(engine, OCREngine):
        return _of_model(engine, wishes)
    if wishes.of_a_model == ["fallbacks"] and _is_embedded(engine):
        wishes = replace(wishes, fallbacks=())  # which are the reader's affair: see `last_resort_of`
    if wishes.of_a_model:
        raise ConfigError(
            f"{engine if isinstance(engine, str) else engine.name} takes no {', '.join(wishes.of_a_model)}",
            hint='They are for a vision model, as engine="provider:model".',
        )
    if isinstance(engine, OCREngine):
        return engine
    from vlm_core.ocr.local import LocalEngine

    return LocalEngine(wishes.task, wishes.languages)


def last_resort_of(engine: OCREngine, wishes: OCROptions) -> OCREngine | None:
    """The vision model that reads what the embedded engine left unread; None where there is none.

    Args:
        engine: that reads the pages.
        wishes: of its text, with the routes to ask as fallbacks.

    Raises:
        ConfigError: a route cannot be used.

    Example:
        >>> from vlm_core.ocr.local import LocalEngine
        >>> wishes = OCROptions("text", fallbacks=["ollama:qwen2.5vl:7b"])
        >>> last_resort_of(LocalEngine("text"), wishes).model
        'qwen2.5vl:7b'
    """
    if not wishes.fallbacks or not _is_embedded(engine):
        return None
    if "local" in wishes.fallbacks:
        hint = "Name the route of a vision model: it reads the pages of which some is still unread."
        raise ConfigError('fallbacks: "local" is the engine itself', hint=hint, argument="fallbacks")
    first, *others = wishes.fallbacks
    return _of_model(first, replace(wishes, fallbacks=others, languages=None))


def _is_embedded(engine: Engine) -> bool:
    if engine == "local":
        return True
    from vlm_core.ocr.local import LocalEngine

    return isinstance(engine, LocalEngine)


def _tesseract(languages: str, wishes: OCROptions) -> OCREngine:
    from vlm_core.ocr.scripts import as_packs
    from vlm_core.ocr.tesseract import TesseractEngine

    if wishes.languages:
        hint = "They stand behind the colon: leave out languages=..."
        told = f"engine={TESSERACT + languages!r} names its languages itself"
        raise ConfigError(told, hint=hint, argument="languages")
    return TesseractEngine(as_packs(languages, name="engine"), wishes.task)


def _installed(name: str, wishes: OCROptions) -> tuple[Engine, bool]:
    """The engine of an installed package, and whether it takes languages; a model's id as it is.

    What makes one may be called with the task, and with the languages.
    """
    # Loaded for a name alone: the embedded engine needs neither the catalog nor importlib.metadata.
    from vlm_core.catalog.plugins import engine_names, load_engine

    names = engine_names()
    if name not in names:
        near = get_close_matches(name, ("local", *names), n=1)
        if near:
            raise ConfigError(f"no engine is called {name!r}", hint=f"Did you mean {near[0]!r}?")
        return name, False
    make = load_engine(name)
    engine, options = make, names_of(make) if callable(make) else ()
    if callable(make):
        given = {"task": wishes.task, "languages": wishes.languages}
        engine = make(**{option: value for option, value in given.items() if option in options})
    if not isinstance(engine, OCREngine):
        raise ConfigError(
            f"engine={name!r} is a {type(engine).__name__}, not an OCR engine",
            hint="Its entry point must give an object with name, model and read_page(page).",
        )
    return engine, "languages" in options


def _of_model(engine: Any, wishes: OCROptions) -> OCREngine:
    # Loaded for a vision model alone: a job of the local engine needs no client.
    from vlm_core.catalog.routes import Route
    from vlm_core.client import VLMClient
    from vlm_core.ocr.callable_client import ForeignClient
    from vlm_core.ocr.page_reading import READINGS
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
            f"engine={type(engine).__name__} object is not an OCR engine",
            hint='Give "local", a route, a VLMClient, or an object with name, model and read_page(page).',
        )
    return RemoteEngine(
        engine,
        wishes.task,
        prompt=wishes.prompt,
        schema=wishes.schema,
        options=wishes.request_options,
        last_resort=last_resort,
        readings=wishes.readings or READINGS,
    )


def _with_last_resort(wishes: OCROptions) -> tuple[Sequence[str | Route], OCREngine | None]:
    """The routes, and the embedded engine where it stands behind them all."""
    fallbacks = wishes.fallbacks
    if "local" not in fallbacks:
        return fallbacks, None
    if fallbacks.index("local") != len(fallbacks) - 1:
        raise ConfigError('fallbacks: "local" is not the last', hint="It answers always: put it at the end.")
    from vlm_core.ocr.layout import TASKS
    from vlm_core.ocr.local import LocalEngine

    return fallbacks[:-1], LocalEngine(wishes.task if wishes.task in TASKS else "markdown")
