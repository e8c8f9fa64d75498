"""Results as words for a language model: whole where they are short, else cut, and saying so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vlm_core.assistant.untrusted import mark_untrusted, one_line, truncate
from vlm_core.types import PageResult, PageState

_NO_WORDS = {
    PageState.OK: "no text was found",
    PageState.PARTIAL: "what stands on it could not be read",
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
    told: list[str] = []
    left_out: list[PageResult] = []
    notes: list[str] = []
    for page in pages:
        if page.text.strip() and most <= 0:
            left_out.append(page)
            continue
        kept, behind = truncate(page.text, most)
        most -= len(kept)
        told.append(_text_of(page, kept))
        if behind:
            notes.append(f"The text of {place(page)} is cut: {behind} more characters are not shown.")
    return "\n\n".join(told), [*notes, *_left_out(left_out)]


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


def with_notes(text: str, notes: Iterable[str]) -> str:
    """A text with what is to be said of it behind."""
    return "\n\n".join(part for part in (text, "\n".join(dict.fromkeys(notes))) if part)
