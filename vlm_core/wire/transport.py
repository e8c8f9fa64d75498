"""Send bytes, read bytes: the only file that knows openai's client and the HTTP library under it.

That client owns connections, proxies, TLS and the key. What it would add on its own account is kept
back: the OPENAI_* variables belong to its users, and what they hold does not concern another
provider. It neither retries nor follows redirects here.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from vlm_core.catalog.schema import Quirk
from vlm_core.errors import VLMError
from vlm_core.wire.proxies import HTTPClients
from vlm_core.wire.response_stream import BufferedBody, bounded_stream
from vlm_core.wire.transport_errors import map_transport_error, read_timed_out
from vlm_core.wire.watchdog import WatchedSocket, shared

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint
    from vlm_core.secret import Secret

_ERROR_BODY_BYTES = 2**18
_ERROR_BODY_SECONDS = 10.0
_REST_SECONDS = 0.25
_LEFT_OUT = ("X-Stainless-Retry-Count", "X-Stainless-Read-Timeout")
"""Headers that openai's client would add on its own."""


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds, at each step of one request."""

    connect: float = 30.0
    write: float = 60.0
    """For each piece of the request to go out."""
    first_byte: float = 600.0
    """For the head of the answer."""
    between_bytes: float = 60.0
    """For each piece of its body."""
    whole: float = 600.0
    """For everything together."""


@dataclass(frozen=True)
class RawResponse:
    """An answer whose head has come; its body is read through the transport."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    route: str
    pieces: Any = field(repr=False)
    """Iterator of bytes; an asynchronous one from `AsyncTransport`."""
    response: Any = field(repr=False)
    end: float = float("inf")
    """When its time is over, by `time.monotonic`."""
    watch: WatchedSocket | None = field(default=None, repr=False)


class Transport:
    """Connections to providers, kept open between requests; threads may share it.

    Args:
        http_client: an httpx2.Client, or httpx.Client, to use in place of our own. It stays open
            when this is closed.

    Example:
        >>> Transport().close()
    """

    def __init__(self, http_client: Any = None) -> None:
        _library()  # here, and not in the time of the first call
        self._http = HTTPClients(partial(_http_client, "DefaultHttpxClient", _shorten), http_client)
        self._clients: dict[Any, Any] = {}

    def open(self, endpoint: Endpoint, body: bytes, timeouts: Timeouts) -> RawResponse:
        """Send a request, and wait for the head of its answer, whatever its status.

        Raises:
            ConnectionFailed: there is no connection, or it broke.
            ProviderTimeout: no answer came in time.
        """
        failure: VLMError
        try:
            client = _client_for(self._clients, endpoint, "OpenAI", self._http.of(endpoint))
            end = time.monotonic() + timeouts.whole
            response = client.post(**_request(endpoint, body, timeouts))
            watch = shared.watch(_socket_of(response), end - time.monotonic())
            return replace(_answer(endpoint, response, timeouts, "iter"), end=end, watch=watch)
        except _library().APIStatusError as error:
            return _refusal(endpoint, error.response)
        except _failures() as error:
            failure = map_transport_error(error, endpoint.route)
        # Not from within: the library's frames hold the key, and the error would hold the frames.
        raise failure

    def get(
        self, endpoint: Endpoint, path: str, seconds: float, on_step: Callable[[str, Mapping[str, Any]], None]
    ) -> RawResponse:
        """Ask for something else than a completion, such as the list of models.

        Args:
            endpoint: whose key and headers are sent.
            path: below its base_url.
            seconds: for each step, and for all of it.
            on_step: is told of each step of httpcore and its facts ("connection.connect_tcp.started", ...).
                What it raises ends the request, and is raised here.

        Raises:
            ConnectionFailed: there is no connection, or it broke.
            ProviderTimeout: no answer came in time.
        """
        failure: VLMError
        failures: tuple[type[Exception], ...] = (*_failures(), UnicodeError)  # the last of a host's name
        http, end = self._http.of(endpoint), time.monotonic() + seconds
        request = http.build_request(
            "GET",
            f"{endpoint.base_url.rstrip('/')}{path}",
            headers=_headers(endpoint),
            timeout=seconds,
            extensions={"trace": on_step},
        )
        try:
            response = http.send(request, stream=True, follow_redirects=False)
            watch = shared.watch(_socket_of(response), end - time.monotonic())
            timeouts = Timeouts(between_bytes=seconds)
            return replace(_answer(endpoint, response, timeouts, "iter"), end=end, watch=watch)
        except failures as error:
            failure = map_transport_error(error, endpoint.route)
        raise failure

    def read(self, answer: RawResponse, seconds: float | None = None) -> bytes:
        """The next piece of an answer's body; none at its end.

        Args:
            answer: an open one.
            seconds: at most so long, where that is less than its own timeouts.

        Raises:
            ConnectionFailed: it broke off.
            ProviderTimeout: nothing more came in time.
        """
        failure: VLMError
        own = None if seconds is None else shared.watch(_socket_of(answer.response), seconds)
        try:
            return next(answer.pieces, b"")
        except _failures() as error:
            failure = map_transport_error(error, answer.route)
        finally:
            if own:
                shared.forget(own)
        if any(watch and watch.expired for watch in (own, answer.watch)):
            failure = read_timed_out(answer.route)
        raise failure

    def release(self, answer: RawResponse, *, has_rest: bool = False) -> None:
        """Close an answer. A connection that was read to its end is used again.

        Args:
            answer: an open one.
            has_rest: something that does not matter may still come; a short while is spent on reading it.
        """
        if has_rest:
            rest = shared.watch(_socket_of(answer.response), _REST_SECONDS)
            with suppress(*_failures()):
                next(answer.pieces, b"")
            shared.forget(rest)
        if answer.watch:
            shared.forget(answer.watch)
        answer.response.close()

    def close(self) -> None:
        """Close all connections."""
        for client in self._http.owned:
            client.close()


