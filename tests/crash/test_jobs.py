"""Jobs that are killed, or run twice at once: nothing is lost, and no page is paid for twice."""

from __future__ import annotations

import json
import random
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Lock

import pytest
from PIL import Image, ImageDraw
from preloaded import Preloaded, Running

from vlm_core.images.decode import open_document
from vlm_core.jobs.journal import Journal
from vlm_core.testing import ScriptedServer, Seen
from vlm_core.types import PageState

PAGES = 50
IN_FLIGHT = 4

JOB = """
import json, sys
from vlm_core import DocumentReader, VLMClient

base_url, book, journal = sys.argv[1:4]
client = VLMClient("some-vlm", base_url=base_url)
reader = DocumentReader(client, journal=journal, max_concurrency=int(sys.argv[4]))
for page in reader.iter_pages(book):
    print(json.dumps([page.page_number, page.state, page.text]), flush=True)
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages, each with its number as a bar of so many pixels."""
    frames = []
    for number in range(1, PAGES + 1):
        frame = Image.new("1", (PAGES + 40, 60), 1)
        ImageDraw.Draw(frame).rectangle((0, 10, number - 1, 40), fill=0)
        frames.append(frame)
    path = tmp_path_factory.mktemp("book") / "book.tif"
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:], compression="group4")
    return path


class Pages:
    """Answers with the number of the page, and counts how often each was asked for."""

    def __init__(self) -> None:
        self.asked: Counter[int] = Counter()
        self._lock = Lock()

    def __call__(self, seen: Seen) -> str:
        with open_document(seen.images[0].data) as document:
            page = document.page(1)
        row = page.pixels[3 * page.width * 20 : 3 * page.width * 21 : 3]
        number = sum(value < 128 for value in row)
        with self._lock:
            self.asked[number] += 1
        return f"page {number}"


@pytest.fixture
def pages() -> Pages:
    return Pages()


@pytest.fixture
def server(pages: Pages) -> Iterator[ScriptedServer]:
    with ScriptedServer(api_key="", keep=10) as server:
        server.answer(pages)
        yield server


Start = Callable[[], Running]


@pytest.fixture
def start(preloaded: Preloaded, server: ScriptedServer, book: Path, tmp_path: Path) -> Start:
    """Starts a job on one journal."""
    journal = tmp_path / "pages.journal"
    command = [sys.executable, "-c", JOB, server.base_url, str(book), str(journal), str(IN_FLIGHT)]
    return lambda: preloaded.start(command)


def lines(job: Running) -> list[tuple[int, str, str]]:
    told, _ = job.communicate()
    return [tuple(json.loads(line)) for line in told.decode().splitlines() if line.endswith("]")]


UNDISTURBED = [(number, "ok", f"page {number}") for number in range(1, PAGES + 1)]


@pytest.mark.parametrize("times", [6, pytest.param(20, marks=pytest.mark.slow)])
def test_a_job_that_is_killed_again_and_again_pays_only_for_what_was_in_flight(
    start: Start, pages: Pages, tmp_path: Path, times: int
) -> None:
    journal, dice = tmp_path / "pages.journal", random.Random(11)
    kills = 0
    for _ in range(times):
        job = start()
        for _ in range(dice.randrange(8)):
            if not job.stdout.readline():
                break
        kills += job.poll() is None
        job.send_signal(signal.SIGKILL)
        job.communicate()
    assert lines(start()) == UNDISTURBED
    assert kills > times // 2
    paid_again = pages.asked.total() - PAGES
    assert 0 <= paid_again <= kills * IN_FLIGHT
    with Journal(journal) as opened:
        assert opened.verify() == []
        assert [page.state for page in opened.pages()] == [PageState.OK] * PAGES


def test_two_jobs_on_one_journal_pay_for_each_page_once(start: Start, pages: Pages) -> None:
    jobs = [start() for _ in range(2)]
    assert [lines(job) for job in jobs] == [UNDISTURBED] * 2
    assert set(pages.asked.values()) == {1}
    assert pages.asked.total() == PAGES


def test_where_one_of_two_jobs_is_killed_the_other_finishes(start: Start, pages: Pages) -> None:
    killed, other = (start() for _ in range(2))
    killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    assert lines(other) == UNDISTURBED
    assert pages.asked.total() <= PAGES + IN_FLIGHT
