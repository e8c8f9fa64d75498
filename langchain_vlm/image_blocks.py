"""Pictures in LangChain's messages: made into blocks, labelled, shortened for a cache, and not lost."""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from pathlib import PurePath
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.runnables.config import var_child_runnable_config

from vlm_core import ImageWarning, InputError, PageResult, page_png
from vlm_core.integration import Source, data_uri, expand, holds_picture, sniff, warn_caller

__all__ = [
    "Shortened",
    "image_block",
    "in_full",
    "labelled",
    "warn_of_lost_pictures",
    "warn_of_unsaved_pictures",
]

MEDIA_TYPES = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "PPM": "image/x-portable-anymap",
    "AVIF": "image/avif",
    "HEIF": "image/heic",
    "PDF": "application/pdf",
}
"""By the names that `sniff` gives."""
_UNKNOWN = "application/octet-stream"
# Characters of base64 for the bytes that `sniff` looks at.
_HEAD = 1368


def image_block(
    source: Any, *, detail: str | None = None, pages: Sequence[int] | None = None
) -> dict[str, Any]:
    """A picture or PDF as a content block, which a HumanMessage or a tool's result may hold.

    The block is plain JSON, and holds the file as it is; ChatVLM fits it to the provider when it sends
    it. A web address is kept as one, and nothing is fetched.

    Args:
        source: a path, bytes, a binary file, a Pillow image, a PageImage, a data URI or a web address.
        detail: "low", "high" or "auto", for providers that know it.
        pages: of a file with several, from 1; by default all.

    Raises:
        InputError: the file cannot be read, or there is more than one.
        UnsupportedImageError: it is neither a picture nor a PDF.

    Example:
        >>> image_block(b"GIF89a", detail="low")
        {'type': 'image_url', 'image_url': {'url': 'data:image/gif;base64,R0lGODlh', 'detail': 'low'}}
    """
    if pages is not None and not isinstance(pages, Sequence):
        raise InputError(f"pages={pages!r} is not a list of page numbers", hint="Write [1, 3], for example.")
    beside: dict[str, Any] = {} if detail is None else {"detail": detail}
    chosen: dict[str, Any] = {} if pages is None else {"pages": list(pages)}
    if isinstance(source, str) and source[:8].lower().startswith(("http://", "https://")):
        return {"type": "image_url", "image_url": {"url": source, **beside}, **chosen}
    data = _file(_only(source))
    kind = sniff(data) or ""
    if kind == "PDF":
        encoded = binascii.b2a_base64(data, newline=False).decode("ascii")
        block = {"type": "file", "base64": encoded, "mime_type": "application/pdf"}
        return {**block, "extras": {**beside, **chosen}} if beside or chosen else block
    uri = data_uri(data, MEDIA_TYPES[kind])
    return {"type": "image_url", "image_url": {"url": uri, **beside}, **chosen}


def _only(source: object) -> Source:
    sources = expand(source)
    first, another = next(sources, None), next(sources, None)
    if first is None or another is not None:
        raise InputError("a block holds one file, and no folder, pattern or list", hint="Make one for each.")
    return first


def _file(source: Source) -> bytes:
    """The bytes of a file that is known to be a picture or PDF; a decoded picture as PNG."""
    if source.image is not None:
        return _as_png(source)
    data = source.read()
    if sniff(data) is None:
        with source.open():  # which says what it is instead
            raise AssertionError("unreachable")  # pragma: no cover
    return data


def _as_png(source: Source) -> bytes:
    with source.open() as pages:
        if pages.total_pages > 1:
            raise InputError(
                f"{source.name} is a decoded picture of {pages.total_pages} pages",
                hint="Give its file, or each of them: frame.copy().",
            )
        page = pages.page(1)
    if page.original is not None:
        return page.original
    return page_png(page, PageResult(rotation=page.rotation, page_number=page.page_number))


# --- media types ------------------------------------------------------------------------------------


