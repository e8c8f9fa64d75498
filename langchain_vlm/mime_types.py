"""Labels for pictures that say no media type, which LangChain needs before a model sees them.

Its tracing fails on a picture in base64 without one. What is sent is labelled by its bytes in any case.
"""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Any

from langchain_core.messages import BaseMessage

from vlm_core.integration import sniff

__all__ = ["MEDIA_TYPES", "labelled"]

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
_HEAD = 1368
"""Characters of base64 for the bytes that `sniff` looks at."""


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


def _is_unlabelled(block: Any) -> bool:
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


def _kind(encoded: Any) -> str:
    try:
        head = binascii.a2b_base64(encoded[:_HEAD]) if isinstance(encoded, str) else b""
    except ValueError:
        return ""
    return sniff(head) or ""
