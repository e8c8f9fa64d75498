"""Processes that read strangers' files for this one: each may crash, hang or swell without harm to it.

They are started when they are needed, used again, and end with this process. One takes one request at a
time. A request that takes a worker down costs its own answer alone: the next one gets a new worker.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

from .pdf_frames import Frame, read_frame, widen, write_frame


class Watchdog:
    """Calls a function once an answer takes longer than it may. It watches one question at a time.

    Its thread starts with the first question. It sleeps until the deadline that it knows, and only then
    looks whether there is another, so that a question that is answered in time costs next to nothing.

    Args:
        bite: is called in the watchdog's thread.

    Example:
        >>> late = threading.Event()
        >>> watchdog = Watchdog(late.set)
        >>> watchdog.expect_within(0.01)
        >>> late.wait(10), watchdog.has_bitten
        (True, True)
    """

    def __init__(self, bite: Callable[[], object]) -> None:
        self.has_bitten = False
        """Whether an answer was late."""
        self._bite = bite
        self._deadline: float | None = None
        self._wakes_at: float | None = None
        self._is_over = False
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def expect_within(self, seconds: float) -> None:
        """A question is asked, to be answered in so many seconds."""
        with self._changed:
            self._deadline = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="vlm-watchdog", daemon=True)
                self._thread.start()
            elif self._wakes_at is None or self._wakes_at > self._deadline:
                self._changed.notify()

    def rest(self) -> None:
        """The question is answered."""
        self._deadline = None

    def stop(self) -> None:
        """End the thread."""
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._is_over:
                now, deadline = time.monotonic(), self._deadline
                if deadline is not None and now >= deadline:
                    self.has_bitten, self._is_over = True, True
                    self._bite()
                    return
                self._wakes_at = deadline
                self._changed.wait(None if deadline is None else deadline - now)


__all__ = ["Worker", "WorkerEnded", "Workers"]

_START_TIMEOUT = 60.0  # seconds for a worker to load its libraries
_START = "import sys; sys.path += sys.argv[2:]; from {module} import main; main(sys.argv[1])"
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
# Of shared memory that stays for the next page; what a larger page took is given back.
_KEPT_BYTES = 48 << 20
_OUT_OF_TIME = tuple(getattr(signal, name, 0) for name in ("SIGPROF", "SIGALRM", "SIGXCPU"))


class WorkerEnded(Exception):  # noqa: N818  it becomes an error of the document's kind
    """The worker ended in the midst of a request; says how: crash or timeout."""


class Worker:
    """A worker process. It takes one request at a time, which the caller sees to.

    Args:
        module: holds the worker's `main`.
        option: for its `main`.
        packages: folders in which it finds packages besides the standard library.
        shares_memory: whether its answers may come in memory that both processes see, where there is such.

    Raises:
        OSError: it cannot be started.
        WorkerEnded: it did not come up.
    """

    def __init__(
        self, module: str, option: str, packages: Sequence[str], *, shares_memory: bool = False
    ) -> None:
        self.shared = _memory() if shares_memory else None
        handed_on = () if self.shared is None else (self.shared,)
        self._process = subprocess.Popen(  # noqa: S603  this very Python, and our own program
            # Isolated: nothing from the current directory or from environment variables.
            [sys.executable, "-I", "-S", "-c", _START.format(module=module), option, *packages],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parent,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},  # no keys
            start_new_session=True,  # so that Ctrl-C in a terminal does not reach it
            pass_fds=handed_on,
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._replies = cast("IO[bytes]", self._process.stdout)
        widen(self._replies)
        self._watchdog = Watchdog(self._process.kill)
        self.closed: deque[int] = deque()
        """Documents that it need not keep any longer."""
        started, _ = self.ask(_START_TIMEOUT, None)
        self.confinement: dict[str, bool] = started["confinement"]
        """What the system keeps it from, by name."""
        if self.shared is not None:
            self.ask(_START_TIMEOUT, {"request": "share", "descriptor": self.shared})

    @property
    def pid(self) -> int:
        """Of its process."""
        return self._process.pid

    def ask(self, seconds: float, request: dict[str, Any] | None, payload: bytes = b"") -> Frame:
        """Send a request, if any, and return the header and the payload of the worker's next frame.

        Raises:
            WorkerEnded: the worker crashed, or was ended because it took longer than `seconds`.
        """
        self._watchdog.expect_within(seconds)
        try:
            if request is not None:
                write_frame(self._requests, {**request, "seconds": seconds}, payload)
            return self._with_shared(*read_frame(self._replies))
        except (EOFError, OSError, ValueError):
            is_late = self._watchdog.has_bitten
            self.stop()
            is_late = is_late or -self._process.returncode in _OUT_OF_TIME
            raise WorkerEnded("timeout" if is_late else "crash") from None
        except BaseException:  # Ctrl-C, say: its reply would be taken for the next one's
            self.stop()
            raise
        finally:
            self._watchdog.rest()

    def _with_shared(self, header: dict[str, Any], payload: bytes) -> Frame:
        """A frame with what the worker left in shared memory: so many bytes, from a place on."""
        place = header.pop("shared", None)
        if place is None or self.shared is None:
            return header, payload
        offset, length = place
        payload = _bytes_in(self.shared, offset, length)
        if offset + length > _KEPT_BYTES:
            os.ftruncate(self.shared, 0)
        return header, payload

    def sweep(self) -> None:
        """Have documents closed that are not needed any longer."""
        while self.closed:
            self.ask(_START_TIMEOUT, {"request": "close", "key": self.closed.popleft()})

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process and wait until it is gone."""
        self._watchdog.stop()
        self._process.kill()
        with contextlib.suppress(OSError), self._process:  # closes the pipes and waits
            pass
        self._let_go()

    def abandon(self) -> None:
        """In a forked child: let go of the parent's worker without a word to it."""
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (self._requests, self._replies):
            with contextlib.suppress(ValueError):  # closed
                os.dup2(null, stream.fileno(), inheritable=False)
        os.close(null)
        self._let_go()
        self._process.returncode = 0  # so that nothing here waits for it

    def _let_go(self) -> None:
        shared, self.shared = self.shared, None
        if shared is not None:
            os.close(shared)


