"""PDF pages from a worker process, which may crash, hang or swell without harm to this one.

One worker serves all documents of this process, a page at a time. It starts with the first
document and ends with this process. A page that takes the worker down costs that page alone:
the next one gets a new worker.
"""

from __future__ import annotations

import atexit
import contextlib
import importlib.util
import itertools
import os
import subprocess
import sys
import threading
from collections import deque
from pathlib import Path
from typing import IO, Any, Literal, cast

from ..errors import PasswordRequiredError, PDFError
from ..types import PageImage, TextLayer, TextLine
from .attachments import Attachment, Place, warnings_of
from .pdf_frames import Frame, read_frame, widen, write_frame
from .watchdog import Watchdog

TIMEOUT = 60.0
"""Seconds that a page may take, or the opening of a document."""

_START_TIMEOUT = 60.0  # seconds for the worker to load its library
_START = "import sys; sys.path += sys.argv[1:]; from vlm_core.images.pdf import main; main()"
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
_REPRINT = "Print it to a new PDF from a PDF viewer, and read that."

# What the worker may answer: what is wrong, and what to do about it.
_FAILURES = {
    "changed": ("the file was changed while it was read", "Read it again."),
    "empty": ("it holds no page", "Open it in a PDF viewer; if that shows pages, save it anew from there."),
    "file": ("the file cannot be read", "Check that it exists and that you may read it."),
    "format": ("it is no PDF, or a damaged one", ""),
    "password": ("it is encrypted, and the password is missing", ""),
    "wrong password": ("it is encrypted, and the password is wrong", ""),
    "security": ("it is encrypted in an unknown way", "Save it without encryption from a PDF viewer."),
    "xfa": ("it is an XFA form, which other viewers than Adobe's cannot show", _REPRINT),
    "page": ("the page is damaged", "Read the other pages; for this one, get the file again."),
    "error": ("pdfium failed", _REPRINT),
    "crash": ("pdfium crashed or ran out of memory", _REPRINT),
    "timeout": ("it took too long", _REPRINT),
}


class _WorkerEnded(Exception):  # noqa: N818  never leaves this file
    """The worker ended in the midst of a request; says how, by a key of `_FAILURES`."""


class _Worker:
    """The worker process. It takes one request at a time, which the caller sees to."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  this very Python, and our own program
            # Isolated: nothing from the current directory or from environment variables.
            [sys.executable, "-I", "-S", "-c", _START, *_package_folders()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=Path(__file__).parent,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},  # no keys
            start_new_session=True,  # so that Ctrl-C in a terminal does not reach it
        )
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._replies = cast("IO[bytes]", self._process.stdout)
        widen(self._replies)
        self._watchdog = Watchdog(self._process.kill)
        self.ask(_START_TIMEOUT, None)

    def ask(self, seconds: float, request: dict[str, Any] | None, payload: bytes = b"") -> Frame:
        """Send a request, if any, and return the header and the payload of the worker's next frame.

        Raises:
            _WorkerEnded: the worker crashed, or was ended because it took longer than `seconds`.
        """
        self._watchdog.expect_within(seconds)
        try:
            if request is not None:
                write_frame(self._requests, {**request, "seconds": seconds}, payload)
            return read_frame(self._replies)
        except (EOFError, OSError):
            is_late = self._watchdog.has_bitten
            self.stop()
            raise _WorkerEnded("timeout" if is_late else "crash") from None
        except BaseException:  # Ctrl-C, say: its reply would be taken for the next one's
            self.stop()
            raise
        finally:
            self._watchdog.rest()

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the process and wait until it is gone."""
        self._watchdog.stop()
        self._process.kill()
        with contextlib.suppress(OSError), self._process:  # closes the pipes and waits
            pass

    def abandon(self) -> None:
        """In a forked child: let go of the parent's worker without a word to it."""
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (self._requests, self._replies):
            with contextlib.suppress(ValueError):  # closed
                os.dup2(null, stream.fileno(), inheritable=False)
        os.close(null)
        self._process.returncode = 0  # so that nobody here waits for it


def _package_folders() -> list[str]:
    """Where the worker finds its two packages, however this process came by them."""
    pdfium = importlib.util.find_spec("pypdfium2")
    found = [Path(pdfium.origin).parents[1]] if pdfium and pdfium.origin else []
    return [str(folder) for folder in (Path(__file__).parents[2], *found)]


