"""Changed inputs against everything that meets a stranger's bytes, or a model's answer.

    python tests/fuzz/fuzz.py [--inputs 100000] [--seed 0] [--only NAME]

Each input is a good one, changed by chance in a few places; the same seed gives the same inputs. What is
counted: errors that are not this package's own, and inputs that take more than 5 s of CPU. What is found is
kept in fuzz-found/, to become a test. Exits with 1 where there is any. 100,000 take about five minutes of one
core.
"""

from __future__ import annotations

import argparse
import collections
import io
import json
import random
import signal
import sqlite3
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from vlm_core import ImageAssistant, PageImage, PageResult, VLMError
from vlm_core.assistant.tools import IMAGE_TOOLS
from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Provider
from vlm_core.images.decode import open_document
from vlm_core.images.encode import sendable
from vlm_core.images.sniff import refusal, sniff
from vlm_core.jobs.journal import Journal
from vlm_core.ocr.dialects.dialect import TASKS
from vlm_core.ocr.dialects.registry import DIALECTS, find_dialect
from vlm_core.wire.request import Request, ResponseOptions
from vlm_core.wire.response import StreamedAnswer, read_completion

MOST_CPU_SECONDS = 5.0
FOUND = Path("fuzz-found")
LAB = Endpoint(Provider(name="lab"), "m", ModelProfile(prefix="m"), ImageLimits(), "http://lab.example/v1")
LIMITS = ImageLimits(formats=frozenset({"png", "jpeg"}), max_side=64)

# --- how an input is changed ---------------------------------------------------------------------

EDGES = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF)


