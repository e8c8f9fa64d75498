"""Where on a page a text is found: each true line sought on the receipts that have it, in one run.

    python benchmarks/find_text.py FOLDER

FOLDER holds pictures (`NNN.jpg`) and beside each its true lines (`NNN.csv`: eight coordinates and
the text, split at commas), as the SROIE receipts have them. A line is found where one of the boxes
that are returned overlaps the true one by half or more (intersection over union). Beside it stands a
crude search: the engine's lines by their likeness, whole. `right` is the share of the boxes that overlap a
true line of the same text; a box on a part of a longer line that holds the text counts as wrong there.
Exits with 1 where the shares that the project promises are not met.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from difflib import SequenceMatcher
from pathlib import Path
from typing import NamedTuple

from vlm_core import DocumentReader, PageResult, TextLine
from vlm_core.assistant.text_matching import find

LONG_LINES, ALL_LINES = 0.97, 0.89
"""Promised: of lines with four or more letters or digits, and of all."""
Box = tuple[float, float, float, float]
Search = Callable[[str, Sequence[TextLine]], list[Box]]


class TrueLine(NamedTuple):
    text: str
    box: Box


class Score(NamedTuple):
    long: float
    every: float
    boxes: float
    right: float


def true_lines(page: PageResult) -> Iterator[TrueLine]:
    for row in Path(page.source).with_suffix(".csv").read_text("utf-8", "replace").splitlines():
        if row.count(",") >= 8:
            *corners, text = row.split(",", 8)
            x, y = [int(n) / page.width for n in corners[::2]], [int(n) / page.height for n in corners[1::2]]
            yield TrueLine(text, (min(x), min(y), max(x), max(y)))


def overlap(a: Box, b: Box) -> float:
    width, height = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, width) * max(0.0, height)
    return both / (sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - both)


def plain(text: str) -> str:
    return "".join(text.casefold().split())


def ours(sought: str, lines: Sequence[TextLine]) -> list[Box]:
    return [box for place in find(sought, lines) for box in place.boxes]


def crude(sought: str, lines: Sequence[TextLine]) -> list[Box]:
    """Lines that are like the text, or hold it."""
    wanted = plain(sought)
    return [
        line.bbox
        for line in lines
        if wanted in plain(line.text) or SequenceMatcher(None, wanted, plain(line.text)).ratio() >= 0.7
    ]


def measure(search: Search, pages: Sequence[PageResult]) -> Score:
    hits: list[tuple[bool, bool]] = []
    right: list[bool] = []
    for page in pages:
        lines = list(true_lines(page))
        for text, true in lines:
            boxes = search(text, page.lines)
            same = [line.box for line in lines if plain(line.text) == plain(text)]
            right += [any(overlap(box, other) >= 0.5 for other in same) for box in boxes]
            hits.append((sum(map(str.isalnum, text)) >= 4, any(overlap(box, true) >= 0.5 for box in boxes)))
    long = [hit for is_long, hit in hits if is_long]
    every = [hit for _, hit in hits]
    shares = sum(long) / len(long), sum(every) / len(every)
    return Score(*shares, len(right) / len(hits), sum(right) / max(len(right), 1))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    pictures = sorted(map(str, parser.parse_args().folder.glob("*.jpg")))
    pages = [document.pages[0] for document in DocumentReader(task="text").iter(pictures)]
    scores = {"vlm-adapters": measure(ours, pages), "crude search": measure(crude, pages)}
    for name, score in scores.items():
        print(
            f"{name:14} lines of 4 letters or more {score.long:.4f}   all lines {score.every:.4f}", end="   "
        )
        print(f"boxes for each {score.boxes:.2f}   right {score.right:.3f}")
    print(f"promised: {LONG_LINES} and {ALL_LINES}")
    own = scores["vlm-adapters"]
    return 0 if own.long >= LONG_LINES and own.every >= ALL_LINES else 1


if __name__ == "__main__":
    sys.exit(main())
