"""A job with a journal: no page is read twice, and every result is what it would have been."""

from __future__ import annotations

import asyncio
import io
import shutil
import sys
from collections import Counter
from pathlib import Path
from threading import Lock
from typing import Any

import pytest
from PIL import Image

from vlm_core.errors import EngineError
from vlm_core.jobs.journal import Journal
from vlm_core.jobs.reader import DocumentReader
from vlm_core.types import PageImage, PageResult, PageState, Usage


class Counting:
    """Reads a page as its width, and counts how often."""

    model = "counter-1"

    def __init__(self, name: str = "counting", state: PageState = PageState.OK) -> None:
        self.name = name
        self.state = state
        self.read: Counter[str] = Counter()
        self._lock = Lock()

    def read_page(self, page: PageImage) -> PageResult:
        with self._lock:
            self.read[page.sha256] += 1
        if self.state is PageState.FAILED:
            raise EngineError("it does not work")
        return PageResult(
            text=f"{page.width} wide",
            state=self.state,
            width=page.width,
            height=page.height,
            sha256=page.sha256,
            engine=self.name,
            model=self.model,
            usage=Usage(input_tokens=100),
            cost_usd=0.01,
        )


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    folder = tmp_path / "scans"
    folder.mkdir()
    for number in range(4):
        Image.new("L", (40 + number, 30), 10 * number).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "pages.journal"


def texts(engine: Any, journal: Path, sources: Any, **options: Any) -> list[str]:
    reader = DocumentReader(engine, journal=journal, **options)
    return [result.text for result in reader.iter_pages(sources)]


WIDTHS = ["40 wide", "41 wide", "42 wide", "43 wide"]


def test_a_second_run_reads_nothing_and_gives_the_same(scans: Path, journal: Path) -> None:
    first, second = Counting(), Counting()
    assert texts(first, journal, scans) == texts(second, journal, scans) == WIDTHS
    assert (first.read.total(), second.read.total()) == (4, 0)


async def test_so_does_an_async_one(scans: Path, journal: Path) -> None:
    first, second = Counting(), Counting()
    texts(first, journal, scans)
    reader = DocumentReader(second, journal=journal)
    assert [result.text async for result in reader.aiter_pages(scans)] == WIDTHS
    assert second.read.total() == 0


def test_what_is_taken_from_the_journal_cost_nothing_now(scans: Path, journal: Path) -> None:
    texts(Counting(), journal, scans)
    reader = DocumentReader(Counting(), journal=journal)
    (page, *_) = reader.iter_pages(scans)
    assert (page.attempts, page.cost_usd, page.usage) == (0, 0.0, None)
    assert (page.state, page.engine, page.model, page.page_number) == (
        PageState.OK,
        "counting",
        "counter-1",
        1,
    )


@pytest.fixture
def book() -> bytes:
    """A PDF of six scans that are handed on as they are stored, half a megabyte each."""
    first, *others = (Image.effect_noise((800, 1000 + number), 90) for number in range(6))
    file = io.BytesIO()
    first.save(file, "PDF", save_all=True, append_images=others, resolution=100, quality=95)
    return file.getvalue()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_scans_that_stand_in_the_journal_are_not_fetched_from_their_pdf(book: bytes, journal: Path) -> None:
    def read() -> tuple[list[PageResult], int]:
        before = bytes_read()
        results = list(DocumentReader(Counting(), journal=journal).iter_pages(book))
        return results, bytes_read() - before

    (first, all_bytes), (second, few_bytes) = read(), read()
    assert [page.attempts for page in (*first, *second)] == [1] * 6 + [0] * 6
    same = {"text", "state", "source", "page_number", "total_pages", "width", "height", "sha256", "warnings"}
    assert [page.model_dump(include=same) for page in second] == [
        page.model_dump(include=same) for page in first
    ]
    assert (all_bytes > len(book) / 2, few_bytes < 100_000) == (True, True)


