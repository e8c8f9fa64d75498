"""The sixteen scenarios of Failover Bench 0.1, primary and fallback, times scaled down tenfold and more.

In each the caller must get the whole answer, or a bounded clean error where the scenario wants one.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from vlm_core.answers import Completion, Delta
from vlm_core.catalog.routes import Route
from vlm_core.catalog.rows import Provider
from vlm_core.client import VLMClient
from vlm_core.errors import AllRoutesFailed, RequestRejected
from vlm_core.flow import policy
from vlm_core.testing import Answer, Response, ScriptedServer

WORDS = [f"word{number} " for number in range(60)]
WHOLE = "".join(WORDS)
QUESTION = "What does the page say?"


class Pair(NamedTuple):
    primary: ScriptedServer
    fallback: ScriptedServer

    def client(self, **options: Any) -> VLMClient:
        routes = [
            Route(Provider(name=name), f"{name}-model", api_key=server.api_key, base_url=server.base_url)
            for name, server in zip(("primary", "fallback"), self, strict=True)
        ]
        return VLMClient(routes[0], fallbacks=routes[1:], **{"timeout": 20, **options})


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.02)
    with ScriptedServer() as primary, ScriptedServer() as fallback:
        fallback.stream(*WORDS)
        yield Pair(primary, fallback)


def blocking(client: VLMClient) -> list[Delta | Completion]:
    with client:
        return list(client.stream(QUESTION))


def asynchronous(client: VLMClient) -> list[Delta | Completion]:
    async def collect() -> list[Delta | Completion]:
        async with client:
            return [step async for step in client.astream(QUESTION)]

    return asyncio.run(collect())


Ask = Callable[[VLMClient], list[Delta | Completion]]


@pytest.fixture(params=[blocking, asynchronous], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    chosen: Ask = request.param
    return chosen


def answer_of(steps: list[Delta | Completion]) -> Completion:
    """The whole answer, which the pieces must add up to."""
    *deltas, completion = steps
    assert isinstance(completion, Completion)
    assert "".join(step.text for step in deltas if isinstance(step, Delta)) == completion.text == WHOLE
    return completion


def event(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text.encode()


def begin(connection: Any, words: list[str]) -> None:
    connection.begin(200, {"Content-Type": "text/event-stream"})
    for word in words:
        connection.piece(event(word))


def test_s01_a_429_with_retry_after_is_waited_for(pair: Pair, ask: Ask) -> None:
    pair.primary.refuse(429, "slow down", headers={"Retry-After": "0.3"})
    pair.primary.stream(*WORDS)
    began = time.monotonic()
    answer = answer_of(ask(pair.client()))
    assert time.monotonic() - began >= 0.3
    assert (answer.provider, pair.primary.requests, pair.fallback.requests) == ("primary", 2, 0)


def test_s02_lasting_429_backs_off_and_fails_over(pair: Pair, ask: Ask) -> None:
    pair.primary.refuse(429, "slow down")
    assert answer_of(ask(pair.client())).provider == "fallback"
    assert pair.primary.requests <= 4


def test_s03_a_single_500_is_tried_again_there(pair: Pair, ask: Ask) -> None:
    pair.primary.refuse(500, "oops")
    pair.primary.stream(*WORDS)
    assert answer_of(ask(pair.client())).provider == "primary"
    assert (pair.primary.requests, pair.fallback.requests) == (2, 0)


def test_s04_lasting_503_fails_over(pair: Pair, ask: Ask) -> None:
    pair.primary.refuse(503, "down")
    assert answer_of(ask(pair.client())).provider == "fallback"
    assert pair.primary.requests <= 6


def test_s05_a_reset_before_the_head_is_tried_again(pair: Pair, ask: Ask) -> None:
    pair.primary.raw(lambda connection: connection.reset())
    pair.primary.stream(*WORDS)
    assert answer_of(ask(pair.client())).provider == "primary"


def test_s06_a_silent_route_is_asked_once_and_passed_over(pair: Pair, ask: Ask) -> None:
    pair.primary.raw(lambda connection: connection.wait(60))
    assert answer_of(ask(pair.client(first_token_timeout=0.3))).provider == "fallback"
    assert pair.primary.requests == 1


def test_s07_a_late_first_token_is_not_waited_for(pair: Pair, ask: Ask) -> None:
    def late(connection: Any) -> None:
        begin(connection, [])
        connection.wait(60)

    pair.primary.raw(late)
    assert answer_of(ask(pair.client(first_token_timeout=0.3))).provider == "fallback"


def test_s08_a_stream_that_dies_is_completed(pair: Pair, ask: Ask) -> None:
    pair.primary.raw(lambda connection: begin(connection, WORDS[:40]))
    pair.primary.stream(*WORDS)
    answer = answer_of(ask(pair.client()))
    assert [attempt.outcome for attempt in answer.attempts] == ["IncompleteResponse", "ok"]
    assert [seen.stream for seen in pair.primary.seen] == [True, False]


def test_s09_a_stream_that_falls_silent_is_completed(pair: Pair, ask: Ask) -> None:
    def fall_silent(connection: Any) -> None:
        begin(connection, WORDS[:20])
        connection.wait(60)

    pair.primary.raw(fall_silent)
    pair.primary.stream(*WORDS)
    client = pair.client(idle_timeout=0.3)
    assert answer_of(ask(client))
    assert answer_of(ask(client))


def test_s10_an_event_that_is_no_json_loses_nothing(pair: Pair, ask: Ask) -> None:
    def garbled(connection: Any) -> None:
        begin(connection, WORDS[:9])
        connection.piece(b'data: {"choices": [\n\n')
        for word in WORDS[10:]:
            connection.piece(event(word))
        connection.end()

    pair.primary.raw(garbled)
    pair.primary.stream(*WORDS)
    client = pair.client()
    assert answer_of(ask(client))
    assert answer_of(ask(client))


def test_s11_a_whole_stream_without_done_is_whole(pair: Pair, ask: Ask) -> None:
    usage = b'"usage":{"prompt_tokens":7,"completion_tokens":60}'

    def without_done(connection: Any) -> None:
        begin(connection, WORDS)
        connection.piece(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],%b}\n\n' % usage)
        connection.end()

    pair.primary.raw(without_done)
    answer = answer_of(ask(pair.client()))
    assert (answer.usage.output_tokens, pair.primary.requests) == (60, 1)


def test_s12_a_context_too_long_goes_to_the_fallback_at_once(pair: Pair, ask: Ask) -> None:
    pair.primary.refuse(400, "maximum context length exceeded", code="context_length_exceeded")
    assert answer_of(ask(pair.client())).provider == "fallback"
    assert pair.primary.requests == 1


def test_s13_a_content_policy_is_not_routed_around(pair: Pair, ask: Ask) -> None:
    pair.primary.refuse(400, "this violates our policy", code="content_policy_violation")
    with pytest.raises(RequestRejected, match="violates our policy"):
        ask(pair.client())
    assert (pair.primary.requests, pair.fallback.requests) == (1, 0)


def test_s14_no_prefill_is_ever_sent(pair: Pair, ask: Ask) -> None:
    pair.primary.raw(lambda connection: begin(connection, WORDS[:40]))
    assert answer_of(ask(pair.client(max_attempts=1))).provider == "fallback"
    assert [message["role"] for message in pair.fallback.seen[0].messages] == ["user"]


def test_s15_a_route_out_of_order_is_left_alone_and_taken_up_again(
    pair: Pair, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("vlm_core.client.time", SimpleNamespace(monotonic=lambda: now[0]))
    pair.primary.answer(lambda seen: Response(503) if now[0] < 1060 else Answer(WHOLE))
    client = pair.client(timeout=3000)
    served = []
    for _ in range(24):
        completion = ask(client)[-1]
        assert isinstance(completion, Completion)
        assert completion.text == WHOLE
        served.append((now[0], completion.provider))
        now[0] += 4
    assert {provider for at, provider in served if at < 1060} == {"fallback"}
    assert {provider for at, provider in served if at >= 1090} == {"primary"}


def test_s16_the_answer_names_who_gave_it(pair: Pair, ask: Ask) -> None:
    pair.primary.refuse(503, "down")
    answer = answer_of(ask(pair.client()))
    assert answer.model == answer.served_model == "fallback-model"
    assert answer.usage.input_tokens


def test_where_all_fail_each_cause_is_told(pair: Pair, ask: Ask) -> None:
    pair.primary.refuse(503, "down")
    pair.fallback.answer(Response(503))
    ask(pair.client())  # the fallback's own answer comes first
    with pytest.raises(AllRoutesFailed) as caught:
        ask(pair.client())
    assert [type(cause).__name__ for cause in caught.value.causes] == ["ServerError", "ServerError"]
    assert len(caught.value.attempts) == 6