class _Host:
    """Keeps the one worker of this process, and has documents closed in it."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.worker: _Worker | None = None
        self.closed: deque[int] = deque()

    def running(self) -> _Worker:
        """The worker, started where there is none; the lock must be held.

        Raises:
            PDFError: it cannot be started.
        """
        worker = self.worker
        if worker is None or not worker.is_alive():
            self.stop()
            worker = self.worker = self._started()
        self._sweep(worker)
        return worker

    def _started(self) -> _Worker:
        self.closed.clear()
        try:
            return _Worker()
        except (OSError, _WorkerEnded) as error:
            message = f"The process that reads PDFs does not start ({error})"
            raise PDFError(message, hint="Check that this Python imports pypdfium2.") from None

    def _sweep(self, worker: _Worker) -> None:
        while self.closed:
            worker.ask(TIMEOUT, {"request": "close", "key": self.closed.popleft()})

    def close(self, key: int) -> None:
        """Have a document closed, now if the worker is idle, else with the next request.

        It never waits: a document may be closed by the garbage collector, in a thread that
        is itself in the midst of a request.
        """
        self.closed.append(key)
        if self.lock.acquire(blocking=False):
            try:
                with contextlib.suppress(_WorkerEnded):
                    if self.worker and self.worker.is_alive():  # else it has forgotten the document
                        self._sweep(self.worker)
            finally:
                self.lock.release()

    def stop(self) -> None:
        """End the worker."""
        if self.worker:
            self.worker.stop()
        self.worker = None


_host = _Host()
_keys = itertools.count()
_abandoned: list[_Host] = []  # of the parent, after a fork; kept, so that nothing closes them


def _start_anew() -> None:
    """After a fork: the parent's worker is not ours."""
    global _host
    if _host.worker:
        _host.worker.abandon()
    _abandoned.append(_host)
    _host = _Host()


atexit.register(lambda: _host.stop())
if hasattr(os, "register_at_fork"):  # not on Windows, which does not fork
    os.register_at_fork(after_in_child=_start_anew)


class PDFDocument:
    """An open PDF; `open_pdf` makes one. Threads may share it, and get their pages one by one."""

    def __init__(
        self,
        data: bytes | Path,
        source: str,
        password: str | None,
        pdf_text: Literal["auto", "ignore"],
        timeout: float,
        max_side: int | None,
        attachments_follow: bool,
    ) -> None:
        self._data = b"" if isinstance(data, Path) else data
        self._path = str(data.absolute()) if isinstance(data, Path) else None
        self._stamp = self._stamp_now()
        self._source = source
        self._name = source or self._path or "PDF"
        self._password = password
        self._with_text = pdf_text == "auto"
        self._timeout = timeout
        self._max_side = max_side
        self._attachments_follow = attachments_follow
        self._key = next(_keys)
        self._opened_in: _Worker | None = None
        self._is_closed = False
        opened = self._ask({})[0]
        self.total_pages: int = opened["pages"]
        self._is_carrier: bool = opened["attachments"] > 0

    def page(self, number: int) -> PageImage:
        """Draw a page, or hand on the picture that it is.

        Args:
            number: which one, from 1.

        Raises:
            PDFError: there is no such page, or it cannot be drawn; the others still can.
        """
        if not 1 <= number <= self.total_pages:
            missing = f"{self._name}: there is no page {number}"
            raise PDFError(missing, hint=f"The last page is {self.total_pages}.", page=number)
        wanted = {"number": number, "text": self._with_text, "max_side": self._max_side}
        drawn, pixels = self._ask({"request": "draw", **wanted})
        place: dict[str, Any] = {
            "page_number": number,
            "total_pages": self.total_pages,
            "source": self._source,
            "dpi": drawn["dpi"],
            "warnings": (*drawn["warnings"], *self._unread(drawn["attachments"])),
        }
        if "turn" in drawn:
            from .stored import stored_page

            return stored_page(pixels, drawn["width"], drawn["height"], drawn["turn"], **place)
        make = PageImage.of_levels if drawn["grey"] else PageImage
        return make(
            pixels,
            drawn["width"],
            drawn["height"],
            rotation=drawn["rotation"],
            text_layer=_text_layer(drawn["layer"]),
            **place,
        )

    def attachments(self, *, with_notes: bool = False) -> list[Attachment]:
        """The files that the document carries, as a portfolio does.

        Args:
            with_notes: those of notes too, for which every page is looked at.

        Raises:
            PDFError: they cannot be had.
        """
        if not (self._is_carrier or with_notes):
            return []
        found = self._ask({"request": "attachments", "with_notes": with_notes})[0]["attachments"]
        return [_attachment(each) for each in found]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What must be said of the document: which files it carries that are not read."""
        if not self._is_carrier:
            return ()
        try:
            found = self._ask({"request": "attachments", "with_notes": False})[0]["attachments"]
        except PDFError as error:
            return (f"its attachments cannot be listed: {error.message}",)
        return self._unread(found)

    def _unread(self, found: list[dict[str, Any]]) -> tuple[str, ...]:
        return warnings_of([_attachment(each) for each in found], are_read=self._attachments_follow)

    def attachment(self, place: Place) -> bytes:
        """The bytes of a file that the document carries; none where it is damaged.

        Raises:
            PDFError: it cannot be had.
        """
        return self._ask({"request": "attachment", "place": place})[1]

    def close(self) -> None:
        """Close the document. Closing it again does nothing."""
        if not self._is_closed and self._opened_in is _host.worker:
            _host.close(self._key)
        self._is_closed = True

    def __enter__(self) -> PDFDocument:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _ask(self, request: dict[str, Any]) -> Frame:
        """Open the document, where it is not, and ask about it, where there is something to ask."""
        number: int | None = request.get("number")
        if self._is_closed:
            raise PDFError(f"{self._name}: it has been closed", hint="Open it again.", page=number)
        try:
            with _host.lock:
                reply = self._try_again(request)
        except _WorkerEnded as end:
            raise self._error(str(end), number, f"{self._timeout:g} s" * (str(end) == "timeout")) from None
        if self._stamp != self._stamp_now():
            raise self._error("changed", number)
        if failure := reply[0].get("failure"):
            raise self._error(failure, number, reply[0].get("detail", ""))
        return reply

    def _stamp_now(self) -> tuple[int, ...]:
        """What a file's content is known by, where the worker reads it by its path."""
        if self._path is None:
            return ()
        try:
            found = os.stat(self._path)
        except OSError:
            return ()
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

    def _try_again(self, request: dict[str, Any]) -> Frame:
        """A page is blamed for a crash by a new worker only: the old one may have been ended from outside."""
        try:
            return self._try(request)
        except _WorkerEnded as end:
            if str(end) == "timeout":
                raise
            return self._try(request)

    def _try(self, request: dict[str, Any]) -> Frame:
        worker = _host.running()
        if self._opened_in is not worker:
            where = {"path": self._path, "password": self._password}
            opened = worker.ask(self._timeout, {"request": "open", "key": self._key, **where}, self._data)
            if "failure" in opened[0]:
                return opened
            self._opened_in = worker
            if not request:
                return opened
        return worker.ask(self._timeout, {"key": self._key, **request})

    def _error(self, failure: str, number: int | None, detail: str = "") -> PDFError:
        if failure == "password" and self._password is not None:
            failure = "wrong password"
        what, hint = _FAILURES[failure]
        kind = PasswordRequiredError if "password" in failure else PDFError
        where = f"{self._name}, page {number}" if number else self._name
        return kind(f"{where}: {what}{detail and f' ({detail})'}", hint=hint, page=number)


