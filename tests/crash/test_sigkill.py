"""A process that is killed: what it had recorded is there, and what it was at goes to another."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from vlm_core.jobs.journal import Journal, page_key
from vlm_core.types import PageResult

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

# For each line on standard input, a process that says its number, and each key once its result is
# recorded; without end. They are forked, since starting Python takes longer than the test. A line is written
# at once: print writes its end by itself where PYTHONUNBUFFERED is set.
PUTS = """
import os, sys
from itertools import count
from vlm_core.jobs.journal import Journal, page_key
from vlm_core.types import PageResult

for name in sys.stdin:
    child = os.fork()
    if child == 0:
        print(os.getpid(), flush=True)
        journal = Journal(sys.argv[1])
        for number in count():
            key = page_key(f"{name}-{number}")
            journal.put(key, PageResult(text=f"{key} " * (number * 37 % 400)))
            os.write(1, key.encode() + b"\\n")
    os.waitpid(child, 0)
    print("killed", flush=True)
"""

# Works through 200 pages; says which it is about to claim, and which it reads and so pays for. With a
# third argument it waits, with that page claimed, for a line on standard input.
WORKS = """
import sys
from vlm_core.jobs.journal import Journal, page_key
from vlm_core.types import PageResult

journal = Journal(sys.argv[1])
for number in range(200):
    print("comes to", number, flush=True)
    key = page_key(f"page-{number}")
    with journal.claim(key) as known:
        if known is None:
            print("reads", number, flush=True)
            if sys.argv[2:] == [str(number)]:
                input()
            journal.put(key, PageResult(text=f"the text of {number}"))
        else:
            assert known.text == f"the text of {number}"
"""


@contextmanager
def process(program: str, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            yield child
        finally:
            child.kill()


def output(child: subprocess.Popen[str]) -> IO[str]:
    assert child.stdout is not None
    return child.stdout


def lines_until(child: subprocess.Popen[str], last: str) -> list[str]:
    lines = []
    for line in output(child):
        lines.append(line.strip())
        if lines[-1] == last:
            return lines
    raise AssertionError(f"{last!r} was never said: {lines[-3:]}")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "pages.journal"


def keys_said(nursery: subprocess.Popen[str], name: int, lines: int) -> list[str]:
    """What a process said that it had recorded, killed at some moment after so many lines."""
    print(name, file=nursery.stdin, flush=True)
    child = int(output(nursery).readline())
    said = [output(nursery).readline().strip() for _ in range(lines)]
    os.kill(child, signal.SIGKILL)
    return said + lines_until(nursery, "killed")[:-1]


def test_twenty_kills_damage_nothing_and_lose_nothing(path: Path) -> None:
    moments = random.Random(20)  # of the line; the moment within it is the system's
    with process(PUTS, path) as nursery:
        said = [key for name in range(20) for key in keys_said(nursery, name, moments.randint(1, 150))]
    with Journal(path) as journal:
        assert journal.verify() == []
        assert len(said) > 1000
        assert [key for key in said if journal.get(key) is None] == []


def test_two_processes_read_each_page_once(path: Path) -> None:
    with process(WORKS, path) as one, process(WORKS, path) as other:
        said = [line for child in (one, other) for line in child.communicate()[0].splitlines()]
        assert (one.returncode, other.returncode) == (0, 0)
    assert Counter(line for line in said if line.startswith("reads")) == {
        f"reads {number}": 1 for number in range(200)
    }
    with Journal(path) as journal:
        assert journal.totals().pages == {"ok": 200}


def test_the_page_of_a_killed_process_is_taken_over(path: Path) -> None:
    """At once, not when its time is over: that is a quarter of an hour."""
    with process(WORKS, path, 100) as first:
        said = lines_until(first, "reads 100")
        with process(WORKS, path) as second:
            said += lines_until(second, "comes to 100")
            first.kill()
            first.wait()
            said += output(second).read().splitlines()
            assert second.wait() == 0
    reads = Counter(line for line in said if line.startswith("reads"))
    assert reads == {f"reads {number}": 1 for number in range(200)} | {"reads 100": 2}
    with Journal(path) as journal:
        assert [journal.get(page_key(f"page-{number}")) for number in range(200)] == [
            PageResult(text=f"the text of {number}") for number in range(200)
        ]


def test_a_process_that_stands_still_keeps_its_page(path: Path) -> None:
    with process(WORKS, path, 100) as first:
        said = lines_until(first, "reads 100")
        with process(WORKS, path) as second:
            said += lines_until(second, "comes to 100")
            first_rest, _ = first.communicate("go on\n")
            second_rest, _ = second.communicate()
    said += [*first_rest.splitlines(), *second_rest.splitlines()]
    assert max(Counter(line for line in said if line.startswith("reads")).values()) == 1
