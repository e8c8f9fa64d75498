"""Any outcomes in any order, on any number of routes: within the time, nothing spliced, nothing left behind.

The generator is driven by hand against a simulated world, whose clock moves only when it waits.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from vlm_core.catalog.resolve_route import resolve
from vlm_core.completion import Completion, Delta, EncodedImage
from vlm_core.errors import (
    AllRoutesFailed,
    ConnectionFailed,
    IncompleteResponse,
    InputError,
    ProviderTimeout,
    VLMError,
)
from vlm_core.flow.call import AcquireSlot, CallLimits, ChatCall, FitImages, ReadBody, SendRequest, Sleep
from vlm_core.flow.concurrency import ConcurrencyLimiter
from vlm_core.flow.exchange import exchange
from vlm_core.flow.message_images import read_messages
from vlm_core.flow.policy import retry_rule
from vlm_core.flow.route_state import RouteState
from vlm_core.wire.transport import RawResponse, Timeouts

DOT = {"type": "image", "image": b"P5 1 1 255 \x80"}
LAST_MOMENT = 0.002
"""Seconds. Whoever gets a place as the time ends may still find out that it has."""
ADAPTATIONS = 2
"""Kinds of them: a smaller image, one option less."""
STATUSES = (302, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529)
WORDS = ("no", "temperature is not supported", "context length exceeded", "insufficient_quota", "moderation")
FAULTS = (
    *("html", "no choices", "error inside", "empty", "damaged event", "error event", "policy event"),
    *("cut", "reset", "silent"),
)


@dataclass(frozen=True)
class Outcome:
    """How one request ends."""

    kind: str = "whole"
    """whole, refused, unreachable, hopeless, or a fault."""
    text: str = ""
    pieces: int = 2
    """Of a streamed answer, before what goes wrong."""
    status: int = 500
    words: str = "no"
    retry_after: float | None = None
    seconds: tuple[float, ...] = (0.0,)
    """Before the head, and before each piece; the last one repeats."""


@dataclass
class World:
    """Does what is asked, as the transport would, and keeps to the times that it is given."""

    outcomes: Iterator[Outcome]
    queueing: Iterator[float]
    timeout: float = 0.0
    now: float = 1000.0
    end: float = 0.0
    opened: list[SendRequest] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def perform(self, effect: Any) -> Any:
        assert self.now <= self.end + LAST_MOMENT or not isinstance(effect, SendRequest | Sleep)
        match effect:
            case FitImages():
                return [(EncodedImage(b"GIF89a" * 50, "gif", 9, 9),) for _ in effect.pictures]
            case AcquireSlot():
                return self._queue(next(self.queueing), effect)
            case Sleep():
                self.now += effect.seconds
            case SendRequest():
                return self._open(next(self.outcomes), effect)
            case ReadBody():
                return self._read(effect)
        return None

    def _queue(self, seconds: float, effect: AcquireSlot) -> bool:
        self.now += min(seconds, effect.seconds)
        return seconds <= effect.seconds and effect.gate.acquire(0)

    def _open(self, outcome: Outcome, effect: SendRequest) -> RawResponse:
        self.opened.append(effect)
        end = self.now + effect.timeouts.whole
        self._pass(outcome.seconds[0], min(effect.timeouts.first_byte, effect.timeouts.whole))
        if outcome.kind in ("unreachable", "hopeless"):
            failure = ConnectionFailed("no connection")
            failure.is_passing = outcome.kind == "unreachable"
            raise failure
        self.texts.append(outcome.text)
        status = outcome.status if outcome.kind == "refused" else 200
        headers = {} if outcome.retry_after is None else {"retry-after": str(outcome.retry_after)}
        is_streamed = bool(json.loads(effect.body).get("stream"))
        pieces = iter(rendered(outcome, is_streamed))
        delays = iter(outcome.seconds[1:] + outcome.seconds[-1:] * 99)
        return RawResponse(status, headers, effect.endpoint.route, (pieces, delays), effect.timeouts, end)

    def _read(self, effect: ReadBody) -> bytes:
        pieces, delays = effect.answer.pieces
        timeouts: Timeouts = effect.answer.response
        allowed = [timeouts.between_bytes, effect.answer.end - self.now]
        self._pass(next(delays), min(allowed + ([] if effect.seconds is None else [effect.seconds])))
        piece = next(pieces, b"")
        if isinstance(piece, VLMError):
            raise piece
        return bytes(piece)

    def _pass(self, seconds: float, allowed: float) -> None:
        self.now += max(0.0, min(seconds, allowed))
        if seconds > allowed:
            raise ProviderTimeout("nothing came in time")


def rendered(outcome: Outcome, is_streamed: bool) -> list[bytes | VLMError]:
    """What comes over the wire; an error where the connection ends in one."""
    if outcome.kind == "refused":
        return [json.dumps({"error": {"message": outcome.words, "param": "temperature"}}).encode()]
    told = {
        "html": b"<html><title>502</title>",
        "no choices": b'{"choices": []}',
        "error inside": b'{"error": {"message": "overloaded"}}',
        "damaged event": b'data: {"choi\n\n',
        "error event": b'data: {"error": {"message": "overloaded"}}\n\n',
        "policy event": b'data: {"error": {"message": "content policy"}}\n\n',
        "reset": ConnectionFailed("reset"),
        "silent": ProviderTimeout("silent"),
    }
    ends = [told[outcome.kind]] if outcome.kind in told else []
    if outcome.kind in ("html", "no choices", "error inside"):
        return ends
    whole = "" if outcome.kind == "empty" else outcome.text
    if is_streamed:
        return [
            *events(whole, outcome)[: None if outcome.kind in ("whole", "empty") else outcome.pieces],
            *ends,
        ]
    body = json.dumps({"choices": [{"message": {"content": whole}, "finish_reason": "stop"}]}).encode()
    return [body] if outcome.kind in ("whole", "empty") else [body[: len(body) // 2], *ends]


def events(text: str, outcome: Outcome) -> list[bytes]:
    size = max(1, len(text) // 4)
    words = [{"content": text[at : at + size]} for at in range(0, len(text), size)]
    choices = [{"delta": {"role": "assistant"}}, *({"delta": word} for word in words)]
    written = [b'data: {"choices": [%b]}\n\n' % json.dumps(choice).encode() for choice in choices]
    return [*written, b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n']


@dataclass
class Result:
    """What a caller got."""

    given: str
    end: Completion | VLMError | None
    """None where the caller broke it off."""
    asked: list[str]
    """The routes, one for each request."""
    texts: list[str]
    """What the requests' whole answers would have been."""


