"""Cutting what was loaded into nodes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.bridge.pydantic import Field
from llama_index.core.node_parser import NodeParser
from llama_index.core.schema import BaseNode, MetadataMode, NodeRelationship, TextNode

from llamaindex_vlm.nodes import TECHNICAL
from vlm_core.integration import LoadedText, rechunked, stable_id

# Metadata that is not true of a chunk.
_LEFT_OUT = frozenset({"bbox", "boxes", "findings", "agreement"})


class VLMNodeParser(NodeParser):
    """Cuts Documents with Markdown, HTML or plain text into nodes, as `vlm_core.chunks` does.

    Whole paragraphs, list items and rows of tables stay together where they fit, a heading stays with what
    follows it, and each part of a table has its header. Documents of one file that follow each other, such as
    the pages of `VLMReader`, are cut together.

    A node has the metadata of the Document in which it begins, and `headings` ("A > B"), `pages` ("3,4") and
    `block_kinds`. Its id is the same each time; that Document is its SOURCE, and neighbours are PREVIOUS and
    NEXT.

    Example:
        >>> from llama_index.core import Document
        >>> menu = Document(text="# Tea\\n\\nGreen.")
        >>> VLMNodeParser(chunk_tokens=6).get_nodes_from_documents([menu])[0].text
        'Tea\\n\\nGreen.'
    """

    chunk_tokens: int = Field(default=512, ge=1, description="Of a chunk, at most.")
    tokenizer: Callable[[str], int] | None = Field(
        default=None,
        exclude=True,
        description="Tells how many tokens a text has; by default words are counted.",
    )
    overlap: int = Field(default=0, ge=0, description="Tokens that a chunk repeats of the one before.")

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores the parser."""
        return "VLMNodeParser"

    def _parse_nodes(
        self, nodes: Sequence[BaseNode], show_progress: bool = False, **kwargs: Any
    ) -> list[BaseNode]:
        cut = rechunked(map(_loaded, nodes), self.chunk_tokens, self.tokenizer, self.overlap)
        made: list[BaseNode] = []
        source = None
        for chunk, first in cut:
            of = nodes[first]
            made.append(
                TextNode(
                    id_=stable_id(chunk.id, of.id_),
                    text=chunk.text,
                    metadata={**_kept(of.metadata), **chunk.metadata},
                    excluded_embed_metadata_keys=_each_once(of.excluded_embed_metadata_keys),
                    excluded_llm_metadata_keys=_each_once(of.excluded_llm_metadata_keys),
                    relationships={NodeRelationship.SOURCE: of.as_related_node_info()},
                )
            )
            if source == chunk.source:  # which may begin in another Document: LlamaIndex links those of one
                made[-2].relationships[NodeRelationship.NEXT] = made[-1].as_related_node_info()
                made[-1].relationships[NodeRelationship.PREVIOUS] = made[-2].as_related_node_info()
            source = chunk.source
        return made


def _each_once(hidden: list[str]) -> list[str]:
    return list(dict.fromkeys([*hidden, *TECHNICAL]))


def _kept(metadata: dict[str, Any]) -> dict[str, Any]:
    return {name: fact for name, fact in metadata.items() if name not in _LEFT_OUT}


def _loaded(node: BaseNode) -> LoadedText:
    metadata = node.metadata
    label = str(metadata.get("page_label", ""))
    number = int(label) if label.isascii() and label.isdecimal() else 1
    source = str(metadata.get("file_path") or metadata.get("file_name") or node.ref_doc_id or node.id_)
    identity = str(metadata.get("image_sha256") or node.hash)
    return LoadedText(node.get_content(MetadataMode.NONE), source, number, identity)
