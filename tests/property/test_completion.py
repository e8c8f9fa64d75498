"""Requests and answers that hold anything."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider, Quirk
from vlm_core.completion import EncodedImage
from vlm_core.errors import ProviderError, VLMError
from vlm_core.secret import Secret
from vlm_core.wire.request import Request, ResponseOptions, build_request
from vlm_core.wire.response import StreamedAnswer, read_completion, read_error

KEY = "sk-canary-42"
LAB = Endpoint(
    Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab.example/v1", Secret(KEY)
)

IMAGES = st.builds(
    EncodedImage, st.binary(max_size=40), st.sampled_from(["png", "jpeg"]), st.just(1), st.just(1)
)
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))
PARTS = st.lists(UNICODE | IMAGES, min_size=1)

# JSON in which the names that are read come often, with values of any type.
NAMES = st.sampled_from(
    [
        *("choices", "message", "delta", "content", "text", "type", "reasoning", "reasoning_content"),
        *("reasoning_details", "tool_calls", "function", "name", "arguments", "id", "index", "finish_reason"),
        *("refusal", "usage", "prompt_tokens", "prompt_tokens_details", "cost", "error", "code", "detail"),
        *("errors", "loc", "msg", "param", "reason", "metadata", "raw", "reasons", "headers", "status"),
        *("object", "model", "logprobs"),
    ]
)
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
    | st.sampled_from(["stop", "error", "thinking", "429", "look", "{}", "<think>", "\ud83d"])
)  # fmt: skip
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=25,
)
ANSWERS = JSON | st.fixed_dictionaries(
    {"choices": st.lists(st.dictionaries(NAMES, JSON, max_size=4) | JSON, max_size=2)},
    optional={"usage": JSON},
)
READINGS = st.builds(
    ResponseOptions, st.none() | st.just("look"), st.booleans(), st.booleans(), st.booleans()
)


def as_part(part: str | EncodedImage) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image", "image": part}


def as_sent(part: str | EncodedImage) -> dict[str, Any]:
    if isinstance(part, str):
        return {"type": "text", "text": part}
    return {"type": "image_url", "image_url": {"url": part.data_uri.decode()}}


@given(st.lists(PARTS, min_size=1), UNICODE)
def test_a_body_holds_what_was_asked_to_the_letter(contents: list[list[Any]], user: str) -> None:
    messages = [{"role": "user", "content": [as_part(part) for part in parts]} for parts in contents]
    body = json.loads(build_request(messages, {"user": user}, LAB).body)
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": [as_sent(part) for part in parts]} for parts in contents],
        "user": user,
    }


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), PARTS), min_size=1),
    st.sampled_from(["user_message", "inline"]),
    st.sets(st.sampled_from(list(Quirk))),
)
def test_no_image_and_no_text_is_lost_wherever_it_moves(
    turns: list[tuple[str, list[Any]]], tool_images: Any, quirks: set[Quirk]
) -> None:
    provider = Provider(name="lab", quirks=frozenset(quirks))
    endpoint = Endpoint(provider, "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab.example/v1")
    messages = [
        {"role": role, "tool_call_id": "c", "content": [as_part(part) for part in parts]}
        for role, parts in turns
    ]
    body = build_request(messages, {}, endpoint, tool_images=tool_images).body
    given_parts = [part for _, parts in turns for part in parts]
    uris = sorted(part.data_uri for part in given_parts if isinstance(part, EncodedImage))
    sent = [part for message in json.loads(body)["messages"] for part in parts_of(message)]
    assert sorted(part["image_url"]["url"].encode() for part in sent if "image_url" in part) == uris
    text = "\n".join(part["text"] for part in sent if "text" in part)
    assert all(part in text for part in given_parts if isinstance(part, str))


def parts_of(message: dict[str, Any]) -> list[dict[str, Any]]:
    content = message["content"]
    return [{"text": content}] if isinstance(content, str) else content


@given(ANSWERS, READINGS)
def test_an_answer_of_any_shape_raises_only_our_errors(answer: Any, reading: ResponseOptions) -> None:
    with contextlib.suppress(VLMError):
        completion = read_completion(json.dumps(answer).encode(), Request(b"", reading=reading), LAB)
        completion.text.encode()
        completion.reasoning.encode()


@given(st.lists(ANSWERS), READINGS)
def test_chunks_of_any_shape_raise_only_our_errors(chunks: list[Any], reading: ResponseOptions) -> None:
    stream = StreamedAnswer(Request(b"", stream=True, reading=reading), LAB)
    with contextlib.suppress(VLMError):
        for chunk in chunks:
            stream.feed(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        assert stream.finish().text.startswith(stream.partial)


@given(
    st.integers(100, 999),
    st.dictionaries(st.text(), st.text()),
    st.binary() | JSON.map(json.dumps).map(str.encode),
)
def test_every_refusal_is_an_error_of_the_provider(status: int, headers: dict[str, str], body: bytes) -> None:
    error = read_error(status, headers, body, LAB)
    assert isinstance(error, ProviderError)
    assert error.hint
    assert len(error.message) < 600


@given(st.text(), st.text(), st.integers(400, 599))
def test_a_key_is_never_said_back(before: str, after: str, status: int) -> None:
    body = json.dumps({"error": {"message": f"{before}{KEY}{after}", "code": f"{before}{KEY}"}}).encode()
    error = read_error(status, {}, body, LAB)
    assert KEY not in f"{error!r}{error}{vars(error)}"
