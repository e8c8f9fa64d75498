"""One request and its answer, as a generator that yields what it needs done."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.completion import Completion, Delta, EncodedImage
from vlm_core.errors import (
    ConnectionFailed,
    DeadlineExceeded,
    IncompleteResponse,
    MalformedResponse,
    ProviderTimeout,
)
from vlm_core.flow.effects import CloseResponse, Effect, FitImages, ReadBody, SendRequest
from vlm_core.flow.message_images import (
    Message,
    buffer_open_files,
    forwarded_url,
    image_parts,
    replace_images,
    to_picture,
)
from vlm_core.flow.policy import FIRST_TOKEN_SECONDS
from vlm_core.wire.endpoint_messages import ToolImages
from vlm_core.wire.request import Request
from vlm_core.wire.response import StreamedAnswer, is_whole, read_completion, read_error
from vlm_core.wire.transport import RawResponse, Timeouts

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint
    from vlm_core.secret import Secret

Exchange: TypeAlias = Generator[Effect | Delta, Any, Completion]
Clock: TypeAlias = Callable[[], float]
"""Seconds, from any beginning."""


@dataclass(frozen=True)
class CallLimits:
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
        fallback_first: whether another route is asked before a wait for this one. A job wants all its pages
            soon, a chat the route that it prefers.
        watch: makes a function for each streamed answer, which gets every delta. Once it gives a
            finish_reason, the answer is broken off, and ends with that.
    """

    ask: Callable[[Endpoint], tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]]
    fallback_first: bool = False
    watch: Callable[[], Callable[[Delta], str | None]] | None = None


@dataclass(frozen=True)
class ChatCall:
    """One question, with all that decides how it is asked."""

    messages: Sequence[Mapping[str, Any]] = field(repr=False)
    options: Mapping[str, Any]
    endpoint: Endpoint
    stream: bool = False
    limits: CallLimits = CallLimits()
    tool_images: ToolImages = "user_message"
    allow_private_urls: bool = False
    max_pages: int | None = None
    per_route: PerRoute | None = None
    """Where it is set, messages and options are those for the endpoint."""
    extra_headers: Mapping[str, Secret] = field(default_factory=dict)
    """Sent with this call to its first route, and to no other: they may hold a key."""
    keys: Mapping[int, Secret | None] = field(default_factory=dict, repr=False)
    """By the id() of an endpoint, as they were looked up for this call."""

    @property
    def fallback_first(self) -> bool:
        """Whether another route is asked before a wait for this one."""
        return self.per_route is not None and self.per_route.fallback_first

    def of(self, endpoint: Endpoint) -> ChatCall:
        """The same question for another route, with the key and the headers for it."""
        if id(endpoint) in self.keys:
            endpoint = replace(endpoint, api_key=self.keys[id(endpoint)])
        if self.extra_headers and endpoint.route == self.endpoint.route:
            endpoint = replace(endpoint, extra_headers=self.extra_headers)
        if self.per_route is None:
            return replace(self, endpoint=endpoint)
        messages, options = self.per_route.ask(endpoint)
        return replace(
            self, endpoint=endpoint, messages=buffer_open_files(messages), options={**self.options, **options}
        )


@dataclass(frozen=True)
class Deadline:
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


def fit_messages(call: ChatCall, seconds: float = 60.0) -> Generator[Effect, Any, list[Message]]:
    """The messages of a call, with their pictures as the endpoint takes them.

    Args:
        call: the question.
        seconds: how long a picture behind a URL may take to come.
    """
    found = image_parts(call.messages)
    hands_on = _hands_urls_on(call.endpoint)
    urls = [forwarded_url(place, call.allow_private_urls) if hands_on else None for place in found]
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
    encoded = iter((yield FitImages(pictures, call.endpoint, _text_bytes(call.messages))) if pictures else ())
    images = [[url] if url is not None else next(encoded) for url in urls]
    return replace_images(call.messages, found, images)


def _hands_urls_on(endpoint: Endpoint) -> bool:
    """Whether the provider fetches what stands behind a URL, by its row.

    A server of this machine or its network that no row knows would fetch from within: what a stranger's URL
    leads to is fetched here, where every address is checked.
    """
    return endpoint.limits.accepts_url is True


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


@dataclass(frozen=True)
class ReadTimeouts:
    """How long an answer may keep its caller waiting, in seconds; None for all the time there is."""

    first: float | None = None
    """Until it begins."""
    idle: float | None = None
    """From one piece to the next."""


AFTER_END_SECONDS = 5.0
"""How long usage and [DONE] may take once a finish_reason has come: the answer is whole without them."""


def attempt(call: ChatCall, request: Request, time: Deadline, waits: ReadTimeouts) -> Exchange:
    """Send a request once, and return its answer.

    Args:
        call: the question.
        request: as it is sent.
        time: what is left of it.
        waits: how long the answer may take to begin and to go on.

    Raises:
        VLMError: whatever went wrong.
    """
    incoming = _Incoming(call, time, waits)
    left = max(time.left(), 0.001)
    answer = yield SendRequest(call.endpoint, request.body, _timeouts(left, waits))
    if not 200 <= answer.status < 300:
        body, _ = yield from _body(answer, incoming)
        raise read_error(answer.status, answer.headers, body, call.endpoint)
    try:
        if request.stream:
            return (yield from _streamed(answer, request, incoming))
        return (yield from _whole(answer, request, incoming))
    except IncompleteResponse as error:
        if error.reason == "cut" and incoming.was_silent:
            error.reason = "silent"
        raise


