"""The embedded engine beside RapidOCR's defaults and Tesseract: accuracy and CPU, in one run.

    python benchmarks/local_ocr.py FOLDER

FOLDER holds pictures (`NNN.jpg`) and beside each its true lines (`NNN.csv`: eight coordinates and
the text, split at commas), as the SROIE receipts have them. Word F1 is over all pictures together:
words are runs of A-Z and 0-9 of the upper-cased text, counted as a multiset. CPU is this process's
and its children's, models loaded before; each engine has the decoding of the file in its figure.
Exits with 1 where the margins that the project promises are not met.
"""

from __future__ import annotations

import argparse
import logging
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

F1_MARGIN = 0.010
SPEED_RATIO = 2.0


class Score(NamedTuple):
    f1: float
    pages_per_cpu_second: float


def words(text: str) -> Counter[str]:
    return Counter(re.findall("[A-Z0-9]+", text.upper()))


def true_text(picture: Path) -> str:
    rows = picture.with_suffix(".csv").read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(row.split(",", 8)[8] for row in rows if row.count(",") >= 8)


def f1(pairs: list[tuple[str, str]]) -> float:
    shared = sum(((words(read) & words(true)).total() for read, true in pairs), 0)
    return 2 * shared / sum(words(read).total() + words(true).total() for read, true in pairs)


def cpu_seconds() -> float:
    import resource

    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def measure(engine: Callable[[Path], str], pictures: list[Path]) -> Score:
    engine(pictures[0])
    started = cpu_seconds()
    texts = [engine(picture) for picture in pictures]
    spent = cpu_seconds() - started
    return Score(
        f1([(text, true_text(p)) for text, p in zip(texts, pictures, strict=True)]), len(pictures) / spent
    )


def ours() -> Callable[[Path], str]:
    from vlm_core import DocumentReader

    reader = DocumentReader(engine="local", max_concurrency=1)
    return lambda picture: reader.read(picture).text


def rapidocr() -> Callable[[Path], str]:
    from rapidocr import RapidOCR

    engine = RapidOCR()
    logging.getLogger("RapidOCR").setLevel(logging.CRITICAL)
    return lambda picture: "\n".join(engine(str(picture)).txts or ())


def tesseract() -> Callable[[Path], str]:
    def read(picture: Path) -> str:
        command = ["tesseract", str(picture), "-"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return read


def engines() -> dict[str, Callable[[], Callable[[Path], str]]]:
    named = {
        f"vlm-adapters {version('vlm-adapters')}": ours,
        f"rapidocr {version('rapidocr')} (defaults)": rapidocr,
    }
    if shutil.which("tesseract"):
        first_line = subprocess.run(["tesseract", "--version"], capture_output=True, text=True).stdout.split(
            "\n"
        )[0]
        named[first_line] = tesseract
    return named


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    pictures = sorted(parser.parse_args().folder.glob("*.jpg"))
    scores = []
    for name, make in engines().items():
        score = measure(make(), pictures)
        scores.append(score)
        print(
            f"{name:32} word F1 {score.f1:.4f}   {score.pages_per_cpu_second:.3f} pages per CPU second",
            flush=True,
        )
    margin, ratio = (
        scores[0].f1 - scores[1].f1,
        scores[0].pages_per_cpu_second / scores[1].pages_per_cpu_second,
    )
    print(f"over RapidOCR: word F1 {margin:+.4f} (promised {F1_MARGIN}),", end=" ")
    print(f"CPU ratio {ratio:.2f} (promised {SPEED_RATIO})")
    return 0 if margin >= F1_MARGIN and ratio >= SPEED_RATIO else 1


if __name__ == "__main__":
    sys.exit(main())
