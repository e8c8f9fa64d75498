"""Tables of ICDAR 2013's European half, found in pictures and in PDFs' own text, beside peers.

    python benchmarks/tables.py DOCUMENTS --peers PYTHON [--cache FOLDER]

DOCUMENTS holds `tables/icdar2013-eu` (`NAME.pdf`, `NAME-str.xml`, `NAME-reg.xml`), `receipts`, `hard` and
`scripts`, on which no tables are expected. PYTHON is that of an environment with img2table, pdfplumber,
camelot-py and docling-metrics-table (see `table_peers.py`); what is not installed there is left out. FOLDER
keeps what OCR has read.

Pages are drawn at 150 dpi and read by the local engine, or their own text is taken. A true table is found by
the table that overlaps it most, by half of both areas at least; one that is not found counts as 0. Cell F1
compares texts of cells, adjacency F1 neighbours, TEDS the trees of their HTML. CPU is that of finding tables,
not of OCR. Exits with 1 where the figures that the project promises are not met.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

from table_scores import Cell, ScoredTable, adjacency_f1, as_html, cell_f1, overlap

DPI = 150
PROMISED = {"pictures": (0.93, 0.90, 0.88), "text layer": (0.94, 0.92, 0.91)}
FOUND, FALSE, RECEIPTS, CPU = 0.9, 0.1, 4, 0.15
WITHOUT = ("receipts", "hard", "scripts")


class Page(NamedTuple):
    pdf: Path
    number: int
    tables: list[ScoredTable]


class Read(NamedTuple):
    """What an engine read on a page, and what finds its tables."""

    words: list[tuple[int, str, Any]]
    tables: list[ScoredTable]
    seconds: float


def true_pages(folder: Path) -> list[Page]:
    pages: dict[tuple[Path, int], list[ScoredTable]] = {}
    for structure in sorted(folder.glob("*-str.xml")):
        name = structure.name.removesuffix("-str.xml")
        pdf = folder / f"{name}.pdf"
        if not pdf.exists():
            continue
        boxes = dict(true_boxes(folder / f"{name}-reg.xml", pdf))
        for table in ElementTree.parse(structure).getroot().iter("table"):
            for region in table.iter("region"):
                place = table.get("id"), region.get("id")
                if place in boxes:
                    number, box = boxes[place]
                    pages.setdefault((pdf, number), []).append(ScoredTable(box, list(true_cells(region))))
    return [Page(pdf, number, tables) for (pdf, number), tables in pages.items()]


def true_boxes(regions: Path, pdf: Path) -> Iterator[tuple[Any, Any]]:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    for table in ElementTree.parse(regions).getroot().iter("table"):
        for region in table.iter("region"):
            number = int(region.get("page", 1))
            width, height = document[number - 1].get_size()
            sides = region.find("bounding-box")
            if sides is not None:
                x0, y0, x1, y1 = (float(sides.get(side, 0)) for side in ("x1", "y1", "x2", "y2"))
                box = x0 / width, 1 - y1 / height, x1 / width, 1 - y0 / height
                yield (table.get("id"), region.get("id")), (number, box)


def true_cells(region: ElementTree.Element) -> Iterator[Cell]:
    for cell in region.iter("cell"):
        row, column = int(cell.get("start-row", 0)), int(cell.get("start-col", 0))
        last_row, last_column = int(cell.get("end-row", row)), int(cell.get("end-col", column))
        text = " ".join((cell.findtext("content") or "").split())
        yield Cell(row, column, last_row - row + 1, last_column - column + 1, text)


def as_scored(table: Any) -> ScoredTable:
    cells = [
        Cell(cell.row, cell.column, cell.row_span, cell.column_span, cell.text.replace("\n", " "))
        for cell in table.cells
        if cell.text
    ]
    return ScoredTable(table.bbox, cells)


def words_in(lines: Any) -> list[tuple[int, str, Any]]:
    return [(number, word.text, word.bbox) for number, line in enumerate(lines) for word in line.words]


class OurOCR:
    """Pictures of pages, read once and kept."""

    def __init__(self, cache: Path) -> None:
        from vlm_core.ocr.local import LocalEngine

        self._engine = LocalEngine(task="text")
        self._cache = cache

    def picture(self, page: Page) -> Path:
        """The page as a picture, for the peers too."""
        path = self._cache / f"{page.pdf.stem}-{page.number}.png"
        if not path.exists():
            import pypdfium2

            drawn = pypdfium2.PdfDocument(page.pdf)[page.number - 1].render(scale=DPI / 72)
            drawn.to_pil().convert("RGB").save(path)
        return path

    def read(self, picture: Path) -> Read:
        from vlm_core.images.decode import pages
        from vlm_core.ocr.page_rotation import turn_image
        from vlm_core.ocr.pixels import pixels_of
        from vlm_core.ocr.ruling_lines import ruling_lines
        from vlm_core.structure.table_finding.find import find_tables
        from vlm_core.types import PageResult

        image = next(iter(pages(picture.read_bytes())))
        kept = self._cache / f"{picture.parent.name}-{picture.stem}.json"
        if not kept.exists():
            kept.write_text(self._engine.read_page(image).model_dump_json())
        result = PageResult.model_validate_json(kept.read_text())
        pixels = turn_image(pixels_of(image), result.rotation)
        started = time.process_time()
        rules = ruling_lines(pixels)
        found = find_tables(result.lines, rules, result.width, result.height)
        return Read(words_in(result.lines), list(map(as_scored, found)), time.process_time() - started)


def read_text_layer(page: Page) -> Read | None:
    """From the page's own text; None where it has none that can be trusted, and the product reads by OCR."""
    from vlm_core.images.pdf_worker import open_pdf
    from vlm_core.structure.table_finding.find import find_tables

    with open_pdf(page.pdf) as document:
        image = document.page(page.number)
    layer = image.text_layer
    if layer is None:
        return None
    started = time.process_time()
    found = find_tables(layer.lines, layer.rules, image.width, image.height, shades=layer.shades)
    return Read(words_in(layer.lines), list(map(as_scored, found)), time.process_time() - started)


