"""A job of many pages at a provider where all kinds of things go wrong: every page is accounted for."""

from __future__ import annotations

import random
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from PIL import Image, ImageDraw

from vlm_core.catalog.routes import Route
from vlm_core.catalog.schema import Provider
from vlm_core.client import VLMClient
from vlm_core.flow import policy
from vlm_core.images.decode import open_document
from vlm_core.jobs.reader import DocumentReader
from vlm_core.testing import FAULTS, Answer, Reply, ScriptedServer, Seen
from vlm_core.types import PageResult, PageState

MOST_PAGES = 500
SHARE = 0.2
"""Of the requests that come to nothing good."""
LOOP = "and the total is 9.00 EUR\n" * 400
BAD: tuple[Reply, ...] = (
    FAULTS["rate_limited"].but(seconds=0.01),
    FAULTS["rate_limited_silent"],
    FAULTS["status_500"],
    FAULTS["status_502"],
    FAULTS["status_503"],
    FAULTS["html_502"],
    FAULTS["html_200"],
    FAULTS["json_cut"],
    FAULTS["body_cut"],
    FAULTS["chunk_cut"],
    FAULTS["reset_before_headers"],
    FAULTS["reset_in_body"],
    FAULTS["close_before_headers"],
    FAULTS["empty_body"],
    FAULTS["error_inside"],
    FAULTS["choices_null"],
    FAULTS["content_null"],
    FAULTS["reasoning_only"],
    Answer("the text of", finish_reason="length"),
    Answer(LOOP),
    Answer("", refusal="I cannot help with that."),
    Answer("", finish_reason="content_filter"),
    Answer("I'm sorry, but I can't assist with that."),
)
BUSY: tuple[Reply, ...] = (FAULTS["status_503"], FAULTS["rate_limited_silent"])


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "BASE_SECONDS", 0.001)


@pytest.fixture(scope="module", params=[100, pytest.param(MOST_PAGES, marks=pytest.mark.slow)])
def pages(request: pytest.FixtureRequest) -> int:
    """How many the book has."""
    count: int = request.param
    return count


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, pages: int) -> Path:
    """Pages, each with its number as a bar of so many pixels."""
    frames = []
    for number in range(1, pages + 1):
        frame = Image.new("1", (MOST_PAGES + 40, 60), 1)
        ImageDraw.Draw(frame).rectangle((0, 10, number - 1, 40), fill=0)
        frames.append(frame)
    path = tmp_path_factory.mktemp("book") / "book.tif"
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:], compression="group4")
    return path


def page_number(seen: Seen) -> int:
    """Which page a request is about, by its picture."""
    with open_document(seen.images[0].data) as document:
        page = document.page(1)
    row = page.pixels[3 * page.width * 20 : 3 * page.width * 21 : 3]
    return sum(value < 128 for value in row)


def text_of(number: int) -> str:
    return f"This is page {number} of the book."


@dataclass
class Weather:
    """Answers soundly, but for a share of the requests."""

    dice: random.Random
    share: float = SHARE
    bad: tuple[Reply, ...] = BAD
    asked: Counter[int] = field(default_factory=Counter)
    _lock: Lock = field(default_factory=Lock)

    def __call__(self, seen: Seen) -> Reply | str:
        number = page_number(seen)
        with self._lock:
            self.asked[number] += 1
            is_bad = self.dice.random() < self.share
            bad = self.dice.choice(self.bad)
        return bad if is_bad else text_of(number)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer(keep=10) as server:
        yield server


def read(book: Path, client: VLMClient, **options: Any) -> list[PageResult]:
    with client, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(DocumentReader(client, max_concurrency=16, **options).iter_pages(book))


def check_ledger(results: list[PageResult], pages: int) -> None:
    assert [result.page_number for result in results] == list(range(1, pages + 1))
    assert sum(Counter(result.state for result in results).values()) == pages
    for result in results:
        sound = result.text == text_of(result.page_number)
        assert sound == (result.state is PageState.OK), result
        assert (result.error is None) == sound
        assert not re.search(r"error|sorry|<html|cannot help", result.text, re.IGNORECASE)


def test_of_many_pages_each_ends_in_its_state_and_those_that_could_be_had_were(
    server: ScriptedServer, book: Path, pages: int
) -> None:
    server.answer(Weather(random.Random(7)))
    client = VLMClient(
        "some-vlm", base_url=server.base_url, api_key=server.api_key, max_attempts=6, timeout=60
    )
    results = read(book, client)
    check_ledger(results, pages)
    assert Counter(result.state for result in results)[PageState.OK] >= pages - 2
    assert sum(result.attempts for result in results) == server.requests


def test_where_one_of_two_providers_fails_half_the_time_every_page_comes_once(book: Path, pages: int) -> None:
    bad = Weather(random.Random(3), share=0.5, bad=BUSY)
    good = Weather(random.Random(4), share=0.0)
    with ScriptedServer(keep=10) as first, ScriptedServer(keep=10) as second:
        first.answer(bad)
        second.answer(good)
        one, two = (
            Route(Provider(name=name), "some-vlm", api_key=each.api_key, base_url=each.base_url)
            for name, each in (("one", first), ("two", second))
        )
        results = read(book, VLMClient(one, fallbacks=[two], timeout=60))
    check_ledger(results, pages)
    assert {result.state for result in results} == {PageState.OK}
    assert {result.provider for result in results} == {"one", "two"}
    sound = Counter(result.provider for result in results)
    assert sound["two"] == sum(good.asked.values())


@pytest.mark.parametrize("bad", BUSY, ids=["503", "429"])
def test_no_page_waits_for_one_provider_while_another_has_room(
    book: Path, pages: int, monkeypatch: pytest.MonkeyPatch, bad: Reply
) -> None:
    """A wait at the first would take a minute; each page goes to the second at once."""
    monkeypatch.setattr(policy, "BASE_SECONDS", 120.0)
    monkeypatch.setattr(policy, "MAX_SECONDS", 120.0)
    refusing = Weather(random.Random(3), share=0.5, bad=(bad,))
    with ScriptedServer(keep=10) as first, ScriptedServer(keep=10) as second:
        first.answer(refusing)
        second.answer(Weather(random.Random(4), share=0.0))
        one, two = (
            Route(Provider(name=name), "some-vlm", api_key=each.api_key, base_url=each.base_url)
            for name, each in (("one", first), ("two", second))
        )
        # The time for a page ends before such a wait would.
        results = read(book, VLMClient(one, fallbacks=[two], timeout=50))
    check_ledger(results, pages)
    assert {result.state for result in results} == {PageState.OK}
    assert max(refusing.asked.values()) == 1
