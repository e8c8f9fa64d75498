"""Image documents for LlamaIndex.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

from vlm_core import load_on_first_use

if TYPE_CHECKING:
    from llamaindex_vlm.readers import VLMReader, file_extractor

_HOMES = {"readers": ("VLMReader", "file_extractor")}

__getattr__ = load_on_first_use(__name__, _HOMES, needs="llama_index", extra="llamaindex")

__all__ = ["VLMReader", "file_extractor"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
