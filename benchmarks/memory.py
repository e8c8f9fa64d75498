"""A long-lived process does not keep what large pages took, nor what it checked.

    python benchmarks/memory.py FOLDER [--files 1000]
    python benchmarks/memory.py --verify [--files 1000]

Reads that many files of a folder one after the other, from the first again where there are fewer, each with
a call of its own, then ten small pictures; and prints the resident memory of this process and of its PDF
worker. Exits with 1 if this process then holds 500 MB or more. Linux only, for it reads /proc.

With --verify it is one job over that many drawn pages, some of which differ, read by a scripted server and
checked by the local engine, with a second model for each finding. Exits with 1 where the last tenth of the
pages takes 1.1 times the memory that was held after the first tenth, or more.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import sys
import tempfile
import warnings
from itertools import cycle, islice
from multiprocessing.connection import Connection
from pathlib import Path

from pdf_memory import resident_megabytes
from PIL import Image, ImageDraw, ImageFont

from vlm_core import DocumentReader, Route
from vlm_core.images.sources import SUFFIXES
from vlm_core.testing import ScriptedServer

LIMIT = 500  # MB
SHOWN_EVERY = 50  # files
SMALL = b"P5 40 40 255 " + bytes([255]) * 1600
GROWTH = 1.1
"""Of a job that checks: its memory at the end, as a multiple of that after a tenth of the pages."""
LINES = ("GREEN LEAF TEA HOUSE", "12 Harbour Street", "Earl Grey 12.40", "Plum cake 3.50", "TOTAL 15.90")
ANSWER = "\n".join(LINES).replace("3.50", "8.50")
DRAWN = 8  # pages that differ


def main() -> int:
    """Read and report; 1 if too much memory is held at the end."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, nargs="?")
    options.add_argument("--files", type=int, default=1000)
    options.add_argument("--verify", action="store_true")
    arguments = options.parse_args()
    warnings.simplefilter("ignore")
    if arguments.verify:
        return main_checking(arguments.files)
    if arguments.folder is None:
        options.error("name a folder, or give --verify")
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


def main_checking(pages: int) -> int:
    """Check pages of one job and report; 1 if what is held grows."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    base_url, key = ours.recv()
    first, second = (Route("", model, api_key=key, base_url=base_url) for model in ("first", "second"))
    reader = DocumentReader(first, "text", verify=True, verify_with=second, max_concurrency=2)
    held: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        files = [drawn(Path(folder) / f"{number}.png", number) for number in range(DRAWN)]
        for number, page in enumerate(reader.iter_pages(list(islice(cycle(files), pages))), 1):
            assert [finding.second_opinion is not None for finding in page.findings] == [True], page
            if number % (pages // 10) == 0:
                held.append(own_megabytes())
                print(f"{number:5} pages: {held[-1]:6.0f} MB, {most_megabytes():6.0f} at most", flush=True)
    ours.send("end")
    print(f"goal {GROWTH} of a tenth: {held[-1] / held[0]:.2f}, {'met' if met(held) else 'missed'}")
    return int(not met(held))


def met(held: list[float]) -> bool:
    """Whether memory stays as it is."""
    return held[-1] < GROWTH * held[0]


def serve(pipe: Connection) -> None:
    """Answer until told to end, in a process of its own, for a server keeps what it has seen."""
    with ScriptedServer() as server:
        server.say(ANSWER)
        pipe.send((server.base_url, server.api_key))
        pipe.recv()


def drawn(path: Path, number: int) -> Path:
    """A page as others, but for its places and its shade."""
    image = Image.new("L", (700, 460), 255 - 3 * number)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(size=30)
    for row, line in enumerate(LINES):
        pen.text((40 + 5 * number, 30 + 80 * row), line, fill=0, font=font)
    image.save(path)
    return path


def own_megabytes() -> float:
    """Memory of this process in RAM."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def most_megabytes() -> float:
    """The most memory that this process had in RAM."""
    status = Path("/proc/self/status").read_text().split("VmHWM:")[1]
    return int(status.split()[0]) / 1e3


if __name__ == "__main__":
    sys.exit(main())
