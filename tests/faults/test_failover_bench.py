"""The sixteen scenarios of Failover Bench 0.1: primary and fallback, streamed, by six ways to ask.

As at its wall, a fault that is not said to come once comes with each request, streamed or not, and the
primary answers with events whatever was asked for. Times are scaled down twentyfold and more; S15 keeps its
own, on a simulated clock that goes on while requests are under way. Left out: a network, the scorecard's
JSON, and its middle grades, for each scenario has to pass.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from types import SimpleNamespace
from typing import Any, TypeAlias

import pytest
from llama_index.core.base.llms.types import ChatMessage

from langchain_vlm import ChatVLM
from llamaindex_vlm import VLM
from vlm_core.catalog.routes import Route
from vlm_core.catalog.schema import Provider
from vlm_core.client import VLMClient
from vlm_core.completion import Completion, Delta
from vlm_core.errors import AllRoutesFailed, IncompleteResponse, RequestRejected
from vlm_core.flow import policy
from vlm_core.testing import Response, ScriptedServer, Seen
from vlm_core.testing.connection import Connection

WORDS = [f"word{number} " for number in range(60)]
WHOLE = "".join(WORDS)
QUESTION = "What does the page say?"


# --- the six ways to ask


@dataclass(frozen=True)
class Reply:
    """What a caller gets, in whatever shape its framework gives it."""

    text: str
    route: str
    model: str | None
    output_tokens: int | None
    attempts: Sequence[str]
    """The outcomes."""
    warnings: Sequence[str] = ()


def from_client(steps: list[Delta | Completion]) -> Reply:
    *deltas, answer = steps
    assert isinstance(answer, Completion)
    text = "".join(step.text for step in deltas if isinstance(step, Delta))
    outcomes = [attempt.outcome for attempt in answer.attempts]
    usage = answer.usage.output_tokens
    return Reply(text, answer.route, answer.served_model, usage, outcomes, answer.warnings)


def from_langchain(chunks: list[Any]) -> Reply:
    message = sum(chunks[1:], chunks[0])
    facts, usage = message.response_metadata, message.usage_metadata or {}
    outcomes = [attempt["outcome"] for attempt in facts["attempts"]]
    tokens = usage.get("output_tokens")
    return Reply(message.text, facts["route"], facts["model_name"], tokens, outcomes, facts["warnings"])


def from_llamaindex(responses: list[Any]) -> Reply:
    facts = responses[-1].additional_kwargs
    text = "".join(response.delta or "" for response in responses)
    outcomes = [attempt["outcome"] for attempt in facts["attempts"]]
    tokens, warnings = facts.get("completion_tokens"), facts.get("warnings", ())
    return Reply(text, facts["route"], facts.get("served_model"), tokens, outcomes, warnings)


async def collected(steps: Any) -> list[Any]:
    steps = await steps if isinstance(steps, Awaitable) else steps
    return [step async for step in steps]


Given: TypeAlias = "VLMClient | ChatVLM | VLM"


@dataclass(frozen=True)
class Way:
    """A class, and how its streams are read."""

    make: Callable[..., Given]
    read: Callable[[list[Any]], Reply]
    stream: Callable[[Any], Any]
    astream: Callable[[Any], Any]


MESSAGES = [ChatMessage(role="user", content=QUESTION)]
CLIENT = Way(VLMClient, from_client, lambda c: c.stream(QUESTION), lambda c: c.astream(QUESTION))
LANGCHAIN = Way(ChatVLM, from_langchain, lambda c: c.stream(QUESTION), lambda c: c.astream(QUESTION))
LLAMAINDEX = Way(VLM, from_llamaindex, lambda c: c.stream_chat(MESSAGES), lambda c: c.astream_chat(MESSAGES))
WAYS = [
    pytest.param((way, is_async), id=f"{name}-{'async' if is_async else 'sync'}")
    for name, way in (("client", CLIENT), ("langchain", LANGCHAIN), ("llamaindex", LLAMAINDEX))
    for is_async in (False, True)
]
OF_CLIENT = pytest.mark.parametrize("pair", [way for way in WAYS if "client" in str(way.id)], indirect=True)
"""The frameworks ask through the client, and have the first of such cases."""


@dataclass
class Pair:
    """Two providers, and a way to ask the first with the second as its fallback."""

    primary: ScriptedServer
    fallback: ScriptedServer
    way: Way
    runner: asyncio.Runner | None
    made: list[Given] = field(default_factory=list)

    def ask_with(self, max_attempts: int = 3, **options: Any) -> Callable[[], Reply]:
        """One client for all questions."""
        fallback = Route(Provider(name="fallback"), "fallback-model", *self._access(self.fallback))
        key, url = self._access(self.primary)
        where = {"provider": Provider(name="primary"), "api_key": key, "base_url": url}
        attempts = {"max_attempts": max_attempts}
        if self.way is not CLIENT:
            where, attempts = {"model": "primary-model", **where}, {"max_retries": max_attempts - 1}
        positional = ["primary-model"] if self.way is CLIENT else []
        options = {"timeout": 20, **where, **attempts, **options}
        model = self.way.make(*positional, fallbacks=[fallback], **options)
        self.made.append(model)
        return lambda: self._ask(model)

    def _ask(self, model: Given) -> Reply:
        if self.runner is None:
            return self.way.read(list(self.way.stream(model)))
        return self.way.read(self.runner.run(collected(self.way.astream(model))))

    @staticmethod
    def _access(server: ScriptedServer) -> tuple[str, str]:
        return server.api_key, server.base_url


@pytest.fixture(params=WAYS)
def pair(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.02)
    way, is_async = request.param
    with ScriptedServer() as primary, ScriptedServer() as fallback:
        fallback.stream(*WORDS)
        if not is_async:
            yield (pair := Pair(primary, fallback, way, None))
            for model in pair.made:
                if isinstance(model, VLMClient):
                    model.close()
            return
        with asyncio.Runner() as runner:
            yield (pair := Pair(primary, fallback, way, runner))
            for model in pair.made:  # the frameworks' models end with their loop
                if isinstance(model, VLMClient):
                    runner.run(model.aclose())


def whole(reply: Reply) -> Reply:
    """A reply with all of the text."""
    assert reply.text == WHOLE
    return reply


# --- what the wall does


def event(text: str) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % text.encode()


USAGE = b'"usage":{"prompt_tokens":7,"completion_tokens":60}'
END = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],%b}\n\n' % USAGE
DONE = b"data: [DONE]\n\n"

Act: TypeAlias = Callable[[Connection], None]


def begins(connection: Connection, words: Sequence[str]) -> None:
    connection.begin(200, {"Content-Type": "text/event-stream"})
    for word in words:
        connection.piece(event(word))


def late(connection: Connection) -> None:
    begins(connection, [])
    connection.wait(60)


def dies(connection: Connection) -> None:
    begins(connection, WORDS[:40])
    connection.last = True


def ends_early(connection: Connection) -> None:
    begins(connection, WORDS[:40])
    connection.end()


def is_reset(connection: Connection) -> None:
    begins(connection, WORDS[:40])
    connection.reset()


def stalls(connection: Connection, seconds: float = 60) -> None:
    begins(connection, WORDS[:20])
    connection.wait(seconds)
    connection.last = True


def stalls_a_while(connection: Connection) -> None:
    stalls(connection, 0.5)


def stalls_with_keep_alives(connection: Connection) -> None:
    begins(connection, WORDS[:20])
    while True:
        connection.wait(0.05)
        connection.piece(b": keep-alive\n\n")


def falls_silent_for_ever(connection: Connection) -> None:
    connection.wait(60)


def in_turn(*acts: Act) -> Act:
    """One act for each request, the last for all others."""
    number = count()
    return lambda connection: acts[min(next(number), len(acts) - 1)](connection)


def garbled(*pieces: bytes) -> Act:
    """Events in place of the tenth, or before it where that holds a word."""

    def act(connection: Connection) -> None:
        begins(connection, WORDS[:9])
        for piece in (*pieces, *map(event, WORDS[9:]), END, DONE):
            connection.piece(piece)
        connection.end()

    return act


# --- the scenarios


def test_s01_a_429_with_retry_after_is_waited_for(pair: Pair) -> None:
    pair.primary.refuse(429, "slow down", headers={"Retry-After": "0.3"})
    pair.primary.stream(*WORDS)
    ask = pair.ask_with()
    began = time.monotonic()
    reply = whole(ask())
    assert time.monotonic() - began >= 0.3
    assert (reply.route, pair.primary.requests, pair.fallback.requests) == ("primary:primary-model", 2, 0)


def test_s02_lasting_429_backs_off_and_fails_over(pair: Pair) -> None:
    pair.primary.refuse(429, "slow down")
    assert whole(pair.ask_with()()).route == "fallback:fallback-model"
    assert pair.primary.requests <= 4


def test_s03_a_single_500_is_tried_again_there(pair: Pair) -> None:
    pair.primary.refuse(500, "oops")
    pair.primary.stream(*WORDS)
    assert whole(pair.ask_with()()).route == "primary:primary-model"
    assert (pair.primary.requests, pair.fallback.requests) == (2, 0)


def test_s04_lasting_503_fails_over(pair: Pair) -> None:
    pair.primary.refuse(503, "down")
    assert whole(pair.ask_with()()).route == "fallback:fallback-model"
    assert pair.primary.requests <= 6


def test_s05_a_reset_before_the_head_is_tried_again(pair: Pair) -> None:
    pair.primary.raw(lambda connection: connection.reset())
    pair.primary.stream(*WORDS)
    assert whole(pair.ask_with()()).route == "primary:primary-model"


def test_s06_a_silent_route_is_asked_once_and_passed_over(pair: Pair) -> None:
    pair.primary.raw(falls_silent_for_ever)
    assert whole(pair.ask_with(first_token_timeout=0.3)()).route == "fallback:fallback-model"
    assert pair.primary.requests == 1


def test_s07_a_late_first_token_is_not_waited_for(pair: Pair) -> None:
    pair.primary.raw(late)
    assert whole(pair.ask_with(first_token_timeout=0.3)()).route == "fallback:fallback-model"
    assert pair.primary.requests == 1


@pytest.mark.parametrize("act", [dies, ends_early, is_reset], ids=["cut", "ended", "reset"])
def test_s08_a_stream_that_dies_is_completed(pair: Pair, act: Act) -> None:
    pair.primary.raw(act)
    reply = whole(pair.ask_with()())
    assert reply.attempts[0] == "IncompleteResponse"
    assert (pair.primary.requests, pair.fallback.requests) == (3, 1)


def test_s08_where_the_route_gives_the_whole_answer_no_other_is_asked(pair: Pair) -> None:
    pair.primary.raw(dies)
    pair.primary.stream(*WORDS)
    assert whole(pair.ask_with()()).attempts == ["IncompleteResponse", "ok"]
    assert [seen.stream for seen in pair.primary.seen] == [True, False]


def test_s09_a_stream_that_falls_silent_is_completed_elsewhere(pair: Pair) -> None:
    assert_completed_elsewhere(pair, stalls, {"idle_timeout": 0.3})


@OF_CLIENT
@pytest.mark.parametrize(
    ("act", "times"),
    [
        pytest.param(stalls_a_while, {"first_token_timeout": 0.3}, id="closed-after-a-silence"),
        pytest.param(stalls_with_keep_alives, {"idle_timeout": 0.3}, id="keep-alives"),
        pytest.param(
            in_turn(dies, falls_silent_for_ever), {"first_token_timeout": 0.3}, id="cut-then-silence"
        ),
        pytest.param(in_turn(dies, late), {"first_token_timeout": 0.3}, id="cut-then-a-head-alone"),
        pytest.param(
            in_turn(dies, stalls), {"first_token_timeout": 0.3, "idle_timeout": 0.3}, id="cut-then-a-stall"
        ),
    ],
)
def test_s09_so_is_one_that_falls_silent_otherwise(pair: Pair, act: Act, times: dict[str, float]) -> None:
    assert_completed_elsewhere(pair, act, times)


def assert_completed_elsewhere(pair: Pair, act: Act, times: dict[str, float]) -> None:
    pair.primary.raw(act)
    ask = pair.ask_with(**times)
    began = time.monotonic()
    reply = whole(ask())
    assert time.monotonic() - began < 2 * (0.5 + 1)
    assert reply.route == "fallback:fallback-model"
    whole(ask())


DAMAGED = [
    pytest.param(b'data: {"choices": [\n\n', id="cut-json"),
    pytest.param(b"data: not json at all\n\n", id="words"),
    pytest.param(b"data: 7\n\n", id="a-number"),
]
TEXTLESS = [
    pytest.param(b"data: null\n\n", "null", id="null"),
    pytest.param(b"data:\n\n", "empty", id="empty"),
    pytest.param(b"data: <html><body>502 Bad Gateway</body></html>\n\n", "HTML", id="html"),
    pytest.param(b"event: ping\ndata: 17:04\n\n", "ping", id="ping"),
    pytest.param(b'data: {"type": "ping"}\n\n', "ping", id="ping-in-json"),
]


@pytest.mark.parametrize("bad", DAMAGED)
def test_s10_an_event_that_may_have_held_text_costs_one_request_more(pair: Pair, bad: bytes) -> None:
    pair.primary.raw(garbled(bad))
    pair.primary.stream(*WORDS)
    ask = pair.ask_with()
    assert whole(ask()).attempts == ["IncompleteResponse", "ok"]
    assert [seen.stream for seen in pair.primary.seen] == [True, False]
    whole(ask())


@pytest.mark.parametrize("bad", DAMAGED)
def test_s10_where_each_answer_is_damaged_the_route_is_asked_once_more_only(pair: Pair, bad: bytes) -> None:
    pair.primary.raw(garbled(bad))
    ask = pair.ask_with(max_attempts=5)
    whole(ask())
    assert (pair.primary.requests, pair.fallback.requests) == (2, 1)
    whole(ask())


@pytest.mark.parametrize(("bad", "name"), TEXTLESS)
def test_s10_an_event_that_held_no_text_is_skipped_with_a_warning(pair: Pair, bad: bytes, name: str) -> None:
    pair.primary.raw(garbled(bad))
    reply = whole(pair.ask_with()())
    assert (pair.primary.requests, pair.fallback.requests) == (1, 0)
    assert any(name in warning for warning in reply.warnings)


def closes(connection: Connection) -> None:
    connection.end()


def cuts(connection: Connection) -> None:
    connection.last = True


def resets(connection: Connection) -> None:
    connection.reset()


@pytest.mark.parametrize("ending", [closes, cuts, resets], ids=["closes", "without-the-last-chunk", "reset"])
def test_s11_a_whole_stream_without_done_is_whole(pair: Pair, ending: Act) -> None:
    def without_done(connection: Connection) -> None:
        begins(connection, WORDS)
        connection.piece(END)
        connection.wait(0.1)  # a reset would overtake what was sent
        ending(connection)

    pair.primary.raw(without_done)
    reply = whole(pair.ask_with()())
    assert (reply.output_tokens, pair.primary.requests, pair.fallback.requests) == (60, 1, 0)


def test_s11_what_stays_open_after_the_end_is_not_waited_for(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vlm_core.flow.attempt.AFTER_END_SECONDS", 0.2)

    def left_open(connection: Connection) -> None:
        begins(connection, WORDS)
        connection.piece(END)
        connection.wait(60)

    pair.primary.raw(left_open)
    assert whole(pair.ask_with()()).output_tokens == 60


def test_s12_a_context_too_long_goes_to_the_fallback_at_once(pair: Pair) -> None:
    pair.primary.refuse(400, "maximum context length exceeded", code="context_length_exceeded")
    assert whole(pair.ask_with()()).route == "fallback:fallback-model"
    assert pair.primary.requests == 1


def test_s13_a_content_policy_is_not_routed_around(pair: Pair) -> None:
    pair.primary.refuse(400, "this violates our policy", code="content_policy_violation")
    with pytest.raises(RequestRejected, match="violates our policy"):
        pair.ask_with()()
    assert (pair.primary.requests, pair.fallback.requests) == (1, 0)


def test_s14_no_prefill_is_ever_sent(pair: Pair) -> None:
    pair.primary.raw(dies)
    assert whole(pair.ask_with()()).route == "fallback:fallback-model"
    asked = [*pair.primary.seen, *pair.fallback.seen]
    assert {tuple(message["role"] for message in seen.messages) for seen in asked} == {("user",)}


def test_s15_a_route_out_of_order_is_left_alone_and_taken_up_again(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr("vlm_core.client.time", SimpleNamespace(monotonic=lambda: now[0]))

    def primary(seen: Seen) -> Any:
        now[0] += 0.3  # the clock goes on while a request is under way
        return Response(503) if now[0] < 1060 else WHOLE

    pair.primary.answer(primary)
    ask = pair.ask_with(timeout=3000)
    served = []
    for number in range(20):
        now[0] = max(now[0], 1000.0 + 4 * number)
        served.append((now[0], whole(ask()).route.partition(":")[0]))
    assert {name for at, name in served if at < 1060} == {"fallback"}
    (back, _), *rest = [(at, name) for at, name in served if name == "primary"]
    assert back < 1090
    assert {name for at, name in served if at > back} <= {"primary"}
    # Five failures open the breaker; then one request a probe.
    assert pair.primary.requests == 5 + 2 + 1 + len(rest)


def test_s16_the_answer_names_who_gave_it(pair: Pair) -> None:
    pair.primary.refuse(503, "down")
    reply = whole(pair.ask_with()())
    assert (reply.route, reply.model) == ("fallback:fallback-model", "fallback-model")
    assert reply.output_tokens


# --- what an outage of all comes to


def test_where_all_fail_each_cause_is_told(pair: Pair) -> None:
    pair.primary.refuse(503, "down")
    pair.fallback.refuse(503, "down")
    pair.ask_with()()  # the fallback's own answer comes first
    with pytest.raises(AllRoutesFailed) as caught:
        pair.ask_with()()
    assert [type(cause).__name__ for cause in caught.value.causes] == ["ServerError", "ServerError"]
    assert len(caught.value.attempts) == 6


def test_in_an_outage_of_minutes_each_call_ends_with_all_routes_failed(pair: Pair) -> None:
    pair.primary.refuse(503, "primary is down")
    ask = pair.ask_with()
    whole(ask())
    whole(ask())  # from here on the primary is left alone
    pair.fallback.stop()
    for _ in range(4):
        with pytest.raises(AllRoutesFailed) as caught:
            ask()
        primary, fallback = caught.value.causes
        assert (primary.route, fallback.route) == ("primary:primary-model", "fallback:fallback-model")
        assert "left alone for" in str(caught.value)
        assert "primary is down" in primary.message
        assert caught.value.hint


def test_where_the_begun_answer_comes_from_nobody_the_error_names_the_route_that_failed(pair: Pair) -> None:
    pair.primary.raw(stalls)
    pair.fallback.stop()
    with pytest.raises(IncompleteResponse) as caught:
        pair.ask_with(idle_timeout=0.2)()
    assert caught.value.partial == "".join(WORDS[:20])
    assert caught.value.route == "fallback:fallback-model"
    assert "refused the connection" in caught.value.message


SLOW_IMPORT = """
import sys, time

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "openai":
            time.sleep(2.0)

sys.meta_path.insert(0, Slow())
from vlm_core import VLMClient
try:
    from httpx2 import Client
except ImportError:
    from httpx import Client

assert "openai" not in sys.modules
with Client() as own, VLMClient("m", base_url=sys.argv[1], api_key=sys.argv[2], http_client=own,
                                first_token_timeout=1.5, timeout=20) as client:
    *_, answer = client.stream("What is the total?")
    print(len(answer.attempts), answer.text)
"""


def test_s01_loading_openai_takes_nothing_of_the_first_calls_time() -> None:
    with ScriptedServer() as server:
        server.say("TOTAL")
        command = [sys.executable, "-c", SLOW_IMPORT, server.base_url, server.api_key]
        told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == "1 TOTAL\n"