class AsyncTransport:
    """The same for one event loop.

    Args:
        http_client: an httpx2.AsyncClient, or httpx.AsyncClient, to use in place of our own.

    Example:
        >>> import asyncio
        >>> async def main():
        ...     await AsyncTransport().close()
        >>> asyncio.run(main())
    """

    def __init__(self, http_client: Any = None) -> None:
        _library()
        self._http = HTTPClients(partial(_http_client, "DefaultAsyncHttpxClient", _ashorten), http_client)
        self._clients: dict[Any, Any] = {}

    async def open(self, endpoint: Endpoint, body: bytes, timeouts: Timeouts) -> RawResponse:
        """As `Transport.open`."""
        failure: VLMError
        try:
            client = _client_for(self._clients, endpoint, "AsyncOpenAI", self._http.of(endpoint))
            end = time.monotonic() + timeouts.whole
            response = await client.post(**_request(endpoint, body, timeouts))
            return replace(_answer(endpoint, response, timeouts, "aiter"), end=end)
        except _library().APIStatusError as error:
            return _refusal(endpoint, error.response)
        except _failures() as error:
            failure = map_transport_error(error, endpoint.route)
        raise failure

    async def read(self, answer: RawResponse, seconds: float | None = None) -> bytes:
        """As `Transport.read`."""
        import asyncio  # loaded wherever this runs

        failure: VLMError
        allowed = math.inf if seconds is None else seconds
        try:
            async with asyncio.timeout(min(answer.end - time.monotonic(), allowed)):
                return await anext(answer.pieces, b"")
        except TimeoutError:
            failure = read_timed_out(answer.route)
        except _failures() as error:
            failure = map_transport_error(error, answer.route)
        raise failure

    async def release(self, answer: RawResponse, *, has_rest: bool = False) -> None:
        """As `Transport.release`."""
        import asyncio

        if has_rest:
            with suppress(TimeoutError, *_failures()):
                async with asyncio.timeout(_REST_SECONDS):
                    await anext(answer.pieces, b"")
        await answer.response.aclose()

    async def close(self) -> None:
        """Close all connections."""
        for client in self._http.owned:
            await client.aclose()


# --- the client, without what it adds -------------------------------------------------------------


def _library() -> Any:
    import openai  # a third of a second, and not needed to read a scan

    return openai


def load() -> None:
    """Load all that an asynchronous transport needs. It can take a second, so that no loop should do it."""
    _certificates(*_certificate_paths())
    with suppress(ImportError):  # the library loads it on its first connection; another may not need it
        import_module("anyio._backends._asyncio")


@cache
def _http_library() -> Any:
    """httpx2 under openai 3, httpx under openai 2."""
    return import_module(_library().DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])


def _http_client(kind: str, shorten: Any, uses_proxies: bool) -> Any:
    """An HTTP client of our own."""
    certificates = _certificates(*_certificate_paths())
    hooks = {"response": [shorten]}
    return getattr(_library(), kind)(event_hooks=hooks, verify=certificates, trust_env=uses_proxies)


def _certificate_paths() -> tuple[str | None, str | None]:
    return os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")


@cache
def _certificates(file: str | None, folder: str | None) -> Any:
    """What servers are checked against, read once: that takes 20 ms, and clients may share it."""
    return _http_library().create_ssl_context()


@cache
def _bare(kind: str) -> Any:
    """openai's client of a kind, sending the headers that it is given and no others."""

    class Bare(getattr(_library(), kind)):  # type: ignore[misc]
        headers_to_send: Mapping[str, Any] = {}

        @property
        def default_headers(self) -> Mapping[str, Any]:
            return self.headers_to_send

    return Bare


