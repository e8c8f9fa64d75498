"""Fetch the document behind a stranger's URL, and nothing else.

Each hop is checked by `netguard`, its name looked up once, and the connection made to the very
address that was checked, so that a second look-up cannot lead elsewhere (DNS rebinding). Time and
bytes are bounded over all of it. Proxies named in the environment are not used: they would do the
look-up themselves.
"""

from __future__ import annotations

import io
import socket
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, IncompleteRead
from threading import Thread
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urljoin

from vlm_core.errors import InputError
from vlm_core.images.netguard import SplitURL, check_url, percent_encoded, refusal, shown, unsafe

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_BLOCK = 2**16
_HEADERS = {
    "User-Agent": "vlm-adapters",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "close",
}

_ELSEWHERE = "Download it by other means and give its path."
# The first that fits tells what happened and what to do.
_FAILURES: tuple[tuple[type[Exception], str, str], ...] = (
    (TimeoutError, "no complete answer in the time allowed", f"Try again later. {_ELSEWHERE}"),
    (socket.gaierror, "the host's name cannot be looked up", "Check its spelling and your network."),
    (
        ssl.SSLCertVerificationError,
        "the server's certificate is not valid for this host",
        "Check the host; a certificate authority of your own is named by the variable SSL_CERT_FILE.",
    ),
    (ssl.SSLError, "no TLS connection came about", f"Check the URL. {_ELSEWHERE}"),
    (ConnectionRefusedError, "the server refused the connection", "Check host and port."),
    (IncompleteRead, "the answer was cut short", "Try again."),
    (ConnectionError, "the server broke the connection off", "Try again."),
    (OSError, "the server cannot be reached", "Check the host and your network."),
    (Exception, "what answered is not an HTTP server", "Check the URL's scheme, host and port."),
)
_STATUS_HINTS = {
    401: f"It wants a login. {_ELSEWHERE}",
    403: f"It may want a login. {_ELSEWHERE}",
    404: "Check the URL.",
    410: "Check the URL.",
    429: "Try again later.",
}


def download(
    url: str,
    *,
    allow_private: bool = False,
    timeout: float = 60.0,
    max_bytes: int = 256 * 2**20,
    max_redirects: int = 5,
) -> bytes:
    """Fetch a URL from an untrusted source.

    Args:
        url: http or https; anything else is refused.
        allow_private: also reach this machine, its network and its cloud's metadata service.
        timeout: seconds for everything together: look-ups, connections, redirects, the body.
        max_bytes: the largest body that is accepted, in bytes.
        max_redirects: how many redirects are followed, each checked like the first URL.

    Returns:
        The body of a complete answer with status 200, at most `max_bytes` long.

    Raises:
        UnsafeURLError: the URL, a redirect or an address behind them may not be reached.
        InputError: nothing usable came: no such host, no connection, another status, too much,
            too slow, cut short, or in a content encoding.

    Example:
        >>> download("http://localhost:8080/scan.png")
        Traceback (most recent call last):
        ...
        vlm_core.errors.UnsafeURLError: http://localhost:8080/scan.png: refused (loopback). \
If the address is your own, give allow_private_urls=True.
    """
    limits = _Limits(_Deadline(timeout), max_bytes, allow_private)
    hop = url
    for _ in range(max_redirects + 1):
        answer = _get(hop, limits)
        if isinstance(answer, bytes):
            return answer
        hop = _next_hop(hop, answer.location)
    raise InputError(f"{shown(url)}: more than {max_redirects} redirects", hint=_ELSEWHERE)


class _Deadline:
    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds left, always more than 0; TimeoutError where there are none."""
        seconds = self._end - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class _Limits(NamedTuple):
    deadline: _Deadline
    max_bytes: int
    allow_private: bool


class _Redirect(NamedTuple):
    location: str


class _UnusableError(Exception):
    """An HTTP answer that is not a document."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.what, self.hint = what, hint


class _TimedSocket(io.RawIOBase):
    """What http.client needs of a socket, within a deadline and a number of bytes.

    A socket's own timeout begins anew with every byte, so that a dripping server would hold us
    for ever. The bytes are counted here because http.client, told of a chunk of -1 bytes, reads
    all there is.
    """

    def __init__(self, sock: socket.socket, limits: _Limits) -> None:
        self._sock = sock
        self._limits = limits
        self._budget = 2 * limits.max_bytes + 2**20  # room for headers and the framing of chunks

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        self._sock.settimeout(self._limits.deadline.left())
        count = self._sock.recv_into(buffer)
        self._budget -= count
        if self._budget < 0:
            raise _too_large(self._limits.max_bytes)
        return count

    def sendall(self, data: ReadableBuffer) -> None:
        self._sock.settimeout(self._limits.deadline.left())
        self._sock.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(self)

    def close(self) -> None:
        """Nothing: http.client closes early, and whoever opened the socket closes it."""


def _get(url: str, limits: _Limits) -> bytes | _Redirect:
    parts = check_url(url, allow_private=limits.allow_private)
    with _failures_of(url):
        addresses = _look_up(parts, limits.deadline)
        if not limits.allow_private:
            _require_public(url, addresses)
        with _open(parts, addresses, limits.deadline) as sock:
            return _answer(_ask(parts, _TimedSocket(sock, limits)), limits.max_bytes)


