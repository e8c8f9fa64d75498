"""Image documents for LangChain.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

from vlm_core import load_on_first_use

if TYPE_CHECKING:
    from langchain_vlm.document_loaders import VLMBlobParser, VLMLoader, key_encoder

_HOMES = {"document_loaders": ("VLMBlobParser", "VLMLoader", "key_encoder")}

__getattr__ = load_on_first_use(__name__, _HOMES, needs="langchain_core", extra="langchain")

__all__ = ["VLMBlobParser", "VLMLoader", "key_encoder"]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
