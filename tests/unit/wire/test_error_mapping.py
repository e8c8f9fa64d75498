"""Errors of providers, by what came back, and the wait that a provider asks for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from vlm_core.errors import (
    AuthenticationFailed,
    ContextOverflow,
    MalformedResponse,
    ModelNotFound,
    PayloadTooLarge,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerError,
)
from vlm_core.wire.error_mapping import is_error_body, read_error, read_inner_error, retry_after

KEY = "sk-canary-0123456789"


def openai(message: str = "m", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, **more}}


def packed(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        pytest.param(openai("Bad thing.", type="invalid_request_error"), "Bad thing", id="OpenAI"),
        pytest.param(openai("Not a vision model", type="devup_error", code="x"), "Not a vision", id="DevUp"),
        pytest.param({"detail": "Not here"}, "Not here", id="detail"),
        pytest.param({"detail": {"error": "Model busy"}}, "Model busy", id="detail with an error"),
        pytest.param({"error": "boom"}, "boom", id="a string"),
        pytest.param({"error": {"error": {"message": "deep"}}}, "deep", id="nested"),
        pytest.param(
            {"code": 400, "reason": "INVALID_REQUEST_BODY", "message": "no", "metadata": {}},
            "no",
            id="Novita",
        ),
        pytest.param({"code": 400, "reason": "INVALID", "message": ""}, "INVALID", id="a reason alone"),
        pytest.param(
            {"object": "error", "message": "flat", "type": "BadRequestError", "code": 400}, "flat", id="vLLM"
        ),
        pytest.param(
            {"code": 20012, "message": "no such thing", "data": None}, "no such thing", id="SiliconFlow"
        ),
        pytest.param(openai("lite", param=None, code="400"), "lite", id="litellm"),
        pytest.param([openai("listed", code=400, status="INVALID_ARGUMENT")], "listed", id="Gemini's list"),
        pytest.param(
            {"detail": "Validation Error", "errors": [{"msg": "no image"}]},
            "Validation Error: no image",
            id="list",
        ),
        pytest.param(
            {"detail": [{"loc": ["body", "detail"], "msg": "extra", "type": "t"}]},
            "body.detail: extra",
            id="422",
        ),
        pytest.param(
            openai("Provider returned error", metadata={"raw": json.dumps(openai("image/bmp is unknown"))}),
            "Provider returned error: image/bmp is unknown",
            id="OpenRouter, JSON in a string",
        ),
        pytest.param(
            openai("Provider returned error", metadata={"raw": "plain words"}),
            "Provider returned error: plain words",
            id="OpenRouter, words",
        ),
        pytest.param(openai('{"error": {"message": "wrapped"}}'), "wrapped", id="JSON in a message"),
        pytest.param(b"Internal  Server\nError", "Internal Server Error", id="plain text"),
        pytest.param("\ufeff" + json.dumps(openai("bom")), "bom", id="BOM"),
        pytest.param(b"<html><head><title>400 Bad &amp; wrong</title>", "400 Bad & wrong", id="HTML"),
        pytest.param(b"<html><h1>Too\n<b>large</b></h1>", "Too large", id="HTML without a title"),
        pytest.param(b"<html>", "a web page without a title", id="HTML without words"),
        pytest.param(b'{"error": {"mess', '{"error": {"mess', id="cut JSON"),
        pytest.param(b"\xff\xfe", "\ufffd\ufffd", id="no UTF-8"),
        pytest.param(b"", "Bad Request, without a word of its own", id="empty"),
        pytest.param({}, "Bad Request, without a word of its own", id="empty object"),
        pytest.param(b"null", "null", id="null"),
    ],
)
def test_a_body_of_any_shape_gives_the_providers_words(body: Any, words: str, lab: Any) -> None:
    body = body.encode() if isinstance(body, str) else packed(body)
    error = read_error(400, {}, body, lab)
    assert error.message.startswith(f"lab:m answered 400: {words}")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        pytest.param(400, openai("Bad"), RequestRejected, id="400"),
        pytest.param(401, openai("Bad"), AuthenticationFailed, id="401"),
        pytest.param(402, openai("Pay"), QuotaExhausted, id="402"),
        pytest.param(403, openai("No"), AuthenticationFailed, id="403"),
        pytest.param(404, openai("The model `x` does not exist"), ModelNotFound, id="404 model"),
        pytest.param(404, {"detail": {"error": "Model is not available"}}, ModelNotFound, id="404 DeepInfra"),
        pytest.param(404, b"Cannot POST /v1/chat/completions", RequestRejected, id="404 gateway"),
        pytest.param(404, {"detail": "Not Found"}, RequestRejected, id="404 FastAPI"),
        pytest.param(408, b"", ServerError, id="408"),
        pytest.param(409, b"", ServerError, id="409"),
        pytest.param(413, b"<html><title>413 Request Entity Too Large", PayloadTooLarge, id="413"),
        pytest.param(418, b"", RequestRejected, id="418"),
        pytest.param(422, openai("Bad"), RequestRejected, id="422"),
        pytest.param(429, openai("Slow down"), RateLimited, id="429"),
        pytest.param(499, b"", ServerError, id="499"),
        pytest.param(500, b"Internal Server Error", ServerError, id="500"),
        pytest.param(502, b"<html><title>502 Bad Gateway</title>", ServerError, id="502"),
        pytest.param(503, openai("model loading"), ServerError, id="503"),
        pytest.param(504, b"", ServerError, id="504"),
        pytest.param(524, b"", ServerError, id="524"),
        pytest.param(529, b"", ServerError, id="529"),
        pytest.param(101, b"", ServerError, id="no status for an error"),
        pytest.param(429, openai("x", code="insufficient_quota"), QuotaExhausted, id="OpenAI's quota"),
        pytest.param(
            403, {"code": 403, "reason": "NOT_ENOUGH_BALANCE"}, QuotaExhausted, id="Novita's balance"
        ),
        pytest.param(
            403, {"code": 403, "reason": "INVALID_API_KEY"}, AuthenticationFailed, id="Novita's key"
        ),
        pytest.param(403, openai("x", code="model_access_denied"), AuthenticationFailed, id="no access"),
        pytest.param(403, openai("Flagged", metadata={"reasons": ["v"]}), RequestRejected, id="moderation"),
        pytest.param(404, {"code": 404, "reason": "MODEL_NOT_FOUND"}, ModelNotFound, id="Novita's model"),
        pytest.param(429, {"code": 429, "reason": "TOKEN_LIMIT_EXCEEDED"}, RateLimited, id="tokens a minute"),
        pytest.param(429, openai("Model busy, retry later"), RateLimited, id="DeepInfra busy"),
        pytest.param(429, openai("You exceeded your current quota"), RateLimited, id="Gemini's minute"),
        pytest.param(
            400, {"code": 20012, "message": "Model does not exist."}, ModelNotFound, id="SiliconFlow"
        ),
        pytest.param(400, openai("x/y is not a valid model ID"), ModelNotFound, id="OpenRouter's model"),
        pytest.param(400, {"detail": "Server is pinned to the model tiny"}, ModelNotFound, id="transformers"),
        pytest.param(400, openai("API key not valid. Pass another"), AuthenticationFailed, id="Gemini's key"),
        pytest.param(400, openai("x", code="content_policy_violation"), RequestRejected, id="policy"),
        pytest.param(400, openai("x", code="context_length_exceeded"), ContextOverflow, id="context code"),
        pytest.param(
            400,
            openai("This model's maximum context length is 8 tokens"),
            ContextOverflow,
            id="vLLM's context",
        ),
        pytest.param(
            400,
            openai("The decoder prompt is longer than the maximum model length of 4096"),
            ContextOverflow,
            id="images fill the context",
        ),
        pytest.param(
            400, openai("litellm.ContextWindowExceededError: x"), ContextOverflow, id="litellm's context"
        ),
        pytest.param(500, openai("exceeds the available context size"), ContextOverflow, id="llama.cpp"),
        pytest.param(413, openai("prompt is too long"), ContextOverflow, id="413 of context"),
        pytest.param(400, openai("Image size is too large: 9 MB"), PayloadTooLarge, id="image too large"),
        pytest.param(
            400, openai("image exceeds the maximum size of 5 MB"), PayloadTooLarge, id="image exceeds"
        ),
        pytest.param(
            400, openai("too many pixels; maximum 33177600 pixels"), PayloadTooLarge, id="Groq's pixels"
        ),
        pytest.param(
            400, openai("unknown variant `image_url`, this model has none"), RequestRejected, id="text"
        ),
        pytest.param(
            400, openai("At most 1 image(s) may be provided"), RequestRejected, id="too many images"
        ),
        pytest.param(
            503, openai("The model does not exist on this node"), ServerError, id="503 about a model"
        ),
    ],
)
def test_status_and_words_tell_the_error(status: int, body: Any, kind: type, lab: Any) -> None:
    error = read_error(status, {}, packed(body), lab)
    assert (type(error), error.status, error.route) == (kind, status, "lab:m")


@pytest.mark.parametrize(
    ("status", "body", "hint"),
    [
        pytest.param(
            400,
            {"error": {"message": "Function call is missing a thought_signature in functionCall parts."}},
            "Give the assistant's messages back as they came",
            id="a lost signature",
        ),
        pytest.param(
            400,
            {
                "error": {
                    "message": "thinking is enabled but reasoning_content is missing in assistant tool call"
                }
            },
            "reasoning_content",
            id="lost reasoning",
        ),
        pytest.param(
            400,
            {
                "error": {
                    "message": "The `reasoning_content` in the thinking mode must be passed back to the API."
                }
            },
            "Give the assistant's messages back as they came",
            id="lost reasoning, in other words",
        ),
        pytest.param(
            400,
            {"error": {"message": "System message must be at the beginning."}},
            "one system message",
            id="a second system message",
        ),
        pytest.param(404, b"Cannot POST /v1/chat/completions", "Check the base_url", id="wrong address"),
        pytest.param(405, b"", "Check the base_url", id="wrong method"),
        pytest.param(400, openai("Timeout while downloading the image"), "send the bytes", id="URL, OpenAI"),
        pytest.param(500, openai("Failed to fetch image: timed out"), "send the bytes", id="URL, vLLM"),
        pytest.param(400, openai("At most 5 image(s) may be provided"), "Send fewer images", id="count"),
        pytest.param(400, openai("m does not support image input"), "Use a vision model", id="text model"),
        pytest.param(400, openai("x", code="content_policy_violation"), "policy refuses", id="policy"),
        pytest.param(404, openai("model not found"), "https://lab.example/models", id="list of models"),
        pytest.param(418, b"", "Change what the provider names", id="nothing better"),
    ],
)
def test_the_hint_says_what_to_do(status: int, body: Any, hint: str, make_endpoint: Any) -> None:
    endpoint = make_endpoint(model_list_url="https://lab.example/models")
    assert hint in read_error(status, {}, packed(body), endpoint).hint


@pytest.mark.parametrize(
    ("body", "parameter"),
    [
        pytest.param({"detail": [{"loc": ["body", "seed"], "msg": "extra"}]}, "seed", id="place"),
        pytest.param(
            {"detail": [{"loc": ["body", "stop", 0, "x"], "msg": "e"}]}, "stop", id="below an option"
        ),
        pytest.param(
            {"detail": [{"loc": ["body", "messages", 0, "content", 1, "image_url", "detail"], "msg": "e"}]},
            "detail",
            id="in a message",
        ),
        pytest.param(openai("x", param="stream_options"), "stream_options", id="OpenAI's param"),
        pytest.param(openai("x", param="messages.[0].content.[1].image_url.detail"), "detail", id="path"),
        pytest.param(openai("Unrecognized request argument supplied: seed"), "seed", id="unrecognized"),
        pytest.param(openai("Unknown parameter: 'top_k'."), "top_k", id="unknown"),
        pytest.param(
            openai("Unsupported parameter: 'max_tokens' is not supported with this model."),
            "max_tokens",
            id="uns.",
        ),
        pytest.param(openai("property 'logprobs' is unsupported"), "logprobs", id="Groq"),
        pytest.param(
            openai("[{'type': 'x', 'loc': ('body', 'user'), 'msg': 'Extra inputs are not permitted'}]"),
            "user",
            id="vLLM",
        ),
        pytest.param({"detail": "Unexpected keys in the request: {'foo'}"}, "foo", id="transformers"),
        pytest.param(
            openai("tool_choice 'required' is not supported"), "tool_choice", id="a value in quotes"
        ),
        pytest.param(openai("Extra inputs are not permitted, field: 'seed'"), "seed", id="behind"),
        pytest.param(openai("Something else is wrong"), None, id="none"),
        pytest.param(openai("x", param=None), None, id="null"),
        pytest.param(openai("x", param=7), None, id="a number"),
    ],
)
def test_a_rejected_option_is_named(body: Any, parameter: str | None, lab: Any) -> None:
    error = read_error(422, {}, packed(body), lab)
    assert isinstance(error, RequestRejected)
    assert error.parameter == parameter


@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param(openai("x", type="t", code="c"), "c", id="code before type"),
        pytest.param(openai("x", type="t", code="400"), "t", id="the status again"),
        pytest.param({"code": 400, "reason": "R", "message": "x"}, "R", id="reason"),
        pytest.param({"code": 20012, "message": "x"}, "20012", id="a number of their own"),
        pytest.param({"detail": "x"}, None, id="none"),
        pytest.param(openai("refused by our content policy"), "content_policy", id="ours"),
    ],
)
def test_the_code_is_the_providers_word(body: Any, code: str | None, lab: Any) -> None:
    assert read_error(400, {}, packed(body), lab).code == code


@pytest.mark.parametrize("status", [408, 499, 504, 524])
def test_a_wait_that_was_cut_may_be_billed(status: int, lab: Any) -> None:
    assert read_error(status, {}, b"", lab).may_be_billed


@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_a_refusal_is_not_billed(status: int, lab: Any) -> None:
    assert not read_error(status, {}, b"", lab).may_be_billed


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        pytest.param("https://u:p@evil.example:444/a?key=x", "https://evil.example:444", id="another host"),
        pytest.param("/v1/", "another path of the same host", id="a path"),
        pytest.param("http://[", "a broken address", id="broken"),
    ],
)
def test_a_redirect_shows_only_where_it_leads(location: str, shown: str, lab: Any) -> None:
    error = read_error(307, {"Location": location}, b"<html>", lab)
    assert type(error) is RequestRejected
    assert error.message == f"lab:m answered 307 and points to {shown}"
    assert "base_url" in error.hint


@pytest.mark.parametrize(
    ("status", "name"), [(304, "Not Modified"), (302, "Found"), (307, "Temporary Redirect")]
)
def test_a_3xx_that_names_no_address_is_not_said_to_lead_anywhere(status: int, name: str, lab: Any) -> None:
    error = read_error(status, {"Location": ""}, b"", lab)
    assert type(error) is RequestRejected
    assert error.message.startswith(f"lab:m answered {status} ({name}")
    assert "points to" not in error.message


@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_is_read_from_the_headers(status: int, lab: Any) -> None:
    error = read_error(status, {"Retry-After": "7"}, b"", lab)
    assert isinstance(error, (RateLimited, ServerError))
    assert error.retry_after == 7


def test_the_wait_is_read_from_headers_that_a_router_hands_on(lab: Any) -> None:
    body = openai("x", metadata={"headers": {"X-RateLimit-Reset": "1700000030000"}})
    error = read_error(429, {}, packed(body), lab, now=1_700_000_000)
    assert isinstance(error, RateLimited)
    assert error.retry_after == 30


@pytest.mark.parametrize(
    "name", ["x-request-id", "X-Request-ID", "request-id", "x-generation-id", "cf-ray", "apim-request-id"]
)
def test_the_request_id_is_kept(name: str, lab: Any) -> None:
    assert read_error(500, {name: "req-1"}, b"", lab).request_id == "req-1"


@pytest.mark.parametrize("where", ["message", "code", "cut"])
def test_a_key_that_a_server_says_back_is_hidden(where: str, make_endpoint: Any) -> None:
    endpoint = make_endpoint(api_key=KEY, headers={"X-Team": "secret-team"})
    bodies = {
        "message": openai(f"wrong key {KEY} of secret-team"),
        "code": openai("x", code=f"bad_{KEY}"),
        "cut": openai("x" * 495 + KEY),
    }
    error = read_error(400, {}, packed(bodies[where]), endpoint)
    shown = f"{error!r} {error} {vars(error)}"
    assert "canary" not in shown
    assert "sk-c" not in shown
    assert "secret-team" not in shown


def test_a_bearer_token_is_hidden_though_nobody_knows_it(lab: Any) -> None:
    error = read_error(400, {}, packed(openai("header Authorization: Bearer abc.def is bad")), lab)
    assert "abc.def" not in str(error)


def test_a_picture_that_a_server_says_back_is_cut_out(lab: Any) -> None:
    error = read_error(400, {}, packed(openai("bad image data:image/png;base64," + "iVBORw" * 60)), lab)
    assert error.message.endswith("data:image/png;base64,…")


def test_the_words_are_short(lab: Any) -> None:
    error = read_error(400, {}, packed(openai("many words " * 999)), lab)
    assert len(error.message) <= len("lab:m answered 400: ") + 500
    assert error.message.endswith("…")


@pytest.mark.parametrize(
    ("chunk", "is_error"),
    [
        pytest.param({"error": {"message": "x"}}, True, id="object"),
        pytest.param({"error": "boom"}, True, id="string"),
        pytest.param({"error": "boom", "choices": [{}]}, True, id="with choices"),
        pytest.param({"code": 500, "reason": "R", "message": "x"}, True, id="Novita"),
        pytest.param({"object": "error", "message": "x"}, True, id="vLLM"),
        pytest.param({"detail": "x"}, True, id="detail"),
        pytest.param({"error": None, "choices": []}, False, id="null"),
        pytest.param({"choices": [{}], "code": 0, "message": "ok"}, False, id="an answer with a code"),
        pytest.param({"usage": {}, "choices": None}, False, id="usage"),
        pytest.param({"type": "ping"}, False, id="ping"),
    ],
)
def test_an_error_inside_an_answer_is_found(chunk: Any, is_error: bool) -> None:
    assert is_error_body(chunk) is is_error


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(openai("x", code=429), RateLimited, id="code"),
        pytest.param(openai("x", code="503"), ServerError, id="code as a string"),
        pytest.param(openai("x", code=402), QuotaExhausted, id="credits"),
        pytest.param({"code": 500, "reason": "R", "message": "x"}, ServerError, id="Novita"),
        pytest.param({"code": 20012, "message": "Model does not exist"}, ModelNotFound, id="words"),
        pytest.param(openai("x", type="overloaded_error"), ServerError, id="type"),
        pytest.param(openai("x", code="context_length_exceeded"), ContextOverflow, id="code as a word"),
        pytest.param(openai("x", code="rate_limit_exceeded"), RateLimited, id="limit as a word"),
        pytest.param({"error": "boom"}, MalformedResponse, id="no clue"),
        pytest.param("boom", MalformedResponse, id="plain words"),
        pytest.param({"error": {"code": 12}}, MalformedResponse, id="a number that is not a status"),
    ],
)
def test_an_error_inside_an_answer_is_mapped(value: Any, kind: type, lab: Any) -> None:
    error = read_inner_error(value, {"x-request-id": "r"}, lab)
    assert (type(error), error.route, error.request_id) == (kind, "lab:m", "r")


NOW = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"
LATER = "Tue, 14 Nov 2023 22:13:50 GMT"


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({"retry-after": "3"}, 3, id="seconds"),
        pytest.param({"retry-after": " 0.5 "}, 0.5, id="a fraction"),
        pytest.param({"retry-after": "0"}, 0, id="now"),
        pytest.param({"retry-after": "600"}, 600, id="long"),
        pytest.param({"retry-after": LATER, "date": DATE}, 30, id="a date against the answer's own"),
        pytest.param({"retry-after-ms": "250"}, 0.25, id="milliseconds"),
        pytest.param({"retry-after": "2", "retry-after-ms": "9"}, 2, id="seconds before milliseconds"),
        pytest.param({"retry-after": "soon", "retry-after-ms": "9"}, 0.009, id="the next that can be read"),
        pytest.param({"x-ratelimit-reset": "1700000030", "date": DATE}, 30, id="stamp in seconds"),
        pytest.param({"x-ratelimit-reset": "1700000030000", "date": DATE}, 30, id="stamp in milliseconds"),
        pytest.param({"x-ratelimit-reset": "12"}, 12, id="reset as a wait"),
        pytest.param({}, None, id="none"),
        pytest.param({"retry-after": "-5"}, None, id="negative"),
        pytest.param({"retry-after": "nan"}, None, id="NaN"),
        pytest.param({"retry-after": "inf"}, None, id="infinite"),
        pytest.param({"retry-after": "1e300"}, None, id="absurd"),
        pytest.param({"retry-after": "9999999"}, None, id="over a week"),
        pytest.param({"retry-after": "soon"}, None, id="a word"),
        pytest.param({"retry-after": ""}, None, id="empty"),
        pytest.param({"retry-after": LATER}, None, id="a date against nothing"),
        pytest.param({"retry-after": DATE, "date": LATER}, None, id="a date that is over"),
        pytest.param({"retry-after": "Tue, 99 Nov 2023 22:13:50 GMT", "date": DATE}, None, id="no such date"),
        pytest.param({"x-ratelimit-reset": "1700000030"}, None, id="stamp against nothing"),
        pytest.param({"x-ratelimit-reset": "1600000000", "date": DATE}, None, id="stamp that is over"),
    ],
)
def test_every_way_to_say_it(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == pytest.approx(seconds)


@pytest.mark.parametrize("headers", [{"retry-after": LATER}, {"retry-after": LATER, "date": LATER}])
def test_a_given_time_counts_before_the_answers_own(headers: dict[str, str]) -> None:
    assert retry_after(headers, now=NOW) == 30
