"""The way from messages to an answer, as a generator that yields what it needs done.

It opens no socket, reads no file and looks at no clock but the one it is given, so that one
generator serves threads and event loops alike, and its tests choose the time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from vlm_core.answers import Attempt, Completion, Delta
from vlm_core.catalog.alternatives import nearest_models
from vlm_core.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    IncompleteResponse,
    MalformedResponse,
    ModelNotFound,
    ProviderTimeout,
    VLMError,
)
from vlm_core.flow.effects import Effect, Fit, Open, Read, Release
from vlm_core.flow.pictures import Message, filled, find, to_picture
from vlm_core.wire.placement import ToolImages
from vlm_core.wire.request import Request, build
from vlm_core.wire.response import StreamedAnswer, read_completion, read_error
from vlm_core.wire.transport import Answer, Timeouts

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint

Exchange: TypeAlias = Generator[Effect | Delta, Any, Completion]
Clock: TypeAlias = Callable[[], float]
"""Seconds, from any beginning."""


@dataclass(frozen=True)
class Limits:
    """How long a call may take, and how much it may answer."""

    timeout: float = 600.0
    """Seconds for the whole call."""
    first_token_timeout: float | None = None
    """Seconds until a streamed answer begins; None: the whole call's."""
    idle_timeout: float = 60.0
    """Seconds between two pieces of a streamed answer."""
    max_answer_bytes: int = 2**26


@dataclass(frozen=True)
class Call:
    """One question, with all that decides how it is asked."""

    messages: Sequence[Mapping[str, Any]] = field(repr=False)
    options: Mapping[str, Any]
    endpoint: Endpoint
    stream: bool = False
    limits: Limits = Limits()
    tool_images: ToolImages = "user_message"
    allow_private_urls: bool = False


def exchange(call: Call, clock: Clock) -> Exchange:
    """Ask once, and return the answer.

    Args:
        call: the question.
        clock: tells the time in seconds; any origin will do.

    Yields:
        What is to be done, as effects; and of a streamed answer the pieces as they come.

    Raises:
        VLMError: whatever went wrong, with the attempts that were made.
    """
    end = clock() + call.limits.timeout
    request = yield from prepare(call)
    began = clock()
    try:
        completion = yield from _attempt(call, request, _Time(clock, end))
    except VLMError as error:
        failure = _told(error, call.endpoint, clock() - began)
    else:
        attempt = Attempt(call.endpoint.route, seconds=clock() - began, request_id=completion.request_id)
        return replace(completion, attempts=(attempt,))
    raise failure


def prepare(call: Call) -> Generator[Effect, Any, Request]:
    """The request for a call, its pictures read, fitted and in their places."""
    messages = yield from fitted(call, min(60.0, call.limits.timeout))
    return build(messages, call.options, call.endpoint, stream=call.stream, tool_images=call.tool_images)


def fitted(call: Call, seconds: float = 60.0) -> Generator[Effect, Any, list[Message]]:
    """The messages of a call, with their pictures as the endpoint takes them.

    Args:
        call: the question.
        seconds: how long a picture behind a URL may take to come.
    """
    found = find(call.messages)
    inline = call.endpoint.limits.accepts_url is False
    urls = [None if inline else place.url for place in found]
    pictures = [
        to_picture(place, allow_private_urls=call.allow_private_urls, seconds=seconds)
        for place, url in zip(found, urls, strict=True)
        if url is None
    ]
    encoded = iter((yield Fit(pictures, call.endpoint, _text_bytes(call.messages))) if pictures else ())
    images = [[url] if url is not None else next(encoded) for url in urls]
    return filled(call.messages, found, images)


def _text_bytes(messages: Sequence[Mapping[str, Any]]) -> int:
    """About as many bytes as the request takes without its images."""
    return (
        sum(len(text.encode("utf-8", "replace")) for message in messages for text in _texts(message)) + 4096
    )


