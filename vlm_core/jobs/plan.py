"""What a job would take, before anything is paid: pages, tokens and money, for one route or several."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from vlm_core.completion import Estimate
from vlm_core.jobs.budget import JobJournal
from vlm_core.ocr.engine import OCREngine
from vlm_core.ocr.page_reading import READINGS
from vlm_core.ocr.text_layer import ENGINE as TEXT_LAYER
from vlm_core.structure.exports import table_of_rows
from vlm_core.types import PageImage, PageResult

if TYPE_CHECKING:
    from vlm_core.jobs.journal import Journal

EXPECTED_OUTPUT_TOKENS = 400
"""Of a page of print. olmOCR's own log has 300 for its pages (allenai/olmocr#292)."""
# Two pages of a hundred are asked for a second time, by the same log.
_EXPECTED_READINGS = 1.02
_SAYS_NO_COST = "context_tokens"
_HEAD = ("ROUTE", "IMAGE TOKENS", "INPUT TOKENS", "EXPECTED", "AT WORST")
_FREE = Estimate(image_tokens=0, text_tokens=0, input_cost_usd=0.0, max_output_cost_usd=0.0)
_Figure = TypeVar("_Figure", int, float)


@dataclass(frozen=True)
class PagePlan:
    """A page that is to be read, and what it takes on one route."""

    source: str
    page_number: int
    image_tokens: int | None
    input_tokens: int | None
    expected_cost_usd: float | None
    worst_cost_usd: float | None


@dataclass(frozen=True)
class RoutePlan:
    """What a job takes on one route. A sum is None where it cannot be known of every page."""

    route: str
    pages: tuple[PagePlan, ...] = field(default=(), repr=False)
    unknown: tuple[str, ...] = ()
    """What could not be known, and why."""

    @property
    def image_tokens(self) -> int | None:
        """Of all pages."""
        return _sum(page.image_tokens for page in self.pages)

    @property
    def input_tokens(self) -> int | None:
        """Of all pages, with the words that are asked."""
        return _sum(page.input_tokens for page in self.pages)

    @property
    def expected_cost_usd(self) -> float | None:
        """With answers of the usual length, and as many repetitions as are usual."""
        return _sum(page.expected_cost_usd for page in self.pages)

    @property
    def worst_cost_usd(self) -> float | None:
        """With every page asked for as often as it may be, and every answer as long as it may be."""
        return _sum(page.worst_cost_usd for page in self.pages)


@dataclass(frozen=True)
class Plan:
    """What a job would take. Nothing was sent for it.

    Example:
        >>> print(Plan(documents=1, pages=2, routes=(RoutePlan("local"),)))
        1 document, 2 pages to read
        ROUTE  IMAGE TOKENS  INPUT TOKENS  EXPECTED  AT WORST
        local             0             0        $0        $0
    """

    documents: int = 0
    pages: int = 0
    """To be read: those that follow are not among them."""
    duplicates: int = 0
    """Pages that look like one before."""
    done: int = 0
    """Pages that the journal has."""
    with_text: int = 0
    """Pages of PDFs that bring their own text."""
    failed: tuple[tuple[str, str], ...] = ()
    """Documents and pages that cannot be opened, and why."""
    routes: tuple[RoutePlan, ...] = ()

    def __str__(self) -> str:
        return "\n".join((_counted(self), *_table(self.routes), *_remarks(self)))

    def _repr_html_(self) -> str:
        counted = f"<p>{html.escape(_counted(self))}</p>"
        remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in _remarks(self))
        return f"<div>{counted}{table_of_rows(_HEAD, map(_row, self.routes))}{remarks}</div>"


def _sum(values: Iterable[_Figure | None]) -> _Figure | None:
    known = list(values)
    return None if None in known else sum(known)  # type: ignore[arg-type]


def _counted(plan: Plan) -> str:
    others = {
        "that look like another": plan.duplicates,
        "in the journal": plan.done,
        "with text of their own": plan.with_text,
        "that cannot be opened": len(plan.failed),
    }
    counts = "".join(f", {count} {what}" for what, count in others.items() if count)
    return f"{_of(plan.documents, 'document')}, {_of(plan.pages, 'page')} to read{counts}"


def _of(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _table(routes: Sequence[RoutePlan]) -> Iterator[str]:
    if not routes:
        return
    rows = [_HEAD, *map(_row, routes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *figures in rows:
        padded = (figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True))
        yield "  ".join((name.ljust(widths[0]), *padded))


def _row(route: RoutePlan) -> tuple[str, str, str, str, str]:
    tokens = (route.image_tokens, route.input_tokens)
    counts = ["unknown" if count is None else f"{count:,}" for count in tokens]
    costs = [_money(route.expected_cost_usd), _money(route.worst_cost_usd)]
    return route.route, counts[0], counts[1], costs[0], costs[1]


def _money(dollars: float | None) -> str:
    if dollars is None:
        return "unknown"
    return "$0" if dollars == 0 else f"${dollars:,.4f}" if dollars < 1 else f"${dollars:,.2f}"


def _remarks(plan: Plan) -> Iterator[str]:
    for route in plan.routes:
        yield from (f"{route.route}: {what}" for what in route.unknown)
    yield from (f"{source}: {reason}" for source, reason in plan.failed)


# --- how it is made ------------------------------------------------------------------------------


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
    """An engine in the place of the one that would read the pages: it measures them.

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

    def __post_init__(self) -> None:
        self.name, self.model = self.engine.name, self.engine.model
        # Pages are measured in the size in which the engine would get them.
        self.max_side = getattr(self.engine, "max_side", None)
        self.reading_pixels = getattr(self.engine, "reading_pixels", None)
        self._journal = JobJournal(self.journal, self.engine, self.task)

    def read_page(self, page: PageImage) -> PageResult:
        """Measure a page."""
        result = PageResult(sha256=page.sha256, engine=self.engine.name)
        with self._lock:
            if page.sha256 in self._seen:
                self._duplicates += 1
                return result
            self._seen.add(page.sha256)
        if self._journal.known(page.sha256) is not None:
            with self._lock:
                self._done += 1
            return result
        plans = [self._priced(page, pricing) for pricing in self.pricings]
        with self._lock:
            self._planned[page.sha256] = plans
        return result

    def _priced(self, page: PageImage, pricing: Pricing) -> PagePlan:
        estimate = pricing.estimate(page)
        with self._lock:
            unknown = self._unknown.setdefault(pricing.route, {})
            unknown.update((what, None) for what in estimate.unknown if not what.startswith(_SAYS_NO_COST))
        output = pricing.output_usd
        answer = None if output is None else self.expected_output_tokens * output / 1_000_000
        return PagePlan(
            page.source,
            page.page_number,
            estimate.image_tokens,
            estimate.input_tokens,
            _times(_EXPECTED_READINGS, estimate.input_cost_usd, answer),
            _times(READINGS, estimate.input_cost_usd, estimate.max_output_cost_usd),
        )

    def plan(self, results: Iterable[PageResult]) -> Plan:
        """The plan, once all pages were measured.

        Args:
            results: of all pages.
        """
        documents, with_text, failed = set(), 0, []
        for result in results:
            documents.add(result.document)
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
