"""Huge pictures with next to nothing on them, read with the local engine: what all processes take."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hostile_pictures import SIDE, png, saved, tiff, unpacked_bmp, unpacked_tiff
from PIL import Image, ImageDraw, ImageFont
from ways import WAYS

MOST_MEGABYTES = 600
MOST_CPU_SECONDS = 5.0
PAGE = os.sysconf("SC_PAGE_SIZE")

# Loads the engine, as a server has, reads a picture and tells what that took, all processes together.
READS = """
import json, sys, time
from pathlib import Path
from vlm_core.images import picture_worker
from vlm_core.ocr.local import load_models
from ways import WAYS

def workers():
    return [worker.pid for option in ("", "heif") for worker in picture_worker.workers(option).all]

def used(process):
    return int(Path(f"/proc/{process}/schedstat").read_text().split()[0]) / 1e9

load_models()
before = time.process_time()
said = WAYS[sys.argv[1]](Path(sys.argv[2]), "local")
print(json.dumps({
    "said": said,
    "seconds": time.process_time() - before + sum(map(used, workers())),
    "workers": len(workers()),
}))
"""


def white(kind: str, mode: str, side: int) -> bytes:
    return saved(Image.new(mode, (side, side), "white"), kind)


def noise(kind: str, side: int) -> bytes:
    return saved(Image.effect_noise((side, side), 100), kind)


PICTURES: dict[str, Callable[[], bytes]] = {
    "a white PNG of 36 megapixels": lambda: white("PNG", "L", 6_000),
    "a white PNG": lambda: white("PNG", "L", SIDE),
    "a white JPEG in colour": lambda: white("JPEG", "RGB", SIDE),
    "a PNG in colour that unpacks to half a gigabyte": lambda: png(SIDE, 8, 2),
    "a JPEG of noise": lambda: noise("JPEG", 10_954),
    "a PNG of noise": lambda: noise("PNG", 5_000),
    "a TIFF of one bit": lambda: tiff(12_000, 1, 1, 0),
    "an unpacked TIFF in colour": lambda: unpacked_tiff(6_030, 3, 8, 2),
    "an unpacked TIFF of inks": lambda: unpacked_tiff(5_200, 4, 8, 5),
    "an unpacked TIFF in deep grey": lambda: unpacked_tiff(6_000, 1, 16, 1),
    "an unpacked TIFF in deep colour": lambda: unpacked_tiff(4_260, 3, 16, 2),
    "an unpacked TIFF of planes": lambda: unpacked_tiff(4_680, 3, 8, 2, planes=True),
    "an unpacked bitmap": lambda: unpacked_bmp(6_030),
    "a PPM": lambda: white("PPM", "RGB", 6_030),
    "an unpacked TIFF that is refused": lambda: unpacked_tiff(6_500, 4, 16, 2),
}
SMALLER = "a white PNG of 36 megapixels"
# The largest goes every way. An agent's tool takes no more than 50 megapixels.
LARGEST = [
    *(("a white PNG", way) for way in WAYS),
    *((name, "library") for name in PICTURES if name not in (SMALLER, "a white PNG", "a PNG of noise")),
    ("a PNG of noise", "mcp"),
]
TRIED = [(SMALLER, "library"), *(pytest.param(*each, marks=pytest.mark.slow) for each in LARGEST)]


# These hold much to look at, which takes its time.
FULL: dict[str, Callable[[], bytes]] = {
    "coloured noise of 10 megapixels": lambda: coloured_noise(3_150, 3_150),
    "coloured noise of 16 megapixels": lambda: coloured_noise(4_000, 4_000),
    "a coloured texture of 10 megapixels": lambda: coloured_noise(450, 3_150),
    "a coloured texture of 16 megapixels": lambda: coloured_noise(500, 4_000),
    "a page of print of 9 megapixels": lambda: print_in_colour(),
}
PICTURES.update(FULL)


def coloured_noise(grains: int, side: int) -> bytes:
    """A square of so many grains each way."""
    levels = np.random.default_rng(1).integers(0, 256, (grains, grains, 3), np.uint8)
    return saved(Image.fromarray(levels).resize((side, side), Image.Resampling.BICUBIC), "PNG")


def print_in_colour() -> bytes:
    """A page of small print, A4 at 300 dots an inch."""
    page = Image.new("RGB", (2480, 3508), "white")
    font = ImageFont.load_default(36)
    for row in range(70):
        words = f"{row} The quick brown fox jumps over the lazy dog; the invoice 4711 says 1,250.00 EUR net"
        ImageDraw.Draw(page).text((150, 120 + 46 * row), words, fill="black", font=font)
    return saved(page, "PNG")


@cache
def made(name: str) -> bytes:
    return PICTURES[name]()


def reading(way: str, path: Path) -> dict[str, Any]:
    """What a fresh process says of a picture, and what it took."""
    folders = [str(Path(__file__).parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(folders), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", READS, way, str(path)],
        env=environment,
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        most = 0.0
        while child.poll() is None:
            most = max(most, sum(map(megabytes, family(child.pid))))
            time.sleep(0.003)
        assert child.stdout is not None
        found: dict[str, Any] = json.loads(child.stdout.read().splitlines()[-1])
    return {**found, "megabytes": most}


def family(process: int) -> Iterator[int]:
    """A process and those that it started, and so on.

    One that has yet to run its own program has its parent's memory, which counts once.
    """
    yield process
    with suppress(OSError):
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            for child in map(int, children.read_text().split()):
                if program(child) != program(process):
                    yield from family(child)


def program(process: int) -> bytes:
    return Path(f"/proc/{process}/cmdline").read_bytes()


def megabytes(process: int) -> float:
    """What a process holds in memory now. What it shares with another counts for each."""
    with suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * PAGE / 1024**2
    return 0.0


@pytest.mark.skipif(
    not Path("/proc/self/schedstat").exists(), reason="this system does not tell what it took"
)
@pytest.mark.parametrize(("name", "way"), TRIED)
def test_a_huge_picture_takes_little_of_all_processes_together(name: str, way: str, tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    path = tmp_path / "scan.png"
    path.write_bytes(made(name))
    found = reading(way, path)
    assert found["workers"] == (name != "an unpacked TIFF that is refused")
    assert found["megabytes"] < MOST_MEGABYTES
    assert found["seconds"] < MOST_CPU_SECONDS
    assert "Traceback" not in found["said"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="this system does not tell what it took")
@pytest.mark.slow
@pytest.mark.parametrize("name", FULL)
def test_a_picture_full_of_marks_takes_little_memory_of_all_processes_together(
    name: str, tmp_path: Path
) -> None:
    pytest.importorskip("rapidocr")
    path = tmp_path / "scan.png"
    path.write_bytes(made(name))
    found = reading("library", path)
    assert found["megabytes"] < MOST_MEGABYTES
    assert "Traceback" not in found["said"]
