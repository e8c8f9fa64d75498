"""What the server answers, as a plain HTTP client sees it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vlm_core.completion import ToolCall
from vlm_core.errors import ConfigError
from vlm_core.testing import Answer, Connection, Raw, Response, ScriptedServer, Seen

PARIS = ToolCall("call_1", "weather", '{"city": "Paris"}')
HELLO = [{"role": "user", "content": "how are you"}]


def test_answers_come_in_the_order_in_which_they_were_queued(server: ScriptedServer, ask: Any) -> None:
    server.say("one")
    server.say("two")
    assert [ask(server).text, ask(server).text] == ["one", "two"]


def test_the_last_answer_repeats(server: ScriptedServer, ask: Any) -> None:
    server.say("one")
    server.say("two")
    assert [ask(server).text for _ in range(4)] == ["one", "two", "two", "two"]


def test_an_answer_queued_while_the_last_one_repeats_is_the_next(server: ScriptedServer, ask: Any) -> None:
    server.say("one")
    first = ask(server).text
    server.say("two")
    assert (first, ask(server).text) == ("one", "two")


def test_a_server_without_a_script_answers_too(server: ScriptedServer, ask: Any) -> None:
    assert ask(server).text == "This is a scripted answer."


def test_a_whole_answer_is_a_chat_completion(server: ScriptedServer, ask: Any) -> None:
    server.say("TOTAL 9.00", usage={"prompt_tokens": 7})
    answer = ask(server).json
    assert isinstance(answer.pop("created"), int)
    assert answer == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "TOTAL 9.00"},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 7},
    }


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        pytest.param({"finish_reason": "length"}, {"finish_reason": "length"}, id="finish reason"),
        pytest.param({"finish_reason": None}, {"finish_reason": None}, id="no finish reason"),
        pytest.param({"reasoning": "hm"}, {"reasoning_content": "hm"}, id="reasoning"),
        pytest.param({"refusal": "I cannot"}, {"refusal": "I cannot"}, id="refusal"),
        pytest.param({"model": "other"}, {"model": "other"}, id="model"),
        pytest.param({"id": "gen-9"}, {"id": "gen-9"}, id="id"),
        pytest.param({"usage": {}}, {"usage": None}, id="no usage"),
    ],
)
def test_an_answer_says_what_it_was_set_to(
    server: ScriptedServer, ask: Any, settings: dict[str, Any], found: dict[str, Any]
) -> None:
    server.say("x", **settings)
    answer = ask(server).json
    choice = answer["choices"][0]
    flat = {"usage": None, **answer, **choice, **choice["message"]}
    assert {name: flat[name] for name in found} == found


def test_headers_of_an_answer_are_sent_and_replace_the_usual_ones(server: ScriptedServer, ask: Any) -> None:
    server.say("x", headers={"X-RateLimit-Limit": "9", "x-request-id": "mine"})
    headers = ask(server).headers
    assert headers["X-RateLimit-Limit"] == "9"
    assert {v for name, v in headers.items() if name.lower() == "x-request-id"} == {"mine"}


def test_an_answer_is_streamed_word_by_word_if_the_request_asks_for_it(
    server: ScriptedServer, ask: Any
) -> None:
    server.say("TOTAL  9.00\n")
    answer = ask(server, stream=True)
    assert answer.headers["Content-Type"] == "text/event-stream"
    assert answer.deltas == [
        {"role": "assistant", "content": ""},
        {"content": "TOTAL  "},
        {"content": "9.00\n"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in answer.chunks] == [None, None, None, "stop"]


def test_a_stream_comes_in_the_pieces_it_was_given(server: ScriptedServer, ask: Any) -> None:
    server.stream("TO", "TAL", " 9.00")
    assert [d["content"] for d in ask(server, stream=True).deltas[1:-1]] == ["TO", "TAL", " 9.00"]


def test_a_stream_is_put_together_for_a_request_that_asks_for_none(server: ScriptedServer, ask: Any) -> None:
    server.stream("TO", "TAL", 0.001, " 9.00")
    assert ask(server).text == "TOTAL 9.00"


@pytest.mark.parametrize(
    ("options", "tails"),
    [
        pytest.param({"stream_options": {"include_usage": True}}, [{"prompt_tokens": 1}], id="asked for"),
        pytest.param({"stream_options": {"include_usage": False}}, [], id="declined"),
        pytest.param({}, [], id="not asked for"),
    ],
)
def test_usage_is_streamed_in_a_chunk_of_its_own_if_asked_for(
    server: ScriptedServer, ask: Any, options: dict[str, Any], tails: list[Any]
) -> None:
    server.say("x", usage={"prompt_tokens": 1})
    chunks = ask(server, stream=True, **options).chunks
    assert [chunk["usage"] for chunk in chunks if chunk["choices"] == []] == tails


def test_reasoning_and_a_refusal_are_streamed_in_fields_of_their_own(
    server: ScriptedServer, ask: Any
) -> None:
    server.say("", reasoning="let me", refusal="no way")
    assert ask(server, stream=True).deltas[1:-1] == [
        {"reasoning_content": "let "},
        {"reasoning_content": "me"},
        {"refusal": "no "},
        {"refusal": "way"},
    ]


def test_text_that_is_not_ascii_arrives_whole_and_streamed(server: ScriptedServer, ask: Any) -> None:
    text = "Müller – 9,00\u2028€ 🧾"
    server.say(text)
    streamed = "".join(delta.get("content", "") for delta in ask(server, stream=True).deltas)
    assert (ask(server).text, streamed) == (text, text)


def test_a_tool_call_is_a_message_with_its_arguments_as_json(server: ScriptedServer, ask: Any) -> None:
    server.call_tool("read_image", {"page": 1})
    choice = ask(server).json["choices"][0]
    (call,) = choice["message"]["tool_calls"]
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert call["function"] == {"name": "read_image", "arguments": '{"page": 1}'}


def test_a_tool_call_is_streamed_in_fragments(server: ScriptedServer, ask: Any) -> None:
    server.answer(Answer(tool_calls=(PARIS,), finish_reason="tool_calls"))
    answer = ask(server, stream=True)
    first, *rest = [delta["tool_calls"][0] for delta in answer.deltas if "tool_calls" in delta]
    assert (first["index"], first["id"], first["function"]["name"]) == (0, "call_1", "weather")
    assert len(rest) > 1
    assert "".join(fragment["function"]["arguments"] for fragment in rest) == PARIS.arguments
    assert answer.chunks[-1]["choices"][0]["finish_reason"] == "tool_calls"


def test_several_tool_calls_are_told_apart_by_index(server: ScriptedServer, ask: Any) -> None:
    server.answer(Answer(tool_calls=(PARIS, ToolCall("call_2", "clock", "{}"))))
    deltas = ask(server, stream=True).deltas
    calls = [call for delta in deltas for call in delta.get("tool_calls", ())]
    assert {call["id"]: call["index"] for call in calls if "id" in call} == {"call_1": 0, "call_2": 1}


def test_arguments_given_as_a_string_may_be_broken(server: ScriptedServer, ask: Any) -> None:
    server.call_tool("read_image", '{"page": ')
    (call,) = ask(server).json["choices"][0]["message"]["tool_calls"]
    assert call["function"]["arguments"] == '{"page": '


def test_tokens_are_words(server: ScriptedServer, ask: Any) -> None:
    server.say("fine, thank you very much")
    usage = {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}
    assert ask(server, messages=HELLO).json["usage"] == usage


def test_a_picture_counts_256_tokens_where_the_model_is_unknown(
    server: ScriptedServer, ask: Any, picture: Any, image_part: Any
) -> None:
    content = [image_part(picture()), {"type": "text", "text": "read this"}]
    answer = ask(server, messages=[{"role": "user", "content": content}])
    assert answer.json["usage"]["prompt_tokens"] == 258


def test_a_reply_is_sent_as_it_is(server: ScriptedServer, ask: Any) -> None:
    server.reply(status=429, json={"error": "slow down"}, headers={"Retry-After": "2"})
    answer = ask(server)
    assert (answer.status, answer.json, answer.headers["Retry-After"]) == (429, {"error": "slow down"}, "2")


def test_a_reply_may_be_text_of_any_type(server: ScriptedServer, ask: Any) -> None:
    server.reply(200, body="<title>Sign in</title>", headers={"Content-Type": "text/html"})
    answer = ask(server)
    assert (answer.headers["Content-Type"], answer.body) == ("text/html", b"<title>Sign in</title>")


def test_a_reply_without_a_body_has_none(server: ScriptedServer, ask: Any) -> None:
    server.reply(204)
    answer = ask(server)
    assert (answer.status, answer.body, "Content-Length" in answer.headers) == (204, b"", False)


def test_a_status_that_nobody_registered_is_sent(server: ScriptedServer, ask: Any) -> None:
    server.reply(529)
    assert ask(server).status == 529


@pytest.mark.parametrize(
    ("provider", "status", "code", "body"),
    [
        pytest.param(
            "openai",
            429,
            "rate_limit_exceeded",
            {
                "error": {
                    "message": "no",
                    "type": "rate_limit_error",
                    "param": None,
                    "code": "rate_limit_exceeded",
                }
            },
            id="openai",
        ),
        pytest.param(
            "devup",
            429,
            "rate_limit_exceeded",
            {"error": {"message": "no", "type": "devup_error", "code": "rate_limit_exceeded"}},
            id="devup",
        ),
        pytest.param("deepinfra", 429, None, {"error": {"message": "no"}}, id="deepinfra-429"),
        pytest.param("deepinfra", 404, None, {"detail": {"error": "no"}}, id="deepinfra-404"),
        pytest.param(
            "novita",
            403,
            "insufficient_quota",
            {"code": 403, "reason": "NOT_ENOUGH_BALANCE", "message": "no", "metadata": {}},
            id="novita-balance",
        ),
        pytest.param(
            "myrouter",
            503,
            None,
            {"code": 503, "reason": "SERVICE_NOT_AVAILABLE", "message": "no", "metadata": {}},
            id="myrouter",
        ),
        pytest.param(
            "hyperbolic",
            400,
            None,
            {"object": "error", "message": "no", "type": "BadRequestError", "param": None, "code": 400},
            id="hyperbolic-as-vllm",
        ),
        pytest.param(
            "openrouter",
            402,
            None,
            {"error": {"code": 402, "message": "no", "metadata": {}}},
            id="openrouter",
        ),
        pytest.param(
            "siliconflow", 400, None, {"code": 20012, "message": "no", "data": None}, id="siliconflow"
        ),
    ],
)
def test_a_refusal_has_the_shape_of_the_provider(
    own_row: Any, ask: Any, provider: str, status: int, code: str | None, body: Any
) -> None:
    with ScriptedServer(provider=own_row(provider), strict=False) as server:
        server.refuse(status, "no", code=code)
        answer = ask(server)
    assert (answer.status, answer.json) == (status, body)


def test_a_refusal_may_have_headers(server: ScriptedServer, ask: Any) -> None:
    server.refuse(429, "slow down", headers={"Retry-After": "2"})
    assert ask(server).headers["Retry-After"] == "2"


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(lambda seen: seen.text.upper(), id="a string"),
        pytest.param(lambda seen: Answer(seen.text.upper()), id="an answer"),
        pytest.param(Answer("HELLO"), id="no function at all"),
    ],
)
def test_an_answer_may_depend_on_the_question(server: ScriptedServer, ask: Any, reply: Any) -> None:
    server.answer(reply)
    assert ask(server).text == "HELLO"


def test_a_function_may_give_a_response(server: ScriptedServer, ask: Any) -> None:
    server.answer(lambda seen: Response(503 if seen.number == 1 else 200))
    assert [ask(server).status, ask(server).status] == [503, 200]


def test_what_a_function_raises_comes_out_of_stop(ask: Any) -> None:
    def reply(seen: Seen) -> str:
        raise LookupError("no such page")

    server = ScriptedServer().start()
    server.answer(reply)
    answer = ask(server)
    with pytest.raises(LookupError, match="no such page"):
        server.stop()
    assert answer.status == 500
    assert "LookupError" in answer.json["error"]["message"]


def test_an_error_of_the_test_itself_is_not_hidden_by_one_of_a_function(ask: Any) -> None:
    def run() -> None:
        with ScriptedServer() as server:
            server.answer(lambda seen: str(1 / 0))
            ask(server)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run()


def test_a_function_that_returns_no_reply_is_told_so(ask: Any) -> None:
    server = ScriptedServer().start()
    server.answer(lambda seen: 7)  # type: ignore[arg-type,return-value]
    ask(server)
    with pytest.raises(ConfigError, match="is of type int"):
        server.stop()


def test_a_raw_reply_writes_what_it_likes_and_the_connection_ends(server: ScriptedServer, ask: Any) -> None:
    body = json.dumps({"cut": "short"}).encode()

    def write(connection: Connection) -> None:
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + body[:8])

    server.answer(Raw(write))
    assert ask(server).body == body[:8]


def test_a_raw_reply_may_reset_the_connection(server: ScriptedServer, ask: Any) -> None:
    server.raw(Connection.reset)
    with pytest.raises(ConnectionResetError):
        ask(server)


def test_what_a_raw_reply_raises_comes_out_of_stop(ask: Any) -> None:
    def write(connection: Connection) -> None:
        raise LookupError("mine")

    server = ScriptedServer().start()
    server.raw(write)
    with pytest.raises(ConnectionError):
        ask(server)
    with pytest.raises(LookupError, match="mine"):
        server.stop()
