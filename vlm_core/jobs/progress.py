"""How far a job is: pages, time left and failures, on a terminal or wherever it is asked for."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from vlm_core.types import PageResult

_logger = logging.getLogger("vlm_core")


class Progress:
    """Shows nothing; files that are passed over are logged (logger "vlm_core", level INFO)."""

    def expect(self, pages: int) -> None:
        """So many pages more are to come."""

    def delivered(self, result: PageResult) -> None:
        """A page's result was handed on."""

    def skipped(self, name: str, reason: str) -> None:
        """A file of a directory is no document."""
        _logger.info("passed over %s: %s", name, reason)


class _Bar(Progress):
    def __init__(self, bar: Any, budget_usd: float | None) -> None:
        self._bar = bar
        self._counts = {"failed": 0, "skipped": 0}
        self._budget_usd = budget_usd
        self._spent_usd = 0.0

    def expect(self, pages: int) -> None:
        self._bar.total = (self._bar.total or 0) + pages
        self._bar.refresh()

    def delivered(self, result: PageResult) -> None:
        self._bar.update()
        self._spent_usd += result.cost_usd or 0.0
        if result.error is not None:
            self._counts["failed"] += 1
        if result.error is not None or result.cost_usd:
            self._show()

    def skipped(self, name: str, reason: str) -> None:
        super().skipped(name, reason)
        self._bar.write(f"passed over {name}: {reason}", file=sys.stderr)
        self._counts["skipped"] += 1
        self._show()

    def _show(self) -> None:
        told: dict[str, Any] = {name: count for name, count in self._counts.items() if count}
        if self._spent_usd or self._budget_usd is not None:
            told["spent"] = f"${self._spent_usd:.4f}"
        if self._budget_usd is not None:
            told["left"] = f"${max(0.0, self._budget_usd - self._spent_usd):.4f}"
        self._bar.set_postfix(told)


@contextmanager
def show_progress(wanted: bool | Literal["auto"], budget_usd: float | None = None) -> Iterator[Progress]:
    """A progress bar on standard error.

    Args:
        wanted: True shows it, False does not, "auto" does on a terminal.
        budget_usd: of the job; what is left of it is shown.

    Example:
        >>> with show_progress(False) as bar:
        ...     bar.expect(3)
    """
    if wanted is False or (wanted == "auto" and not sys.stderr.isatty()):
        yield Progress()
        return
    from tqdm import tqdm

    with tqdm(total=0, unit="page", dynamic_ncols=True) as bar:
        yield _Bar(bar, budget_usd)
