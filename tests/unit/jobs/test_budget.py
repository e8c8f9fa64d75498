"""Jobs that cost money: the budget holds side by side, and what was paid for is not paid for again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from vlm_core.catalog.routes import Route
from vlm_core.catalog.schema import Provider
from vlm_core.errors import BudgetExceeded
from vlm_core.jobs.reader import DocumentReader
from vlm_core.testing import ScriptedServer
from vlm_core.types import PageResult, PageState

PAGES = 40
AT_ONCE = 8
PRICE_USD = 0.01
BUDGET_USD = 0.10
PAID_FOR = 10
"""Pages for which the budget is just enough."""
USAGE = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "cost": PRICE_USD}


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        server.say("TOTAL 9.00", usage=USAGE)
        yield server


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "pages.journal"


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey pages, no two of them alike."""
    frames = [Image.new("L", (40, 60), 2 * number + 9) for number in range(PAGES)]
    path = tmp_path_factory.mktemp("book") / "book.tif"
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:])
    return path


def route_to(server: ScriptedServer, model: str = "some-vlm") -> Route:
    return Route(Provider(name="stand-in"), model, api_key=server.api_key, base_url=server.base_url)


def read(server: ScriptedServer, book: Path, model: str = "some-vlm", **options: Any) -> list[PageResult]:
    reader = DocumentReader(route_to(server, model), max_concurrency=AT_ONCE, **options)
    return list(reader.iter_pages(book))


async def aread(server: ScriptedServer, book: Path, **options: Any) -> list[PageResult]:
    reader = DocumentReader(route_to(server), max_concurrency=AT_ONCE, **options)
    return [result async for result in reader.aiter_pages(book)]


def check_spending(results: list[PageResult], requests: int) -> None:
    assert [result.page_number for result in results] == list(range(1, PAGES + 1))
    done = [result for result in results if result.state is PageState.OK]
    skipped = [result for result in results if result.state is PageState.SKIPPED_BUDGET]
    assert len(done) + len(skipped) == PAGES
    assert len(done) == requests
    assert PAID_FOR <= len(done) < PAID_FOR + AT_ONCE
    assert sum(result.cost_usd or 0.0 for result in results) == pytest.approx(len(done) * PRICE_USD)
    assert {type(result.error) for result in skipped} == {BudgetExceeded}
    last_begun = max(result.page_number for result in done)
    assert last_begun <= len(done) + AT_ONCE


# --- the budget


def test_pages_that_take_just_the_budget_are_the_last(server: ScriptedServer, book: Path) -> None:
    reader = DocumentReader(route_to(server), max_concurrency=1, budget_usd=BUDGET_USD)
    states = [result.state for result in reader.iter_pages(book)]
    assert states == [PageState.OK] * PAID_FOR + [PageState.SKIPPED_BUDGET] * (PAGES - PAID_FOR)


def test_a_budget_is_passed_by_no_more_than_what_was_in_flight(server: ScriptedServer, book: Path) -> None:
    check_spending(read(server, book, budget_usd=BUDGET_USD), server.requests)


async def test_so_it_is_on_an_event_loop(server: ScriptedServer, book: Path) -> None:
    check_spending(await aread(server, book, budget_usd=BUDGET_USD), server.requests)


def test_the_next_run_goes_on_where_the_money_ended(
    server: ScriptedServer, book: Path, journal: Path
) -> None:
    first = read(server, book, budget_usd=BUDGET_USD, journal=journal)
    paid = server.requests
    assert paid < PAGES
    second = read(server, book, journal=journal)
    assert {result.state for result in second} == {PageState.OK}
    assert server.requests == PAGES
    known = [result.page_number for result in second if result.attempts == 0]
    assert known == [result.page_number for result in first if result.state is PageState.OK]


def test_a_bar_shows_what_is_spent_and_left(
    server: ScriptedServer, book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = read(server, book, budget_usd=0.5, progress=True)
    assert sum(result.cost_usd or 0.0 for result in results) == pytest.approx(PAGES * PRICE_USD)
    shown = capsys.readouterr().err
    assert "40/40" in shown
    assert "spent=$0.4000, left=$0.1000" in shown
    spent = [float(dollars) for dollars in re.findall(r"spent=\$([\d.]+)", shown)]
    assert spent == sorted(spent)


def test_a_bar_never_shows_less_than_nothing_left(
    server: ScriptedServer, book: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    read(server, book, budget_usd=0.015, progress=True)
    shown = capsys.readouterr().err
    assert "left=$0.0000" in shown
    assert "left=$-" not in shown
    assert f"failed={PAGES - server.requests}" in shown


# --- what was paid for


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"prompt": "Which number is on it?"}, id="prompt"),
        pytest.param({"model": "another-vlm"}, id="model"),
        pytest.param({"task": "text"}, id="task"),
        pytest.param({"request_options": {"max_side": 30}}, id="max-side"),
        pytest.param({"request_options": {"temperature": 0.5}}, id="temperature"),
        pytest.param({"request_options": {"extra_body": {"top_k": 5}}}, id="extra-body"),
        pytest.param({"task": "json", "output_schema": {"type": "object"}}, id="schema"),
    ],
)
def test_asked_otherwise_a_page_is_paid_for_again(
    server: ScriptedServer, book: Path, journal: Path, changed: dict[str, Any]
) -> None:
    read(server, book, journal=journal)
    assert server.requests == PAGES
    server.answer('{"total": 9.0}')
    read(server, book, journal=journal, **changed)
    assert server.requests == 2 * PAGES
    read(server, book, journal=journal, **changed)
    read(server, book, journal=journal)
    assert server.requests == 2 * PAGES


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"budget_usd": 0.001}, id="budget"),
        pytest.param({"fallbacks": ["novita:qwen/qwen3-vl-8b-instruct"]}, id="fallbacks"),
        pytest.param({"on_page": print}, id="listener"),
    ],
)
def test_what_changes_no_answer_is_not_paid_for_again(
    server: ScriptedServer,
    book: Path,
    journal: Path,
    changed: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NOVITA_API_KEY", "not-used")
    first = read(server, book, journal=journal)
    second = read(server, book, journal=journal, **changed)
    assert server.requests == PAGES
    assert [result.text for result in second] == [result.text for result in first]
    assert {result.cost_usd for result in second} == {0.0}
