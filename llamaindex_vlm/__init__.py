"""Image documents for LlamaIndex.

Names are loaded when they are first used, so that importing the package costs next to nothing.
"""

from typing import TYPE_CHECKING

from vlm_core.integration import load_on_first_use

if TYPE_CHECKING:
    from llamaindex_vlm.citations import CitationPostprocessor
    from llamaindex_vlm.llms import VLM
    from llamaindex_vlm.node_parser import VLMNodeParser
    from llamaindex_vlm.nodes import image_documents
    from llamaindex_vlm.pictures import PagePictures
    from llamaindex_vlm.react_agent import VLMReActAgent
    from llamaindex_vlm.readers import VLMReader, file_extractor
    from llamaindex_vlm.tool_spec import VLMToolSpec
    from llamaindex_vlm.transforms import OCRTransform

_HOMES = {
    "citations": ("CitationPostprocessor",),
    "llms": ("VLM",),
    "node_parser": ("VLMNodeParser",),
    "pictures": ("PagePictures",),
    "react_agent": ("VLMReActAgent",),
    "readers": ("VLMReader", "file_extractor"),
    "nodes": ("image_documents",),
    "tool_spec": ("VLMToolSpec",),
    "transforms": ("OCRTransform",),
}

__getattr__ = load_on_first_use(__name__, _HOMES, needs="llama_index", extra="llamaindex")

__all__ = [
    "VLM",
    "CitationPostprocessor",
    "OCRTransform",
    "PagePictures",
    "VLMNodeParser",
    "VLMReActAgent",
    "VLMReader",
    "VLMToolSpec",
    "file_extractor",
    "image_documents",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
