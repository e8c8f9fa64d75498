"""A long-lived process does not keep what large pages took.

    python benchmarks/memory.py FOLDER [--files 1000]

Reads that many files of a folder one after the other, from the first again where there are fewer, each with
a call of its own, then ten small pictures; and prints the resident memory of this process and of its PDF
worker. Exits with 1 if this process then holds 500 MB or more. Linux only, for it reads /proc.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import warnings
from itertools import cycle, islice
from pathlib import Path

from pdf_memory import resident_megabytes

from vlm_core import DocumentReader
from vlm_core.images.sources import SUFFIXES

LIMIT = 500  # MB
SHOWN_EVERY = 50  # files
SMALL = b"P5 40 40 255 " + bytes([255]) * 1600


def main() -> int:
    """Read and report; 1 if too much memory is held at the end."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--files", type=int, default=1000)
    arguments = options.parse_args()
    warnings.simplefilter("ignore")
    files = [path for path in sorted(arguments.folder.rglob("*")) if path.suffix.lower() in SUFFIXES]
    random.Random(0).shuffle(files)
    reader = DocumentReader()
    reader.read(SMALL)
    print(f"one small picture: {own_megabytes():.0f} MB")
    for number, path in enumerate(islice(cycle(files), arguments.files), 1):
        reader.read(path)
        if number % SHOWN_EVERY == 0 or number == arguments.files:
            print(f"{number:5} files: {own_megabytes():6.0f} MB, {most_megabytes():6.0f} at most", flush=True)
    for _ in range(10):
        reader.read(SMALL)
    held = own_megabytes()
    print(f"ten small pictures: {held:.0f} MB, and {resident_megabytes() - held:.0f} in the PDF worker")
    print(f"goal {LIMIT} MB: {'met' if held < LIMIT else 'missed'}")
    return int(held >= LIMIT)


def own_megabytes() -> float:
    """Memory of this process in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def most_megabytes() -> float:
    """The most memory that this process had in RAM."""
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
    return int(status.split()[0]) / 1e3


if __name__ == "__main__":
    sys.exit(main())
