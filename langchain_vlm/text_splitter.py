"""Cutting what was loaded into chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from langchain_core.documents import BaseDocumentTransformer, Document

from vlm_core.integration import LoadedText, rechunked, stable_id

# Metadata that is not true of a chunk.
_LEFT_OUT = frozenset({"bbox", "boxes", "findings", "agreement"})


class VLMTextSplitter(BaseDocumentTransformer):
    """Cuts Documents with Markdown, HTML or plain text into chunks, as `vlm_core.chunks` does.

    Whole paragraphs, list items and rows of tables stay together where they fit, a heading stays with what
    follows it, and each part of a table has its header. Documents of one source that follow each other, such
    as the pages of `VLMLoader`, are cut together.

    A chunk has the metadata of the Document in which it begins, and `headings` ("A > B"), `pages` ("3,4") and
    `block_kinds`. Its id is the same each time.

    Args:
        chunk_tokens: of a chunk, at most.
        tokenizer: tells how many tokens a text has; by default words, marks, and Chinese, Japanese and Korean
            characters are counted.
        overlap: tokens that a chunk repeats of the one before, at most.

    Example:
        >>> pages = [Document(text, metadata={"source": "a.pdf"}) for text in ("# Tea", "Green.")]
        >>> VLMTextSplitter().split_documents(pages)[0].page_content
        'Tea\\n\\nGreen.'
    """

    def __init__(
        self, chunk_tokens: int = 512, tokenizer: Callable[[str], int] | None = None, overlap: int = 0
    ) -> None:
        list(rechunked([LoadedText("")], chunk_tokens, tokenizer, overlap))  # which refuses what cannot be
        self.chunk_tokens = chunk_tokens
        self.tokenizer = tokenizer
        self.overlap = overlap

    def split_documents(self, documents: Iterable[Document]) -> list[Document]:
        """Cut Documents into chunks."""
        given = list(documents)
        cut = rechunked(map(_loaded, given), self.chunk_tokens, self.tokenizer, self.overlap)
        return [
            Document(
                chunk.text,
                id=stable_id(chunk.id, given[first].id),
                metadata=_without(given[first].metadata) | chunk.metadata,
            )
            for chunk, first in cut
        ]

    def split_text(self, text: str) -> list[str]:
        """Cut one text into chunks."""
        return [document.page_content for document in self.split_documents([Document(text)])]

    def transform_documents(self, documents: Sequence[Document], **kwargs: Any) -> Sequence[Document]:
        """As `split_documents`: what LangChain's pipelines call."""
        return self.split_documents(documents)


def _loaded(document: Document) -> LoadedText:
    metadata = document.metadata
    page = metadata.get("page")
    number = page + 1 if isinstance(page, int) else 1
    identity = str(metadata.get("sha256") or document.id or "")
    return LoadedText(document.page_content, str(metadata.get("source", "")), number, identity)


def _without(metadata: dict[str, Any]) -> dict[str, Any]:
    return {name: fact for name, fact in metadata.items() if name not in _LEFT_OUT}
