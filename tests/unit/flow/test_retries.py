"""What one call does about each failure, on a clock that moves only when the call waits."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from vlm_core.catalog.resolve_route import resolve
from vlm_core.completion import Attempt, Completion, Delta, EncodedImage
from vlm_core.errors import (
    AllRoutesFailed,
    AuthenticationFailed,
    ConnectionFailed,
    ContextOverflow,
    DeadlineExceeded,
    EmptyOutput,
    IncompleteResponse,
    InputError,
    PayloadTooLarge,
    ProviderTimeout,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerError,
    VLMError,
)
from vlm_core.flow.call import (
    AcquireSlot,
    CallLimits,
    ChatCall,
    Effect,
    FitImages,
    PerRoute,
    ReadBody,
    SendRequest,
    Sleep,
)
from vlm_core.flow.concurrency import Outcome
from vlm_core.flow.exchange import exchange
from vlm_core.flow.message_images import read_messages
from vlm_core.flow.route_state import RouteState
from vlm_core.wire.transport import RawResponse

DOT = {"type": "image", "image": b"P5 1 1 255 \x80"}
FIRST, SECOND = (resolve("m", base_url=f"http://{name}/v1") for name in ("first", "second"))


@dataclass(frozen=True)
class Reply:
    """What a provider does with one request."""

    status: int
    pieces: tuple[bytes | float | VLMError, ...]
    """Of the body; a number is a silence of so many seconds."""
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    failure: VLMError | None = None
    """What comes in place of the head."""


def says(text: str) -> Reply:
    return Reply(200, (json.dumps({"choices": [choice(text, "message", "stop")]}).encode(),))


def streams(*pieces: str | VLMError | bytes | float, ends: bool = True) -> Reply:
    written = [event(choice(piece)) if isinstance(piece, str) else piece for piece in pieces]
    return Reply(200, (*written, *([event(choice("", reason="stop")), b"data: [DONE]\n\n"] if ends else [])))


def choice(text: str, kind: str = "delta", reason: str | None = None) -> dict[str, Any]:
    return {kind: {"content": text}, "finish_reason": reason}


def event(found: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % json.dumps({"choices": [found]}).encode()


def refuses(status: int, message: str = "no", *, after: float | None = None, **fields: Any) -> Reply:
    headers = {} if after is None else {"Retry-After": str(after)}
    return Reply(status, (json.dumps({"error": {"message": message, **fields}}).encode(),), headers)


def slow(seconds: float, reply: Reply | VLMError) -> Reply:
    """A reply that takes a while."""
    if isinstance(reply, VLMError):
        return Reply(200, (), seconds=seconds, failure=reply)
    return replace(reply, seconds=seconds)


@dataclass
class World:
    """What the providers do, in order, and what was done with them."""

    replies: list[Reply | VLMError]
    now: float = 50.0
    waits: list[float] = field(default_factory=list)
    opened: list[SendRequest] = field(default_factory=list)
    fitted: list[FitImages] = field(default_factory=list)
    deltas: list[str] = field(default_factory=list)

    def ask(self, call: ChatCall, stations: Sequence[RouteState]) -> Completion:
        steps = exchange(call, stations, lambda: self.now, random.Random(0))
        reply: Any = None
        error: VLMError | None = None
        while True:
            try:
                step = steps.throw(error) if error else steps.send(reply)
            except StopIteration as end:
                completion: Completion = end.value
                return completion
            reply = error = None
            try:
                reply = self.perform(step)
            except VLMError as failure:
                error = failure

    def fails(self, call: ChatCall, stations: Sequence[RouteState]) -> VLMError:
        with pytest.raises(VLMError) as caught:
            self.ask(call, stations)
        return caught.value

    def perform(self, step: Effect | Delta) -> Any:
        match step:
            case Delta():
                self.deltas.append(step.text)
            case Sleep():
                self.waits.append(step.seconds)
                self.now += step.seconds
            case AcquireSlot():
                return step.gate.acquire(0, step.is_patient)
            case FitImages():
                return self.fit(step)
            case SendRequest():
                return self.open(step)
            case ReadBody():
                return self.read(step)
        return None

    def fit(self, step: FitImages) -> list[tuple[EncodedImage, ...]]:
        self.fitted.append(step)
        side = int(min(step.endpoint.limits.max_pixels or 10_000, 10_000) ** 0.5)
        return [(EncodedImage(b"x" * 30 * side, "png", side, side),) for _ in step.pictures]

    def open(self, step: SendRequest) -> RawResponse:
        self.opened.append(step)
        reply = self.replies.pop(0)
        if isinstance(reply, VLMError):
            raise reply
        self.now += reply.seconds
        if reply.failure:
            raise reply.failure
        return RawResponse(reply.status, reply.headers, step.endpoint.route, iter(reply.pieces), None)

    def read(self, step: ReadBody) -> bytes:
        piece = next(step.answer.pieces, b"")
        if isinstance(piece, float):
            self.now += piece if step.seconds is None else min(piece, step.seconds)
            if step.seconds is not None and step.seconds < piece:
                raise ProviderTimeout("nothing came in time")
            return self.read(step)
        if isinstance(piece, VLMError):
            raise piece
        return bytes(piece)

    @property
    def routes(self) -> list[str]:
        return [step.endpoint.provider.name for step in self.opened]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(step.body) for step in self.opened]


def question(*, stream: bool = False, image: bool = False, limits: Any = None, **options: Any) -> ChatCall:
    content = [{"type": "text", "text": "What is the total?"}, *([DOT] if image else [])]
    messages = [{"role": "user", "content": content}]
    return ChatCall(
        read_messages(messages), options, FIRST, stream=stream, limits=CallLimits(**(limits or {}))
    )


def one() -> list[RouteState]:
    return [RouteState(FIRST)]


def two(second: Any = SECOND) -> list[RouteState]:
    return [RouteState(FIRST), RouteState(second)]


def failed(kind: type[VLMError], message: str = "no") -> VLMError:
    return kind(message)


# --- waits ----------------------------------------------------------------------------------------


def test_a_429_waits_as_long_as_it_asks() -> None:
    world = World([refuses(429, after=7), says("TOTAL")])
    assert world.ask(question(), one()).text == "TOTAL"
    assert len(world.waits) == 1
    assert 7 <= world.waits[0] <= 7.7


def test_without_a_word_from_the_provider_each_wait_is_longer() -> None:
    world = World([refuses(503), refuses(503), refuses(503), says("TOTAL")])
    world.ask(question(limits={"max_attempts": 4}), one())
    first, second, third = world.waits
    assert 0.25 <= first <= 0.5 <= second <= 1 <= third <= 2


def test_a_wait_beyond_the_time_is_not_begun() -> None:
    world = World([refuses(429, after=30), says("TOTAL")])
    with pytest.raises(RateLimited) as caught:
        world.ask(question(limits={"timeout": 20}), one())
    assert (caught.value.retry_after, world.waits, world.now) == (30, [], 50)


@pytest.mark.parametrize(
    ("after", "asked"),
    [
        pytest.param(9, ["first", "first"], id="borne"),
        pytest.param(11, ["first", "second"], id="too-long"),
    ],
)
def test_beside_another_route_a_long_wait_is_not_taken(after: float, asked: list[str]) -> None:
    world = World([refuses(429, after=after), says("TOTAL")])
    world.ask(question(), two())
    assert world.routes == asked


def test_no_request_goes_out_once_the_time_is_over() -> None:
    world = World([slow(20, refuses(503)), says("TOTAL")])
    with pytest.raises(VLMError) as caught:
        world.ask(question(limits={"timeout": 20}), two())
    assert len(world.opened) == len(caught.value.attempts) == 1


def test_an_answer_that_is_too_late_is_no_answer() -> None:
    world = World([slow(30, says("TOTAL"))])
    with pytest.raises(DeadlineExceeded):
        world.ask(question(limits={"timeout": 20}), one())


# --- how often ------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [1, 2, 5])
def test_a_route_is_asked_no_more_than_max_attempts_times(attempts: int) -> None:
    world = World([refuses(503)] * 9)
    with pytest.raises(ServerError) as caught:
        world.ask(question(limits={"max_attempts": attempts}), one())
    assert len(world.opened) == len(caught.value.attempts) == attempts


def test_a_timeout_is_sent_again_once() -> None:
    world = World([failed(ProviderTimeout) for _ in range(9)])
    with pytest.raises(ProviderTimeout):
        world.ask(question(limits={"max_attempts": 5}), one())
    assert world.routes == ["first", "first"]


def test_beside_another_route_a_timeout_is_not_sent_again() -> None:
    world = World([failed(ProviderTimeout), says("TOTAL")])
    world.ask(question(), two())
    assert world.routes == ["first", "second"]


def test_an_empty_answer_is_asked_for_once_more() -> None:
    world = World([says("")] * 9)
    with pytest.raises(EmptyOutput):
        world.ask(question(limits={"max_attempts": 5}), one())
    assert len(world.opened) == 2


# --- other routes ---------------------------------------------------------------------------------


def test_where_the_quota_is_used_up_another_route_answers_with_a_warning() -> None:
    world = World([refuses(402, "add credit"), says("TOTAL")])
    completion = world.ask(question(), two())
    assert (completion.text, completion.provider, world.routes) == ("TOTAL", "second", ["first", "second"])
    assert any("QuotaExhausted" in warning and FIRST.route in warning for warning in completion.warnings)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        pytest.param(refuses(401), AuthenticationFailed, id="401"),
        pytest.param(refuses(403), AuthenticationFailed, id="403"),
        pytest.param(refuses(400), RequestRejected, id="400"),
        pytest.param(refuses(422, "content policy"), RequestRejected, id="content-policy"),
        pytest.param(refuses(302), RequestRejected, id="redirect"),
        pytest.param(refuses(413), PayloadTooLarge, id="413-without-an-image"),
    ],
)
def test_a_refusal_for_good_ends_the_call(reply: Reply, kind: type[VLMError]) -> None:
    world = World([reply])
    with pytest.raises(kind):
        world.ask(question(), two())
    assert world.waits == []


def with_context(endpoint: Any, tokens: int | None) -> RouteState:
    profile = endpoint.profile.model_copy(update={"context_tokens": tokens})
    return RouteState(replace(endpoint, profile=profile))


def test_a_route_with_a_smaller_context_is_passed_over() -> None:
    third = resolve("m", base_url="http://third/v1")
    stations = [with_context(FIRST, 2000), with_context(SECOND, 1000), with_context(third, 4000)]
    world = World([refuses(400, "maximum context length is 2000"), says("TOTAL")])
    assert world.ask(question(), stations).provider == "third"
    assert world.routes == ["first", "third"]


def test_where_no_context_is_larger_that_is_said() -> None:
    world = World([refuses(400, "maximum context length is 2000")])
    with pytest.raises(ContextOverflow):
        world.ask(question(), [with_context(FIRST, 2000), with_context(SECOND, 1000)])


def test_what_can_be_sent_to_no_route_is_said_as_it_is() -> None:
    call = replace(question(), messages=[{"role": "user", "content": [{"type": "image"}]}])
    with pytest.raises(InputError, match=r"messages\[0\]\.content\[0\]"):
        World([]).ask(call, two())


def test_a_retry_asks_the_breaker_first() -> None:
    world = World([refuses(503)] * 5 + [says("TOTAL")])
    assert world.ask(question(limits={"max_attempts": 9}), two()).provider == "second"
    assert world.routes == [*["first"] * 5, "second"]


def test_after_a_pause_one_request_tries_the_route() -> None:
    stations = two()
    World([refuses(503)] * 5 + [says("TOTAL")]).ask(question(limits={"max_attempts": 5}), stations)
    world = World([refuses(503), says("TOTAL")], now=70)
    world.ask(question(), stations)
    assert (world.routes, world.waits) == (["first", "second"], [])


def test_a_lone_route_is_asked_again_whatever_its_breaker_says() -> None:
    world = World([refuses(503)] * 8 + [says("TOTAL")])
    assert world.ask(question(limits={"max_attempts": 9}), one()).text == "TOTAL"


def test_a_route_that_was_left_alone_is_among_the_causes() -> None:
    stations = two()
    refusals: list[Reply | VLMError] = [refuses(503, "overloaded")] * 5
    World([*refusals, says("TOTAL")]).ask(question(limits={"max_attempts": 5}), stations)
    with pytest.raises(AllRoutesFailed) as caught:
        World([refuses(402)], now=60).ask(question(), stations)
    first, second = caught.value.causes
    assert (type(first), type(second)) == (ServerError, QuotaExhausted)
    assert first.route == FIRST.route
    assert "left alone for" in first.message
    assert "overloaded" in first.message
    assert 0 < first.retry_after <= 10  # type: ignore[attr-defined]
    assert first.attempts == ()
    assert first.message in str(caught.value)


def test_while_all_are_left_alone_the_one_that_was_longest_is_asked_once() -> None:
    stations = two()
    World([refuses(503)] * 10).fails(question(limits={"max_attempts": 5}), stations)
    world = World([refuses(503)])
    assert isinstance(error := world.fails(question(), stations), AllRoutesFailed)
    assert [type(cause).__name__ for cause in error.causes] == ["ServerError", "ServerError"]
    assert world.routes == ["first"]


def test_where_no_time_is_left_for_the_next_route_it_is_said_which_failed_and_what_helps() -> None:
    world = World([slow(20, failed(ProviderTimeout, f"{FIRST.route}: no answer in the time allowed"))])
    error = world.fails(question(limits={"timeout": 20}), two())
    assert isinstance(error, AllRoutesFailed)
    assert [type(cause) for cause in error.causes] == [ProviderTimeout, DeadlineExceeded]
    assert f"{FIRST.route}: no answer" in error.message
    assert "first_token_timeout" in error.hint
    assert "max_concurrency" not in error.hint


def test_a_key_that_is_refused_is_raised_though_another_route_is_left_alone() -> None:
    stations = two()
    World([refuses(503)] * 5 + [says("TOTAL")]).ask(question(limits={"max_attempts": 5}), stations)
    assert isinstance(World([refuses(401)]).fails(question(), stations), AuthenticationFailed)


def test_where_every_route_fails_each_cause_is_kept() -> None:
    world = World([refuses(402), failed(ProviderTimeout), failed(ProviderTimeout)])
    with pytest.raises(AllRoutesFailed) as caught:
        world.ask(question(), two())
    assert [type(cause).__name__ for cause in caught.value.causes] == ["QuotaExhausted", "ProviderTimeout"]
    assert world.routes == ["first", "second", "second"]


def test_a_fallback_with_stricter_limits_gets_images_of_its_own() -> None:
    strict = replace(SECOND, limits=SECOND.limits.model_copy(update={"max_pixels": 400}))
    world = World([refuses(402), says("TOTAL")])
    world.ask(question(image=True), two(strict))
    assert [step.endpoint.limits.max_pixels for step in world.fitted] == [None, 400]
    first, second = (body["messages"][0]["content"][-1] for body in world.bodies)
    assert len(second["image_url"]["url"]) < len(first["image_url"]["url"])


# --- requests that are changed --------------------------------------------------------------------


def test_an_image_that_is_too_large_is_sent_again_once_with_half_the_pixels() -> None:
    world = World([refuses(413)] * 3)
    with pytest.raises(PayloadTooLarge):
        world.ask(question(image=True), two())
    assert [step.endpoint.limits.max_pixels for step in world.fitted] == [None, 5000]
    assert (world.routes, world.waits) == (["first", "first"], [])


def test_an_option_that_is_refused_is_left_out_with_a_warning() -> None:
    world = World([refuses(422, "not supported", param="temperature"), says("TOTAL")])
    completion = world.ask(question(temperature=0.5, max_tokens=9), one())
    assert [body.get("temperature") for body in world.bodies] == [0.5, None]
    assert [body["max_tokens"] for body in world.bodies] == [9, 9]
    assert any("temperature" in warning for warning in completion.warnings)


@pytest.mark.parametrize("image_first", [True, False])
def test_one_kind_of_change_does_not_stand_in_the_way_of_another(image_first: bool) -> None:
    refusals: list[Reply | VLMError] = [refuses(413), refuses(422, param="temperature")]
    world = World([*(refusals if image_first else reversed(refusals)), says("TOTAL")])
    assert world.ask(question(image=True, temperature=0.5, limits={"max_attempts": 1}), one()).text == "TOTAL"
    assert "temperature" not in world.bodies[-1]
    assert world.fitted[-1].endpoint.limits.max_pixels == 5000


def test_a_change_is_made_for_one_route_only() -> None:
    world = World([refuses(422, param="temperature"), refuses(402), says("TOTAL")])
    world.ask(question(temperature=0.5), two())
    assert [body.get("temperature") for body in world.bodies] == [0.5, None, 0.5]


# --- streams --------------------------------------------------------------------------------------

BROKEN = [
    pytest.param(streams("TOT", ends=False), id="ended"),
    pytest.param(streams("TOT", failed(ConnectionFailed)), id="reset"),
    pytest.param(streams("TOT", failed(ProviderTimeout)), id="silent"),
    pytest.param(streams("TOT", b"data: {oops\n\n"), id="damaged"),
    pytest.param(streams("TOT", b'data: {"error": {"message": "overloaded"}}\n\n'), id="error-event"),
]


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_stream_is_gone_on_with_from_a_whole_answer(broken: Reply) -> None:
    world = World([broken, says("TOTAL 9.00")])
    assert world.ask(question(stream=True), one()).text == "TOTAL 9.00"
    assert [bool(body.get("stream")) for body in world.bodies] == [True, False]
    assert world.deltas == ["TOT", "AL 9.00"]


@pytest.mark.parametrize("broken", BROKEN)
def test_two_different_answers_are_never_put_together(broken: Reply) -> None:
    world = World([broken, *[says("The total is 9.00")] * 5])
    with pytest.raises(IncompleteResponse) as caught:
        world.ask(question(stream=True), two())
    assert caught.value.partial == "".join(world.deltas) == "TOT"
    assert len(caught.value.attempts) == len(world.opened)


def test_a_stream_that_fails_before_its_beginning_is_streamed_again() -> None:
    world = World([refuses(503), streams("TO", "TAL")])
    world.ask(question(stream=True), one())
    assert world.deltas == ["TO", "TAL"]


@pytest.mark.parametrize(
    "silence",
    [
        pytest.param((failed(ProviderTimeout),), id="idle"),
        pytest.param((10.0,), id="closed-after-a-while"),
        pytest.param((10.0, failed(ConnectionFailed)), id="reset-after-a-while"),
    ],
)
class TestSilence:
    """A stream that falls silent."""

    def test_beside_another_route_it_is_not_asked_for_there_again(self, silence: tuple[Any, ...]) -> None:
        world = World([streams("TOT", *silence, ends=False), says("TOTAL")])
        assert world.ask(question(stream=True), two()).provider == "second"
        assert (world.routes, world.waits) == (["first", "second"], [])

    def test_alone_it_is_asked_for_once_more(self, silence: tuple[Any, ...]) -> None:
        world = World([streams("TOT", *silence, ends=False)] * 4)
        error = world.fails(question(stream=True, limits={"max_attempts": 5}), one())
        assert isinstance(error, IncompleteResponse)
        assert (len(world.opened), error.reason) == (2, "silent")


def test_a_short_silence_before_the_end_is_only_a_cut() -> None:
    world = World([streams("TOT", 9.0, ends=False), says("TOTAL")])
    assert world.ask(question(stream=True), two()).provider == "first"


CUT = streams("TOT", failed(ConnectionFailed), ends=False)
SILENT = streams("TOT", failed(ProviderTimeout), ends=False)


@pytest.mark.parametrize(
    ("broken", "stations", "limits", "first", "idle"),
    [
        pytest.param(CUT, two, {}, 10, 60, id="beside-another-route"),
        pytest.param(CUT, two, {"first_token_timeout": 3, "idle_timeout": 5}, 3, 5, id="as-it-was-set"),
        pytest.param(CUT, one, {"first_token_timeout": 3}, 3, 60, id="alone-as-it-was-set"),
        pytest.param(CUT, one, {"timeout": 100}, 100, 60, id="alone"),
        pytest.param(SILENT, one, {"idle_timeout": 5}, 5, 5, id="alone-after-a-silence"),
    ],
)
def test_the_repetition_of_a_broken_stream_is_bounded_as_a_stream_is(
    broken: Reply, stations: Any, limits: dict[str, float], first: float, idle: float
) -> None:
    world = World([broken, says("TOTAL")])
    world.ask(question(stream=True, limits=limits), stations())
    timeouts = world.opened[1].timeouts
    assert (timeouts.first_byte, timeouts.between_bytes) == (pytest.approx(first, abs=1), idle)


def test_blanks_do_not_count_as_the_beginning_of_a_repetition() -> None:
    blanks = Reply(200, (b"\n", 9.0, b"\n", 9.0, b"\n"))
    world = World([CUT, blanks, says("TOTAL")])
    began = world.now
    assert world.ask(question(stream=True), two()).provider == "second"
    assert world.now - began < 11


def test_a_whole_answer_that_was_not_streamed_before_has_all_the_time() -> None:
    world = World([says("TOTAL")])
    world.ask(question(), two())
    assert world.opened[0].timeouts.first_byte == world.opened[0].timeouts.between_bytes == 600


DAMAGED = streams("TOT", b"data: {oops\n\n")


@pytest.mark.parametrize("again", [DAMAGED, says("The total is 9.00")], ids=["damaged", "different"])
def test_a_damaged_answer_is_asked_for_once_more_and_no_oftener(again: Reply) -> None:
    world = World([DAMAGED, *[again] * 5])
    error = world.fails(question(stream=True, limits={"max_attempts": 5}), one())
    assert isinstance(error, IncompleteResponse)
    assert len(world.opened) == 2


def test_after_the_end_nothing_is_waited_for_long() -> None:
    end = event(choice("", reason="stop"))
    world = World([streams("TOTAL", end, 60.0, ends=False)])
    began = world.now
    assert world.ask(question(stream=True), one()).text == "TOTAL"
    assert (world.now - began, len(world.opened)) == (5, 1)


ROLE = event({"delta": {"role": "assistant", "content": ""}})


@pytest.mark.parametrize("piece", [ROLE, b": wait\n\n"], ids=["role", "keep-alive"])
def test_a_stream_that_does_not_begin_in_time_is_left_for_another_route(piece: bytes) -> None:
    world = World([streams(piece, failed(ProviderTimeout), ends=False), streams("TOTAL")])
    world.ask(question(stream=True), two())
    assert (world.routes, world.deltas) == (["first", "second"], ["TOTAL"])


def test_a_stream_that_cannot_be_gone_on_with_tells_why_and_what_came() -> None:
    world = World([streams("TOT", ends=False), refuses(401, "bad key")])
    with pytest.raises(IncompleteResponse, match="bad key") as caught:
        world.ask(question(stream=True), one())
    assert caught.value.partial == "TOT"
    assert [attempt.outcome for attempt in caught.value.attempts] == [
        "IncompleteResponse",
        "AuthenticationFailed",
    ]


# --- records --------------------------------------------------------------------------------------


def test_each_attempt_is_on_record() -> None:
    world = World([slow(2, refuses(503)), failed(ProviderTimeout), slow(3, says("TOTAL"))])
    completion = world.ask(question(), two())
    assert completion.attempts == (
        Attempt(FIRST.route, "ServerError", 2),
        Attempt(FIRST.route, "ProviderTimeout", 0, may_be_billed=True),
        Attempt(SECOND.route, "ok", 3),
    )


def test_a_route_that_keeps_failing_is_left_alone() -> None:
    stations = two()
    for _ in range(2):
        World([refuses(503)] * 3 + [says("TOTAL")]).ask(question(), stations)
    world = World([says("TOTAL")])
    world.ask(question(), stations)
    assert world.routes == ["second"]


# --- a route that takes fewer calls than there are


def crowded(station: RouteState) -> RouteState:
    """A route that was asked too much: all the places that are left are taken."""
    while station.gate.acquire(0):
        pass
    station.gate.release(Outcome.OVERLOADED, now=0.0, began=0.0)
    return station


def test_a_crowded_route_is_passed_over_at_once() -> None:
    first, second = two()
    world = World([says("TOTAL")])
    completion = world.ask(question(), [crowded(first), second])
    assert [attempt.route for attempt in completion.attempts] == [second.route]
    assert world.waits == []
    assert "takes fewer calls at once" in completion.warnings[0]


def test_a_crowded_route_is_waited_for_where_there_is_no_other() -> None:
    (first, _) = two()
    with pytest.raises(DeadlineExceeded, match="this call's turn"):
        World([]).ask(question(), [crowded(first)])


@pytest.mark.parametrize("status", [400, 401, 402])
def test_a_crowded_route_is_gone_back_to_where_no_other_answers(status: int) -> None:
    first, second = two()

    class Leaving(World):
        """Calls leave the first route while the second one is asked."""

        def open(self, step: SendRequest) -> RawResponse:
            if step.endpoint == SECOND:
                first.gate.limiter.in_flight = 0
            return super().open(step)

    world = Leaving([refuses(status), says("TOTAL")])
    completion = world.ask(question(), [crowded(first), second])
    assert [attempt.route for attempt in completion.attempts] == [second.route, first.route]


# --- pages, which go to another route before they wait for this one


def page(**limits: Any) -> ChatCall:
    call = question(limits=limits)
    return replace(call, per_route=PerRoute(lambda endpoint: (call.messages, {}), fallback_first=True))


@pytest.mark.parametrize(
    "refusal",
    [
        pytest.param(refuses(503), id="503"),
        pytest.param(refuses(429, after=4), id="429"),
        pytest.param(failed(ConnectionFailed), id="connection"),
    ],
)
def test_a_page_goes_to_another_route_before_it_waits(refusal: Reply | VLMError) -> None:
    world = World([refusal, says("TOTAL")])
    assert world.ask(page(), two()).provider == "second"
    assert world.waits == []


def test_a_page_comes_back_to_the_first_route_when_no_other_answers() -> None:
    world = World([refuses(503), slow(0.1, refuses(503)), says("TOTAL")])
    assert world.ask(page(), two()).provider == "first"
    assert world.routes == ["first", "second", "first"]
    assert len(world.waits) == 1
    assert world.waits[0] <= 0.4  # what went by at the second route counts


def test_a_page_asks_each_route_max_attempts_times_and_no_oftener() -> None:
    world = World([refuses(503)] * 20)
    assert isinstance(world.fails(page(max_attempts=3), two()), AllRoutesFailed)
    assert (world.routes.count("first"), world.routes.count("second")) == (3, 3)


def test_a_page_waits_where_there_is_one_route_only() -> None:
    world = World([refuses(503), says("TOTAL")])
    assert world.ask(page(), one()).text == "TOTAL"
    assert len(world.waits) == 1


def test_a_page_comes_back_no_later_than_its_time_is_over() -> None:
    world = World([refuses(429, after=500), refuses(402)])
    error = world.fails(page(timeout=100), two())
    assert isinstance(error, AllRoutesFailed)
    assert (world.routes, world.waits) == (["first", "second"], [])
