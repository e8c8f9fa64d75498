"""Memory that a job has freed goes back to the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

LARGE_PAGES_THEN_A_SMALL_ONE = """
from vlm_core import DocumentReader, PageResult
import resource

class Wasteful:
    name, model = "wasteful", None
    kept = []

    def read_page(self, page):
        blocks = [b"x" * (99_000 + number) for number in range(3_000)]  # 300 MB
        self.kept += blocks[::300]  # so that what is free stands between what is kept
        return PageResult(text="read", engine=self.name)

reader = DocumentReader(Wasteful(), max_concurrency=1)
reader.read(b"P5 1 1 255 x")
print(int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize() // 1_000_000)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_what_a_page_took_is_given_back_at_the_end_of_the_job() -> None:
    run = [sys.executable, "-c", LARGE_PAGES_THEN_A_SMALL_ONE]
    assert int(subprocess.run(run, check=True, capture_output=True, text=True).stdout) < 150