def _client_for(clients: dict[Any, Any], endpoint: Endpoint, kind: str, http: Any) -> Any:
    identity = (
        endpoint.base_url,
        _key_header(endpoint),
        endpoint.api_key,
        frozenset(endpoint.headers.items()),
    )
    if identity not in clients:
        client = _bare(kind)(api_key="none", base_url=endpoint.base_url, max_retries=0, http_client=http)
        client.headers_to_send = _headers(endpoint)
        clients[identity] = client
    return clients[identity]


def _headers(endpoint: Endpoint) -> dict[str, str]:
    return {
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "Content-Type": "application/json",
        "User-Agent": "vlm-adapters",
        **({_key_header(endpoint): _key_value(endpoint, endpoint.api_key)} if endpoint.api_key else {}),
        **{name: value.reveal() for name, value in endpoint.headers.items()},
    }


def _key_header(endpoint: Endpoint) -> str:
    return "api-key" if Quirk.API_KEY_HEADER in endpoint.quirks else "Authorization"


def _key_value(endpoint: Endpoint, key: Secret) -> str:
    return key.reveal() if Quirk.API_KEY_HEADER in endpoint.quirks else f"Bearer {key.reveal()}"


def _request(endpoint: Endpoint, body: bytes, timeouts: Timeouts) -> dict[str, Any]:
    """The arguments of the client's post()."""
    openai = _library()
    names = {name.lower(): name for name in (*_LEFT_OUT, *_headers(endpoint))}
    left_out = [name for name in names.values() if name in _LEFT_OUT]
    if "authorization" not in names:
        left_out.append(names.setdefault("authorization", "Authorization"))
    extra = {names.get(name.lower(), name): value.reveal() for name, value in endpoint.extra_headers.items()}
    timeout = openai.Timeout(
        connect=timeouts.connect, read=timeouts.first_byte, write=timeouts.write, pool=timeouts.connect
    )
    return {
        "path": "/chat/completions",
        "cast_to": _http_library().Response,
        "content": body,
        "options": {
            "headers": {**dict.fromkeys(left_out, openai.Omit()), **extra},
            "timeout": timeout,
            "follow_redirects": False,
        },
        "stream": True,  # which is: hand the body over unread
        "stream_cls": openai.Stream,
    }


# --- answers --------------------------------------------------------------------------------------


def _answer(endpoint: Endpoint, response: Any, timeouts: Timeouts, reader: str) -> RawResponse:
    _set_read_timeout(response, timeouts.between_bytes)
    # Compressed it is only by a server that does as it likes; the bytes are counted unpacked.
    plain = response.headers.get("content-encoding", "identity").strip().lower() == "identity"
    pieces = getattr(response, f"{reader}_raw" if plain else f"{reader}_bytes")()
    return RawResponse(response.status_code, response.headers, endpoint.route, pieces, response)


def _refusal(endpoint: Endpoint, response: Any) -> RawResponse:
    """An answer that openai's client raised as an error, whose body it has read."""
    pieces = BufferedBody(response.content)
    return RawResponse(response.status_code, response.headers, endpoint.route, pieces, response)


def _socket_of(response: Any) -> Any:
    stream = response.extensions.get("network_stream")
    return stream.get_extra_info("socket") if stream else None


def _set_read_timeout(response: Any, seconds: float) -> None:
    # It is looked up anew where the body begins.
    timeout = response.request.extensions.get("timeout")
    if timeout is not None:
        timeout["read"] = seconds


def _shorten(response: Any) -> None:
    """Bound the body of an error, which openai's client reads to its end, however long it is."""
    if response.status_code >= 300:
        _set_read_timeout(response, _ERROR_BODY_SECONDS)
        response.stream = _short_stream("SyncByteStream")(response.stream)


async def _ashorten(response: Any) -> None:
    if response.status_code >= 300:
        _set_read_timeout(response, _ERROR_BODY_SECONDS)
        response.stream = _short_stream("AsyncByteStream")(response.stream)


@cache
def _short_stream(kind: str) -> Any:
    return bounded_stream(getattr(_http_library(), kind), _ERROR_BODY_BYTES, _ERROR_BODY_SECONDS)


# --- failures -------------------------------------------------------------------------------------


def _failures() -> tuple[type[Exception], ...]:
    """What openai's client and the HTTP libraries raise; a client of the user's may be of the other one."""
    libraries = [sys.modules[name] for name in ("httpx", "httpx2") if name in sys.modules]
    return (
        _library().APIConnectionError,
        OSError,
        *(kind for library in libraries for kind in (library.HTTPError, library.StreamError)),
    )
