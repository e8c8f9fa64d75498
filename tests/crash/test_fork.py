"""A journal that is open while its process forks: both go on, neither harms the other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vlm_core.jobs.journal import Journal

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

BEGIN = """
import os, sys, threading
from vlm_core.jobs.journal import Journal, page_key
from vlm_core.types import PageResult

journal = Journal(sys.argv[1])

def put(name, count=100):
    for number in range(count):
        journal.put(page_key(f"{name}-{number}"), PageResult(text=name))
        assert journal.get(page_key(f"{name}-{number}")) is not None

def fork(work):
    pid = os.fork()
    if pid == 0:
        work()
        os._exit(0)
    return pid

def wait(pid):
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
"""

BOTH_WRITE = """
put("before")
children = [fork(lambda name=name: put(name)) for name in ("first", "second")]
put("parent")
journal.close()  # SQLite would now remove what the children write to, did it think them gone
[wait(child) for child in children]
"""

THREADS_WRITE = """
put("before")  # pydantic builds a model on first use, under a lock that a fork must not find taken
threads = [threading.Thread(target=put, args=(f"thread-{number}",)) for number in range(3)]
[thread.start() for thread in threads]
children = [fork(lambda name=name: put(f"child-{name}", 20)) for name in range(5)]
[wait(child) for child in children]
[thread.join() for thread in threads]
"""

CLAIM_OF_THE_PARENT = """
key = page_key("a page")
claim = journal.claim(key)
claim.__enter__()
wait(fork(claim.__exit__))
assert journal._take(key, "another", 900.0) is False
"""


def run(program: str, path: Path) -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BEGIN + program, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("program", "pages"),
    [
        pytest.param(BOTH_WRITE, 400, id="parent and children write"),
        pytest.param(THREADS_WRITE, 500, id="threads write while it forks"),
    ],
)
def test_nothing_is_lost_or_damaged(tmp_path: Path, program: str, pages: int) -> None:
    run(program, tmp_path / "pages.journal")
    with Journal(tmp_path / "pages.journal") as journal:
        assert journal.verify() == []
        assert journal.totals().pages == {"ok": pages}


def test_a_child_that_leaves_the_block_does_not_give_up_its_parents_claim(tmp_path: Path) -> None:
    run(CLAIM_OF_THE_PARENT, tmp_path / "pages.journal")
