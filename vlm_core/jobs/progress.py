"""How far a job is: pages, time left and failures, on a terminal or wherever it is asked for."""

from __future__ import annotations

import logging
import sys
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from vlm_core.types import PageResult, PageState

if TYPE_CHECKING:
    from vlm_core.images.sources import Source

_logger = logging.getLogger("vlm_core")
_ONE_EACH = (str, bytes, bytearray, memoryview)
_OF_DOCUMENTS = "{percentage:3.0f}%|{bar}| {desc} [{elapsed}<{remaining}{postfix}]"


class Progress:
    """Shows nothing; files that are passed over are logged (logger "vlm_core", level INFO)."""

    def counted(self, sources: object, documents: Iterable[Source]) -> Iterable[Source]:
        """The documents behind the sources, perhaps counted first.

        Args:
            sources: as they were given.
            documents: behind them.
        """
        return documents

    def expect(self, pages: int) -> None:
        """The next document was opened, and so many of its pages are to come."""

    def expect_fewer(self, pages: int) -> None:
        """So many of the pages that were expected last do not come."""

    def delivered(self, result: PageResult) -> None:
        """A page's result was handed on."""

    def skipped(self, name: str, reason: str) -> None:
        """A file of a directory is not a document."""
        _logger.info("passed over %s: %s", name, reason)


class _Bar(Progress):
    """A bar over the pages of one document, or over documents where there are several.

    How many pages several documents have is not known before each of them is opened. Their number is,
    unless they come from an iterator: then there is neither a percentage nor an end in sight.
    """

    def __init__(self, bar: Any, budget_usd: float | None) -> None:
        self._bar = bar
        self._counts = {"failed": 0, "partial": 0, "skipped": 0}
        self._budget_usd = budget_usd
        self._spent_usd = 0.0
        self._documents: int | None = None
        self._sizes: deque[int] = deque()
        """Pages of the documents that were opened and have not ended."""
        self._ended = 0
        self._pages = 0
        self._pages_of_ended = 0

    def counted(self, sources: object, documents: Iterable[Source]) -> Iterable[Source]:
        if not is_countable(sources):
            return documents
        documents = list(documents)
        self._documents = len(documents)
        if self._documents > 1:
            self._bar.bar_format = _OF_DOCUMENTS
            self._bar.total = self._documents
            self._describe()
            self._bar.refresh()
        return documents

    def expect(self, pages: int) -> None:
        self._sizes.append(pages)
        if self._documents == 1:
            self._bar.total = pages
            self._bar.refresh()

    def expect_fewer(self, pages: int) -> None:
        self._sizes[-1] -= pages
        if self._documents == 1:
            self._bar.total = self._sizes[-1]
            self._bar.refresh()

    def delivered(self, result: PageResult) -> None:
        self._pages += 1
        if self._pages - self._pages_of_ended >= self._sizes[0]:
            self._pages_of_ended += self._sizes.popleft()
            self._ended += 1
        if self._documents is not None and self._documents > 1:
            self._describe()
            self._bar.update(self._position() - self._bar.n)
        else:
            self._bar.update()
        self._spent_usd += result.cost_usd or 0.0
        is_partial = result.state in (PageState.PARTIAL, PageState.MISMATCH)
        self._counts["failed"] += result.error is not None
        self._counts["partial"] += is_partial
        if result.error is not None or is_partial or result.cost_usd:
            self._show()

    def skipped(self, name: str, reason: str) -> None:
        super().skipped(name, reason)
        self._bar.write(f"passed over {name}: {reason}", file=sys.stderr)
        self._counts["skipped"] += 1
        self._show()

    def _position(self) -> float:
        """Documents that have ended, and the part of the next one."""
        begun = self._pages - self._pages_of_ended
        return self._ended + (begun / self._sizes[0] if begun else 0.0)

    def _describe(self) -> None:
        description = f"{self._ended}/{self._documents} documents, {self._pages} pages"
        self._bar.set_description_str(description, refresh=False)

    def _show(self) -> None:
        figures: dict[str, object] = {name: count for name, count in self._counts.items() if count}
        if self._spent_usd or self._budget_usd is not None:
            figures["spent"] = f"${self._spent_usd:.4f}"
        if self._budget_usd is not None:
            figures["left"] = f"${max(0.0, self._budget_usd - self._spent_usd):.4f}"
        self._bar.set_postfix(figures)


def is_countable(sources: object) -> bool:
    """Whether documents can be counted before they are read, without using up what gives them.

    Example:
        >>> is_countable(["scans", b"GIF89a"]), is_countable(iter(["scans"]))
        (True, False)
    """
    if isinstance(sources, _ONE_EACH) or callable(getattr(sources, "read", None)):
        return True
    if isinstance(sources, Collection):
        return all(map(is_countable, sources))
    return not isinstance(sources, Iterable)


@contextmanager
def show_progress(shown: bool | Literal["auto"], budget_usd: float | None = None) -> Iterator[Progress]:
    """A progress bar on standard error.

    Args:
        shown: True shows it, False does not, "auto" does on a terminal.
        budget_usd: of the job; what is left of it is shown.

    Example:
        >>> with show_progress(False) as bar:
        ...     bar.expect(3)
    """
    if shown is False or (shown == "auto" and not sys.stderr.isatty()):
        yield Progress()
        return
    from tqdm import tqdm

    with tqdm(unit="page", dynamic_ncols=True) as bar:
        yield _Bar(bar, budget_usd)
