"""Faults in the body of an answer with status 200."""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from vlm_core.testing.connection import Connection
from vlm_core.testing.fault_parts import (
    JSON,
    UNICODE,
    Change,
    Fault,
    ValidResponse,
    Value,
    fault,
    head,
    payload,
    spoiled,
)
from vlm_core.testing.faults_status import send_page
from vlm_core.testing.replies import Answer, Response, as_json
from vlm_core.testing.seen import Seen

# Bytes that a bomb unpacks at once.
_BLOCK = 2**20
# An empty one, in DEFLATE.
_LAST_BLOCK = b"\x03\x00"


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
    body = as_json(ValidResponse(text).completion(seen))
    connection.respond(200, body[: len(body) // 2], head(seen, JSON))


def send_with_choices(choices: object, seen: Seen, connection: Connection, text: str) -> None:
    """Send a whole answer with other choices, even where a stream was asked for."""
    Response().with_json({**ValidResponse(text).completion(seen), "choices": choices}).send(seen, connection)


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
    block = "and so on " * 1000
    blocks, others = divmod(characters, len(block))
    Answer(pieces=(block,) * blocks + (block[:others],)).send(seen, connection)


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
    # With a wrong checksum it would be refused for that, and not for its size.
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
    """There is a number that is not one, which JSON does not have."""
    return {**value, "score": float("nan")}


def _spoken(value: Value, change: Callable[[str], Any]) -> Value:
    """The same value with another content in its message or delta."""
    return {**value, "choices": [_choice(choice, change) for choice in value["choices"]]}


def _choice(choice: Value, change: Callable[[str], Any]) -> Value:
    name = "message" if "message" in choice else "delta"
    message = choice[name]
    if "content" not in message:
        return choice
    return {**choice, name: {**message, "content": change(message["content"])}}


# --- the table


def _changed(number: int, does: str, change: Change) -> Fault:
    return spoiled(number, does, partial(send_changed, change))


FAULTS: Mapping[str, Fault] = {
    "no_content": fault(31, "Answers 204, which has no body.", send_body, status=204, body=""),
    "empty_body": fault(31, "Answers 200 with no body.", send_body, status=200, body=""),
    "error_inside": fault(
        32, "Answers 200, and the body is an error.", send_error, message="Provider returned error", code=502
    ),
    "html_200": fault(
        33, "Answers 200 with a web page.", send_page, status=200, title="Sign in to the guest network"
    ),
    "json_cut": spoiled(34, "Answers with half of the JSON, and says the half's length.", send_half),
    "choices_empty": spoiled(35, "Answers with choices [].", partial(send_with_choices, [])),
    "choices_null": spoiled(36, "Answers with choices null.", partial(send_with_choices, None)),
    "content_null": _changed(37, "Answers with content null.", without_text),
    "reasoning_only": spoiled(
        38, "Thinks, and says nothing.", say, text="", reasoning="The total is in the last line."
    ),
    "truncated": spoiled(39, "Stops at the limit of tokens.", say, finish_reason="length"),
    "content_filter": spoiled(40, "Stops for a content filter.", say, finish_reason="content_filter"),
    "refusal": spoiled(
        40, "Declines in the model's own words.", say, text="", refusal="I cannot help with that."
    ),
    "content_parts": _changed(41, "Gives the content as a list of parts.", in_parts),
    "usage_missing": spoiled(42, "Leaves the usage out.", say, usage={}),
    "usage_null": _changed(42, "Gives null for the usage.", with_null_usage),
    "byte_order_mark": spoiled(
        43, "Begins the body with a byte order mark.", send_labelled, before=b"\xef\xbb\xbf"
    ),
    "not_a_number": _changed(43, "Has NaN among the fields, which is not JSON.", with_nan),
    "wrong_charset": spoiled(
        43,
        "Names another charset than UTF-8, in which the body is.",
        send_labelled,
        UNICODE,
        charset="latin-1",
    ),
    "gzip_unasked": spoiled(44, "Compresses the answer, though not asked to.", send_gzip, packed=True),
    "gzip_untrue": spoiled(44, "Says that the answer is compressed; it is not.", send_gzip, packed=False),
    "gzip_bomb": fault(44, "Sends a megabyte that unpacks into a gigabyte.", send_bomb, unpacked_bytes=2**30),
    "other_model": spoiled(47, "Names another model than was asked.", say, model="another-vlm"),
    "long_answer": fault(48, "Gives ten million characters of text.", say_much, characters=10_000_000),
}
"""By name."""
