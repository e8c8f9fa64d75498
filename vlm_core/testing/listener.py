"""A port on 127.0.0.1, a thread for each connection, and an end that leaves nothing open."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from threading import Event, Lock, Thread, current_thread

from vlm_core.warning import warn_caller

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
