"""How long a provider asks to wait, of the many ways to say it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

_LONGEST_SECONDS = 7 * 24 * 3600.0
_EARLIEST_STAMP = 1e9
"""Larger numbers are seconds since 1970, and smaller ones a wait."""
_EARLIEST_STAMP_MS = 1e11


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """The wait that an answer asks for, in seconds.

    Args:
        headers: of the answer, names in lower case. Retry-After counts before retry-after-ms, and that
            before X-RateLimit-Reset.
        now: seconds since 1970, in place of the answer's own Date; without either no date is understood.

    Returns:
        None where it asks for none, for one in the past, or for more than a week.

    Example:
        >>> retry_after({"retry-after": "2.5"}), retry_after({"retry-after-ms": "300"})
        (2.5, 0.3)
        >>> retry_after({"x-ratelimit-reset": "1700000030000"}, now=1_700_000_000)
        30.0
    """
    now = now if now is not None else _stamp(headers.get("date"))
    said = headers.get("retry-after")
    stamp = _stamp(said)
    milliseconds, reset = _number(headers.get("retry-after-ms")), _number(headers.get("x-ratelimit-reset"))
    waits = (
        _number(said),
        stamp - now if stamp is not None and now is not None else None,
        milliseconds / 1000 if milliseconds is not None else None,
        _until(reset, now),
    )
    return next((wait for wait in waits if wait is not None and 0 <= wait <= _LONGEST_SECONDS), None)


def _until(reset: float | None, now: float | None) -> float | None:
    if reset is None or reset < _EARLIEST_STAMP:
        return reset
    stamp = reset / 1000 if reset >= _EARLIEST_STAMP_MS else reset
    return None if now is None else stamp - now


def _number(said: object) -> float | None:
    try:
        number = float(str(said))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _stamp(said: object) -> float | None:
    try:
        return parsedate_to_datetime(str(said)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
