"""What was found, in words for a language model: texts of pages, places of a text, lists of pages.

Where all of it is too long it is cut, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from itertools import chain, islice

from vlm_core.assistant.library import Document, OnProgress
from vlm_core.assistant.results import Citation, PageEntry, PageList, PageReference, TextMatch, TextMatches
from vlm_core.assistant.text_matching import MARGIN, find
from vlm_core.assistant.untrusted import mark_untrusted, one_line, truncate
from vlm_core.errors import InputError
from vlm_core.types import Box, PageResult, PageState, TextLine

_NO_WORDS = {
    PageState.OK: "no text was found",
    PageState.PARTIAL: "what stands on it could not be read",
    PageState.MISMATCH: "what was read is not on it",
    PageState.BLANK: "it is blank",
    PageState.REFUSED: "the model refused to read it",
    PageState.SKIPPED_BUDGET: "it was not read, since the budget is spent",
}


def place(page: PageResult) -> str:
    """What a page is called.

    Example:
        >>> place(PageResult(source="a.pdf", page_number=2, total_pages=3))
        'a.pdf, page 2 of 3'
    """
    of = f" of {page.total_pages}" if page.total_pages else ""
    return f"{one_line(page.source)}, page {page.page_number}{of}"


def numbered(numbers: Sequence[int]) -> str:
    """Page numbers as a sentence has them, runs as such.

    Example:
        >>> numbered([1, 2, 3, 7]), numbered([4])
        ('pages 1-3, 7', 'page 4')
    """
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    named = ", ".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)
    return f"page{'s' if len(set(numbers)) > 1 else ''} {named}"


def texts_of(pages: Iterable[PageResult], most: int) -> tuple[str, list[str]]:
    """The texts of pages between marks, and what is left out of them.

    Args:
        pages: as they were read.
        most: characters of the documents' words altogether.

    Example:
        >>> texts_of([PageResult(source="a.png", state="blank", total_pages=1)], 100)
        ('a.png, page 1 of 1: it is blank.', [])
    """
    parts: list[str] = []
    left_out: list[PageResult] = []
    notes: list[str] = []
    for page in pages:
        if page.text.strip() and most <= 0:
            left_out.append(page)
            continue
        shown, behind = truncate(page.text, most)
        most -= len(shown)
        parts.append(_text_of(page, shown))
        if behind:
            notes.append(f"The text of {place(page)} is cut: {behind} more characters are not shown.")
    return "\n\n".join(parts), [*notes, *_left_out(left_out)]


def _text_of(page: PageResult, text: str) -> str:
    if text.strip():
        return mark_untrusted(text, f"text of {place(page)}")
    return f"{place(page)}: {_why_empty(page)}."


def _why_empty(page: PageResult) -> str:
    if page.error is not None:
        return f"it could not be read: {one_line(str(page.error), 300).rstrip('.')}"
    return _NO_WORDS.get(page.state, "no text was found")


def _left_out(pages: Sequence[PageResult]) -> list[str]:
    if not pages:
        return []
    numbers = numbered([page.page_number for page in pages])
    return [f"The text of {numbers} is left out, for there is too much: ask for one page at a time."]


def warnings_of(pages: Iterable[PageResult]) -> list[str]:
    """What the engine had to say of pages."""
    return [f"{place(page)}: {one_line(warning, 300)}." for page in pages for warning in page.warnings]


def changes_of(documents: Iterable[Document]) -> list[str]:
    """What is to be said of documents that were others when they were first looked at."""
    return [
        f"{one_line(document.name)} has changed since it was first looked at: this is what it holds now."
        for document in documents
        if document.has_changed
    ]


def with_notes(text: str, notes: Iterable[str]) -> str:
    """A text with what is to be said of it behind."""
    return "\n\n".join(part for part in (text, "\n".join(dict.fromkeys(notes))) if part)


# --- places of a text -----------------------------------------------------------------------------

MOST_PLACES_SHOWN = 50
"""Places that are given."""
MOST_COMPARED = 10_000
"""Places on all pages, of which the best are given."""


def find_on_pages(
    text: str, pages: Sequence[PageResult], notes: Sequence[str], max_chars: int
) -> TextMatches:
    """Look for a text on pages.

    Args:
        text: what is sought.
        pages: as they were read.
        notes: what is to be said beside it.
        max_chars: of the documents' words.
    """
    places = list(islice(chain.from_iterable(_on_page(text, page) for page in pages), MOST_COMPARED))
    best = max((place.likeness for place in places), default=0.0)
    ranked = sorted((p for p in places if p.likeness >= best - MARGIN), key=lambda p: -p.likeness)
    more = [*_too_many(len(ranked)), *notes, *_unsearched(pages)]
    return TextMatches(
        text=_places_in_words(text, ranked[:MOST_PLACES_SHOWN], more, max_chars),
        matches=tuple(ranked[:MOST_PLACES_SHOWN]),
        citations=_citations(ranked[:MOST_PLACES_SHOWN], pages),
        images=tuple(PageReference(p.source, p.page_number, p.sha256) for p in pages),
        notes=tuple(more),
    )


def _on_page(text: str, page: PageResult) -> list[TextMatch]:
    """The places on a page; without boxes where those of its lines are not known, as a model may leave it."""
    rows = [TextLine(text=row, bbox=(0.0, 0.0, 1.0, 1.0)) for row in page.text.splitlines()]
    return [
        TextMatch(
            page.source, page.page_number, place.text, place.boxes if page.lines else (), place.likeness
        )
        for place in find(text, page.lines or rows)
    ]


def _too_many(count: int) -> list[str]:
    return (
        [f"Only the best {MOST_PLACES_SHOWN} of {count} places are shown."]
        if count > MOST_PLACES_SHOWN
        else []
    )


def _unsearched(pages: Sequence[PageResult]) -> list[str]:
    """What of the pages could not be looked through."""
    failed = [page for page in pages if page.state not in (PageState.OK, PageState.BLANK)]
    unplaced = [page for page in pages if page.text.strip() and not page.lines]
    return [
        *(f"Page {page.page_number} could not be read whole ({page.state})." for page in failed),
        *(f"Page {page.page_number} was read without the places of its lines." for page in unplaced),
    ]


def _citations(matches: Sequence[TextMatch], pages: Sequence[PageResult]) -> tuple[Citation, ...]:
    cited: list[Citation] = []
    for page in pages:
        here = [match for match in matches if match.page == page.page_number]
        boxes = tuple(box for match in here for box in match.boxes)
        if here:
            cited.append(Citation(page.source, page.page_number, page.total_pages, boxes))
    return tuple(cited)


def _places_in_words(text: str, matches: Sequence[TextMatch], notes: Sequence[str], max_chars: int) -> str:
    sought = one_line(text)
    if not matches:
        return with_notes(f'"{sought}" was not found.', notes)
    rows = [f"page {m.page}, {box_words(m.boxes)}: {one_line(m.text)}" for m in matches]
    shown, _ = truncate("\n".join(rows), max_chars)
    count = "1 place" if len(matches) == 1 else f"{len(matches)} places"
    head = f'"{sought}" was found at {count}, best first; boxes are left, top, right, bottom as fractions.'
    return with_notes(f"{head}\n\n{mark_untrusted(shown, f'lines of {matches[0].source}')}", notes)


def box_words(boxes: Sequence[Box]) -> str:
    """Where something stands.

    Example:
        >>> box_words([(0.1, 0.2, 0.3, 0.4)])
        '(0.100, 0.200, 0.300, 0.400)'
    """
    return (
        " and ".join(f"({x0:.3f}, {y0:.3f}, {x1:.3f}, {y1:.3f})" for x0, y0, x1, y1 in boxes)
        or "place unknown"
    )


# --- lists of pages -------------------------------------------------------------------------------

FIRST_WORDS = 80
"""Characters of a page's own text that are shown."""
LISTING_SECONDS = 5.0
"""For which pages are looked at."""