def _timeouts(left: float, waits: ReadTimeouts) -> Timeouts:
    return Timeouts(
        connect=min(30.0, left),
        write=min(60.0, left),
        first_byte=min(left, waits.first or left),
        between_bytes=min(left, waits.idle or left),
        whole=left,
    )


class _Incoming:
    """What is known of an answer while it comes: its size, and how long it has been silent."""

    def __init__(self, call: ChatCall, time: Deadline, waits: ReadTimeouts) -> None:
        self.call, self._time, self._waits = call, time, waits
        self._size = 0
        self._asked_at = self._heard_at = time.clock()
        self.has_begun = False
        self._ended_at: float | None = None

    def read(self, answer: RawResponse) -> Generator[Effect, Any, bytes]:
        """The next piece; none at the end."""
        piece: bytes = yield ReadBody(answer, self._allowed())
        self._size += len(piece)
        if self._size > self.call.limits.max_answer_bytes:
            raise _too_long(self.call)
        if piece and self._ended_at is None:
            self._time.check(answer.route)
        return piece

    def heard(self, is_word: bool) -> None:
        """A piece came; whether it is of the answer, and not only a sign of life."""
        now = self._time.clock()
        if is_word:
            self._heard_at, self.has_begun = now, True
        elif self.has_begun and self._waits.idle is not None and now - self._heard_at > self._waits.idle:
            route, seconds = self.call.endpoint.route, self._waits.idle
            raise ProviderTimeout(f"{route}: only keep-alives for {seconds} seconds", route=route)

    def ended(self) -> None:
        """The answer is whole. What may still come is welcome, and is not waited for long."""
        self._ended_at = self._time.clock() if self._ended_at is None else self._ended_at

    @property
    def was_silent(self) -> bool:
        """Whether nothing came for as long as an answer may take to begin, or to go on."""
        bounds = (FIRST_TOKEN_SECONDS, self._waits.first, self._waits.idle)
        return self._time.clock() - self._heard_at >= min(bound for bound in bounds if bound is not None)

    @property
    def may_not_have_begun(self) -> bool:
        """Whether the time in which it had to begin is what ended it."""
        return self._waits.first is not None and not self.has_begun

    def _allowed(self) -> float | None:
        """How long the next piece may take; None where the socket's own timeout says it."""
        if self._ended_at is not None:
            return max(0.0, self._ended_at + AFTER_END_SECONDS - self._time.clock())
        if self._waits.first is None or self.has_begun:
            return None
        return max(0.0, self._asked_at + self._waits.first - self._time.clock())


def _whole(answer: RawResponse, request: Request, incoming: _Incoming) -> Exchange:
    """An answer that comes in one piece. All of its JSON is all of it, however the body ends."""
    body, failure = yield from _body(answer, incoming)
    if failure is not None and not is_whole(body, request, incoming.call.endpoint):
        raise failure if isinstance(failure, ProviderTimeout) else _broken_off(failure, "", answer.route)
    completion = read_completion(body, request, incoming.call.endpoint, headers=answer.headers)
    yield CloseResponse(answer)
    return completion


def _body(
    answer: RawResponse, incoming: _Incoming
) -> Generator[Effect, Any, tuple[bytes, ConnectionFailed | ProviderTimeout | None]]:
    """The bytes that came, and what kept more of them from coming."""
    pieces: list[bytes] = []
    try:
        while piece := (yield from incoming.read(answer)):
            pieces.append(piece)
            incoming.heard(is_word=not piece.isspace())  # some send blanks until the answer is there
    except (ConnectionFailed, ProviderTimeout) as failure:
        return b"".join(pieces), failure
    return b"".join(pieces), None


def _streamed(answer: RawResponse, request: Request, incoming: _Incoming) -> Exchange:
    """An answer that comes in pieces. With its finish_reason it is whole, however the body ends."""
    stream = StreamedAnswer(request, incoming.call.endpoint, headers=answer.headers)
    per_route = incoming.call.per_route
    watch = per_route and per_route.watch and per_route.watch()
    try:
        while not stream.done and (piece := (yield from incoming.read(answer))):
            deltas = stream.feed(piece)
            yield from deltas
            if watch and (reason := next(filter(None, map(watch, deltas)), None)):
                yield CloseResponse(answer)
                return stream.cut_short(reason)
            incoming.heard(is_word=bool(deltas))
            if stream.has_ended:
                incoming.ended()
    except (ConnectionFailed, ProviderTimeout) as error:
        if not stream.is_whole:
            is_late = isinstance(error, ProviderTimeout) and incoming.may_not_have_begun
            # A role, which some servers send at once, is not a word of the answer.
            is_empty = is_late or not stream.started
            raise (error if is_empty else _broken_off(error, stream.partial, answer.route)) from None
    completion = stream.finish()
    if rest := completion.text[len(stream.partial) :]:
        yield Delta(rest)
    yield CloseResponse(answer, has_rest=stream.done)
    return completion


def _too_long(call: ChatCall) -> MalformedResponse:
    return MalformedResponse(
        f"{call.endpoint.route}: the answer is longer than {call.limits.max_answer_bytes:,} bytes",
        hint="Ask for less with max_tokens=...",
        route=call.endpoint.route,
    )


_SILENCE = "Allow longer silences with idle_timeout=..., or more time with timeout=...; see .partial."


def _broken_off(error: ConnectionFailed | ProviderTimeout, partial: str, route: str) -> IncompleteResponse:
    is_silence = isinstance(error, ProviderTimeout)
    reason = error.message.removeprefix(f"{route}: ")
    broken = IncompleteResponse(
        f"{route}: the answer broke off: {reason}", hint=_SILENCE if is_silence else "", route=route
    )
    broken.partial, broken.reason = partial, "silent" if is_silence else "cut"
    return broken
