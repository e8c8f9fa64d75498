"""Pages in twenty scripts, no language told, beside Tesseract, which is told it: word F1 and CPU seconds.

    python benchmarks/scripts.py FOLDER

FOLDER holds pictures (`rus.png`) and beside each its text (`rus.json`: `{"text": ...}`), named after
Tesseract's packs. Tesseract is the program `tesseract`, with the better of `--psm 3` and `6`. The last
pages RapidOCR reads alone; `hint` is what a page says without its pack. Needs the extra `tesseract` and the
packs of `.ci/run`. Exits with 1 where what the project promises is not met.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import unicodedata
from collections import Counter
from pathlib import Path

from vlm_core import DocumentReader, PageResult, PageState
from vlm_core.ocr.tesseract_packs import find_packs

SCRIPTS = ("ara", "ben", "ell", "heb", "hin", "kor", "rus", "tam", "tha", "ukr", "vie")
MIXED = {"mixara": "ara+eng", "mixrus": "eng+rus"}
LATIN = {"ces": "ces", "chi": "chi_sim", "deu": "deu", "fra": "fra", "jpn": "jpn", "pol": "pol", "tur": "tur"}
PROMISED_MIXED, PROMISED_VERTICAL, NEAR = 0.95, 0.96, 0.01
HINTS = dict(zip(SCRIPTS, SCRIPTS, strict=True)) | {"ukr": "rus", "mixara": "ara", "mixrus": "rus"}


def words(text: str) -> Counter[str]:
    return Counter(re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold()))


def f1(truth: str, text: str) -> float:
    one, other = words(truth), words(text)
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def of_characters(truth: str, text: str) -> float:
    one, other = Counter("".join(truth.split())), Counter("".join(text.split()))
    return 2 * (one & other).total() / max(1, one.total() + other.total())


def cpu_seconds() -> float:
    own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


def by_tesseract(picture: Path, language: str, truth: str) -> float:
    """Told the language, the better of two modes."""
    command = ["tesseract", str(picture), "-", "-l", language, "--psm"]
    told = {**os.environ, "OMP_THREAD_LIMIT": "1"}
    texts = [
        subprocess.run([*command, mode], capture_output=True, text=True, env=told, check=False).stdout
        for mode in ("3", "6")
    ]
    return max(f1(truth, text) for text in texts)


def read(picture: Path, **options: str) -> PageResult:
    return DocumentReader(task="text", **options).read(picture).pages[0]  # type: ignore[arg-type]


def truth_of(picture: Path) -> str:
    return str(json.loads(picture.with_suffix(".json").read_text(encoding="utf-8"))["text"])


def hint_is_right(picture: Path, package: str, packs: Path) -> bool:
    """Whether a page says which pack is missing, where there are no packs but English."""
    os.environ["TESSDATA_PREFIX"] = str(packs)
    try:
        page = read(picture)
    finally:
        del os.environ["TESSDATA_PREFIX"]
    return page.state is PageState.PARTIAL and f"tesseract-ocr-{package} " in page.warnings[0]


def measured(folder: Path, packs: Path) -> bool:
    """Print a line for each page; whether all that is promised is met."""
    is_met = True
    print("page     here   Tesseract, told   CPU s   state     lines by          without its pack")
    for name in (*SCRIPTS, *MIXED):
        picture = folder / f"{name}.png"
        truth = truth_of(picture)
        began = cpu_seconds()
        page = read(picture)
        seconds = cpu_seconds() - began
        here, there = f1(truth, page.text), by_tesseract(picture, MIXED.get(name, name), truth)
        engines = Counter(line.engine or page.engine for line in page.lines)
        hinted = hint_is_right(picture, HINTS[name], packs)
        is_met &= hinted and here >= (PROMISED_MIXED if name in MIXED else there - NEAR)
        by = " ".join(f"{count} {engine}" for engine, count in sorted(engines.items()))
        told = f"hint {'right' if hinted else 'WRONG'}"
        print(f"{name:8} {here:.3f}  {there:.3f}            {seconds:5.2f}   {page.state:8}  {by:30} {told}")
    for name, language in LATIN.items():
        picture = folder / f"{name}.png"
        truth = truth_of(picture)
        page = read(picture)
        alone = all(line.engine is None for line in page.lines)
        is_met &= alone
        print(f"{name:8} {f1(truth, page.text):.3f}  {language:8} {'RapidOCR alone' if alone else 'CHANGED'}")
    picture = folder / "jpnvert.png"
    share = of_characters(truth_of(picture), read(picture).text)
    print(f"jpnvert  {share:.3f} of its characters")
    return is_met and share >= PROMISED_VERTICAL


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    missing = {"osd", "eng", *SCRIPTS} - set(find_packs().names)
    if missing:
        print(f"left out: Tesseract has no pack for {', '.join(sorted(missing))}")
        return 0
    with tempfile.TemporaryDirectory() as packs:
        for name in ("osd", "eng"):
            (Path(packs) / f"{name}.traineddata").symlink_to(
                Path(find_packs().folder) / f"{name}.traineddata"
            )
        return 0 if measured(folder, Path(packs)) else 1


if __name__ == "__main__":
    sys.exit(main())
