"""What a job spends, and whether it goes on: asked before each page, told after it."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.errors import AuthenticationFailed, BudgetExceeded, MissingKeyError, VLMError
from vlm_core.jobs.documents import PageReader, ReadPage
from vlm_core.ocr.engine import OCREngine
from vlm_core.types import PageImage, PageResult, PageState

if TYPE_CHECKING:
    from vlm_core.jobs.journal import Journal

Identity: TypeAlias = Mapping[str, Any]
_ENDS_THE_JOB = (AuthenticationFailed, MissingKeyError)
"""What is wrong with one page's request is wrong with all."""
_LONGEST_READING_SECONDS = 3600.0
_ALL_BUT_ROUNDING = 1 - 1e-9
"""Of a budget; ten times $0.01 are less than $0.10 in floating point."""


class JobBudget:
    """The money of one job, and the end that a refused key puts to it.

    Args:
        engine: what reads the pages.
        budget_usd: once so much is spent, further pages are skipped; those in flight are not.
        journal: pages that stand there are not read again.
        task: what the text is to look like.
        wait: blocks for so many seconds, while another process reads a page. An error that it raises ends
            the waiting.

    Example:
        >>> from vlm_core.ocr.local import LocalEngine
        >>> engine = LocalEngine("text")
        >>> account = JobBudget(engine)
        >>> white = PageImage(pixels=bytes([255]) * 4800, width=40, height=40)
        >>> account.paid(engine.read_page).read(white).state
        <PageState.BLANK: 'blank'>
        >>> account.spent_usd
        0.0
    """

    def __init__(
        self,
        engine: OCREngine,
        *,
        task: str = "",
        budget_usd: float | None = None,
        journal: Journal | None = None,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        self.budget_usd = budget_usd
        self.spent_usd = 0.0
        self._engine = engine
        self._task = task
        self._journal = journal
        self._wait = wait
        self._end: VLMError | None = None
        self._lock = Lock()

    def paid(self, read_page: ReadPage) -> PageReader:
        """A way to read pages that keeps to the budget, and reads none that is in the journal."""
        if self._journal is None:
            return PageReader(lambda page: self._read(page, read_page))
        journal = self._journal
        return PageReader(
            lambda page: self._recorded(page, read_page, journal), lambda sha256: self._known(sha256, journal)
        )

    def _known(self, sha256: str, journal: Journal) -> PageResult | None:
        """What the journal has of a picture, by any route."""
        known = next(filter(None, map(journal.get, self._keys_of(sha256))), None)
        return known and _of_this(sha256, known)

    def _keys_of(self, sha256: str) -> list[str]:
        from vlm_core.jobs.journal import key_from

        return [key_from(sha256, identity) for identity in self._identities]

    @cached_property
    def _identities(self) -> list[str]:
        """Made once, for a schema's takes longer than all else that is done for a page of the journal."""
        from vlm_core.jobs.journal import as_text

        return [as_text(identity) for identity in identities_of(self._engine, self._task)]

    def _recorded(self, page: PageImage, read_page: ReadPage, journal: Journal) -> PageResult:
        keys = self._keys_of(page.sha256)
        with journal.claim(keys[0], _LONGEST_READING_SECONDS, wait=self._wait) as known:
            known = known or next(filter(None, map(journal.get, keys[1:])), None)
            if known is not None:
                return _of_this(page.sha256, known)
            try:
                result = self._read(page, read_page)
            except VLMError as error:
                if not isinstance(error, _ENDS_THE_JOB):
                    journal.put(keys[0], _failed(page, self._engine, error))
                raise
            if (key := self._key_of(page, result)) is not None:
                journal.put(key, result)
            return result

    def _key_of(self, page: PageImage, result: PageResult) -> str | None:
        """Where a result is kept: with the route that gave it; None where it is not worth keeping."""
        if result.state is PageState.SKIPPED_BUDGET:
            return None
        identity_of = getattr(self._engine, "identity_of", None)
        if identity_of is None:
            return self._keys_of(page.sha256)[0]
        identity = identity_of(result)
        return None if identity is None else key_of(page.sha256, identity)

    def _read(self, page: PageImage, read_page: ReadPage) -> PageResult:
        if (end := self._end_for(page)) is not None:
            if not isinstance(end, BudgetExceeded):
                raise end
            return self._skipped(page, end)
        try:
            result = read_page(page)
        except _ENDS_THE_JOB as error:
            self._end = copy.copy(error)
            raise
        self._spend(result)
        return result

    def _end_for(self, page: PageImage) -> VLMError | None:
        """Why a page is not read."""
        if self._end is not None:
            end = copy.copy(self._end)
            end.page = page.page_number
            return end
        if self.budget_usd is None or self.spent_usd < self.budget_usd * _ALL_BUT_ROUNDING:
            return None
        return BudgetExceeded(
            f"{page.source or 'the picture'}, page {page.page_number} was not read: "
            f"${self.spent_usd:.4f} of ${self.budget_usd:.4f} are spent",
            page=page.page_number,
        )

    def _spend(self, result: PageResult) -> None:
        with self._lock:
            self.spent_usd += result.cost_usd or 0.0
            if self.budget_usd is not None and result.cost_usd is None and result.usage is not None:
                self._end = BudgetExceeded(
                    f"what a page costs at {result.provider}:{result.model} is not known, so that no budget "
                    "can be kept",
                    hint="Register the model's price with a ModelProfile, or leave budget_usd out.",
                )

    def _skipped(self, page: PageImage, why: BudgetExceeded) -> PageResult:
        return PageResult(
            state=PageState.SKIPPED_BUDGET,
            source=page.source,
            page_number=page.page_number,
            total_pages=page.total_pages,
            width=page.width,
            height=page.height,
            rotation=page.rotation,
            sha256=page.sha256,
            engine=self._engine.name,
            error=why,
        )


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


def key_of(sha256: str, identity: Identity) -> str:
    """The key under which the journal has a picture that was read so."""
    from vlm_core.jobs.journal import page_key

    return page_key(sha256, **identity)


def _of_this(sha256: str, known: PageResult) -> PageResult:
    """A result of the journal as that of a page which looks the same; nothing was spent on it."""
    spent = {"attempts": 0, "seconds": 0.0, "usage": None, "cost_usd": 0.0}
    return known.model_copy(update={"sha256": known.sha256 or sha256, **spent})


def _failed(page: PageImage, engine: OCREngine, error: VLMError) -> PageResult:
    """What the journal keeps of a page that could not be read."""
    return PageResult(
        state=PageState.FAILED,
        source=page.source,
        page_number=page.page_number,
        total_pages=page.total_pages,
        sha256=page.sha256,
        engine=engine.name,
        model=engine.model,
        attempts=len(error.attempts),
        error=error,
    )
