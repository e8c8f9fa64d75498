"""One request and its answer, as a generator that yields what it needs done."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from vlm_core.answers import Completion, Delta, EncodedImage
from vlm_core.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    IncompleteResponse,
    MalformedResponse,
    ProviderTimeout,
)
from vlm_core.flow.effects import Effect, Fit, Open, Read, Release
from vlm_core.flow.pictures import Message, filled, find, held, to_picture
from vlm_core.wire.placement import ToolImages
from vlm_core.wire.request import Request
from vlm_core.wire.response import StreamedAnswer, read_completion, read_error
from vlm_core.wire.transport import Answer, Timeouts

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint

Exchange: TypeAlias = Generator[Effect | Delta, Any, Completion]
Clock: TypeAlias = Callable[[], float]
"""Seconds, from any beginning."""


@dataclass(frozen=True)
class Limits:
    """How long a call may take, how often it is tried, and how much it may answer."""

    timeout: float = 600.0
    """Seconds for the whole call, with all attempts and waits."""
    first_token_timeout: float | None = None
    """Seconds until a streamed answer begins; None: 10 where another route can be asked, else all."""
    idle_timeout: float = 60.0
    """Seconds between two pieces of a streamed answer."""
    max_attempts: int = 3
    """On each route."""
    max_answer_bytes: int = 2**26


@dataclass(frozen=True)
class PerRoute:
    """A question asked of each route in its own words, as models trained on a prompt of theirs want it.

    Args:
        ask: gives the messages and options for an endpoint.
    """

    ask: Callable[[Endpoint], tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]]


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
    max_pages: int | None = None
    per_route: PerRoute | None = None
    """Where it is set, messages and options are those for the endpoint."""

    def of(self, endpoint: Endpoint) -> Call:
        """The same question for another route."""
        if self.per_route is None:
            return replace(self, endpoint=endpoint)
        messages, options = self.per_route.ask(endpoint)
        return replace(self, endpoint=endpoint, messages=held(messages), options={**self.options, **options})


@dataclass(frozen=True)
class Time:
    """The time that a call has."""

    clock: Clock
    end: float

    def left(self) -> float:
        """Seconds that remain."""
        return self.end - self.clock()

    def check(self, route: str) -> None:
        """Nothing, while there is time.

        Raises:
            DeadlineExceeded: there is none.
        """
        if self.left() <= 0:
            raise DeadlineExceeded(f"{route}: the time was over before the answer was whole", route=route)


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
        to_picture(
            place,
            max_pages=call.max_pages,
            allow_private_urls=call.allow_private_urls,
            seconds=seconds,
        )
        for place, url in zip(found, urls, strict=True)
        if url is None
    ]
    encoded = iter((yield Fit(pictures, call.endpoint, _text_bytes(call.messages))) if pictures else ())
    images = [[url] if url is not None else next(encoded) for url in urls]
    return filled(call.messages, found, images)


def images_in(messages: Sequence[Message]) -> list[EncodedImage]:
    """The pictures that fitted messages hold."""
    contents = (message.get("content") for message in messages if isinstance(message, Mapping))
    parts = (part for content in contents if isinstance(content, list) for part in content)
    images = (part.get("image") for part in parts if isinstance(part, Mapping))
    return [image for image in images if isinstance(image, EncodedImage)]


def _text_bytes(messages: Sequence[Mapping[str, Any]]) -> int:
    """About as many bytes as the request takes without its images."""
    return 4096 + sum(len(text.encode("utf-8", "replace")) for text in _texts(messages))


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


def attempt(call: Call, request: Request, time: Time, patience: float | None) -> Exchange:
    """Send a request once, and return its answer.

    Args:
        call: the question.
        request: as it is sent.
        time: what is left of it.
        patience: seconds until a streamed answer must have begun; None for all there are.

    Raises:
        VLMError: whatever went wrong.
    """
    asked_at, left = time.clock(), max(time.left(), 0.001)
    answer = yield Open(call.endpoint, request.body, _timeouts(call, left, request.stream, patience))
    if not 200 <= answer.status < 300:
        body = yield from _body(answer, call, time)
        raise read_error(answer.status, answer.headers, body, call.endpoint)
    if request.stream:
        begin_by = None if patience is None else asked_at + patience
        return (yield from _streamed(answer, request, call, time, begin_by))
    body = yield from _body(answer, call, time)
    completion = read_completion(body, request, call.endpoint, headers=answer.headers)
    yield Release(answer)
    return completion


def _timeouts(call: Call, left: float, stream: bool, patience: float | None) -> Timeouts:
    return Timeouts(
        connect=min(30.0, left),
        write=min(60.0, left),
        first_byte=min(left, patience or left) if stream else left,
        between_bytes=min(left, call.limits.idle_timeout) if stream else left,
        whole=left,
    )


def _body(answer: Answer, call: Call, time: Time) -> Generator[Effect, Any, bytes]:
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


def _streamed(answer: Answer, request: Request, call: Call, time: Time, begin_by: float | None) -> Exchange:
    incoming = StreamedAnswer(request, call.endpoint, headers=answer.headers)
    size, heard_at = 0, None
    try:
        while not incoming.done and (piece := (yield Read(answer, _until_token(heard_at, begin_by, time)))):
            size = _counted(size, piece, call)
            deltas = incoming.feed(piece)
            yield from deltas
            heard_at = time.clock() if deltas else _still_heard(heard_at, call, time)
            time.check(answer.route)
    except (ConnectionFailed, ProviderTimeout) as error:
        # A role, which some servers send at once, is no word of the answer.
        is_late = isinstance(error, ProviderTimeout) and begin_by is not None and heard_at is None
        if is_late or not incoming.started:
            raise
        _broke_off(error, incoming.partial)
    completion = incoming.finish()
    if rest := completion.text[len(incoming.partial) :]:
        yield Delta(rest)
    yield Release(answer, has_rest=incoming.done)
    return completion


def _until_token(heard_at: float | None, begin_by: float | None, time: Time) -> float | None:
    """How long the next piece may take until the answer has begun; later the socket's timeout counts."""
    return None if heard_at is not None or begin_by is None else max(0.0, begin_by - time.clock())


def _still_heard(heard_at: float | None, call: Call, time: Time) -> float | None:
    """Signs of life without a word of the answer are no answer."""
    if heard_at is not None and time.clock() - heard_at > call.limits.idle_timeout:
        route = call.endpoint.route
        raise ProviderTimeout(f"{route}: signs of life, but no word for {call.limits.idle_timeout} seconds")
    return heard_at


def _counted(size: int, piece: bytes, call: Call) -> int:
    size += len(piece)
    if size > call.limits.max_answer_bytes:
        raise MalformedResponse(
            f"{call.endpoint.route}: the answer is longer than {call.limits.max_answer_bytes:,} bytes",
            hint="Ask for less with max_tokens=...",
            route=call.endpoint.route,
        )
    return size


_SILENCE = "Allow longer silences with idle_timeout=..., or more time with timeout=...; see .partial."


def _broke_off(error: ConnectionFailed | ProviderTimeout, partial: str) -> NoReturn:
    said = error.message.removeprefix(f"{error.route}: ")
    hint = _SILENCE if isinstance(error, ProviderTimeout) else ""
    broken = IncompleteResponse(f"{error.route}: the answer broke off: {said}", hint=hint, route=error.route)
    broken.partial = partial
    raise broken from None
