"""How long it takes to put the lines of a page in order and to find its tables, with 5,000 and 20,000 boxes.

    python benchmarks/line_order.py

Pages are laid out as no person would: in a grid, in one row, in one column, boxes within boxes, as dust,
under thousands of ruling lines. Prints CPU seconds for each layout, and by how much they grow: four times as
many boxes are four times as much work at the least. Exits with 1 where a layout takes more than 5 s.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from vlm_core.ocr.layout import lines_in_order
from vlm_core.structure.table_finding.find import find_tables

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "security"))
from crowded_pages import LAYOUTS, Layout
from crowded_tables import RULED, Ruled, nested_frames

FEW, MANY = 5_000, 20_000
MOST_SECONDS = 5.0
"""Promised, for each layout."""


def to_order(layout: Layout, count: int) -> float:
    pieces = layout(count)
    start = time.process_time()
    lines_in_order(pieces, 2_000, 3_000)
    return time.process_time() - start


def to_find_tables(ruled: Callable[[int], Ruled], count: int) -> float:
    page = ruled(count)
    start = time.process_time()
    find_tables(page.lines, page.rules, 1_000, 1_400)
    return time.process_time() - start


def main() -> int:
    slowest = 0.0
    print(f"{'boxes':16} {FEW:>8,} {MANY:>8,}   growth")
    work = [(each.__name__, partial(to_order, each)) for each in LAYOUTS]
    work += [(each.__name__, partial(to_find_tables, each)) for each in (*RULED, nested_frames)]
    for name, seconds in work:
        few, many = seconds(FEW), seconds(MANY)
        slowest = max(slowest, few, many)
        print(f"{name:16} {few:7.2f}s {many:7.2f}s {many / few:8.1f}", flush=True)
    print(f"slowest: {slowest:.2f} s of CPU; promised: {MOST_SECONDS} at most")
    return 0 if slowest <= MOST_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
