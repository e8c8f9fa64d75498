"""Each fault does on the wire what its row says."""

from __future__ import annotations

import gzip
import json
import re
import socket
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from vlm_core.errors import ConfigError
from vlm_core.testing import ScriptedServer
from vlm_core.testing.fault_parts import TEXT, UNICODE
from vlm_core.testing.faults import FAULTS, find_fault

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "test-your-program.md"
BOTH = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
USAGE = {"include_usage": True}


@dataclass
class Came:
    """All that came over a connection, and how it ended."""

    data: bytes
    end: str

    @property
    def head(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[0]

    @property
    def rest(self) -> bytes:
        return self.data.partition(b"\r\n\r\n")[2]


def raw_request(server: ScriptedServer, stream: bool) -> bytes:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "hi"}], "stream": stream})
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nAuthorization: Bearer {server.api_key}\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return (head + body).encode()


def listen(server: ScriptedServer, stream: bool = False, seconds: float = 30.0) -> Came:
    """Ask, and take what comes until the connection ends or is silent for so many seconds."""
    address = urlsplit(server.base_url)
    data = b""
    with socket.create_connection((address.hostname, address.port), timeout=seconds) as client:
        client.sendall(raw_request(server, stream))
        try:
            while piece := client.recv(2**16):
                data += piece
        except ConnectionResetError:
            return Came(data, "reset")
        except TimeoutError:
            return Came(data, "silent")
    return Came(data, "closed")


# --- the table


def test_the_table_holds_every_fault_of_the_wire() -> None:
    # A server that cannot be reached (1) is one that was stopped.
    known = {1} | {fault.number for fault in FAULTS.values()}
    assert known >= {*range(1, 11), *range(14, 45), *range(47, 64)}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_says_in_a_sentence_what_it_does(name: str) -> None:
    assert re.fullmatch(r"[A-Z].+\.", FAULTS[name].does)
    assert re.fullmatch(r"[a-z0-9_]+", name)


