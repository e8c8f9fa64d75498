"""What the server answers: a model's words, any HTTP response, or whatever a function writes."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Protocol, TypedDict, runtime_checkable

from vlm_core.completion import ToolCall
from vlm_core.errors import ConfigError
from vlm_core.testing.connection import Connection, merged
from vlm_core.testing.seen import Seen, SeenImage

# Letters of a tool's arguments in one piece of a stream.
_ARGUMENTS_PIECE = 8


@runtime_checkable
class Reply(Protocol):
    """Anything that can answer a request."""

    def send(self, seen: Seen, connection: Connection) -> None:
        """Answer.

        Args:
            seen: the request.
            connection: where the answer is written to.

        Raises:
            OSError: the client is gone; the server minds it not.
        """


class AnswerSettings(TypedDict, total=False):
    """What may be set of an `Answer`, besides its text and its pieces."""

    tool_calls: tuple[ToolCall, ...]
    reasoning: str
    fields: Mapping[str, Any]
    refusal: str | None
    finish_reason: str | None
    usage: Mapping[str, Any] | None
    model: str | None
    id: str | None
    headers: Mapping[str, str]
    pause: float


@dataclass(frozen=True)
class Answer:
    """What a model says, streamed or whole as the request wants it.

    Args:
        text: what it says.
        pieces: how a stream cuts the text; a number among them is a pause in seconds, which a
            whole answer makes at its beginning. By default a piece is a word.
        tool_calls: the tools it wants to be called.
        reasoning: what it thought aloud, sent as `reasoning_content`.
        fields: further fields of the message, such as `reasoning_details`. A stream sends lists element by
            element, and texts word by word.
        refusal: its words where it declined.
        finish_reason: stop, length, tool_calls, content_filter, or what you like.
        usage: sent as it is, {} for none. By default tokens are counted, see `tokens.counted`.
        model: the model that the answer names, by default the one that was asked.
        id: of the answer, by default a new one each time.
        headers: of the response, beside the usual ones.
        pause: seconds before anything is sent.

    Example:
        >>> Answer(pieces=("TO", 0.5, "TAL")).words
        'TOTAL'
    """

    text: str = ""
    pieces: tuple[str | float, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    fields: Mapping[str, Any] = field(default_factory=dict)
    refusal: str | None = None
    finish_reason: str | None = "stop"
    usage: Mapping[str, Any] | None = None
    model: str | None = None
    id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0

    def __post_init__(self) -> None:
        must_be("text", self.text, str)
        for piece in self.pieces:
            must_be("a piece", piece, (str, int, float))

    @property
    def words(self) -> str:
        """All of its text."""
        return self.text or "".join(piece for piece in self.pieces if isinstance(piece, str))

    def send(self, seen: Seen, connection: Connection) -> None:
        """Answer as the request asks, in one piece or streamed."""
        connection.wait(self.pause)
        if seen.stream:
            self._stream(seen, connection)
        else:
            self._send_whole(seen, connection)

    def _send_whole(self, seen: Seen, connection: Connection) -> None:
        # A whole answer cannot pause amid its text: it comes as late as its last piece would.
        connection.wait(sum(piece for piece in self.pieces if not isinstance(piece, str)))
        body = as_json(self.completion(seen))
        connection.respond(200, body, _headers(seen, "application/json", self.headers))

    def completion(self, seen: Seen) -> dict[str, Any]:
        """The whole answer, as a value for JSON."""
        choice = {"index": 0, "message": self._message, "finish_reason": self.finish_reason}
        return {**self._envelope(seen, "chat.completion"), "choices": [choice], **self._usage(seen)}

    def _stream(self, seen: Seen, connection: Connection) -> None:
        connection.begin(200, _headers(seen, "text/event-stream", self.headers))
        envelope = as_json(self._envelope(seen, "chat.completion.chunk"))[:-1]
        before = b"data: " + envelope + b',"choices":[{"index":0,"delta":'
        for delta in self._deltas:
            if isinstance(delta, bytes):
                connection.piece(before + delta + b',"finish_reason":null}]}\n\n')
            else:
                connection.wait(delta)
        connection.piece(before + b'{},"finish_reason":' + as_json(self.finish_reason) + b"}]}\n\n")
        usage = self._usage(seen) if asks_for_usage(seen) else {}
        if usage:
            connection.piece(b"data: " + envelope + b',"choices":[],' + as_json(usage)[1:] + b"\n\n")
        connection.piece(b"data: [DONE]\n\n")
        connection.end()

    def _envelope(self, seen: Seen, kind: str) -> dict[str, Any]:
        name = self.id or f"chatcmpl-{seen.number}"
        return {"id": name, "object": kind, "created": int(time.time()), "model": self.model or seen.model}

    def _usage(self, seen: Seen) -> dict[str, Any]:
        if self.usage is not None:
            return {"usage": self.usage} if self.usage else {}
        arguments = (call.arguments for call in self.tool_calls)
        return {
            "usage": counted(seen, " ".join([self.words, self.reasoning, self.refusal or "", *arguments]))
        }

    @property
    def _message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": self.words}
        if self.reasoning:
            message["reasoning_content"] = self.reasoning
        message |= self.fields
        if self.refusal is not None:
            message |= {"content": self.words or None, "refusal": self.refusal}
        if self.tool_calls:
            calls = [_tool_call(call, call.arguments) for call in self.tool_calls]
            message |= {"content": self.words or None, "tool_calls": calls}
        return message

    @cached_property
    def _deltas(self) -> tuple[bytes | float, ...]:
        return tuple(as_json(delta) if isinstance(delta, dict) else delta for delta in self._plain_deltas())

    def _plain_deltas(self) -> Iterator[dict[str, Any] | float]:
        yield {"role": "assistant", "content": ""}
        yield from ({"reasoning_content": word} for word in _words(self.reasoning))
        for name, value in self.fields.items():
            yield from ({name: piece} for piece in _pieces(value))
        for piece in self.pieces or _words(self.text):
            yield {"content": piece} if isinstance(piece, str) else piece
        yield from ({"refusal": word} for word in _words(self.refusal or ""))
        for index, call in enumerate(self.tool_calls):
            yield from ({"tool_calls": [{"index": index, **fragment}]} for fragment in _fragments(call))


@dataclass(frozen=True)
class Response:
    """An HTTP response as it is given.

    Args:
        status: of HTTP.
        body: text goes out as UTF-8.
        headers: beside the usual ones; they may replace Content-Length and Content-Type.
        pause: seconds before anything is sent.

    Example:
        >>> Response(503, "over capacity", {"Retry-After": "1"}).status
        503
    """

    status: int = 200
    body: bytes | str = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.0

    def __post_init__(self) -> None:
        must_be("body", self.body, (bytes, str), hint="Give a value that is to go out as JSON as json=.")

    def with_json(self, value: object) -> Response:
        """The same response with a JSON body.

        Example:
            >>> Response(429).with_json({"error": "slow down"}).body
            b'{"error":"slow down"}'
        """
        headers = merged({"Content-Type": "application/json"}, self.headers)
        return replace(self, body=as_json(value), headers=headers)

    def send(self, seen: Seen, connection: Connection) -> None:
        """Answer."""
        connection.wait(self.pause)
        body = self.body.encode() if isinstance(self.body, str) else self.body
        connection.respond(self.status, body, _headers(seen, "text/plain; charset=utf-8", self.headers))


@dataclass(frozen=True)
class Raw:
    """Whatever a function writes to the connection, which is closed when it returns.

    Args:
        write: gets the connection, and may send bytes, wait, or reset it.

    Example:
        >>> reply = Raw(lambda connection: connection.send(b"this is not HTTP"))
    """

    write: Callable[[Connection], None]

    def __post_init__(self) -> None:
        must_be("write", self.write, Callable, hint="Give a function: lambda connection: ...")  # type: ignore[arg-type]

    def send(self, seen: Seen, connection: Connection) -> None:
        """Answer."""
        connection.last = True
        self.write(connection)


def must_be(name: str, value: object, kinds: type | tuple[type, ...], hint: str = "") -> None:
    """Refuse what would break only when a request comes, in a thread of the server's.

    Raises:
        ConfigError: it is of another kind.

    Example:
        >>> must_be("text", "TOTAL 9.00", str)
    """
    if not isinstance(value, kinds):
        raise ConfigError(f"{name} is of type {type(value).__name__}", hint=hint)


def _headers(seen: Seen, content_type: str, own: Mapping[str, str]) -> dict[str, str]:
    return merged({"Content-Type": content_type, "X-Request-Id": f"req-{seen.number}"}, own)


def asks_for_usage(seen: Seen) -> bool:
    """Whether a stream is to end with the tokens that it took."""
    options = seen.options.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _tool_call(call: ToolCall, arguments: str) -> dict[str, Any]:
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function, **call.provider_fields}


def _fragments(call: ToolCall) -> Iterator[dict[str, Any]]:
    """A tool call as a stream brings it: its name first, then its arguments bit by bit."""
    yield _tool_call(call, "")
    for start in range(0, len(call.arguments), _ARGUMENTS_PIECE):
        yield {"function": {"arguments": call.arguments[start : start + _ARGUMENTS_PIECE]}}


def _pieces(value: object) -> Sequence[object]:
    """A field's value as a stream brings it."""
    if isinstance(value, list):
        return [[element] for element in value]
    return _words(value) if isinstance(value, str) else [value]


