"""Faults that are said by a status: refusals in the provider's own shape, web pages, redirects."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate
from typing import TypeAlias

from vlm_core.testing.connection import Connection
from vlm_core.testing.refusals import Refusal, shape
from vlm_core.testing.replies import Answer, Response
from vlm_core.testing.seen import Seen

Wait: TypeAlias = Callable[[float], Mapping[str, str]]
"""From seconds to the headers that ask for them."""


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
    refuse(
        seen, connection, 429, "Rate limit reached for requests", "rate_limit_exceeded", headers=wait(seconds)
    )


def refuse_parameter(seen: Seen, connection: Connection, parameter: str, text: str) -> None:
    """Refuse a request that has this field; without it the answer is sound."""
    if parameter not in seen.options:
        return Answer(text).send(seen, connection)
    return refuse(
        seen, connection, 422, f"Unknown parameter: '{parameter}'.", "unknown_parameter", parameter
    )


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
    """The moment at which the limit is lifted, in milliseconds since 1970; the answer's own Date is with it."""
    now = int(time.time())
    return {"Date": formatdate(now, usegmt=True), "X-RateLimit-Reset": f"{(now + seconds) * 1000:.0f}"}
