"""Image documents for LangChain.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

from vlm_core.integration import load_on_first_use

if TYPE_CHECKING:
    from langchain_vlm.chat_models import ChatVLM
    from langchain_vlm.citations import with_citations
    from langchain_vlm.document_loaders import VLMBlobParser, VLMLoader, key_encoder
    from langchain_vlm.image_blocks import image_block
    from langchain_vlm.retrieved_images import apage_images, page_images
    from langchain_vlm.text_splitter import VLMTextSplitter
    from langchain_vlm.tools import ImageToolkit, image_tools

_HOMES = {
    "chat_models": ("ChatVLM",),
    "citations": ("with_citations",),
    "document_loaders": ("VLMBlobParser", "VLMLoader", "key_encoder"),
    "image_blocks": ("image_block",),
    "retrieved_images": ("apage_images", "page_images"),
    "text_splitter": ("VLMTextSplitter",),
    "tools": ("ImageToolkit", "image_tools"),
}

__getattr__ = load_on_first_use(__name__, _HOMES, needs="langchain_core", extra="langchain")

__all__ = [
    "ChatVLM",
    "ImageToolkit",
    "VLMBlobParser",
    "VLMLoader",
    "VLMTextSplitter",
    "apage_images",
    "image_block",
    "image_tools",
    "key_encoder",
    "page_images",
    "with_citations",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
