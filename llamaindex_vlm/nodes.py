"""What becomes of a text that was read: a LlamaIndex node, its metadata, and which of it models see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any

from llama_index.core.schema import Document, MediaResource, NodeRelationship

from vlm_core import Passage

TECHNICAL = (
    "image_sha256",
    "file_sha256",
    "total_pages",
    "ocr_engine",
    "ocr_state",
    "trust",
    "width",
    "height",
    "rotation",
    "bbox",
    "pages",
    "boxes",
    "block_kinds",
)
"""Metadata that says nothing to a search or a language model."""


class PicturedDocument(Document):
    """A Document with a picture that outlives a vector store.

    What is stored as a "Document" comes back as a mere text, as a "Node" with the picture it refers to.
    """

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores it."""
        return "Node"


def unseen(passage: Passage) -> list[str]:
    """The metadata keys that models do not see; without a text, they see what became of the page.

    So there is always something to embed: many embedding APIs refuse an empty text.
    """
    return [key for key in TECHNICAL if passage.text.strip() or key != "ocr_state"]


def document_of(passage: Passage, extra_info: dict[str, Any], picture: MediaResource | None) -> Document:
    """A Document of its own for a passage.

    Args:
        passage: the text, and where it stands.
        extra_info: metadata to put on it. It may name the file, but what is known of the page stands.
        picture: where the page's picture is.
    """
    kind: type[Document] = Document if picture is None else PicturedDocument
    return kind(
        id_=passage.id,
        # Not text=, which would leave an empty text out, and all metadata with it.
        text_resource=MediaResource(text=passage.text),
        image_resource=picture,
        metadata={**place(passage.page.source), **extra_info, **facts(passage)},
        excluded_embed_metadata_keys=unseen(passage),
        excluded_llm_metadata_keys=unseen(passage),
    )


def linked(documents: Iterable[Document]) -> Iterator[Document]:
    """Documents of which those of one file that follow each other are PREVIOUS and NEXT."""
    last: Document | None = None
    for document in documents:
        if last is not None and last.metadata.get("file_path") == document.metadata.get("file_path"):
            last.relationships[NodeRelationship.NEXT] = document.as_related_node_info()
            document.relationships[NodeRelationship.PREVIOUS] = last.as_related_node_info()
        if last is not None:
            yield last
        last = document
    if last is not None:
        yield last


def place(source: str) -> dict[str, Any]:
    """Where a document is, as metadata.

    Example:
        >>> place("scans/fax.tif")
        {'file_path': 'scans/fax.tif', 'file_name': 'fax.tif'}
    """
    return {"file_path": source, "file_name": PurePath(source).name or source}


def facts(passage: Passage) -> dict[str, Any]:
    """What is known of a passage's page, as metadata."""
    sha256 = {"image_sha256": passage.page.sha256} if passage.page.sha256 else {}
    return {**sha256, **passage.metadata}
