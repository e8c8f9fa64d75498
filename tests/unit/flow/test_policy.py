"""What follows from an error, and which refusals are answered with another request."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from vlm_core import errors
from vlm_core.catalog.resolve_route import resolve
from vlm_core.catalog.schema import Quirk
from vlm_core.completion import EncodedImage
from vlm_core.errors import (
    ConnectionFailed,
    ContextOverflow,
    PayloadTooLarge,
    RateLimited,
    RequestRejected,
    ServerError,
    VLMError,
)
from vlm_core.flow.policy import find_fixup, may_fail_over, may_retry, retry_rule, wait_before


def made(kind: str, **fields: Any) -> VLMError:
    error: VLMError = getattr(errors, kind)("no")
    for name, value in fields.items():
        assert hasattr(error, name)
        setattr(error, name, value)
    return error


ROWS = [
    # kind, fields, first and second retry alone, first retry beside another route, failover
    pytest.param("ConnectionFailed", {}, (True, True), True, True, id="connection"),
    pytest.param("ConnectionFailed", {"is_passing": False}, (False, False), False, True, id="certificate"),
    pytest.param("ProviderTimeout", {}, (True, False), False, True, id="timeout"),
    pytest.param("RateLimited", {}, (True, True), True, True, id="429"),
    pytest.param("ServerError", {}, (True, True), True, True, id="5xx"),
    pytest.param("QuotaExhausted", {}, (False, False), False, True, id="quota"),
    pytest.param("AuthenticationFailed", {}, (False, False), False, False, id="401"),
    pytest.param("ModelNotFound", {}, (False, False), False, False, id="no-such-model"),
    pytest.param("ContextOverflow", {}, (False, False), False, True, id="context"),
    pytest.param("RequestRejected", {}, (False, False), False, False, id="400"),
    pytest.param("PayloadTooLarge", {}, (False, False), False, False, id="413"),
    pytest.param("MalformedResponse", {}, (True, True), True, True, id="malformed"),
    pytest.param("IncompleteResponse", {}, (True, True), True, True, id="incomplete"),
    pytest.param("IncompleteResponse", {"reason": "silent"}, (True, False), False, True, id="silent"),
    pytest.param("IncompleteResponse", {"reason": "damaged"}, (True, False), True, True, id="damaged"),
    pytest.param("IncompleteResponse", {"reason": "different"}, (False, False), False, True, id="different"),
    pytest.param("EmptyOutput", {}, (True, False), True, True, id="empty"),
    pytest.param("ContentFiltered", {}, (False, False), False, False, id="filtered"),
    pytest.param("OutputTruncated", {}, (False, False), False, False, id="truncated"),
    pytest.param("OutputLooped", {}, (False, False), False, False, id="looped"),
    pytest.param("DeadlineExceeded", {}, (False, False), False, False, id="deadline"),
    pytest.param("BudgetExceeded", {}, (False, False), False, False, id="budget"),
    pytest.param("ConfigError", {}, (False, False), False, False, id="setting"),
    pytest.param("TooManyImagesError", {}, (False, False), False, True, id="too-many-images-for-this-route"),
]
TABLE = pytest.mark.parametrize(("kind", "fields", "alone", "beside_another", "fails_over"), ROWS)


@TABLE
def test_the_same_route_is_asked_again(
    kind: str, fields: dict[str, Any], alone: tuple[bool, bool], beside_another: bool, fails_over: bool
) -> None:
    error = made(kind, **fields)
    assert tuple(may_retry(error, earlier=earlier, has_other=False) for earlier in (0, 1)) == alone
    assert may_retry(error, earlier=0, has_other=True) is beside_another


@TABLE
def test_another_route_is_asked(
    kind: str, fields: dict[str, Any], alone: tuple[bool, bool], beside_another: bool, fails_over: bool
) -> None:
    assert may_fail_over(made(kind, **fields), None, None) is fails_over


@pytest.mark.parametrize(
    ("context", "next_context", "goes"),
    [
        pytest.param(1000, 1001, True, id="larger"),
        pytest.param(1000, 1000, False, id="as-large"),
        pytest.param(1000, 999, False, id="smaller"),
        pytest.param(1000, None, True, id="unknown"),
        pytest.param(None, 1000, True, id="this-ones-unknown"),
        pytest.param(None, None, True, id="both-unknown"),
    ],
)
def test_a_context_that_was_too_short_is_only_left_for_a_larger_one(
    context: int | None, next_context: int | None, goes: bool
) -> None:
    assert may_fail_over(ContextOverflow("too long"), context, next_context) is goes


@pytest.mark.parametrize(
    ("kinds", "field"),
    [
        pytest.param({"ProviderTimeout", "RateLimited", "ServerError"}, "is_overload", id="overload"),
        pytest.param(
            {"ConnectionFailed", "ProviderTimeout", "RateLimited", "ServerError", "QuotaExhausted"}
            | {"MalformedResponse", "IncompleteResponse"},
            "is_ill",
            id="ill",
        ),
    ],
)
def test_what_an_error_says_of_its_route(kinds: set[str], field: str) -> None:
    every = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, VLMError)]
    assert {kind.__name__ for kind in every if getattr(retry_rule(kind("no")), field)} == kinds


def test_another_answer_than_the_one_begun_says_nothing_against_a_route() -> None:
    assert not retry_rule(made("IncompleteResponse", reason="different")).is_ill


class Always:
    """Dice that always show the same."""

    def __init__(self, shown: float) -> None:
        self.shown = shown

    def random(self) -> float:
        return self.shown


@pytest.mark.parametrize(
    ("attempt", "shortest", "longest"),
    [
        pytest.param(1, 0.25, 0.5, id="first"),
        pytest.param(2, 0.5, 1.0, id="twice-as-long"),
        pytest.param(3, 1.0, 2.0, id="again"),
        pytest.param(5, 4.0, 8.0, id="to-the-cap"),
        pytest.param(6, 4.0, 8.0, id="and-no-further"),
        pytest.param(1000, 4.0, 8.0, id="however-often"),
    ],
)
def test_each_wait_is_twice_as_long_up_to_a_cap_and_half_of_it_is_left_to_chance(
    attempt: int, shortest: float, longest: float
) -> None:
    waits = [wait_before(ConnectionFailed("no"), attempt, Always(shown)) for shown in (0.0, 1.0)]  # type: ignore[arg-type]
    assert waits == [shortest, longest]


@pytest.mark.parametrize("kind", [RateLimited, ServerError])
@pytest.mark.parametrize("asked", [0.0, 3.0, 120.0])
def test_a_provider_gets_the_wait_that_it_asks_for_and_at_most_a_tenth_more(
    kind: type[RateLimited | ServerError], asked: float
) -> None:
    error = kind("slow down")
    error.retry_after = asked
    waits = [wait_before(error, 7, Always(shown)) for shown in (0.0, 1.0)]  # type: ignore[arg-type]
    assert waits == pytest.approx([asked, asked * 1.1])


def test_callers_who_fail_together_do_not_come_back_together() -> None:
    waits = [wait_before(ServerError("down"), 1, random.Random(seed)) for seed in range(100)]
    assert len({round(wait, 3) for wait in waits}) > 50


ENDPOINT = resolve("some-vlm", base_url="http://lab/v1")
WITH_DETAIL = replace(ENDPOINT, limits=ENDPOINT.limits.model_copy(update={"accepts_detail": True}))
SMALL, LARGE = EncodedImage(b"x" * 300, "png", 10, 20), EncodedImage(b"x" * 3000, "jpeg", 100, 200)
OPTIONS: dict[str, Any] = {"temperature": 0, "max_tokens": 9, "seed": None}


def refused(parameter: str | None) -> RequestRejected:
    error = RequestRejected(f"{parameter} is not supported")
    error.parameter = parameter
    return error


@pytest.mark.parametrize(
    ("images", "max_pixels", "base64_bytes"),
    [
        pytest.param([LARGE], 10_000, 2000, id="one"),
        pytest.param([SMALL, LARGE, SMALL], 10_000, 2000, id="the-largest-counts"),
        pytest.param([EncodedImage(b"x" * 60, "png", 1, 1)], 1, 40, id="one-pixel-stays"),
    ],
)
def test_images_that_are_too_large_are_to_have_half_the_pixels(
    images: list[EncodedImage], max_pixels: int, base64_bytes: int
) -> None:
    change = find_fixup(PayloadTooLarge("too large"), ENDPOINT, OPTIONS, images)
    assert change is not None
    limits = change.endpoint.limits
    assert (limits.max_pixels, limits.target_base64_bytes) == (max_pixels, base64_bytes)
    assert change.options == OPTIONS
    assert ENDPOINT.route in change.warning


@pytest.mark.parametrize("parameter", ["temperature", "top_p", "logit_bias", "reasoning_effort"])
def test_an_option_that_is_refused_is_left_out(parameter: str) -> None:
    options = {**OPTIONS, parameter: 0}
    change = find_fixup(refused(parameter), ENDPOINT, options, [])
    assert change is not None
    assert change.options == {name: value for name, value in options.items() if name != parameter}
    assert change.endpoint == ENDPOINT
    assert parameter in change.warning


def test_the_callers_options_stay_as_they_are() -> None:
    options = dict(OPTIONS)
    find_fixup(refused("temperature"), ENDPOINT, options, [])
    assert options == OPTIONS


def test_stream_options_that_are_refused_are_not_sent() -> None:
    change = find_fixup(refused("stream_options"), ENDPOINT, OPTIONS, [])
    assert change is not None
    assert Quirk.NO_STREAM_OPTIONS in change.endpoint.quirks
    assert find_fixup(refused("stream_options"), change.endpoint, OPTIONS, []) is None


def test_detail_that_is_refused_is_not_sent() -> None:
    change = find_fixup(refused("detail"), WITH_DETAIL, OPTIONS, [LARGE])
    assert change is not None
    assert change.endpoint.limits.accepts_detail is False


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(refused(None), id="nothing-named"),
        pytest.param(refused("max_tokens"), id="what-the-answer-depends-on"),
        pytest.param(refused("messages"), id="the-question-itself"),
        pytest.param(refused("response_format"), id="the-form-of-the-answer"),
        pytest.param(refused("top_p"), id="what-was-not-asked-for"),
        pytest.param(refused("seed"), id="what-is-none"),
        pytest.param(refused("detail"), id="what-is-not-sent-anyway"),
        pytest.param(PayloadTooLarge("too large"), id="too-large-without-an-image"),
        pytest.param(ContextOverflow("too long"), id="context"),
        pytest.param(ServerError("temperature too high"), id="no-refusal"),
    ],
)
def test_other_refusals_change_nothing(error: VLMError) -> None:
    assert find_fixup(error, ENDPOINT, OPTIONS, []) is None


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning", "reasoning_details"])
def test_reasoning_that_is_refused_is_not_sent_back(field: str) -> None:
    change = find_fixup(refused(field), ENDPOINT, OPTIONS, [])
    assert change is not None
    assert change.endpoint.reasoning_back == "never"
    assert find_fixup(refused(field), change.endpoint, OPTIONS, []) is None


@pytest.mark.parametrize("kind", [RequestRejected, ServerError])
def test_a_host_that_takes_one_system_message_gets_one(kind: type[VLMError]) -> None:
    error = kind("lab:m answered 400: System message must be at the beginning.")
    change = find_fixup(error, ENDPOINT, OPTIONS, [])
    assert change is not None
    assert Quirk.ONE_SYSTEM_MESSAGE in change.endpoint.quirks
    assert find_fixup(error, change.endpoint, OPTIONS, []) is None
