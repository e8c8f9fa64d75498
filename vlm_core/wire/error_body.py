"""What a provider says of an error, out of any of the shapes in which they say it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from vlm_core.catalog.routes import Endpoint
from vlm_core.wire.options import OPTIONS

MAX_MESSAGE_CHARS = 500
_MAX_NAME_CHARS = 80
_WORDS_READ_CHARS = 4096
_LAYERS_READ = 12
_DEEPEST = 5

_MESSAGES = ("message", "msg", "error_description", "error_msg", "error_message")
_NAMES = ("code", "reason", "type", "error_code", "error_type", "status")
_INSIDE = ("error", "detail", "errors", "metadata", "raw")

_TITLE = re.compile(rb"<(title|h1)[^<>]{0,200}>(.{0,1000}?)</\1", re.I | re.S)
_BEARER = re.compile(r"(?i)\b(bearer\s+)\S+")
_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_-]{160,}")
_COMPLAINT = re.compile(
    r"(?i)un(known|supported|recognized|expected|permitted)|not (supported|permitted|allowed|support)"
    r"|extra (inputs|fields|keys)|invalid (parameter|argument|field|property)"
)
_PLACE_IN_WORDS = re.compile(r"'loc': [(\[]'body', '(\w+)'")
_KNOWN = "|".join(
    sorted({*OPTIONS, "stream_options", "max_completion_tokens", "detail"}, key=len, reverse=True)
)
_NAMED = (
    re.compile(rf"""['"`]({_KNOWN})['"`]"""),
    re.compile(rf"\b({_KNOWN})\b"),
    re.compile(r"""['"`](\w+)['"`]"""),
)


@dataclass(frozen=True)
class ErrorBody:
    """An error in the provider's words."""

    message: str = ""
    names: tuple[str, ...] = ()
    """Its codes, reasons and types, as written."""
    parameter: str | None = None
    """The option of the request that it names."""
    status: int | None = None
    """An HTTP status that the body holds."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the provider behind a router, where the router hands them on."""

    @property
    def words(self) -> str:
        """Names and message."""
        return " ".join((*self.names, self.message[:_WORDS_READ_CHARS]))

    @property
    def codes(self) -> tuple[str, ...]:
        """Its names, without an HTTP status among them."""
        return tuple(name for name in self.names if not re.fullmatch(r"[1-5]\d\d", name))


def parse_error_body(body: bytes) -> ErrorBody:
    """What the body of an error says, be it JSON, a web page or plain text.

    Args:
        body: as it came.

    Example:
        >>> parse_error_body(b'{"detail": {"error": "Model is not available"}}').message
        'Model is not available'
        >>> parse_error_body(b"<html><title>413 Request Entity Too Large</title>...").message
        '413 Request Entity Too Large'
    """
    if body.lstrip()[:1] == b"<":
        return ErrorBody(page_title(body))
    text = body.decode("utf-8-sig", "replace")
    return error_body_in(_parsed(text))


def page_title(body: bytes) -> str:
    """The title of a web page, or words for one that has none.

    Example:
        >>> page_title(b"<title>Sign in &amp; on</title>"), page_title(b"<p>")
        ('Sign in & on', 'a web page without a title')
    """
    found = _TITLE.search(body[:65_536])
    title = found[2].decode("utf-8", "replace") if found else ""
    return _one_line(html.unescape(re.sub(r"<[^<>]*>", " ", title))) or "a web page without a title"


def error_body_in(value: object) -> ErrorBody:
    """What a value parsed from JSON says of an error.

    Example:
        >>> error_body_in({"code": 403, "reason": "NOT_ENOUGH_BALANCE", "message": "no credit"}).names
        ('403', 'NOT_ENOUGH_BALANCE')
    """
    # A hostile body may wrap errors without end.
    layers = [layer for layer, _ in zip(_layers(value), range(_LAYERS_READ), strict=False)]
    objects = [layer for layer in layers if isinstance(layer, Mapping)]
    messages = dict.fromkeys(filter(None, map(_message, layers)))
    message = _one_line(": ".join(messages))
    names = [str(layer[name]) for layer in objects for name in _NAMES if _is_name(layer.get(name))]
    return ErrorBody(
        message,
        tuple(dict.fromkeys(name[:_MAX_NAME_CHARS] for name in names)),
        parameter=_parameter(objects, message),
        status=next((int(name) for name in names if re.fullmatch(r"[45]\d\d", name)), None),
        headers=_upstream_headers(objects),
    )


def _layers(value: object, depth: int = 0) -> Iterator[object]:
    """A value and what it wraps, outermost first."""
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, list) and depth < _DEEPEST:
        for item in value[:_LAYERS_READ]:
            yield from _layers(item, depth + 1)
    else:
        yield value
    if isinstance(value, Mapping) and depth < _DEEPEST:
        for name in _INSIDE:
            if value.get(name):
                yield from _layers(value[name], depth + 1)


def _parsed(text: str) -> object:
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _message(layer: object) -> str:
    if isinstance(layer, str):
        return _one_line(layer)
    if not isinstance(layer, Mapping):
        return ""
    message = next((layer[name] for name in _MESSAGES if isinstance(layer.get(name), str)), "")
    place = ".".join(map(str, layer["loc"])) + ": " if isinstance(layer.get("loc"), list) else ""
    reasons = layer.get("reasons")
    flagged = f"flagged for {', '.join(map(str, reasons))}" if isinstance(reasons, list) and reasons else ""
    inner = _parsed(message)
    if not isinstance(inner, str):  # a router hands on the body of the provider behind it as a text
        within = (_message(item) for item in _layers(inner, _DEEPEST - 2))
        message = ": ".join(dict.fromkeys(filter(None, within)))
    return _one_line(place + message or flagged)


def _is_name(value: object) -> bool:
    return isinstance(value, (str, int)) and not isinstance(value, bool) and bool(value)


def _upstream_headers(objects: list[Mapping[str, Any]]) -> dict[str, str]:
    found = [layer["headers"] for layer in objects if isinstance(layer.get("headers"), Mapping)]
    return {str(name).lower(): str(value) for headers in found[:1] for name, value in headers.items()}


def _parameter(objects: list[Mapping[str, Any]], message: str) -> str | None:
    """The option that an error is about: by its own field, by a place in the body, or by its words."""
    for layer in objects:
        names = _steps(layer.get("loc") or layer.get("param"))
        if names:
            return (names[-1] if names[0] == "messages" else names[0])[:_MAX_NAME_CHARS]
    if not _COMPLAINT.search(message):
        return None
    found = (pattern.search(message) for pattern in (_PLACE_IN_WORDS, *_NAMED))
    return next((match[1] for match in found if match), None)


def _steps(place: object) -> list[str]:
    """The names on the way to a place in the body, as of ["body", "messages", 0, "content"]."""
    steps = re.split(r"[.\[\]]+", place) if isinstance(place, str) else place
    names = [step for step in steps if isinstance(step, str)] if isinstance(steps, list) else []
    return [name for name in names if name and name != "body" and not name.isdigit()]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def redact(text: str, endpoint: Endpoint, longest: int = MAX_MESSAGE_CHARS) -> str:
    """A provider's words as they may be shown: without keys, headers' values and pictures, and short.

    Args:
        text: from outside.
        endpoint: its key and headers are hidden, since a server may say them back.
        longest: in characters.
    """
    for secret in (endpoint.api_key, *endpoint.headers.values()):
        text = secret.hide_in(text) if secret else text
    text = _LONG_RUN.sub("…", _BEARER.sub(r"\1**********", text))
    return text if len(text) <= longest else text[: longest - 1] + "…"
