"""Errors of providers, from what came back: a status, headers and a body, or an answer that is an error."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from vlm_core.catalog.routes import Endpoint
from vlm_core.errors import (
    MalformedResponse,
    ProviderError,
    RateLimited,
    RequestRejected,
    ServerError,
    VLMError,
)
from vlm_core.wire.error_body import ErrorBody, error_body_in, parse_error_body, redact
from vlm_core.wire.error_rules import ErrorKind, classify, hint
from vlm_core.wire.retry_after import retry_after

_REQUEST_IDS = (
    *("x-request-id", "request-id", "x-generation-id", "apim-request-id", "x-amzn-requestid"),
    *("x-trace-id", "cf-ray"),
)
MAX_ID_CHARS = 200
_MAY_BE_BILLED = frozenset({408, 499, 504, 524})
"""The provider may have done the work, and only the wait was cut."""


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
    if 300 <= status < 400:
        return _placed(_redirect(status, plain, endpoint), status, plain, endpoint)
    said = parse_error_body(body)
    found = classify(status, said.words) or ErrorKind(ServerError)
    words = said.message or ", ".join(said.codes) or _phrase(status)
    error = found.kind(
        f"{endpoint.route} answered {status}: {redact(words, endpoint)}",
        hint=hint(found, status, said.words, endpoint.provider.model_list_url),
    )
    _describe(error, said, found.code, retry_after({**said.headers, **plain}, now=now), endpoint)
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
    said = error_body_in(value)
    words = redact(said.message or ", ".join(said.codes) or "no words", endpoint)
    message = f"{endpoint.route} sent an error in place of an answer: {words}"
    found = classify(said.status, said.words)
    if found is None:
        advice = "Try again, or use another model; the words are the provider's."
        return MalformedResponse(
            message, hint=advice, route=endpoint.route, request_id=request_id(plain, endpoint)
        )
    advice = hint(found, said.status, said.words, endpoint.provider.model_list_url)
    error = found.kind(message, hint=advice)
    _describe(error, said, found.code, retry_after({**said.headers, **plain}), endpoint)
    return _placed(error, said.status, plain, endpoint)


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
    error: ProviderError, said: ErrorBody, code: str | None, wait: float | None, endpoint: Endpoint
) -> None:
    """Put into an error what its class has a place for."""
    error.code = redact(said.codes[0], endpoint) if said.codes else code
    if isinstance(error, (RateLimited, ServerError)):
        error.retry_after = wait
    if isinstance(error, RequestRejected):
        error.parameter = said.parameter


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
