"""Which documents have come whole, and what became of the pages."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator

from vlm_core.images.reading import is_missing
from vlm_core.jobs.cancellation import NumberedPage
from vlm_core.types import PageResult


class Tally:
    """Counts pages as they come.

    Args:
        chosen: how many pages are read of a document that has so many.

    Example:
        >>> tally = Tally(lambda total: min(total, 2))
        >>> pages = [(0, PageResult(source="a", total_pages=9)), (1, PageResult(source="b", total_pages=1))]
        >>> len(list(tally.counted(pages))), tally.whole, tally.unfinished
        (2, 1, {0: ('a', 1, 2)})
    """

    def __init__(self, chosen: Callable[[int], int] = lambda total: total) -> None:
        self.states: Counter[str] = Counter()
        self.whole = 0
        """Documents of which every page has come."""
        self.missing = 0
        """Documents that do not exist."""
        self.unfinished: dict[int, tuple[str, int, int]] = {}
        """The others: their names, pages that have come, and pages there are to come in all."""
        self.from_journal = 0
        self.cost_usd = 0.0
        self.without_cost = 0
        """Pages that were paid for, without a known cost."""
        self._chosen = chosen
        self._read: set[int] = set()
        """Documents of which some page was read."""

    @property
    def pages(self) -> int:
        """That have come."""
        return self.states.total()

    def counted(self, pages: Iterable[NumberedPage]) -> Iterator[NumberedPage]:
        """The same pages, each counted before it is handed on."""
        for number, page in pages:
            self._count(number, page)
            yield number, page

    @property
    def ended(self) -> int:
        """Documents of which nothing more is to come."""
        return self.whole + self.missing

    def is_whole(self, number: int) -> bool:
        """Whether a document, of which some page has come, lacks none."""
        return number not in self.unfinished

    def has_read(self, number: int | None = None) -> bool:
        """Whether some page of a document, or of any, has come with what was read of it."""
        return bool(self._read) if number is None else number in self._read

    def _count(self, number: int, page: PageResult) -> None:
        if is_missing(page.error):
            self.missing += 1
            return
        self.states[page.state.value] += 1
        if page.text or page.error is None:
            self._read.add(number)
        self.from_journal += page.attempts == 0 and page.error is None
        self.cost_usd += page.cost_usd or 0.0
        self.without_cost += page.cost_usd is None and page.usage is not None
        _, come, _ = self.unfinished.pop(number, ("", 0, 0))
        expected = 1 if page.total_pages is None else self._chosen(page.total_pages)
        if come + 1 < expected:
            self.unfinished[number] = (page.source, come + 1, expected)
        else:
            self.whole += 1
