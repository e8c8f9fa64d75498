"""How fast a long scan is read by a model that takes a second for each page, and what it costs here.

    python benchmarks/throughput.py [--pages 640]

One PDF of A4 pages scanned at 200 dpi, sent with a longest side of 1288 pixels, 32 at a time. The server
runs in a process of its own. Wall time stands beside the ideal, which is a second for each 32 pages; CPU
of this process and its worker beside the floor: drawing each page in that size with pdfium, and writing
it as a JPEG. py-zerox does the same pages where it is installed.
"""

from __future__ import annotations

import argparse
import io
import json
import multiprocessing
import os
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import pypdfium2
from PIL import Image, ImageChops, ImageDraw, ImageFont

from vlm_core import DocumentReader, PageState, VLMClient
from vlm_core.testing import ScriptedServer

A4_AT_200_DPI = (1654, 2339)
MAX_SIDE = 1288
AT_ONCE = 32
SECONDS = 1.0
WORDS = "The quick brown fox jumps over the lazy dog and pays 9.00 EUR at the till. "


def prepare(path: Path, count: int, pipe: Any) -> None:
    """Write the PDF and measure the floor, in a process of its own for the sake of this one's memory."""
    path.write_bytes(scans(count))
    pipe.send(floor(path.read_bytes(), min(count, 64)))


def scans(count: int) -> bytes:
    """A PDF of so many pages of print with a scanner's noise, no two of them alike."""
    font = ImageFont.load_default(28)
    page = Image.new("L", A4_AT_200_DPI, 250)
    draw = ImageDraw.Draw(page)
    for row in range(50):
        draw.text((120, 100 + 42 * row), f"{row} {WORDS}", fill=20, font=font)
    page = Image.blend(page, Image.effect_noise(A4_AT_200_DPI, 40), 0.15)
    book = [ImageChops.offset(page, 0, 3 * number) for number in range(count)]
    file = io.BytesIO()
    book[0].save(file, "PDF", save_all=True, append_images=iter(book[1:]), resolution=200, quality=75)
    return file.getvalue()


def serve(pipe: Any) -> None:
    with ScriptedServer(keep=1) as server:
        server.say("The quick brown fox.", pause=SECONDS)
        pipe.send((server.base_url, server.api_key))
        pipe.recv()
        image = server.seen[-1].images[0]
        pipe.send((server.requests, image.width, image.height))


def cpu_seconds() -> float:
    """Of this process and of the worker that draws PDFs."""
    return time.process_time() + sum(_cpu_of(child) for child in _children())


def _children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []


def _cpu_of(pid: int) -> float:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    if b"spawn" in command or b"resource_tracker" in command:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Memory(threading.Thread):
    """Looks at the resident memory of this process while it reads."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.megabytes: list[float] = []
        self._over = threading.Event()

    def run(self) -> None:
        pages = os.sysconf("SC_PAGE_SIZE")
        while not self._over.wait(0.2):
            resident = int(Path("/proc/self/statm").read_text().split()[1]) * pages / 2**20
            self.megabytes.append(resident)

    def stop(self) -> None:
        self._over.set()
        self.join()


def floor(pdf: bytes, pages: int) -> float:
    """CPU seconds for a page: drawn in the size that is sent, and written as a JPEG."""
    began = time.process_time()
    document = pypdfium2.PdfDocument(pdf)
    for number in range(pages):
        page = document[number]
        image = page.render(scale=MAX_SIDE / max(page.get_size())).to_pil()
        image.save(io.BytesIO(), "JPEG", quality=85)
        page.close()
    document.close()
    return (time.process_time() - began) / pages


def ours(pdf: Path, client: VLMClient) -> dict[str, float]:
    reader = DocumentReader(
        client, max_concurrency=AT_ONCE, request_options={"max_side": MAX_SIDE}, on_error="raise"
    )
    memory = Memory()
    memory.start()
    wall, cpu = time.perf_counter(), cpu_seconds()
    states = [page.state for page in reader.iter_pages(pdf)]
    figures = {"wall": time.perf_counter() - wall, "cpu": (cpu_seconds() - cpu) / len(states)}
    memory.stop()
    assert set(states) == {PageState.OK}
    seen = memory.megabytes
    half = len(seen) // 2
    return {**figures, "memory": max(seen), "growth": max(seen[half:]) - max(seen[:half])}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pages", type=int, default=640)
    options.add_argument("--json", action="store_true", help="print the figures as JSON at the end")
    arguments = options.parse_args()
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    base_url, key = pipe.recv()
    path = Path(tempfile.mkdtemp()) / "scans.pdf"
    preparing = context.Process(target=prepare, args=(path, arguments.pages, theirs))
    preparing.start()
    least = pipe.recv()
    preparing.join()
    with VLMClient("some-vlm", base_url=base_url, api_key=key, max_concurrency=AT_ONCE) as client:
        figures = ours(path, client)
    pipe.send("stop")
    requests, width, height = pipe.recv()
    server.join()
    ideal = SECONDS * -(-arguments.pages // AT_ONCE)
    print(f"{arguments.pages} pages, {requests} requests of {width} x {height} pixels, {AT_ONCE} at a time")
    wall, cpu, floor_ms = figures["wall"], figures["cpu"] * 1e3, least * 1e3
    print(f"wall    {wall:7.1f} s   ideal {ideal:5.1f} s  ({wall / ideal:.2f})")
    print(f"CPU     {cpu:7.1f} ms a page   floor {floor_ms:.1f} ms  ({cpu / floor_ms:.2f})")
    print(f"memory  {figures['memory']:7.0f} MB at most, {figures['growth']:+.0f} MB in the second half")
    if arguments.json:
        print(json.dumps({**figures, "ideal": ideal, "floor": least}))


if __name__ == "__main__":
    main()
