"""The pictures behind pages: where they are on this disk, and how retrieved nodes get them back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

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

from vlm_core import ConfigError, InputError, PageImage, PageResult, VLMError, page_png
from vlm_core.integration import (
    Passage,
    Source,
    check_names,
    document_again,
    expand,
    page_again,
    page_told_by,
    sniff,
    warn_caller,
)

# Formats that browsers and vision models show.
_SHOWN = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


@dataclass(frozen=True)
class Pictures:
    """Finds the pictures behind the pages of what is being read.

    Args:
        document: what is read.
        folder: where pictures may be written; None to refer only to picture files that are there.
        password: of an encrypted PDF.
        allow_private_urls: whether a URL may lead to this machine or its network.
    """

    document: object
    folder: Path | None = None
    password: str | None = None
    allow_private_urls: bool = False

    def resource(self, passage: Passage) -> MediaResource | None:
        """The picture of a page; None where there is none, with a warning where it could not be had.

        Raises:
            ConfigError: the folder cannot be written to.
        """
        if not passage.page.sha256:  # the page could not be opened
            return None
        file = self._file(passage)
        if file is not None and (found := _as_it_is(passage.page, file)):
            return found
        if self.folder is None or passage.page_number is None:
            return None
        path = _path_in(self.folder, passage.page.sha256, passage.page.rotation)
        return self._written(path, passage, self.document if file is None else file)

    def _file(self, passage: Passage) -> Path | None:
        # A Source has a name of its own, which may be that of a file here by chance.
        if isinstance(self.document, Source):
            return None
        path = Path(passage.page.source).expanduser()
        return path.resolve() if path.is_file() else None

    def _written(self, path: Path, passage: Passage, document: object) -> MediaResource | None:
        if not path.exists():
            try:
                png = page_png(
                    document,
                    passage.page,
                    password=self.password,
                    allow_private_urls=self.allow_private_urls,
                )
            except VLMError as error:
                warn_caller(f"No picture of page {passage.page_number}: {error}")
                return None
            _write(path, png)
        return MediaResource(path=path.resolve(), mimetype="image/png")


def read_once(document: object, *, allow_private_urls: bool = False) -> object:
    """A document that is read or downloaded a single time, however often it is opened.

    Args:
        document: anything a reader takes. What is on this disk, or many, is returned as it is.
        allow_private_urls: whether a URL may lead to this machine or its network.

    Example:
        >>> read_once("scans/invoice.png"), type(read_once(b"GIF89a")).__name__
        ('scans/invoice.png', 'Source')
    """
    if isinstance(document, Iterator) and not hasattr(document, "read"):
        return document  # looking into it would use it up
    sources = list(islice(expand(document, allow_private_urls=allow_private_urls), 2))
    if len(sources) != 1 or sources[0].path is not None:
        return document
    return replace(sources[0], read=cache(sources[0].read))


def picture_again(
    page: PageResult,
    document: Callable[[str], Path | Source],
    *,
    folder: Path | None,
    password: str | None = None,
) -> MediaResource:
    """The picture of a page that was read before, if it is still the same.

    Args:
        page: what is known of it: its source, number, the digest of its picture, its size and its turn.
        document: opens the source again.
        folder: where pictures of pages are and may be written; None to hold the picture in memory.
        password: of an encrypted PDF.

    Raises:
        InputError: the document cannot be read, or is another one by now.
        ConfigError: the folder cannot be written to.
    """
    # The name has the turn in it, which is not known of nodes that were stored by older versions.
    written = [] if folder is None else sorted(folder.glob(f"{page.sha256}-*.png"), reverse=True)
    if written:
        return MediaResource(path=written[0].resolve(), mimetype="image/png")
    if not page.source:
        raise InputError("it was read from memory", hint="Read it with image_dir=..., and name that here.")
    image = page_again(document(page.source), page, password=password)
    if not page.width:  # it was read when nodes did not tell of size and turn yet
        page = page.model_copy(update={"rotation": image.rotation})
    file = Path(page.source).expanduser()
    if not page.rotation and file.is_file() and (as_it_is := _as_it_is(image, file.resolve())):
        return as_it_is
    png = page_png(image, page)
    if folder is None:
        return MediaResource(data=png, mimetype="image/png")
    path = _path_in(folder, page.sha256, page.rotation)
    _write(path, png)
    return MediaResource(path=path.resolve(), mimetype="image/png")


def _path_in(folder: Path, sha256: str, rotation: int) -> Path:
    return folder / f"{sha256}-{rotation}.png"


def _as_it_is(page: PageResult | PageImage, file: Path) -> MediaResource | None:
    """The file itself, if it is nothing but this page, upright, in a format that is shown everywhere."""
    if page.total_pages != 1 or page.rotation:
        return None
    with file.open("rb") as opened:
        mimetype = _SHOWN.get(sniff(opened.read(1024)) or "")
    return MediaResource(path=file, mimetype=mimetype) if mimetype else None


def _write(path: Path, png: bytes) -> None:
    """Write a whole file or none, whoever else is writing the same."""
    # Renamed in one step, so that another process which finds the file finds all of it.
    part = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(png)
        part.replace(path)
    except OSError as error:
        raise ConfigError(f"image_dir={str(path.parent)!r} cannot be written to: {error}") from error
    finally:
        with suppress(OSError):
            part.unlink()


# --- pictures of retrieved nodes ----------------------------------------------------------------------


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
        document = cache(partial(document_again, allow_private_urls=self.allow_private_urls))
        shown: dict[str, MediaResource | None] = {}
        with_pictures = []
        for node in nodes:
            page = page_told_by(node.node.metadata)
            if page is not None:
                picture, count = None, sum(picture is not None for picture in shown.values())
                if page.sha256 not in shown and (self.max_images is None or count < self.max_images):
                    picture = _written_with(node.node, page.sha256) or self._picture(page, document)
                shown.setdefault(page.sha256, picture)
                node = _with_picture(node, picture)
            with_pictures.append(node)
        return with_pictures

    def _picture(self, page: PageResult, document: Callable[[str], Path | Source]) -> MediaResource | None:
        password = None if self.password is None else self.password.get_secret_value()
        try:
            return picture_again(page, document, folder=self.image_dir, password=password)
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