def bytes_read() -> int:
    """By this process, from files and from pipes."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_of_a_pdf_that_is_half_in_the_journal_the_other_half_is_read(book: bytes, journal: Path) -> None:
    half, rest = Counting(), Counting()
    list(DocumentReader(half, journal=journal).iter_pages(book, pages=[1, 3, 4]))
    results = list(DocumentReader(rest, journal=journal).iter_pages(book))
    assert [page.attempts for page in results] == [0, 1, 0, 0, 1, 1]
    assert {*half.read, *rest.read} == {page.sha256 for page in results}
    assert rest.read.total() == 3


def test_a_renamed_and_a_duplicated_file_are_known(scans: Path, journal: Path) -> None:
    texts(Counting(), journal, scans)
    (scans / "0.png").rename(scans / "00-renamed.png")
    shutil.copy(scans / "3.png", scans / "4-copy.png")
    engine = Counting()
    results = list(DocumentReader(engine, journal=journal).iter_pages(scans))
    assert [result.text for result in results] == [*WIDTHS, "43 wide"]
    assert [Path(result.source).name for result in results][::4] == ["00-renamed.png", "4-copy.png"]
    assert engine.read.total() == 0


def test_copies_within_one_job_are_read_once(scans: Path, journal: Path) -> None:
    for number in range(8):
        shutil.copy(scans / "0.png", scans / f"copy-{number}.png")
    engine = Counting()
    assert texts(engine, journal, scans, max_concurrency=8) == [*WIDTHS, *["40 wide"] * 8]
    assert set(engine.read.values()) == {1}


@pytest.mark.parametrize(
    ("engine", "options"),
    [
        pytest.param(Counting("another"), {}, id="another-engine"),
        pytest.param(Counting(), {"task": "text"}, id="another-task"),
    ],
)
def test_read_otherwise_a_page_is_read_again(
    scans: Path, journal: Path, engine: Counting, options: dict[str, Any]
) -> None:
    texts(Counting(), journal, scans)
    engine.read.clear()
    texts(engine, journal, scans, **options)
    assert engine.read.total() == 4


@pytest.mark.parametrize(
    "state", [PageState.TRUNCATED, PageState.LOOPED, PageState.REFUSED, PageState.FAILED]
)
def test_what_was_not_read_well_is_read_again(scans: Path, journal: Path, state: str) -> None:
    texts(Counting(state=PageState(state)), journal, scans)
    engine = Counting()
    assert texts(engine, journal, scans) == WIDTHS
    assert engine.read.total() == 4
    with Journal(journal) as opened:
        assert [page.state for page in opened.pages()] == [PageState.OK] * 4


def test_pages_that_failed_stand_in_the_journal(scans: Path, journal: Path) -> None:
    texts(Counting(state=PageState.FAILED), journal, scans)
    with Journal(journal) as opened:
        assert [page.state for page in opened.pages()] == [PageState.FAILED] * 4


def test_the_local_engine_uses_a_journal_too(journal: Path) -> None:
    white = b"P5 40 40 255 " + bytes([255]) * 1600
    reader = DocumentReader(journal=journal)
    assert reader.read(white).pages[0].attempts == 1
    assert reader.read(white).pages[0].attempts == 0


def test_known_pages_are_given_though_the_budget_is_spent(scans: Path, journal: Path) -> None:
    texts(Counting(), journal, [scans / "2.png", scans / "3.png"])
    reader = DocumentReader(Counting(), journal=journal, budget_usd=0.005, max_concurrency=1)
    states = [result.state for result in reader.iter_pages(scans)]
    assert states == [PageState.OK, PageState.SKIPPED_BUDGET, PageState.OK, PageState.OK]


def test_many_readers_at_once_read_each_page_once(scans: Path, journal: Path) -> None:
    engine = Counting()

    async def read_all() -> list[list[str]]:
        reader = DocumentReader(engine, journal=journal)
        return await asyncio.gather(*(asyncio.to_thread(list, map_texts(reader, scans)) for _ in range(4)))

    assert asyncio.run(read_all()) == [WIDTHS] * 4
    assert set(engine.read.values()) == {1}


def map_texts(reader: DocumentReader, scans: Path) -> Any:
    return (result.text for result in reader.iter_pages(scans))
