"""Ctrl-C and SIGTERM: the first one lets what was begun come to its end, the second one kills."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from queue import SimpleQueue

from vlm_core.cli.report import BY_SIGNAL, say
from vlm_core.images.reading import Fetch
from vlm_core.images.sources import Source
from vlm_core.jobs.ordered import NumberedPage, PageCancelled, StoppablePages

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_WAITING = "stopping: pages that were begun are waited for; a second signal ends at once"


class Interrupted(KeyboardInterrupt):
    """A signal has come."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class Interrupts:
    """The signals that end a command, and what it was doing when they came.

    While pages are read, the first signal begins no further page and waits for the others. It cuts
    short only what may never end: the reading of a document from standard input or from the web. At
    any other time it raises `Interrupted`.
    """

    def __init__(self) -> None:
        self.stopped_by = 0
        """The signal's number; 0 where there was none."""
        self._reads_pages = False
        self._opens = False
        self._heard: SimpleQueue[bool] = SimpleQueue()  # one may put into it while a signal is handled

    @property
    def exit_code(self) -> int:
        """0 where nothing was interrupted."""
        return BY_SIGNAL + self.stopped_by if self.stopped_by else 0

    @contextmanager
    def minded(self) -> Iterator[None]:
        """Signals come here. One that is ignored stays so, as nohup has it."""
        usual = {number: signal.getsignal(number) for number in _SIGNALS}
        for number, handler in usual.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, self._on_signal)
        try:
            yield
        finally:
            for number, handler in usual.items():
                signal.signal(number, handler)

    def pages_of(self, pages: StoppablePages) -> Iterator[NumberedPage]:
        """Pages until there are no more, or until those that were begun when a signal came have come."""
        listener = threading.Thread(target=self._listen, args=[pages], name="vlm-signals", daemon=True)
        # From here on a signal stops the job in good order, where it would otherwise raise.
        self._reads_pages = True
        listener.start()
        try:
            yield from pages
        finally:
            pages.close()
            self._reads_pages = False
            self._heard.put(False)
            listener.join()

    def cutting_short(self, documents: Iterable[Source]) -> list[Source]:
        """The same documents; a signal that comes while one of them is read ends the job there."""
        return [replace(document, read=partial(self._read, document.read)) for document in documents]

    def _on_signal(self, number: int, _frame: object) -> None:
        self.stopped_by = number
        # From now on a second signal kills, whatever this process waits for.
        for one in _SIGNALS:
            signal.signal(one, signal.SIG_DFL)
        self._heard.put(True)
        if self._opens or not self._reads_pages:
            raise Interrupted(number)

    def _listen(self, pages: StoppablePages) -> None:
        """Stop a job. A signal's handler may not: it may have come while a lock was held that this takes."""
        if self._heard.get():
            pages.stop()
            say(_WAITING)

    def _read(self, read: Fetch) -> bytes:
        if threading.current_thread() is not threading.main_thread():
            return read()  # signals are handled on the main thread
        try:
            self._opens = True
            return read()
        except KeyboardInterrupt:
            raise PageCancelled from None
        finally:
            self._opens = False
