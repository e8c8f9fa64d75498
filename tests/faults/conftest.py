"""What each fault comes to, for the tests of the client and of what stands on it.

One route and no fallback. A row says how the call ends and how many requests the server saw.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import pytest

from vlm_core.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    ContextOverflow,
    DeadlineExceeded,
    EmptyOutput,
    IncompleteResponse,
    MalformedResponse,
    ModelNotFound,
    PayloadTooLarge,
    ProviderTimeout,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerError,
    VLMError,
)
from vlm_core.flow import policy
from vlm_core.flow.call import CallLimits
from vlm_core.testing import FAULTS
from vlm_core.testing.fault_parts import TEXT, UNICODE
from vlm_core.types import Usage

Outcome: TypeAlias = str | type[VLMError] | tuple[type[VLMError], ...]
"""The text of the answer, or how the call fails."""


# --- the rows


@dataclass(frozen=True)
class Row:
    """What a fault comes to where it stays, and where the second answer is sound."""

    lasting: Outcome
    requests: int
    passing: Outcome
    requests_passing: int
    billed: int | None = 0
    """Attempts that may be charged for, though they failed, where the fault stays; None for a race."""
    fault: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the fault."""
    client: Mapping[str, float] = field(default_factory=dict)
    """Settings of the client."""
    answer: Mapping[str, Any] = field(default_factory=dict)
    """What else the answer to a lasting fault has."""
    warning: str = ""
    """What the answer warns of."""


def again(kind: type[VLMError], **more: Any) -> Row:
    """Asked three times in all."""
    return Row(kind, 3, TEXT, 2, **more)


def once(kind: type[VLMError], **more: Any) -> Row:
    """Asked once more."""
    return Row(kind, 2, TEXT, 2, **more)


def never(kind: Outcome, **more: Any) -> Row:
    """Not asked again."""
    return Row(kind, 1, kind, 1, **more)


def well(text: str = TEXT, **more: Any) -> Row:
    """No failure at all."""
    return Row(text, 1, text, 1, **more)


def mended(**more: Any) -> Row:
    """Only a stream is broken, and the answer comes whole."""
    return Row(TEXT, 2, TEXT, 2, **more)


LATE = {"seconds": 30.0}
SHORT = {"timeout": 0.4}
NO_TOKEN = {"first_token_timeout": 0.15}
IDLE = {"idle_timeout": 0.15}
AT_ONCE = {"seconds": 0.0}
SMALLER = "found the images too large"
WITHOUT = "refused temperature"

WHOLE: dict[str, Row] = {
    "reset_before_headers": again(ConnectionFailed),
    "close_before_headers": again(ConnectionFailed),
    "not_http": again(ConnectionFailed),
    "never_answers": never(ProviderTimeout, billed=1, fault=LATE, client=SHORT),
    "late_first_token": never(ProviderTimeout, billed=1, fault=LATE, client=SHORT),
    "drips": never((ProviderTimeout, DeadlineExceeded), billed=None, client=SHORT),
    "body_cut": again(IncompleteResponse),
    "chunk_cut": again(IncompleteResponse),
    "reset_in_body": again(IncompleteResponse),
    "stalls": never(ProviderTimeout, billed=1, fault=LATE, client=SHORT),
    "redirect_302": never(RequestRejected),
    "redirect_307": never(RequestRejected),
    "rate_limited": again(RateLimited, fault={"seconds": 0.01}),
    "rate_limited_date": again(RateLimited, fault=AT_ONCE),
    "rate_limited_ms": again(RateLimited, fault={"seconds": 0.01}),
    "rate_limited_reset": again(RateLimited, fault={"seconds": 0.01}),
    "rate_limited_long": never(RateLimited),
    "rate_limited_silent": again(RateLimited),
    "quota_429": never(QuotaExhausted),
    "quota_402": never(QuotaExhausted),
    "status_500": again(ServerError),
    "status_502": again(ServerError),
    "status_503": again(ServerError),
    "status_504": again(ServerError, billed=3),
    "html_502": again(ServerError),
    "html_524": again(ServerError, billed=3),
    "unauthorized": never(AuthenticationFailed),
    "forbidden": never(AuthenticationFailed),
    "image_too_large": once(PayloadTooLarge, warning=SMALLER),
    "html_413": once(PayloadTooLarge, warning=SMALLER),
    "context_too_long": never(ContextOverflow),
    "content_policy": never(RequestRejected),
    "unknown_model": never(ModelNotFound),
    "unknown_parameter": mended(warning=WITHOUT),
    "no_content": again(MalformedResponse),
    "empty_body": again(MalformedResponse),
    "error_inside": again(ServerError),
    "html_200": again(MalformedResponse),
    "json_cut": again(MalformedResponse),
    "choices_empty": again(MalformedResponse),
    "choices_null": again(MalformedResponse),
    "content_null": once(EmptyOutput),
    "reasoning_only": once(EmptyOutput),
    "truncated": well(answer={"finish_reason": "length"}),
    "content_filter": well(answer={"finish_reason": "content_filter"}),
    "refusal": well("", answer={"refusal": "I cannot help with that."}),
    "content_parts": well(),
    "usage_missing": well(answer={"usage": Usage()}),
    "usage_null": well(answer={"usage": Usage()}),
    "byte_order_mark": well(),
    "not_a_number": well(),
    "wrong_charset": well(UNICODE),
    "gzip_unasked": well(),
    "gzip_untrue": again(IncompleteResponse),
    "gzip_bomb": again(MalformedResponse),
    "other_model": well(answer={"served_model": "another-vlm"}, warning="the answer names another-vlm"),
    "long_answer": well("and so on " * 100_000, fault={"characters": 1_000_000}),
    "endless": again(MalformedResponse),
    **dict.fromkeys((name for name in FAULTS if name.startswith("stream_")), well()),
    "stream_single_bytes": well(UNICODE),
    "stream_separators": well("one\u2028two \x85three"),
}

