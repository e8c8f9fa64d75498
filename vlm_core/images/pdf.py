"""The PDF worker: opens PDFs and draws their pages, in a process of its own.

pdfium is a large C++ library that reads strangers' files and may be used by one thread only,
so it runs here, apart from the program that wants the pages; `pdf_worker` starts this process
and talks to it. A request is a frame that names one of `_REQUESTS`; each gets one reply.
"""

from __future__ import annotations

import math
import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, TypeAlias

import pypdfium2 as pdfium
import pypdfium2.raw as c

from . import pdf_attachments
from .pdf_document import Document, Failure
from .pdf_frames import read_frame, write_frame
from .pdf_page import draw, outline
from .sandbox import allow_cpu, confine

MAX_MEMORY = 3 << 30
STRANGERS_MEMORY = 512 << 20
"""Bytes of its own that a worker may have, libraries besides; the first for files that are trusted."""
CPU_SECONDS = 4.0
"""For a page of a stranger's document."""
# Of a document that may take one second more to open.
_OPENED_BYTES = 25e6
_cpu_seconds = 0.0
# Where pdfium looks for fonts that a document names and does not bring (CFX_LinuxMapper).
_FONTS = (
    "/usr/share/fonts",
    "/usr/local/share/fonts",
    "/usr/share/X11/fonts/Type1",
    "/usr/share/X11/fonts/TTF",
)
_GRACE = 10  # seconds over the parent's time limit until an orphan ends itself

Documents: TypeAlias = dict[int, Document]
Reply: TypeAlias = tuple[dict[str, Any], Any]


def main(option: str) -> None:
    """Answer requests from standard input on standard output until the parent is gone.

    Args:
        option: what the documents are, as `pdf_worker.workers` says.
    """
    global _cpu_seconds
    requests, replies = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # so that nothing a library prints gets between the frames
    is_trusted = option == "trusted"
    _cpu_seconds = 0.0 if is_trusted else CPU_SECONDS
    memory = MAX_MEMORY if is_trusted else STRANGERS_MEMORY
    reads_files = is_trusted or option == "files"
    had = confine(memory=memory, readable=("/",) if reads_files else (*_FONTS, *sys.path))
    write_frame(replies, {"confinement": had})
    documents: Documents = {}
    with suppress(EOFError, BrokenPipeError):
        while True:
            write_frame(replies, *_answer(documents, *read_frame(requests)))


def _answer(documents: Documents, header: dict[str, Any], payload: bytes) -> Reply:
    _set_alarm(header.pop("seconds") + _GRACE)
    allow_cpu(_cpu_seconds and _cpu_seconds + _opened_bytes(header, payload) / _OPENED_BYTES)
    try:
        return _REQUESTS[header.pop("request")](documents, payload, **header)
    except Failure as failure:
        return {"failure": str(failure)}, b""
    except Exception as error:  # noqa: BLE001  whatever it is, the parent must hear of it
        return {"failure": "error", "detail": str(error) or type(error).__name__}, b""
    finally:
        _set_alarm(0)
        allow_cpu(0)


def _opened_bytes(header: dict[str, Any], payload: bytes) -> int:
    """How large a document is that a request opens."""
    with suppress(OSError):
        return os.stat(header["path"]).st_size if header.get("path") else len(payload)
    return 0


def _set_alarm(seconds: float) -> None:
    """Have the system end this process, even within pdfium: the parent may be dead by then. 0 is never."""
    if hasattr(signal, "alarm"):
        signal.alarm(math.ceil(seconds))


def _open(documents: Documents, data: bytes, key: int, path: str | None, password: str | None) -> Reply:
    documents[key] = Document(data, path, password)
    return {"pages": len(documents[key]), "attachments": pdf_attachments.count(documents[key].pdf)}, b""


def _attachments(documents: Documents, _data: bytes, key: int, with_notes: bool) -> Reply:
    document = documents[key]
    found = list(pdf_attachments.of_document(document.pdf))
    for index in range(len(document) if with_notes else 0):
        with suppress(pdfium.PdfiumError), closing(document.pdf[index]) as page:
            found += pdf_attachments.of_page(page, index)
    return {"attachments": found}, b""


def _attachment(documents: Documents, _data: bytes, key: int, place: pdf_attachments.Place) -> Reply:
    return {}, pdf_attachments.content(documents[key].pdf, place)


def _readable_after(documents: Documents, _data: bytes, key: int, number: int) -> Reply:
    """The number of the next page that can be loaded; 0 where none can."""
    document = documents[key]
    document.open_anew()
    for index in range(number, len(document)):
        page = c.FPDF_LoadPage(document.pdf, index)
        if page:
            c.FPDF_ClosePage(page)
            return {"next": index + 1}, b""
    return {"next": 0}, b""


def _close(documents: Documents, _data: bytes, key: int) -> Reply:
    if key in documents:
        documents.pop(key).close()
    return {}, b""


def _draw(
    documents: Documents,
    _data: bytes,
    key: int,
    number: int,
    text: bool,
    max_side: int | None,
    digest_only: bool,
) -> Reply:
    return draw(documents[key], number, text=text, max_side=max_side, digest_only=digest_only)


def _outline(documents: Documents, _data: bytes, key: int, number: int) -> Reply:
    return outline(documents[key], number), b""


_REQUESTS: dict[str, Callable[..., Reply]] = {
    "open": _open,
    "close": _close,
    "draw": _draw,
    "outline": _outline,
    "readable_after": _readable_after,
    "attachments": _attachments,
    "attachment": _attachment,
}
