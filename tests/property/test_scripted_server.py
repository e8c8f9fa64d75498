"""Whatever a client sends, the strict server answers or refuses; it never fails itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vlm_core.testing import ScriptedServer

LEAVES = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False) | st.text(max_size=5)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
ADDRESSES = st.sampled_from(
    ["", "data:", "data:image/png;base64,", "data:image/gif;base64,R0lGODlh", "https://example.org/a.png"]
)
PARTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image_url"]) | JSON},
    optional={
        "text": JSON,
        "image_url": st.fixed_dictionaries({"url": ADDRESSES | JSON}, optional={"detail": JSON}) | JSON,
    },
)
MESSAGES = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "tool", "system"]) | JSON},
    optional={"content": st.lists(PARTS | JSON, max_size=3) | JSON, "tool_calls": JSON, "tool_call_id": JSON},
)
BODIES = st.fixed_dictionaries(
    {"model": st.sampled_from(["m", "Qwen/Qwen2.5-VL-7B-Instruct"]) | JSON},
    optional={
        "messages": st.lists(MESSAGES, max_size=3) | JSON,
        "stream": st.booleans() | JSON,
        "stream_options": JSON,
        "tools": JSON,
        "tool_choice": JSON,
        "response_format": st.fixed_dictionaries({"type": JSON}) | JSON,
    },
)


@pytest.fixture(scope="module", params=["deepinfra", "hyperbolic", "groq", "novita"])
def strict_server(request: pytest.FixtureRequest) -> Iterator[ScriptedServer]:
    with ScriptedServer(provider=request.param, strict="recommendations", api_key="") as server:
        yield server


def status_of(server: ScriptedServer, body: bytes) -> int:
    question = Request(f"{server.base_url}/chat/completions", body)
    try:
        with urlopen(question, timeout=30) as answer:
            answer.read()
            return int(answer.status)
    except HTTPError as refusal:
        with refusal:
            json.loads(refusal.read())
        return refusal.code


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=BODIES | JSON)
def test_every_body_of_json_is_answered_or_refused(strict_server: ScriptedServer, body: Any) -> None:
    assert status_of(strict_server, json.dumps(body).encode()) in (200, 400, 422)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(body=st.binary(max_size=40))
def test_every_other_body_is_refused(strict_server: ScriptedServer, body: bytes) -> None:
    assert status_of(strict_server, body) == 400


@settings(deadline=None)
@given(pieces=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1, max_size=8))
def test_a_stream_and_a_whole_answer_say_the_same(pieces: list[str]) -> None:
    with ScriptedServer(api_key="") as server:
        server.stream(*pieces)
        address = f"{server.base_url}/chat/completions"
        with urlopen(Request(address, b'{"model": "m"}'), timeout=30) as answer:
            whole = json.load(answer)["choices"][0]["message"]["content"]
        with urlopen(Request(address, b'{"model": "m", "stream": true}'), timeout=30) as answer:
            events = answer.read().decode().split("\n\n")[:-2]
    deltas = [json.loads(event.removeprefix("data: "))["choices"][0]["delta"] for event in events]
    assert whole == "".join(delta.get("content", "") for delta in deltas) == "".join(pieces)
