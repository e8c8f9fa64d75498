"""Faults of the connection: what breaks off, falls silent or never was HTTP."""

from __future__ import annotations

from collections.abc import Mapping

from vlm_core.testing.connection import Connection
from vlm_core.testing.fault_parts import EVENTS, JSON, Fault, Payload, event, fault, head, payload, spoiled
from vlm_core.testing.replies import Answer
from vlm_core.testing.seen import Seen


def reset(seen: Seen, connection: Connection) -> None:
    """Break off with a TCP reset before anything is sent."""
    connection.reset()


def close(seen: Seen, connection: Connection) -> None:
    """Close in good order before anything is sent."""
    connection.last = True


def send_raw(seen: Seen, connection: Connection, data: bytes) -> None:
    """Send bytes as they are, and close."""
    connection.last = True
    connection.send(data)


def say_nothing(seen: Seen, connection: Connection, seconds: float) -> None:
    """Keep the connection open, and close it in the end."""
    connection.last = True
    connection.wait(seconds)


def begin_late(seen: Seen, connection: Connection, text: str, seconds: float) -> None:
    """Send the head at once, and a sound answer after a while."""
    answer = payload(seen, text)
    connection.begin(200, head(seen, answer.kind))
    connection.wait(seconds)
    for piece in answer.pieces:
        connection.piece(piece)
    connection.end()


def drip(seen: Seen, connection: Connection, text: str, seconds: float) -> None:
    """Send a sound answer byte by byte, with a pause before each."""
    answer = payload(seen, text)
    connection.send(_announced(seen, answer))
    for byte in answer.body:
        connection.wait(seconds)
        connection.send(bytes([byte]))


def cut_body(seen: Seen, connection: Connection, text: str, after: int) -> None:
    """Announce the length of the whole body, send its beginning, and close."""
    connection.last = True
    answer = payload(seen, text)
    connection.send(_announced(seen, answer) + answer.start(after))


def cut_chunk(seen: Seen, connection: Connection, text: str, after: int) -> None:
    """Announce a chunk of the body, send a part of it, and close."""
    _begin(seen, connection, text, after)
    connection.send(b'400\r\ndata: {"choices"')


def reset_later(seen: Seen, connection: Connection, text: str, after: int) -> None:
    """Send the beginning of an answer, and break off with a TCP reset."""
    _begin(seen, connection, text, after)
    connection.reset()


def stall(seen: Seen, connection: Connection, text: str, after: int, seconds: float) -> None:
    """Send the beginning of an answer, fall silent, and close in the end."""
    _begin(seen, connection, text, after)
    connection.wait(seconds)


def keep_alive(seen: Seen, connection: Connection, text: str, after: int, seconds: float, beats: int) -> None:
    """Send the beginning of a stream, and then nothing but comments; a whole answer is sound."""
    if not seen.stream:
        return Answer(text).send(seen, connection)
    _begin(seen, connection, text, after)
    for _ in range(beats):
        connection.wait(seconds)
        connection.piece(b": keep-alive\n\n")
    return None


def flood(seen: Seen, connection: Connection, max_bytes: int) -> None:
    """Send an answer without an end, until the client leaves."""
    connection.last = True
    word = "and so on " * 50_000
    begins = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"'
    piece = event({"choices": [{"index": 0, "delta": {"content": word}}]}) if seen.stream else word.encode()
    connection.begin(200, head(seen, EVENTS if seen.stream else JSON))
    if not seen.stream:
        connection.piece(begins)
    for _ in range(max_bytes // len(piece)):
        connection.wait(0)  # ends where the server stops
        connection.piece(piece)


def _begin(seen: Seen, connection: Connection, text: str, after: int) -> None:
    connection.last = True
    answer = payload(seen, text)
    connection.begin(200, head(seen, answer.kind))
    connection.piece(answer.start(after))


def _announced(seen: Seen, answer: Payload) -> bytes:
    lines = {**head(seen, answer.kind), "Content-Length": str(len(answer.body))}
    return "".join(["HTTP/1.1 200 OK\r\n", *(f"{k}: {v}\r\n" for k, v in lines.items()), "\r\n"]).encode()


FAULTS: Mapping[str, Fault] = {
    "reset_before_headers": fault(2, "Breaks off with a TCP reset before anything is sent.", reset),
    "close_before_headers": fault(3, "Closes the connection before anything is sent.", close),
    "not_http": fault(4, "Sends what is not HTTP.", send_raw, data=b"SSH-2.0-OpenSSH_9.9\r\n\0\xff\xfe"),
    "never_answers": fault(5, "Says nothing, and closes after a while.", say_nothing, seconds=2.0),
    "late_first_token": spoiled(
        5, "Sends the head at once, and the sound answer after a while.", begin_late, seconds=2.0
    ),
    "drips": spoiled(6, "Sends a sound answer byte by byte, with pauses.", drip, seconds=0.05),
    "body_cut": spoiled(7, "Announces a longer body than it sends.", cut_body, after=2),
    "chunk_cut": spoiled(8, "Closes in the middle of a chunk of the body.", cut_chunk, after=2),
    "reset_in_body": spoiled(9, "Breaks off with a TCP reset amid the answer.", reset_later, after=2),
    "stalls": spoiled(
        10, "Falls silent amid the answer, and closes after a while.", stall, after=2, seconds=2.0
    ),
    "stream_only_comments": spoiled(
        56,
        "Sends the beginning of a stream, and then only comments. A whole answer is sound.",
        keep_alive,
        after=2,
        seconds=0.05,
        beats=40,
    ),
    "endless": fault(48, "Gives an answer without an end, up to a gigabyte.", flood, max_bytes=2**30),
}
"""By name. An answer breaks off behind `after` pieces of text; a whole one in the middle."""