def test_the_documentation_lists_every_fault_and_no_other() -> None:
    table = re.findall(r"^\| `(\w+)` \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert dict(table) == {name: fault.does for name, fault in FAULTS.items()}


@BOTH
@pytest.mark.parametrize("name", FAULTS)
def test_the_server_is_well_after_every_fault(name: str, stream: bool, ask: Any) -> None:
    small = {"seconds": 0.0, "max_bytes": 2**20, "unpacked_bytes": 2**22, "characters": 100_000}
    known = FAULTS[name].settings
    settings = {key: value for key, value in small.items() if key in known}
    with ScriptedServer() as server:
        server.fault(name, **settings)
        server.say("TOTAL 9.00")
        assert listen(server, stream).end in ("closed", "reset")
        assert ask(server).text == "TOTAL 9.00"


# --- the queue


def test_a_fault_is_queued_as_often_as_told(server: ScriptedServer, ask: Any) -> None:
    server.fault("status_503", times=2)
    server.say("TOTAL 9.00")
    assert [ask(server).status for _ in range(4)] == [503, 503, 200, 200]


def test_the_last_fault_repeats(server: ScriptedServer, ask: Any) -> None:
    server.fault("status_503")
    assert [ask(server).status for _ in range(3)] == [503, 503, 503]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param({"name": "status_530"}, "status_503", id="name"),
        pytest.param({"name": "stalls", "second": 1}, "seconds", id="setting"),
        pytest.param({"name": "reset_before_headers", "seconds": 1}, "none", id="no-settings-at-all"),
        pytest.param({"name": "stalls", "times": 0}, "times=0", id="times"),
    ],
)
def test_a_fault_that_there_is_not_is_refused(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        ScriptedServer().fault(**arguments)


def test_a_fault_with_other_settings_leaves_the_table_alone() -> None:
    assert find_fault("stalls").but(seconds=9).settings["seconds"] == 9
    assert find_fault("stalls").settings["seconds"] == 2


def test_an_error_speaks_as_the_provider_does(ask: Any) -> None:
    with ScriptedServer(provider="novita") as server:
        server.fault("quota_402", code="insufficient_quota")
        assert ask(server).json["reason"] == "NOT_ENOUGH_BALANCE"


# --- the connection


def test_a_server_that_was_stopped_refuses_connections(server: ScriptedServer) -> None:
    server.stop()
    with pytest.raises(ConnectionRefusedError):
        listen(server)


@BOTH
@pytest.mark.parametrize(
    ("name", "end"),
    [
        pytest.param("reset_before_headers", "reset", id="reset"),
        pytest.param("close_before_headers", "closed", id="close"),
    ],
)
def test_nothing_comes_before_the_end(server: ScriptedServer, name: str, end: str, stream: bool) -> None:
    server.fault(name)
    assert listen(server, stream) == Came(b"", end)


def test_what_is_no_http_comes_as_it_is(server: ScriptedServer) -> None:
    server.fault("not_http", data=b"220 mail ESMTP\r\n")
    assert listen(server) == Came(b"220 mail ESMTP\r\n", "closed")


@BOTH
def test_a_server_that_never_answers_keeps_the_connection(server: ScriptedServer, stream: bool) -> None:
    server.fault("never_answers", seconds=30)
    assert listen(server, stream, 0.1) == Came(b"", "silent")


@BOTH
def test_a_late_answer_has_its_head_at_once(server: ScriptedServer, stream: bool) -> None:
    server.fault("late_first_token", seconds=30)
    server.fault("late_first_token", seconds=0)
    first, second = listen(server, stream, 0.1), listen(server, stream)
    assert (first.end, first.rest) == ("silent", b"")
    assert first.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert second.data.endswith(b"0\r\n\r\n")


@BOTH
def test_a_dripping_answer_is_sound_and_slow(server: ScriptedServer, stream: bool) -> None:
    server.fault("drips", seconds=30)
    server.fault("drips", seconds=0)
    slow, whole = listen(server, stream, 0.1), listen(server, stream)
    assert (slow.end, slow.rest) == ("silent", b"")
    length = re.search(rb"Content-Length: (\d+)", whole.head)
    assert length
    assert int(length[1]) == len(whole.rest)
    assert b"answer." in whole.rest


@BOTH
def test_a_cut_body_is_shorter_than_was_announced(server: ScriptedServer, stream: bool) -> None:
    server.fault("body_cut")
    came = listen(server, stream)
    length = re.search(rb"Content-Length: (\d+)", came.head)
    assert length
    assert came.end == "closed"
    assert 0 < len(came.rest) < int(length[1])


@BOTH
def test_a_cut_chunk_is_shorter_than_was_announced(server: ScriptedServer, stream: bool) -> None:
    server.fault("chunk_cut")
    came = listen(server, stream)
    announced, _, part = came.data.rpartition(b"\r\n")
    assert announced.endswith(b"\r\n400")
    assert 0 < len(part) < 0x400
    assert came.end == "closed"


@BOTH
def test_a_reset_comes_behind_the_beginning_of_an_answer(server: ScriptedServer, stream: bool) -> None:
    server.fault("reset_in_body")
    came = listen(server, stream)
    assert came.end == "reset"
    assert b"200 OK" in came.head
    assert not came.data.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_stream_falls_silent_behind_so_many_pieces(server: ScriptedServer, after: int) -> None:
    server.fault("stalls", after=after, seconds=30, text="a b c d e f")
    came = listen(server, stream=True, seconds=0.1)
    assert came.end == "silent"
    assert re.findall(r'"content":"(\w) "', came.rest.decode()) == list("abcdef")[:after]


def test_a_whole_answer_falls_silent_in_the_middle(server: ScriptedServer) -> None:
    server.fault("stalls", seconds=30)
    came = listen(server, seconds=0.1)
    assert came.end == "silent"
    assert b'"chat.completion"' in came.rest
    assert not came.data.endswith(b"0\r\n\r\n")


def test_a_stream_may_hold_nothing_more_than_comments(server: ScriptedServer) -> None:
    server.fault("stream_only_comments", seconds=0, beats=3, after=1)
    came = listen(server, stream=True)
    assert came.data.count(b": keep-alive\n\n") == 3
    assert came.rest.count(b'"content":') == 2
    assert not came.data.endswith(b"0\r\n\r\n")


@BOTH
def test_an_endless_answer_goes_on_until_the_client_leaves(server: ScriptedServer, stream: bool) -> None:
    server.fault("endless")
    address = urlsplit(server.base_url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as client:
        client.sendall(raw_request(server, stream))
        came = 0
        while came < 10_000_000:
            came += len(client.recv(2**20))


# --- the status


@BOTH
@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        pytest.param("rate_limited", 429, "Rate limit", id="429"),
        pytest.param("rate_limited_silent", 429, "Rate limit", id="429-silent"),
        pytest.param("quota_429", 429, "insufficient_quota", id="quota-429"),
        pytest.param("quota_402", 402, "balance", id="quota-402"),
        pytest.param("status_500", 500, "error", id="500"),
        pytest.param("status_502", 502, "gateway", id="502"),
        pytest.param("status_503", 503, "overloaded", id="503"),
        pytest.param("status_504", 504, "in time", id="504"),
        pytest.param("unauthorized", 401, "invalid_api_key", id="401"),
        pytest.param("forbidden", 403, "may not use", id="403"),
        pytest.param("image_too_large", 400, "image is too large", id="image-too-large"),
        pytest.param("context_too_long", 400, "context_length_exceeded", id="context"),
        pytest.param("content_policy", 400, "content_policy_violation", id="policy"),
        pytest.param("unknown_model", 404, "model_not_found", id="404"),
    ],
)
def test_a_refusal_is_json_with_a_status(
    server: ScriptedServer, ask: Any, name: str, status: int, words: str, stream: bool
) -> None:
    server.fault(name)
    answered = ask(server, stream=stream)
    assert answered.status == status
    assert words in json.dumps(answered.json["error"])