def driven(world: World, call: ChatCall, stations: list[RouteState], steps_to_go: int | None) -> Result:
    """Do what an exchange asks for, until it ends or the caller has had enough."""
    world.end = world.now + call.limits.timeout
    world.opened, world.texts = [], []
    steps = exchange(call, stations, lambda: world.now, random.Random(0))
    given, reply, error, end = "", None, None, None
    try:
        while steps_to_go != 0:
            step = steps.throw(error) if error else steps.send(reply)
            reply = error = None
            steps_to_go = None if steps_to_go is None else steps_to_go - 1
            if isinstance(step, Delta):
                given += step.text
                continue
            try:
                reply = None if steps_to_go == 0 else world.perform(step)
            except VLMError as failure:
                error = failure
    except StopIteration as stop:
        end = stop.value
    except VLMError as failure:
        end = failure
    finally:
        steps.close()
    return Result(given, end, [request.endpoint.route for request in world.opened], world.texts)


def texts() -> st.SearchStrategy[str]:
    """Answers that are one another's beginning, that part after it, and that have nothing in common."""
    of_one_letter = st.builds(
        lambda letter, count: letter * count, st.sampled_from("abcd"), st.integers(1, 9)
    )
    return st.sampled_from(["TOTAL 9.00", "TOTAL 9.00", "TOTAL 9.00 EUR", "TOTAL 8.00"]) | of_one_letter


def outcomes() -> st.SearchStrategy[Outcome]:
    kinds = st.sampled_from(["whole", "refused", "refused", "unreachable", "hopeless", *FAULTS])
    waits = st.sampled_from([0.0, 0.0, 0.1, 3.0, 20.0, 1000.0])
    return st.builds(
        Outcome,
        kinds,
        texts(),
        st.integers(0, 5),
        st.sampled_from(STATUSES),
        st.sampled_from(WORDS),
        st.none() | st.sampled_from([0.0, 0.5, 8.0, 30.0, 500.0]),
        st.lists(waits, min_size=1, max_size=6).map(tuple),
    )


