"""Image documents to text, without losing a page: what the LangChain and LlamaIndex adapters share.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

from vlm_core.lazy import load_on_first_use

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

__getattr__ = load_on_first_use(__name__, _HOMES)

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
    "load_on_first_use",
    "page_png",
    "passages",
    "read",
    "reader_with",
    "sniff",
    "source_from",
    "stable_id",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
