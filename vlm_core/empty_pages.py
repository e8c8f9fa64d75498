"""Pages that were read and have no text: what a warning says of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from vlm_core.types import PageResult, PageState

_SHOWN = 20


class EmptyPage(NamedTuple):
    """A page that was read and has no text."""

    source: str
    page_number: int
    state: PageState
    reason: str = ""
    """What went wrong, if something did."""

    @classmethod
    def of(cls, page: PageResult) -> EmptyPage:
        """What is to be remembered of a page's result, which holds much more."""
        message = "" if page.error is None else str(page.error).rstrip(".")
        reason = message.removeprefix(page.source).lstrip(": ")  # it begins with the source as a rule
        return cls(page.source, page.page_number, page.state, reason)

    def __str__(self) -> str:
        state = "no text found" if self.state is PageState.OK else self.state.value
        return f"{self.source} page {self.page_number} ({state}{self.reason and ': '}{self.reason})"


def listed(pages: Sequence[EmptyPage]) -> str:
    """Pages as a message has them; a long list is cut."""
    shown = [str(page) for page in pages[:_SHOWN]]
    more = [f"and {len(pages) - _SHOWN} more"] if len(pages) > _SHOWN else []
    return "; ".join(shown + more)


class EmptyPagesWarning(UserWarning):
    """Some pages have no text to search: `pages` are all of them, failed ones before blank ones.

    Example:
        >>> print(EmptyPagesWarning([EmptyPage("a.tif", 2, PageState.BLANK)]))
        No text on a.tif page 2 (blank). Pass empty_pages=True to get empty documents for these.
    """

    def __init__(self, pages: Collection[EmptyPage]) -> None:
        self.pages = tuple(sorted(pages, key=lambda page: page.state is PageState.BLANK))
        super().__init__(self.pages)

    def __str__(self) -> str:
        return f"No text on {listed(self.pages)}. {self._advice()}"

    def _advice(self) -> str:
        if any(page.state is PageState.FAILED for page in self.pages):
            return "on_page=... sees their errors, on_error='raise' raises the first."
        return "Pass empty_pages=True to get empty documents for these."
