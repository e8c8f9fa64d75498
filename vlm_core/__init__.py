"""Image documents to text, without losing a page: what the LangChain and LlamaIndex adapters share.

Names are loaded when they are first used, so that importing the package costs next to nothing.
`__init__.pyi` says the same to type checkers; `python tests/unit/test_public_names.py` writes it.
"""

from vlm_core.integration import __all__ as _adapters_names
from vlm_core.lazy import load_on_first_use

# The one list of the public names, by the module in which each is defined. The last row keeps names that
# stood here before they moved to `vlm_core.integration`.
_HOMES = {
    "assistant.image_assistant": ("ImageAssistant",),
    "assistant.results": (
        "Citation",
        "Finding",
        "ImageAnswer",
        "ImageData",
        "ImageReading",
        "PageEntry",
        "PageList",
        "PageReference",
        "TextMatch",
        "TextMatches",
    ),
    "assistant.tools": ("IMAGE_TOOLS", "ImageTool"),
    "catalog.registry": ("models_of", "providers", "register"),
    "catalog.resolve_route": ("SunsetWarning", "UnknownProviderWarning"),
    "catalog.routes": ("Route",),
    "catalog.schema": ("ImageLimits", "ModelProfile", "Price", "Provider", "Quirk"),
    "client": ("VLMClient",),
    "client_settings": ("ClientSettings",),
    "completion": ("Attempt", "Completion", "Delta", "EncodedImage", "Estimate", "ToolCall", "ToolCallDelta"),
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
        "DocumentNotFoundError",
        "EmptyOutput",
        "EngineError",
        "ImageTooLargeError",
        "IncompleteResponse",
        "InputError",
        "MalformedResponse",
        "MissingExtraError",
        "MissingKeyError",
        "ModelNotFound",
        "OutputLooped",
        "OutputTruncated",
        "PDFError",
        "PagesFailed",
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
        "ToolCallTruncated",
        "UnknownOptionError",
        "UnknownProviderError",
        "UnsafeURLError",
        "UnsupportedImageError",
        "VLMError",
    ),
    "images.encode": ("ImageWarning",),
    "images.page_images": ("page_png",),
    "jobs.journal": ("Journal", "JournalWarning", "page_key"),
    "jobs.journal_rows": ("JournalPage", "JournalTotals"),
    "jobs.reader": ("DocumentReader", "read"),
    "ocr.callable_client": ("ForeignClient",),
    "ocr.engine": ("Engine", "OCREngine"),
    "ocr.layout": ("as_text", "blocks"),
    "secret": ("Secret",),
    "structure.chunks": ("chunks",),
    "structure.locate": ("locate",),
    "types": (
        "Block",
        "Box",
        "Cell",
        "Chunk",
        "DocumentResult",
        "MAX_PAGES",
        "PageImage",
        "PageResult",
        "PageState",
        "Table",
        "TextLine",
        "Usage",
        "Word",
    ),
    "wire.json_values": ("JSONValue", "find_json"),
    "integration": tuple(_adapters_names),
}

__getattr__ = load_on_first_use(__name__, _HOMES)
__all__ = sorted(name for names in _HOMES.values() for name in names)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
