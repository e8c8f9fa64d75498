"""How a plan is made: every page is opened and measured, and none is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

from vlm_core.completion import Estimate
from vlm_core.jobs.budget import identities_of, key_of
from vlm_core.jobs.plan import PagePlan, Plan, RoutePlan
from vlm_core.ocr.engine import OCREngine
from vlm_core.ocr.page_reading import READINGS
from vlm_core.ocr.text_layer import ENGINE as TEXT_LAYER
from vlm_core.types import PageImage, PageResult

if TYPE_CHECKING:
    from vlm_core.jobs.journal import Journal

EXPECTED_OUTPUT_TOKENS = 400
"""Of a page of print. olmOCR's own log has 300 for its pages (allenai/olmocr#292)."""
_EXPECTED_READINGS = 1.02
"""Two pages of a hundred are asked for a second time, by the same log."""
_SAYS_NO_COST = "context_tokens"
_FREE = Estimate(image_tokens=0, text_tokens=0, input_cost_usd=0.0, max_output_cost_usd=0.0)


@dataclass(frozen=True)
class Pricing:
    """How one route's pages are counted."""

    route: str
    estimate: Callable[[PageImage], Estimate]
    output_usd: float | None
    """For a million tokens."""


def pricings_of(engine: OCREngine) -> tuple[Pricing, ...]:
    """What an engine costs, for each of its routes.

    Example:
        >>> from vlm_core.ocr.local import LocalEngine
        >>> pricings_of(LocalEngine("text"))[0].route
        'local'
    """
    endpoints = getattr(engine, "endpoints", None)
    if endpoints is None:
        return (Pricing(getattr(engine, "route", engine.name), lambda page: _FREE, 0.0),)
    estimate: Callable[[Any, PageImage], Estimate] = engine.estimate  # type: ignore[attr-defined]
    return tuple(
        Pricing(
            endpoint.route,
            partial(estimate, endpoint),
            endpoint.profile.price and endpoint.profile.price.output_usd,
        )
        for endpoint in endpoints
    )


@dataclass
class Planner:
    """Takes the place of the engine that would read the pages, and measures them.

    Args:
        engine: that would.
        task: what it would read for.
        pricings: of the routes to compare.
        journal: pages that stand there are done.
        expected_output_tokens: of a page's answer.
    """

    engine: OCREngine
    task: str
    pricings: Sequence[Pricing]
    journal: Journal | None
    expected_output_tokens: int = EXPECTED_OUTPUT_TOKENS
    _seen: set[str] = field(default_factory=set)
    _planned: dict[str, list[PagePlan]] = field(default_factory=dict)
    _unknown: dict[str, dict[str, None]] = field(default_factory=dict)
    _duplicates: int = 0
    _done: int = 0
    _lock: Lock = field(default_factory=Lock)

    def look(self, page: PageImage) -> PageResult:
        """Measure a page."""
        result = PageResult(sha256=page.sha256, engine=self.engine.name)
        with self._lock:
            if page.sha256 in self._seen:
                self._duplicates += 1
                return result
            self._seen.add(page.sha256)
        if self._is_done(page):
            with self._lock:
                self._done += 1
            return result
        plans = [self._priced(page, pricing) for pricing in self.pricings]
        with self._lock:
            self._planned[page.sha256] = plans
        return result

    def _is_done(self, page: PageImage) -> bool:
        if self.journal is None:
            return False
        keys = (key_of(page.sha256, identity) for identity in identities_of(self.engine, self.task))
        return any(self.journal.get(key) is not None for key in keys)

    def _priced(self, page: PageImage, pricing: Pricing) -> PagePlan:
        found = pricing.estimate(page)
        with self._lock:
            told = self._unknown.setdefault(pricing.route, {})
            told.update((what, None) for what in found.unknown if not what.startswith(_SAYS_NO_COST))
        output = pricing.output_usd
        answer = None if output is None else self.expected_output_tokens * output / 1_000_000
        return PagePlan(
            page.source,
            page.page_number,
            found.image_tokens,
            found.input_tokens,
            _times(_EXPECTED_READINGS, found.input_cost_usd, answer),
            _times(READINGS, found.input_cost_usd, found.max_output_cost_usd),
        )

    def plan(self, results: Iterable[tuple[int, PageResult]]) -> Plan:
        """The plan, once all pages were looked at.

        Args:
            results: of `look`, with the number of their document.
        """
        documents, with_text, failed = set(), 0, []
        for document, result in results:
            documents.add(document)
            with_text += result.engine == TEXT_LAYER
            if result.error is not None:
                failed.append((result.source, str(result.error)))
        pages = sorted(self._planned.values(), key=lambda plans: (plans[0].source, plans[0].page_number))
        return Plan(
            documents=len(documents),
            pages=len(pages),
            duplicates=self._duplicates,
            done=self._done,
            with_text=with_text,
            failed=tuple(failed),
            routes=tuple(
                RoutePlan(
                    pricing.route,
                    tuple(plans[number] for plans in pages),
                    tuple(self._unknown.get(pricing.route, ())),
                )
                for number, pricing in enumerate(self.pricings)
            ),
        )


def _times(count: float, *costs: float | None) -> float | None:
    known = [cost for cost in costs if cost is not None]
    return count * sum(known) if len(known) == len(costs) else None
