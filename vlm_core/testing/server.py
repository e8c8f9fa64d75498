"""A server that answers as it is told, in order, for tests of programs that talk to a vision model."""

from __future__ import annotations

import json
import secrets
import socket
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Event, Lock
from types import TracebackType
from typing import Any, TypeAlias, Unpack

from vlm_core.catalog.schema import Provider, Quirk
from vlm_core.completion import ToolCall
from vlm_core.errors import ConfigError
from vlm_core.secret import Secret
from vlm_core.testing.connection import Connection, Listener, Request
from vlm_core.testing.faults import find_fault
from vlm_core.testing.replies import Answer, AnswerSettings, Raw, Reply, Response
from vlm_core.testing.seen import Seen
from vlm_core.testing.simulated_provider import Refusal, models_of, row_of, shape
from vlm_core.testing.strictness import SentFields, Strictness, basic_checks, strict_checks

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

    def say(self, text: str, **settings: Unpack[AnswerSettings]) -> None:
        """Queue an answer.

        Args:
            text: what the model says.
            settings: of `Answer`, as finish_reason, usage, reasoning, model, headers or pause.
        """
        self.answer(Answer(text, **settings))

    def stream(self, *pieces: str | float, **settings: Unpack[AnswerSettings]) -> None:
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

    def call_tool(
        self, name: str, arguments: Mapping[str, Any] | str, **settings: Unpack[AnswerSettings]
    ) -> None:
        """Queue an answer in which the model wants a tool to be called.

        Args:
            name: of the tool.
            arguments: as JSON they go out; a string goes out as it is.
            settings: of `Answer`.
        """
        as_text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        call = ToolCall(f"call_{secrets.token_hex(4)}", name, as_text)
        settings.setdefault("tool_calls", (call,))
        settings.setdefault("finish_reason", "tool_calls")
        self.answer(Answer(**settings))

    def reply(
        self,
        status: int = 200,
        *,
        json: object = None,
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

    def fault(self, name: str, *, times: int = 1, **settings: object) -> None:
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


def as_reply(answer: Reply | str) -> Reply:
    """What a function returned, as a reply.

    Raises:
        ConfigError: it is none.

    Example:
        >>> as_reply("yes").words
        'yes'
    """
    reply = Answer(answer) if isinstance(answer, str) else answer
    if not isinstance(reply, Reply):
        raise ConfigError(
            f"A reply is of type {type(reply).__name__}",
            hint="Give an Answer, a Response, a Raw or a string, or a function that returns one of these.",
        )
    return reply


# --- the server -----------------------------------------------------------------------------------


class ScriptedServer(Script):
    """An OpenAI-compatible server on 127.0.0.1.

    It takes any path that ends in /chat/completions or /models, records every request, and answers
    from a queue; the last answer repeats when the queue is empty. An answer is streamed if the
    request asks for a stream. It is to be used with `with`, or between `start` and `stop`.

    Args:
        provider: the one it simulates, a name in the catalog or a row of your own: its errors have that
            provider's shape.
        strict: whether it refuses what the provider refuses, by default where one is given;
            "recommendations" refuses also what the provider only advises against.
        api_key: the key that it wants, by default a random one; "" takes any or none.
        models: ids for /models, by default those that the catalog knows of the provider. A strict
            server refuses other ones, where they are given.
        extra_fields: fields of a request that a strict server knows beside the provider's.
        keep: how many requests `seen` keeps, the latest ones; all by default.
        port: by default any that is free.

    Raises:
        UnknownProviderError: the catalog has no provider of this name.

    Example:
        >>> import json
        >>> from urllib.request import Request, urlopen
        >>> with ScriptedServer(api_key="") as server:
        ...     server.say("TOTAL 9.00")
        ...     with urlopen(Request(server.base_url + "/chat/completions", b'{"model": "m"}')) as answer:
        ...         print(json.load(answer)["choices"][0]["message"]["content"])
        ...     print(server.seen[0].model)
        TOTAL 9.00
        m
    """

    def __init__(
        self,
        *,
        provider: str | Provider | None = None,
        strict: Strictness | None = None,
        api_key: str | None = None,
        models: Sequence[str] | None = None,
        extra_fields: Iterable[str] = (),
        keep: int | None = None,
        port: int = 0,
    ) -> None:
        self.provider = row_of(provider)
        super().__init__(self.provider.name)
        self.api_key = secrets.token_hex(16) if api_key is None else api_key
        self._models = models
        asks_for_key = bool(api_key) or (api_key is None and self.provider.key_required)
        self._basic = basic_checks(Secret(self.api_key) if asks_for_key else None)
        self._strict = strict_checks(
            self.provider.name,
            strict=provider is not None if strict is None else strict,
            models=models or (),
            extra_fields=extra_fields,
        )
        self._sent_fields = SentFields()
        if self._strict:
            self._strict = (*self._strict, self._sent_fields.check)
        self._seen: deque[Seen] = deque(maxlen=keep)
        self._failures: list[BaseException] = []
        self._lock = Lock()
        self._listener: Listener | None = None
        self._port = port
        self.requests = 0
        """How many requests came."""
        self.connections = 0
        """How many TCP connections were opened."""

    # --- life

    def start(self) -> ScriptedServer:
        """Open the port; after a stop, the same one again."""
        if self._listener is None:
            self._listener = Listener(self._talk, self._port)
            self._port = self._listener.port
        return self

    def stop(self) -> None:
        """Close the port and all connections; what was seen stays.

        Raises:
            Exception: what a function that should have given a reply raised.
        """
        self._close()
        # In the thread of the connection it would be lost; here it fails the test.
        failures, self._failures = self._failures, []
        if failures:
            raise failures[0]

    def __enter__(self) -> ScriptedServer:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.stop()
            return
        self._close()
        for failure in self._failures:  # the block's own error is not to be hidden behind these
            error.add_note(f"A function that was to reply raised {failure!r}")
        self._failures = []

    def _close(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.stop()

    # --- what it saw

    @property
    def base_url(self) -> str:
        """Its address for a client, which ends in /v1.

        Raises:
            ConfigError: it was never started.
        """
        if not self._port:
            raise ConfigError("The server has no address yet", hint="Use it in a with block, or start it.")
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def seen(self) -> tuple[Seen, ...]:
        """The requests in the order in which they came, those that were refused among them.

        A request is in it before the client gets the first byte of its answer.
        """
        with self._lock:
            return tuple(self._seen)

    # --- the work

    def _talk(self, client: socket.socket, stopping: Event) -> None:
        with self._lock:
            self.connections += 1
            number = self.connections
        connection = Connection(client, stopping)
        with client.makefile("rb") as lines:
            while not connection.last and (request := connection.read(lines)):
                seen = self._look_at(request, number)
                self._send(self._record(seen), seen, connection)

    def _look_at(self, request: Request, connection: int) -> Seen:
        seen = Seen(
            request.method,
            request.path,
            headers={name: _masked(name, value) for name, value in request.headers.items()},
            body=request.body,
            api_key=_key(request.headers, self.provider),
            provider=self.provider,
            connection=connection,
        )
        checks = self._basic + self._strict if seen.is_chat else self._basic
        seen.refusal = next((refusal for check in checks if (refusal := check(seen))), None)
        return seen

    def _record(self, seen: Seen) -> Reply | Question:
        """Note a request, and take what is to be answered to it."""
        # Noted before it is answered, so that a client with its answer finds it in `seen`.
        with self._lock:
            self.requests += 1
            seen.number = self.requests
            self._seen.append(seen)
            if seen.refusal:
                return self._shaped(seen.refusal)
            if not seen.is_chat:
                return self._model_list()
            return self._next()

    def _send(self, reply: Reply | Question, seen: Seen, connection: Connection) -> None:
        try:
            known = reply if isinstance(reply, Reply) else self._ask(reply, seen)
            if isinstance(known, Answer):
                self._sent_fields.note(known)
            known.send(seen, connection)
        except OSError:
            raise  # the client is gone
        except BaseException as error:  # noqa: BLE001  a function of the user's own may raise anything
            self._failures.append(error)
            connection.last = True

    def _ask(self, question: Question, seen: Seen) -> Reply:
        try:
            return as_reply(question(seen))
        except BaseException as error:  # noqa: BLE001  as above
            self._failures.append(error)
            return self._shaped(Refusal(500, f"The function that was to reply raised {error!r}"))

    def _model_list(self) -> Response:
        owner = self.provider.name
        models = models_of(self.provider) if self._models is None else self._models
        rows = [{"id": name, "object": "model", "created": 0, "owned_by": owner} for name in models]
        return Response().with_json({"object": "list", "data": rows})


def _key(headers: Mapping[str, str], provider: Provider) -> Secret | None:
    if Quirk.API_KEY_HEADER in provider.quirks:
        return Secret(headers["api-key"]) if "api-key" in headers else None
    scheme, _, key = headers.get("authorization", "").partition(" ")
    return Secret(key) if scheme.lower() == "bearer" else None


def _masked(name: str, value: str) -> str:
    if name == "api-key":
        return str(Secret(value))
    return f"{value.partition(' ')[0]} {Secret(value)}" if name == "authorization" else value
