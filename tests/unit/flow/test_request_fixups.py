"""Which refusals are answered with another request, and what is different in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from vlm_core.catalog.resolve_route import resolve
from vlm_core.catalog.schema import Quirk
from vlm_core.completion import EncodedImage
from vlm_core.errors import ContextOverflow, PayloadTooLarge, RequestRejected, ServerError, VLMError
from vlm_core.flow.policy import find_fixup

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
