"""Image documents for LlamaIndex.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llamaindex_vlm.readers import VLMReader, file_extractor

_HOME_OF = {
    "VLMReader": "readers",
    "file_extractor": "readers",
}

__all__ = ["VLMReader", "file_extractor"]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value = getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "llama_index":
            raise
        raise _not_installed() from error
    globals()[name] = value
    return value


def _not_installed() -> ImportError:
    from vlm_core import MissingExtraError

    return MissingExtraError(
        "LlamaIndex is not installed", hint="Install it with: pip install 'vlm-adapters[llamaindex]'"
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
