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
    from vlm_core.images.sniff import SUFFIXES
    from vlm_core.images.sources import Source
    from vlm_core.jobs.reader import (
        DocumentReader,
        read,
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
    "images.sniff": ("SUFFIXES",),
    "images.sources": ("Source",),
    "jobs.reader": (
        "DocumentReader",
        "read",
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
    "EngineError",
    "ImageTooLargeError",
    "InputError",
    "MissingExtraError",
    "OCREngine",
    "PDFError",
    "PageImage",
    "PageResult",
    "PageState",
    "PasswordRequiredError",
    "Source",
    "TextLine",
    "UnsafeURLError",
    "UnsupportedImageError",
    "Usage",
    "VLMError",
    "as_text",
    "blocks",
    "page_png",
    "read",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
