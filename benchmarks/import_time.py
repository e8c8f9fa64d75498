"""What our imports cost beside the bases that they stand on: CPU, medians of nine, interleaved.

    python benchmarks/import_time.py

Exits with 1 where one costs 60 ms or more over its base.
"""

from __future__ import annotations

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
PROGRAM = "{}\nimport time; print(time.process_time() * 1000)"


def cpu_ms(statement: str) -> float:
    """CPU of a fresh interpreter that runs one import, in milliseconds."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(statement)], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def extra_ms(base: str, ours: str) -> tuple[float, float]:
    """The base's cost and what ours costs over it."""
    cpu_ms(ours)  # byte-compiles
    pairs = [(cpu_ms(base), cpu_ms(ours)) for _ in range(ROUNDS)]
    base_ms, ours_ms = (statistics.median(column) for column in zip(*pairs, strict=True))
    return base_ms, ours_ms - base_ms


def main() -> int:
    worst = 0.0
    for name, (base, ours) in PAIRS.items():
        base_ms, extra = extra_ms(base, ours)
        worst = max(worst, extra)
        print(f"{name:16} {extra:6.1f} ms over {base_ms:7.1f} ms for: {base}")
    return 0 if worst < LIMIT_MS else 1


if __name__ == "__main__":
    sys.exit(main())
