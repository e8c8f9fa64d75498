"""Memory does not grow with the pages of a PDF: page 1,000 needs no more than page 50.

Draws a PDF of 1,000 A4 pages, each with text and a picture of its own, reads it page by page,
and prints the resident memory of this process and its PDF worker together. Exits with 1 if
that grew by 150 MB or more between page 50 and page 1,000. Linux only, for it reads /proc.

    python benchmarks/pdf_memory.py
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from vlm_core import DocumentReader, PageImage, PageResult

PAGES = 1000
WARM = 50  # pages until caches and buffers have their size
LIMIT = 150  # MB
SIDE = 256  # pixels of the picture on each page


class Stub:
    """An engine that reads nothing, so that only decoding and the reader are measured."""

    name = "stub"
    model = None

    def read_page(self, page: PageImage) -> PageResult:
        return PageResult(engine=self.name, sha256=page.sha256)


def pages(path: Path) -> Iterator[PageResult]:
    """The results, one at a time."""
    return DocumentReader(Stub(), pdf_text="ignore").iter_pages(path)


def main() -> int:
    """Read the document and report; 1 if memory grew too much."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pages.pdf")
        draw_pdf(path)
        resident, seen = {}, set()
        for page in pages(path):
            seen.add(page.sha256)
            if page.page_number in (WARM, PAGES):
                resident[page.page_number] = total = resident_megabytes()
                print(f"page {page.page_number:5}: {total:6.1f} MB resident, with the worker")
    growth = resident[PAGES] - resident[WARM]
    print(
        f"growth: {growth:+.1f} MB over {PAGES - WARM} pages, {len(seen)} of them distinct; limit {LIMIT} MB"
    )
    return int(growth >= LIMIT or len(seen) != PAGES)


def resident_megabytes() -> float:
    """Memory in RAM of this process and its children."""
    own = os.getpid()
    children = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return sum(_resident(pid) for pid in (str(own), *children)) / 1e6


def _resident(pid: str) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def draw_pdf(path: Path) -> None:
    """Write the document: the catalogue, the page tree and the font, then three objects for each page."""
    noise = random.Random(0)
    kids = b" ".join(b"%d 0 R" % (4 + 3 * index) for index in range(PAGES))
    with path.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        starts = [
            write_object(file, 1, b"<</Type/Catalog/Pages 2 0 R>>"),
            write_object(file, 2, b"<</Type/Pages/Kids[%s]/Count %d>>" % (kids, PAGES)),
            write_object(file, 3, b"<</Type/Font/Subtype/Type1/BaseFont/Times-Roman>>"),
        ]
        for index in range(PAGES):
            parts = page_objects(4 + 3 * index, index + 1, noise)
            starts += [write_object(file, 4 + 3 * index + offset, part) for offset, part in enumerate(parts)]
        write_table(file, starts)


def page_objects(number: int, page: int, noise: random.Random) -> list[bytes]:
    """A page, its content and its picture; the first has the number given."""
    lines = b" ".join(
        b"(Page %d, line %d, with words enough to fill it: %d) Tj T*" % (page, line, noise.getrandbits(64))
        for line in range(40)
    )
    content = b"BT /F 11 Tf 14 TL 50 780 Td %s ET q 200 0 0 200 50 20 cm /I Do Q" % lines
    picture = zlib.compress(noise.randbytes(SIDE * SIDE), 1)
    gray = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8" % (
        SIDE,
        SIDE,
    )
    resources = b"/Resources<</Font<</F 3 0 R>>/XObject<</I %d 0 R>>>>" % (number + 2)
    return [
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R%s>>" % (number + 1, resources),
        stream(content),
        stream(picture, gray + b"/Filter/FlateDecode"),
    ]


def stream(data: bytes, entries: bytes = b"") -> bytes:
    """A stream object."""
    return b"<<%s/Length %d>>stream\n%s\nendstream" % (entries, len(data), data)


def write_object(file: BinaryIO, number: int, content: bytes) -> int:
    """Write an object, and return where it starts."""
    start = file.tell()
    file.write(b"%d 0 obj\n%s\nendobj\n" % (number, content))
    return start


def write_table(file: BinaryIO, starts: list[int]) -> None:
    """Write where each object starts, the first one's is number 1, and the end of the file."""
    table, size = file.tell(), len(starts) + 1
    file.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    file.writelines(b"%010d 00000 n \n" % start for start in starts)
    file.write(b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, table))


if __name__ == "__main__":
    sys.exit(main())