def changed(seed: bytes, words: Sequence[bytes], chance: random.Random) -> bytes:
    """A seed with one to eight changes."""
    data = bytearray(seed)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        start = chance.randrange(len(data) + 1)
        end = min(len(data), start + chance.choice((1, 2, 4, 16, 200)))
        kind = chance.randrange(7)
        if kind == 0 and start < len(data):
            data[start] ^= 1 << chance.randrange(8)
        elif kind == 1:
            size = chance.choice((1, 2, 4))
            number = chance.choice(EDGES) & ((1 << 8 * size) - 1)
            data[start : start + size] = number.to_bytes(size, chance.choice(("little", "big")))
        elif kind == 2:
            del data[start:end]
        elif kind == 3:
            data[start:start] = data[start:end] * chance.choice((1, 2, 50))
        elif kind == 4:
            del data[start if start else len(data) // 2 :]
        elif kind == 5 and words:
            data[start:start] = chance.choice(words)
        else:
            data[start:end] = chance.randbytes(end - start)
    return with_sums(bytes(data)) if chance.random() < 0.7 else bytes(data)


def with_sums(data: bytes) -> bytes:
    """A PNG whose check sums are right again, so that what was changed is decoded; others as they are."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    parts, place = [data[:8]], 8
    while place + 12 <= len(data):
        end = place + 8 + int.from_bytes(data[place : place + 4])
        parts += [data[place:end], zlib.crc32(data[place + 4 : end]).to_bytes(4)]
        place = end + 4
    return b"".join(parts)


# --- seeds ---------------------------------------------------------------------------------------


def saved(kind: str, mode: str = "RGB", size: tuple[int, int] = (40, 30), **options: Any) -> bytes:
    image = Image.radial_gradient("L").resize(size).convert(mode)
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def frames(kind: str) -> bytes:
    images = [Image.new("RGB", (20, 10), colour) for colour in ("red", "blue", "white")]
    buffer = io.BytesIO()
    images[0].save(buffer, kind, save_all=True, append_images=images[1:])
    return buffer.getvalue()


def pictures() -> dict[str, list[bytes]]:
    found = {
        "PNG": [saved("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
        "JPEG": [saved("JPEG", mode) for mode in ("L", "RGB", "CMYK")] + [saved("JPEG", progressive=True)],
        "GIF": [saved("GIF", "P"), frames("GIF")],
        "TIFF": [saved("TIFF", mode) for mode in ("1", "L", "RGB", "F")]
        + [frames("TIFF"), *(saved("TIFF", compression=how) for how in ("tiff_lzw", "jpeg", "tiff_deflate"))]
        + [saved("TIFF", "1", compression="group4")],
        "WEBP": [saved("WEBP"), saved("WEBP", "RGBA", lossless=True), frames("WEBP")],
        "BMP": [saved("BMP", mode) for mode in ("1", "P", "RGB")],
        "PPM": [saved("PPM", mode) for mode in ("1", "L", "RGB")]
        + [b"P3 2 1 255 1 2 3 4 5 6", b"P1 2 1 0 1"],
        "AVIF": [saved("AVIF")],
    }
    try:
        import pillow_heif

        pillow_heif.register_heif_opener()
        found["HEIF"] = [saved("HEIF")]
    except ImportError:
        pass
    return found


def pdfs() -> list[bytes]:
    content = b"BT /F 12 Tf 20 20 Td (TOTAL 9.00) Tj ET q 30 0 0 20 5 5 cm /I Do Q"
    jpeg = saved("JPEG")
    objects = (
        b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[7 0 R]>>>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 90 60]/Contents 4 0 R/Annots[7 0 R]"
        b"/Resources<</Font<</F 5 0 R>>/XObject<</I 6 0 R>>>>>>",
        b"<</Length %d>>stream\n%b\nendstream" % (len(content), content),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        b"<</Type/XObject/Subtype/Image/Width 40/Height 30/BitsPerComponent 8/ColorSpace/DeviceRGB"
        b"/Filter/DCTDecode/Length %d>>stream\n%b\nendstream" % (len(jpeg), jpeg),
        b"<</Type/Annot/Subtype/Widget/FT/Tx/T(a)/V(12)/Rect[40 40 80 50]/DA(/F 9 Tf)>>",
    )
    numbered = b"".join(b"%d 0 obj %b endobj\n" % pair for pair in enumerate(objects, start=1))
    return [b"%PDF-1.7\n" + numbered + b"trailer<</Root 1 0 R>>\n%%EOF", saved("PDF")]


def journals() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pages.journal")
        with Journal(path) as journal:
            for number in range(3):
                journal.put(
                    f"k{number}", PageResult(text="TOTAL 9.00", source="a.png", page_number=number + 1)
                )
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
            connection.execute("VACUUM")
        return [path.read_bytes()]


ANSWERS = [
    b"---\nprimary_language: en\nis_rotation_valid: False\nrotation_correction: 90\n---\nTOTAL 9.00",
    b"<|ref|>title<|/ref|><|det|>[[1, 2, 3, 4]]<|/det|>\nTOTAL\n<|ref|>text<|/ref|><|det|>[[1,2]]<|/det|>\na",
    b'[{"bbox": [1, 2, 3, 4], "category": "Table", "text": "<table><tr><td>a</td></tr></table>"}]',
    b'```json\n{"natural_text": "TOTAL", "rotation_correction": 0}\n```',
    b"<think>so</think><answer>| a | b |\n|-|-|\n| 1 | 2 |</answer>",
    b"<fcel>a<ecel><nl><lcel>b<ucel><xcel><nl>",
    b'{"company": "A", "total": "9.00", "items": [{"name": "x", "price": 1}]}',
]
CHUNK = {"choices": [{"delta": {"content": "TOTAL "}, "finish_reason": None}], "usage": {"prompt_tokens": 1}}
CALL = {"index": 0, "id": "c", "function": {"name": "f", "arguments": '{"a": 1}'}}
LAST = {"choices": [{"delta": {"tool_calls": [CALL]}, "finish_reason": "stop"}]}
STREAM = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in (CHUNK, CHUNK, LAST))
COMPLETION = {"choices": [{"message": {"content": "a", "tool_calls": [CALL]}, "finish_reason": "stop"}]}
ARGUMENTS = [
    b'{"image": "a.png", "page": 1}',
    b'{"images": ["a.png", "b.pdf"], "question": "How much?", "pages": [1]}',
    b'{"image": "a.png", "json_schema": {"type": "object", "properties": {"a": {"type": "number"}}}}',
    b'{"image": "a.png", "text": "TOTAL"}',
    b'{"document": "../b.pdf"}',
]
MARKUP = (
    b"<|ref|>",
    b"<|/det|>",
    b"```",
    b"{",
    b"[",
    b'"',
    b"\\u00",
    b"NaN",
    b"</think>",
    b"<table>",
    b"|",
    b"\xff",
)
BEGINNINGS = (
    *(b"<?xml ?>", b"<!--", b"<!DOCTYPE svg", b"PK\x03\x04", b"word/document", b"%PDF-1.7", b"P5 ", b"#\n"),
    *(
        b"\xff\xda",
        b"\xff\xd8\xff",
        b"II*\0",
        b"GIF89a",
        b"RIFF",
        b"ftypavif",
        b"From: a\n",
        b"/Kids",
        b" 0 R",
    ),
)


# --- what meets them -----------------------------------------------------------------------------


class Ruler:
    """Reads the size of a page."""

    name = "ruler"
    model: str | None = None

    def read_page(self, page: PageImage) -> PageResult:
        return PageResult(text=f"TOTAL {page.width} x {page.height}")


def look_at(data: bytes) -> None:
    if sniff(data) is None:
        refusal(data, "a.png")


def decode(data: bytes) -> None:
    """As a stranger's, for an engine that needs few of its pixels, and as a message's picture."""
    for reading_pixels in (None, 500):
        with open_document(data, reading_pixels=reading_pixels) as document:
            for number in range(1, min(document.total_pages, 3) + 1):
                with suppress(VLMError):
                    document.page(number)
    sendable(data, LIMITS, pages=(1,))


def draw(data: bytes) -> None:
    with open_document(data, max_side=200) as document:
        for number in range(1, min(document.total_pages, 2) + 1):
            _ = document.page(number).pixels
        _ = document.warnings


def parse(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    number = sum(data[:64])
    name = sorted(DIALECTS)[number % len(DIALECTS)]
    find_dialect(name).parse(text, TASKS[number % len(TASKS)], width=1000, height=500)


def stream(data: bytes) -> None:
    answer = StreamedAnswer(Request(b"", stream=True, reading=ResponseOptions()), LAB)
    half = len(data) // 2
    answer.feed(data[:half])
    answer.feed(data[half:])
    answer.finish()


def complete(data: bytes) -> None:
    read_completion(data, Request(b"", reading=ResponseOptions()), LAB)


def open_journal(data: bytes) -> None:
    path = FOLDER / "pages.journal"
    path.write_bytes(data)
    for beside in FOLDER.glob("pages.journal-*"):
        beside.unlink()
    with Journal(path, create=False) as journal:
        for page in journal.pages():
            journal.get(page.key)
        journal.totals()
        journal.verify()
        journal.export(io.StringIO())


def call_tool(data: bytes) -> None:
    try:
        arguments = json.loads(data.decode(errors="surrogateescape"))
    except (ValueError, RecursionError):
        return
    if isinstance(arguments, dict):
        for tool in IMAGE_TOOLS:
            with ImageAssistant(Ruler(), root_dir=FOLDER / "root") as assistant:
                try:
                    tool.run(assistant, arguments)
                except VLMError:
                    continue


FOLDER = Path(tempfile.mkdtemp())


@dataclass(frozen=True)
class Target:
    name: str
    seeds: Sequence[bytes]
    words: Sequence[bytes]
    call: Callable[[bytes], None]
    share: float
    """Of all inputs."""


def targets() -> Iterator[Target]:
    drawn = pictures()
    (FOLDER / "root").mkdir()
    (FOLDER / "root" / "a.png").write_bytes(drawn["PNG"][1])
    every = [seed for seeds in drawn.values() for seed in seeds]
    yield Target("sniff", [*every, *BEGINNINGS, *ANSWERS], BEGINNINGS, look_at, 0.16)
    for kind, seeds in drawn.items():
        yield Target(f"decode {kind}", seeds, BEGINNINGS, decode, 0.3 / len(drawn))
    yield Target("pdf", pdfs(), (*BEGINNINGS, b"q ", b"/F 9 Tf", b"<<", b"R/Rotate 90"), draw, 0.07)
    yield Target("journal", journals(), (b"CREATE VIEW", b"\0" * 9, b"text"), open_journal, 0.05)
    yield Target("dialects", ANSWERS, MARKUP, parse, 0.2)
    events = (b"data: ", b"\n\n", b"[DONE]", b'"finish_reason": "stop"', *MARKUP)
    yield Target("stream", [STREAM, STREAM + b"data: [DONE]\n\n"], events, stream, 0.13)
    yield Target("completion", [json.dumps(COMPLETION).encode()], events, complete, 0.05)
    yield Target("tool arguments", ARGUMENTS, (b"../", b"\\ud800", b"/etc/passwd", *MARKUP), call_tool, 0.04)


# --- the run -------------------------------------------------------------------------------------


@contextmanager
def bounded() -> Iterator[None]:
    def broken_off(*_: object) -> None:
        raise TimeoutError(f"it takes more than {MOST_CPU_SECONDS:g} s of CPU")

    signal.signal(signal.SIGPROF, broken_off)
    signal.setitimer(signal.ITIMER_PROF, MOST_CPU_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def tried(target: Target, data: bytes) -> str:
    """What came of an input, in a word; what should not come begins with RAW."""
    try:
        with bounded():
            target.call(data)
    except VLMError as error:
        return type(error).__name__
    except Exception as error:  # noqa: BLE001  these are what is looked for
        return f"RAW {type(error).__name__}: {str(error)[:100]}"
    return "read"


def run(target: Target, inputs: int, seed: int) -> int:
    chance, outcomes = random.Random(f"{seed} {target.name}"), collections.Counter[str]()
    started, found = time.process_time(), 0
    for number in range(inputs):
        data = changed(chance.choice(target.seeds), target.words, chance)
        outcome = tried(target, data)
        outcomes[outcome.split(":")[0]] += 1
        if outcome.startswith("RAW"):
            found += 1
            FOUND.mkdir(exist_ok=True)
            FOUND.joinpath(f"{target.name.replace(' ', '-')}-{seed}-{number}").write_bytes(data)
            print(f"  {target.name} {number}: {outcome}", flush=True)
    most = ", ".join(f"{count:,} {outcome}" for outcome, count in outcomes.most_common(5))
    print(
        f"{target.name:16}{inputs:8,} inputs {time.process_time() - started:7.1f} s CPU   {most}", flush=True
    )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="targets whose names begin so")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found = sum(
        run(target, max(1, round(options.inputs * target.share)), options.seed)
        for target in targets()
        if target.name.startswith(options.only)
    )
    print(f"{found} raw exceptions or overlong inputs" if found else "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
