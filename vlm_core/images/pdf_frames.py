"""How the PDF worker and its parent talk: a JSON header and raw bytes, each with its length in front."""

from __future__ import annotations

import json
import struct
from contextlib import suppress
from typing import IO, Any, TypeAlias

Frame: TypeAlias = tuple[dict[str, Any], bytes]
_LENGTHS = struct.Struct(">IQ")
_PIPE_BYTES = 1 << 20


def widen(stream: IO[bytes]) -> None:
    """Let a pipe hold more, where the system can do that: a page comes in one piece then."""
    with suppress(ImportError, AttributeError, OSError):  # Windows, macOS, or the user has too many
        import fcntl

        fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


def write_frame(stream: IO[bytes], header: dict[str, Any], payload: Any = b"") -> None:
    """Send one frame.

    Args:
        stream: where to, buffered.
        header: anything JSON can hold.
        payload: bytes, or any buffer of single bytes such as a ctypes array, sent as it is.

    Raises:
        OSError: the other side has gone.
    """
    encoded = json.dumps(header).encode()
    stream.write(_LENGTHS.pack(len(encoded), len(payload)))
    stream.write(encoded)
    stream.write(payload)
    stream.flush()


def read_frame(stream: IO[bytes]) -> Frame:
    """Receive one frame: its header and its payload.

    Raises:
        EOFError: the other side has gone, before the frame or in the midst of it.
    """
    header_length, payload_length = _LENGTHS.unpack(_read(stream, _LENGTHS.size))
    header: dict[str, Any] = json.loads(_read(stream, header_length))
    return header, _read(stream, payload_length)


def _read(stream: IO[bytes], length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data
