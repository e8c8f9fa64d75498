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
from types import ModuleType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from urllib.request import getproxies

from vlm_core.catalog.routes import is_private
from vlm_core.catalog.schema import Quirk
from vlm_core.errors import VLMError
from vlm_core.wire.error_mapping import map_transport_error, read_timed_out
from vlm_core.wire.response_stream import BufferedBody, WatchedSocket, bounded_stream, shared

if TYPE_CHECKING:
    import socket
    import ssl

    from vlm_core.catalog.routes import Endpoint

_ERROR_BODY_BYTES = 2**18
_ERROR_BODY_SECONDS = 10.0
_REST_SECONDS = 0.25
# Headers that openai's client would add on its own.
_LEFT_OUT = ("X-Stainless-Retry-Count", "X-Stainless-Read-Timeout")


class HTTPClient(Protocol):
    """An httpx2.Client, or an httpx.Client."""

    @property
    def build_request(self) -> Callable[..., Any]: ...

    @property
    def send(self) -> Callable[..., Any]: ...

    def close(self) -> None: ...


class AsyncHTTPClient(Protocol):
    """An httpx2.AsyncClient, or an httpx.AsyncClient."""

    @property
    def send(self) -> Callable[..., Any]: ...

    async def aclose(self) -> None: ...


class HTTPResponse(Protocol):
    """What is used of a response of either library."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    extensions: Mapping[str, Any]
    request: Any
    stream: Any


_Client = TypeVar("_Client", bound=HTTPClient | AsyncHTTPClient)


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


def by_proxy(base_url: str) -> bool:
    """Whether the proxies that the environment names may be asked to reach a server.

    A proxy is another machine: it would get what is meant for a server of this machine or its network, the
    key too. NO_PROXY is looked at by the HTTP library.

    Example:
        >>> by_proxy("https://api.example.com/v1"), by_proxy("http://127.0.0.1:8000/v1")
        (True, False)
    """
    return not is_private(base_url)


class _HTTPClients(Generic[_Client]):
    """HTTP clients of our own, one that takes proxies and one that does not, or the user's in their place.

    Args:
        make: makes one; is told whether it takes the environment's proxies.
        given: the user's.
    """

    def __init__(self, make: Callable[[bool], _Client], given: _Client | None = None) -> None:
        self._make = make
        self._given = given
        self._made: dict[bool, _Client] = {} if given else {True: make(True)}

    @property
    def owned(self) -> list[_Client]:
        """Those that are to be closed."""
        return list(self._made.values())

    def of(self, endpoint: Endpoint) -> _Client:
        """The client for an endpoint."""
        if self._given:
            return self._given
        uses_proxies = by_proxy(endpoint.base_url) or not getproxies()
        if uses_proxies not in self._made:
            self._made.setdefault(uses_proxies, self._make(uses_proxies))
        return self._made[uses_proxies]


class Transport:
    """Connections to providers, kept open between requests; threads may share it.

    Args:
        http_client: an httpx2.Client, or httpx.Client, to use in place of our own. It stays open
            when this is closed.

    Example:
        >>> Transport().close()
    """

    def __init__(self, http_client: HTTPClient | None = None) -> None:
        _library()  # here, and not in the time of the first call
        make = partial(_http_client, "DefaultHttpxClient", _shorten)
        self._http = _HTTPClients[HTTPClient](make, http_client)
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

    def __init__(self, http_client: AsyncHTTPClient | None = None) -> None:
        _library()
        make = partial(_http_client, "DefaultAsyncHttpxClient", _ashorten)
        self._http = _HTTPClients[AsyncHTTPClient](make, http_client)
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


def _library() -> ModuleType:
    import openai  # a third of a second, and not needed to read a scan

    return openai


def load() -> None:
    """Load all that an asynchronous transport needs. It can take a second, so that no loop should do it."""
    _certificates(*_certificate_paths())
    with suppress(ImportError):  # the library loads it on its first connection; another may not need it
        import_module("anyio._backends._asyncio")


@cache
def _http_library() -> ModuleType:
    """httpx2 under openai 3, httpx under openai 2."""
    return import_module(_library().DefaultHttpxClient.__mro__[1].__module__.partition(".")[0])


def _http_client(kind: str, shorten: Callable[[HTTPResponse], object], uses_proxies: bool) -> Any:
    """An HTTP client of our own."""
    certificates = _certificates(*_certificate_paths())
    hooks = {"response": [shorten]}
    return getattr(_library(), kind)(event_hooks=hooks, verify=certificates, trust_env=uses_proxies)


def _certificate_paths() -> tuple[str | None, str | None]:
    return os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")


@cache
def _certificates(file: str | None, folder: str | None) -> ssl.SSLContext:
    """What servers are checked against, read once: that takes 20 ms, and clients may share it."""
    context: ssl.SSLContext = _http_library().create_ssl_context()
    return context


@cache
def _bare(kind: str) -> type[Any]:
    """openai's client of a kind, sending the headers that it is given and no others."""

    class Bare(getattr(_library(), kind)):  # type: ignore[misc]
        headers_to_send: Mapping[str, Any] = {}

        @property
        def default_headers(self) -> Mapping[str, Any]:
            return self.headers_to_send

    return Bare


