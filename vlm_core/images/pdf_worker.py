"""PDF pages from a worker process, which may crash, hang or swell without harm to this one.

One worker serves all documents of this process, a page at a time. It starts with the first
document and ends with this process. A page that takes the worker down costs that page alone:
the next one gets a new worker, and so does a document that has waited for another one's page.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..errors import PasswordRequiredError, PDFError
from ..types import Entry, PageImage, TextLayer, TextLine
from .attachments import Attachment, Place, warnings_of
from .pdf_frames import Frame
from .worker import OpenedElsewhere, Worker, WorkerEnded, Workers

_Known = TypeVar("_Known")
TIMEOUT = 60.0
"""Seconds that a page may take, or the opening of a document."""

_MOST_WORKERS = 4
_PATIENCE = 1.0
# Answers of a document that may be late; the others are not waited for then.
_MOST_LATE = 3
_REPRINT = "Print it to a new PDF from a PDF viewer, and read that."

# What the worker may answer: what is wrong, and what to do about it.
_FAILURES = {
    "changed": ("the file was changed while it was read", "Read it again."),
    "empty": ("it holds no page", "Open it in a PDF viewer; if that shows pages, save it anew from there."),
    "file": ("the file cannot be read", "Check that it exists and that you may read it."),
    "format": ("it is not a PDF, or a damaged one", ""),
    "password": ("it is encrypted, and the password is missing", ""),
    "wrong password": ("it is encrypted, and the password is wrong", ""),
    "security": ("it is encrypted in an unknown way", "Save it without encryption from a PDF viewer."),
    "xfa": ("it is an XFA form, which other viewers than Adobe's cannot show", _REPRINT),
    "page": ("the page is damaged", "Read the other pages; for this one, get the file again."),
    "error": ("pdfium failed", _REPRINT),
    "crash": ("pdfium crashed or ran out of memory", _REPRINT),
    "timeout": ("it took too long", f"If you trust the file, pass trusted=True. {_REPRINT}"),
    "given up": ("other pages of it took too long, and this one was not tried", _REPRINT),
}


def _package_folders() -> list[str]:
    """Where the worker finds its two packages, however this process came by them."""
    pdfium = importlib.util.find_spec("pypdfium2")
    found = [Path(pdfium.origin).parents[1]] if pdfium and pdfium.origin else []
    return [str(folder) for folder in (Path(__file__).parents[2], *found)]


def _start(option: str) -> Worker:
    return Worker("vlm_core.images.pdf", option, _package_folders())


@cache
def workers(option: str) -> Workers:
    """The PDF workers of this process that are alike.

    One serves all documents, a page at a time. A thread that has waited for a second gets another one, so
    that a slow document holds up no other.

    Args:
        option: "bytes" for documents in memory, "files" for those that are read by their paths, "trusted"
            for those that may take more time and memory, "slow" for those of which a page took too long.
    """
    return Workers(partial(_start, option), 1 if option == "slow" else _MOST_WORKERS, _PATIENCE)


_keys = itertools.count()


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
        trusted: bool,
    ) -> None:
        self._path = str(data.absolute()) if isinstance(data, Path) else None
        self._stamp = self._stamp_now()
        self._source = source
        self._name = source or self._path or "PDF"
        self._password = password
        opening = {"path": self._path, "password": password}
        content = b"" if isinstance(data, Path) else data
        self._opened = OpenedElsewhere(timeout, next(_keys), opening, content)
        self._with_text = pdf_text == "auto"
        self._max_side = max_side
        self._attachments_follow = attachments_follow
        self._lane = "trusted" if trusted else "bytes" if self._path is None else "files"
        self._late = 0
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
        return self._page_of(number, *self._drawn(number))

    def page_or_known(self, number: int, known: Callable[[str], _Known | None]) -> PageImage | _Known:
        """As `page`; or of a page that is one JPEG what is known of it, and it stays where it is.

        Args:
            number: which one, from 1.
            known: is given the page's `sha256`. What it returns is returned, unless that is None. The digest
                is the worker's word, which read a stranger's file: look up by it, and store nothing by it.

        Raises:
            PDFError: as `page` says.
        """
        drawn, pixels = self._drawn(number, digest_only=True)
        if "sha256" not in drawn:
            return self._page_of(number, drawn, pixels)
        found = known(drawn["sha256"])
        return self.page(number) if found is None else found

    def outline(self, number: int) -> tuple[int, int, str]:
        """A page's size in pixels, as it is drawn, and its first words; it is not drawn.

        Arguments and errors are those of `page`.
        """
        self._check_number(number)
        told = self._ask({"request": "outline", "number": number})[0]
        return told["width"], told["height"], told["words"]

    def _check_number(self, number: int) -> None:
        if not 1 <= number <= self.total_pages:
            missing = f"{self._name}: there is no page {number}"
            raise PDFError(missing, hint=f"The last page is {self.total_pages}.", page=number)

    def _drawn(self, number: int, *, digest_only: bool = False) -> Frame:
        self._check_number(number)
        wanted = {"number": number, "text": self._with_text, "max_side": self._max_side}
        return self._ask({"request": "draw", "digest_only": digest_only, **wanted})

    def _page_of(self, number: int, drawn: dict[str, Any], pixels: bytes) -> PageImage:
        place: dict[str, Any] = {
            "page_number": number,
            "total_pages": self.total_pages,
            "source": self._source,
            "dpi": drawn["dpi"],
            "warnings": (*drawn["warnings"], *self._unread(drawn["attachments"])),
        }
        if "turn" in drawn:
            from .stored_jpeg import stored_page

            place["trusted"] = self._lane == "trusted"
            return stored_page(pixels, drawn["width"], drawn["height"], drawn["turn"], **place)
        make = PageImage.of_levels if drawn["grey"] else PageImage
        return make(
            pixels,
            drawn["width"],
            drawn["height"],
            rotation=drawn["rotation"],
            text_layer=_text_layer(drawn["layer"]),
            entries=tuple(Entry(text, tuple(box), is_mark) for text, box, is_mark in drawn["entries"]),
            **place,
        )

    def readable_after(self, number: int) -> int | None:
        """The next page behind one that can be loaded; None where none can, or it takes too long to tell."""
        try:
            return self._ask({"request": "readable_after", "number": number})[0]["next"] or None
        except PDFError:
            return None

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
        self._opened.close(workers(self._lane))
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
        if self._late >= _MOST_LATE:
            raise self._error("given up", number)
        try:
            reply = self._opened.ask(workers(self._lane), request)
        except OSError as error:
            message = f"The process that reads PDFs does not start ({error})"
            raise PDFError(message, hint="Check that this Python imports pypdfium2.") from None
        except WorkerEnded as end:
            raise self._told_of_end(str(end), number) from None
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

    def _told_of_end(self, how: str, number: int | None) -> PDFError:
        """The error for a worker that ended; a document that was late waits behind all others from now on."""
        if how != "timeout":
            return self._error(how, number)
        self._late += 1
        self._lane = self._lane if self._lane in ("trusted", "files") else "slow"
        self._opened.leave()
        return self._error(how, number)

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
        tuple(
            TextLine(text=text, bbox=box, block=block, words=words, is_bold=bold, heading_level=level or None)
            for text, box, block, words, bold, level in layer[name]
        )
        for name in ("lines", "doubtful")
    )
    others = {name: layer[name] for name in ("pictures", "drawings", "rules", "shades")}
    return TextLayer(lines=lines, doubtful=doubtful, **others)


def open_pdf(
    data: bytes | Path,
    *,
    source: str = "",
    password: str | None = None,
    pdf_text: Literal["auto", "ignore"] = "auto",
    timeout: float = TIMEOUT,
    max_side: int | None = None,
    attachments_follow: bool = False,
    trusted: bool = False,
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
            and readable and the page is not a scan; a page on which it runs sideways is turned.
            "ignore" gives none.
        timeout: seconds that a page may take, or the opening.
        max_side: pixels of the longer side to which a page without text of its own is drawn at most.
        attachments_follow: whether the files that it carries are read as documents of their own; warnings
            name those that are not.
        trusted: it may take as long as `timeout` says, and gigabytes of memory. Any other document gets
            4 s of CPU for a page, and for its opening a second more for each 25 MB.

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
        'letter.pdf: it is not a PDF, or a damaged one'
    """
    return PDFDocument(data, source, password, pdf_text, timeout, max_side, attachments_follow, trusted)
