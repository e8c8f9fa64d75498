"""What a server is told to answer, in order."""

from __future__ import annotations

import json
import secrets
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from vlm_core.completion import ToolCall
from vlm_core.errors import ConfigError
from vlm_core.testing.connection import Connection
from vlm_core.testing.faults import find_fault
from vlm_core.testing.replies import Answer, Raw, Reply, Response
from vlm_core.testing.seen import Seen
from vlm_core.testing.simulated_provider import Refusal, shape

Question: TypeAlias = Callable[[Seen], Reply | str]
"""A function that answers by what was asked."""

_DEFAULT = Answer("This is a scripted answer.")


class Script:
    """A queue of replies; the last one repeats when the queue is empty.

    Args:
        provider: the name of the one whose errors `refuse` imitates.

    Example:
        >>> script = Script("deepinfra")
        >>> script.say("TOTAL 9.00", finish_reason="length")
        >>> script.refuse(429, "Model busy, retry later")
        >>> script.fault("reset_before_headers", times=2)
    """

    def __init__(self, provider: str) -> None:
        self._speaks_as = provider
        self._replies: deque[Reply | Question] = deque()
        self._last: Reply | Question = _DEFAULT

    def say(self, text: str, **settings: Any) -> None:
        """Queue an answer.

        Args:
            text: what the model says.
            settings: of `Answer`, as finish_reason, usage, reasoning, model, headers or pause.
        """
        self.answer(Answer(text, **settings))

    def stream(self, *pieces: str | float, **settings: Any) -> None:
        """Queue an answer that is streamed in these pieces.

        Args:
            pieces: of text; a number is a pause in seconds.
            settings: of `Answer`.

        Raises:
            ConfigError: there is no piece; an empty answer is `say("")`.
        """
        if not pieces:
            raise ConfigError("A stream without pieces", hint='Give pieces of text, or call say("").')
        self.answer(Answer(pieces=pieces, **settings))

    def call_tool(self, name: str, arguments: Mapping[str, Any] | str, **settings: Any) -> None:
        """Queue an answer in which the model wants a tool to be called.

        Args:
            name: of the tool.
            arguments: as JSON they go out; a string goes out as it is.
            settings: of `Answer`.
        """
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call = ToolCall(f"call_{secrets.token_hex(4)}", name, written)
        self.answer(Answer(**{"tool_calls": (call,), "finish_reason": "tool_calls", **settings}))

    def reply(
        self,
        status: int = 200,
        *,
        json: Any = None,
        body: bytes | str = b"",
        headers: Mapping[str, str] | None = None,
        pause: float = 0.0,
    ) -> None:
        """Queue an HTTP response as it is given.

        Args:
            status: of HTTP.
            json: the body, as a value; or else
            body: the body, as it is.
            headers: beside the usual ones.
            pause: seconds before it is sent.
        """
        plain = Response(status, body, headers or {}, pause)
        self.answer(plain if json is None else plain.with_json(json))

    def refuse(
        self, status: int, message: str, *, code: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        """Queue an error in the provider's own shape.

        Args:
            status: of HTTP.
            message: what the provider says.
            code: in one word, as OpenAI spells it: rate_limit_exceeded, insufficient_quota ...
            headers: as Retry-After.
        """
        self.answer(self._shaped(Refusal(status, message, code), headers))

    def answer(self, reply: Reply | Question) -> None:
        """Queue a reply of any kind.

        Args:
            reply: an `Answer`, a `Response`, a `Raw`; or a function that gets the request as it
                was seen and returns one of these, or the text of an answer. What it raises comes
                out of `stop`.

        Raises:
            ConfigError: it is neither.
        """
        if not callable(reply):
            reply = as_reply(reply)
        self._replies.append(reply)

    def fault(self, name: str, *, times: int = 1, **settings: Any) -> None:
        """Queue a fault.

        Args:
            name: one of `faults.FAULTS`.
            times: how often it is queued. As the last in the queue it repeats, as any reply does.
            settings: of the fault, as text, after (pieces of text that come before it) or seconds.

        Raises:
            ConfigError: there is no such fault or setting, or nothing would be queued.
        """
        if times < 1:
            raise ConfigError(f"times={times} queues no fault", hint="Give a number from 1.")
        fault = find_fault(name).but(**settings)
        for _ in range(times):
            self.answer(fault)

    def raw(self, write: Callable[[Connection], None]) -> None:
        """Queue whatever a function writes to the connection; see `Raw`."""
        self.answer(Raw(write))

    def _next(self) -> Reply | Question:
        if self._replies:
            self._last = self._replies.popleft()
        return self._last

    def _shaped(self, refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
        return Response(refusal.status, headers=headers or {}).with_json(shape(self._speaks_as)(refusal))


def as_reply(given: Reply | str) -> Reply:
    """What a function returned, as a reply.

    Raises:
        ConfigError: it is none.

    Example:
        >>> as_reply("yes").words
        'yes'
    """
    reply = Answer(given) if isinstance(given, str) else given
    if not isinstance(reply, Reply):
        raise ConfigError(
            f"A reply is of type {type(reply).__name__}",
            hint="Give an Answer, a Response, a Raw or a string, or a function that returns one of these.",
        )
    return reply
