"""The pages of a document, as they are before anything is read."""

from __future__ import annotations

from vlm_core.assistant.formatting import numbered, with_notes
from vlm_core.assistant.library import Document, OnProgress
from vlm_core.assistant.results import Citation, PageEntry, PageList
from vlm_core.assistant.untrusted import mark_untrusted, one_line, truncate
from vlm_core.errors import InputError
from vlm_core.types import PageImage

FIRST_WORDS = 80
"""Characters of a page's own text that are shown."""


def listed(document: Document, max_pages: int, max_chars: int, on_progress: OnProgress | None) -> PageList:
    """List the pages of a document.

    Args:
        document: an open one.
        max_pages: that are looked at.
        max_chars: of the documents' words.
        on_progress: is told of each page.

    Raises:
        InputError: none of them can be had.
    """
    numbers = range(1, min(document.total_pages, max_pages) + 1)
    entries: list[PageEntry] = []
    problems: list[InputError] = []
    for number in numbers:
        try:
            entries.append(_entry(document.page(number)))
        except InputError as error:
            problems.append(error)
            entries.append(PageEntry(number, 0, 0, has_text=False, problem=one_line(str(error), 300)))
        if on_progress is not None:
            on_progress(number, len(numbers), f"{one_line(document.name)}, page {number}")
    if len(problems) == len(entries):
        raise problems[0]
    notes = _notes(document, len(numbers))
    return PageList(
        text=_told(document, entries, notes, max_chars),
        pages=tuple(entries),
        total_pages=document.total_pages,
        citations=tuple(Citation(document.name, number, document.total_pages) for number in numbers),
        notes=tuple(notes),
    )


def _entry(page: PageImage) -> PageEntry:
    lines = page.text_layer.lines if page.text_layer else ()
    words = one_line(" ".join(line.text for line in lines[:FIRST_WORDS]), FIRST_WORDS)
    return PageEntry(page.page_number, page.width, page.height, has_text=bool(lines), first_words=words)


def _notes(document: Document, shown: int) -> list[str]:
    if shown == document.total_pages:
        return []
    rest = numbered(range(shown + 1, document.total_pages + 1))
    return [f"Not listed here: {rest}. They can be read by their numbers."]


def _told(document: Document, entries: list[PageEntry], notes: list[str], max_chars: int) -> str:
    count = f"{document.total_pages} page{'s' if document.total_pages > 1 else ''}"
    head = f"{one_line(document.name)} has {count}."
    begins = [f"{entry.page}: {entry.first_words}" for entry in entries if entry.first_words]
    kept, _ = truncate("\n".join(begins), max_chars)
    first = mark_untrusted(kept, f"first words of the pages of {document.name}") if begins else ""
    return with_notes("\n\n".join(part for part in (head, _sizes(entries), first) if part), notes)


def _sizes(entries: list[PageEntry]) -> str:
    return "\n".join(f"Page {entry.page}: {_kind(entry)}" for entry in entries)


def _kind(entry: PageEntry) -> str:
    if entry.problem:
        return f"cannot be read: {entry.problem}"
    kind = "with text in the file" if entry.has_text else "a picture"
    return f"{entry.width} x {entry.height} pixels, {kind}"
