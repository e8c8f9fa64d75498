"""Lists of documents and what was found in them, in words for a language model.

Names are a stranger's words as much as pages are: they stand between the same marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from vlm_core.assistant.citations import best_rows, rows_of
from vlm_core.assistant.findings import box_words, with_notes
from vlm_core.assistant.results import Citation, DocumentEntry, DocumentList, TextMatch, TextMatches
from vlm_core.assistant.search_index import IndexedPage, pieces
from vlm_core.assistant.untrusted import MAX_NAME, mark_untrusted, one_line, truncate
from vlm_core.types import Box, PageState, TextLine, rounded, union

LISTED_AT_ONCE = 50
"""Documents in one list."""
NAMED = 5
"""Documents that a note names."""
# Of a page, that are shown.
_ROWS = 3
# The share of what was sought from which a page has most of it.
_MOST = 0.5
_BOXES = "boxes are left, top, right, bottom as fractions of the page"
_STATES = {
    PageState.OK: "read",
    PageState.BLANK: "blank",
    PageState.PARTIAL: "read in part",
    PageState.MISMATCH: "read otherwise than it is printed",
}


# --- lists of documents ---------------------------------------------------------------------------


def list_in_words(found: DocumentList, start: int, notes: Sequence[str]) -> str:
    """A list of documents as a model is shown it.

    Args:
        found: the list, of which the text is not used.
        start: the number of the first one that is shown, from 1.
        notes: what is to be said beside it.
    """
    if not found.documents and found.total_documents:
        past = f"{_counted(found.total_documents)}; the list ends before number {start}."
        return with_notes(past, notes)
    if not found.documents:
        return with_notes("There are no documents here that fit.", notes)
    rows = "\n".join(f"{one_line(entry.name)}: {_kind(entry)}" for entry in found.documents)
    last = start + len(found.documents) - 1
    head = f"{_counted(found.total_documents)}, newest first; these are {start} to {last}."
    return with_notes(f"{head}\n\n{mark_untrusted(rows, 'names of files')}", notes)


def _counted(documents: int) -> str:
    return f"{documents} document{'' if documents == 1 else 's'}"


def _kind(entry: DocumentEntry) -> str:
    """What a document is.

    Example:
        >>> _kind(DocumentEntry("a.pdf", "PDF", 3, {"ok": 2, "failed": 1}, "", 9))
        'PDF, 3 pages, 2 pages read, 1 page failed'
    """
    if entry.problem:
        return f"cannot be read ({entry.problem})"
    pages = "pages not counted" if entry.total_pages is None else _pages(entry.total_pages)
    states = [
        f"{_pages(count)} {_STATES.get(PageState(state), state)}" for state, count in entry.pages.items()
    ]
    return ", ".join([*([entry.kind] if entry.kind else []), pages, *(states or ["not read yet"])])


def _pages(count: int) -> str:
    return f"{count} page{'' if count == 1 else 's'}"


# --- what was found in documents ------------------------------------------------------------------


class Searched(NamedTuple):
    """How far a search came."""

    documents: int
    """That were looked through."""
    unread: Sequence[str]
    """Names of those that were not, or not whole."""
    long: Sequence[str]
    """Pages that no search reads, each with its document."""
    failed: Mapping[str, str]
    """Names of those that cannot be read, each with the reason."""
    is_read_on: bool
    """Whether the same search reads on."""
    notes: Sequence[str] = ()
    """What else is to be said."""


def found_in(query: str, pages: Sequence[IndexedPage], searched: Searched, max_chars: int) -> TextMatches:
    """What was found in documents, best first.

    Args:
        query: what was sought.
        pages: on which it was found.
        searched: how far the search came.
        max_chars: of the documents' words.
    """
    matches = tuple(_match(query, page) for page in pages)
    notes = _notes(searched)
    return TextMatches(
        text=_in_words(query, matches, pages, notes, max_chars),
        matches=matches,
        citations=tuple(
            Citation(match.source, match.page, page.total_pages, match.boxes)
            for match, page in zip(matches, pages, strict=True)
        ),
        notes=tuple(notes),
    )


def _match(query: str, page: IndexedPage) -> TextMatch:
    text, boxes = _place(query, page.lines)
    name = page.document[0]
    return TextMatch(name, page.number, text, boxes if page.has_boxes else (), round(page.share, 4))


def _place(query: str, lines: Sequence[TextLine]) -> tuple[str, tuple[Box, ...]]:
    """The rows that have most to do with a query, and a box around each of them."""
    rows = [row for _, row in best_rows([(0, row) for row in rows_of(lines)], query, _ROWS, pieces)]
    text = " / ".join(" ".join(line.text for line in row) for row in rows)
    return text, tuple(rounded(union([line.bbox for line in row])) for row in rows)


def _in_words(
    query: str, matches: Sequence[TextMatch], pages: Sequence[IndexedPage], notes: list[str], max_chars: int
) -> str:
    if not matches:
        return with_notes(f'Nothing was found for "{one_line(query)}".', notes)
    rows = [
        f"{one_line(m.source)}, page {m.page} of {page.total_pages}, {box_words(m.boxes)}: "
        f"{one_line(m.text, 200)}"
        for m, page in zip(matches, pages, strict=True)
    ]
    shown, _ = truncate("\n".join(rows), max_chars)
    head = f"{_pages(len(matches))} may fit, best first; {_BOXES}."
    if matches[0].likeness < _MOST:
        head = f"No page has most of these words. {head}"
    return with_notes(f"{head}\n\n{mark_untrusted(shown, 'lines of documents')}", notes)


def _notes(searched: Searched) -> list[str]:
    head = f"Looked through: {_counted(searched.documents)}."
    return [head, *_unread(searched), *_long(searched.long), *_failed(searched.failed), *searched.notes]


def _unread(searched: Searched) -> list[str]:
    if not searched.unread:
        return []
    count = len(searched.unread)
    how = (
        "Call search_documents again to read on" if searched.is_read_on else "Only what was read is searched"
    )
    return [
        f"Not looked through yet: {_counted(count)} ({_names(searched.unread)}). "
        f'{how}, or read one with read_image(image="...").'
    ]


def _long(pages: Sequence[str]) -> list[str]:
    if not pages:
        return []
    named = "; ".join(pages[:NAMED]) + _more(len(pages))
    return [f'Too long for a search to read: {named}. Read such a page with read_image(image="...", page=n).']


def _failed(failed: Mapping[str, str]) -> list[str]:
    if not failed:
        return []
    named = [f"{one_line(name)}: {one_line(reason, 200)}" for name, reason in list(failed.items())[:NAMED]]
    return [f"Could not be read: {_counted(len(failed))} ({'; '.join(named)}{_more(len(failed))})."]


def _names(names: Iterable[str]) -> str:
    every = list(names)
    return ", ".join(one_line(name, MAX_NAME) for name in every[:NAMED]) + _more(len(every))


def _more(count: int) -> str:
    return f" and {count - NAMED} more" if count > NAMED else ""
