"""Faults in the body of an answer with status 200."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from vlm_core.testing.connection import Connection
from vlm_core.testing.faults_sound import JSON, Change, Sound, Value, head, payload, written
from vlm_core.testing.replies import Answer, Response
from vlm_core.testing.seen import Seen

_BLOCK = 2**20
"""Bytes that a bomb unpacks at once."""
_LAST_BLOCK = b"\x03\x00"
"""An empty one, in DEFLATE."""


def say(seen: Seen, connection: Connection, **fields: Any) -> None:
    """Give an `Answer` with these fields, streamed or whole."""
    Answer(**fields).send(seen, connection)


def send_body(seen: Seen, connection: Connection, status: int, body: str) -> None:
    """Send JSON, or what passes for it, even where a stream was asked for."""
    Response(status, body, {"Content-Type": JSON}).send(seen, connection)


def send_error(seen: Seen, connection: Connection, message: str, code: int | str | None) -> None:
    """Send an error in place of an answer, under a status that says that all is well."""
    Response().with_json({"error": {"message": message, "code": code}}).send(seen, connection)


def send_half(seen: Seen, connection: Connection, text: str) -> None:
    """Send the first half of a whole answer, with that half's length."""
    body = written(Sound(text).whole(seen))
    connection.respond(200, body[: len(body) // 2], head(seen, JSON))


def send_with_choices(choices: Any, seen: Seen, connection: Connection, text: str) -> None:
    """Send a whole answer with other choices, even where a stream was asked for."""
    Response().with_json({**Sound(text).whole(seen), "choices": choices}).send(seen, connection)


def send_changed(change: Change, seen: Seen, connection: Connection, text: str) -> None:
    """Send an answer that was changed, streamed or whole."""
    answer = payload(seen, text, change)
    connection.respond(200, answer.body, head(seen, answer.kind))


def send_labelled(
    seen: Seen, connection: Connection, text: str, before: bytes = b"", charset: str = ""
) -> None:
    """Send a sound answer in UTF-8, behind other bytes or with another charset in its head."""
    answer = payload(seen, text)
    kind = f"{answer.kind}; charset={charset}" if charset else answer.kind
    connection.respond(200, before + answer.body, head(seen, kind))


def send_gzip(seen: Seen, connection: Connection, text: str, packed: bool) -> None:
    """Say that a sound answer is compressed, whether it is or not."""
    answer = payload(seen, text)
    body = gzip.compress(answer.body) if packed else answer.body
    connection.respond(200, body, head(seen, answer.kind, Content_Encoding="gzip"))


def send_bomb(seen: Seen, connection: Connection, unpacked_bytes: int) -> None:
    """Send a small body that unpacks into an enormous one; it is made as it goes out."""
    connection.begin(200, head(seen, JSON, Content_Encoding="gzip"))
    for piece in bomb(unpacked_bytes):
        connection.piece(piece)
    connection.end()


def say_much(seen: Seen, connection: Connection, characters: int) -> None:
    """Give a sound answer with a very long text."""
    line = "A line of sixty-four characters, as many as it takes to be long\n"
    lines, rest = divmod(characters, len(line) * 100)
    Answer(pieces=(line * 100,) * lines + (line * 100)[:rest, None][:1]).send(seen, connection)


def bomb(unpacked_bytes: int) -> Iterator[bytes]:
    """A gzip stream (RFC 1952) of blanks, a piece of about 1 KB for each megabyte of them.

    Example:
        >>> packed = b"".join(bomb(10 * 2**20))
        >>> len(packed) < 20_000, len(gzip.decompress(packed))
        (True, 10485760)
    """
    blanks = b" " * _BLOCK
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    # A full flush makes a block that stands by itself, so that it can be sent again and again.
    block = packer.compress(blanks) + packer.flush(zlib.Z_FULL_FLUSH)
    yield b"\x1f\x8b\x08\0\0\0\0\0\x02\xff"
    checksum = 0
    for _ in range(unpacked_bytes // _BLOCK):
        checksum = zlib.crc32(blanks, checksum)
        yield block
    size = unpacked_bytes // _BLOCK * _BLOCK
    yield _LAST_BLOCK + struct.pack("<II", checksum, size % 2**32)


# --- changes of an answer, or of each of its chunks


def without_text(value: Value) -> Value:
    """The content is null."""
    return _spoken(value, lambda content: None)


def in_parts(value: Value) -> Value:
    """The content is a list of parts."""
    return _spoken(value, lambda content: [{"type": "text", "text": content}] if content else [])


def with_null_usage(value: Value) -> Value:
    """The usage is null."""
    return {**value, "usage": None}


def with_nan(value: Value) -> Value:
    """There is a number that is none, which JSON does not know."""
    return {**value, "score": float("nan")}