@pytest.mark.parametrize(("name", "status"), [("html_502", 502), ("html_524", 524), ("html_413", 413)])
def test_a_gateway_answers_with_a_page(server: ScriptedServer, ask: Any, name: str, status: int) -> None:
    server.fault(name)
    answered = ask(server)
    assert (answered.status, answered.headers["Content-Type"]) == (status, "text/html")
    assert f"<title>{status}".encode() in answered.body


@pytest.mark.parametrize("status", [302, 307])
def test_a_redirect_points_elsewhere(server: ScriptedServer, ask: Any, status: int) -> None:
    server.fault(f"redirect_{status}", location="http://127.0.0.1:9/x")
    answered = ask(server)
    assert (answered.status, answered.headers["Location"]) == (status, "http://127.0.0.1:9/x")


def seconds_in_number(headers: Any) -> float:
    return float(headers["Retry-After"])


def seconds_to_date(headers: Any) -> float:
    later, now = (parsedate_to_datetime(headers[name]) for name in ("Retry-After", "Date"))
    return (later - now).total_seconds()


def milliseconds_in_number(headers: Any) -> float:
    return float(headers["retry-after-ms"]) / 1000


def seconds_to_reset(headers: Any) -> float:
    return float(headers["X-RateLimit-Reset"]) / 1000 - parsedate_to_datetime(headers["Date"]).timestamp()


@pytest.mark.parametrize(
    ("name", "read", "settings", "seconds"),
    [
        pytest.param("rate_limited", seconds_in_number, {"seconds": 7}, 7, id="seconds"),
        pytest.param("rate_limited_date", seconds_to_date, {"seconds": 1.5}, 2, id="date"),
        pytest.param("rate_limited_ms", milliseconds_in_number, {"seconds": 0.25}, 0.25, id="ms"),
        pytest.param("rate_limited_reset", seconds_to_reset, {"seconds": 3}, 3, id="reset"),
        pytest.param("rate_limited_long", seconds_in_number, {}, 600, id="long"),
    ],
)
def test_a_limited_client_is_told_how_long_to_wait(
    server: ScriptedServer,
    ask: Any,
    name: str,
    read: Callable[[Any], float],
    settings: dict[str, float],
    seconds: float,
) -> None:
    server.fault(name, **settings)
    assert read(ask(server).headers) == pytest.approx(seconds)


def test_a_limited_client_may_be_told_nothing(server: ScriptedServer, ask: Any) -> None:
    server.fault("rate_limited_silent")
    assert not re.search("retry|ratelimit", " ".join(ask(server).headers).lower())


def test_an_unknown_parameter_is_refused_where_it_is_found(server: ScriptedServer, ask: Any) -> None:
    server.fault("unknown_parameter", parameter="top_p")
    refused, answered = ask(server, top_p=1), ask(server, temperature=0)
    assert (refused.status, refused.json["error"]["param"]) == (422, "top_p")
    assert answered.text == TEXT


# --- the body


