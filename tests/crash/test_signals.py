"""`vlm read` stopped by Ctrl-C or SIGTERM: what was read is written, and what was paid for is kept."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from threading import Event, Lock

import pytest
from PIL import Image
from preloaded import Preloaded, Running

from vlm_core.jobs.journal import Journal
from vlm_core.testing import ScriptedServer, Seen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no such signals")

PAGES = 20
DELIVERED = 3
AT_ONCE = 4
LONG_SECONDS = 30.0
"""That no test waits for."""
# Both signals are in the cases of twenty documents below.
SIGNALS = [
    pytest.param(signal.SIGINT, 130, id="ctrl-c"),
    pytest.param(signal.SIGTERM, 143, id="sigterm", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pages, each 40 pixels wider than its number says."""
    frames = [Image.new("L", (40 + number, 60), 30) for number in range(1, PAGES + 1)]
    path = tmp_path_factory.mktemp("book") / "book.tif"
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:])
    return path


class Slow:
    """Answers for the first pages, and for the others once it may."""

    def __init__(self) -> None:
        self.may_answer = Event()
        self.is_busy = Event()
        """All that may be asked at once is."""
        self.asked: list[int] = []
        self.last_words = ""
        """Of the last page that is answered at once."""
        self._lock = Lock()

    def __call__(self, seen: Seen) -> str:
        width = seen.images[0].width
        assert width is not None
        with self._lock:
            self.asked.append(width - 40)
            if len(self.asked) == DELIVERED + AT_ONCE:
                self.is_busy.set()
        if width - 40 > DELIVERED:
            self.may_answer.wait(LONG_SECONDS)
        return f"page {width - 40}" + (self.last_words if width - 40 == DELIVERED else "")


@pytest.fixture
def slow() -> Slow:
    return Slow()


@pytest.fixture
def server(slow: Slow) -> Iterator[ScriptedServer]:
    with ScriptedServer(api_key="") as server:
        server.answer(slow)
        yield server
        slow.may_answer.set()


def command(server: ScriptedServer, book: Path, journal: Path, output: str | Path) -> list[str]:
    engine = ["-e", "some-vlm", "--base-url", server.base_url, "--max-concurrency", str(AT_ONCE)]
    kept = ["--journal", str(journal), "-o", str(output)]
    return [sys.executable, "-m", "vlm_core.cli", "read", str(book), *engine, *kept]


def texts(count: int) -> list[str]:
    return [f"page {number}" for number in range(1, count + 1)]


def pages_in(written: str) -> list[str]:
    return [json.loads(line)["text"] for line in written.splitlines()]


STOPPING = b"vlm: stopping: pages that were begun are waited for; a second signal ends at once\n"


def stop(running: Running, slow: Slow, number: int) -> str:
    """Stop it while it waits for pages, let these come, and give back its last words."""
    assert slow.is_busy.wait(LONG_SECONDS)
    running.send_signal(number)
    while (line := running.stderr.readline()) != STOPPING:
        assert line, "it ended"
    slow.may_answer.set()
    return running.stderr.read().decode()


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_what_was_begun_is_written_and_paid_for_once(
    server: ScriptedServer,
    slow: Slow,
    book: Path,
    tmp_path: Path,
    preloaded: Preloaded,
    number: int,
    code: int,
) -> None:
    journal = tmp_path / "pages.journal"
    arguments = [*command(server, book, journal, "-"), "--format", "jsonl"]
    with preloaded.start(arguments) as running:
        stop(running, slow, number)
        written = running.stdout.read()
    assert running.returncode == code
    # Threads begin pages in about their order, so the last one may not be the seventh.
    asked = sorted(slow.asked)
    assert len(set(asked)) == len(asked) == DELIVERED + AT_ONCE
    assert pages_in(written.decode()) == [f"page {number}" for number in asked]
    with Journal(journal) as opened:
        assert opened.verify() == []
        assert opened.totals().pages == {"ok": DELIVERED + AT_ONCE}
    again, _ = preloaded.start(arguments).communicate()
    assert pages_in(again.decode()) == texts(PAGES)
    assert sorted(slow.asked) == list(range(1, PAGES + 1))


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_file_that_is_not_complete_is_called_so(
    server: ScriptedServer,
    slow: Slow,
    book: Path,
    tmp_path: Path,
    preloaded: Preloaded,
    number: int,
    code: int,
) -> None:
    output = tmp_path / "book.txt"
    output.write_text("an older one")
    with preloaded.start(command(server, book, tmp_path / "pages.journal", output)) as running:
        told = stop(running, slow, number)
    assert running.returncode == code
    assert output.read_text() == "an older one"
    assert (tmp_path / "book.txt.partial").read_text().split("\n\n") == [
        *texts(DELIVERED + AT_ONCE - 1),
        f"page {DELIVERED + AT_ONCE}\n",
    ]
    assert told == (
        f"vlm: interrupted: {output}.partial has {DELIVERED + AT_ONCE} of {PAGES} pages of {book}. "
        "To go on, run the same command again.\n"
    )
    assert sorted(path.name for path in tmp_path.glob("*book*")) == ["book.txt", "book.txt.partial"]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_second_signal_does_not_wait(
    server: ScriptedServer,
    slow: Slow,
    book: Path,
    tmp_path: Path,
    preloaded: Preloaded,
    number: int,
    code: int,
) -> None:
    journal, output = tmp_path / "pages.journal", tmp_path / "book.txt"
    slow.last_words = "\u200b"
    with preloaded.start(command(server, book, journal, output)) as running:
        assert b"page 3: " in running.stderr.readline()  # it has come
        assert slow.is_busy.wait(LONG_SECONDS)
        running.send_signal(number)
        assert running.stderr.readline() == STOPPING
        running.send_signal(number)
        running.wait(LONG_SECONDS)
        assert not slow.may_answer.is_set()
    assert (running.returncode, code) == (-number, 128 + number)
    kept = (tmp_path / "book.txt.partial").read_text().strip("\u200b\n").split("\n\n")
    assert kept in (texts(DELIVERED), texts(DELIVERED - 1))  # the last one came, and was perhaps not written
    with Journal(journal) as opened:
        assert opened.totals().pages == {"ok": DELIVERED}


