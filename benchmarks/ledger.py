"""What becomes of 500 pages at a provider where a fifth of the requests comes to nothing good.

    python benchmarks/ledger.py [--pages 500]

Ours, and where they are installed py-zerox (it needs poppler) and the class with which docling asks such
models, read one PDF, 16 pages at a time, from a server in a process of its own. Each page has its number on
it, so that every answer can be held against its page. py-zerox reads twice: as it comes, and with more
retries. docling's pipeline needs torch, its ApiVlmModel does not, so that it is given pages that are drawn.
CPU is that of the reading process and what it started, without imports.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import multiprocessing
import os
import random
import resource
import shutil
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from vlm_core import DocumentReader, VLMClient
from vlm_core.testing import FAULTS, Answer, Reply, ScriptedServer, Seen

AT_ONCE = 16
SHARE = 0.2
BITS = 10
SIZE = (600, 850)
KEY = "sk-ledger-0123456789"
LOOP = "and the total is 9.00 EUR\n" * 400
FAULTY = (
    *("rate_limited_silent", "status_500", "status_502", "status_503", "html_502", "html_200", "json_cut"),
    *("body_cut", "chunk_cut", "reset_before_headers", "reset_in_body", "close_before_headers", "empty_body"),
    *("error_inside", "choices_null", "content_null", "reasoning_only"),
)
BAD: tuple[Reply, ...] = (
    *(FAULTS[name] for name in FAULTY),
    FAULTS["rate_limited"].but(seconds=0.1),
    Answer("This is", finish_reason="length"),
    Answer(LOOP),
    Answer("", refusal="I cannot help with that."),
    Answer("", finish_reason="content_filter"),
    Answer("I'm sorry, but I can't assist with that."),
)


class Page(NamedTuple):
    """A page as a reader gave it, and whether it said that something is wrong with it."""

    number: int
    text: str
    told: bool = False


# --- the book and its provider


def text_of(number: int) -> str:
    return f"This is page {number} of the book."


def picture(number: int) -> Image.Image:
    """A page with its text, and its number as a row of black and white squares."""
    page = Image.new("L", SIZE, 255)
    draw = ImageDraw.Draw(page)
    side = SIZE[0] // BITS
    for bit in range(BITS):
        if number >> bit & 1:
            draw.rectangle((bit * side, 0, (bit + 1) * side - 1, side), fill=0)
    draw.text((60, 300), text_of(number), 0, ImageFont.load_default(28))
    return page


def number_on(data: bytes) -> int:
    """Which page a picture shows, in whatever size and colour it was drawn."""
    with Image.open(BytesIO(data)) as image:
        page = image.convert("L")
    side = page.width / BITS
    row = [page.getpixel((int((bit + 0.5) * side), int(side / 2))) for bit in range(BITS)]
    return sum(1 << bit for bit, shade in enumerate(row) if isinstance(shade, int) and shade < 128)


@dataclass
class Weather:
    """Answers soundly, but for a share of the requests."""

    dice: random.Random
    lock: Any

    def __call__(self, seen: Seen) -> Reply | str:
        if not seen.images:
            return "yes"  # py-zerox tries whether its key is good
        with self.lock:
            is_bad, bad = self.dice.random() < SHARE, self.dice.choice(BAD)
        return bad if is_bad else text_of(number_on(seen.images[0].data or b""))


def serve(pipe: Any) -> None:
    with ScriptedServer(keep=1, api_key=KEY) as server:
        server.answer(Weather(random.Random(7), Lock()))
        pipe.send(server.base_url)
        pipe.recv()
        pipe.send(server.requests)


# --- who reads


def ours(book: Path, base_url: str) -> list[Page]:
    with VLMClient("some-vlm", base_url=base_url, api_key=KEY, max_attempts=6) as client:
        results = DocumentReader(client, max_concurrency=AT_ONCE).iter_pages(book)
        return [Page(result.page_number, result.text, result.error is not None) for result in results]


def zerox(book: Path, base_url: str, **options: Any) -> list[Page]:
    import litellm
    from pyzerox import zerox

    litellm.suppress_debug_info = True
    os.environ |= {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": base_url, "OPENAI_API_BASE": base_url}
    output = asyncio.run(zerox(file_path=str(book), model="gpt-4o-mini", concurrency=AT_ONCE, **options))
    return [Page(page.page, page.content) for page in output.pages]


def zerox_retrying(book: Path, base_url: str) -> list[Page]:
    return zerox(book, base_url, max_retries=5)


def docling(book: Path, base_url: str) -> list[Page]:
    import pypdfium2
    from docling.datamodel.base_models import VlmStopReason
    from docling.datamodel.pipeline_options_vlm_model import ApiVlmOptions, ResponseFormat
    from docling.models.vlm_pipeline_models.api_vlm_model import ApiVlmModel

    options = ApiVlmOptions(
        url=f"{base_url}/chat/completions",
        headers={"Authorization": f"Bearer {KEY}"},
        params={"model": "some-vlm"},
        prompt="Convert this page to Markdown.",
        response_format=ResponseFormat.MARKDOWN,
        concurrency=AT_ONCE,
    )
    model = ApiVlmModel(enabled=True, enable_remote_services=True, vlm_options=options)
    pages = [page.render(scale=2).to_pil() for page in pypdfium2.PdfDocument(book)]
    told = (VlmStopReason.INFERENCE_ERROR, VlmStopReason.CONTENT_FILTERED, VlmStopReason.LENGTH)
    answers = model.process_images(pages, options.prompt)
    return [Page(number, answer.text, answer.stop_reason in told) for number, answer in enumerate(answers, 1)]


class Reader(NamedTuple):
    """What reads a book, and what it needs for that."""

    read: Callable[[Path, str], list[Page]]
    module: str
    program: str = "python3"


READERS = {
    "vlm-adapters": Reader(ours, "openai.resources.chat"),
    "py-zerox": Reader(zerox, "pyzerox", "pdftoppm"),
    "py-zerox, max_retries=5": Reader(zerox_retrying, "pyzerox", "pdftoppm"),
    "docling's ApiVlmModel": Reader(docling, "docling.models.vlm_pipeline_models.api_vlm_model"),
}


def why_left_out(reader: Reader) -> str:
    """What a reader lacks here; empty where it can run."""
    package = reader.module.partition(".")[0]
    if find_spec(package) is None:
        return f"{package} is not installed"
    return "" if shutil.which(reader.program) else f"{reader.program} is not installed"


# --- the measuring


def cpu_seconds() -> float:
    """Of this process and all that it started, those that run too."""
    done = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + done.ru_utime + done.ru_stime + sum(map(_cpu_of, _children()))


def _children() -> list[int]:
    listed = Path(f"/proc/self/task/{os.getpid()}/children")
    return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []


def _cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(name: str, book: Path, base_url: str, pipe: Any) -> None:
    """Read the book in this process, and send what came of it."""
    logging.disable()
    warnings.simplefilter("ignore")
    import_module(READERS[name].module)
    began, wall = cpu_seconds(), time.perf_counter()
    try:
        pages, raised = READERS[name].read(book, base_url), ""
    except Exception as error:  # noqa: BLE001  it is what is looked for
        pages, raised = [], f"{type(error).__name__}: {error}"
    pipe.send((pages, raised, cpu_seconds() - began, time.perf_counter() - wall))


def fate(page: Page) -> str:
    """What became of a page, by its text and by what was said of it."""
    if page.text == text_of(page.number):
        return "right"
    if page.told:
        return "told"
    if not page.text.strip():
        return "no text"
    return "wrong number" if page.text.startswith("This is page") else "not its text"


def measured(name: str, book: Path, count: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    pipe, theirs = context.Pipe()
    server = context.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    base_url = pipe.recv()
    results, sender = context.Pipe()
    reader = context.Process(target=run, args=(name, book, base_url, sender))
    reader.start()
    pages, raised, cpu, wall = results.recv()
    reader.join()
    pipe.send("stop")
    requests = pipe.recv()
    server.join()
    fates = Counter(map(fate, pages))
    missing = count - len({page.number for page in pages})
    return {**fates, "no text": fates["no text"] + missing, "raised": raised, "requests": requests} | {
        "cpu_ms": 1e3 * cpu / count,
        "wall": wall,
    }


COLUMNS = ("right", "told", "no text", "wrong number", "not its text", "requests")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pages", type=int, default=500)
    options.add_argument("--json", action="store_true", help="print the figures as JSON at the end")
    arguments = options.parse_args()
    book = Path(tempfile.mkdtemp()) / "book.pdf"
    pages = [picture(number) for number in range(1, arguments.pages + 1)]
    pages[0].save(book, "PDF", save_all=True, append_images=pages[1:], resolution=100)
    print(f"{arguments.pages} pages, {SHARE:.0%} of the answers bad, {AT_ONCE} at a time")
    print("told: it has no text or not all, and says so; what stands to the right of that is lost in silence")
    print(f"{'':26}" + "".join(f"{column:>14}" for column in (*COLUMNS, "CPU ms/page", "seconds")))
    rows = {}
    for name, reader in READERS.items():
        if why := why_left_out(reader):
            print(f"{name:26}  left out: {why}")
            continue
        row = rows[name] = measured(name, book, arguments.pages)
        counts = "".join(f"{row.get(column, 0):14}" for column in COLUMNS)
        print(f"{name:26}{counts}{row['cpu_ms']:14.1f}{row['wall']:14.1f}  {row['raised'][:200]}", flush=True)
    if arguments.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
