"""Whether headings and their levels are found, and what that costs.

    python benchmarks/structure.py DATA

DATA holds some of these folders; what is absent is left out.

The PDFs that `headings.json` names, beside this file: their headings with page and level, written by hand.
Of the Federal Register that is pages 1 to 6.

`layout/omnidocbench/`: pictures with the titles that stand on them (`title` in `.json`).

A heading is found where its letters and those of one of ours are alike by 0.85 or more. Levels are compared
over the headings that were found, pair by pair: which of two is higher, or that they are level.

Seconds of CPU are those of making the blocks, beside those of reading.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from rapidfuzz.fuzz import ratio

from vlm_core import DocumentReader, DocumentResult

TRUTH = Path(__file__).with_name("headings.json")
ALIKE = 85


class Score(NamedTuple):
    """How many headings there are, how many of ours, how many of these are true; and of levels likewise."""

    true: int
    ours: int
    found: int
    pairs: int = 0
    right: int = 0

    def __str__(self) -> str:
        recall, precision = self.found / max(1, self.true), self.found / max(1, self.ours)
        levels = f", levels {self.right / self.pairs:.2f}" if self.pairs else ""
        counts = f"{self.found} of {self.true} found, {self.ours} given"
        return f"recall {recall:.2f} precision {precision:.2f}{levels}  ({counts})"


def total(scores: Sequence[Score]) -> Score:
    return Score(*map(sum, zip(*scores, strict=True))) if scores else Score(0, 0, 0)


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def score(truth: Sequence[tuple[int, str]], ours: Sequence[tuple[int, str]]) -> Score:
    """Each of ours is one of the truth's at most."""
    left = list(ours)
    matched: list[tuple[int, int]] = []
    for level, text in truth:
        best = max(left, key=lambda one: ratio(letters(one[1]), letters(text)), default=None)
        if best is not None and ratio(letters(best[1]), letters(text)) >= ALIKE:
            left.remove(best)
            matched.append((level, best[0]))
    pairs = list(combinations(matched, 2))
    right = sum(_sign(a[0] - b[0]) == _sign(a[1] - b[1]) for a, b in pairs)
    return Score(len(truth), len(ours), len(matched), len(pairs), right)


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


class Clock:
    """Seconds of CPU for reading and for the blocks."""

    def __init__(self) -> None:
        self.reading = self.structure = 0.0
        self.pages = 0

    def read(self, reader: DocumentReader, path: Path) -> DocumentResult:
        began = time.process_time()
        document = reader.read(path)
        read = time.process_time()
        document.blocks  # noqa: B018  made when they are asked for
        self.reading += read - began
        self.structure += time.process_time() - read
        self.pages += len(document.pages)
        return document

    def __str__(self) -> str:
        each = 1000 * self.structure / max(1, self.pages)
        share = self.structure / max(1e-9, self.reading)
        return f"blocks {each:.1f} ms of CPU a page, {share:.1%} of reading"


def by_hand(data: Path) -> Iterator[str]:
    clock, scores = Clock(), []
    for name, rows in json.loads(TRUTH.read_text(encoding="utf-8")).items():
        if not (data / name).exists():
            continue
        last = max(page for page, _, _ in rows)
        document = clock.read(DocumentReader(max_pages=last), data / name)
        ours = [(block.level or 1, block.text) for block in document.blocks if block.kind == "heading"]
        scores.append(score([(level, text) for _, level, text in rows], ours))
        yield f"{name}: {scores[-1]}"
    yield f"headings by hand: {total(scores)}; {clock}"


def of_pictures(data: Path) -> Iterator[str]:
    clock, scores = Clock(), []
    reader = DocumentReader()
    for path in sorted((data / "layout" / "omnidocbench").glob("*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))["layout_dets"]
        titles = [(1, one["text"]) for one in found if one["category_type"] == "title" and one.get("text")]
        document = clock.read(reader, path.with_suffix(".jpg"))
        ours = [(1, block.text) for block in document.blocks if block.kind == "heading"]
        scores.append(score(titles, ours)._replace(pairs=0, right=0))
        yield f"{path.stem}: {scores[-1]}"
    yield f"headings of pictures: {total(scores)}; {clock}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    parts = [("headings.json", by_hand)]
    parts += [("layout/omnidocbench", of_pictures)] if (data / "layout" / "omnidocbench").is_dir() else []
    for name, part in parts:
        print(f"== {name}")
        for line in part(data):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
