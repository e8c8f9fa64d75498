"""Whether text comes in the order in which it is read: born-digital PDFs, scans, and pages with truth.

    python benchmarks/reading_order.py DATA

DATA holds some of these folders; what is absent is left out.

`wild/` and `pdfs/`: PDFs. Of each born-digital page all pairs of lines are taken of which most of the
shorter one stands above or below the other, so that both are of one column. A pair is inverted where
the lower line comes first. Beside ours stand pdftotext (poppler-utils, where it is installed) and pypdf:
they give no boxes, so their order is that in which they give our lines, as far as a line's text stands in
theirs once and does not belong to another line. `lines` counts those.

`hard/`: pictures of one page of prose, skewed and in perspective, with its text beside each (`.json`).
NED is one minus the edit distance of the words, by the longer of the two.

`layout/omnidocbench/`: pictures with blocks in their true order (`order` and `text` in `.json`). Each of our
lines belongs to the block whose text is most like it, 0.8 or more by characters; a block stands at the
median place of its lines. Of all pairs of blocks that were found, the share in the true order counts.

`layout/olmocr-bench/`: PDFs, and `tests.jsonl` with tests `order` and `present`, as olmOCR-bench has them.
A text is present where the page has all its characters; `order` takes 0.9 of them.

Exits with 1 where what the project promises is not met.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from statistics import median
from typing import Any

from pypdf import PdfReader
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from vlm_core import DocumentReader, PageImage, PageResult

MOST_INVERTED, LEAST_NED, LEAST_IN_ORDER = 0.02, 0.98, 0.90
"""Promised: of the pairs of lines, of each page of prose, of the pairs of blocks. Of olmOCR's orders, all."""
PROSE = re.compile("prose_(skew|persp|photo).*")
PASSWORD = "1234"
"""That the files of `pdfs/` open with, if with any."""
Box = tuple[float, float, float, float]
Order = list[Box]


class NoEngine:
    """Reads no picture, so that only a PDF's own text is left."""

    name = "none"
    model = None

    def read_page(self, page: PageImage) -> PageResult:
        return PageResult(engine=self.name, source=page.source, page_number=page.page_number)


def inverted(order: Order) -> tuple[int, int]:
    """Pairs of lines of one column of which the lower one comes first, and all such pairs."""
    wrong = pairs = 0
    for first, second in combinations(order, 2):
        shared = min(first[2], second[2]) - max(first[0], second[0])
        rise = (first[1] + first[3] - second[1] - second[3]) / 2
        if shared <= 0.5 * min(first[2] - first[0], second[2] - second[0]):
            continue
        if abs(rise) > 0.5 * min(first[3] - first[1], second[3] - second[1]):
            pairs += 1
            wrong += rise > 0
    return wrong, pairs


def plain(text: str) -> str:
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text).casefold())


def order_in(text: str, page: PageResult) -> Order:
    """Our lines' boxes in the order in which another program's text has them."""
    whole = plain(text)
    lines = [(plain(line.text), line.bbox) for line in page.lines]
    texts = [line for line, _ in lines]
    places = [
        (whole.find(line), box)
        for line, box in lines
        if len(line) >= 3 and whole.count(line) == 1 and sum(line in other for other in texts) == 1
    ]
    return [box for _, box in sorted(places)]


def pdftotext(path: Path, page: int) -> str:
    command = ["pdftotext", "-f", str(page), "-l", str(page), "-upw", PASSWORD, str(path), "-"]
    return subprocess.run(command, capture_output=True, text=True, errors="replace").stdout


def pypdf(path: Path, page: int) -> str:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    reader = PdfReader(path)
    if reader.is_encrypted:
        reader.decrypt(PASSWORD)
    return reader.pages[page - 1].extract_text()


def born_digital(paths: Sequence[Path]) -> Iterator[tuple[Path, list[PageResult]]]:
    for path in paths:
        reader = DocumentReader(engine=NoEngine(), task="text", password=PASSWORD)
        pages = [
            page for page in reader.read(str(path)).pages if page.engine == "pdf" and len(page.lines) > 1
        ]
        if pages:
            yield path, pages


