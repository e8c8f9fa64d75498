"""Errors of providers and of the network: from a status, headers and a body, or from an exception."""

from __future__ import annotations

import math
import socket
import ssl
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from vlm_core.catalog.routes import Endpoint
from vlm_core.errors import (
    ConnectionFailed,
    MalformedResponse,
    ProviderError,
    ProviderTimeout,
    RateLimited,
    RequestRejected,
    ServerError,
    VLMError,
)
from vlm_core.wire.error_body import ErrorBody, error_body_in, parse_error_body, redact
from vlm_core.wire.error_rules import ErrorKind, classify, hint

_LONGEST_SECONDS = 7 * 24 * 3600.0
# Larger numbers are seconds since 1970, and smaller ones a wait.
_EARLIEST_STAMP = 1e9
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
    header = headers.get("retry-after")
    stamp = _stamp(header)
    milliseconds, reset = _number(headers.get("retry-after-ms")), _number(headers.get("x-ratelimit-reset"))
    waits = (
        _number(header),
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


def _number(value: object) -> float | None:
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _stamp(value: object) -> float | None:
    try:
        return parsedate_to_datetime(str(value)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


_REQUEST_IDS = (
    *("x-request-id", "request-id", "x-generation-id", "apim-request-id", "x-amzn-requestid"),
    *("x-trace-id", "cf-ray"),
)
MAX_ID_CHARS = 200
# The provider may have done the work, and only the wait was cut.
_MAY_BE_BILLED = frozenset({408, 499, 504, 524})


def read_error(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    endpoint: Endpoint,
    *,
    now: float | None = None,
) -> ProviderError:
    """The error that an answer with another status than 2xx stands for, with the provider's own words.

    Args:
        status: of the answer.
        headers: of the answer; read for a wait, an address and an id, and not kept.
        body: of any shape.
        endpoint: who was asked.
        now: seconds since 1970, against which a date is read, in place of the answer's own Date.

    Example:
        >>> from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
        >>> lab = Endpoint(Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab/v1")
        >>> error = read_error(429, {"Retry-After": "3"}, b'{"error": {"message": "Model busy"}}', lab)
        >>> error, error.retry_after
        (RateLimited('lab:m answered 429: Model busy'), 3.0)
    """
    plain = lower_case(headers)
    # A redirect is never followed, so that no key reaches a stranger.
    if 300 <= status < 400:
        return _placed(_redirect(status, plain, endpoint), status, plain, endpoint)
    # Of a router the inner body may hold the headers of the provider behind it; its own count before those.
    error_body = parse_error_body(body)
    error_kind = classify(status, error_body.words) or ErrorKind(ServerError)
    words = error_body.message or ", ".join(error_body.codes) or _phrase(status)
    error = error_kind.kind(
        f"{endpoint.route} answered {status}: {redact(words, endpoint)}",
        hint=hint(error_kind, status, error_body.words, endpoint.provider.model_list_url),
    )
    _describe(
        error, error_body, error_kind.code, retry_after({**error_body.headers, **plain}, now=now), endpoint
    )
    return _placed(error, status, plain, endpoint)


def is_error_body(chunk: Mapping[str, Any]) -> bool:
    """Whether an answer, or a chunk of one, is an error.

    Example:
        >>> is_error_body({"error": "boom"}), is_error_body({"choices": [], "error": None})
        (True, False)
    """
    if chunk.get("error"):
        return True
    if chunk.get("choices"):
        return False
    has_name = "code" in chunk or "reason" in chunk
    return chunk.get("object") == "error" or bool(chunk.get("detail")) or ("message" in chunk and has_name)


def read_inner_error(value: object, headers: Mapping[str, str], endpoint: Endpoint) -> VLMError:
    """The error that a provider put into an answer with status 200.

    Args:
        value: the answer, or what an event of type error holds.
        headers: of the answer.
        endpoint: who was asked.

    Returns:
        A ProviderError where a status or the words tell which; else a MalformedResponse with the words.
    """
    plain = lower_case(headers)
    error_body = error_body_in(value)
    words = redact(error_body.message or ", ".join(error_body.codes) or "no words", endpoint)
    message = f"{endpoint.route} sent an error in place of an answer: {words}"
    error_kind = classify(error_body.status, error_body.words)
    if error_kind is None:
        advice = "Try again, or use another model; the words are the provider's."
        return MalformedResponse(
            message, hint=advice, route=endpoint.route, request_id=request_id(plain, endpoint)
        )
    advice = hint(error_kind, error_body.status, error_body.words, endpoint.provider.model_list_url)
    error = error_kind.kind(message, hint=advice)
    _describe(error, error_body, error_kind.code, retry_after({**error_body.headers, **plain}), endpoint)
    return _placed(error, error_body.status, plain, endpoint)


def lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with their names in lower case."""
    return {name.lower(): value for name, value in headers.items()}


def request_id(headers: Mapping[str, str], endpoint: Endpoint) -> str | None:
    """What the provider calls the request; a key that it says back is hidden.

    Args:
        headers: of its answer, names in lower case.
        endpoint: who was asked.
    """
    found = next((str(headers[name]) for name in _REQUEST_IDS if headers.get(name)), None)
    return None if found is None else redact(found, endpoint, MAX_ID_CHARS)


def _describe(
    error: ProviderError, error_body: ErrorBody, code: str | None, wait: float | None, endpoint: Endpoint
) -> None:
    """Put into an error what its class has a place for."""
    error.code = redact(error_body.codes[0], endpoint) if error_body.codes else code
    if isinstance(error, (RateLimited, ServerError)):
        error.retry_after = wait
    if isinstance(error, RequestRejected):
        error.parameter = error_body.parameter


def _placed(
    error: ProviderError, status: int | None, headers: Mapping[str, str], endpoint: Endpoint
) -> ProviderError:
    error.status, error.route, error.request_id = status, endpoint.route, request_id(headers, endpoint)
    error.may_be_billed = error.may_be_billed or status in _MAY_BE_BILLED
    return error


def _redirect(status: int, headers: Mapping[str, str], endpoint: Endpoint) -> RequestRejected:
    if address := headers.get("location"):
        return RequestRejected(
            f"{endpoint.route} answered {status} and points to {_origin(address)}",
            hint="Check the base_url; redirects are not followed, so that no key reaches a stranger.",
        )
    return RequestRejected(
        f"{endpoint.route} answered {status} ({_phrase(status)}), which is not an answer to a question",
        hint="Check the base_url, and any proxy or cache on the way.",
    )


def _origin(address: str) -> str:
    """Scheme, host and port of a URL: its path and query may hold secrets."""
    try:
        parts = urlsplit(address)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "a broken address"
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else "another path of the same host"


def _phrase(status: int) -> str:
    try:
        return f"{HTTPStatus(status).phrase}, without a word of its own"
    except ValueError:
        return "no words"


UNKNOWN_HOST = "the host's name cannot be looked up"
_SPELLING = "Check the base_url's spelling and the network."
_BEFORE_SENDING = ("ConnectTimeout", "PoolTimeout")
# The first that is among the causes tells what happened and what to do.
_CAUSES: tuple[tuple[type[BaseException] | str, str, str], ...] = (
    (
        ssl.SSLCertVerificationError,
        "the server's certificate is not valid for this host",
        "Check the base_url; a certificate authority of your own is named by the variable SSL_CERT_FILE.",
    ),
    ("ProxyError", "the proxy refused", "Check the variables HTTPS_PROXY, ALL_PROXY and NO_PROXY."),
    (socket.gaierror, UNKNOWN_HOST, _SPELLING),
    (UnicodeError, UNKNOWN_HOST, _SPELLING),  # it cannot even be written as a name of the DNS
    (ConnectionRefusedError, "the server refused the connection", "Check the base_url's host and port."),
    (
        ssl.SSLError,
        "no TLS connection can be made",
        "Check that the base_url's port speaks https, and not http.",
    ),
    ("ConnectTimeout", "no connection in the time allowed", ""),
    ("PoolTimeout", "all connections were in use for the time allowed", "Lower max_concurrency."),
    (ConnectionResetError, "the server broke the connection off", ""),
    ("RemoteProtocolError", "the server broke the answer off, or sent what is not HTTP", ""),
    ("UnsupportedProtocol", "the base_url is neither http nor https", "Correct the base_url."),
)
# Those that stay as they are, however often one tries.
_FOR_GOOD = (ssl.SSLCertVerificationError, "UnsupportedProtocol")


def map_transport_error(error: BaseException, route: str) -> ConnectionFailed | ProviderTimeout:
    """What happened, by the exceptions that caused it.

    Args:
        error: what openai's client, httpx or httpx2 raised.
        route: what was asked, for the message.

    Example:
        >>> map_transport_error(ConnectionRefusedError(), "ollama:gemma3").message
        'ollama:gemma3: the server refused the connection'
    """
    chain = list(_chain(error))
    names = {kind.__name__ for link in chain for kind in type(link).__mro__}
    late = isinstance(error, TimeoutError) or any(name.endswith("TimeoutException") for name in names)
    if late and names.isdisjoint(_BEFORE_SENDING):
        return ProviderTimeout(f"{route}: no answer in the time allowed", route=route)
    for cause, what, advice in _CAUSES:
        if cause in names if isinstance(cause, str) else any(isinstance(link, cause) for link in chain):
            failed = ConnectionFailed(f"{route}: {what}", hint=advice, route=route)
            failed.is_passing = cause not in _FOR_GOOD
            return failed
    return ConnectionFailed(f"{route}: the connection failed ({type(chain[-1]).__name__})", route=route)


def read_timed_out(route: str) -> ProviderTimeout:
    """The error for an answer that was still coming when the time was over.

    Example:
        >>> read_timed_out("ollama:gemma3").may_be_billed
        True
    """
    return ProviderTimeout(f"{route}: the time was over before the answer was whole", route=route)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
