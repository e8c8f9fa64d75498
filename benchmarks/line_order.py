"""How long it takes to put the lines of a page in order, with 5,000 and with 20,000 boxes on it.

    python benchmarks/line_order.py

Pages are laid out as no person would: in a grid, in one row, in one column, boxes within boxes, as dust.
Prints CPU seconds for each layout, and by how much they grow: four times as many boxes are four times as
much work at the least. Exits with 1 where a layout takes more than 5 s.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from vlm_core.ocr.layout import lines_in_order
from vlm_core.reading_order.pieces import Piece

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "security"))
from crowded_pages import LAYOUTS

FEW, MANY = 5_000, 20_000
MOST_SECONDS = 5.0
"""Promised, for each layout."""


def cpu_seconds(pieces: list[Piece]) -> float:
    start = time.process_time()
    lines_in_order(pieces, 2_000, 3_000)
    return time.process_time() - start


def main() -> int:
    slowest = 0.0
    print(f"{'boxes':16} {FEW:>8,} {MANY:>8,}   growth")
    for layout in LAYOUTS:
        few, many = (cpu_seconds(layout(count)) for count in (FEW, MANY))
        slowest = max(slowest, few, many)
        print(f"{layout.__name__:16} {few:7.2f}s {many:7.2f}s {many / few:8.1f}", flush=True)
    print(f"slowest: {slowest:.2f} s of CPU; promised: {MOST_SECONDS} at most")
    return 0 if slowest <= MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
