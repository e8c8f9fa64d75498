"""`vlm read` stopped by Ctrl-C or SIGTERM: what was read is written, and what was paid for is kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Lock

import pytest
from PIL import Image

from vlm_core.jobs.journal import Journal
from vlm_core.testing import ScriptedServer, Seen

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="it has no such signals")

PAGES = 20
DELIVERED = 3
AT_ONCE = 4
LONG_SECONDS = 30.0
"""That no test waits for."""
SIGNALS = [
    pytest.param(signal.SIGINT, 130, id="ctrl-c"),
    pytest.param(signal.SIGTERM, 143, id="sigterm"),
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


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def texts(count: int) -> list[str]:
    return [f"page {number}" for number in range(1, count + 1)]


def pages_in(written: str) -> list[str]:
    return [json.loads(line)["text"] for line in written.splitlines()]


def stop(running: subprocess.Popen[bytes], slow: Slow, number: int) -> None:
    """Stop it while it waits for pages, and let these come."""
    assert running.stderr is not None
    assert slow.is_busy.wait(LONG_SECONDS)
    running.send_signal(number)
    assert running.stderr.readline() == b"vlm: interrupted; what was read is kept\n"
    slow.may_answer.set()
    assert running.stderr.read() == b""


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_what_was_read_is_written_and_what_was_begun_is_paid_for_once(
    server: ScriptedServer, slow: Slow, book: Path, tmp_path: Path, number: int, code: int
) -> None:
    journal = tmp_path / "pages.journal"
    arguments = [*command(server, book, journal, "-"), "--format", "jsonl"]
    with start(arguments) as running:
        assert running.stdout is not None
        written = b"".join(running.stdout.readline() for _ in range(DELIVERED))
        stop(running, slow, number)
        assert running.stdout.read() == b""
    assert running.returncode == code
    assert pages_in(written.decode()) == texts(DELIVERED)
    assert len(slow.asked) == DELIVERED + AT_ONCE
    with Journal(journal) as opened:
        assert opened.verify() == []
        assert opened.totals().pages == {"ok": DELIVERED + AT_ONCE}
    again = subprocess.run(arguments, check=True, capture_output=True, text=True)
    assert pages_in(again.stdout) == texts(PAGES)
    assert sorted(slow.asked) == list(range(1, PAGES + 1))


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_file_that_is_not_complete_is_called_so(
    server: ScriptedServer, slow: Slow, book: Path, tmp_path: Path, number: int, code: int
) -> None:
    output = tmp_path / "book.txt"
    output.write_text("an older one")
    slow.last_words = "\u200b"
    with start(command(server, book, tmp_path / "pages.journal", output)) as running:
        assert running.stderr is not None
        assert b"page 3: " in running.stderr.readline()  # it has come, and is perhaps not written yet
        stop(running, slow, number)
    assert running.returncode == code
    assert output.read_text() == "an older one"
    written = (tmp_path / "book.txt.partial").read_text().replace("\u200b", "").split()
    assert " ".join(written) in (" ".join(texts(DELIVERED - 1)), " ".join(texts(DELIVERED)))
    assert sorted(path.name for path in tmp_path.glob("*book*")) == ["book.txt", "book.txt.partial"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_second_signal_does_not_wait(
    server: ScriptedServer, slow: Slow, book: Path, tmp_path: Path, number: int
) -> None:
    journal = tmp_path / "pages.journal"
    with start([*command(server, book, journal, "-"), "--format", "jsonl"]) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        for _ in range(DELIVERED):
            running.stdout.readline()
        running.send_signal(number)
        assert running.stderr.readline() == b"vlm: interrupted; what was read is kept\n"
        running.send_signal(number)
        running.wait(LONG_SECONDS)
        assert not slow.may_answer.is_set()
    assert running.returncode == -number
    with Journal(journal) as opened:
        assert opened.totals().pages == {"ok": DELIVERED}


# --- what it shows meanwhile


def shown_on_a_terminal(arguments: list[str]) -> str:
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
    assert running.returncode == 3  # the budget was too small
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
    shown = shown_on_a_terminal([*arguments, "--budget", "0.1"])
    assert f"{PAGES}/{PAGES}" in shown
    assert f"spent=${priced.requests * 0.01:.4f}" in shown
    assert "left=$0.0000" in shown
    assert shown.count("Raise --budget") == 1
    assert f"the same reason: {PAGES - priced.requests - 1} more" in shown


def test_a_quiet_one_shows_failures_alone(priced: ScriptedServer, book: Path, tmp_path: Path) -> None:
    arguments = command(priced, book, tmp_path / "pages.journal", tmp_path / "pages.jsonl")
    shown = shown_on_a_terminal([*arguments, "--budget", "0.1", "--quiet"])
    assert "spent=" not in shown
    assert {line[:5] for line in shown.splitlines()} == {"vlm: "}


def test_where_there_is_no_terminal_no_progress_is_shown(
    priced: ScriptedServer, book: Path, tmp_path: Path
) -> None:
    arguments = command(priced, book, tmp_path / "pages.journal", tmp_path / "pages.jsonl")
    ended = subprocess.run([*arguments, "--budget", "1"], check=True, capture_output=True)
    assert ended.stderr == b""