class Peers:
    """Another environment's Python, which answers in JSON."""

    def __init__(self, python: str) -> None:
        script = Path(__file__).with_name("table_peers.py")
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        self._process = subprocess.Popen([python, str(script)], text=True, **pipes)

    def ask(self, what: str, **request: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"ask": what, **request}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"the peers' environment does not answer {what}: see benchmarks/table_peers.py")
        return json.loads(answer)


class Result(NamedTuple):
    scores: tuple[float, float, float]
    found: float
    false: float
    seconds: float


def measure(
    name: str, pages: list[Page], find: Callable[[Page], tuple[list[ScoredTable], float] | None], peers: Peers
) -> Result:
    cells, adjacency, html, seconds = [], [], [], 0.0
    true_count = predicted = hits = 0
    for page in pages:
        answer = find(page)
        if answer is None:
            continue
        tables, spent = answer
        seconds += spent
        predicted += len(tables)
        matched = set()
        for true in page.tables:
            true_count += 1
            best = max(tables, key=lambda table: overlap(true.box, table.box), default=None)
            if best is None or overlap(true.box, best.box) < 0.5:
                cells.append(0.0)
                adjacency.append(0.0)
                continue
            matched.add(id(best))
            cells.append(cell_f1(true.cells, best.cells))
            adjacency.append(adjacency_f1(true.cells, best.cells))
            html.append((as_html(true.cells), as_html(best.cells)))
        hits += len(matched)
    teds = sum(peers.ask("teds", pairs=html)) / true_count
    result = Result(
        (fmean(cells), fmean(adjacency), teds),
        hits / true_count,
        (predicted - hits) / max(predicted, 1),
        seconds / true_count,
    )
    print(
        f"{name:34} {true_count} tables  cells {result.scores[0]:.3f}  adjacency {result.scores[1]:.3f}  "
        f"TEDS {result.scores[2]:.3f}  found {result.found:.3f}  false {result.false:.3f}  "
        f"CPU {result.seconds:.3f} s a table",
        flush=True,
    )
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("documents", type=Path)
    parser.add_argument("--peers", default=sys.executable, help="the Python of the peers' environment")
    parser.add_argument("--cache", type=Path, help="a folder that keeps what OCR has read")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        cache = arguments.cache or Path(temporary)
        cache.mkdir(parents=True, exist_ok=True)
        return compare(arguments.documents, Peers(arguments.peers), OurOCR(cache))


def compare(documents: Path, peers: Peers, ocr: OurOCR) -> int:
    pages = true_pages(documents / "tables" / "icdar2013-eu")
    pictures = {page[:2]: ocr.read(ocr.picture(page)) for page in pages}
    layers = {page[:2]: read_text_layer(page) for page in pages}
    reads: dict[str, dict[Any, Read | None]] = {"pictures": dict(pictures), "text layer": layers}
    is_met = True
    for source, read in reads.items():

        def ours(page: Page, read: dict[Any, Read | None] = read) -> tuple[list[ScoredTable], float] | None:
            answer = read[page[:2]]
            return answer and (answer.tables, answer.seconds)

        result = measure(f"vlm-adapters, {source}", pages, ours, peers)
        is_met &= all(a >= b for a, b in zip(result.scores, PROMISED[source], strict=True))
        is_met &= result.found >= FOUND and result.false <= FALSE and result.seconds <= CPU
        is_met &= all(
            result.scores > other.scores for other in others(source, pages, read, peers, ocr.picture)
        )
    return 0 if is_met & pages_without_tables(documents, ocr) else 1


def others(
    source: str,
    pages: list[Page],
    reads: dict[Any, Read | None],
    peers: Peers,
    picture: Callable[[Page], Path],
) -> Iterator[Result]:
    for peer, version in peers.ask("versions").items():
        if source == "pictures" and peer != "img2table":
            continue  # the others read PDFs alone
        if version is None:
            print(f"{peer:34} is left out: it is not installed")
            continue

        def find(page: Page, peer: str = peer) -> tuple[list[ScoredTable], float] | None:
            read = reads[page[:2]]
            if read is None:
                return None
            path, words = (picture(page), read.words) if source == "pictures" else (page.pdf, None)
            answer = peers.ask("find", peer=peer, path=str(path), page=page.number, words=words)
            if answer["error"]:
                print(f"{peer} fails on {page.pdf.name}, page {page.number}: {answer['error']}")
            tables = [
                ScoredTable(tuple(table["box"]), [Cell(*cell) for cell in table["cells"]])
                for table in answer["tables"]
            ]
            return tables, answer["seconds"]

        yield measure(f"{peer} {version}, {source}", pages, find, peers)


def pages_without_tables(documents: Path, ocr: OurOCR) -> bool:
    counts = {}
    for folder in WITHOUT:
        pictures = [
            path for path in sorted((documents / folder).glob("*")) if path.suffix in (".jpg", ".png")
        ]
        with_tables = [path.stem for path in pictures if ocr.read(path).tables]
        counts[folder] = len(with_tables)
        print(f"{folder}: {len(with_tables)} of {len(pictures)} pages have a table {' '.join(with_tables)}")
    return counts["receipts"] <= RECEIPTS and not counts["hard"] and not counts["scripts"]


if __name__ == "__main__":
    sys.exit(main())
