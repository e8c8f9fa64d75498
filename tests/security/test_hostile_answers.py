"""Answers of a model or server that are made to hold up whoever reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from functools import partial
from typing import Any, TypeAlias

import pytest
from work_counts import calls_made

from vlm_core import VLMClient, VLMError
from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
from vlm_core.ocr.dialects.tables import tables_in
from vlm_core.ocr.dialects.wrapping import unwrapped
from vlm_core.ocr.loops import LoopDetector
from vlm_core.testing import ScriptedServer
from vlm_core.wire.error_body import page_title, parse_error_body
from vlm_core.wire.json_values import find_json
from vlm_core.wire.request import Request, ResponseOptions
from vlm_core.wire.response import StreamedAnswer
from vlm_core.wire.sse import EventDecoder
from vlm_core.wire.tool_calls import ToolCallAccumulator

Bounded: TypeAlias = Callable[[], AbstractContextManager[None]]
MANY = 20_000


def piece(arguments: str, **more: Any) -> dict[str, Any]:
    return {"index": 0, "function": {"arguments": arguments}, **more}


def first(arguments: str = "") -> dict[str, Any]:
    return {"index": 0, "id": "c", "function": {"name": "look", "arguments": arguments}}


def named(**more: Any) -> dict[str, Any]:
    return {"function": {"name": "look", "arguments": "{}"}, **more}


STREAMS: dict[str, list[dict[str, Any]]] = {
    "letters": [first('{"a":"'), *[piece("x")] * MANY, piece('"}')],
    "braces in a string": [first('{"a":"'), *[piece("}")] * MANY, piece('"}')],
    "objects in a list": [first('{"a":['), *[piece("{},")] * MANY, piece("{}]}")],
    "blanks before": [first(), *[piece(" ")] * MANY, piece("{}")],
    "blanks behind": [first('{"a":1}'), *[piece(" ")] * MANY],
    "all of it again": [first('{"a":1}'), *[piece('{"a":1}')] * MANY],
    "a long one, and braces": [first('{"a":"' + "x" * 10 * MANY + '"}'), *[piece("}")] * MANY],
    "a long one, and numbers": [first('{"a":"' + "x" * 10 * MANY + '"}'), *[piece("1")] * 1],
    "calls by index": [named(index=number, id=f"c{number}") for number in range(MANY // 4)],
    "calls without index": [named(id=f"c{number}") for number in range(MANY // 4)],
    "calls of one id": [named(index=number, id="c") for number in range(MANY // 4)],
    "backslashes": [first('{"a":"'), *[piece("\\")] * MANY, piece('"}')],
}


@pytest.mark.parametrize("pieces", STREAMS.values(), ids=STREAMS)
def test_tool_calls_are_gathered_in_bounded_time(pieces: list[dict[str, Any]], bounded: Bounded) -> None:
    gatherer = ToolCallAccumulator()
    with bounded():
        for one in pieces:
            gatherer.add([one])
        gatherer.flush()
        assert gatherer.calls()


def body_of(count: int) -> bytes:
    """A streamed answer whose one tool call comes in so many pieces."""
    pieces = [first('{"a":"'), *[piece("x")] * count, piece('"}')]
    deltas = [{"choices": [{"index": 0, "delta": {"tool_calls": [one]}}]} for one in pieces]
    ended = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    return b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in (*deltas, ended))


def read_in_pieces(body: bytes, count: int) -> None:
    """Read the answer of `body_of`, which is right."""
    lab = Endpoint(
        Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab.example/v1"
    )
    answer = StreamedAnswer(Request(b"", stream=True, reading=ResponseOptions()), lab)
    for start in range(0, len(body), 4096):
        answer.feed(body[start : start + 4096])
    (call,) = answer.finish().tool_calls
    assert call.arguments == '{"a":"' + "x" * count + '"}'


def test_the_work_for_tool_calls_in_pieces_grows_with_their_number_and_no_faster() -> None:
    few, many = (calls_made(partial(read_in_pieces, body_of(count), count)) for count in (1000, 10_000))
    assert many <= 11 * few


@pytest.mark.parametrize("count", [20_000, pytest.param(200_000, marks=pytest.mark.slow)])
def test_tool_calls_in_many_pieces_end_within_the_time(count: int, bounded: Bounded) -> None:
    """What it takes to understand them is counted within the time."""
    with ScriptedServer() as server:
        server.reply(headers={"content-type": "text/event-stream"}, body=body_of(count))
        client = VLMClient("m", base_url=server.base_url, api_key="k", max_attempts=1, timeout=1.0)
        with client, bounded(), suppress(VLMError):
            *_, answer = client.stream("What is it?")
            assert len(answer.tool_calls[0].arguments) == count + 8


READERS: dict[str, Callable[[], object]] = {
    "an event of single bytes": lambda: (
        [EventDecoder().feed(b"x") for _ in range(1)] and fed(EventDecoder(), [b"data: ", *[b"x"] * 200_000])
    ),
    "lines without an end": lambda: fed(EventDecoder(), [b"data: x\n"] * 100_000),
    "carriage returns": lambda: fed(EventDecoder(), [b"\r"] * 200_000),
    "braces": lambda: find_json('{"' * 200_000),
    "brackets": lambda: find_json("[" * 400_000),
    "objects among words": lambda: find_json('x{"a":1} ' * 20_000),
    "thoughts": lambda: find_json("<think>" * 60_000),
    "a number": lambda: find_json("[" + "1" * 400_000),
    "escapes": lambda: find_json('{"a":"' + "\\x" * 200_000),
    "end tokens": lambda: unwrapped("x" + "<|im_end|>" * 60_000, ("<|im_end|>",)),
    "fences": lambda: unwrapped("```\n" * 100_000),
    "tables without an end": lambda: tables_in("<table></table" * 60_000),
    "cells": lambda: tables_in("|" * 400_000 + "\n|-|\n" + "|" * 400_000),
    "titles": lambda: page_title(b"<title>" * 40_000),
    "tags": lambda: parse_error_body(b"<h1" * 100_000),
    "a loop of loops": lambda: LoopDetector().feed(("a" * 2000 + "b") * 100),
}


def fed(decoder: EventDecoder, pieces: list[bytes]) -> object:
    return [decoder.feed(one) for one in pieces]


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_an_answer_is_read_in_bounded_time(read: Callable[[], object], bounded: Bounded) -> None:
    with bounded():
        read()


@pytest.mark.parametrize("where", ["x-request-id", "request-id"])
@pytest.mark.parametrize("status", [200, 401, 500])
def test_a_key_that_comes_back_as_the_requests_id_is_hidden(where: str, status: int) -> None:
    key = "canary-key-5f1c9a"
    with ScriptedServer(api_key=key) as server:
        body = {"id": key, "error": {"message": "no"}} if status != 200 else {"id": key, "nothing": 1}
        server.reply(status=status, headers={where: f"req-{key}"}, json=body)
        client = VLMClient("m", base_url=server.base_url, api_key=key, max_attempts=1, timeout=5)
        with client, pytest.raises(VLMError) as caught:
            client.chat("What is it?")
    assert key not in str(vars(caught.value))
    assert caught.value.request_id is None or "req-" in caught.value.request_id
