"""A port, and one client's connection: HTTP/1.1 read from a socket and written to it (RFC 9112).

A reply gets the connection as it is, so that it can also break the protocol.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from threading import Event, Lock, Thread, current_thread
from typing import BinaryIO

from vlm_core.warning import warn_caller

_LONGEST_LINE = 2**16
_NO_BODY = frozenset({204, 304})


@dataclass(frozen=True)
class Request:
    """An HTTP request; the names of its headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = field(default=b"", repr=False)


class Connection:
    """What a reply writes to.

    Args:
        client: the open socket.
        stopping: set when the server is about to stop.

    Example:
        >>> ours, theirs = socket.socketpair()
        >>> with ours, theirs:
        ...     Connection(ours, Event()).respond(429, b"slow down", {"Retry-After": "2"})
        ...     theirs.recv(99)
        b'HTTP/1.1 429 Too Many Requests\\r\\nContent-Length: 9\\r\\nRetry-After: 2\\r\\n\\r\\nslow down'
    """

    def __init__(self, client: socket.socket, stopping: Event) -> None:
        self.socket = client
        self.last = False
        """Whether the connection ends with this answer."""
        self._stopping = stopping
        self._chunked = True

    def send(self, data: bytes) -> None:
        """Write raw bytes.

        Raises:
            OSError: the client is gone.
        """
        self.socket.sendall(data)

    def wait(self, seconds: float) -> None:
        """Do nothing for a while.

        Raises:
            ConnectionAbortedError: the server stops.
        """
        if self._stopping.wait(seconds):
            raise ConnectionAbortedError

    def reset(self) -> None:
        """Break the connection off with a TCP reset, so that the client sees no orderly end."""
        # Lingering for no time makes close() send a reset in place of an orderly end.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
        self.last = True

    def respond(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a whole response in one write."""
        length = {} if status in _NO_BODY else {"Content-Length": str(len(body))}
        head = self._head(status, merged(length, headers))
        self.send(head if status in _NO_BODY else head + body)

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of a response whose body comes in pieces."""
        coding = {"Transfer-Encoding": "chunked"} if self._chunked else {}
        self.send(self._head(status, merged(coding, headers)))

    def piece(self, data: bytes) -> None:
        """Send a piece of that body, in a write of its own."""
        self.send(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def end(self) -> None:
        """End that body."""
        self.send(b"0\r\n\r\n" if self._chunked else b"")

    def _head(self, status: int, headers: Mapping[str, str]) -> bytes:
        known = status in HTTPStatus.__members__.values()
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase if known else 'Unknown'}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines += ["Connection: close"] if self.last else []
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    def read(self, lines: BinaryIO) -> Request | None:
        """The next request.

        Args:
            lines: the socket as a buffered file, the same for the whole connection.

        Returns:
            None where the client sends no more, or what is not HTTP; the latter gets a 400.
        """
        try:
            return self._parse(lines)
        except ValueError:
            self.last = True
            self.respond(400, b"This is not an HTTP/1.1 request.", {"Content-Type": "text/plain"})
            return None

    def _parse(self, lines: BinaryIO) -> Request | None:
        first = lines.readline(_LONGEST_LINE)
        if not first.strip():
            return None
        method, path, version = first.decode("latin-1").split()
        headers = _read_headers(lines)
        # HTTP/1.0 knows neither chunks nor, without asking, a second request.
        self._chunked = version == "HTTP/1.1"
        self.last = headers.get("connection", "" if self._chunked else "close").lower() == "close"
        if headers.get("expect", "").lower() == "100-continue":
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        return Request(method, path, headers, _read_body(lines, headers))


def merged(usual: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str]:
    """Headers, of which the own ones replace the usual ones.

    Example:
        >>> merged({"Content-Type": "text/plain"}, {"content-type": "text/html"})
        {'content-type': 'text/html'}
    """
    names = {name.lower() for name in own}
    return {**{name: value for name, value in usual.items() if name.lower() not in names}, **own}


def _read_headers(lines: BinaryIO) -> dict[str, str]:
    headers: dict[str, str] = {}
    while (line := lines.readline(_LONGEST_LINE)).strip():
        name, colon, value = line.decode("latin-1").partition(":")
        if not colon:
            raise ValueError("a header without a colon")
        name, value = name.strip().lower(), value.strip()
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _read_body(lines: BinaryIO, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(lines)
    return _exactly(lines, int(headers.get("content-length", "0")))


def _read_chunks(lines: BinaryIO) -> bytes:
    body = bytearray()
    while size := int(lines.readline(_LONGEST_LINE).partition(b";")[0], 16):
        body += _exactly(lines, size)
        lines.readline(_LONGEST_LINE)
    _read_headers(lines)  # trailers
    return bytes(body)


def _exactly(lines: BinaryIO, count: int) -> bytes:
    if count < 0:
        raise ValueError("a negative length")
    data = lines.read(count)
    if len(data) < count:
        raise ConnectionResetError("the client left in the middle of a request")
    return data


# --- the port -------------------------------------------------------------------------------------

_BACKLOG = 1024


class Listener:
    """Accepts connections from the moment that it is made.

    Args:
        talk: called for each connection in a thread of its own, with the socket and an event that
            is set when all is to end; the socket is closed when it returns.
        port: 0 for any that is free.
        patience: seconds that a thread gets to end.
    """

    def __init__(
        self, talk: Callable[[socket.socket, Event], None], port: int = 0, patience: float = 5.0
    ) -> None:
        self._talk = talk
        self._patience = patience
        self._stopping = Event()
        self._clients: dict[Thread, socket.socket] = {}
        self._lock = Lock()
        self._socket = socket.create_server(("127.0.0.1", port), backlog=_BACKLOG)
        self.port: int = self._socket.getsockname()[1]
        self._thread = Thread(target=self._accept, name=f"scripted-server-{self.port}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Close the port and all connections, and wait for their threads."""
        self._stopping.set()
        # accept() cannot be interrupted, so it is given a last connection.
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port)).close()
        # In this order: a port that is closed while accept() waits may be another's at once.
        self._thread.join()
        self._socket.close()
        with self._lock:
            clients = dict(self._clients)
            for client in clients.values():
                _hang_up(client)
        for thread in clients:
            if thread is not current_thread():
                self._join(thread)

    def _join(self, thread: Thread) -> None:
        thread.join(self._patience)
        if thread.is_alive():
            problem = "a function that was to reply still runs, though the server has stopped"
            warn_caller(problem, ResourceWarning)

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                client, _ = self._socket.accept()
            except OSError:  # the client left at once, or there are too many open files for now
                self._stopping.wait(0.01)
                continue
            if self._stopping.is_set():
                client.close()
                return
            self._begin(client)

    def _begin(self, client: socket.socket) -> None:
        # Each write is a packet of its own: tests cut streams where they want, not where the kernel does.
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        thread = Thread(target=self._serve, args=(client,), name=self._thread.name, daemon=True)
        with self._lock:
            self._clients[thread] = client
        thread.start()

    def _serve(self, client: socket.socket) -> None:
        try:
            with suppress(OSError):  # the client left
                self._talk(client, self._stopping)
        finally:
            with self._lock:
                del self._clients[current_thread()]
                client.close()


def _hang_up(client: socket.socket) -> None:
    with suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
