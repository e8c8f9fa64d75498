"""Files within a message, as base64 or bytes: their bytes tell pictures and PDFs from text."""

from __future__ import annotations

import re
from typing import Any

from vlm_core.errors import InputError, UnsupportedImageError
from vlm_core.images.data_uris import DataURI, bytes_in
from vlm_core.images.reading import data_uri_bytes
from vlm_core.images.sniff import refusal, sniff

__all__ = ["base64_as_uri", "file_part", "text_in"]

# Characters of base64 for the bytes that `sniff` looks at.
_HEAD = 1368
# Characters from which a string of base64's letters can hardly be anything else.
_LONG = 400
_BASE64 = re.compile(r"[A-Za-z0-9+/_\-\s]++={0,2}\s*")
# What a text in UTF-16 begins with; UTF-8 needs no mark.
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_AGAIN = "Encode the file once more: base64.b64encode(data).decode()."
_IN_UTF_8 = "If it is text, save it in UTF-8; otherwise make it a PDF or pictures."


def base64_as_uri(text: str, place: str) -> str | None:
    """Base64 of a picture or PDF as a data URI; None where the string is something else, as a path is.

    Its first bytes decide. Line breaks, the URL-safe alphabet and missing padding are accepted.

    Args:
        text: any string.
        place: what to call it in errors.

    Raises:
        InputError: it is long and base64, but damaged, or of something else.

    Example:
        >>> base64_as_uri("R0lGODlh", "image"), base64_as_uri("scans/receipt", "image")
        ('data:;base64,R0lGODlh', None)
    """
    head = "".join(text[: 2 * _HEAD].split())[:_HEAD]
    uri = f"data:;base64,{text}"
    if _BASE64.fullmatch(head) is None:
        return None
    if sniff(_decoded_head(head)):
        return uri
    if len(text) < _LONG or _BASE64.fullmatch(text) is None:
        return None
    raise refusal(_decoded(uri, place), place)


def _decoded_head(head: str) -> bytes:
    try:
        return data_uri_bytes(f"data:;base64,{head.rstrip('=')[: len(head) // 4 * 4]}")
    except ValueError:
        return b""


def file_part(given: str | bytes, place: str) -> dict[str, Any]:
    """A file in a message as the part that it is: text as text, a picture or PDF as an image.

    What the file is called, and which type it says it has, is not looked at.

    Args:
        given: its bytes, or a data URI.
        place: what to call it in errors.

    Raises:
        InputError: the data URI is damaged.
        UnsupportedImageError: it is neither; the message says what it is, where that can be told.

    Example:
        >>> file_part(b"item,price", "messages[0].content[1]")
        {'type': 'text', 'text': 'item,price'}
        >>> file_part("data:text/csv;base64,R0lGODlh", "messages[0].content[1]")
        {'type': 'image', 'image': 'data:text/csv;base64,R0lGODlh'}
    """
    data = _decoded(given, place) if isinstance(given, str) else given
    text = None if _is_picture(data) else text_in(data)
    if text is not None:
        return {"type": "text", "text": text}
    if sniff(data) is None:
        raise _refusal(data, place)
    return {"type": "image", "image": DataURI(given, data) if isinstance(given, str) else given}


def _is_picture(data: bytes) -> bool:
    """Whether it is a picture or PDF by its very first bytes; a text may well speak of %PDF-1.7."""
    return sniff(data) not in (None, "PDF") or data.lstrip().startswith(b"%PDF-")


def _decoded(uri: str, place: str) -> bytes:
    try:
        return bytes_in(uri)
    except ValueError as error:
        problem = str(error)
    raise InputError(f"{place} holds base64 that is damaged: {problem}", hint=_AGAIN)


def _refusal(data: bytes, place: str) -> UnsupportedImageError:
    error = refusal(data, place)
    if data and b"\0" not in data:  # as it may be in an older encoding
        error.hint = _IN_UTF_8
    return error


def text_in(data: bytes) -> str | None:
    """The text that a file holds, in UTF-8, or in UTF-16 with its mark; None for other files, and empty ones.

    Example:
        >>> text_in(b"item,price"), text_in("Größe".encode("utf-16")), text_in(bytes(4))
        ('item,price', 'Größe', None)
    """
    try:
        text = data.decode(_MARKS.get(data[:2], "utf-8-sig"))
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text or None
