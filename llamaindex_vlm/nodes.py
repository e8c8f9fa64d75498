"""Nodes with pictures that are to be read, and nodes of the text that was read of one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path, PurePath
from typing import Any, NoReturn, TypeAlias

from llama_index.core.schema import BaseNode, Document, ImageNode, MediaResource, Node, NodeRelationship

from vlm_core import InputError
from vlm_core.integration import Passage, Source, expand, source_from

# Base64, a file or a URL.
_Picture: TypeAlias = bytes | Path | str

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
    "findings",
    "agreement",
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


# --- pictures that are to be read ---------------------------------------------------------------------


def is_scan(node: BaseNode) -> bool:
    """Whether a node brings a picture that was not read yet.

    Example:
        >>> is_scan(Document(text="TOTAL 9.00")), is_scan(ImageNode(image_path="receipt.jpg"))
        (False, True)
    """
    return _picture_in(node) is not None and "ocr_state" not in node.metadata


def source_of(node: BaseNode, *, allow_private_urls: bool = False) -> Source:
    """The picture of a node that `is_scan`, to be opened when it is its turn.

    What is wrong with it is raised then. A picture in memory is called by the file that the node
    names in its metadata, else by the node's id.

    Args:
        node: brings the picture.
        allow_private_urls: whether a URL may lead to this machine or its network.
    """
    picture = _picture_in(node)
    if isinstance(picture, bytes):
        name = node.metadata.get("file_path") or node.metadata.get("file_name") or node.id_
        return source_from(partial(base64.b64decode, picture), str(name))
    sources = list(islice(expand(picture, allow_private_urls=allow_private_urls), 2))
    if len(sources) == 1:
        return sources[0]
    return source_from(partial(_refuse, str(picture)), str(picture))


def place_of(node: BaseNode, source: str) -> dict[str, Any]:
    """Where the picture is, as metadata; nothing of one in memory but what the node says itself."""
    return {} if isinstance(_picture_in(node), bytes) else place(source)


def file_of(node: BaseNode) -> Path | None:
    """The file that the picture is in, if it is in one of its own."""
    picture = _picture_in(node)
    return picture if isinstance(picture, Path) else None


def image_documents(files: str | PathLike[str] | Iterable[str | PathLike[str]]) -> list[Document]:
    """A Document for each picture file, not read yet: what an ingestion pipeline is to be given.

    Each has its path for an id, and a digest of its file in its metadata, by which a docstore sees
    that a file has changed. LlamaIndex alone looks at the path only.

    Args:
        files: a path, a folder (with all below it), a glob pattern, or a list of these.

    Returns:
        Documents in order. A file that is missing or cannot be read has one too, without a digest:
        what is wrong with it is found when it is read.

    Raises:
        InputError: something is not a file of this machine.

    Example:
        >>> [document.id_ for document in image_documents(["scans/fax.tif", "scans/invoice.png"])]
        ['scans/fax.tif', 'scans/invoice.png']
    """
    return [_image_document(source) for source in expand(files)]


def _image_document(source: Source) -> Document:
    if source.path is None:
        raise InputError(
            f"{source.name} is not a file here", hint="Give files, or make a Document with an image_resource."
        )
    digest = _digest(source.path)
    return Document(
        id_=source.name,
        # Not None, or LlamaIndex's cache and splitters would not look at the metadata.
        text_resource=MediaResource(text=""),
        image_resource=MediaResource(path=source.path),
        metadata={**place(source.name), **({"file_sha256": digest} if digest else {})},
        excluded_embed_metadata_keys=["file_sha256"],
        excluded_llm_metadata_keys=["file_sha256"],
    )


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _picture_in(node: BaseNode) -> _Picture | None:
    if isinstance(node, ImageNode):
        data = node.image.encode() if node.image else None
        return _first(data, node.image_path, node.image_url)
    resource = node.image_resource if isinstance(node, Node) else None
    return _first(resource.data, resource.path, resource.url) if resource else None


def _first(data: bytes | None, path: str | Path | None, url: object) -> _Picture | None:
    """What there is, in the order in which LlamaIndex looks."""
    return data or (Path(path) if path else None) or (str(url) if url else None)


def _refuse(name: str) -> NoReturn:
    raise InputError(f"{name} is not a file, but a folder", hint="Give a node for each picture in it.")
