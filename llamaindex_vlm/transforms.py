"""Reading the pictures in an ingestion pipeline."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import aclosing, closing
from dataclasses import replace
from functools import cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any, Self, TypeAlias
from uuid import uuid4

from llama_index.core.bridge.pydantic import Field
from llama_index.core.schema import (
    BaseNode,
    Document,
    ImageNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeRelationship,
    TextNode,
    TransformComponent,
)

from llamaindex_vlm.nodes import PicturedDocument, facts, file_of, is_scan, place_of, source_of, unseen
from llamaindex_vlm.readers import ReadingOptions
from vlm_core.integration import EmptyPages, Passage, Source, apassages_of_each, passages_of_each, stable_id

if TYPE_CHECKING:
    from llamaindex_vlm.pictures import Pictures

_Scan: TypeAlias = ImageNode | Node
_NUMBERS = ("page_label", "total_pages")
_TEMPLATES = ("metadata_template", "metadata_separator", "text_template")


class OCRTransform(ReadingOptions, TransformComponent):
    """Turns the nodes with pictures into text nodes, and leaves all others as and where they are.

    A picture is that of an ImageDocument, an ImageNode, or any Node with an `image_resource`, in
    memory, in a file or behind a URL. What was read already (it has an `ocr_state`) counts as text.
    If a picture comes with a text, that is the first of its nodes.

    A node keeps the metadata of its picture's, and gets that of `VLMReader`. Its SOURCE is the
    document that the picture came with, so that a docstore replaces and deletes it with that; the
    nodes of one picture are PREVIOUS and NEXT to each other. It has the same id whenever the same
    node is read in the same way. It holds no picture, but may refer to one.

    A page that failed gives a node without text, marked by `ocr_state` "failed"; a blank one gives
    none. One `EmptyPagesWarning` lists both.

    The cache of an `IngestionPipeline` never answers for it, since that does not look at pictures
    and would give one the text of another. A docstore does save the second reading.

    Raises:
        ConfigError: an option is not known or cannot be used.
        pydantic.ValidationError: an option is of a wrong type.

    Example:
        >>> from llama_index.core.schema import ImageDocument
        >>> white = ImageDocument(image=b"P5 40 40 255 " + bytes([255]) * 1600)
        >>> OCRTransform(empty_pages=True)([white])[0].metadata["ocr_state"]
        'blank'
    """

    empty_pages: EmptyPages = Field(
        default="failed",
        description="Which pages without text give a node: all, none, or those that are not blank.",
    )

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores the transform."""
        return "OCRTransform"

    def to_dict(self, **kwargs: Any) -> dict[str, Any]:
        """The options, and something that is new each time.

        LlamaIndex's cache looks at this and at the texts of the nodes, which pictures do not have.
        """
        return {**super().to_dict(**kwargs), "nonce": uuid4().hex}

    @classmethod
    def from_dict(cls, data: dict[str, Any], **kwargs: Any) -> Self:
        """A transform with the options that `to_dict` gave."""
        return super().from_dict({key: data[key] for key in data if key != "nonce"}, **kwargs)

    def __call__(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """Read the pictures, side by side.

        Args:
            nodes: of all kinds, in any order.
            kwargs: what a pipeline passes on; not used.

        Raises:
            VLMError: with on_error="raise", what was wrong with the first page that failed.
            ConfigError: image_dir cannot be written to.
        """
        call = _TransformCall(self, nodes)
        groups = passages_of_each(self._reader, call.documents(), self.mode, **self._page_options())
        with closing(groups):
            for passages in groups:
                call.take(passages)
        return call.nodes()

    async def acall(self, nodes: Sequence[BaseNode], **kwargs: Any) -> Sequence[BaseNode]:
        """As the call, without ever blocking the event loop."""
        call = _TransformCall(self, nodes)
        groups = apassages_of_each(self._reader, call.documents(), self.mode, **self._page_options())
        async with aclosing(groups):
            async for passages in groups:
                await asyncio.to_thread(call.take, passages)  # a picture may be written
        return call.nodes()

    def _opened(self, scan: BaseNode) -> Source:
        source = source_of(scan, allow_private_urls=self.allow_private_urls)
        if self.image_dir is None or source.path is not None:
            return source
        return replace(source, read=cache(source.read))  # it is opened again for its picture

    def _pictures(self, scan: BaseNode, source: Source) -> Pictures | None:
        if not self.image_reference and self.image_dir is None:
            return None
        from llamaindex_vlm.pictures import Pictures

        return Pictures(file_of(scan) or source, self.image_dir, self._password(), self.allow_private_urls)


class _TransformCall:
    """What becomes of the nodes of one call."""

    def __init__(self, transform: OCRTransform, nodes: Sequence[BaseNode]) -> None:
        self._transform = transform
        self._given = nodes
        self._open: deque[tuple[_Scan, Source]] = deque()
        # By identity: nodes are not hashable, and two of them may have the same id.
        self._made: dict[int, list[BaseNode]] = {}

    def documents(self) -> Iterator[Source]:
        """The pictures, in order. Each is let go of once its passages are taken."""
        for node in self._given:
            if isinstance(node, _Scan) and is_scan(node):
                source = self._transform._opened(node)
                self._open.append((node, source))
                yield source

    def take(self, passages: list[Passage]) -> None:
        """Make nodes of what was read of the next picture."""
        scan, source = self._open.popleft()
        pictures = self._transform._pictures(scan, source)
        read = [
            _node(scan, passage, None if pictures is None else pictures.resource(passage))
            for passage in passages
        ]
        self._made[id(scan)] = _chained(scan, [*_own_text(scan), *read])

    def nodes(self) -> list[BaseNode]:
        """All that was given, with the pictures replaced."""
        return [made for node in self._given for made in self._made.get(id(node), [node])]


def _node(scan: _Scan, passage: Passage, picture: MediaResource | None) -> BaseNode:
    kind: type[TextNode | Document] = TextNode if picture is None else PicturedDocument
    hidden = unseen(passage)
    return kind(
        id_=stable_id(scan.id_, passage.id),
        text_resource=MediaResource(text=passage.text),
        image_resource=picture,
        metadata=_metadata(scan, passage),
        excluded_embed_metadata_keys=_each_once(scan.excluded_embed_metadata_keys, hidden),
        excluded_llm_metadata_keys=_each_once(scan.excluded_llm_metadata_keys, hidden),
        **_templates(scan),
    )


def _metadata(scan: _Scan, passage: Passage) -> dict[str, Any]:
    known = {**place_of(scan, passage.page.source), **scan.metadata, **facts(passage)}
    if passage.page.total_pages != 1:
        return known
    # A picture of its own may be a page of something: then it has the number that it has there.
    return {**known, **{key: scan.metadata[key] for key in _NUMBERS if key in scan.metadata}}


def _own_text(scan: _Scan) -> list[BaseNode]:
    text = scan.get_content(MetadataMode.NONE)
    if not text.strip():
        return []
    return [
        TextNode(
            id_=stable_id(scan.id_, "text"),
            text=text,
            metadata=scan.metadata,
            excluded_embed_metadata_keys=scan.excluded_embed_metadata_keys,
            excluded_llm_metadata_keys=scan.excluded_llm_metadata_keys,
            **_templates(scan),
        )
    ]


def _templates(scan: _Scan) -> dict[str, str]:
    """How the picture's node wants its metadata to be shown."""
    return {name: getattr(scan, name) for name in _TEMPLATES}


def _chained(scan: _Scan, nodes: list[BaseNode]) -> list[BaseNode]:
    source = scan.source_node or scan.as_related_node_info()
    for node in nodes:
        node.relationships[NodeRelationship.SOURCE] = source
    for before, after in pairwise(nodes):
        before.relationships[NodeRelationship.NEXT] = after.as_related_node_info()
        after.relationships[NodeRelationship.PREVIOUS] = before.as_related_node_info()
    return nodes


def _each_once(*lists: list[str]) -> list[str]:
    return list(dict.fromkeys(chain(*lists)))
