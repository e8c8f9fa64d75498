"""Streams, cut anywhere and holding anything."""

from __future__ import annotations

import contextlib
import json
from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
from vlm_core.completion import Completion, Delta
from vlm_core.errors import VLMError
from vlm_core.wire.request import Request, ResponseOptions
from vlm_core.wire.response import StreamedAnswer, read_completion
from vlm_core.wire.sse import Event, EventDecoder

LAB = Endpoint(Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab.example/v1")

LINES = st.sampled_from(
    [
        *(b"data: {}", b"data:{}", b"data: x", b"data: : ping", b"data:", b"data", b": ping", b"id: 1"),
        *(b"event: error", b"event:a", b"", b"", "data: é\u2028😀".encode(), b"data: \xff"),
        *(b"\xef\xbb\xbfdata: y", b"data: [DONE]"),
    ]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n", b"\n\n"]))).map(
    lambda lines: b"".join(line + end for line, end in lines)
)
TEXTLESS = st.sampled_from(
    [
        *(b"data: null", b"data:", b"data: : ping", b"event: ping", b"data: ping", b'data: {"type": "ping"}'),
        *(b"data: <html></html>", b"data: []", b"event: heartbeat\ndata: 17:04", b"data: {}"),
    ]
)
READINGS = st.builds(ResponseOptions, strip_fence=st.booleans(), may_think=st.booleans())
# Letters that tags and fences are made of come often.
TEXTS = st.text(st.sampled_from("<>/think`json\n 😀é{}"), max_size=40) | st.text(max_size=20)
CHUNKS = st.lists(
    st.fixed_dictionaries(
        {"content": st.none() | TEXTS},
        optional={"reasoning": st.none() | TEXTS, "role": st.just("assistant")},
    )
)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in pairwise(marks)]


def decode(pieces: list[bytes]) -> list[Event]:
    decoder = EventDecoder()
    return [event for piece in pieces for event in decoder.feed(piece)] + decoder.finish()


def stream_of(deltas: list[dict[str, str | None]]) -> bytes:
    chunks = [{"choices": [{"delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({"choices": [{"delta": {}, "finish_reason": "stop"}]})
    return (
        b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"
    )


def outcome(pieces: list[bytes], reading: ResponseOptions) -> tuple[list[Delta], Completion | str]:
    answer = StreamedAnswer(Request(b"", stream=True, reading=reading), LAB)
    deltas: list[Delta] = []
    try:
        for piece in pieces:
            deltas += answer.feed(piece)
        return deltas, answer.finish()
    except VLMError as error:
        return deltas, f"{type(error).__name__}: {error} {getattr(error, 'partial', '')}"


@given(STREAMS | st.binary(), st.lists(st.integers(0, 10_000)))
@example(b"data:\ndata: {}\n\n", [6])
@example(b"data: {}\r\n\r\ndata: {}\n\n", [9, 11])
@example(b"data: x\n\ndata:\ndata: {}\n\n", [15])
@example(b"data: a\rid: 1\ndata: b\n\n", [13])
def test_events_do_not_depend_on_how_bytes_are_cut(data: bytes, places: list[int]) -> None:
    assert decode(cut(data, places)) == decode([data])


@given(CHUNKS, READINGS, st.lists(st.integers(0, 10_000)))
def test_an_answer_does_not_depend_on_how_bytes_are_cut(
    deltas: list[dict[str, str | None]], reading: ResponseOptions, places: list[int]
) -> None:
    data = stream_of(deltas)
    assert outcome(cut(data, places), reading) == outcome([data], reading)


@given(CHUNKS, READINGS)
def test_the_pieces_make_up_the_whole(deltas: list[dict[str, str | None]], reading: ResponseOptions) -> None:
    pieces, whole = outcome([stream_of(deltas)], reading)
    if isinstance(whole, Completion):
        assert "".join(piece.text for piece in pieces) == whole.text
        assert "".join(piece.reasoning for piece in pieces).strip() == whole.reasoning


@given(st.lists(TEXTS), st.booleans())
def test_a_text_is_read_the_same_in_one_piece_and_in_many(texts: list[str], strip_fence: bool) -> None:
    reading = ResponseOptions(strip_fence=strip_fence, may_think=True)
    many = outcome([stream_of([{"content": text} for text in texts])], reading)[1]
    one = outcome([stream_of([{"content": "".join(texts)}])], reading)[1]
    assert (
        (many.text, many.reasoning) == (one.text, one.reasoning)
        if isinstance(one, Completion)
        else many == one
    )  # type: ignore[union-attr]


@given(CHUNKS, READINGS, st.lists(st.tuples(st.integers(0, 99), TEXTLESS), min_size=1, max_size=5))
def test_events_without_text_change_nothing_but_the_warnings(
    deltas: list[dict[str, str | None]], reading: ResponseOptions, extras: list[tuple[int, bytes]]
) -> None:
    sound = stream_of(deltas).split(b"\n\n")[:-1]
    mixed = list(sound)
    for place, extra in extras:
        mixed.insert(place % len(sound), extra)  # [DONE] stays the last
    expected, got = (outcome([b"\n\n".join([*events, b""])], reading) for events in (sound, mixed))
    assert got[0] == expected[0]
    if isinstance(expected[1], Completion):
        assert isinstance(got[1], Completion)
        assert got[1].text == expected[1].text
        assert f"{len(extras)} events without text" in got[1].warnings[-1]
    else:
        assert got[1] == expected[1]


# An answer that is nothing but the beginning of a thought is an empty one.
@given(
    TEXTS.filter(lambda text: bool(text.strip()) and not text.lstrip().startswith("<")),
    st.lists(STREAMS | st.binary() | TEXTLESS),
    st.lists(st.integers(0, 10_000)),
)
def test_what_comes_after_the_end_takes_nothing_away(text: str, rest: list[bytes], places: list[int]) -> None:
    whole = stream_of([{"content": text}])
    with_end = whole[: whole.index(b"data: [DONE]")]
    expected = outcome([whole], ResponseOptions())[1]
    assert isinstance(expected, Completion)
    got = outcome([with_end, *cut(b"".join(rest), places)], ResponseOptions())[1]
    assert isinstance(got, Completion)
    assert got.text == expected.text


@given(st.lists(STREAMS | st.binary()), READINGS)
def test_a_stream_of_anything_raises_only_our_errors(pieces: list[bytes], reading: ResponseOptions) -> None:
    outcome(pieces, reading)


@given(st.binary() | STREAMS)
def test_a_body_of_anything_raises_only_our_errors(body: bytes) -> None:
    with contextlib.suppress(VLMError):
        read_completion(body, Request(b""), LAB)