STREAMED: dict[str, Row] = {
    **WHOLE,
    # What is late is asked for once more, as there is nobody else to ask.
    "never_answers": once(ProviderTimeout, billed=2, fault=LATE, client=NO_TOKEN),
    "late_first_token": once(ProviderTimeout, billed=2, fault=LATE, client=NO_TOKEN),
    "drips": never((IncompleteResponse, ProviderTimeout, DeadlineExceeded), billed=None, client=SHORT),
    # It stalls again when it is asked for as a whole, until the time is over.
    "stalls": Row(IncompleteResponse, 2, TEXT, 2, billed=1, fault=LATE, client={**IDLE, "timeout": 0.8}),
    # What was given out does not begin the second answer, and no third one is asked for.
    "endless": Row(IncompleteResponse, 3, IncompleteResponse, 2),
    "gzip_untrue": again(ConnectionFailed),
    "stream_ends_early": mended(),
    "stream_without_finish_reason": well(answer={"finish_reason": None}),
    "stream_error": mended(),
    "stream_error_event": mended(),
    "stream_error_string": mended(),
    "stream_damaged": mended(),
    "stream_only_comments": mended(client=IDLE),
    "stream_as_html": mended(),
}


# --- what a test asks for

PASSING = [name for name in FAULTS if STREAMED[name].requests_passing > 1]
MENDED = [name for name, row in STREAMED.items() if name.startswith("stream_") and row.requests == 2]


def comes_to(row: Row) -> Any:
    """What a caller can tell two faults apart by."""
    return row.lasting, row.requests, row.warning, tuple(row.answer.items())


KINDS = list({(comes_to(WHOLE[name]), comes_to(STREAMED[name])): name for name in reversed(FAULTS)}.values())
"""One fault of those that come to the same. The frameworks' classes are given an answer or an error by the
client, and cannot see which fault it was."""
NAMES = {"any_fault": list(FAULTS), "passing_fault": PASSING, "mended_stream": MENDED, "kind_of_fault": KINDS}
"""By the argument of a test that gets one of them."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for argument in NAMES.keys() & set(metafunc.fixturenames):
        metafunc.parametrize(argument, NAMES[argument])


@pytest.fixture(scope="session")
def rows() -> Mapping[bool, Mapping[str, Row]]:
    """The rows by whether the answer is streamed, and the fault's name."""
    return {False: WHOLE, True: STREAMED}


@pytest.fixture(scope="module")
def thawed_at_last() -> Iterator[None]:
    gc.collect()
    yield
    gc.unfreeze()
    gc.collect()


@pytest.fixture
def quick_collections(thawed_at_last: None) -> None:
    """Leave what there is out of the garbage collections, of which each test makes one."""
    gc.freeze()


@pytest.fixture
def small_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer may have 4 MB, in place of 64."""
    *others, most = CallLimits.__init__.__defaults__ or ()
    assert most == CallLimits().max_answer_bytes
    monkeypatch.setattr(CallLimits.__init__, "__defaults__", (*others, 2**22))
    assert CallLimits().max_answer_bytes == 2**22


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts take a moment."""
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.01)