def _client_for(
    clients: dict[Any, Any], endpoint: Endpoint, kind: str, http: HTTPClient | AsyncHTTPClient
) -> Any:
    identity = (
        endpoint.base_url,
        Quirk.API_KEY_HEADER in endpoint.quirks,
        endpoint.api_key,
        frozenset(endpoint.headers.items()),
    )
    if identity not in clients:
        # The client insists on a key; what goes out is what `headers_to_send` holds.
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
        **_key_header(endpoint),
        **{name: value.reveal() for name, value in endpoint.headers.items()},
    }


def _key_header(endpoint: Endpoint) -> dict[str, str]:
    if not endpoint.api_key:
        return {}
    if Quirk.API_KEY_HEADER in endpoint.quirks:
        return {"api-key": endpoint.api_key.reveal()}
    return {"Authorization": f"Bearer {endpoint.api_key.reveal()}"}


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


def _answer(endpoint: Endpoint, response: HTTPResponse, timeouts: Timeouts, reader: str) -> RawResponse:
    _set_read_timeout(response, timeouts.between_bytes)
    # Compressed it is only by a server that does as it likes; the bytes are counted unpacked.
    plain = response.headers.get("content-encoding", "identity").strip().lower() == "identity"
    pieces = getattr(response, f"{reader}_raw" if plain else f"{reader}_bytes")()
    return RawResponse(response.status_code, response.headers, endpoint.route, pieces, response)


def _refusal(endpoint: Endpoint, response: HTTPResponse) -> RawResponse:
    """An answer that openai's client raised as an error, whose body it has read."""
    pieces = BufferedBody(response.content)
    return RawResponse(response.status_code, response.headers, endpoint.route, pieces, response)


def _socket_of(response: HTTPResponse) -> socket.socket | None:
    stream = response.extensions.get("network_stream")
    return stream.get_extra_info("socket") if stream else None


def _set_read_timeout(response: HTTPResponse, seconds: float) -> None:
    # It is looked up anew where the body begins.
    timeout = response.request.extensions.get("timeout")
    if timeout is not None:
        timeout["read"] = seconds


def _shorten(response: HTTPResponse) -> None:
    """Bound the body of an error, which openai's client reads to its end, however long it is."""
    if response.status_code >= 300:
        _set_read_timeout(response, _ERROR_BODY_SECONDS)
        response.stream = _short_stream("SyncByteStream")(response.stream)


async def _ashorten(response: HTTPResponse) -> None:
    if response.status_code >= 300:
        _set_read_timeout(response, _ERROR_BODY_SECONDS)
        response.stream = _short_stream("AsyncByteStream")(response.stream)


@cache
def _short_stream(kind: str) -> type[Any]:
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
