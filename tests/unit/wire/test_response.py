"""Whole answers: what is read from them, and which are none."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from vlm_core.catalog.routes import Endpoint
from vlm_core.completion import Completion, ToolCall
from vlm_core.errors import (
    EmptyOutput,
    IncompleteResponse,
    MalformedResponse,
    QuotaExhausted,
    RateLimited,
    ServerError,
    VLMError,
)
from vlm_core.types import Usage
from vlm_core.wire.request import Request, ResponseOptions, build_request
from vlm_core.wire.response import read_completion


def answer(message: Any = None, finish_reason: Any = "stop", **more: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": "TOTAL 9.00"} if message is None else message
    return {"choices": [{"index": 0, "message": message, "finish_reason": finish_reason}], **more}


def content(value: Any, finish_reason: Any = "stop", **more: Any) -> dict[str, Any]:
    return answer({"role": "assistant", "content": value, **more}, finish_reason)


def read(body: Any, lab: Endpoint, reading: ResponseOptions | None = None, **headers: str) -> Completion:
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_completion(body, Request(b"", reading=reading or ResponseOptions()), lab, headers=headers)


def failure(body: Any, lab: Endpoint, reading: ResponseOptions | None = None) -> VLMError:
    with pytest.raises(VLMError) as caught:
        read(body, lab, reading)
    return caught.value


@pytest.mark.parametrize(
    ("message", "text", "reasoning"),
    [
        pytest.param({"content": "a\u2028b 😀"}, "a\u2028b 😀", "", id="a string"),
        pytest.param(
            {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, "ab", "", id="parts"
        ),
        pytest.param({"content": ["a", "b"]}, "ab", "", id="strings in a list"),
        pytest.param(
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"text": "a"}]},
            "a",
            "hm",
            id="a thinking part",
        ),
        pytest.param({"content": "a", "reasoning_content": "hm"}, "a", "hm", id="reasoning_content"),
        pytest.param(
            {"content": "a", "reasoning": "hm", "reasoning_content": "hm"}, "a", "hm", id="said twice"
        ),
        pytest.param({"content": "<think>\nhm\n</think>\n\na"}, "a", "hm", id="tags"),
        pytest.param({"content": "hm</think>a"}, "a", "hm", id="the closing tag alone"),
        pytest.param(
            {"content": "a</think>b", "reasoning": "hm"}, "a</think>b", "hm", id="a tag in the text"
        ),
        pytest.param({"content": "\ud83d\ude00 \ud83d"}, "😀 \ufffd", "", id="escaped halves"),
    ],
)
def test_text_and_thought(message: Any, text: str, reasoning: str, lab: Any) -> None:
    completion = read(answer(message), lab)
    assert (completion.text, completion.reasoning) == (text, reasoning)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        pytest.param("model_length", "length", id="Mistral's length"),
        pytest.param("max_output_tokens", "length", id="OpenAI's other API"),
        pytest.param("content-filter", "content_filter", id="a dash"),
        pytest.param("CONTENT_FILTER", "content_filter", id="capitals"),
        pytest.param("maxTokens", "length", id="no underscore"),
        pytest.param("tool_call", "tool_calls", id="one call"),
        *(("stop", "stop"), ("eos", "stop"), ("eos_token", "stop"), ("end_turn", "stop"), ("STOP", "stop")),
        *(("stop_sequence", "stop"), ("COMPLETE", "stop"), ("length", "length"), ("max_tokens", "length")),
        *(("MAX_TOKENS", "length"), ("content_filter", "content_filter"), ("sensitive", "content_filter")),
        *(("SAFETY", "content_filter"), ("RECITATION", "content_filter"), ("refusal", "content_filter")),
        *(("content_filtered", "content_filter"), ("abort", "abort"), (None, None), ("", None), (7, None)),
    ],
)
def test_finish_reasons_have_one_vocabulary(word: Any, reason: str | None, lab: Any) -> None:
    assert read(content("a", word), lab).finish_reason == reason


@pytest.mark.parametrize("word", ["error", "ERROR", "network_error"])
def test_an_answer_that_broke_off_is_no_answer(word: str, lab: Any) -> None:
    error = failure(content("TOT", word), lab)
    assert isinstance(error, IncompleteResponse)
    assert error.partial == "TOT"


def test_an_answer_that_broke_off_before_its_text_is_a_fault_of_the_server(lab: Any) -> None:
    assert isinstance(failure(content("", "error"), lab), ServerError)


def test_an_error_in_the_choice_is_mapped(lab: Any) -> None:
    body = content("TOT", "error")
    body["choices"][0]["error"] = {"code": 429, "message": "slow down"}
    assert isinstance(failure(body, lab), RateLimited)


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        pytest.param(None, Usage(), id="null"),
        pytest.param(
            {"prompt_tokens": 9, "completion_tokens": 2}, Usage(input_tokens=9, output_tokens=2), id="plain"
        ),
        pytest.param(
            {"input_tokens": 9, "output_tokens": 2}, Usage(input_tokens=9, output_tokens=2), id="other names"
        ),
        pytest.param(
            {"prompt_tokens_details": {"cached_tokens": 1, "image_tokens": 8}},
            Usage(cached_tokens=1, image_tokens=8),
            id="details of input",
        ),
        pytest.param(
            {"completion_tokens_details": {"reasoning_tokens": 5}}, Usage(reasoning_tokens=5), id="output"
        ),
        pytest.param({"cost": 0.5}, Usage(cost_usd=0.5), id="cost"),
        pytest.param({"estimated_cost": 0.5}, Usage(cost_usd=0.5), id="DeepInfra's cost"),
        pytest.param({"prompt_tokens": 0}, Usage(input_tokens=0), id="zero"),
        pytest.param({"prompt_tokens": 9.0}, Usage(input_tokens=9), id="a float"),
        pytest.param({"prompt_tokens": -1, "cost": "1"}, Usage(), id="nonsense"),
        pytest.param({"prompt_tokens": True, "cost": float("nan")}, Usage(), id="more nonsense"),
        pytest.param({"prompt_tokens_details": None, "cost": {"total": 1}}, Usage(), id="null and object"),
        pytest.param([1], Usage(), id="a list"),
    ],
)
def test_usage(usage: Any, expected: Usage, lab: Any) -> None:
    assert read(answer(usage=usage), lab).usage == expected


def call(**function: Any) -> dict[str, Any]:
    return {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}", **function}}


@pytest.mark.parametrize(
    ("message", "calls"),
    [
        pytest.param({"tool_calls": [call()]}, (ToolCall("c1", "look", "{}"),), id="one"),
        pytest.param(
            {"tool_calls": [{**call(), "index": 0}, {**call(), "index": 0, "id": "c2"}]},
            (ToolCall("c1", "look", "{}"), ToolCall("c2", "look", "{}")),
            id="two numbered alike",
        ),
        pytest.param(
            {"tool_calls": [call(arguments={"page": 1})]},
            (ToolCall("c1", "look", '{"page":1}'),),
            id="an object",
        ),
        pytest.param({"tool_calls": [call(arguments=None)]}, (ToolCall("c1", "look", ""),), id="null"),
        pytest.param(
            {"tool_calls": [{"function": {"name": "look"}}, {"function": {"name": "look"}}]},
            (ToolCall("call_x_0", "look", ""), ToolCall("call_x_1", "look", "")),
            id="without ids",
        ),
        pytest.param(
            {"function_call": {"name": "look", "arguments": "{}"}},
            (ToolCall("call_x_0", "look", "{}"),),
            id="a function call of old",
        ),
        pytest.param({"content": "a", "tool_calls": []}, (), id="none"),
        pytest.param({"content": "a", "tool_calls": None}, (), id="null list"),
        pytest.param({"content": "a", "tool_calls": [{"index": 0, "function": {}}]}, (), id="an empty one"),
    ],
)
def test_tool_calls(message: Any, calls: tuple[ToolCall, ...], lab: Any) -> None:
    completion = read(answer(message, id="x"), lab)
    assert completion.tool_calls == calls
    assert completion.finish_reason == ("tool_calls" if calls else "stop")


@pytest.mark.parametrize("word", ["stop", "function_call", "tool_use", None])
def test_tool_calls_are_why_an_answer_ends(word: Any, lab: Any) -> None:
    assert read(answer({"content": None, "tool_calls": [call()]}, word), lab).finish_reason == "tool_calls"


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([{"id": "c1", "function": {"arguments": "{}"}}], id="without a name"),
        pytest.param(["look"], id="a string"),
    ],
)
def test_a_tool_call_that_names_no_tool_is_malformed(calls: Any, lab: Any) -> None:
    assert isinstance(failure(answer({"content": "a", "tool_calls": calls}), lab), MalformedResponse)


def test_a_forced_tool_is_unwrapped_into_text(lab: Any) -> None:
    message = {"content": None, "tool_calls": [call(name="answer", arguments='{"total": 9}')]}
    completion = read(answer(message, "tool_calls"), lab, ResponseOptions(unwrap_tool="answer"))
    assert (completion.text, completion.tool_calls) == ('{"total": 9}', ())
    assert completion.finish_reason == "stop"


@pytest.mark.parametrize(
    ("said", "text"),
    [
        pytest.param('{"a": 1}', '{"a": 1}', id="no fence"),
        pytest.param('```json\n{"a": 1}\n```', '{"a": 1}', id="json"),
        pytest.param('\n``` JSON \r\n{"a": 1}\n```\n', '{"a": 1}', id="blanks"),
        pytest.param('```\n{"a": "```"}```', '{"a": "```"}', id="ticks inside"),
        pytest.param('```json\n{"a": 1}', '{"a": 1}', id="never closed"),
        pytest.param("<think>hm</think>\n```\n[1]\n```", "[1]", id="behind a thought"),
        pytest.param('Here: ```{"a": 1}```', 'Here: ```{"a": 1}```', id="not the whole"),
        pytest.param("`", "`", id="a tick"),
    ],
)
def test_a_fence_around_json_goes(said: str, text: str, lab: Any) -> None:
    assert read(content(said), lab, ResponseOptions(strip_fence=True)).text == text


def test_a_fence_stays_where_no_json_was_asked_for(lab: Any) -> None:
    assert read(content("```json\n1\n```"), lab).text == "```json\n1\n```"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(content(""), "no text, finish_reason stop", id="empty"),
        pytest.param(content(None), "no text", id="null"),
        pytest.param(content(" \n"), "no text", id="blanks"),
        pytest.param(content([]), "no text", id="no parts"),
        pytest.param(answer({"role": "assistant"}), "no text", id="no content"),
        pytest.param(content(None, reasoning="hmm"), "only 3 characters of reasoning", id="reasoning only"),
        pytest.param(content("<think>hmm"), "only 3 characters of reasoning", id="a thought only"),
    ],
)
def test_an_answer_without_text_is_empty(body: Any, words: str, lab: Any) -> None:
    error = failure(body, lab)
    assert isinstance(error, EmptyOutput)
    assert words in error.message
    assert error.partial == ""


def test_an_empty_answer_at_the_limit_asks_for_more_tokens(lab: Any) -> None:
    error = failure(content(None, "length", reasoning="hmm"), lab)
    assert error.hint.startswith("Raise max_tokens=...: ")


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        pytest.param(content("", "content_filter"), None, id="filtered"),
        pytest.param(content(None, refusal="I can't."), "I can't.", id="refused"),
    ],
)
def test_a_refusal_is_an_answer(body: Any, refusal: str | None, lab: Any) -> None:
    completion = read(body, lab)
    assert (completion.text, completion.refusal) == ("", refusal)


def test_an_answer_at_the_limit_is_returned(lab: Any) -> None:
    completion = read(content("TOT", "length"), lab)
    assert (completion.text, completion.finish_reason) == ("TOT", "length")


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        pytest.param(b"", MalformedResponse, "answered with nothing", id="empty"),
        pytest.param(b" \n", MalformedResponse, "answered with nothing", id="blank"),
        pytest.param(
            b"<!doctype html><title>Sign in</title>" + b"x" * 9999,
            MalformedResponse,
            "a web page: Sign in",
            id="HTML",
        ),
        pytest.param(b'{"choices": [{"mess', MalformedResponse, "cut short or damaged, 19 bytes", id="cut"),
        pytest.param(b"upstream hiccup", MalformedResponse, "no chat completion: upstream hiccup", id="text"),
        pytest.param(b"[1]", MalformedResponse, "no chat completion", id="a list"),
        pytest.param(b"[]", MalformedResponse, "no chat completion: []", id="an empty list"),
        pytest.param(b'""', MalformedResponse, 'no chat completion: ""', id="an empty string"),
        pytest.param(b"null", MalformedResponse, "no chat completion", id="null"),
        pytest.param(b"[" * 100_000, MalformedResponse, "no chat completion", id="deep"),
        pytest.param({}, MalformedResponse, "without choices: its fields are none", id="no fields"),
        pytest.param({"id": "x"}, MalformedResponse, "without choices: its fields are id", id="no choices"),
        pytest.param({"message": "hello"}, MalformedResponse, "without choices: hello", id="words alone"),
        pytest.param({"choices": []}, MalformedResponse, "without choices", id="choices empty"),
        pytest.param({"choices": None}, MalformedResponse, "without choices", id="choices null"),
        pytest.param({"choices": {"a": 1}}, MalformedResponse, "not an object", id="choices an object"),
        pytest.param({"choices": ["a"]}, MalformedResponse, "not an object", id="a choice is text"),
        pytest.param({"choices": [{}]}, MalformedResponse, "no message", id="no message"),
        pytest.param(answer(["a"]), MalformedResponse, "no message", id="the message is a list"),
        pytest.param(content(7), MalformedResponse, "of type int", id="the content is a number"),
        pytest.param({"error": {"message": "x", "code": 429}}, RateLimited, "x", id="an error with a code"),
        pytest.param({"error": {"message": "x", "code": "502"}}, ServerError, "x", id="a code as a string"),
        pytest.param(
            {"code": 403, "reason": "NOT_ENOUGH_BALANCE", "message": "x"}, QuotaExhausted, "x", id="Novita"
        ),
        pytest.param(
            {"error": "boom"}, MalformedResponse, "in place of an answer: boom", id="an error of words"
        ),
    ],
)
def test_what_is_no_answer_is_named(body: Any, kind: type, words: str, lab: Any) -> None:
    error = failure(body, lab)
    assert type(error) is kind
    assert words in error.message
    assert error.message.startswith("lab:m")
    assert (error.route, len(error.message) < 800) == ("lab:m", True)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xef\xbb\xbf" + json.dumps(answer()).encode(), id="BOM"),
        pytest.param(b"\n\n  " + json.dumps(answer()).encode() + b"\n", id="blanks around"),
        pytest.param(json.dumps(answer(logprob=float("nan"))).encode(), id="NaN"),
        pytest.param(b"data: " + json.dumps(answer()).encode() + b"\n\n", id="as an event"),
        pytest.param(
            b": wait\n\ndata: " + json.dumps(answer()).encode() + b"\n\ndata: [DONE]\n\n", id="as events"
        ),
    ],
)
def test_an_answer_in_an_odd_dress_is_read(body: bytes, lab: Any) -> None:
    assert read(body, lab).text == "TOTAL 9.00"


def test_what_the_answer_says_of_itself_is_kept(lab: Any) -> None:
    body = answer(id="gen-1", model="m-2024", extra=1)
    completion = read(body, lab, **{"X-Request-Id": "req-1"})
    assert (completion.route, completion.served_model, completion.request_id) == ("lab:m", "m-2024", "req-1")
    assert completion.raw == body


def test_the_answers_id_stands_in_for_that_of_the_request(lab: Any) -> None:
    assert read(answer(id="gen-1"), lab).request_id == "gen-1"


@pytest.mark.parametrize(
    ("asked", "served", "warned"),
    [
        pytest.param("Qwen/Qwen2.5-VL-7B", "qwen2.5-vl-7b", False, id="other case, no path"),
        pytest.param("gpt-4o", "gpt-4o-2024-08-06", False, id="a date"),
        pytest.param("tiny", "tiny@main", False, id="a revision"),
        pytest.param("qwen3-vl-235b", "qwen3-vl-8b", True, id="another"),
        pytest.param("m", "", False, id="none"),
        pytest.param("m", 7, False, id="a number"),
    ],
)
def test_another_model_than_was_asked_is_told(
    asked: str, served: Any, warned: bool, make_endpoint: Any
) -> None:
    completion = read(answer(model=served), make_endpoint(model=asked))
    assert bool(completion.warnings) is warned


def test_damaged_characters_are_told(lab: Any) -> None:
    assert "2 characters came damaged" in read(content("a\ufffdb\ufffd"), lab).warnings[0]


def test_the_requests_warnings_are_the_answers_too(lab: Any) -> None:
    body = json.dumps(answer()).encode()
    assert read_completion(body, Request(b"", warnings=("careful",)), lab).warnings == ("careful",)


def test_an_error_survives_pickling(lab: Any) -> None:
    error = pickle.loads(pickle.dumps(failure({"error": {"message": "x", "code": 429}}, lab)))
    assert (type(error), error.status, error.route) == (RateLimited, 429, "lab:m")


def test_an_empty_answer_at_a_word_that_stops_it_advises_about_stop(lab: Any) -> None:
    error = failure(content(""), lab, ResponseOptions(may_stop=True))
    assert isinstance(error, EmptyOutput)
    assert "stop=" in error.hint
    assert "max_tokens" not in error.hint


def test_a_request_with_stop_words_says_so_to_its_reading(lab: Any) -> None:
    asked = [{"role": "user", "content": "Hi"}]
    assert [build_request(asked, {"stop": stop}, lab).reading.may_stop for stop in (None, "\n", ["a"])] == [
        False,
        True,
        True,
    ]
