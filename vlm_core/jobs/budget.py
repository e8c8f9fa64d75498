"""What a job spends, and what the journal saves it: asked before each page, told after it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.errors import AuthenticationFailed, BudgetExceeded, MissingKeyError, VLMError
from vlm_core.ocr.engine import OCREngine
from vlm_core.types import PageImage, PageResult, PageState, Usage

if TYPE_CHECKING:
    from vlm_core.jobs.journal import Journal

Identity: TypeAlias = Mapping[str, Any]
# What is wrong with one page's request is wrong with all.
_NO_ACCESS = (AuthenticationFailed, MissingKeyError)
_LONGEST_READING_SECONDS = 3600.0
# Of a budget; ten times $0.01 are less than $0.10 in floating point.
_ALL_BUT_ROUNDING = 1 - 1e-9


class JobBudget:
    """The money of one job, and the end that a refused key puts to it.

    Args:
        budget_usd: once so much is spent, further pages are skipped; those in flight are not.

    Example:
        >>> budget = JobBudget(0.01)
        >>> budget.spend(PageResult(cost_usd=0.01))
        >>> budget.end_for(PageImage(pixels=b"", width=0, height=0, source="a.png")).message
        'a.png, page 1 was not read: $0.0100 of $0.0100 are spent'
    """

    def __init__(self, budget_usd: float | None = None) -> None:
        self.budget_usd = budget_usd
        self.spent_usd = 0.0
        self._end: VLMError | None = None
        self._lock = Lock()

    def end_for(self, page: PageImage) -> VLMError | None:
        """Why a page is not read; None where it is."""
        if self._end is not None:
            # A copy for each page: the error is changed on its way to the page's result.
            end = copy.copy(self._end)
            end.page = page.page_number
            return end
        if not self.is_spent:
            return None
        return BudgetExceeded(
            f"{page.source or 'the picture'}, page {page.page_number} was not read: "
            f"${self.spent_usd:.4f} of ${self.budget_usd:.4f} are spent",
            page=page.page_number,
        )

    @property
    def is_spent(self) -> bool:
        """Whether nothing more may be asked for."""
        limit = self.budget_usd
        return self._end is not None or (limit is not None and self.spent_usd >= limit * _ALL_BUT_ROUNDING)

    def is_ended_by(self, error: VLMError) -> bool:
        """Whether an error ends the job: then no further page is sent."""
        if not isinstance(error, _NO_ACCESS):
            return False
        # A copy, whose traceback does not hold the page's frames.
        self._end = copy.copy(error)
        return True

    def spend(self, result: PageResult) -> None:
        """Add what a page has cost. A cost that is not known ends a job with a budget."""
        # Pages end on several threads, and += is not one step.
        with self._lock:
            self.spent_usd += result.cost_usd or 0.0
            if self.budget_usd is not None and result.cost_usd is None and result.usage is not None:
                self._end = BudgetExceeded(
                    f"what a page costs at {result.provider}:{result.model} is not known, so that no budget "
                    "can be kept",
                    hint="Register the model's price with a ModelProfile, or leave out budget_usd=...",
                )


class JobJournal:
    """The journal as one job uses it: what its engine has read for its task. It may have none.

    Args:
        journal: pages that stand there are not read again.
        engine: what reads the pages.
        task: what the text is to look like.
        wait: blocks for so many seconds, while another process reads a page. An error that it raises ends
            the waiting.
        is_complete: whether all that the job wants is on a result; others are known only once their page is
            there.

    Example:
        >>> from vlm_core.ocr.local import LocalEngine
        >>> JobJournal(None, LocalEngine("text"), "text").is_kept
        False
    """

    def __init__(
        self,
        journal: Journal | None,
        engine: OCREngine,
        task: str,
        wait: Callable[[float], object] = time.sleep,
        is_complete: Callable[[PageResult], bool] = lambda result: True,
    ) -> None:
        self._is_complete = is_complete
        self._journal = journal
        self._engine = engine
        self._task = task
        self._wait = wait

    @property
    def is_kept(self) -> bool:
        """Whether there is a journal."""
        return self._journal is not None

    def known(self, sha256: str) -> PageResult | None:
        """What the journal has of a picture, by any route, where that is all the job wants."""
        found = self._find(sha256, self._keys_of(sha256)) if self.is_kept else None
        return found if found is None or self._is_complete(found) else None

    @contextmanager
    def claim(self, page: PageImage) -> Iterator[PageResult | None]:
        """Hold a page while it is read; see `Journal.claim`. The result, where the journal has it."""
        if self._journal is None:
            yield None
            return
        first, *others = self._keys_of(page.sha256)
        with self._journal.claim(first, _LONGEST_READING_SECONDS, wait=self._wait) as known:
            yield _as_read(known, page.sha256) if known else self._find(page.sha256, others)

    def put(self, page: PageImage, result: PageResult) -> None:
        """Record a result with the route that gave it, where it is worth keeping."""
        if self._journal is None:
            return
        identity_of = getattr(self._engine, "identity_of", None)
        if identity_of is None:
            self._journal.put(self._keys_of(page.sha256)[0], result)
        elif (identity := identity_of(result)) is not None:
            from vlm_core.jobs.journal import page_key

            self._journal.put(page_key(page.sha256, **identity), result)

    def put_checked(
        self, page: PageImage, result: PageResult, usage: Usage | None = None, cost_usd: float | None = None
    ) -> None:
        """Record a result once more, with what was found on its page. What it took was recorded before.

        Args:
            page: that it is of.
            result: with its findings.
            usage: tokens that the finding took.
            cost_usd: what it cost.
        """
        self.put(page, result.model_copy(update={"attempts": 0, "usage": usage, "cost_usd": cost_usd}))

    def put_of(self, engine: OCREngine, page: PageImage, result: PageResult) -> None:
        """Record what another engine has read, as if the job were its own."""
        JobJournal(self._journal, engine, getattr(engine, "task", self._task)).put(page, result)

    def put_error(self, page: PageImage, error: VLMError) -> None:
        """Record that a page could not be read."""
        if self._journal is not None:
            engine = self._engine
            failed = PageResult.of(
                page,
                PageState.FAILED,
                engine=engine.name,
                model=engine.model,
                attempts=len(error.attempts),
                error=error,
            )
            self._journal.put(self._keys_of(page.sha256)[0], failed)

    def _find(self, sha256: str, keys: list[str]) -> PageResult | None:
        if self._journal is None:
            return None
        known = next(filter(None, map(self._journal.get, keys)), None)
        return known and _as_read(known, sha256)

    def _keys_of(self, sha256: str) -> list[str]:
        from vlm_core.jobs.journal import key_from

        return [key_from(sha256, identity) for identity in self._identities]

    @cached_property
    def _identities(self) -> list[str]:
        """Made once, for a schema's takes longer than all else that is done for a page of the journal."""
        from vlm_core.jobs.journal import as_text

        return [as_text(identity) for identity in identities_of(self._engine, self._task)]


def identities_of(engine: OCREngine, task: str) -> tuple[Identity, ...]:
    """All that changes a page's answer, for each route of an engine, the first one's first.

    Args:
        engine: one that has `identities`, or perhaps `identity`.
        task: what the text is to look like.

    Example:
        >>> from vlm_core.ocr.local import LocalEngine
        >>> identities_of(LocalEngine("text"), "text")[0]["engine"]
        'rapidocr'
    """
    own = getattr(engine, "identities", None)
    if own is not None:
        return tuple(own)
    more = getattr(engine, "identity", None) or {}
    return ({"engine": engine.name, "model": engine.model, "task": task, **more},)


def _as_read(known: PageResult, sha256: str) -> PageResult:
    """A result of the journal as that of a page which looks the same; nothing was spent on it."""
    spent = {"attempts": 0, "seconds": 0.0, "usage": None, "cost_usd": 0.0}
    return known.model_copy(update={"sha256": known.sha256 or sha256, **spent})
