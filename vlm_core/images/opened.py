"""A document that is open in a worker process, and is opened anew where that ends."""

from __future__ import annotations

import threading
from typing import Any

from .pdf_frames import Frame
from .worker import Worker, WorkerEnded, Workers


class OpenedElsewhere:
    """A document that is open in a worker, one of several that may have it; threads take turns.

    Args:
        seconds: for which a worker is waited for.
        key: by which a worker knows the document.
        opening: the request that opens it, and the file where the worker needs it.
    """

    def __init__(self, seconds: float, key: int, opening: dict[str, Any], data: bytes) -> None:
        self._seconds = seconds
        self._key = key
        self._opening = opening
        self._data = data
        self._worker: Worker | None = None
        self._turn = threading.Lock()

    def ask(self, workers: Workers, request: dict[str, Any]) -> Frame:
        """Open the document where it is not, and ask about it where there is something to ask.

        It is blamed for a crash by a new worker only: the old one may have been ended from outside.

        Raises:
            OSError: no worker can be started.
            WorkerEnded: the worker crashed, or took too long.
        """
        with self._turn:
            try:
                return self._try(workers, request)
            except WorkerEnded as end:
                if str(end) == "timeout":
                    raise
                return self._try(workers, request)

    def _try(self, workers: Workers, request: dict[str, Any]) -> Frame:
        with workers.lent(self._worker) as worker:
            if self._worker is not worker:
                self.leave()
                opening = {"request": "open", "key": self._key, **self._opening}
                opened = worker.ask(self._seconds, opening, self._data)
                if "failure" in opened[0]:
                    return opened
                self._worker = worker
                if not request:
                    return opened
            return worker.ask(self._seconds, {"key": self._key, **request})

    def leave(self) -> None:
        """Have the worker forget it, with its next request."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.closed.append(self._key)

    def close(self, workers: Workers) -> None:
        """Let go of the file, and have the worker forget the document."""
        worker, self._worker, self._data = self._worker, None, b""
        if worker is not None:
            workers.close(worker, self._key)
