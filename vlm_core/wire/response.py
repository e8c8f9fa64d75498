"""What came back, read: a whole answer, a streamed one, or the error that it is."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from vlm_core.catalog.routes import Endpoint
from vlm_core.completion import Completion, Delta
from vlm_core.errors import IncompleteResponse, MalformedResponse, ResponseError, VLMError
from vlm_core.wire.accumulator import CompletionAccumulator
from vlm_core.wire.completion import build_completion
from vlm_core.wire.error_body import error_body_in, page_title, redact
from vlm_core.wire.error_mapping import is_error_body, lower_case, read_error, read_inner_error, request_id
from vlm_core.wire.request import Request
from vlm_core.wire.sse import EventDecoder

__all__ = ["StreamedAnswer", "is_whole", "read_completion", "read_error"]

_Failure = TypeVar("_Failure", bound=VLMError)

_JSON = json.JSONDecoder()
_NO_HEADERS: Mapping[str, str] = MappingProxyType({})
_BLANK = b"\xef\xbb\xbf \t\r\n"
_EVENT_FIELD = re.compile(rb"(?:data|event|id|retry)?:")
_LONGEST_FIELD = len(b"event:")
_EXCERPT_CHARS = 200
# Events that cannot have held text.
_TEXTLESS = {
    "null": re.compile(r"null$|\[\s*\]$"),
    "HTML": re.compile(r"<(?:!doctype|html|head|body|title|center|h1)\b"),
    "ping": re.compile(r"\W*+(?:ping|pong|heartbeat|keep[-_ ]?alive)\W*+$"),
}


def read_completion(
    body: bytes, request: Request, endpoint: Endpoint, *, headers: Mapping[str, str] = _NO_HEADERS
) -> Completion:
    """The answer in the body of a response with status 200.

    Its warnings are the request's and those of the reading.

    Args:
        body: JSON in UTF-8; events, which some servers send unasked, are read too.
        request: what was sent.
        endpoint: who was asked.
        headers: of the response, for its id.

    Raises:
        ProviderError: the body is an error, and says which.
        MalformedResponse: it is not an answer.
        EmptyOutput: the answer holds neither text nor tool calls nor a refusal.
        IncompleteResponse: the provider says that it broke off.

    Example:
        >>> from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
        >>> lab = Endpoint(Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab/v1")
        >>> body = b'{"choices": [{"message": {"content": "TOTAL 9.00"}, "finish_reason": "eos"}]}'
        >>> answer = read_completion(body, Request(b""), lab)
        >>> answer.text, answer.finish_reason
        ('TOTAL 9.00', 'stop')
    """
    bare = body.lstrip(_BLANK)
    if _EVENT_FIELD.match(bare):
        stream = StreamedAnswer(request, endpoint, headers)
        stream.feed(bare)
        return stream.finish()
    try:
        chunk = _parsed_body(bare, endpoint)
        if is_error_body(chunk):
            raise read_inner_error(chunk, headers, endpoint)
        if not chunk.get("choices"):
            raise _no_choices(chunk, endpoint)
        answer = CompletionAccumulator(request.reading, whole=True)
        answer.add(chunk)
        answer.end()
        return build_completion(answer, request, endpoint, headers, raw=chunk)
    except VLMError as error:
        raise _placed(error, endpoint, headers) from None  # its frames hold the whole body


def is_whole(body: bytes, request: Request, endpoint: Endpoint) -> bool:
    """Whether a body holds all of an answer, though its transfer broke off: all of its JSON, or its end.

    Args:
        body: what came.
        request: what was sent.
        endpoint: who was asked.

    Example:
        >>> from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
        >>> lab = Endpoint(Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab/v1")
        >>> is_whole(b'{"choices": []}', Request(b""), lab), is_whole(b'{"choices": [', Request(b""), lab)
        (True, False)
    """
    bare = body.lstrip(_BLANK)
    if not _EVENT_FIELD.match(bare):
        return isinstance(_parsed(bare.decode(errors="replace")), dict)
    stream = StreamedAnswer(request, endpoint)
    try:
        stream.feed(bare)
    except VLMError:
        return False
    return stream.is_whole


class StreamedAnswer:
    """An answer that comes in pieces. Make one for each streamed request.

    Args:
        request: what was sent.
        endpoint: who was asked.
        headers: of the response, for its id.

    Example:
        >>> from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
        >>> lab = Endpoint(Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab/v1")
        >>> answer = StreamedAnswer(Request(b"", stream=True), lab)
        >>> answer.feed(b'data: {"choices": [{"delta": {"content": "TOTAL"}}]}' + bytes([10, 10]))
        [Delta(text='TOTAL', reasoning='', tool_calls=())]
        >>> answer.partial, answer.done
        ('TOTAL', False)
        >>> answer.finish()
        Traceback (most recent call last):
        vlm_core.errors.IncompleteResponse: lab:m: the stream ended before the answer did. ...
    """

    def __init__(
        self, request: Request, endpoint: Endpoint, headers: Mapping[str, str] = _NO_HEADERS
    ) -> None:
        self.done = False
        """Whether nothing counts that may still come: [DONE] was seen, or `finish` will raise an error."""
        self._request, self._endpoint, self._headers = request, endpoint, headers
        self._decoder = EventDecoder()
        self._answer = CompletionAccumulator(request.reading)
        self._is_events: bool | None = None
        self._head = b""
        self._other: list[bytes] = []
        self._failure: VLMError | None = None
        self._skipped: list[str] = []

    @property
    def has_ended(self) -> bool:
        """Whether the answer's end has come; usage and [DONE] may still follow."""
        return self._failure is None and (self.done or self._answer.finish_word is not None)

    @property
    def is_whole(self) -> bool:
        """Whether all of an answer has come: its end, or all of the JSON that is sent in a stream's place."""
        if self._is_events is not False:
            return self.has_ended
        return is_whole(b"".join(self._other), self._request, self._endpoint)

    @property
    def partial(self) -> str:
        """The text of all deltas so far."""
        return self._answer.text

    @property
    def started(self) -> bool:
        """Whether anything of the answer came; keep-alives are not of it."""
        return bool(self._answer.head or self._other or self._head)

    def feed(self, data: bytes) -> list[Delta]:
        """What some bytes of the body add.

        An error behind deltas in the same bytes is raised by the next call; `done` says so at once.

        Args:
            data: as it came, cut anywhere.

        Raises:
            ProviderError: an event is an error, and says which.
            IncompleteResponse: an event is damaged, and may have held text.
            MalformedResponse: what comes is not an answer.
        """
        if self._failure:
            raise self._failure
        if self.done:
            return []
        if not self._is_events:
            data = self._events_in(data)
        deltas: list[Delta] = []
        try:
            self._read(data, deltas)
        except VLMError as error:
            if isinstance(error, ResponseError):
                error.partial = self.partial
            self.done, self._failure = True, _placed(error, self._endpoint, self._headers)
            if not deltas:
                raise self._failure from None
        return deltas

    def finish(self) -> Completion:
        """The whole answer, once no more bytes come.

        Its text begins with `partial`, and is longer where the server sent no events but one whole
        answer, or ended the stream without saying so in time.

        Raises:
            IncompleteResponse: the stream ended before the answer; `partial` is what came.
            VLMError: as `read_completion`, and as `feed`.
        """
        if self._failure:
            raise self._failure
        if not self._is_events:
            body = b"".join(self._other) or self._head
            return read_completion(body, self._request, self._endpoint, headers=self._headers)
        try:
            self._finish_events()
            self._answer.end()
            completion = build_completion(self._answer, self._request, self._endpoint, self._headers)
            return replace(completion, warnings=(*completion.warnings, *self._warnings()))
        except VLMError as error:
            if isinstance(error, ResponseError):
                error.partial = self.partial
            raise _placed(error, self._endpoint, self._headers) from None

    def cut_short(self, reason: str) -> Completion:
        """What came so far, as an answer that the caller broke off.

        Args:
            reason: its finish_reason.
        """
        self._answer.end()
        self._answer.finish_word, self._answer.is_cut_short = reason, True
        return build_completion(self._answer, self._request, self._endpoint, self._headers)

    def _events_in(self, data: bytes) -> bytes:
        """The events in what came first; nothing while it may be something else, or where it is."""
        if self._is_events is None:
            data = self._head = (self._head + data).lstrip(_BLANK)
            is_field = _EVENT_FIELD.match(data) is not None
            if not is_field and len(data) < _LONGEST_FIELD:
                return b""
            self._is_events, self._head = is_field, b""
        if self._is_events:
            return data
        self._other.append(data)
        return b""

    def _read(self, data: bytes, deltas: list[Delta]) -> None:
        for kind, payload in self._decoder.feed(data):
            self._take(kind, payload, deltas)
            if self.done:
                return

    def _take(self, kind: str, payload: str, deltas: list[Delta]) -> None:
        """Read an event. One after the answer's end does not put the answer in doubt, whatever it holds."""
        if self._answer.finish_word is None:
            self._event(kind, payload, deltas)
            return
        try:
            self._event(kind, payload, deltas)
        except VLMError as error:
            self._skipped.append(f"after the end: {error.message[:_EXCERPT_CHARS]}")

    def _event(self, kind: str, payload: str, deltas: list[Delta]) -> None:
        if payload.startswith("[DONE]"):
            self.done = True
            delta = self._answer.end()
        else:
            chunk = _parsed(payload)
            if not isinstance(chunk, dict) or kind == "error":
                return self._no_chunk(kind, payload, chunk, deltas)
            if is_error_body(chunk):
                raise read_inner_error(chunk, self._headers, self._endpoint)
            if "choices" not in chunk and "usage" not in chunk:
                self._skipped.append(str(chunk.get("type") or kind or "no choices")[:40])
            delta = self._answer.add(chunk)
        if delta is not None:
            deltas.append(delta)
        return None

    def _no_chunk(self, kind: str, payload: str, value: object, deltas: list[Delta]) -> None:
        """An event that is not a chunk: an error, several events, one without text, or a damaged one."""
        if kind == "error" or (isinstance(value, list) and any(map(_is_error, value))):
            raise read_inner_error(payload if value is None else value, self._headers, self._endpoint)
        lines = payload.split("\n")
        if len(lines) > 1 and all(map(_stands_alone, lines)):
            for line in lines:
                self._take(kind, line, deltas)
        elif name := describe_textless_event(kind, payload):
            self._skipped.append(name)
        else:
            damaged = IncompleteResponse("an event of the stream is damaged")
            damaged.reason = "damaged"
            raise damaged

    def _finish_events(self) -> None:
        """Read what no blank line ended, which counts only where the answer had not ended before."""
        if not self.done:
            self._read(b"\n\n", [])
        if not self.has_ended:
            raise IncompleteResponse("the stream ended before the answer did")

    def _warnings(self) -> list[str]:
        names = [*self._skipped, *["empty"] * self._decoder.empty_events]
        if not names:
            return []
        kinds = ", ".join(dict.fromkeys(names))
        return [f"{self._endpoint.route} sent {len(names)} events without text, which were skipped: {kinds}"]


def describe_textless_event(kind: str, payload: str) -> str:
    """What an event is that cannot have held text; "" for one that may have.

    Args:
        kind: the event's type.
        payload: its data.

    Example:
        >>> describe_textless_event("", "<html>"), describe_textless_event("ping", "17:04")
        ('HTML', 'ping')
        >>> describe_textless_event("", '{"choic')
        ''
    """
    names = (kind, payload.strip().lower())
    return next((name for name, pattern in _TEXTLESS.items() if any(map(pattern.match, names))), "")


def _is_error(value: object) -> bool:
    return isinstance(value, dict) and is_error_body(value)


def _stands_alone(line: str) -> bool:
    """Whether a line of an event is one by itself: some servers part events by one line end only."""
    is_end = not line or line.startswith("[DONE]")
    return is_end or isinstance(_parsed(line), dict) or bool(describe_textless_event("", line))


def _parsed(text: str) -> object:
    """What a text is in JSON; None where it is none."""
    try:
        value, end = _JSON.raw_decode(text)  # in half the time of json.loads
        return value if end == len(text) else json.loads(text)
    except (ValueError, RecursionError):
        return None


def _parsed_body(bare: bytes, endpoint: Endpoint) -> dict[str, Any]:
    if not bare:
        raise MalformedResponse(f"{endpoint.route} answered with nothing", hint="Try again.")
    if bare[:1] == b"<":
        title = redact(page_title(bare), endpoint, _EXCERPT_CHARS)
        raise MalformedResponse(f"{endpoint.route} answered with a web page: {title}")
    text = bare.decode(errors="replace")
    chunk = _parsed(text)
    if isinstance(chunk, dict):
        return chunk
    if text[0] == "{" and chunk is None:
        problem = f"answered with JSON that is cut short or damaged, {len(bare)} bytes long"
        raise MalformedResponse(f"{endpoint.route} {problem}", hint="Try again.")
    excerpt = redact(error_body_in(text).message or text, endpoint, _EXCERPT_CHARS)
    raise MalformedResponse(f"{endpoint.route} answered with no chat completion: {excerpt}")


def _no_choices(chunk: Mapping[str, Any], endpoint: Endpoint) -> MalformedResponse:
    words = error_body_in(chunk).message or f"its fields are {', '.join(map(str, chunk)) or 'none'}"
    return MalformedResponse(
        f"{endpoint.route} answered without choices: {redact(words, endpoint, _EXCERPT_CHARS)}"
    )


def _placed(error: _Failure, endpoint: Endpoint, headers: Mapping[str, str]) -> _Failure:
    """An error that says which route and request it is about."""
    error.route = error.route or endpoint.route
    error.request_id = error.request_id or request_id(lower_case(headers), endpoint)
    if not error.message.startswith(endpoint.route):
        error.message = f"{endpoint.route}: {error.message}"
    return error
