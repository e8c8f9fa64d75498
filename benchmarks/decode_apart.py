"""What it costs to decode a picture in a worker process: CPU of both processes, beside decoding it here.

    python benchmarks/decode_apart.py

A photograph of 12 megapixels (JPEG) and a thumbnail (PNG) are decoded by turns here and apart, the worker
running already. CPU is that of this process and its workers, the least of several runs. Exits with 1 where
the photograph costs more than 15 ms more. It reads /proc, and runs on Linux alone.
"""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path

from image_fit import photo
from PIL import Image

from vlm_core.images.decode import open_document
from vlm_core.images.picture_worker import workers

RUNS = 9
MOST_MORE_MS = 15.0


def cpu_seconds() -> float:
    """Of this process and its workers."""
    stats = (Path(f"/proc/{worker.pid}/schedstat").read_text() for worker in workers("").all)
    return time.process_time() + sum(int(stat.split()[0]) / 1e9 for stat in stats)


def decoded(data: bytes, *, trusted: bool, times: int) -> float:
    """Milliseconds of CPU for each."""
    started = cpu_seconds()
    for _ in range(times):
        with open_document(data, trusted=trusted) as document:
            document.page(1)
    return (cpu_seconds() - started) / times * 1000


def compared(name: str, data: bytes, times: int = 1) -> float:
    """How many milliseconds more it takes apart."""
    decoded(data, trusted=False, times=1)  # starts the worker
    runs = [
        (decoded(data, trusted=True, times=times), decoded(data, trusted=False, times=times))
        for _ in range(RUNS)
    ]
    here, apart = (min(column) for column in zip(*runs, strict=True))
    print(f"{name:24} here {here:7.2f} ms   apart {apart:7.2f} ms   more {apart - here:6.2f} ms", flush=True)
    return apart - here


def main() -> int:
    data = photo()
    small = io.BytesIO()
    with Image.open(io.BytesIO(data)) as image:
        image.resize((400, 300)).save(small, "PNG")
    more = compared("12-megapixel photograph", data)
    compared("thumbnail of 400 × 300", small.getvalue(), times=50)
    kept = more <= MOST_MORE_MS
    print("kept" if kept else f"OVER {MOST_MORE_MS:g} ms")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