def _texts(value: Any) -> Generator[str, None, None]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        if value.get("type") not in ("image", "image_url"):
            for inner in value.values():
                yield from _texts(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            yield from _texts(inner)


@dataclass(frozen=True)
class _Time:
    clock: Clock
    end: float

    def left(self) -> float:
        return self.end - self.clock()

    def check(self, route: str) -> None:
        if self.left() <= 0:
            raise DeadlineExceeded(
                f"{route}: the answer was still coming when the time was over", route=route
            )


def _timeouts(call: Call, left: float) -> Timeouts:
    first = call.limits.first_token_timeout if call.stream else None
    return Timeouts(
        connect=min(30.0, left),
        write=min(60.0, left),
        first_byte=min(left, first or left),
        between_bytes=min(left, call.limits.idle_timeout) if call.stream else left,
        whole=left,
    )


def _attempt(call: Call, request: Request, time: _Time) -> Exchange:
    time.check(call.endpoint.route)
    answer = yield Open(call.endpoint, request.body, _timeouts(call, time.left()))
    if not 200 <= answer.status < 300:
        body = yield from _body(answer, call, time)
        raise read_error(answer.status, answer.headers, body, call.endpoint)
    if request.stream:
        return (yield from _streamed(answer, request, call, time))
    body = yield from _body(answer, call, time)
    completion = read_completion(body, request, call.endpoint, headers=answer.headers)
    yield Release(answer)
    return completion


def _body(answer: Answer, call: Call, time: _Time) -> Generator[Effect, Any, bytes]:
    pieces: list[bytes] = []
    size = 0
    try:
        while piece := (yield Read(answer)):
            pieces.append(piece)
            size = _counted(size, piece, call)
            time.check(answer.route)
    except ConnectionFailed as error:
        _broke_off(error, "")
    return b"".join(pieces)


def _streamed(answer: Answer, request: Request, call: Call, time: _Time) -> Exchange:
    incoming = StreamedAnswer(request, call.endpoint, headers=answer.headers)
    size = 0
    try:
        while not incoming.done and (piece := (yield Read(answer))):
            size = _counted(size, piece, call)
            yield from incoming.feed(piece)
            time.check(answer.route)
    except (ConnectionFailed, ProviderTimeout) as error:
        if not incoming.started:
            raise
        _broke_off(error, incoming.partial)
    completion = incoming.finish()
    if rest := completion.text[len(incoming.partial) :]:
        yield Delta(rest)
    yield Release(answer, has_rest=incoming.done)
    return completion


def _counted(size: int, piece: bytes, call: Call) -> int:
    size += len(piece)
    if size > call.limits.max_answer_bytes:
        raise MalformedResponse(
            f"{call.endpoint.route}: the answer is longer than {call.limits.max_answer_bytes:,} bytes",
            hint="Ask for less with max_tokens=...",
            route=call.endpoint.route,
        )
    return size


_SILENCE = (
    "Allow longer silences with idle_timeout=..., or more time with timeout=...; .partial holds what came."
)


def _broke_off(error: ConnectionFailed | ProviderTimeout, partial: str) -> NoReturn:
    said = error.message.removeprefix(f"{error.route}: ")
    hint = _SILENCE if isinstance(error, ProviderTimeout) else ""
    broken = IncompleteResponse(f"{error.route}: the answer broke off: {said}", hint=hint, route=error.route)
    broken.partial = partial
    raise broken from None


def _told(error: VLMError, endpoint: Endpoint, seconds: float) -> VLMError:
    """The error with what was tried and what may help, and without the frames of the exchange.

    Their variables hold what was sent and what came, which a log with variables would show.
    """
    error.route = error.route or endpoint.route
    if isinstance(error, ModelNotFound) and (names := nearest_models(endpoint)):
        error.hint = f"Did you mean {' or '.join(names)}? {error.hint}"
    billed = bool(getattr(error, "may_be_billed", False))
    error.attempts = (Attempt(endpoint.route, type(error).__name__, seconds, billed, error.request_id),)
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)