def labelled(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Messages whose pictures in base64 all say a media type; those that do already are the same objects.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> labelled([HumanMessage([{"type": "image", "base64": "R0lGODlh"}])])[0].content[0]["mime_type"]
        'image/gif'
    """
    return [_labelled(message) for message in messages]


def _labelled(message: BaseMessage) -> BaseMessage:
    content = message.content
    if isinstance(content, str) or not any(map(_is_unlabelled, content)):
        return message
    blocks = [_with_label(block) if isinstance(block, dict) else block for block in content]
    return message.model_copy(update={"content": blocks})


def _is_unlabelled(block: object) -> bool:
    return (
        isinstance(block, dict)
        and block.get("type") == "image"
        and ("base64" in block or block.get("source_type") == "base64")
        and "mime_type" not in block
    )


def _with_label(block: dict[str, Any]) -> dict[str, Any]:
    if not _is_unlabelled(block):
        return block
    encoded = block.get("base64") or block.get("data")
    # LangChain looks for the one that is missing, whatever it is.
    complete = block if "base64" in block or "data" in block else {**block, "data": ""}
    return {**complete, "mime_type": MEDIA_TYPES.get(_kind(encoded), _UNKNOWN)}


def _kind(encoded: object) -> str:
    try:
        head = binascii.a2b_base64(encoded[:_HEAD]) if isinstance(encoded, str) else b""
    except ValueError:
        return ""
    return sniff(head) or ""


# --- LangChain's cache -------------------------------------------------------------------------------

# Characters that stay as they are; a digest is shorter.
_LONGEST = 1000


class Shortened(list[BaseMessage]):
    """Messages with digests in place of files, and those that are to be sent.

    Example:
        >>> from langchain_core.messages import HumanMessage
        >>> picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + 5000 * "A"}}
        >>> messages = [HumanMessage([picture])]
        >>> Shortened(messages)[0].content[0]["image_url"]["url"][:14]
        'sha256:55d53b7'
        >>> in_full(Shortened(messages)) is messages
        True
    """

    def __init__(self, messages: Sequence[BaseMessage]) -> None:
        super().__init__(_shortened(message) for message in messages)
        self.full = messages


def in_full(messages: Sequence[BaseMessage]) -> Sequence[BaseMessage]:
    """The messages that are to be sent, for those of a key."""
    return messages.full if isinstance(messages, Shortened) else messages


def _shortened(message: BaseMessage) -> BaseMessage:
    if isinstance(message.content, str):
        return message
    content = [_without_files(block) if isinstance(block, dict) else block for block in message.content]
    return message.model_copy(update={"content": content})


def _without_files(value: object, name: object = None) -> object:
    if isinstance(value, Mapping):
        return {key: _without_files(held, key) for key, held in value.items()}
    if isinstance(value, list):
        return [_without_files(held) for held in value]
    if isinstance(value, str) and len(value) > _LONGEST and name != "text":
        return "sha256:" + hashlib.sha256(value.encode(errors="surrogatepass")).hexdigest()
    if isinstance(value, bytes):
        return "sha256:" + hashlib.sha256(value).hexdigest()
    return value


# --- pictures that would be lost --------------------------------------------------------------------

# Where LangGraph tells a node of the checkpointer of its graph.
_CHECKPOINTER = "__pregel_checkpointer"
# What LangGraph's checkpointers can save of what may stand for a picture.
_SAVED = (str, bytes, bytearray, PurePath)


def warn_of_lost_pictures(messages: Sequence[BaseMessage]) -> None:
    """Warn where a tool's text holds a picture, of which the model sees nothing.

    Only of results that are new, which no answer stands behind: each is sent again with every turn.

    Args:
        messages: a conversation.

    Warns:
        ImageWarning: a result holds one. It says what the tool is to return.

    Example:
        >>> import warnings
        >>> text = '{"type": "image", "base64": "' + "R0lGODlh" * 200 + '"}'
        >>> with warnings.catch_warnings(record=True, action="always") as caught:
        ...     warn_of_lost_pictures([ToolMessage(text, name="look", tool_call_id="call_1")])
        >>> str(caught[0].message)[:56]
        'The tool look returned a picture that became text, and t'
    """
    for message in takewhile(lambda one: not isinstance(one, AIMessage), reversed(messages)):
        if isinstance(message, ToolMessage) and any(map(holds_picture, _texts(message))):
            warn_caller(
                f"The tool {message.name or message.tool_call_id} returned a picture that became text, and "
                "the model sees none. Let it return a list of content blocks, each a dict: "
                "[image_block(picture)].",
                ImageWarning,
            )


def warn_of_unsaved_pictures(messages: Sequence[BaseMessage]) -> None:
    """Warn, within a graph with a checkpointer, where a block holds a decoded picture or an open file.

    It is sent all the same. If the message is part of the graph's state, LangGraph fails to save that,
    with a TypeError that says nothing of the picture.

    Args:
        messages: a conversation.

    Warns:
        ImageWarning: it names the block, and what to write instead.
    """
    config = var_child_runnable_config.get()
    if not config or (config.get("configurable") or {}).get(_CHECKPOINTER) in (None, False):
        return
    for number, message in enumerate(messages):
        for at, block in enumerate(message.content if isinstance(message.content, list) else ()):
            held = block.get("image") if isinstance(block, dict) and block.get("type") == "image" else None
            if held is not None and not isinstance(held, _SAVED):
                warn_caller(
                    f"messages[{number}].content[{at}] holds a {type(held).__name__}, which a checkpointer "
                    "cannot save. Write image_block(picture) in its place: that is plain JSON.",
                    ImageWarning,
                )


def _texts(message: ToolMessage) -> Iterator[str]:
    for block in [message.content] if isinstance(message.content, str) else message.content:
        text = block.get("text") if isinstance(block, dict) else block
        if isinstance(text, str):
            yield text
