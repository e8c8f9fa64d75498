"""Data URIs, with the bytes in them where those are at hand: what was just encoded need not be decoded."""

from __future__ import annotations

import binascii
from typing import Any

from vlm_core.images.reading import data_uri_bytes, plain_base64

__all__ = ["DataURI", "bytes_in", "data_uri", "is_written_as"]


class DataURI(str):
    """A data URI that keeps the bytes which it was made from, or decoded to.

    It is the string in every other respect. A copy or a pickle of it is a plain one.

    Example:
        >>> uri = DataURI("data:image/gif;base64,R0lGODlh", b"GIF89a")
        >>> uri == "data:image/gif;base64,R0lGODlh", uri.data
        (True, b'GIF89a')
    """

    data: bytes

    def __new__(cls, uri: str, data: bytes) -> DataURI:
        made = super().__new__(cls, uri)
        made.data = data
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return str, (str(self),)


def data_uri(data: bytes, media_type: str) -> DataURI:
    """A file as a data URI.

    Args:
        data: the file.
        media_type: what it really is, as in "image/png".

    Example:
        >>> data_uri(b"GIF89a", "image/gif")
        'data:image/gif;base64,R0lGODlh'
    """
    encoded = binascii.b2a_base64(data, newline=False).decode("ascii")
    return DataURI(f"data:{media_type};base64,{encoded}", data)


def bytes_in(uri: str) -> bytes:
    """What a data URI holds.

    Raises:
        ValueError: it is damaged.

    Example:
        >>> bytes_in("data:image/gif;base64,R0lGODlh")
        b'GIF89a'
    """
    if isinstance(uri, DataURI):
        return uri.data
    data = plain_base64(uri)
    return data_uri_bytes(uri) if data is None else data


def is_written_as(uri: str, data: bytes, media_type: str) -> bool:
    """Whether a data URI is just what `data_uri` would make of the bytes that it decodes to.

    It is told without encoding them: by the label, and by the length and the end of the base64, which a
    blank, a percent sign or a missing "=" would change.

    Args:
        uri: any data URI.
        data: what `bytes_in` gives for it.
        media_type: the right label.

    Example:
        >>> is_written_as("data:image/gif;base64,R0lGODlh", b"GIF89a", "image/gif")
        True
        >>> is_written_as("data:;base64,R0lGODlh", b"GIF89a", "image/gif")
        False
    """
    head = f"data:{media_type};base64,"
    padding = "=" * (-len(data) % 3)
    return (
        uri.startswith(head)
        and len(uri) == len(head) + (len(data) + 2) // 3 * 4
        and uri.endswith(padding)
        and uri.find("-", len(head)) == uri.find("_", len(head)) == -1  # the URL-safe alphabet
    )