# --- twenty documents, stopped at any moment


SIZES = [3 if number % 5 == 4 else 1 for number in range(20)]
"""Pages of each document."""
DOCUMENTS = {
    f"{number:02}": [100 * number + page for page in range(1, size + 1)]
    for number, size in enumerate(SIZES, 1)
}
"""Each page's number is its width less 40."""
IN_ALL = sum(SIZES)
MOMENTS = [0, 1, 6, 17, IN_ALL - AT_ONCE]
"""Pages that were answered when the signal comes, while others have been asked for."""
OUTPUTS = ["folder", "jsonl", "stdout", "md"]
MATRIX = list(product(MOMENTS, OUTPUTS, [True, False], [signal.SIGINT, signal.SIGTERM]))


def name_of(case: tuple[int, str, bool, int]) -> str:
    moment, output, journal, number = case
    return f"{moment}-{output}-{'journal' if journal else 'none'}-{signal.Signals(number).name}"


# Five cases in which each moment, output and signal comes, with a journal and without. All take minutes.
CASES = [
    pytest.param(case, id=name_of(case), marks=[pytest.mark.slow] * (number not in (0, 21, 42, 63, 79)))
    for number, case in enumerate(MATRIX)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("documents")
    for name, pages in DOCUMENTS.items():
        first, *others = [Image.new("L", (40 + page, 60), 30) for page in pages]
        first.save(path / f"{name}.tif", "TIFF", save_all=True, append_images=others)
    return path


class Held(Slow):
    """Answers so many pages, and the others once it may."""

    def __init__(self, answered: int) -> None:
        super().__init__()
        self.answered = answered

    def __call__(self, seen: Seen) -> str:
        width = seen.images[0].width
        assert width is not None
        with self._lock:
            self.asked.append(width - 40)
            number = len(self.asked)
            if number > self.answered:
                self.is_busy.set()
        if number > self.answered:
            self.may_answer.wait(LONG_SECONDS)
        return f"page {width - 40}"


def numbers_in(text: str) -> list[int]:
    """Of the pages, in Markdown, or in JSON lines beside what the model answered word for word."""
    return [int(number) for number in re.findall(r'(?:^|"text": ")page (\d{3,})\b', text, re.MULTILINE)]


@pytest.mark.parametrize("case", CASES)
def test_all_that_was_read_is_in_the_output_whole_documents_under_their_names(
    folder: Path, tmp_path: Path, preloaded: Preloaded, case: tuple[int, str, bool, int]
) -> None:
    moment, output, has_journal, number = case
    held = Held(moment)
    place = {"folder": "out/", "jsonl": "o.jsonl", "md": "o.md", "stdout": "-"}[output]
    kept = ["--journal", "pages.journal"] if has_journal else []
    with ScriptedServer(api_key="") as server:
        server.answer(held)
        engine = ["-e", "some-vlm", "--base-url", server.base_url, "--max-concurrency", str(AT_ONCE)]
        arguments = [sys.executable, "-m", "vlm_core.cli", "read", str(folder), *engine, *kept, "-o", place]
        with preloaded.start(arguments, tmp_path) as running:
            try:
                told = stop(running, held, number)
                shown = running.stdout.read().decode()
            finally:
                held.may_answer.set()
        assert running.returncode == 128 + number
        read = sorted(held.asked)
        assert moment < len(read) <= moment + AT_ONCE
        whole = [name for name, pages in DOCUMENTS.items() if set(pages) <= set(read)]
        begun = [
            name for name, pages in DOCUMENTS.items() if name not in whole and not set(pages).isdisjoint(read)
        ]
        written = {path.name: path.read_text() for path in tmp_path.rglob("o*") if path.is_file()}
        written |= {path.name: path.read_text() for path in tmp_path.glob("out/*")}
        if output == "stdout":
            assert (numbers_in(shown), written) == (read, {})
            last_place = "standard output"
        elif output == "folder":
            assert sorted(written) == sorted(
                [*(f"{name}.md" for name in whole), *(f"{name}.md.partial" for name in begun)]
            )
            assert sorted(numbers_in("".join(written.values()))) == read
            last_place = place
        else:
            last_place = place if output == "jsonl" or len(read) == IN_ALL else f"{place}.partial"
            assert list(written) == [last_place]
            assert numbers_in(written[last_place]) == read
        if len(read) < IN_ALL:
            assert f"interrupted: {last_place} has {len(whole)} of {len(DOCUMENTS)} documents" in told
            assert ("run the same command again" in told) == has_journal
            assert told.count(".tif") == len(begun)
        if has_journal:
            again = preloaded.start(arguments, tmp_path)
            again.communicate()
            assert again.returncode == 0
            assert sorted(held.asked) == sorted(page for pages in DOCUMENTS.values() for page in pages)


# --- what it shows meanwhile


BUDGET_SPENT = 3


def shown_on_a_terminal(arguments: list[str], code: int) -> str:
    """All that a command writes to a terminal as its standard error."""
    import fcntl
    import pty
    import struct
    import termios

    master, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 200, 0, 0))  # rows, columns
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=terminal) as running:
        os.close(terminal)
        shown = b""
        try:
            while piece := os.read(master, 65536):
                shown += piece
        except OSError:
            pass  # Linux says so where the other end was closed
        finally:
            os.close(master)
    assert running.returncode == code
    return shown.decode()


