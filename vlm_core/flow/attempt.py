"""One request and its answer, as a generator that yields what it needs done."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any

from vlm_core.completion import Completion, Delta, ToolCall, ToolCallDelta
from vlm_core.errors import (
    ConnectionFailed,
    IncompleteResponse,
    MalformedResponse,
    ProviderTimeout,
)
from vlm_core.flow.call import (
    ChatCall,
    CloseResponse,
    Deadline,
    Effect,
    Exchange,
    FitImages,
    ReadBody,
    SendRequest,
)
from vlm_core.flow.message_images import (
    Images,
    Message,
    forwarded_url,
    image_parts,
    text_bytes,
    to_picture,
    with_images,
)
from vlm_core.flow.policy import FIRST_TOKEN_SECONDS
from vlm_core.wire.request import Request
from vlm_core.wire.response import StreamedAnswer, is_whole, read_completion, read_error
from vlm_core.wire.transport import RawResponse, Timeouts

# Of a request beside its messages; what the provider's limit leaves is the room for images.
_LEAST_REQUEST_BYTES = 4096


def fit_messages(call: ChatCall, seconds: float = 60.0) -> Generator[Effect, Any, list[Message]]:
    """The messages of a call, with their pictures as the endpoint takes them.

    Args:
        call: the question.
        seconds: how long a picture behind a URL may take to come.
    """
    parts = image_parts(call.messages)
    # Only a provider whose row says so fetches what stands behind a URL. A server of this machine or its
    # network would fetch from within: what a stranger's URL leads to is fetched here, where every address
    # is checked.
    hands_on = call.endpoint.limits.accepts_url is True
    urls = [forwarded_url(part, call.allow_private_urls) if hands_on else None for part in parts]
    pictures = [
        to_picture(
            part, max_pages=call.max_pages, allow_private_urls=call.allow_private_urls, seconds=seconds
        )
        for part, url in zip(parts, urls, strict=True)
        if url is None
    ]
    if not parts:
        return list(call.messages)
    size = _LEAST_REQUEST_BYTES + text_bytes(call.messages)
    encoded = iter((yield FitImages(pictures, call.endpoint, size)) if pictures else ())
    images: list[Images] = [[url] if url is not None else next(encoded) for url in urls]
    return with_images(call.messages, images)


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


# --- what the caller of a stream was given


@dataclass
class _EmittedCall:
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass
class EmittedText:
    """The pieces of an answer that were handed on, and what of a new answer is still to be given.

    A stream that broke can be continued by another answer only where that begins with what was given.
    Two different answers are never put together.

    Example:
        >>> given = EmittedText()
        >>> given.add(Delta("TOT"))
        >>> given.rest_of(Completion("TOTAL 9.00"))
        [Delta(text='AL 9.00', reasoning='', tool_calls=())]
        >>> given.rest_of(Completion("The total is 9.00")) is None
        True
    """

    pieces: list[str] = field(default_factory=list)
    """Of text; joined only where they are compared, for an answer may have a million."""
    calls: dict[int, _EmittedCall] = field(default_factory=dict)
    is_begun: bool = False
    """Whether anything of the answer was given; thoughts are none of it."""

    @property
    def text(self) -> str:
        """All text that was handed on."""
        return "".join(self.pieces)

    def add(self, delta: Delta) -> None:
        """A piece was handed on."""
        self.pieces.append(delta.text)
        for piece in delta.tool_calls:
            call = self.calls.setdefault(piece.index, _EmittedCall())
            call.id, call.name = call.id or piece.id or "", call.name + (piece.name or "")
            call.arguments += piece.arguments
        self.is_begun = self.is_begun or bool(delta.text or delta.tool_calls)

    def rest_of(self, completion: Completion) -> list[Delta] | None:
        """The pieces that make a whole of what was given; None where the answer is another one."""
        given = self.text
        if not completion.text.startswith(given) or len(self.calls) > len(completion.tool_calls):
            return None
        rests = [self._rest_of_call(number, call) for number, call in enumerate(completion.tool_calls)]
        if None in rests:
            return None
        pieces = tuple(rest for rest in rests if rest and (rest.id or rest.name or rest.arguments))
        rest = Delta(completion.text[len(given) :], tool_calls=pieces)
        return [rest] if rest.text or rest.tool_calls else []

    def whole(self, completion: Completion) -> Completion:
        """An answer, its tool calls under the ids that were given before."""
        calls = (
            replace(call, id=self.calls[number].id or call.id) if number in self.calls else call
            for number, call in enumerate(completion.tool_calls)
        )
        return replace(completion, tool_calls=tuple(calls))

    def _rest_of_call(self, number: int, call: ToolCall) -> ToolCallDelta | None:
        given = self.calls.get(number)
        if given is None:
            return ToolCallDelta(number, call.id, call.name, call.arguments)
        if given.name not in ("", call.name) or not call.arguments.startswith(given.arguments):
            return None
        return ToolCallDelta(
            number,
            None if given.id else call.id,
            None if given.name else call.name,
            call.arguments[len(given.arguments) :],
        )