def list_document(
    document: Document, max_pages: int, max_chars: int, on_progress: OnProgress | None
) -> PageList:
    """List the pages of a document, none of which is drawn or decoded.

    Args:
        document: an open one.
        max_pages: that are looked at.
        max_chars: of the documents' words.
        on_progress: is called after each page.

    Raises:
        InputError: none of them can be had.
    """
    numbers = range(1, min(document.total_pages, max_pages) + 1)
    entries: list[PageEntry] = []
    problems: list[InputError] = []
    until = time.monotonic() + LISTING_SECONDS
    for number in numbers:
        if entries and time.monotonic() > until:
            break
        try:
            entries.append(_entry(number, *document.outline(number)))
        except InputError as error:
            problems.append(error)
            entries.append(PageEntry(number, 0, 0, has_text=False, problem=one_line(str(error), 300)))
        if on_progress is not None:
            on_progress(number, len(numbers), f"{one_line(document.name)}, page {number}")
    if len(problems) == len(entries):
        raise problems[0]
    notes = _notes(document, len(entries))
    return PageList(
        text=_list_in_words(document, entries, notes, max_chars),
        pages=tuple(entries),
        total_pages=document.total_pages,
        citations=tuple(Citation(document.name, entry.page, document.total_pages) for entry in entries),
        notes=tuple(notes),
    )


def _entry(number: int, width: int, height: int, words: str) -> PageEntry:
    return PageEntry(number, width, height, has_text=bool(words), first_words=one_line(words, FIRST_WORDS))


def _notes(document: Document, shown: int) -> list[str]:
    told = changes_of([document])
    if shown == document.total_pages:
        return told
    others = numbered(range(shown + 1, document.total_pages + 1))
    return [*told, f"Not listed here: {others}. They can be read by their numbers."]


def _list_in_words(document: Document, entries: list[PageEntry], notes: list[str], max_chars: int) -> str:
    count = f"{document.total_pages} page{'s' if document.total_pages > 1 else ''}"
    head = f"{one_line(document.name)} has {count}."
    sizes = "\n".join(f"Page {entry.page}: {_kind(entry)}" for entry in entries)
    begins = [f"{entry.page}: {entry.first_words}" for entry in entries if entry.first_words]
    shown, _ = truncate("\n".join(begins), max_chars)
    first = mark_untrusted(shown, f"first words of the pages of {document.name}") if begins else ""
    return with_notes("\n\n".join(part for part in (head, sizes, first) if part), notes)


def _kind(entry: PageEntry) -> str:
    if entry.problem:
        return f"cannot be read: {entry.problem}"
    kind = "with text in the file" if entry.has_text else "a picture"
    return f"{entry.width} x {entry.height} pixels, {kind}"
