"""Pictures for retrieved nodes, so that a model sees the pages that it answers from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llama_index.core.bridge.pydantic import Field, SecretStr, field_serializer, model_validator
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import (
    BaseNode,
    ImageNode,
    MediaResource,
    MetadataMode,
    Node,
    NodeWithScore,
    QueryBundle,
)

from llamaindex_vlm.pictures import picture_again
from vlm_core import PageResult, VLMError
from vlm_core.integration import check_names, page_told_by, warn_caller


class PagePictures(BaseNodePostprocessor):
    """Puts back the pictures of the pages that retrieved nodes were read from.

    Splitters and most vector stores drop them. Each page's picture is put on the first node of it,
    once however many were retrieved; order and scores stay. A node is found by its `file_path`,
    `page_label` and `image_sha256`. A file that is another one by now is not shown: its node stays
    a text, with a warning. Nodes that were not read from pictures stay as they are, and so do those
    of whole documents (mode="document"), which have no one picture.

    Give it last, to a query engine with multimodal=True.

    Raises:
        ConfigError: an option is not known.
        pydantic.ValidationError: an option is of a wrong type.

    Example:
        >>> from llama_index.core.schema import TextNode
        >>> nodes = [NodeWithScore(node=TextNode(text="no picture"), score=0.5)]
        >>> PagePictures(max_images=4).postprocess_nodes(nodes) == nodes
        True
    """

    image_dir: Path | None = Field(
        default=None,
        description="Where pictures are written, and found that were written when the pages were read; "
        "None holds them in memory.",
    )
    max_images: int | None = Field(
        default=None, ge=0, description="At most so many pictures; the other nodes stay texts."
    )
    password: SecretStr | None = Field(default=None, exclude=True, description="For encrypted PDFs.")
    allow_private_urls: bool = Field(
        default=False, description="Whether URLs may lead to this machine or its network."
    )

    @model_validator(mode="before")
    @classmethod
    def _check_names(cls, options: dict[str, Any]) -> dict[str, Any]:
        check_names(options, cls.model_fields)
        return options

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex stores it."""
        return "PagePictures"

    @field_serializer("image_dir")
    def _image_dir_name(self, image_dir: Path | None) -> str | None:
        return None if image_dir is None else str(image_dir)

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        shown: dict[str, MediaResource | None] = {}
        return [self._shown(found, shown) for found in nodes]

    def _shown(self, found: NodeWithScore, shown: dict[str, MediaResource | None]) -> NodeWithScore:
        page = page_told_by(found.node.metadata)
        if page is None:
            return found
        wanted = page.sha256 not in shown and not self._is_enough(shown)
        picture = (_written_with(found.node, page.sha256) or self._picture(page)) if wanted else None
        shown.setdefault(page.sha256, picture)
        return _with_picture(found, picture)

    def _is_enough(self, shown: dict[str, MediaResource | None]) -> bool:
        count = sum(picture is not None for picture in shown.values())
        return self.max_images is not None and count >= self.max_images

    def _picture(self, page: PageResult) -> MediaResource | None:
        try:
            return picture_again(
                page.source or None,
                page,
                folder=self.image_dir,
                password=None if self.password is None else self.password.get_secret_value(),
                allow_private_urls=self.allow_private_urls,
            )
        except VLMError as error:
            warn_caller(f"No picture of page {page.page_number}: {error}")
            return None


def _with_picture(found: NodeWithScore, picture: MediaResource | None) -> NodeWithScore:
    """The same node with this picture and no other; what was given is left as it is."""
    node = found.node
    if picture is None and _picture_of(node) is None:
        return found
    # Not an ImageNode: LlamaIndex sends a model the picture of that, but not its text.
    shown = Node(
        id_=node.id_,
        text_resource=MediaResource(text=node.get_content(MetadataMode.NONE)),
        image_resource=picture,
        **{name: getattr(node, name) for name in BaseNode.model_fields if name != "id_"},
    )
    return NodeWithScore(node=shown, score=found.score)


def _picture_of(node: BaseNode) -> MediaResource | str | None:
    if isinstance(node, ImageNode):
        return node.image or node.image_path or node.image_url
    return node.image_resource if isinstance(node, Node) else None


def _written_with(node: BaseNode, sha256: str) -> MediaResource | None:
    """The picture that was written when the page was read, if the node refers to it and it is there."""
    picture = _picture_of(node)
    if not isinstance(picture, MediaResource) or picture.path is None:
        return None
    return picture if picture.path.name.startswith(sha256) and picture.path.is_file() else None
