"""Scanned pages of PDFs read as they are stored, beside the same pages drawn.

    python benchmarks/stored_pages.py FOLDER [--most 20]

Takes the PDFs of a folder with pages that are one JPEG, and makes a PDF of each JPEG that is at least as
large as such a page must be. Each page is read by the local engine twice: as it is, and with a white
dot on it, for which it is drawn. Prints the word F1 of the one against the other, the mean IoU
of the boxes of lines that both have, and CPU. The goal is an F1 of 0.99 and an IoU of 0.9 over all pages.
"""

from __future__ import annotations

import argparse
import io
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pypdfium2.raw
from PIL import Image

from vlm_core.errors import InputError
from vlm_core.images.pdf_stored import LEAST_SIDE
from vlm_core.images.pdf_worker import open_pdf
from vlm_core.ocr.local import LocalEngine
from vlm_core.types import Box, PageImage, PageResult

F1, IOU = 0.99, 0.9
MOST_PIXELS = 12_000_000
DPI = 200


def main() -> None:
    """Read all pages in both ways, and print a line for each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--most", type=int, default=20, help="pages that are read")
    arguments = options.parse_args()
    engine = LocalEngine("text")
    same = both = 0
    overlaps: list[float] = []
    for number, (name, data) in enumerate(documents(arguments.folder)):
        if number == arguments.most:
            break
        with open_pdf(data) as stored, open_pdf(with_dot(data)) as drawn:
            one, one_seconds = read(engine, stored.page(1))
            other, other_seconds = read(engine, drawn.page(1))
        words, others = words_of(one), words_of(other)
        shared = (words & others).total()
        same, both = same + 2 * shared, both + words.total() + others.total()
        found = list(overlaps_of(one, other))
        overlaps += found
        print(
            f"{name:40}{one.width:6}x{one.height:<6}{other.width:6}x{other.height:<6}"
            f"F1 {2 * shared / max(1, words.total() + others.total()):.4f}  "
            f"IoU {sum(found) / max(1, len(found)):.3f} of {len(found)} lines  "
            f"{one_seconds:.1f} s of CPU, drawn {other_seconds:.1f}",
            flush=True,
        )
    f1, iou = same / max(1, both), sum(overlaps) / max(1, len(overlaps))
    print(f"all: F1 {f1:.4f}, IoU {iou:.3f}")
    print(f"goal F1 {F1} and IoU {IOU}: {'met' if f1 >= F1 and iou >= IOU else 'missed'}")


def documents(folder: Path) -> Iterator[tuple[str, bytes]]:
    """The names and bytes of PDFs whose first page is passed on."""
    for path in sorted(folder.rglob("*")):
        data = path.read_bytes() if path.suffix.lower() in (".pdf", ".jpg") else b""
        if path.suffix.lower() == ".jpg" and is_large_enough(data):
            data = as_pdf(data)
        if data.startswith(b"%PDF") and is_passed_on(data):
            yield str(path.relative_to(folder)), data


def is_large_enough(jpeg: bytes) -> bool:
    """Whether a JPEG has the size of a page, not of a poster."""
    width, height = Image.open(io.BytesIO(jpeg)).size
    return min(width, height) >= LEAST_SIDE and width * height <= MOST_PIXELS


def as_pdf(jpeg: bytes) -> bytes:
    """A PDF of one page, which is the JPEG."""
    document = pypdfium2.PdfDocument.new()
    image = pypdfium2.PdfImage.new(document)
    image.load_jpeg(io.BytesIO(jpeg))
    width, height = (side * 72 / DPI for side in image.get_px_size())
    image.set_matrix(pypdfium2.PdfMatrix().scale(width, height))
    page = document.new_page(width, height)
    page.insert_obj(image)
    page.gen_content()
    return saved(document)


def with_dot(data: bytes) -> bytes:
    """The document with a white dot on its first page."""
    document = pypdfium2.PdfDocument(data)
    page = document[0]
    dot = pypdfium2.raw.FPDFPageObj_CreateNewRect(*page.get_bbox()[:2], 0.01, 0.01)
    pypdfium2.raw.FPDFPageObj_SetFillColor(dot, 255, 255, 255, 255)
    pypdfium2.raw.FPDFPath_SetDrawMode(dot, pypdfium2.raw.FPDF_FILLMODE_ALTERNATE, False)
    pypdfium2.raw.FPDFPage_InsertObject(page, dot)
    page.gen_content()
    return saved(document)


def saved(document: pypdfium2.PdfDocument) -> bytes:
    """A document's bytes."""
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def is_passed_on(data: bytes) -> bool:
    """Whether the first page is one JPEG."""
    try:
        with open_pdf(data) as document:
            return document.page(1).stored is not None
    except InputError:
        return False


def read(engine: LocalEngine, page: PageImage) -> tuple[PageResult, float]:
    """A page's result, and the CPU seconds that it took."""
    began = time.process_time()
    return engine.read_page(page), time.process_time() - began


def words_of(page: PageResult) -> Counter[str]:
    """How often each word stands on a page."""
    return Counter(re.findall(r"\w+", page.text.casefold()))


def overlaps_of(one: PageResult, other: PageResult) -> Iterator[float]:
    """For each line whose text stands once on both pages, the intersection over union of its boxes."""
    boxes, others = lines_of(one), lines_of(other)
    for text in boxes.keys() & others.keys():
        yield iou(boxes[text], others[text])


def lines_of(page: PageResult) -> dict[str, Box]:
    """The boxes of lines whose text stands once on a page."""
    counts = Counter(line.text for line in page.lines)
    return {line.text: line.bbox for line in page.lines if counts[line.text] == 1}


def iou(a: Box, b: Box) -> float:
    """Intersection over union of two boxes."""
    across, down = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, across) * max(0.0, down)
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return shared / max(1e-12, sum(areas) - shared)


if __name__ == "__main__":
    main()
