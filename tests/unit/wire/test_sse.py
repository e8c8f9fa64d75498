"""Event streams in every framing."""

from __future__ import annotations

import pytest

from vlm_core.errors import MalformedResponse
from vlm_core.wire.sse import Event, EventDecoder

A = ("", '{"a":1}')


def decode(*pieces: bytes) -> list[Event]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        pytest.param(b'data: {"a":1}\n\n', [A], id="LF"),
        pytest.param(b'data: {"a":1}\r\n\r\n', [A], id="CRLF"),
        pytest.param(b'data: {"a":1}\r\r', [A], id="CR"),
        pytest.param(b'data: {"a":1}\r\n\n', [A], id="mixed"),
        pytest.param(b'data:{"a":1}\n\n', [A], id="no space"),
        pytest.param(b'data:  {"a":1}\n\n', [("", ' {"a":1}')], id="two spaces"),
        pytest.param(b'\xef\xbb\xbfdata: {"a":1}\n\n', [A], id="BOM"),
        pytest.param(b'data: {"a":\ndata: 1}\n\n', [("", '{"a":\n1}')], id="two lines of data"),
        pytest.param(b'data:\ndata: {"a":1}\n\n', [("", '\n{"a":1}')], id="an empty line of data before"),
        pytest.param(b'data\ndata: {"a":1}\n\n', [A], id="a field without a colon is passed over"),
        pytest.param(b': ping\n\n: ping\ndata: {"a":1}\n\n', [A], id="comments"),
        pytest.param(b'id: 7\n\n: ping\n\ndata: {"a":1}\n\n', [A], id="an id before a comment"),
        pytest.param(b'id: 1\nretry: 9\nnews: x\ndata: {"a":1}\n\n', [A], id="other fields"),
        pytest.param(b'data: \n\ndata:\n\ndata: {"a":1}\n\n', [A], id="blank data"),
        pytest.param(b'data: : keepalive\n\ndata: {"a":1}\n\n', [A], id="a comment as data"),
        pytest.param(b'event: error\ndata: {"a":1}\n\n', [("error", '{"a":1}')], id="an event with a type"),
        pytest.param(b'data: {"a":1}\nevent:error\n\n', [("error", '{"a":1}')], id="the type behind"),
        pytest.param(b"event: error\n\n", [("error", "")], id="an error without data"),
        pytest.param(b"event: ping\n\ndata: x\n\n", [("", "x")], id="a type holds for one event"),
        pytest.param(b'data: {"a":1}\n\ndata: [DONE]\n\n', [A, ("", "[DONE]")], id="two events"),
        pytest.param(b'data: {"a":1}\n\n\n\n\ndata: x\n\n', [A, ("", "x")], id="more blank lines"),
        pytest.param(b'{"a":1}\n\ndata: x\n\n', [A, ("", "x")], id="bare JSON"),
        pytest.param(b'{"a":\n1}\n\n', [("", '{"a":\n1}')], id="bare JSON, on two lines"),
        pytest.param(b'{"a":1}\n: ping\n\n', [A], id="bare JSON, then a comment"),
        pytest.param(b'{"a":1}\nid: 7\n\n', [A], id="bare JSON, then a field"),
        pytest.param(b'event: error\n{"a":1}\n\n', [("error", '{"a":1}')], id="bare JSON, of a type"),
        pytest.param(b'data: x\n{"a":1}\n\n', [("", 'x\n{"a":1}')], id="bare JSON, after data"),
        pytest.param(b'{"a":1}', [A], id="bare JSON, at the end"),
        pytest.param(b"data: [DONE]", [("", "[DONE]")], id="no end of line"),
        pytest.param(b"data: [DONE]\n", [("", "[DONE]")], id="no blank line"),
        pytest.param(
            "data: a\u2028b\u0085c\x0bd\x0c\n\n".encode(), [("", "a\u2028b\u0085c\x0bd\x0c")], id="U+2028"
        ),
        pytest.param(b"data: \xff\n\n", [("", "\ufffd")], id="no UTF-8"),
        pytest.param("data: 😀\n\n".encode(), [("", "😀")], id="an emoji"),
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\n\n\n", [], id="blank lines"),
        pytest.param(b": ping", [], id="a comment"),
    ],
)
class TestFraming:
    def test_read_at_once(self, stream: bytes, events: list[Event]) -> None:
        assert decode(stream) == events

    def test_read_byte_by_byte(self, stream: bytes, events: list[Event]) -> None:
        assert decode(*(stream[at : at + 1] for at in range(len(stream)))) == events


@pytest.mark.parametrize(
    ("stream", "count"),
    [
        pytest.param(b"data:\n\n", 1, id="blank data"),
        pytest.param(b"data: : ping\n\n", 1, id="a comment as data"),
        pytest.param(b"event: ping\n\n", 1, id="a type alone"),
        pytest.param(b": ping\n\n", 0, id="a comment"),
        pytest.param(b"id: 7\n\n", 0, id="an id"),
        pytest.param(b"\n\n\n", 0, id="blank lines"),
        pytest.param(b'data: {"a":1}\n\n', 0, id="an event"),
    ],
)
def test_events_with_nothing_in_them_are_counted(stream: bytes, count: int) -> None:
    decoder = EventDecoder()
    decoder.feed(stream)
    assert decoder.empty_events == count


def test_an_event_is_given_with_its_last_byte() -> None:
    decoder = EventDecoder()
    assert decoder.feed(b"data: x\n") == []
    assert decoder.feed(b"\n") == [("", "x")]


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b"x" * 50, id="one line"),
        pytest.param(b"data: " + b"x" * 43 + b"\n", id="many lines of data"),
    ],
)
def test_an_event_without_an_end_is_not_kept_for_ever(piece: bytes) -> None:
    decoder = EventDecoder(max_event_bytes=1000)
    for _ in range(20):
        decoder.feed(piece)
    with pytest.raises(MalformedResponse, match="One event of the stream has more than 1,000 bytes"):
        decoder.feed(piece)


@pytest.mark.parametrize(
    "piece",
    [
        pytest.param(b": ping\n\n", id="comments"),
        pytest.param(b": ping\n", id="comments without blank lines"),
        pytest.param(b"data: x\n\ndata: y", id="events, the last one cut"),
        pytest.param(b"data: x\n\ndata: y\n", id="events, the last one open"),
        pytest.param(b'data: {"a":1}\n\n', id="events, one by one"),
    ],
)
def test_many_small_events_are_no_large_one(piece: bytes) -> None:
    decoder = EventDecoder(max_event_bytes=100)
    for _ in range(50):
        decoder.feed(piece * 20)
        decoder.feed(b"\n\n")
