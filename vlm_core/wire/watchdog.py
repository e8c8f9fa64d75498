"""Ends reads that wait too long: a socket's own timeout begins anew with every byte that comes.

One thread watches for the whole process. It begins with the first watch and ends when there has
been none for a while.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

_LINGER = 5.0
"""Seconds that the thread waits for another watch before it ends."""


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