@BOTH
@pytest.mark.parametrize(
    ("name", "status", "body"),
    [
        pytest.param("no_content", 204, rb"", id="204"),
        pytest.param("empty_body", 200, rb"", id="empty"),
        pytest.param("error_inside", 200, rb'\{"error":\{.*"code":502\}\}', id="error"),
        pytest.param("html_200", 200, rb"<html>.*<title>Sign in.*", id="page"),
        pytest.param("json_cut", 200, rb"\{.*[^}]", id="cut"),
        pytest.param("choices_empty", 200, rb'\{.*"choices":\[\].*\}', id="choices-empty"),
        pytest.param("choices_null", 200, rb'\{.*"choices":null.*\}', id="choices-null"),
    ],
)
def test_a_body_that_is_no_answer(
    server: ScriptedServer, ask: Any, name: str, status: int, body: bytes, stream: bool
) -> None:
    server.fault(name)
    answered = ask(server, stream=stream)
    assert answered.status == status
    assert re.fullmatch(body, answered.body, re.DOTALL)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        pytest.param("content_null", {"content": None}, id="null"),
        pytest.param("content_parts", {"content": [{"type": "text", "text": TEXT}]}, id="parts"),
        pytest.param("reasoning_only", {"content": "", "finish_reason": "stop"}, id="reasoning"),
        pytest.param("truncated", {"content": TEXT, "finish_reason": "length"}, id="length"),
        pytest.param("content_filter", {"finish_reason": "content_filter"}, id="filter"),
        pytest.param("refusal", {"content": None, "refusal": "I cannot help with that."}, id="refusal"),
        pytest.param("usage_null", {"content": TEXT, "usage": None}, id="usage-null"),
        pytest.param("other_model", {"content": TEXT, "model": "another-vlm"}, id="model"),
        pytest.param(
            "not_a_number", {"content": TEXT, "score": pytest.approx(float("nan"), nan_ok=True)}, id="nan"
        ),
    ],
)
def test_a_whole_answer_that_is_unusual(
    server: ScriptedServer, ask: Any, name: str, expected: dict[str, Any]
) -> None:
    server.fault(name)
    answer = ask(server).json
    (choice,) = answer["choices"]
    found = {**answer, **choice, **choice["message"]}
    assert {key: found[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        pytest.param("content_null", [None] * 6, id="null"),
        pytest.param(
            "content_parts", [[], *([{"type": "text", "text": word}] for word in TEXT.split())], id="parts"
        ),
        pytest.param("reasoning_only", [""], id="reasoning"),
    ],
)
def test_a_streamed_answer_that_is_unusual(
    server: ScriptedServer, ask: Any, name: str, said: list[Any]
) -> None:
    server.fault(name)
    deltas = [delta["content"] for delta in ask(server, stream=True).deltas if "content" in delta]
    assert json.loads(json.dumps(deltas).replace(' "}', '"}')) == said


@BOTH
def test_usage_may_be_missing(server: ScriptedServer, ask: Any, stream: bool) -> None:
    server.fault("usage_missing")
    assert b"usage" not in ask(server, stream=stream, stream_options=USAGE).body


@BOTH
def test_a_body_may_begin_with_a_mark(server: ScriptedServer, ask: Any, stream: bool) -> None:
    server.fault("byte_order_mark")
    body = ask(server, stream=stream).body
    assert body.startswith(b"\xef\xbb\xbf" + (b"data: {" if stream else b"{"))


@BOTH
def test_a_wrong_charset_stands_before_utf_8(server: ScriptedServer, ask: Any, stream: bool) -> None:
    server.fault("wrong_charset")
    answered = ask(server, stream=stream)
    assert answered.headers["Content-Type"].endswith("; charset=latin-1")
    assert UNICODE.split()[-1] in answered.body.decode()


@BOTH
@pytest.mark.parametrize("name", ["gzip_unasked", "gzip_untrue"])
def test_a_body_is_said_to_be_compressed(server: ScriptedServer, ask: Any, name: str, stream: bool) -> None:
    server.fault(name)
    answered = ask(server, stream=stream)
    assert answered.headers["Content-Encoding"] == "gzip"
    packed = name == "gzip_unasked"
    assert b"scripted" in (gzip.decompress(answered.body) if packed else answered.body)


def test_a_bomb_is_a_thousand_times_what_is_sent(server: ScriptedServer, ask: Any) -> None:
    server.fault("gzip_bomb", unpacked_bytes=2**26)
    answered = ask(server)
    assert answered.headers["Content-Encoding"] == "gzip"
    unpacking = zlib.decompressobj(zlib.MAX_WBITS | 16)
    assert len(unpacking.decompress(answered.body)) == 2**26 > 900 * len(answered.body)
    assert unpacking.eof


