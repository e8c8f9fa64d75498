"""Bodies of answers that do not simply flow: read already, cut short, or ended by a watchdog."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import takewhile
from typing import Any


class BufferedBody:
    """A body that was read, in one piece, for either kind of loop.

    Example:
        >>> list(BufferedBody(b"words"))
        [b'words']
    """

    def __init__(self, body: bytes) -> None:
        self._pieces = [body] if body else []

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if not self._pieces:
            raise StopIteration
        return self._pieces.pop()

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop()


def bounded_stream(base: type[Any], max_bytes: int, seconds: float) -> type[Any]:
    """A kind of stream that ends after so many bytes or seconds, without a word.

    Args:
        base: the HTTP library's SyncByteStream or AsyncByteStream.
        max_bytes: no piece beyond these is handed on.
        seconds: from when it is made.

    Example:
        >>> b"".join(bounded_stream(object, 3, 60.0)([b"ab", b"c", b"d"]))
        b'abc'
    """

    class Short(base):  # type: ignore[misc]
        def __init__(self, stream: Any) -> None:
            self._stream = stream
            self._bytes = 0
            self._end = time.monotonic() + seconds

        def _is_over(self, piece: bytes) -> bool:
            self._bytes += len(piece)
            return self._bytes > max_bytes or time.monotonic() > self._end

        def __iter__(self) -> Iterator[bytes]:
            return takewhile(lambda piece: not self._is_over(piece), self._stream)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            async for piece in self._stream:
                if self._is_over(piece):
                    return
                yield piece

        def close(self) -> None:
            self._stream.close()

        async def aclose(self) -> None:
            await self._stream.aclose()

    return Short


# Seconds that the thread waits for another watch before it ends.
_LINGER = 5.0


class WatchedSocket:
    """A socket that is shut down when its time is over, so that whoever reads from it wakes up."""

    def __init__(self, sock: socket.socket | None, end: float) -> None:
        self.sock, self.end = sock, end
        self.expired = False

    def expire(self) -> None:
        """Shut the socket down. Its owner still has to close it."""
        self.expired = True
        if self.sock is not None:
            with suppress(OSError):
                # Not the method of a TLS socket, which would take its state from under the reader.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)


class Watchdog:
    """Watches over sockets.

    Example:
        >>> near, far = socket.socketpair()
        >>> watch = Watchdog().watch(near, 0.01)
        >>> near.recv(1), watch.expired
        (b'', True)
        >>> near.close(), far.close()
        (None, None)
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: set[WatchedSocket] = set()
        self._wakes_at = float("inf")
        self._is_running = False

    def watch(self, sock: socket.socket | None, seconds: float) -> WatchedSocket:
        """Shut a socket down after some seconds, unless `forget` is called before.

        Args:
            sock: None where there is none to be had, as with a client of a test's own; nothing happens then.
            seconds: from now.
        """
        watch = WatchedSocket(sock, time.monotonic() + seconds)
        if sock is None:
            return watch
        with self._changed:
            self._watches.add(watch)
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="vlm-watchdog", daemon=True).start()
            elif watch.end < self._wakes_at:
                self._changed.notify()
        return watch

    def forget(self, watch: WatchedSocket) -> None:
        """The read is over."""
        with self._changed:
            self._watches.discard(watch)

    def _run(self) -> None:
        with self._changed:
            while self._watches or self._is_asked_again():
                now = time.monotonic()
                for watch in [watch for watch in self._watches if watch.end <= now]:
                    self._watches.discard(watch)
                    watch.expire()
                self._sleep_until(min((watch.end for watch in self._watches), default=now))
            self._is_running = False

    def _is_asked_again(self) -> bool:
        self._sleep_until(time.monotonic() + _LINGER)
        return bool(self._watches)

    def _sleep_until(self, end: float) -> None:
        self._wakes_at = end
        self._changed.wait(max(0.0, end - time.monotonic()))
        self._wakes_at = float("-inf")


shared = Watchdog()
"""The one of this process."""


def _start_anew() -> None:
    """After a fork there is no thread, and the lock may have been held."""
    shared.__init__()  # type: ignore[misc]


if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_start_anew)