@contextmanager
def _failures_of(url: str) -> Iterator[None]:
    """Turn whatever the network does into an InputError that names the URL."""
    try:
        yield
    except _UnusableError as error:
        raise InputError(f"{shown(url)}: {error.what}", hint=error.hint) from None
    # http.client lets the last two through where a chunk's size is nonsense
    except (OSError, HTTPException, ValueError, OverflowError) as error:
        what, hint = next((what, hint) for kind, what, hint in _FAILURES if isinstance(error, kind))
        raise InputError(f"{shown(url)}: {what}", hint=hint) from error


class _Address(NamedTuple):
    family: socket.AddressFamily
    sockaddr: tuple[Any, ...]


def _look_up(url: SplitURL, deadline: _Deadline) -> list[_Address]:
    # getaddrinfo takes no timeout; where it hangs, its thread is left behind until it returns
    found: Future[list[_Address]] = Future()
    Thread(target=_settle, args=(found, url), daemon=True).start()
    return found.result(timeout=deadline.left())


def _settle(found: Future[list[_Address]], url: SplitURL) -> None:
    try:
        rows = socket.getaddrinfo(url.host, url.port, type=socket.SOCK_STREAM)
        found.set_result([_Address(row[0], row[4]) for row in rows])
    except (OSError, UnicodeError) as error:
        found.set_exception(error)


def _require_public(url: str, addresses: list[_Address]) -> None:
    # the address itself is not shown: what a private name stands for is not a stranger's business
    for address in addresses:
        if reason := refusal(address.sockaddr[0]):
            raise unsafe(url, f"refused, for its host's address is not public ({reason})")


def _open(url: SplitURL, addresses: list[_Address], deadline: _Deadline) -> socket.socket:
    sock = _connect(addresses, deadline)
    if url.scheme == "http":
        return sock
    with _closed_on_failure(sock):
        sock.settimeout(deadline.left())
        return ssl.create_default_context().wrap_socket(sock, server_hostname=url.host)


def _connect(addresses: list[_Address], deadline: _Deadline) -> socket.socket:
    """Connect to the first that accepts; each gets an equal share of the time that is left."""
    failure = OSError("the name has no address")
    for untried, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        try:
            return _dial(address, deadline.left() / untried)
        except OSError as error:
            failure = error
    raise failure


def _dial(address: _Address, seconds: float) -> socket.socket:
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    with _closed_on_failure(sock):
        sock.settimeout(seconds)
        sock.connect(address.sockaddr)
    return sock


@contextmanager
def _closed_on_failure(sock: socket.socket) -> Iterator[None]:
    try:
        yield
    except BaseException:
        sock.close()
        raise


def _ask(url: SplitURL, sock: _TimedSocket) -> HTTPResponse:
    connection = HTTPConnection(url.host, url.port)
    connection.sock = sock
    connection.request("GET", url.target, headers={"Host": url.authority, **_HEADERS})
    return connection.getresponse()


def _answer(response: HTTPResponse, max_bytes: int) -> bytes | _Redirect:
    if response.status in _REDIRECTS:
        return _Redirect(response.getheader("Location", "").strip())
    if response.status != 200:
        raise _UnusableError(
            f"the server answered with status {response.status}", _status_hint(response.status)
        )
    encoding = response.getheader("Content-Encoding", "").strip().lower()
    if encoding not in {"", "identity"}:
        raise _UnusableError("the answer is compressed, which was not asked for", _ELSEWHERE)
    return _body(response, max_bytes)


def _status_hint(status: int) -> str:
    return _STATUS_HINTS.get(status, "Try again later." if status >= 500 else _ELSEWHERE)


def _body(response: HTTPResponse, max_bytes: int) -> bytes:
    if (response.length or 0) > max_bytes:
        raise _too_large(max_bytes)
    body = io.BytesIO()
    while block := response.read(min(_BLOCK, max_bytes + 1 - body.tell())):
        body.write(block)
        if body.tell() > max_bytes:
            raise _too_large(max_bytes)
    if response.length:  # what Content-Length promised and has not come; read(n) does not say
        raise IncompleteRead(b"", response.length)
    return body.getvalue()


def _too_large(max_bytes: int) -> _UnusableError:
    return _UnusableError(f"larger than the limit of {max_bytes:,} bytes", _ELSEWHERE)


def _next_hop(url: str, location: str) -> str:
    if not location:
        raise InputError(f"{shown(url)}: a redirect that does not say where to", hint=_ELSEWHERE)
    try:
        # http.client reads headers as Latin-1; so encoded, each byte stays what the server sent
        target = urljoin(url, percent_encoded(location, "latin-1"))
    except ValueError:
        raise unsafe(url, "redirected to a malformed URL", _ELSEWHERE) from None
    if url.lower().startswith("https:") and target.lower().startswith("http:"):
        raise unsafe(target, "redirected there from https, without encryption", _ELSEWHERE)
    return target