def limits() -> st.SearchStrategy[CallLimits]:
    return st.builds(
        CallLimits,
        timeout=st.sampled_from([0.5, 5.0, 60.0, 600.0]),
        first_token_timeout=st.none() | st.sampled_from([0.2, 10.0]),
        idle_timeout=st.sampled_from([1.0, 60.0]),
        max_attempts=st.integers(1, 4),
    )


def made(
    found: list[Outcome], queueing: list[float], routes: int, contexts: list[int | None]
) -> tuple[World, list[RouteState]]:
    world = World(iter([*found, *[Outcome("whole", "the end")] * 99]), iter([*queueing, *[0.0] * 99]))
    stations = [
        RouteState(resolve("m", base_url=f"http://lab{number}/v1"), ConcurrencyLimiter(4))
        for number in range(routes)
    ]
    for station, context in zip(stations, contexts, strict=False):
        profile = station.endpoint.profile.model_copy(update={"context_tokens": context})
        object.__setattr__(station.endpoint, "profile", profile)
    return world, stations


def check(result: Result, call: ChatCall, world: World, stations: list[RouteState]) -> None:
    assert world.now <= world.end + LAST_MOMENT
    assert [station.gate.limiter.in_flight for station in stations] == [0] * len(stations)
    for station in stations:
        assert result.asked.count(station.route) <= call.limits.max_attempts + ADAPTATIONS
    if result.given:
        assert call.stream
        assert any(text.startswith(result.given) for text in result.texts)
    if result.end is not None:
        assert [attempt.route for attempt in result.end.attempts] == result.asked
    if isinstance(result.end, Completion):
        check_answer(result.end, result, call)
    elif result.end is not None:
        check_failure(result.end, result, stations)


def check_answer(completion: Completion, result: Result, call: ChatCall) -> None:
    assert completion.text in result.texts
    assert result.given == (completion.text if call.stream else "")
    assert [attempt.ok for attempt in completion.attempts].index(True) == len(completion.attempts) - 1


def leads_on(error: VLMError) -> bool:
    """Whether another route could have answered in place of the one that failed so."""
    return retry_rule(error).fail_over == "always" and not isinstance(error, InputError)


def check_failure(error: VLMError, result: Result, stations: list[RouteState]) -> None:
    assert error.hint
    assert str(error).count(error.hint) >= 1
    assert not any(attempt.ok for attempt in error.attempts)
    if result.given:
        assert isinstance(error, IncompleteResponse)
        assert error.partial == result.given
    if isinstance(error, AllRoutesFailed):
        routes = [station.route for station in stations]
        causes = [routes.index(cause.route or "") for cause in error.causes]
        assert causes == sorted(set(causes)), "one cause for each route, in their order"
        assert len(causes) > 1
        assert set(result.asked) <= {routes[number] for number in causes}
    elif len(stations) > 1 and not result.given:
        assert not leads_on(error)


BROKEN_BY_AN_ERROR = [Outcome("error event", "aaaaaaaa", 3), Outcome("whole", "bbbbbbbb")]


@settings(max_examples=4 * settings().max_examples)
@given(
    found=st.lists(outcomes(), max_size=12),
    queueing=st.lists(st.sampled_from([0.0, 0.0, 0.0, 0.4, 5.0, 700.0]), max_size=8),
    routes=st.integers(1, 3),
    contexts=st.lists(st.none() | st.sampled_from([1000, 2000]), max_size=3),
    within=limits(),
    stream=st.booleans(),
    has_image=st.booleans(),
    steps=st.lists(st.none() | st.integers(1, 30), min_size=1, max_size=4),
)
@example(BROKEN_BY_AN_ERROR, [], 1, [], CallLimits(), True, False, [None])
@example([], [5.0], 1, [], CallLimits(timeout=5.0), False, False, [None])
def test_whatever_happens_a_call_keeps_its_promises(
    found: list[Outcome],
    queueing: list[float],
    routes: int,
    contexts: list[int | None],
    within: CallLimits,
    stream: bool,
    has_image: bool,
    steps: list[int | None],
) -> None:
    world, stations = made(found, queueing, routes, contexts)
    content = [{"type": "text", "text": "What is the total?"}, *([DOT] if has_image else [])]
    messages = read_messages([{"role": "user", "content": content}])
    call = ChatCall(messages, {"temperature": 0.5}, stations[0].endpoint, stream=stream, limits=within)
    for steps_to_go in steps:
        result = driven(world, call, stations, steps_to_go)
        check(result, call, world, stations)
        world.now += 7.0
    assert all(station.breaker.admits(world.now + 23.0) for station in stations), "left alone for too long"


