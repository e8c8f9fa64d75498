"""How long an event loop waits for us, at the longest, while many documents are read on it.

    python benchmarks/event_loop.py [--documents 64]

A task wakes up each millisecond. It notes by how much it is late, and how much processor time the loop's
thread took since the last time: what it is late beyond that, it waited for a core, for the interpreter's
lock that other threads hold, or for a call that blocks. Documents are read with one
`reader.aread` each, all at once: by a vision model (a server answers at once), with and without a journal
that another process has locked for two seconds, and by the local engine. Each is measured in a new process,
so that what is loaded on first use counts. Beside it stands the floor: the same task while nothing is done,
and while asyncio's threads decode and encode the pictures with Pillow.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import multiprocessing
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFont

from vlm_core import DocumentReader, VLMClient
from vlm_core.testing import ScriptedServer

TICK = 0.001
SIZE = (1240, 1754)
LOCKED_SECONDS = 2.0
WORDS = "The quick brown fox jumps over the lazy dog and pays 9.00 EUR at the till. "
SPAWN = multiprocessing.get_context("spawn")
Server = tuple[str, str]
"""Address and key."""
Work = Callable[[list[bytes]], Awaitable[None]]


def scans(count: int) -> list[bytes]:
    """A4 pages of print at 150 dpi as PNG, no two of them alike."""
    page = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(page)
    for row in range(45):
        draw.text((60, 30 + 36 * row), f"{row} {WORDS}", fill=20, font=ImageFont.load_default(24))
    return [as_png(ImageChops.offset(page, 0, 3 * number)) for number in range(count)]


def as_png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def longest_block(work: Work, pictures: list[bytes]) -> tuple[float, float]:
    """Seconds by which a tick was late, at most, while some work was done; and of the loop's own CPU."""
    late, busy, is_done = 0.0, 0.0, False

    async def tick() -> None:
        nonlocal late, busy
        while not is_done:
            due, began = time.perf_counter() + TICK, time.thread_time()
            await asyncio.sleep(TICK)
            late = max(late, time.perf_counter() - due)
            busy = max(busy, time.thread_time() - began)

    ticking = asyncio.create_task(tick())
    await asyncio.sleep(0.05)
    await work(pictures)
    is_done = True
    await ticking
    return late, busy


# --- what is measured ----------------------------------------------------------------------------


def nothing(server: Server, folder: Path) -> Work:
    return lambda pictures: asyncio.sleep(1)


def pillow(server: Server, folder: Path) -> Work:
    def recoded(picture: bytes) -> None:
        Image.open(io.BytesIO(picture)).convert("RGB").save(io.BytesIO(), "JPEG")

    async def recode(pictures: list[bytes]) -> None:
        await asyncio.gather(*(asyncio.to_thread(recoded, picture) for picture in pictures))

    return recode


def remote(server: Server, folder: Path) -> Work:
    return reading(DocumentReader(client_of(server)))


def remote_with_locked_journal(server: Server, folder: Path) -> Work:
    reader = DocumentReader(client_of(server), journal=folder / "pages.journal")
    locked = SPAWN.Event()
    SPAWN.Process(target=hold_lock, args=(folder / "pages.journal", locked)).start()
    locked.wait()
    return reading(reader)


def local(server: Server, folder: Path) -> Work:
    return reading(DocumentReader("local"))


def client_of(server: Server) -> VLMClient:
    base_url, api_key = server
    return VLMClient("some-vlm", base_url=base_url, api_key=api_key)


def reading(reader: DocumentReader) -> Work:
    async def read(pictures: list[bytes]) -> None:
        results = await asyncio.gather(*(reader.aread(picture) for picture in pictures))
        assert all(result.ok for result in results)

    return read


def cropped(picture: bytes) -> bytes:
    """The head of a page, for the local engine takes seconds for all of it."""
    return as_png(Image.open(io.BytesIO(picture)).crop((0, 0, SIZE[0], 200)))


def hold_lock(journal: Path, locked: Any) -> None:
    with closing(sqlite3.connect(journal, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        locked.set()
        time.sleep(LOCKED_SECONDS)
        connection.execute("COMMIT")


CASES: dict[str, Callable[[Server, Path], Work]] = {
    "nothing is done": nothing,
    "Pillow decodes and encodes, on threads": pillow,
    "vision model": remote,
    "vision model, journal locked by another process": remote_with_locked_journal,
    "local engine": local,
}


# --- processes -----------------------------------------------------------------------------------


def serve(pipe: Any) -> None:
    with ScriptedServer() as server:
        server.say("\n".join(f"{row} {WORDS}" for row in range(45)))
        pipe.send((server.base_url, server.api_key))
        pipe.recv()


def measure(name: str, pictures: list[bytes], server: Server, pipe: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        work = CASES[name](server, Path(folder))
        pipe.send(asyncio.run(longest_block(work, pictures)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--documents", type=int, default=64)
    pictures = scans(parser.parse_args().documents)
    heads = [cropped(picture) for picture in pictures]
    here, there = SPAWN.Pipe()
    serving = SPAWN.Process(target=serve, args=(there,))
    serving.start()
    server = here.recv()
    print(f"{len(pictures)} documents at once: the longest block of the event loop, and its own CPU, in ms")
    for name in CASES:
        mine, yours = SPAWN.Pipe()
        given = heads if name == "local engine" else pictures
        process = SPAWN.Process(target=measure, args=(name, given, server, yours))
        process.start()
        late, busy = mine.recv()
        print(f"  {name:<50}{1000 * late:>8.1f}{1000 * busy:>8.1f}", flush=True)
        process.join()
    here.send("stop")
    serving.join()


if __name__ == "__main__":
    main()