def compare_pdfs(data: Path) -> bool:
    peers = {"pypdf": pypdf}
    if shutil.which("pdftotext"):
        peers = {"pdftotext": pdftotext, **peers}
    totals = {name: [0, 0] for name in ("vlm-adapters", *peers)}
    for path, pages in born_digital(sorted([*data.glob("wild/*.pdf"), *data.glob("pdfs/*.pdf")])):
        figures = []
        orders = {"vlm-adapters": [[line.bbox for line in page.lines] for page in pages]}
        for name, extract in peers.items():
            try:
                orders[name] = [order_in(extract(path, page.page_number), page) for page in pages]
            except Exception as error:  # noqa: BLE001  what pypdf cannot read
                figures.append(f"{name} failed: {type(error).__name__}")
        for name, found in orders.items():
            wrong, pairs = map(sum, zip(*map(inverted, found), strict=True))
            totals[name][0] += wrong
            totals[name][1] += pairs
            figures.append(f"{name} {share(wrong, pairs)} of {pairs} ({sum(map(len, found))} lines)")
        print(f"{path.name[:44]:44} {'   '.join(figures)}", flush=True)
    print(
        "inverted pairs, all PDFs:", "   ".join(f"{name} {share(*total)}" for name, total in totals.items())
    )
    wrong, pairs = totals["vlm-adapters"]
    return wrong < MOST_INVERTED * max(pairs, 1)


def share(part: int, whole: int) -> str:
    return f"{part / whole:.4f}" if whole else "     -"


def compare_prose(data: Path) -> bool:
    reader = DocumentReader(task="text")
    scores = []
    for path in sorted(path for path in data.glob("hard/*.jpg") if PROSE.fullmatch(path.stem)):
        read, true = (
            reader.read(str(path)).text,
            json.loads(path.with_suffix(".json").read_text("utf-8"))["text"],
        )
        scores.append(Levenshtein.normalized_similarity(words(read), words(true)))
        print(f"{path.name:44} NED {scores[-1]:.3f}", flush=True)
    return min(scores, default=1.0) >= LEAST_NED


def words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


def compare_blocks(data: Path) -> bool:
    reader = DocumentReader(task="text")
    total = [0, 0]
    for path in sorted(data.glob("layout/omnidocbench/*.jpg")):
        blocks = dict(true_blocks(path.with_suffix(".json")))
        places: dict[int, list[int]] = {}
        for place, line in enumerate(reader.read(str(path)).pages[0].lines):
            block = most_like(plain(line.text), blocks)
            if block is not None:
                places.setdefault(block, []).append(place)
        pairs = list(combinations([median(places[block]) for block in sorted(places)], 2))
        right = sum(before < after for before, after in pairs)
        total[0] += right
        total[1] += len(pairs)
        print(
            f"{path.name:44} {len(places)} of {len(blocks)} blocks found, "
            f"pairs in order {right} of {len(pairs)}",
            flush=True,
        )
    print("pairs of blocks in order:", share(*total))
    return total[0] >= LEAST_IN_ORDER * total[1]


def true_blocks(path: Path) -> Iterator[tuple[int, str]]:
    for block in json.loads(path.read_text("utf-8"))["layout_dets"]:
        text = plain(block.get("text") or "")
        if block.get("order") is not None and not block.get("ignore") and len(text) >= 4:
            yield block["order"], text


def most_like(line: str, blocks: dict[int, str]) -> int | None:
    """The block that a line is of; None where it is too short to tell, or like none."""
    if len(line) < 4:
        return None
    likeness = {
        block: fuzz.partial_ratio(line, text)
        for block, text in blocks.items()
        if len(text) >= 0.8 * len(line)
    }
    best = max(likeness, key=lambda block: likeness[block], default=None)
    return best if best is not None and likeness[best] >= 80 else None


def compare_tests(data: Path) -> bool:
    folder = data / "layout/olmocr-bench"
    if not (folder / "tests.jsonl").exists():
        return True
    tests = [json.loads(row) for row in (folder / "tests.jsonl").read_text("utf-8").splitlines()]
    tests = [test for test in tests if test["type"] in ("order", "present")]
    reader = DocumentReader(task="text")
    texts = {
        (name, page.page_number): " ".join(page.text.split())
        for name in sorted({test["pdf"] for test in tests})
        for page in reader.read(str(folder / name)).pages
    }
    passed: dict[str, list[bool]] = {"order": [], "present": []}
    for test in tests:
        passed[test["type"]].append(passes(test, texts[test["pdf"], test["page"]]))
    for kind, results in passed.items():
        print(f"olmOCR-bench {kind}: {sum(results)} of {len(results)}")
    return all(passed["order"])


def passes(test: dict[str, Any], text: str) -> bool:
    if test["type"] == "order":
        before, after = (fuzz.partial_ratio_alignment(test[which], text) for which in ("before", "after"))
        return min(before.score, after.score) >= 90 and before.dest_start < after.dest_start
    wanted = test["text"]
    if not test.get("case_sensitive", True):
        wanted, text = wanted.casefold(), text.casefold()
    return wanted in text


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    data = parser.parse_args().data
    met = [compare(data) for compare in (compare_pdfs, compare_prose, compare_blocks, compare_tests)]
    print(
        f"promised: under {MOST_INVERTED} of the pairs of lines inverted, NED {LEAST_NED}, "
        f"{LEAST_IN_ORDER} of the pairs of blocks in order, every order of olmOCR-bench"
    )
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