def _memory() -> int | None:
    """A file that is in memory alone and has no name; None where the system has no such thing."""
    try:
        return os.memfd_create("vlm-worker")
    except (AttributeError, OSError):  # macOS, Windows; or a sandbox that does not allow it
        return None


def _bytes_in(descriptor: int, offset: int, length: int) -> bytes:
    """Bytes of a file.

    Raises:
        EOFError: there are fewer.
    """
    data = os.pread(descriptor, length, offset)
    while len(data) < length:  # one call gives 2 GB at most
        more = os.pread(descriptor, length - len(data), offset + len(data))
        if not more:
            raise EOFError
        data += more
    return data


class Workers:
    """Workers of one kind, lent to one thread at a time.

    Args:
        start: starts one.
        most: how many there are at most.
        patience: seconds for which a thread waits for one that works, before another one is started.
    """

    def __init__(self, start: Callable[[], Worker], most: int, patience: float = 0.0) -> None:
        self._start = start
        self._most = most
        self._patience = patience
        self._count = 0
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()
        self._changed = threading.Condition(threading.Lock())
        _every.append(self)

    @property
    def all(self) -> tuple[Worker, ...]:
        """Those that there are."""
        return *self._idle, *self._busy

    @contextlib.contextmanager
    def lent(self, wanted: Worker | None = None) -> Iterator[Worker]:
        """A worker, for as long as the statement lasts.

        Args:
            wanted: the one to have if it is idle.

        Raises:
            OSError, WorkerEnded: none can be started.
        """
        worker = self._taken(wanted)
        try:
            if worker is None:
                worker = self._start()
                with self._changed:
                    self._busy.add(worker)
            with contextlib.suppress(WorkerEnded):
                worker.sweep()
            yield worker
        finally:
            self._give_back(worker)

    def _taken(self, wanted: Worker | None) -> Worker | None:
        """An idle worker, once there is one; None where the caller is to start one."""
        impatient_at = time.monotonic() + self._patience
        with self._changed:
            while True:
                self._forget_dead()
                if self._idle:
                    worker = wanted if wanted in self._idle else self._idle[-1]
                    assert worker is not None
                    self._idle.remove(worker)
                    self._busy.add(worker)
                    return worker
                left = impatient_at - time.monotonic() if self._count else 0
                if self._count < self._most and left <= 0:
                    self._count += 1
                    return None
                self._changed.wait(left if self._count < self._most else None)

    def _forget_dead(self) -> None:
        dead = [worker for worker in self._idle if not worker.is_alive()]
        for worker in dead:
            self._idle.remove(worker)
            self._count -= 1
            worker.stop()

    def _give_back(self, worker: Worker | None) -> None:
        with self._changed:
            if worker is not None:
                self._busy.discard(worker)
            if worker is not None and worker.is_alive():
                self._idle.append(worker)
            else:
                self._count -= 1
            self._changed.notify()

    def close(self, worker: Worker, key: int) -> None:
        """Have a document closed, now if its worker is idle, else with the next request.

        It never waits: a document may be closed by the garbage collector, in a thread that
        is itself in the midst of a request.
        """
        worker.closed.append(key)
        if self._changed.acquire(blocking=False):
            try:
                if worker in self._idle:
                    with contextlib.suppress(WorkerEnded):
                        worker.sweep()
            finally:
                self._changed.release()

    def stop(self) -> None:
        """End those that do not work."""
        with self._changed:
            idle, self._idle = self._idle, []
            self._count -= len(idle)
        for worker in idle:
            worker.stop()

    def end(self) -> None:
        """End all, in the midst of what they do."""
        for worker in self.all:
            worker.stop()

    def start_anew(self) -> None:
        """After a fork: the parent's workers are not ours."""
        for worker in self.all:
            worker.abandon()
            _abandoned.append(worker)
        self._count, self._idle, self._busy = 0, [], set()
        self._changed = threading.Condition(threading.Lock())


_every: list[Workers] = []
_abandoned: list[Worker] = []  # of the parent, after a fork; kept, so that nothing closes them


def _start_all_anew() -> None:
    for workers in _every:
        workers.start_anew()


def _end_all() -> None:
    for workers in _every:
        workers.end()


atexit.register(_end_all)
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_start_all_anew)


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