@BOTH
def test_a_long_answer_has_as_many_characters_as_told(server: ScriptedServer, ask: Any, stream: bool) -> None:
    server.fault("long_answer", characters=1_234_567)
    answered = ask(server, stream=stream)
    text = "".join(delta.get("content", "") for delta in answered.deltas) if stream else answered.text
    assert len(text) == 1_234_567


# --- the events of a stream


def streamed(server: ScriptedServer, ask: Any, name: str, **settings: Any) -> str:
    server.fault(name, **settings)
    return str(ask(server, stream=True, stream_options=USAGE).body.decode())


STREAMS = [name for name in FAULTS if name.startswith("stream_")]


@pytest.mark.parametrize("name", [name for name in STREAMS if "as_json" not in name])
def test_a_whole_answer_has_no_fault_of_a_stream(server: ScriptedServer, ask: Any, name: str) -> None:
    server.fault(name, text="TOTAL 9.00")
    assert ask(server).text == "TOTAL 9.00"


def test_a_stream_may_end_without_an_end(server: ScriptedServer, ask: Any) -> None:
    body = streamed(server, ask, "stream_ends_early", after=2, text="a b c d")
    assert re.findall(r'"content":"(\w) "', body) == ["a", "b"]
    assert '"stop"' not in body
    assert "[DONE]" not in body


def test_a_stream_may_end_without_done(server: ScriptedServer, ask: Any) -> None:
    body = streamed(server, ask, "stream_without_done")
    assert '"finish_reason":"stop"' in body
    assert '"usage"' in body
    assert "[DONE]" not in body


def test_a_stream_may_end_without_a_finish_reason(server: ScriptedServer, ask: Any) -> None:
    body = streamed(server, ask, "stream_without_finish_reason")
    assert '"finish_reason":"stop"' not in body
    assert '"usage"' in body
    assert body.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize(
    ("name", "end"),
    [
        pytest.param("stream_error", r'data: \{"error":\{"message":".*","code":502\}\}\n\n', id="object"),
        pytest.param(
            "stream_error_event", r'event: error\ndata: \{"message":".*"code":502\}\n\n', id="event"
        ),
        pytest.param("stream_error_string", r'data: \{"error":"upstream failed"\}\n\n', id="string"),
    ],
)
def test_an_error_takes_the_place_of_the_rest(server: ScriptedServer, ask: Any, name: str, end: str) -> None:
    body = streamed(server, ask, name, after=1, text="a b c d")
    assert re.findall(r'"content":"(\w) "', body) == ["a"]
    assert re.search(f"\n\n{end}$", body)


def test_one_event_is_damaged_and_the_others_are_sound(server: ScriptedServer, ask: Any) -> None:
    body = streamed(server, ask, "stream_damaged", after=1, text="a b c d")
    *events, done = [event.removeprefix("data: ") for event in body.split("\n\n") if event]
    assert done == "[DONE]"
    assert re.findall(r'"content":"(\w) ?"', body) == ["a", "c", "d"]
    with pytest.raises(ValueError):
        json.loads(events[2])
    assert [json.loads(event) for event in events[:2] + events[3:]]


@pytest.mark.parametrize(
    ("name", "sign"),
    [
        pytest.param("stream_comments", "\n: keep-alive\n\nid: 7\n", id="comments"),
        pytest.param("stream_crlf", '}\r\n\r\ndata:{"', id="crlf"),
        pytest.param("stream_lines", '\ndata:  "choices": [\ndata:   {\n', id="lines"),
        pytest.param("stream_separators", '"one\u2028"', id="line-separator"),
        pytest.param("stream_separators", '"two \x85"', id="next-line"),
        pytest.param("stream_choices_null", '"choices":null,"usage":{', id="choices-null"),
        pytest.param("stream_choices_empty", '"choices":[],"usage":{', id="choices-empty"),
        pytest.param("stream_goes_on", 'data: [DONE]\n\ndata: {"', id="more"),
        pytest.param("stream_as_html", "<title>Sign in", id="page"),
        pytest.param("stream_as_json", '"message":{"role":"assistant"', id="json"),
    ],
)
def test_a_stream_that_is_unusual(server: ScriptedServer, ask: Any, name: str, sign: str) -> None:
    assert sign in streamed(server, ask, name)


def test_a_character_is_cut_into_bytes(server: ScriptedServer) -> None:
    server.fault("stream_single_bytes", text="Ü")
    assert b"1\r\n\xc3\r\n1\r\n\x9c\r\n" in listen(server, stream=True).data
