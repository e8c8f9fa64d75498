"""Pages that were read and not handed on, for they have no text or a doubtful one: what a warning says."""

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


def listed(pages: Sequence[EmptyPage | LowScorePage]) -> str:
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


class LowScorePage(NamedTuple):
    """A page that was read, and less surely than was asked for."""

    source: str
    page_number: int
    score: float

    def __str__(self) -> str:
        return f"{self.source} page {self.page_number} ({self.score:.2f})"


class LowScoreWarning(UserWarning):
    """Some pages were left out because their score is below `min_score`: `pages` are all of them.

    Example:
        >>> print(LowScoreWarning([LowScorePage("a.tif", 2, 0.41)], min_score=0.8))
        Left out for a score below min_score=0.8: a.tif page 2 (0.41). on_page=... sees them.
    """

    def __init__(self, pages: Collection[LowScorePage], min_score: float) -> None:
        self.pages = tuple(pages)
        self.min_score = min_score
        super().__init__(self.pages, min_score)

    def __str__(self) -> str:
        left_out = f"Left out for a score below min_score={self.min_score:g}: {listed(self.pages)}"
        return f"{left_out}. on_page=... sees them."
