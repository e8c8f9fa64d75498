"""PDFs that are made to hold up whoever reads them: they hold up themselves alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeAlias

import pytest
from small_pdfs import HARMLESS, SLOW_FUNCTION, one_page, pdf, shading, stream
from ways import Ruler

from vlm_core import DocumentReader, PDFError
from vlm_core.images import worker
from vlm_core.images.pdf_worker import open_pdf, workers


def pages_that_are_none(count: int) -> bytes:
    return pdf(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count %d>>" % count, b"null")


def nested_forms(depth: int) -> bytes:
    """Forms that each draw the next one ten times."""
    draw = b"/F Do " * 10
    forms = []
    for number in range(depth):
        inner = b"/Resources<</XObject<</F %d 0 R>>>>" % (number + 6)
        forms.append(stream(draw, b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]" + inner))
    forms.append(stream(b"0 0 600 800 re f", b"/Type/XObject/Subtype/Form/BBox[0 0 600 800]"))
    return one_page(draw, *forms, resources=b"/XObject<</F 5 0 R>>")


def patterns(step: bytes) -> bytes:
    tile = stream(
        b"0 0 1 1 re f " * 100,
        b"/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 2 2]/XStep %b/YStep %b/Resources<<>>"
        % (step, step),
    )
    return one_page(b"/Pattern cs /P scn 0 0 600 800 re f " * 200, tile, resources=b"/Pattern<</P 5 0 R>>")


WAVES = b" ".join(b"%d %d m 0 900 600 -100 %d %d c" % (n, n, n + 7, n) for n in range(60_000))
SLOW = {
    "forms within forms": lambda: nested_forms(9),
    "a shading of a function": lambda: shading(SLOW_FUNCTION),
    "tiny tiles": lambda: patterns(b"0.01"),
    "small tiles": lambda: patterns(b"0.3"),
    "waves that are filled": lambda: one_page(WAVES + b" f*"),
    "waves that are drawn, with dashes": lambda: one_page(b"[0.01 0.01] 0 d 9 w " + WAVES + b" S"),
    "waves again and again": lambda: one_page((WAVES + b" f ") * 8),
    "saved states": lambda: one_page(b"q " * 3_000_000),
    "text without end": lambda: one_page(
        b"BT /F 9 Tf " + b"1 1 Td (a word and another) Tj " * 200_000 + b"ET",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        resources=b"/Font<</F 5 0 R>>",
    ),
    "clips within clips": lambda: one_page(b"0 0 m 600 800 l 0 800 l h W n " * 300_000),
    "pages that are none": lambda: pages_that_are_none(100_000),
    "words in a staircase": lambda: one_page(
        b"BT /F 0.1 Tf " + b" ".join(b"1 0 0 1 %d %d Tm (w) Tj" % (n, 9 * n) for n in range(10_000)) + b" ET",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        resources=b"/Font<</F 5 0 R>>",
        box=b"0 0 10000 90000",
    ),
}


HURRIED = """
import sys
sys.path += sys.argv[2:]
import {module} as module
module.CPU_SECONDS = 0.4
module.main(sys.argv[1])
"""


@pytest.fixture
def hurried_workers() -> Iterator[None]:
    """They give a page up after 0.4 s of CPU, in place of 4 s."""
    workers.cache_clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker, "_START", HURRIED)
        yield
    for option in ("bytes", "files", "slow"):
        workers(option).end()
    workers.cache_clear()


WAYS = ("library", "vlm", "langchain", "llamaindex", "mcp")
# One of each kind goes every way, and each of the others one way.
EVERY_WAY = ("tiny tiles", "pages that are none", "words in a staircase")
TRIED = [(name, way) for name in EVERY_WAY for way in WAYS] + [
    (name, WAYS[place % len(WAYS)]) for place, name in enumerate(SLOW) if name not in EVERY_WAY
]
# Of these a page takes all the CPU that it gets.
ENDLESS = (
    "tiny tiles",
    "small tiles",
    "forms within forms",
    "a shading of a function",
    "waves again and again",
)

FIRST = ("library", "mcp")

Look: TypeAlias = Callable[[Path], str]
Bounded: TypeAlias = Callable[[], AbstractContextManager[None]]


def assert_answered(name: str, folder: Path, look: Look, bounded: Bounded) -> None:
    path, good = folder / "hostile.pdf", folder / "good.pdf"
    path.write_bytes(SLOW[name]())
    good.write_bytes(HARMLESS)
    with bounded():
        assert look(path)
    said = look(good)
    assert "Traceback" not in said
    assert "took too long" not in said


# A crowded page is ordered in the caller's process; by the library and an agent's tool in make test.
LONG = [
    pytest.param(
        *each, marks=[pytest.mark.slow] * (each[0] == "words in a staircase" and each[1] not in FIRST)
    )
    for each in TRIED
    if each[0] not in ENDLESS
]


@pytest.mark.parametrize(("name", "look"), LONG, indirect=["look"])
def test_a_document_that_takes_long_gets_an_answer_and_so_does_the_next(
    name: str, tmp_path: Path, look: Look, bounded: Bounded
) -> None:
    assert_answered(name, tmp_path, look, bounded)


@pytest.mark.usefixtures("hurried_workers")
@pytest.mark.parametrize(("name", "look"), [each for each in TRIED if each[0] in ENDLESS], indirect=["look"])
def test_a_document_that_is_given_up_gets_an_answer_and_so_does_the_next(
    name: str, tmp_path: Path, look: Look, bounded: Bounded
) -> None:
    assert_answered(name, tmp_path, look, bounded)


def test_a_harmless_page_does_not_wait_for_a_hostile_one() -> None:
    """Another worker is started for it, while the first one is at work."""
    hostile = open_pdf(patterns(b"0.01"), source="hostile.pdf")
    ended: list[PDFError] = []

    def draw() -> None:
        try:
            hostile.page(1)
        except PDFError as error:
            ended.append(error)

    drawing = threading.Thread(target=draw)
    drawing.start()
    while not workers("bytes")._busy:  # until it is at work
        time.sleep(0.01)
    with open_pdf(HARMLESS) as harmless:
        assert harmless.page(1).page_number == 1
    was_first = not ended
    drawing.join()
    assert was_first
    assert "took too long" in ended[0].message


def test_a_document_that_was_late_waits_behind_all_others_and_is_given_up() -> None:
    with open_pdf(patterns(b"0.01"), source="hostile.pdf", timeout=0.5) as hostile:
        for _ in range(3):
            with pytest.raises(PDFError, match="took too long"):
                hostile.page(1)
        assert not workers("bytes")._busy
        with pytest.raises(PDFError, match="was not tried"):
            hostile.page(1)


def test_pages_that_all_fail_end_with_one_error() -> None:
    results = list(DocumentReader(Ruler()).iter_pages(pages_that_are_none(100_000)))
    assert len(results) < 150
    assert "pages" in str(results[-1].error)
    assert "to 100000 cannot be read" in str(results[-1].error)


def test_pages_behind_many_that_fail_are_read() -> None:
    """A run of failures ends a document only where nothing can be opened behind it."""
    none, good = b"9 0 R " * 300, b"3 0 R "
    document = pdf(
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[%b]/Count 301>>" % (none + good),
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 60 80]/Contents 4 0 R>>",
        stream(b"0 0 m 9 9 l S"),
    )
    results = list(DocumentReader(Ruler()).iter_pages(document))
    assert [result.page_number for result in results] == list(range(1, 302))
    assert results[-1].error is None
