"""Streamed answers: what each piece adds, what the whole is, and how a stream may break."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vlm_core.catalog.routes import Endpoint
from vlm_core.completion import Completion, Delta, ToolCall, ToolCallDelta
from vlm_core.errors import (
    EmptyOutput,
    IncompleteResponse,
    MalformedResponse,
    RateLimited,
    ServerError,
    VLMError,
)
from vlm_core.types import Usage
from vlm_core.wire.request import Request, ResponseOptions
from vlm_core.wire.response import StreamedAnswer, is_whole

DONE = b"data: [DONE]\n\n"


def event(value: Any) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def chunk(finish_reason: Any = None, **delta: Any) -> bytes:
    return event({"id": "x", "model": "m", "choices": [{"delta": delta, "finish_reason": finish_reason}]})


def say(text: str) -> bytes:
    return chunk(content=text)


END = chunk("stop")


def start(lab: Endpoint, reading: ResponseOptions | None = None) -> StreamedAnswer:
    return StreamedAnswer(
        Request(b"", stream=True, reading=reading or ResponseOptions()), lab, {"x-request-id": "r"}
    )


def read(
    lab: Endpoint, *pieces: bytes, reading: ResponseOptions | None = None
) -> tuple[list[Delta], Completion]:
    stream = start(lab, reading)
    deltas = [delta for piece in pieces for delta in stream.feed(piece)]
    return deltas, stream.finish()


def texts(deltas: list[Delta]) -> list[str]:
    return [delta.text for delta in deltas]


def failure(lab: Endpoint, *pieces: bytes) -> VLMError:
    with pytest.raises(VLMError) as caught:
        read(lab, *pieces)
    return caught.value


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        pytest.param([say("a"), say("b"), END, DONE], "ab", id="as it should be"),
        pytest.param([say("a"), END], "a", id="no [DONE]"),
        pytest.param([say("a"), DONE], "a", id="no finish_reason"),
        pytest.param([say("a"), END.rstrip()], "a", id="no blank line at the end"),
        pytest.param([say("a"), DONE.rstrip()], "a", id="no line end behind [DONE]"),
        pytest.param([chunk("stop", content="a"), DONE], "a", id="text in the last chunk"),
        pytest.param([say("a"), END, b'data: {"usage": {"prom'], "a", id="cut behind the end"),
        pytest.param([chunk(role="assistant", content=""), say("a"), END], "a", id="a role first"),
        pytest.param([event({"choices": []}), say("a"), END], "a", id="no choices first"),
        pytest.param([event({"choices": None}), say("a"), END], "a", id="choices null"),
        pytest.param([event({"choices": [{"index": 0}]}), say("a"), END], "a", id="no delta"),
        pytest.param([chunk(content=None), say("a"), END], "a", id="content null"),
        pytest.param([event({"type": "ping"}), say("a"), END], "a", id="ping"),
        pytest.param([b": wait\n\n", say("a"), b"data: \n\n", END], "a", id="keep-alives"),
        pytest.param([b"\n\n \r\n", say("a"), END], "a", id="blank lines first"),
        pytest.param([b"\xef\xbb", b"\xbf" + say("a"), END], "a", id="BOM, cut"),
        pytest.param([say("a"), DONE, say("b"), b"rubbish"], "a", id="data behind [DONE]"),
        pytest.param([say("a") + DONE + say("b")], "a", id="data behind [DONE] at once"),
        pytest.param(
            [say("a"), END, event({"usage": {}, "choices": []}), DONE], "a", id="usage behind the end"
        ),
        pytest.param(
            [say("a"), event({"choices": [{"message": {"content": "a"}}]}), END], "a", id="said again"
        ),
        pytest.param(
            [event({"choices": [{"message": {"content": "a"}}]}), END], "a", id="a message in a stream"
        ),
        pytest.param([chunk(content=[{"type": "text", "text": "a"}]), END], "a", id="parts"),
        pytest.param([say("a\ud83d"), say("\ude00"), END], "a😀", id="an emoji over two chunks"),
        pytest.param([say("a\ud83d"), END], "a\ufffd", id="half an emoji"),
    ],
)
def test_a_whole_stream_is_an_answer(pieces: list[bytes], text: str, lab: Any) -> None:
    deltas, completion = read(lab, *pieces)
    assert ("".join(texts(deltas)), completion.text) == (text, text)


def test_each_piece_is_given_as_it_comes(lab: Any) -> None:
    stream = start(lab)
    assert texts(stream.feed(say("a"))) == ["a"]
    assert texts(stream.feed(say("b") + say("c"))) == ["b", "c"]
    assert stream.partial == "abc"


def test_keep_alives_are_not_the_start(lab: Any) -> None:
    stream = start(lab)
    stream.feed(b": wait\n\n")
    assert not stream.started
    stream.feed(chunk(role="assistant"))
    assert stream.started


def test_done_says_that_nothing_more_counts(lab: Any) -> None:
    stream = start(lab)
    stream.feed(END)
    assert not stream.done
    stream.feed(DONE)
    assert stream.done


@pytest.mark.parametrize(
    ("pieces", "partial"),
    [
        pytest.param([say("a")], "a", id="no end"),
        pytest.param([say("a"), say("b")[:-9]], "a", id="cut in an event"),
        pytest.param([b": wait\n\n"], "", id="keep-alives alone"),
        pytest.param([say("a"), b"data: {broken\n\n", say("b"), END], "a", id="an event that is not JSON"),
        pytest.param([say("a"), b"data: 7\n\n", END], "a", id="an event that is a number"),
        pytest.param([say("a"), b"data: " + b"[" * 9999 + b"\n\n"], "a", id="an event too deep"),
        pytest.param([say("a"), chunk("error")], "a", id="finish_reason error"),
    ],
)
def test_a_broken_stream_is_incomplete(pieces: list[bytes], partial: str, lab: Any) -> None:
    error = failure(lab, *pieces)
    assert isinstance(error, IncompleteResponse)
    assert (error.partial, error.route, error.request_id) == (partial, "lab:m", "r")


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        pytest.param(event({"error": {"code": 429, "message": "slow"}}), RateLimited, id="an object"),
        pytest.param(event({"error": "boom"}), MalformedResponse, id="a string"),
        pytest.param(event({"code": 500, "reason": "R", "message": "m"}), ServerError, id="Novita"),
        pytest.param(
            event(
                {"error": {"code": 502, "message": "m"}, "choices": [{"delta": {}, "finish_reason": "error"}]}
            ),
            ServerError,
            id="with choices",
        ),
        pytest.param(b'event: error\ndata: {"message": "m", "code": 503}\n\n', ServerError, id="by its type"),
        pytest.param(b"event: error\ndata: overloaded\n\n", ServerError, id="by its type, in words"),
        pytest.param(b"event: error\n\n", MalformedResponse, id="by its type, without words"),
        pytest.param(event({"choices": ["a"]}), MalformedResponse, id="a choice is text"),
        pytest.param(chunk(content=7), MalformedResponse, id="the content is a number"),
    ],
)
def test_an_error_in_a_stream_is_raised(last: bytes, kind: type, lab: Any) -> None:
    stream = start(lab)
    stream.feed(say("a"))
    with pytest.raises(kind):
        stream.feed(last)
    with pytest.raises(kind):
        stream.finish()
    assert (stream.partial, stream.done) == ("a", True)


def test_text_before_an_error_in_the_same_bytes_is_given_first(lab: Any) -> None:
    stream = start(lab)
    assert texts(stream.feed(say("a") + event({"error": "boom"}))) == ["a"]
    assert stream.done
    with pytest.raises(MalformedResponse):
        stream.finish()
    with pytest.raises(MalformedResponse):
        stream.feed(say("b"))


@pytest.mark.parametrize(
    ("extra", "name"),
    [
        pytest.param(b"data:\n\n", "empty", id="empty"),
        pytest.param(b"data: : ping\n\n", "empty", id="a comment as data"),
        pytest.param(b"event: ping\n\n", "empty", id="a type alone"),
        pytest.param(b"data: null\n\n", "null", id="null"),
        pytest.param(b"data: []\n\n", "null", id="a list with nothing in it"),
        pytest.param(b"data: {}\n\n", "no choices", id="an object with nothing in it"),
        pytest.param(b"data: <!DOCTYPE html><html>\ndata: <p>502</p>\n\n", "HTML", id="HTML"),
        pytest.param(b"data: <center>nginx</center>\n\n", "HTML", id="a piece of HTML"),
        pytest.param(b"data: ping\n\n", "ping", id="ping"),
        pytest.param(b"data: [keep-alive]\n\n", "ping", id="keep-alive"),
        pytest.param(b"event: heartbeat\ndata: 17:04\n\n", "ping", id="heartbeat"),
        pytest.param(event({"type": "ping"}), "ping", id="ping in JSON"),
        pytest.param(event({"type": "status", "step": 2}), "status", id="of an unknown type"),
    ],
)
def test_an_event_that_cannot_have_held_text_is_skipped_with_a_warning(
    extra: bytes, name: str, lab: Any
) -> None:
    deltas, completion = read(lab, say("a"), extra, say("b"), END, DONE)
    assert "".join(texts(deltas)) == completion.text == "ab"
    (warning,) = completion.warnings
    assert "1 events without text" in warning
    assert name in warning


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param(b": keep-alive\n\n", id="a comment"),
        pytest.param(b"id: 7\nretry: 100\n\n", id="other fields"),
        pytest.param(event({"choices": []}), id="no choice"),
        pytest.param(event({"usage": {"prompt_tokens": 9}}), id="usage"),
    ],
)
def test_what_the_protocol_knows_is_no_reason_for_a_warning(extra: bytes, lab: Any) -> None:
    assert read(lab, say("a"), extra, END, DONE)[1].warnings == ()


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(b'data: {"choices": [{"del\n\n', id="cut"),
        pytest.param(b'data: ices": [{"delta": {"content": "b"}}]}\n\n', id="cut at its beginning"),
        pytest.param(b"data: some words\n\n", id="words"),
        pytest.param(b'data: "b"\n\n', id="a string"),
        pytest.param(b"data: 7\n\n", id="a number"),
        pytest.param(b"data: [1, 2]\n\n", id="a list"),
        pytest.param(b"data: <td>9.00</td>\n\n", id="a piece of a table"),
        pytest.param(b'{"choices": [{"del\n\n', id="cut, without data:"),
        pytest.param(say("b").rstrip() + b"\n" + b'data: {"cho\n\n', id="one of two"),
    ],
)
def test_an_event_that_may_have_held_text_is_damage(damage: bytes, lab: Any) -> None:
    error = failure(lab, say("a"), damage, END, DONE)
    assert isinstance(error, IncompleteResponse)
    assert (error.reason, error.partial) == ("damaged", "a")


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        pytest.param(b'{"error": {"message": "no GPU left", "code": 503}}\n', ServerError, id="a line"),
        pytest.param(b'{\n "error": {\n  "message": "no GPU left"}\n}\n', MalformedResponse, id="lines"),
        pytest.param(b'data: [{"error": {"message": "no GPU left"}}]\n', MalformedResponse, id="in a list"),
        pytest.param(b'data: {"error": "no GPU left"}\n', MalformedResponse, id="as an event"),
    ],
)
@pytest.mark.parametrize("end", [b"\n", b""], ids=["ended", "at-the-end"])
def test_an_error_in_a_stream_keeps_the_providers_words(
    line: bytes, kind: type, end: bytes, lab: Any
) -> None:
    error = failure(lab, say("a"), line + end)
    assert isinstance(error, kind)
    assert "no GPU left" in error.message


def parted_by_one_line_end(*events: bytes) -> bytes:
    return b"\n".join(event.rstrip() for event in events) + b"\n\n"


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([say("a"), say("b"), END, DONE], id="all"),
        pytest.param([say("a"), event({"type": "ping"}), say("b"), END, DONE], id="with a ping"),
        pytest.param([say("a"), b"data: null", say("b"), END], id="with a null"),
    ],
)
def test_events_that_are_parted_by_one_line_end_are_read(pieces: list[bytes], lab: Any) -> None:
    deltas, completion = read(lab, parted_by_one_line_end(*pieces))
    assert "".join(texts(deltas)) == completion.text == "ab"


@pytest.mark.parametrize(
    "rest",
    [
        pytest.param(parted_by_one_line_end(event({"type": "ping"}), DONE), id="a ping and the end as one"),
        pytest.param(b"data: {oops\n\n", id="damage"),
        pytest.param(b"data: some words\n\n" + DONE, id="words"),
        pytest.param(event({"error": {"message": "late", "code": 500}}) + DONE, id="an error"),
        pytest.param(b"event: error\ndata: late\n\n", id="an error by its type"),
        pytest.param(event({"choices": ["b"]}), id="a choice that is none"),
        pytest.param(b'{"usage": {"prom', id="cut usage"),
    ],
)
def test_what_comes_after_the_end_takes_nothing_from_the_answer(rest: bytes, lab: Any) -> None:
    deltas, completion = read(lab, say("a"), END, rest)
    assert "".join(texts(deltas)) == completion.text == "a"


def test_an_error_after_the_end_is_told(lab: Any) -> None:
    _, completion = read(lab, say("a"), END, event({"error": "the meter is broken"}))
    assert "the meter is broken" in completion.warnings[0]


@pytest.mark.parametrize(
    ("pieces", "has_ended"),
    [
        pytest.param([say("a")], False, id="text"),
        pytest.param([say("a"), END], True, id="finish_reason"),
        pytest.param([say("a"), DONE], True, id="[DONE]"),
    ],
)
def test_an_answer_ends_with_its_finish_reason(pieces: list[bytes], has_ended: bool, lab: Any) -> None:
    stream = start(lab)
    for piece in pieces:
        stream.feed(piece)
    assert stream.has_ended is stream.is_whole is has_ended


@pytest.mark.parametrize(
    ("body", "whole"),
    [
        pytest.param(b'{"choices": [{"message": {"content": "a"}}]}', True, id="JSON"),
        pytest.param(b'{"choices": [{"message": {"content": "a', False, id="cut JSON"),
        pytest.param(say("a") + END, True, id="events"),
        pytest.param(say("a"), False, id="events without an end"),
        pytest.param(say("a") + b"data: {oops\n\n" + END, False, id="damaged events"),
        pytest.param(b"", False, id="nothing"),
        pytest.param(b"<html></html>", False, id="HTML"),
    ],
)
def test_a_body_that_broke_off_may_hold_the_whole_answer(body: bytes, whole: bool, lab: Any) -> None:
    assert is_whole(body, Request(b""), lab) is whole


@pytest.mark.parametrize(
    ("body", "text"),
    [
        pytest.param(
            {"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}, "a", id="an answer"
        ),
    ],
)
def test_an_answer_that_came_whole_is_read(body: Any, text: str, lab: Any) -> None:
    raw = json.dumps(body).encode()
    deltas, completion = read(lab, b"\n", raw[:3], raw[3:])
    assert (deltas, completion.text) == ([], text)


@pytest.mark.parametrize(
    ("pieces", "kind"),
    [
        pytest.param([], MalformedResponse, id="nothing"),
        pytest.param([b"{}"], MalformedResponse, id="two bytes"),
        pytest.param([b"<html><title>Sign in"], MalformedResponse, id="HTML"),
        pytest.param([b'{"error": {"code": 429}}'], RateLimited, id="an error"),
        pytest.param([b"dat"], MalformedResponse, id="the first letters"),
        pytest.param([b"retry later, please"], MalformedResponse, id="words"),
    ],
)
def test_a_body_that_is_no_stream_is_named(pieces: list[bytes], kind: type, lab: Any) -> None:
    assert type(failure(lab, *pieces)) is kind


@pytest.mark.parametrize(
    ("usages", "expected"),
    [
        pytest.param(
            [{"prompt_tokens": 9, "completion_tokens": 2}], Usage(input_tokens=9, output_tokens=2), id="once"
        ),
        pytest.param(
            [{"prompt_tokens": 9, "completion_tokens": 1}, {"prompt_tokens": 9, "completion_tokens": 2}],
            Usage(input_tokens=9, output_tokens=2),
            id="running totals",
        ),
        pytest.param(
            [
                {"prompt_tokens": 9, "completion_tokens": 2},
                {"prompt_tokens": 0, "completion_tokens": 0},
                None,
            ],
            Usage(input_tokens=9, output_tokens=2),
            id="zeros and null behind",
        ),
        pytest.param(
            [{"prompt_tokens": 9}, {"cost": 0.5}], Usage(input_tokens=9, cost_usd=0.5), id="cost apart"
        ),
        pytest.param([{"prompt_tokens": 0}], Usage(input_tokens=0), id="zero"),
        pytest.param([None], Usage(), id="null"),
    ],
)
def test_usage_is_counted_once(usages: list[Any], expected: Usage, lab: Any) -> None:
    _, completion = read(
        lab, say("a"), END, *(event({"choices": [], "usage": usage}) for usage in usages), DONE
    )
    assert completion.usage == expected


def test_usage_may_ride_on_the_last_chunk(lab: Any) -> None:
    last = {"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 9}}
    assert read(lab, say("a"), event(last))[1].usage.input_tokens == 9


def fragment(arguments: Any = None, name: str | None = None, **more: Any) -> dict[str, Any]:
    function = {"name": name, "arguments": arguments}
    return {**more, "function": {key: value for key, value in function.items() if value is not None}}


LOOK = ToolCall("c1", "look", '{"page": 1}')
SAY = ToolCall("c2", "say", "{}")


@pytest.mark.parametrize(
    ("fragments", "calls"),
    [
        pytest.param(
            [fragment("", "look", index=0, id="c1"), fragment('{"page"', index=0), fragment(": 1}", index=0)],
            (LOOK,),
            id="as it should be",
        ),
        pytest.param(
            [fragment('{"page"', "look", index=0, id="c1"), fragment(": 1}", "look", index=0, id="c1")],
            (LOOK,),
            id="id and name each time",
        ),
        pytest.param(
            [fragment('{"page"', "look", id="c1"), fragment(": 1}"), fragment("{}", "say", id="c2")],
            (LOOK, SAY),
            id="no index",
        ),
        pytest.param(
            [fragment('{"page"', "look", id="c1"), fragment("{}", "say", id="c2"), fragment(": 1}", id="c1")],
            (LOOK, SAY),
            id="no index, mixed, by id",
        ),
        pytest.param(
            [fragment('{"page": 1}', "look", index=0, id="c1"), fragment("{}", "say", index=0, id="c2")],
            (LOOK, SAY),
            id="all numbered 0",
        ),
        pytest.param(
            [fragment('{"page"', "look", index=1, id="c1"), fragment("{}", "say", index=7, id="c2"),
             fragment(": 1}", index=1)],
            (LOOK, SAY),
            id="numbered from anywhere, mixed",
        ),
        pytest.param([fragment({"page": 1}, "look", index=0, id="c1")],
                     (ToolCall("c1", "look", '{"page":1}'),), id="an object"),
        pytest.param(
            [fragment("{}", "look"), fragment("{}", "look")],
            (ToolCall("call_x_0", "look", "{}"), ToolCall("call_x_1", "look", "{}")),
            id="neither index nor id, whole",
        ),
        pytest.param(
            [fragment('{"page"', "look"), fragment(": 1}", "look")],
            (ToolCall("call_x_0", "look", '{"page": 1}'),),
            id="neither index nor id, in pieces",
        ),
        pytest.param(
            [fragment("", "look", index=0), fragment("{}", index=0, id="c9")],
            (ToolCall("c9", "look", "{}"),),
            id="the id later",
        ),
    ],
)  # fmt: skip
def test_tool_calls_are_put_together(fragments: list[Any], calls: tuple[ToolCall, ...], lab: Any) -> None:
    deltas, completion = read(lab, *(chunk(tool_calls=[piece]) for piece in fragments), chunk("tool_calls"))
    assert completion.tool_calls == calls
    pieces = [piece for delta in deltas for piece in delta.tool_calls]
    for number, call in enumerate(calls):
        own = [piece for piece in pieces if piece.index == number]
        assert "".join(piece.arguments for piece in own) == call.arguments
        assert [piece.name for piece in own if piece.name] == [call.name]
        assert len([piece.id for piece in own if piece.id]) <= 1


def test_a_piece_of_a_tool_call_is_given_as_it_comes(lab: Any) -> None:
    stream = start(lab)
    piece = fragment('{"a"', "look", index=0, id="c1")
    assert stream.feed(chunk(tool_calls=[piece])) == [
        Delta(tool_calls=(ToolCallDelta(0, "c1", "look", '{"a"'),))
    ]


def test_a_function_call_of_old_is_a_tool_call(lab: Any) -> None:
    pieces = [{"name": "look", "arguments": ""}, {"arguments": '{"page"'}, {"arguments": ": 1}"}]
    _, completion = read(lab, *(chunk(function_call=piece) for piece in pieces), chunk("function_call"))
    assert completion.tool_calls == (ToolCall("call_x_0", "look", '{"page": 1}'),)
    assert completion.finish_reason == "tool_calls"


def test_a_forced_tool_is_streamed_as_text(lab: Any) -> None:
    pieces = [fragment('{"a"', "answer", index=0, id="c1"), fragment(": 1}", index=0)]
    deltas, completion = read(
        lab,
        *(chunk(tool_calls=[piece]) for piece in pieces),
        chunk("tool_calls"),
        reading=ResponseOptions(unwrap_tool="answer"),
    )
    assert texts(deltas) == ['{"a"', ": 1}"]
    assert (completion.text, completion.tool_calls, completion.finish_reason) == ('{"a": 1}', (), "stop")


def test_thoughts_come_apart(lab: Any) -> None:
    stream = [chunk(reasoning_content="h", reasoning="h"), chunk(reasoning_content="m"), say("a"), END]
    deltas, completion = read(lab, *stream)
    assert [delta.reasoning for delta in deltas] == ["h", "m", ""]
    assert (completion.text, completion.reasoning) == ("a", "hm")


def test_tags_may_be_cut_anywhere(lab: Any) -> None:
    deltas, completion = read(lab, *map(say, "<think>hm</think>\n\nYes."), END)
    assert "".join(texts(deltas)) == completion.text == "Yes."
    assert completion.reasoning == "hm"


def test_text_of_a_model_that_may_think_is_held_until_its_end(lab: Any) -> None:
    deltas, completion = read(lab, say("a"), say("b"), END, DONE, reading=ResponseOptions(may_think=True))
    assert texts(deltas) == ["ab"]
    assert completion.text == "ab"


def test_the_closing_tag_alone_is_understood_of_a_model_that_may_think(lab: Any) -> None:
    deltas, completion = read(
        lab, say("hm</th"), say("ink>Yes."), END, reading=ResponseOptions(may_think=True)
    )
    assert (texts(deltas), completion.reasoning) == (["Yes."], "hm")


def test_the_closing_tag_alone_is_told_of_any_other_model(lab: Any) -> None:
    _, completion = read(lab, say("hm</think>Yes."), END)
    assert completion.text == "hm</think>Yes."
    assert "may be the model's thoughts" in completion.warnings[0]


def test_a_fence_is_taken_off_as_it_comes(lab: Any) -> None:
    pieces = ["``", "`json\n", '{"a"', ": 1}\n", "``", "`\n"]
    deltas, completion = read(lab, *map(say, pieces), END, reading=ResponseOptions(strip_fence=True))
    assert texts(deltas) == ['{"a"', ": 1}"]
    assert completion.text == '{"a": 1}'


def test_a_refusal_is_put_together(lab: Any) -> None:
    _, completion = read(lab, chunk(refusal="I "), chunk(refusal="can't."), END)
    assert (completion.text, completion.refusal) == ("", "I can't.")


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        pytest.param([chunk(role="assistant", content=""), END, DONE], "no text", id="nothing"),
        pytest.param([chunk(reasoning="hmm"), END], "only 3 characters of reasoning", id="reasoning"),
        pytest.param([say("<think>hmm"), chunk("length")], "only 3 characters of reasoning", id="a thought"),
    ],
)
def test_a_stream_without_text_is_empty(pieces: list[bytes], words: str, lab: Any) -> None:
    error = failure(lab, *pieces)
    assert isinstance(error, EmptyOutput)
    assert words in error.message


def test_the_chunks_are_put_together_in_raw(lab: Any) -> None:
    sure = {"choices": [{"delta": {"content": "b"}, "logprobs": {"content": [{"token": "b"}]}}]}
    raw = read(lab, say("a"), event(sure), END, event({"choices": [], "usage": {"prompt_tokens": 9}}), DONE)[
        1
    ].raw
    assert raw["id"] == "x"
    assert raw["usage"] == {"prompt_tokens": 9}
    assert raw["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "ab"},
            "finish_reason": "stop",
            "logprobs": {"content": [{"token": "b"}]},
        }
    ]


def test_what_the_stream_says_of_itself_is_kept(lab: Any) -> None:
    _, completion = read(lab, say("a"), END)
    assert (completion.route, completion.served_model, completion.request_id) == ("lab:m", "m", "r")