def _attachment(found: dict[str, Any]) -> Attachment:
    return Attachment(found["name"], found["size"], found["kind"], tuple(found["place"]))


def _text_layer(layer: dict[str, Any] | None) -> TextLayer | None:
    if layer is None:
        return None
    lines, doubtful = (
        tuple(TextLine(text=text, bbox=box, block=block) for text, box, block in layer[name])
        for name in ("lines", "doubtful")
    )
    return TextLayer(lines=lines, doubtful=doubtful, pictures=layer["pictures"], drawings=layer["drawings"])


def open_pdf(
    data: bytes | Path,
    *,
    source: str = "",
    password: str | None = None,
    pdf_text: Literal["auto", "ignore"] = "auto",
    timeout: float = TIMEOUT,
    max_side: int | None = None,
    attachments_follow: bool = False,
) -> PDFDocument:
    """Open a PDF, whose pages can then be drawn in any order.

    A page is drawn upright on white at 200 dpi, a scanned one at about its own resolution,
    with annotations and form entries, and never with more than 40 megapixels. A page that is
    one upright JPEG, and on which nothing else shows, is not drawn: it is that picture, as it is
    stored, and is decoded when its pixels are asked for.

    Args:
        data: the file's bytes, or its path; from a path only the worker reads, so that this
            process stays small.
        source: the document's name, for messages and for `PageImage.source`.
        password: for an encrypted document.
        pdf_text: "auto" gives a page the text layer that the PDF brings, where it is visible
            and readable and the page is no scan; a page on which it runs sideways is turned.
            "ignore" gives none.
        timeout: seconds that a page may take, or the opening.
        max_side: pixels of the longer side to which a page without text of its own is drawn at most.
        attachments_follow: whether the files that it carries are read as documents of their own; warnings
            name those that are not.

    Returns:
        The document, to be used in a with statement.

    Raises:
        PDFError: it is damaged, no PDF at all, or has no pages.
        PasswordRequiredError: it is encrypted, and the password is missing or wrong.

    Example:
        >>> try:
        ...     open_pdf(b"hello", source="letter.pdf")
        ... except PDFError as error:
        ...     error.message
        'letter.pdf: it is no PDF, or a damaged one'
    """
    return PDFDocument(data, source, password, pdf_text, timeout, max_side, attachments_follow)