@dataclass
class Outage:
    """Two routes, the first of which fails from 1000 on for a while."""

    until: float
    seconds: float
    """That a request takes."""
    kind: str
    retry_after: float | None
    now: float = 1000.0
    asked: list[tuple[float, str]] = field(default_factory=list)
    """When and which route, for each request."""

    def perform(self, effect: Any) -> Any:
        match effect:
            case AcquireSlot():
                return effect.gate.acquire(0)
            case Sleep():
                self.now += effect.seconds
            case SendRequest():
                return self.open(effect)
            case ReadBody():
                return next(effect.answer.pieces, b"")
        return None

    def open(self, effect: SendRequest) -> RawResponse:
        route = effect.endpoint.route
        self.asked.append((self.now, route))
        is_down = "lab0" in route and self.now < self.until
        patience = effect.timeouts.first_byte
        self.now += min(self.seconds, patience)
        if is_down and self.kind == "silent":
            self.now += patience - min(self.seconds, patience)
            raise ProviderTimeout("nothing came in time", route=route)
        if is_down and self.kind == "refused":
            raise ConnectionFailed("no connection", route=route)
        headers = {} if self.retry_after is None else {"retry-after": str(self.retry_after)}
        body = b"".join(events("TOTAL 9.00", Outcome()))
        return RawResponse(503 if is_down else 200, headers, route, iter([b"" if is_down else body]), None)

    def ask(self, call: ChatCall, stations: list[RouteState]) -> str:
        """The route that answers."""
        steps = exchange(call, stations, lambda: self.now, random.Random(0))
        reply, error = None, None
        try:
            while True:
                step = steps.throw(error) if error else steps.send(reply)
                reply = error = None
                try:
                    reply = None if isinstance(step, Delta) else self.perform(step)
                except VLMError as failure:
                    error = failure
        except StopIteration as stop:
            return str(stop.value.route)


@settings(max_examples=settings().max_examples // 2)
@given(
    length=st.sampled_from([5.0, 30.0, 60.0, 61.5, 300.0]),
    seconds=st.sampled_from([0.0, 0.1, 0.5, 2.0]),
    kind=st.sampled_from(["503", "refused", "silent"]),
    retry_after=st.none() | st.sampled_from([0.0, 2.0, 12.0, 60.0, 3600.0]),
    apart=st.sampled_from([3.0, 4.0, 7.0]),
    attempts=st.integers(1, 4),
)
@example(60.0, 0.1, "503", None, 4.0, 3)
def test_a_route_that_recovers_is_asked_again_within_thirty_seconds(
    length: float, seconds: float, kind: str, retry_after: float | None, apart: float, attempts: int
) -> None:
    world = Outage(1000.0 + length, seconds, kind, retry_after)
    stations = [RouteState(resolve("m", base_url=f"http://lab{number}/v1")) for number in range(2)]
    first, second = (station.route for station in stations)
    call = ChatCall(
        [{"role": "user", "content": "What is the total?"}], {}, stations[0].endpoint, stream=True
    )
    call = replace(call, limits=CallLimits(max_attempts=attempts))
    while world.now < world.until + 30:
        began = world.now
        answered = world.ask(call, stations)
        assert answered == (second if world.asked[-1][1] == second else first)
        world.now = max(world.now, began + apart)
    assert world.ask(call, stations) == first
    check_probes([at for at, route in world.asked if route == first and at < world.until])


def check_probes(asked: list[float]) -> None:
    """Five requests find out that a route is ill; from then on one at a time tries it."""
    apart = [later - before for before, later in pairwise(asked[4:])]
    assert all(seconds >= 10 for seconds in apart)
