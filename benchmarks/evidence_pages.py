"""Real pages with what is printed on them, read once by the local engine: for `evidence.py`."""

from __future__ import annotations

import json
import os
import pickle
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from evidence_answers import Box, TrueLine

from vlm_core.images.decode import open_document
from vlm_core.ocr.local import LocalEngine, load_models
from vlm_core.ocr.page_pixels import PagePixels
from vlm_core.ocr.printed_page import PrintedPage

DPI = 150


class TruePage(NamedTuple):
    name: str
    path: Path
    number: int
    lines: list[TrueLine]
    """In pixels of the page as it is drawn."""


class TrueCell(NamedTuple):
    row: int
    column: int
    text: str
    box: Box
    """As fractions of the page."""


class Cache:
    """What the local engine has read, kept in a folder of the user's own.

    Args:
        folder: None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self.engine = LocalEngine()
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def page(self, name: str, path: Path, number: int = 1) -> PrintedPage:
        file = self.folder / f"{name}.pkl" if self.folder else None
        if file is None or not file.exists():
            printed = self.engine.read_closely(self.picture(path, number))
            assert printed.pixels is not None
            held = printed.result, printed.lines, printed.illegible, printed.pixels.image
            if file is not None:
                part = file.with_suffix(".part")
                part.write_bytes(pickle.dumps(held))
                os.replace(part, file)
        else:
            held = pickle.loads(file.read_bytes())
        return restored(*held)

    def picture(self, path: Path, number: int) -> Any:
        with open_document(path.read_bytes(), source=path.name, pdf_text="ignore") as pages:
            return pages.page(number)

    def text(self, name: str, make: Any) -> Any:
        """What a function gives, kept as JSON."""
        file = self.folder / f"{name}.json" if self.folder else None
        if file is not None and file.exists():
            return json.loads(file.read_text())
        made = make()
        if file is not None:
            file.write_text(json.dumps(made))
        return made


def restored(result: Any, lines: Any, illegible: Any, image: Any) -> PrintedPage:
    from vlm_core.ocr.local import _folding

    models, folding = load_models(), _folding()
    pixels = PagePixels(image, models.infer, models.characters, folding)
    return PrintedPage(result, lines, illegible, pixels, folding.alphabet)


# --- what is printed ------------------------------------------------------------------------------------


def receipts(documents: Path, limit: int | None) -> Iterator[TruePage]:
    for path in sorted((documents / "receipts").glob("*.csv"))[:limit]:
        lines = []
        for row in path.read_text(encoding="utf-8", errors="replace").splitlines():
            *numbers, text = row.split(",", 8) if row.count(",") >= 8 else [""]
            if text.strip():
                edges = list(map(float, numbers))
                across, down = edges[0::2], edges[1::2]
                lines.append(TrueLine(text.strip(), (min(across), min(down), max(across), max(down))))
        yield TruePage(f"receipts_{path.stem}", path.with_suffix(".jpg"), 1, lines)


def tables(documents: Path, limit: int | None) -> Iterator[tuple[str, Path, int, list[list[TrueCell]]]]:
    """Pages of PDFs with the cells of their tables."""
    import pypdfium2

    pages: dict[tuple[Path, int], list[list[TrueCell]]] = {}
    for structure in sorted((documents / "tables" / "icdar2013-eu").glob("*-str.xml")):
        path = structure.with_name(structure.name.replace("-str.xml", ".pdf"))
        if not path.exists():
            continue
        sizes = [(*page.get_size(), page.get_mediabox()[3]) for page in pypdfium2.PdfDocument(path)]
        for table in ElementTree.parse(structure).getroot().iter("table"):
            for region in table.iter("region"):
                number = int(region.get("page", 1))
                cells = list(cells_of(region, *sizes[number - 1]))
                pages.setdefault((path, number), []).append(cells)
    for (path, number), found in list(pages.items())[:limit]:
        yield f"tables_{path.stem}_{number}", path, number, found


def cells_of(region: ElementTree.Element, width: float, height: float, top: float) -> Iterator[TrueCell]:
    """Cells with their places. Of a page that is turned, the truth counts from the top of the paper as it
    lies."""
    for cell in region.iter("cell"):
        sides = cell.find("bounding-box")
        text = " ".join((cell.findtext("content") or "").split())
        if sides is None or not text:
            continue
        x0, y0, x1, y1 = (float(sides.get(side, 0)) for side in ("x1", "y1", "x2", "y2"))
        box = x0 / width, (top - y1) / height, x1 / width, (top - y0) / height
        yield TrueCell(int(cell.get("start-row", 0)), int(cell.get("start-col", 0)), text, box)


def layouts(documents: Path, limit: int | None) -> Iterator[TruePage]:
    """Pages of books, papers and newspapers with the blocks of text on them, in reading order."""
    for path in sorted((documents / "layout" / "omnidocbench").glob("*.json"))[:limit]:
        found = json.loads(path.read_text())["layout_dets"]
        blocks = []
        for block in sorted(found, key=lambda block: block.get("order") or 0):
            text = " ".join((block.get("text") or "").split())
            if block.get("ignore") or not text or block["category_type"] in ("equation_isolated", "abandon"):
                continue
            across, down = block["poly"][0::2], block["poly"][1::2]
            blocks.append(TrueLine(text, (min(across), min(down), max(across), max(down))))
        yield TruePage(f"omnidocbench_{path.stem}", path.with_suffix(".jpg"), 1, blocks)


# --- another engine ---------------------------------------------------------------------------------------


def tesseract_lines(page: TruePage) -> list[str]:
    """What Tesseract reads in the boxes of a page's true lines, one by one."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder, Image.open(page.path) as picture:
        names = []
        for number, (_, (x0, y0, x1, y1)) in enumerate(page.lines):
            names.append(f"{folder}/{number}.png")
            picture.convert("RGB").crop((int(x0) - 2, int(y0) - 2, int(x1) + 2, int(y1) + 2)).save(names[-1])
        listed = Path(folder, "list.txt")
        listed.write_text("\n".join(names))
        done = subprocess.run(
            ["tesseract", str(listed), "-", "--psm", "7"],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "OMP_THREAD_LIMIT": "1"},
        )
    return [" ".join(line.split()) for line in done.stdout.split("\f")][: len(names)]


def key(text: str) -> str:
    return re.sub(r"[\W_]", "", text).casefold()
