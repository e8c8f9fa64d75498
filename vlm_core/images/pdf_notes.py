"""Notes of a PDF page that bring no picture of themselves: what they say is all that there is of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import pypdfium2 as pdfium
import pypdfium2.raw as c

from .pdf_forms import UNSEEN, box_of, holds
from .pdf_layout import Box
from .pdf_text import Char, Style, space

# A form and a link show something else than their note, and warnings name attachments already.
_OTHERS = (
    c.FPDF_ANNOT_LINK,
    c.FPDF_ANNOT_POPUP,
    c.FPDF_ANNOT_WIDGET,
    c.FPDF_ANNOT_FILEATTACHMENT,
    c.FPDF_ANNOT_REDACT,
)
_TOLD = 80  # characters of a note that a warning repeats


class Note(NamedTuple):
    """A note without an appearance: what it says, and where it is in points."""

    text: str
    box: Box
    number: int
    """Of the annotation on its page."""
    is_writing: bool
    """Whether it stands on the page to be read; the others are comments on something drawn."""


def notes_of(page: pdfium.PdfPage) -> list[Note]:
    """The visible notes of a page that have a text and no appearance, before pdfium gives them one."""
    return list(_notes(page))


def _notes(page: pdfium.PdfPage) -> Iterator[Note]:
    for index in range(c.FPDFPage_GetAnnotCount(page)):
        with _annotation(page, index) as note:
            kind = c.FPDFAnnot_GetSubtype(note)
            is_seen = kind not in _OTHERS and not c.FPDFAnnot_GetFlags(note) & UNSEEN
            if is_seen and not c.FPDFAnnot_HasKey(note, b"AP") and (text := _contents(note).strip()):
                yield Note(text, box_of(note), index, kind == c.FPDF_ANNOT_FREETEXT)


def undrawn(page: pdfium.PdfPage, notes: Sequence[Note]) -> list[Note]:
    """Those of a page's notes that pdfium has given no appearance, and writing, which it may draw in part.

    Args:
        page: it has been drawn since the notes were found.
        notes: as `notes_of` gives them.
    """
    return [note for note in notes if note.is_writing or not _has_appearance(page, note)]


def _has_appearance(page: pdfium.PdfPage, note: Note) -> bool:
    with _annotation(page, note.number) as raw:
        return bool(c.FPDFAnnot_HasKey(raw, b"AP"))


@contextmanager
def _annotation(page: pdfium.PdfPage, index: int) -> Iterator[Any]:
    annotation = c.FPDFPage_GetAnnot(page, index)
    try:
        yield annotation
    finally:
        c.FPDFPage_CloseAnnot(annotation)


def _contents(note: Any) -> str:
    count = c.FPDFAnnot_GetStringValue(note, b"Contents", None, 0)
    text = (c.FPDF_WCHAR * (count // 2))()
    c.FPDFAnnot_GetStringValue(note, b"Contents", text, count)
    return bytes(text).decode("utf-16-le", "replace").rstrip("\0")


def unread_writing(notes: Sequence[Note], chars: Sequence[Char]) -> list[Note]:
    """The writing that pdfium did not draw, or not all of it, as where its font lacks the letters.

    Args:
        notes: of the page.
        chars: what was drawn.
    """
    return [note for note in notes if note.is_writing and _drawn(note, chars) != "".join(note.text.split())]


def _drawn(note: Note, chars: Sequence[Char]) -> str:
    return "".join(char.text for char in chars if holds(note.box, char))


def as_chars(notes: Sequence[Note]) -> Iterator[Char]:
    """Writing as characters, a line of a note one of them, on lines of equal height."""
    for note in notes:
        left, bottom, right, top = note.box
        rows = note.text.splitlines()
        height = (top - bottom) / len(rows)
        for number, row in enumerate(rows):
            if row.strip():
                low = top - (number + 1) * height
                yield from (space(), Char(row, (left, low, right, low + height), (left, low), Style(height)))


def warnings_of(notes: Sequence[Note]) -> list[str]:
    """What must be said of notes that can neither be seen nor read."""
    return [f"a note that has no appearance is not drawn: {_cut(note.text)!r}" for note in notes]


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _TOLD else text[: _TOLD - 1] + "…"