def _words(text: str) -> list[str]:
    """A text cut behind each run of blanks, with nothing left out."""
    return re.findall(r"\S+\s*|\s+", text)


def as_json(value: object) -> bytes:
    """A value as JSON in UTF-8; not-a-number goes out as NaN, which is not JSON.

    Example:
        >>> as_json({"total": 9.5})
        b'{"total":9.5}'
    """
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


# --- tokens ---------------------------------------------------------------------------------------

IMAGE_TOKENS = 256
"""Of a picture whose model has no formula in the catalog, or that cannot be decoded."""


def counted(seen: Seen, answer: str) -> dict[str, Any]:
    """The usage that an answer reports.

    A token is a word, that is, a run of letters without blanks. A picture counts what the catalog's
    formula for the model says, else `IMAGE_TOKENS`.

    Args:
        seen: the request.
        answer: all that was said.

    Example:
        >>> seen = Seen("POST", "/", {}, b'{"messages": [{"role": "user", "content": "What is this?"}]}')
        >>> counted(seen, "A receipt.")
        {'prompt_tokens': 3, 'completion_tokens': 2, 'total_tokens': 5}
    """
    prompt = len(seen.text.split()) + sum(_image_tokens(image, seen) for image in seen.images)
    completion = len(answer.split())
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _image_tokens(image: SeenImage, seen: Seen) -> int:
    from vlm_core.catalog.image_tokens import image_tokens

    profile = seen.endpoint.profile
    if image.size is None:
        return IMAGE_TOKENS
    tokens = image_tokens(
        profile.image_tokens,
        *image.size,
        min_pixels=profile.min_pixels,
        max_pixels=profile.max_pixels,
        detail=image.detail if isinstance(image.detail, str) else None,
        with_overhead=True,
    )
    return IMAGE_TOKENS if tokens is None else tokens
