"""What our imports cost beside the bases that they stand on: CPU, medians of nine.

    python benchmarks/import_time.py

Exits with 1 where one costs 60 ms or more over its base.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

ROUNDS = 9
LIMIT_MS = 60.0
PAIRS = {
    "vlm_core": ("from pydantic import BaseModel", "from vlm_core import DocumentReader, PageResult, read"),
    "langchain_vlm": (
        "from langchain_core.document_loaders import BaseLoader",
        "from langchain_vlm import VLMLoader",
    ),
    "llamaindex_vlm": (
        "from llama_index.core.readers.base import BasePydanticReader",
        "from llamaindex_vlm import VLMReader",
    ),
}
PROGRAM = """
import time
start = time.process_time()
{base}
between = time.process_time()
{ours}
print(between - start, time.process_time() - between)
"""


def cpu_ms(base: str, ours: str) -> tuple[float, float]:
    """CPU of a base's import and of ours after it, in a fresh interpreter, in milliseconds."""
    # Installed packages are byte-compiled; so must be what is measured.
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}
    command = [sys.executable, "-c", PROGRAM.format(base=base, ours=ours)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    base_seconds, ours_seconds = done.stdout.split()
    return 1000 * float(base_seconds), 1000 * float(ours_seconds)


def main() -> int:
    worst = 0.0
    for name, pair in PAIRS.items():
        cpu_ms(*pair)  # byte-compiles
        rounds = [cpu_ms(*pair) for _ in range(ROUNDS)]
        base, ours = (statistics.median(times) for times in zip(*rounds, strict=True))
        worst = max(worst, ours)
        print(f"{name:16} {ours:6.1f} ms over {base:7.1f} ms for: {pair[0]}")
    return 0 if worst < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
