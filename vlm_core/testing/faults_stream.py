"""Faults of a stream's events. Each is a function from sound chunks to what is sent in their place."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeAlias

from vlm_core.testing.connection import Connection
from vlm_core.testing.fault_parts import (
    DONE,
    EVENTS,
    TEXT,
    UNICODE,
    Act,
    Fault,
    ValidResponse,
    Value,
    event,
    head,
    spoiled,
)
from vlm_core.testing.faults_status import send_page
from vlm_core.testing.replies import Answer, Response, as_json
from vlm_core.testing.seen import Seen

Spoil: TypeAlias = Callable[..., Iterable[bytes]]


def _send(spoil: Spoil, seen: Seen, connection: Connection, text: str, **settings: object) -> None:
    """Spoil a stream; what `spoil` yields goes out piece by piece."""
    if not seen.stream:
        return Answer(text).send(seen, connection)
    connection.begin(200, head(seen, EVENTS))
    for piece in spoil(ValidResponse(text).chunks(seen), **settings):
        connection.piece(piece)
    return connection.end()


def whole_instead(seen: Seen, connection: Connection, text: str) -> None:
    """Send a whole answer though a stream was asked for."""
    Response().with_json(ValidResponse(text).completion(seen)).send(seen, connection)


def page_instead(seen: Seen, connection: Connection, text: str) -> None:
    """Send a web page where a stream was asked for; a whole answer is sound."""
    if not seen.stream:
        return Answer(text).send(seen, connection)
    return send_page(seen, connection, 200, "Sign in to the guest network")


# --- ends


def ends_early(chunks: Sequence[Value], after: int) -> Iterator[bytes]:
    """The stream ends in good order, and the answer does not."""
    yield from map(event, chunks[: 1 + after])


def without_done(chunks: Sequence[Value]) -> Iterator[bytes]:
    """There is a finish_reason, and no [DONE]."""
    yield from map(event, chunks)


def without_finish_reason(chunks: Sequence[Value]) -> Iterator[bytes]:
    """There is a [DONE], and no finish_reason."""
    for chunk in chunks:
        if not any(choice["finish_reason"] for choice in chunk["choices"]):
            yield event(chunk)
    yield DONE


def goes_on(chunks: Sequence[Value], more: str) -> Iterator[bytes]:
    """Something comes behind [DONE]."""
    yield from map(event, chunks)
    yield DONE
    yield event({**chunks[0], "choices": [{"index": 0, "delta": {"content": more}, "finish_reason": None}]})


# --- errors and damage on the way


def with_error(kind: str, chunks: Sequence[Value], after: int, error: object) -> Iterator[bytes]:
    """An error comes in place of the rest."""
    yield from map(event, chunks[: 1 + after])
    yield (b"event: %b\n" % kind.encode() if kind else b"") + event(error)


def damaged(chunks: Sequence[Value], after: int) -> Iterator[bytes]:
    """One event is cut short; the others are sound."""
    for number, chunk in enumerate(chunks):
        sound = event(chunk)
        yield sound[: len(sound) // 2] + b"\n\n" if number == 1 + after else sound
    yield DONE


# --- what is unusual, and no error


def commented(chunks: Sequence[Value]) -> Iterator[bytes]:
    """Comments, names and blank data lie between the events."""
    for chunk in chunks:
        yield b": keep-alive\n\n"
        yield b"id: 7\nretry: 1000\n" + event(chunk)
    yield b":\n\n" + DONE


def with_crlf(chunks: Sequence[Value]) -> Iterator[bytes]:
    """Lines end with CRLF, and no blank stands behind the colon."""
    for chunk in chunks:
        yield b"data:" + as_json(chunk) + b"\r\n\r\n"
    yield b"data:[DONE]\r\n\r\n"


def on_many_lines(chunks: Sequence[Value]) -> Iterator[bytes]:
    """The data of each event is spread over lines."""
    for chunk in chunks:
        lines = json.dumps(chunk, indent=1, ensure_ascii=False).encode().split(b"\n")
        yield b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
    yield DONE


def in_single_bytes(chunks: Sequence[Value]) -> Iterator[bytes]:
    """Each byte is sent by itself, and so are those of one character."""
    for chunk in chunks:
        yield from (bytes([byte]) for byte in event(chunk))
    yield DONE


def plain(chunks: Sequence[Value]) -> Iterator[bytes]:
    """A sound stream."""
    yield from map(event, chunks)
    yield DONE


def between_empty_chunks(choices: object, chunks: Sequence[Value]) -> Iterator[bytes]:
    """Chunks without a choice come before each other one."""
    for chunk in chunks:
        yield event({**chunk, "choices": choices})
        yield event(chunk if chunk["choices"] else {**chunk, "choices": choices})
    yield DONE


# --- the table

_ERROR = {"message": "Provider returned error", "code": 502}


def _streamed(number: int, does: str, spoil: Spoil, text: str = TEXT, **settings: object) -> Fault:
    act: Act = partial(_send, spoil)
    return spoiled(number, f"{does} A whole answer is sound.", act, text, **settings)


def _failing(number: int, does: str, kind: str, error: object) -> Fault:
    return _streamed(number, does, partial(with_error, kind), after=2, error=error)


FAULTS: Mapping[str, Fault] = {
    "stream_ends_early": _streamed(49, "Ends the stream before the answer has ended.", ends_early, after=2),
    "stream_without_done": _streamed(50, "Ends the stream without [DONE].", without_done),
    "stream_without_finish_reason": _streamed(
        51, "Ends the stream without a finish_reason.", without_finish_reason
    ),
    "stream_error": _failing(52, "Sends an error in place of the rest.", "", {"error": _ERROR}),
    "stream_error_event": _failing(53, "Sends an event of type error instead.", "error", _ERROR),
    "stream_error_string": _failing(
        54, "Sends an error that is a mere string.", "", {"error": "upstream failed"}
    ),
    "stream_damaged": _streamed(55, "Cuts one event short; the others are sound.", damaged, after=2),
    "stream_comments": _streamed(56, "Sends comments and other fields between the events.", commented),
    "stream_crlf": _streamed(57, "Ends lines with CRLF, and leaves out the blank.", with_crlf),
    "stream_lines": _streamed(58, "Spreads the data of each event over many lines.", on_many_lines),
    "stream_single_bytes": _streamed(59, "Sends each byte by itself.", in_single_bytes, UNICODE),
    "stream_separators": _streamed(
        60, "Has U+2028 and U+0085 in the text, which end no line.", plain, "one\u2028two \x85three"
    ),
    "stream_choices_null": _streamed(
        61, "Has chunks with choices null.", partial(between_empty_chunks, None)
    ),
    "stream_choices_empty": _streamed(61, "Has chunks with choices [].", partial(between_empty_chunks, [])),
    "stream_as_json": spoiled(62, "Gives a whole answer though a stream was asked for.", whole_instead),
    "stream_as_html": spoiled(62, "Gives a web page where a stream was asked for.", page_instead),
    "stream_goes_on": _streamed(63, "Sends more text behind [DONE].", goes_on, more="not part of it"),
}
"""By name. An answer goes wrong behind `after` pieces of text."""