@pytest.fixture
def priced(slow: Slow) -> Iterator[ScriptedServer]:
    with ScriptedServer(api_key="") as server:
        used = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110, "cost": 0.01}
        server.say("TOTAL 9.00", usage=used)
        yield server


def test_a_terminal_shows_how_far_it_is_and_what_is_left(
    priced: ScriptedServer, book: Path, tmp_path: Path
) -> None:
    arguments = command(priced, book, tmp_path / "pages.journal", tmp_path / "pages.jsonl")
    shown = shown_on_a_terminal([*arguments, "--budget", "0.1"], BUDGET_SPENT)
    assert f"{PAGES}/{PAGES}" in shown
    assert f"spent=${priced.requests * 0.01:.4f}" in shown
    assert "left=$0.0000" in shown
    assert shown.count("Raise --budget") == 1
    assert f"the same reason: {PAGES - priced.requests - 1} more" in shown


def test_a_quiet_one_shows_failures_alone(priced: ScriptedServer, book: Path, tmp_path: Path) -> None:
    arguments = command(priced, book, tmp_path / "pages.journal", tmp_path / "pages.jsonl")
    shown = shown_on_a_terminal([*arguments, "--budget", "0.1", "--quiet"], BUDGET_SPENT)
    assert "spent=" not in shown
    assert {line[:5] for line in shown.splitlines()} == {"vlm: "}


def test_where_there_is_no_terminal_no_progress_is_shown(
    priced: ScriptedServer, book: Path, tmp_path: Path
) -> None:
    arguments = command(priced, book, tmp_path / "pages.journal", tmp_path / "pages.jsonl")
    ended = subprocess.run([*arguments, "--budget", "1"], check=True, capture_output=True, text=True)
    assert ended.stderr == f"vlm: {tmp_path}/pages.jsonl has {PAGES} pages: {PAGES} ok; $0.2000\n"


@pytest.mark.parametrize(("count", "pages"), [(50, 58), pytest.param(150, 172, marks=pytest.mark.slow)])
@pytest.mark.parametrize("in_python", [False, True], ids=["vlm-read", "progress=True"])
def test_no_percentage_falls_and_no_total_grows(
    tmp_path: Path, in_python: bool, count: int, pages: int
) -> None:
    (tmp_path / "in").mkdir()
    for number in range(count):
        frame = Image.new("L", (50 + number, 60), 30)
        others = [Image.new("L", (300 + number, 60), 30)] if number % 7 == 0 else []
        frame.save(tmp_path / "in" / f"{number:03}.tif", "TIFF", save_all=True, append_images=others)
    with ScriptedServer(api_key="") as server:
        server.say("TOTAL 9.00")
        if in_python:
            arguments = [sys.executable, "-c", IN_PYTHON, server.base_url, str(tmp_path / "in")]
        else:
            arguments = command(server, tmp_path / "in", tmp_path / "pages.journal", tmp_path / "out/")
        shown = shown_on_a_terminal(arguments, 0)
    percentages = [int(number) for number in re.findall(r"(\d+)%", shown)]
    assert len(percentages) > 3
    assert percentages == sorted(percentages)
    assert percentages[-1] == 100
    assert set(re.findall(r"/(\d+) documents", shown)) == {str(count)}
    assert f"{count}/{count} documents, {pages} pages" in shown


IN_PYTHON = """
import sys
from vlm_core import DocumentReader, VLMClient

client = VLMClient("some-vlm", base_url=sys.argv[1])
for document in DocumentReader(client, progress=True).iter(sys.argv[2]):
    pass
"""
