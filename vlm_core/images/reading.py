"""Bytes from files, open files and data URIs; or an InputError that says what is wrong and what to do."""

from __future__ import annotations

import binascii
import difflib
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote_to_bytes

from vlm_core.errors import DocumentNotFoundError, InputError, UnsupportedImageError
from vlm_core.images.sniff import sniff

Fetch: TypeAlias = Callable[[], bytes]

_FROM_URL_SAFE = bytes.maketrans(b"-_", b"+/")
_NAMES_COMPARED = 10_000
_LARGE_BYTES = 32 << 20
_HEAD_BYTES = 4096
# Seconds within which a file may change without its time stamp telling; FAT's is the coarsest.
_CLOCK_GRAIN = 2.0


def fetched(name: str, fetch: Fetch) -> bytes:
    """What `fetch` returns, which must be some bytes.

    Args:
        name: what to call it in errors.
        fetch: reads or downloads it.

    Raises:
        DocumentNotFoundError: it is missing.
        InputError: it is a folder, not permitted, or open for text.
        UnsupportedImageError: it is empty.

    Example:
        >>> fetched("a.png", lambda: b"bytes")
        b'bytes'
    """
    try:
        data = fetch()
    except (OSError, ValueError) as error:  # ValueError: a null byte in a path, a closed file
        raise unreadable(name, error) from error
    except MemoryError as error:
        raise InputError(f"{short(name)} does not fit into memory") from error
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise open_for_text(name)
    if not data:
        raise UnsupportedImageError(f"{short(name)} is empty", hint="Get it again: it holds no bytes.")
    return bytes(data)


def file_stamp(found: os.stat_result) -> tuple[int, ...] | None:
    """What tells a file from what it was before; None where that cannot be relied upon.

    Args:
        found: what the system says of the file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryFile() as just_made:
        ...     print(file_stamp(os.fstat(just_made.fileno())))
        None
    """
    if time.time() - max(found.st_mtime, found.st_ctime) < _CLOCK_GRAIN:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def file_bytes(path: str) -> bytes:
    """All of a file, which may be a pipe but no device, since some of these never end."""
    mode = os.stat(path).st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):
        raise OSError("it is a device")
    return Path(path).read_bytes()


def picture_length(path: Path) -> int:
    """How many bytes a file has, where it is told before it is read; 0 for a PDF.

    Example:
        >>> picture_length(Path("missing.png"))
        0
    """
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode):
            return 0
        with path.open("rb") as file:
            return 0 if sniff(file.read(_HEAD_BYTES)) == "PDF" else found.st_size
    except (OSError, ValueError):  # which will be told when it is read
        return 0


def is_large_pdf(path: Path) -> bool:
    """Whether a file is a PDF that is better read piece by piece than held in memory.

    Example:
        >>> is_large_pdf(Path("missing.pdf"))
        False
    """
    try:
        found = os.stat(path)
        if not stat.S_ISREG(found.st_mode) or found.st_size < _LARGE_BYTES:
            return False
        with path.open("rb") as file:
            return sniff(file.read(_HEAD_BYTES)) == "PDF"
    except (OSError, ValueError):  # which will be told when it is read
        return False


def rest_of(file: Any) -> Any:
    """What an open file holds from where it stands, which is where it is left if it can be."""
    seekable = getattr(file, "seekable", None)
    if seekable is None or not seekable():
        return file.read()
    start = file.tell()
    try:
        return file.read()
    finally:
        file.seek(start)


def data_uri_bytes(uri: str) -> bytes:
    """What a data URI holds (RFC 2397), be it of base64 or percent signs.

    Raises:
        ValueError: it is damaged.

    Example:
        >>> data_uri_bytes("data:image/png;base64,iVBORw"), data_uri_bytes("data:,a%20b")
        (b'\\x89PNG', b'a b')
    """
    header, comma, payload = uri.partition(",")
    if not comma:
        raise ValueError("it has no comma")
    data = unquote_to_bytes(payload)
    if not header.lower().endswith(";base64"):
        return data
    data = b"".join(data.split()).rstrip(b"=").translate(_FROM_URL_SAFE)
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4), strict_mode=True)


def plain_base64(uri: str) -> bytes | None:
    """What a data URI holds, where that is base64 as RFC 4648 has it, without a blank or a sign beside it.

    Example:
        >>> plain_base64("data:image/png;base64,/w=="), plain_base64("data:image/png;base64,_w")
        (b'\\xff', None)
    """
    header, comma, payload = uri.partition(",")
    if comma and header[-7:].lower() == ";base64":
        with suppress(ValueError):
            return binascii.a2b_base64(payload, strict_mode=True)
    return None


def unreadable(name: str, error: Exception) -> InputError:
    """The InputError for what Python raised."""
    if isinstance(error, FileNotFoundError):
        return _missing(name)
    problem = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return InputError(f"{short(name)} cannot be read: {problem}")


def is_missing(error: BaseException | None) -> bool:
    """Whether a document could not be read because there is none.

    Example:
        >>> is_missing(nothing_there("a*.png matches no file", "")), is_missing(InputError("it is cut short"))
        (True, False)
    """
    return isinstance(error, InputError) and isinstance(error.__cause__, FileNotFoundError)


def nothing_there(message: str, hint: str) -> InputError:
    """The InputError for what stands for no file at all."""
    error = InputError(message, hint=hint)
    error.__cause__ = FileNotFoundError(message)
    return error


def open_for_text(name: str) -> InputError:
    """The InputError for a file that gives text where bytes are needed."""
    return InputError(f"{short(name)} does not give bytes", hint='Open files for bytes: open(path, "rb")')


def short(name: str) -> str:
    """A name for a message, of at most 200 characters."""
    return (name if len(name) <= 200 else name[:200] + "…") or "the empty path"


def _missing(name: str) -> InputError:
    folder, file = os.path.split(os.path.expanduser(name))
    if not os.path.isdir(folder or "."):
        return DocumentNotFoundError(f"{short(name)} does not exist, nor does its folder")
    near: list[str] = []
    with suppress(OSError), os.scandir(folder or ".") as entries:
        names = [entry.name for entry in islice(entries, _NAMES_COMPARED)]
        near = difflib.get_close_matches(file, sorted(names), n=1)
    hint = f"Did you mean {os.path.join(folder, near[0])}?" if near else ""
    return DocumentNotFoundError(f"{short(name)} does not exist", hint=hint)
