"""What other libraries find of tables, and the TEDS metric: `tables.py` runs it in their environment.

    pip install img2table pdfplumber camelot-py docling-metrics-table
    python benchmarks/tables.py DOCUMENTS --peers PYTHON

A request a line on stdin, an answer a line on stdout, both JSON.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

sys.path[:] = [folder for folder in sys.path if Path(folder or ".").resolve() != Path(__file__).parent]

Found = Iterator[dict[str, Any]]


def rows_as_cells(rows: list[list[Any]]) -> list[list[Any]]:
    return [
        [number, column, 1, 1, text]
        for number, row in enumerate(rows)
        for column, text in enumerate(row)
        if text and str(text).strip()
    ]


def pdfplumber(path: str, page: int, words: Any) -> Found:
    import pdfplumber

    with pdfplumber.open(path) as document:
        shown = document.pages[page - 1]
        for table in shown.find_tables():
            x0, y0, x1, y1 = table.bbox
            box = [x0 / shown.width, y0 / shown.height, x1 / shown.width, y1 / shown.height]
            yield {"box": box, "cells": rows_as_cells(table.extract())}


def camelot(flavor: str) -> Callable[[str, int, Any], Found]:
    def find(path: str, page: int, words: Any) -> Found:
        import camelot
        import pypdfium2

        width, height = pypdfium2.PdfDocument(path)[page - 1].get_size()
        for table in camelot.read_pdf(path, pages=str(page), flavor=flavor):
            x0, y0, x1, y1 = table._bbox
            box = [x0 / width, 1 - y1 / height, x1 / width, 1 - y0 / height]
            yield {"box": box, "cells": rows_as_cells(table.df.values.tolist())}

    return find


def img2table(path: str, page: int, words: Any) -> Found:
    """From a PDF's own text; or from a picture and the words that our OCR has read in it."""
    from img2table.document import PDF, Image

    options = {"implicit_rows": True, "borderless_tables": True}
    if words is None:
        document = PDF(path, pages=[page - 1])
        found = document.extract_tables(**options)[page - 1]
    else:
        document = Image(path)
        found = document.extract_tables(ocr=our_words(words, document), min_confidence=1, **options)
    height, width = document.images[0].shape[:2]
    for table in found:
        box = table.bbox
        places: dict[tuple[int, ...], list[tuple[int, int]]] = {}
        texts = {}
        for row, row_cells in table.content.items():
            for column, cell in enumerate(row_cells):
                own = cell.bbox.x1, cell.bbox.y1, cell.bbox.x2, cell.bbox.y2
                places.setdefault(own, []).append((row, column))
                texts[own] = cell.value
        yield {
            "box": [box.x1 / width, box.y1 / height, box.x2 / width, box.y2 / height],
            "cells": [[*spans(covered), texts[own]] for own, covered in places.items() if texts[own]],
        }


def spans(covered: list[tuple[int, int]]) -> tuple[int, int, int, int]:
    rows, columns = zip(*covered, strict=True)
    return min(rows), min(columns), len(set(rows)), len(set(columns))


def our_words(words: list[Any], document: Any) -> Any:
    from img2table.ocr._types import OCRData, OCRInstance

    height, width = document.images[0].shape[:2]
    records = [
        {
            "id": f"word_{number}",
            "parent": f"line_{line}",
            "value": text,
            "confidence": 99,
            "x1": round(box[0] * width),
            "y1": round(box[1] * height),
            "x2": round(box[2] * width),
            "y2": round(box[3] * height),
        }
        for number, (line, text, box) in enumerate(words)
    ]

    class OurWords(OCRInstance):
        def of(self, document: Any) -> Any:
            return OCRData(records={0: records})

    return OurWords()


PEERS: dict[str, tuple[str, Callable[[str, int, Any], Found]]] = {
    "img2table": ("img2table", img2table),
    "pdfplumber": ("pdfplumber", pdfplumber),
    "camelot, lattice": ("camelot-py", camelot("lattice")),
    "camelot, hybrid": ("camelot-py", camelot("hybrid")),
}


def versions() -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for name, (package, _) in PEERS.items():
        try:
            found[name] = version(package)
        except PackageNotFoundError:
            found[name] = None
    return found


def find(peer: str, path: str, page: int, words: Any) -> dict[str, Any]:
    started = time.process_time()
    try:
        tables = list(PEERS[peer][1](path, page, words))
    except Exception as error:  # noqa: BLE001  a peer may fail on a page as it likes
        return {"tables": [], "seconds": time.process_time() - started, "error": repr(error)[:200]}
    return {"tables": tables, "seconds": time.process_time() - started, "error": None}


def teds(pairs: list[tuple[str, str]]) -> list[float]:
    from docling_metrics_table import TableMetric, TableMetricHTMLInputSample
    from docling_metrics_table.docling_metrics_table import TableMetricKind

    metric = TableMetric([TableMetricKind.TEDS])
    samples = (TableMetricHTMLInputSample(id="table", html_a=true, html_b=found) for true, found in pairs)
    return [float(metric.evaluate_sample(sample).teds.teds) for sample in samples]


ANSWERS: dict[str, Callable[..., Any]] = {"versions": versions, "find": find, "teds": teds}

if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(ANSWERS[request.pop("ask")](**request)), flush=True)
