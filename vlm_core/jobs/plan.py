"""What a job would take, before anything is paid: pages, tokens and money, for one route or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

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
    told = "".join(f", {count} {what}" for what, count in others.items() if count)
    return f"{_of(plan.documents, 'document')}, {_of(plan.pages, 'page')} to read{told}"


def _of(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"


def _table(routes: Sequence[RoutePlan]) -> Iterator[str]:
    if not routes:
        return
    rows = [("ROUTE", "IMAGE TOKENS", "INPUT TOKENS", "EXPECTED", "AT WORST"), *map(_row, routes)]
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
