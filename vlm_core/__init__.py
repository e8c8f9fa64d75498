"""Image documents to text, without losing a page: what the LangChain and LlamaIndex adapters share.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

from vlm_core.lazy import load_on_first_use

if TYPE_CHECKING:
    from vlm_core.answers import (
        Attempt,
        Completion,
        Delta,
        EncodedImage,
        Estimate,
        ToolCall,
        ToolCallDelta,
    )
    from vlm_core.catalog.alternatives import SunsetWarning
    from vlm_core.catalog.known import (
        models_of,
        providers,
        register,
    )
    from vlm_core.catalog.registry import UnknownProviderWarning
    from vlm_core.catalog.routes import Route
    from vlm_core.catalog.rows import (
        ImageLimits,
        ModelProfile,
        Price,
        Provider,
        Quirk,
    )
    from vlm_core.client import VLMClient
    from vlm_core.empty_pages import EmptyPagesWarning
    from vlm_core.errors import (
        AllRoutesFailed,
        AuthenticationFailed,
        BudgetExceeded,
        ConfigError,
        ConnectionFailed,
        ContentFiltered,
        ContextOverflow,
        CorruptImageError,
        DeadlineExceeded,
        DecompressionBombError,
        EmptyOutput,
        EngineError,
        ImageTooLargeError,
        IncompleteResponse,
        InputError,
        MalformedResponse,
        MissingExtraError,
        MissingKeyError,
        ModelNotFound,
        OutputTruncated,
        PasswordRequiredError,
        PayloadTooLarge,
        PDFError,
        ProviderError,
        ProviderTimeout,
        QuotaExhausted,
        RateLimited,
        RequestRejected,
        ResponseError,
        ServerError,
        TooManyImagesError,
        UnknownProviderError,
        UnsafeURLError,
        UnsupportedImageError,
        VLMError,
    )
    from vlm_core.flow.estimate import text_tokens
    from vlm_core.images.data_uris import data_uri
    from vlm_core.images.encode import ImageWarning
    from vlm_core.images.pictures import page_png
    from vlm_core.images.sniff import (
        SUFFIXES,
        sniff,
    )
    from vlm_core.images.sources import (
        Source,
        expand,
    )
    from vlm_core.jobs.journal import (
        Journal,
        JournalWarning,
        page_key,
    )
    from vlm_core.jobs.journal_rows import (
        JournalPage,
        JournalTotals,
    )
    from vlm_core.jobs.reader import (
        DocumentReader,
        read,
    )
    from vlm_core.nodes import (
        EmptyPages,
        Mode,
        Passage,
        ReaderOptions,
        apassages,
        apassages_of_each,
        check_mode,
        check_names,
        passages,
        passages_of_each,
        reader_with,
        source_from,
        stable_id,
    )
    from vlm_core.ocr.engine import (
        Engine,
        OCREngine,
        engine_name,
    )
    from vlm_core.ocr.foreign import ForeignClient
    from vlm_core.ocr.layout import (
        as_text,
        blocks,
    )
    from vlm_core.secret import Secret
    from vlm_core.types import (
        Box,
        DocumentResult,
        PageImage,
        PageResult,
        PageState,
        TextLine,
        Usage,
    )
    from vlm_core.wire.option_checks import check_options

_HOMES = {
    "answers": (
        "Attempt",
        "Completion",
        "Delta",
        "EncodedImage",
        "Estimate",
        "ToolCall",
        "ToolCallDelta",
    ),
    "catalog.alternatives": ("SunsetWarning",),
    "catalog.known": (
        "models_of",
        "providers",
        "register",
    ),
    "catalog.registry": ("UnknownProviderWarning",),
    "catalog.routes": ("Route",),
    "catalog.rows": (
        "ImageLimits",
        "ModelProfile",
        "Price",
        "Provider",
        "Quirk",
    ),
    "client": ("VLMClient",),
    "empty_pages": ("EmptyPagesWarning",),
    "errors": (
        "AllRoutesFailed",
        "AuthenticationFailed",
        "BudgetExceeded",
        "ConfigError",
        "ConnectionFailed",
        "ContentFiltered",
        "ContextOverflow",
        "CorruptImageError",
        "DeadlineExceeded",
        "DecompressionBombError",
        "EmptyOutput",
        "EngineError",
        "ImageTooLargeError",
        "IncompleteResponse",
        "InputError",
        "MalformedResponse",
        "MissingExtraError",
        "MissingKeyError",
        "ModelNotFound",
        "OutputTruncated",
        "PDFError",
        "PasswordRequiredError",
        "PayloadTooLarge",
        "ProviderError",
        "ProviderTimeout",
        "QuotaExhausted",
        "RateLimited",
        "RequestRejected",
        "ResponseError",
        "ServerError",
        "TooManyImagesError",
        "UnknownProviderError",
        "UnsafeURLError",
        "UnsupportedImageError",
        "VLMError",
    ),
    "flow.estimate": ("text_tokens",),
    "images.data_uris": ("data_uri",),
    "images.encode": ("ImageWarning",),
    "images.pictures": ("page_png",),
    "images.sniff": (
        "SUFFIXES",
        "sniff",
    ),
    "images.sources": (
        "Source",
        "expand",
    ),
    "jobs.journal": (
        "Journal",
        "JournalWarning",
        "page_key",
    ),
    "jobs.journal_rows": (
        "JournalPage",
        "JournalTotals",
    ),
    "jobs.reader": (
        "DocumentReader",
        "read",
    ),
    "nodes": (
        "EmptyPages",
        "Mode",
        "Passage",
        "ReaderOptions",
        "apassages",
        "apassages_of_each",
        "check_mode",
        "check_names",
        "passages",
        "passages_of_each",
        "reader_with",
        "source_from",
        "stable_id",
    ),
    "ocr.engine": (
        "Engine",
        "OCREngine",
        "engine_name",
    ),
    "ocr.foreign": ("ForeignClient",),
    "ocr.layout": (
        "as_text",
        "blocks",
    ),
    "secret": ("Secret",),
    "types": (
        "Box",
        "DocumentResult",
        "PageImage",
        "PageResult",
        "PageState",
        "TextLine",
        "Usage",
    ),
    "wire.option_checks": ("check_options",),
}

__getattr__ = load_on_first_use(__name__, _HOMES)

__all__ = [
    "SUFFIXES",
    "AllRoutesFailed",
    "Attempt",
    "AuthenticationFailed",
    "Box",
    "BudgetExceeded",
    "Completion",
    "ConfigError",
    "ConnectionFailed",
    "ContentFiltered",
    "ContextOverflow",
    "CorruptImageError",
    "DeadlineExceeded",
    "DecompressionBombError",
    "Delta",
    "DocumentReader",
    "DocumentResult",
    "EmptyOutput",
    "EmptyPages",
    "EmptyPagesWarning",
    "EncodedImage",
    "Engine",
    "EngineError",
    "Estimate",
    "ForeignClient",
    "ImageLimits",
    "ImageTooLargeError",
    "ImageWarning",
    "IncompleteResponse",
    "InputError",
    "Journal",
    "JournalPage",
    "JournalTotals",
    "JournalWarning",
    "MalformedResponse",
    "MissingExtraError",
    "MissingKeyError",
    "Mode",
    "ModelNotFound",
    "ModelProfile",
    "OCREngine",
    "OutputTruncated",
    "PDFError",
    "PageImage",
    "PageResult",
    "PageState",
    "Passage",
    "PasswordRequiredError",
    "PayloadTooLarge",
    "Price",
    "Provider",
    "ProviderError",
    "ProviderTimeout",
    "Quirk",
    "QuotaExhausted",
    "RateLimited",
    "ReaderOptions",
    "RequestRejected",
    "ResponseError",
    "Route",
    "Secret",
    "ServerError",
    "Source",
    "SunsetWarning",
    "TextLine",
    "TooManyImagesError",
    "ToolCall",
    "ToolCallDelta",
    "UnknownProviderError",
    "UnknownProviderWarning",
    "UnsafeURLError",
    "UnsupportedImageError",
    "Usage",
    "VLMClient",
    "VLMError",
    "apassages",
    "apassages_of_each",
    "as_text",
    "blocks",
    "check_mode",
    "check_names",
    "check_options",
    "data_uri",
    "engine_name",
    "expand",
    "load_on_first_use",
    "models_of",
    "page_key",
    "page_png",
    "passages",
    "passages_of_each",
    "providers",
    "read",
    "reader_with",
    "register",
    "sniff",
    "source_from",
    "stable_id",
    "text_tokens",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
