"""Image documents to text, without losing a page: what the LangChain and LlamaIndex adapters share.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vlm_core.errors import (
        ConfigError,
        CorruptImageError,
        DecompressionBombError,
        EngineError,
        ImageTooLargeError,
        InputError,
        MissingExtraError,
        PasswordRequiredError,
        PDFError,
        UnsafeURLError,
        UnsupportedImageError,
        VLMError,
    )
    from vlm_core.images.pictures import page_png
    from vlm_core.images.sniff import (
        SUFFIXES,
        sniff,
    )
    from vlm_core.images.sources import (
        Source,
        expand,
    )
    from vlm_core.jobs.reader import (
        DocumentReader,
        read,
    )
    from vlm_core.nodes import (
        EmptyPagesWarning,
        Mode,
        Passage,
        ReaderOptions,
        apassages,
        check_mode,
        check_names,
        passages,
        reader_with,
        source_from,
        stable_id,
    )
    from vlm_core.ocr.engine import OCREngine
    from vlm_core.ocr.layout import (
        as_text,
        blocks,
    )
    from vlm_core.types import (
        Box,
        DocumentResult,
        PageImage,
        PageResult,
        PageState,
        TextLine,
        Usage,
    )

_HOMES = {
    "errors": (
        "ConfigError",
        "CorruptImageError",
        "DecompressionBombError",
        "EngineError",
        "ImageTooLargeError",
        "InputError",
        "MissingExtraError",
        "PasswordRequiredError",
        "PDFError",
        "UnsafeURLError",
        "UnsupportedImageError",
        "VLMError",
    ),
    "images.pictures": ("page_png",),
    "images.sniff": (
        "SUFFIXES",
        "sniff",
    ),
    "images.sources": (
        "Source",
        "expand",
    ),
    "jobs.reader": (
        "DocumentReader",
        "read",
    ),
    "nodes": (
        "EmptyPagesWarning",
        "Mode",
        "Passage",
        "ReaderOptions",
        "apassages",
        "check_mode",
        "check_names",
        "passages",
        "reader_with",
        "source_from",
        "stable_id",
    ),
    "ocr.engine": ("OCREngine",),
    "ocr.layout": (
        "as_text",
        "blocks",
    ),
    "types": (
        "Box",
        "DocumentResult",
        "PageImage",
        "PageResult",
        "PageState",
        "TextLine",
        "Usage",
    ),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "SUFFIXES",
    "Box",
    "ConfigError",
    "CorruptImageError",
    "DecompressionBombError",
    "DocumentReader",
    "DocumentResult",
    "EmptyPagesWarning",
    "EngineError",
    "ImageTooLargeError",
    "InputError",
    "MissingExtraError",
    "Mode",
    "OCREngine",
    "PDFError",
    "PageImage",
    "PageResult",
    "PageState",
    "Passage",
    "PasswordRequiredError",
    "ReaderOptions",
    "Source",
    "TextLine",
    "UnsafeURLError",
    "UnsupportedImageError",
    "Usage",
    "VLMError",
    "apassages",
    "as_text",
    "blocks",
    "check_mode",
    "check_names",
    "expand",
    "page_png",
    "passages",
    "read",
    "reader_with",
    "sniff",
    "source_from",
    "stable_id",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
