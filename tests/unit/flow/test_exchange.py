"""The exchange by itself: what it asks of the world, step by step, on a clock that we set."""

import random
from dataclasses import replace
from typing import Any

import pytest

from vlm_core.catalog.resolve_route import resolve
from vlm_core.catalog.schema import ImageLimits
from vlm_core.completion import Completion, Delta
from vlm_core.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    IncompleteResponse,
    ProviderTimeout,
    RateLimited,
    VLMError,
)
from vlm_core.flow.call import AcquireSlot, CallLimits, ChatCall, CloseResponse, ReadBody, SendRequest
from vlm_core.flow.exchange import exchange
from vlm_core.flow.message_images import read_messages
from vlm_core.flow.route_state import RouteState
from vlm_core.wire.transport import RawResponse

ENDPOINT = resolve("some-vlm", base_url="http://lab/v1")
WHOLE = b'{"choices":[{"message":{"content":"TOTAL 9.00"},"finish_reason":"stop"}]}'


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def call(*, stream: bool = False, **limits: Any) -> ChatCall:
    messages = [{"role": "user", "content": "What is the total?"}]
    return ChatCall(messages, {}, ENDPOINT, stream=stream, limits=CallLimits(**{"max_attempts": 1, **limits}))


def answer(status: int = 200, **headers: str) -> RawResponse:
    return RawResponse(status, headers, ENDPOINT.route, iter(()), None)


def event(text: str) -> bytes:
    return b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % text.encode()


END = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'


def begun(asked: ChatCall, clock: Clock) -> tuple[Any, Any]:
    """The steps of an exchange that has its place in the queue, and the first of them."""
    steps = exchange(asked, [RouteState(asked.endpoint)], clock, random.Random(0))
    assert isinstance(next(steps), AcquireSlot)
    return steps, steps.send(True)


def finished(steps: Any, reply: Any) -> Completion:
    with pytest.raises(StopIteration) as end:
        steps.send(reply)
    assert isinstance(end.value.value, Completion)
    return end.value.value


def test_a_whole_answer_is_opened_read_to_its_end_and_released(clock: Clock) -> None:
    steps, opening = begun(call(), clock)
    assert isinstance(opening, SendRequest)
    assert b"What is the total?" in opening.body
    reply = answer()
    assert steps.send(reply) == ReadBody(reply)
    assert steps.send(WHOLE) == ReadBody(reply)
    assert steps.send(b"") == CloseResponse(reply)
    clock.now += 3
    completion = finished(steps, None)
    assert completion.text == "TOTAL 9.00"
    assert completion.attempts[0].seconds == 3


def test_a_stream_gives_deltas_as_they_come(clock: Clock) -> None:
    steps, _ = begun(call(stream=True), clock)
    reply = answer()
    assert steps.send(reply) == ReadBody(reply)
    assert steps.send(event("TO")) == Delta("TO")
    assert next(steps) == ReadBody(reply)
    assert steps.send(event("TAL") + END) == Delta("TAL")
    assert next(steps) == CloseResponse(reply, has_rest=True)
    assert finished(steps, None).text == "TOTAL"


@pytest.mark.parametrize(
    ("asked", "stream", "first", "between"),
    [
        pytest.param({}, False, 600, 600, id="whole"),
        pytest.param({}, True, 600, 60, id="stream"),
        pytest.param({"first_token_timeout": 10}, True, 10, 60, id="first-token"),
        pytest.param({"first_token_timeout": 10}, False, 600, 600, id="first-token-of-a-whole-answer"),
        pytest.param({"timeout": 5, "first_token_timeout": 10}, True, 5, 5, id="never-over-the-whole-time"),
    ],
)
def test_each_wait_lies_within_the_time_of_the_call(
    clock: Clock, asked: dict[str, float], stream: bool, first: float, between: float
) -> None:
    _, opening = begun(call(stream=stream, **asked), clock)
    timeouts = opening.timeouts
    assert (timeouts.first_byte, timeouts.between_bytes) == (first, between)
    assert max(timeouts.connect, timeouts.write, timeouts.whole) <= asked.get("timeout", 600)


def test_an_answer_that_drips_on_after_the_time_is_given_up(clock: Clock) -> None:
    steps, _ = begun(call(timeout=10), clock)
    steps.send(answer())
    clock.now += 11
    with pytest.raises(DeadlineExceeded) as caught:
        steps.send(b"{")
    assert caught.value.attempts[0].seconds == 11


def test_an_error_is_read_and_told_with_its_attempt(clock: Clock) -> None:
    steps, _ = begun(call(), clock)
    steps.send(answer(429, **{"retry-after": "7"}))
    steps.send(b'{"error":{"message":"slow down"}}')
    with pytest.raises(RateLimited, match="slow down") as caught:
        steps.send(b"")
    assert caught.value.retry_after == 7
    assert [attempt.outcome for attempt in caught.value.attempts] == ["RateLimited"]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("kind", [ConnectionFailed, ProviderTimeout])
def test_a_failure_before_the_head_is_told_as_it_is(clock: Clock, kind: type[VLMError], stream: bool) -> None:
    steps, _ = begun(call(stream=stream), clock)
    with pytest.raises(kind):
        steps.throw(kind("no", route=ENDPOINT.route))


@pytest.mark.parametrize("kind", [ConnectionFailed, ProviderTimeout])
def test_a_stream_that_breaks_off_tells_what_came(clock: Clock, kind: type[VLMError]) -> None:
    steps, _ = begun(call(stream=True), clock)
    steps.send(answer())
    steps.send(event("TOT"))
    next(steps)
    with pytest.raises(IncompleteResponse) as caught:
        steps.throw(kind("no", route=ENDPOINT.route))
    assert caught.value.partial == "TOT"


def test_an_errors_traceback_holds_no_frame_of_the_exchange(clock: Clock) -> None:
    steps, _ = begun(call(), clock)
    steps.send(answer())
    steps.send(b"<html>")
    with pytest.raises(VLMError) as caught:
        steps.send(b"")
    frames = [entry.name for entry in caught.traceback]
    assert frames[1:] == ["exchange"]
    assert caught.value.__context__ is None


def test_a_provider_that_takes_urls_is_given_them(clock: Clock) -> None:
    url = "https://example.com/a.png"
    provider = replace(ENDPOINT, limits=ImageLimits(accepts_url=True), base_url="https://api.example.com/v1")
    asked = replace(
        call(),
        endpoint=provider,
        messages=read_messages(
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": url}}]}]
        ),
    )
    _, opening = begun(asked, clock)
    assert isinstance(opening, SendRequest)
    assert url.encode() in opening.body
