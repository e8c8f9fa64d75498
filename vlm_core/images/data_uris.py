"""Data URIs, and for a moment what is in them: one that was just made need not be decoded to be sent."""

from __future__ import annotations

import binascii
import os
import threading
from collections import OrderedDict

from vlm_core.images.reading import data_uri_bytes, plain_base64

__all__ = ["bytes_in", "data_uri", "is_written_as"]

_KEPT = 8
_KEPT_BYTES = 32 << 20
_LARGE = 1 << 14
"""Bytes below which decoding costs less than remembering."""


class _Memory:
    """The data URIs seen last, by identity, with their bytes. Threads may share it."""

    def __init__(self) -> None:
        self._kept: OrderedDict[int, tuple[str, bytes]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def keep(self, uri: str, data: bytes) -> None:
        if not _LARGE <= len(data) <= _KEPT_BYTES // 2:
            return
        with self._lock:
            self._bytes += len(data) - len(self._kept.pop(id(uri), ("", b""))[1])
            self._kept[id(uri)] = uri, data
            while len(self._kept) > _KEPT or self._bytes > _KEPT_BYTES:
                self._bytes -= len(self._kept.popitem(last=False)[1][1])

    def find(self, uri: str) -> bytes | None:
        # An id belongs to one string for as long as that is kept here.
        found = self._kept.get(id(uri))
        return found[1] if found is not None and found[0] is uri else None

    def forget(self, uri: str) -> None:
        with self._lock:
            self._bytes -= len(self._kept.pop(id(uri), ("", b""))[1])


def data_uri(data: bytes, media_type: str) -> str:
    """A file as a data URI.

    Args:
        data: the file.
        media_type: what it really is, as in "image/png".

    Example:
        >>> data_uri(b"GIF89a", "image/gif")
        'data:image/gif;base64,R0lGODlh'
    """
    uri = f"data:{media_type};base64,{binascii.b2a_base64(data, newline=False).decode('ascii')}"
    _memory.keep(uri, data)
    return uri


def bytes_in(uri: str) -> bytes:
    """What a data URI holds.

    Raises:
        ValueError: it is damaged.

    Example:
        >>> bytes_in("data:image/gif;base64,R0lGODlh")
        b'GIF89a'
    """
    data = _memory.find(uri)
    if data is None and (data := plain_base64(uri)) is not None:
        _memory.keep(uri, data)
    return data_uri_bytes(uri) if data is None else data


def is_written_as(uri: str, data: bytes, media_type: str) -> bool:
    """Whether a data URI is known to be just what `data_uri` would make of these bytes.

    It is asked once, when the URI is sent; then the bytes are forgotten here. False where it is not known.

    Example:
        >>> picture = bytes(20_000)
        >>> uri = data_uri(picture, "image/png")
        >>> is_written_as(uri, picture, "image/png"), is_written_as(uri, picture, "image/png")
        (True, False)
    """
    known = _memory.find(uri) is data and uri.startswith(f"data:{media_type};base64,")
    _memory.forget(uri)
    return known


def _start_anew() -> None:
    """After a fork: a lock may have been held by a thread that is not here."""
    _memory.__init__()  # type: ignore[misc]


_memory = _Memory()

if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_start_anew)
