"""Faults that are said by a status: refusals in the provider's own shape, web pages, redirects."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from functools import partial
from typing import TypeAlias

from vlm_core.testing.connection import Connection
from vlm_core.testing.fault_parts import Fault, fault, spoiled
from vlm_core.testing.replies import Answer, Response
from vlm_core.testing.seen import Seen
from vlm_core.testing.simulated_provider import Refusal, shape

Wait: TypeAlias = Callable[[float], Mapping[str, str]]
"""From seconds to the headers that ask for them."""

_TOO_MANY = "Rate limit reached for requests"
_NO_CREDIT = "You exceeded your current quota, please check your plan and billing details."
_LARGE = "The image is too large: it exceeds the maximum size of 2048 pixels."
_LONG = "This model's maximum context length is 8192 tokens, and your messages have 9000."
_POLICY = "Your request was rejected by our safety system."


def refuse(
    seen: Seen,
    connection: Connection,
    status: int,
    message: str,
    code: str | None = None,
    parameter: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Refuse as the provider does that the server plays."""
    words = shape(seen.provider.name)(Refusal(status, message, code, parameter))
    Response(status, headers=headers or {}).with_json(words).send(seen, connection)


def slow_down(wait: Wait, seen: Seen, connection: Connection, seconds: float) -> None:
    """Refuse with 429, and ask to come back later."""
    refuse(seen, connection, 429, _TOO_MANY, "rate_limit_exceeded", headers=wait(seconds))


def refuse_parameter(seen: Seen, connection: Connection, parameter: str, text: str) -> None:
    """Refuse a request that has this field; without it the answer is sound."""
    if parameter not in seen.options:
        return Answer(text).send(seen, connection)
    return refuse(seen, connection, 422, f"Unknown parameter: '{parameter}'.", "unknown_parameter", parameter)


def send_page(seen: Seen, connection: Connection, status: int, title: str) -> None:
    """Answer with a web page, as a gateway does."""
    page = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><h1>{title}</h1></body>\r\n</html>\r\n"
    Response(status, page, {"Content-Type": "text/html"}).send(seen, connection)


def redirect(seen: Seen, connection: Connection, status: int, location: str) -> None:
    """Point to another address."""
    Response(status, headers={"Location": location}).send(seen, connection)


# --- how to ask for a wait


def in_seconds(seconds: float) -> Mapping[str, str]:
    """Retry-After as a number.

    Example:
        >>> in_seconds(2.0), in_seconds(0.5)
        ({'Retry-After': '2'}, {'Retry-After': '0.5'})
    """
    return {"Retry-After": f"{seconds:g}"}


def by_date(seconds: float) -> Mapping[str, str]:
    """Retry-After as a date, which knows whole seconds only; the answer's own Date is with it."""
    now = int(time.time())
    later = formatdate(now + math.ceil(seconds), usegmt=True)
    return {"Date": formatdate(now, usegmt=True), "Retry-After": later}


def in_milliseconds(seconds: float) -> Mapping[str, str]:
    """As Azure and OpenAI say it.

    Example:
        >>> in_milliseconds(0.25)
        {'retry-after-ms': '250'}
    """
    return {"retry-after-ms": f"{seconds * 1000:g}"}


def by_reset(seconds: float) -> Mapping[str, str]:
    """The moment at which the limit is lifted, in milliseconds since 1970; the answer's Date is with it."""
    now = int(time.time())
    return {"Date": formatdate(now, usegmt=True), "X-RateLimit-Reset": f"{(now + seconds) * 1000:.0f}"}


# --- the table


def _refused(number: int, does: str, status: int, message: str, code: str | None = None) -> Fault:
    return fault(number, does, refuse, status=status, message=message, code=code, headers=None)


def _page(number: int, status: int, title: str) -> Fault:
    return fault(number, f"Answers {status} with a web page.", send_page, status=status, title=title)


def _waits(number: int, how: str, wait: Wait, seconds: float = 1.0) -> Fault:
    return fault(number, f"Answers 429, with {how}.", partial(slow_down, wait), seconds=seconds)


def _redirected(status: int) -> Fault:
    elsewhere = "http://127.0.0.1:9/v1/chat/completions"
    return fault(14, f"Answers {status} to another origin.", redirect, status=status, location=elsewhere)


FAULTS: Mapping[str, Fault] = {
    "redirect_302": _redirected(302),
    "redirect_307": _redirected(307),
    "rate_limited": _waits(15, "Retry-After in seconds", in_seconds),
    "rate_limited_date": _waits(16, "Retry-After as a date", by_date),
    "rate_limited_ms": _waits(17, "retry-after-ms", in_milliseconds),
    "rate_limited_reset": _waits(17, "X-RateLimit-Reset in milliseconds since 1970", by_reset),
    "rate_limited_long": _waits(18, "a Retry-After of ten minutes", in_seconds, 600.0),
    "rate_limited_silent": _refused(
        20, "Answers 429, and does not say for how long.", 429, _TOO_MANY, "rate_limit_exceeded"
    ),
    "quota_429": _refused(19, "Answers 429 for want of credit.", 429, _NO_CREDIT, "insufficient_quota"),
    "quota_402": _refused(19, "Answers 402 for want of credit.", 402, "Insufficient balance"),
    "status_500": _refused(21, "Answers 500.", 500, "The server had an error"),
    "status_502": _refused(21, "Answers 502.", 502, "Bad gateway"),
    "status_503": _refused(22, "Answers 503.", 503, "The model is overloaded"),
    "status_504": _refused(21, "Answers 504.", 504, "The upstream did not answer in time"),
    "html_502": _page(23, 502, "502 Bad Gateway"),
    "html_524": _page(23, 524, "524: A timeout occurred"),
    "unauthorized": _refused(24, "Answers 401.", 401, "Incorrect API key provided.", "invalid_api_key"),
    "forbidden": _refused(24, "Answers 403.", 403, "Your account may not use this model"),
    "image_too_large": _refused(25, "Answers 400 for an image over the limits.", 400, _LARGE),
    "context_too_long": _refused(
        26, "Answers 400 for a context that is too long.", 400, _LONG, "context_length_exceeded"
    ),
    "content_policy": _refused(
        27, "Answers 400 for the provider's policy.", 400, _POLICY, "content_policy_violation"
    ),
    "unknown_model": _refused(
        28, "Answers 404 for an unknown model.", 404, "The model does not exist", "model_not_found"
    ),
    "html_413": _page(29, 413, "413 Request Entity Too Large"),
    "unknown_parameter": spoiled(
        30,
        "Answers 422 to a request that has the parameter, and soundly to any other.",
        refuse_parameter,
        parameter="temperature",
    ),
}
"""By name."""
