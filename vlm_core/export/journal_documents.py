"""The pages of a journal as documents, to be looked at."""

from __future__ import annotations

from collections.abc import Iterator

from vlm_core.jobs.journal import Journal
from vlm_core.jobs.journal_rows import JournalPage
from vlm_core.types import DocumentResult, PageResult


def documents_of_journal(journal: Journal) -> Iterator[DocumentResult]:
    """The documents of which a journal has pages, each with those pages, in the order of their numbers.

    Of a page that was read in several ways, it is the reading that was recorded last.

    Args:
        journal: of any job.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from vlm_core import page_key
        >>> with TemporaryDirectory() as folder, Journal(f"{folder}/pages.journal") as journal:
        ...     journal.put(page_key("e774c5ce"), PageResult(text="TOTAL 9.00", source="a.png"))
        ...     [document.source for document in documents_of_journal(journal)]
        ['a.png']
    """
    latest: dict[str, dict[int, tuple[float, PageResult]]] = {}
    for row, result in journal.results():
        pages = latest.setdefault(row.source or "", {})
        stored_at = row.stored_at or 0.0
        if stored_at >= pages.get(row.page_number, (0.0, None))[0]:
            pages[row.page_number] = stored_at, _as_recorded(row, result)
    for source, pages in latest.items():
        ordered = tuple(result for _, (_, result) in sorted(pages.items()))
        yield DocumentResult(source=source, pages=ordered)


def _as_recorded(row: JournalPage, result: PageResult) -> PageResult:
    """A result with what was spent on it in all, and where it was when it was last read."""
    facts = {"source": row.source or "", "page_number": row.page_number or 1, "cost_usd": row.cost_usd}
    return result.model_copy(update=facts)
