"""How like the true cells of a table those are that were found: for `tables.py`."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from html import escape
from typing import NamedTuple


class Cell(NamedTuple):
    row: int
    column: int
    row_span: int
    column_span: int
    text: str


Box = tuple[float, float, float, float]


class ScoredTable(NamedTuple):
    """A table, true or found: its box as fractions of the page, and its cells with text."""

    box: Box
    cells: list[Cell]


def key(text: str) -> str:
    """What is compared of a text: letters and digits, as OCR and PDFs differ in dashes and spaces."""
    return re.sub(r"\W", "", unicodedata.normalize("NFKC", text)).casefold()


def f1(true: Iterable[object], found: Iterable[object]) -> float:
    true, found = Counter(true), Counter(found)
    both = true.total() + found.total()
    return 2 * (true & found).total() / both if both else 1.0


def cell_f1(true: list[Cell], found: list[Cell]) -> float:
    """Of the texts of the cells, wherever they stand."""
    return f1(*([text for cell in cells if (text := key(cell.text))] for cells in (true, found)))


def adjacency_f1(true: list[Cell], found: list[Cell]) -> float:
    """Of pairs of neighbours, as the ICDAR 2013 competition has it: each cell with text and the next one to
    the right and below, empty ones passed over."""
    return f1(neighbours(true), neighbours(found))


def neighbours(cells: list[Cell]) -> list[tuple[str, str, str]]:
    cells = [cell for cell in cells if key(cell.text)]
    places = {place: number for number, cell in reversed(list(enumerate(cells))) for place in covered(cell)}
    last_row = max((row for row, _ in places), default=-1)
    last_column = max((column for _, column in places), default=-1)
    pairs = set()
    for number, cell in enumerate(cells):
        for row in range(cell.row, cell.row + cell.row_span):
            beyond = ((row, column) for column in range(cell.column + cell.column_span, last_column + 1))
            pairs |= {(number, other, "right") for other in first(beyond, places)}
        for column in range(cell.column, cell.column + cell.column_span):
            beyond = ((row, column) for row in range(cell.row + cell.row_span, last_row + 1))
            pairs |= {(number, other, "below") for other in first(beyond, places)}
    return [(key(cells[a].text), key(cells[b].text), way) for a, b, way in pairs if a != b]


def covered(cell: Cell) -> Iterator[tuple[int, int]]:
    for row in range(cell.row, cell.row + cell.row_span):
        for column in range(cell.column, cell.column + cell.column_span):
            yield row, column


def first(beyond: Iterable[tuple[int, int]], places: dict[tuple[int, int], int]) -> list[int]:
    return next(([places[place]] for place in beyond if place in places), [])


def as_html(cells: list[Cell]) -> str:
    """Cells as HTML, with an empty one in each place that none covers. All are plain cells, since the true
    tables do not say which are headings."""
    taken = {place for cell in cells for place in covered(cell)}
    rows = max((row for row, _ in taken), default=-1) + 1
    columns = max((column for _, column in taken), default=-1) + 1
    empty = [
        Cell(row, column, 1, 1, "")
        for row in range(rows)
        for column in range(columns)
        if (row, column) not in taken
    ]
    lines: list[str] = [""] * rows
    for cell in sorted([*cells, *empty]):
        spans = (("colspan", cell.column_span), ("rowspan", cell.row_span))
        attributes = "".join(f' {name}="{span}"' for name, span in spans if span > 1)
        text = escape(" ".join(unicodedata.normalize("NFKC", cell.text).split()))
        lines[cell.row] += f"<td{attributes}>{text}</td>"
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"


def overlap(a: Box, b: Box) -> float:
    """The area that two boxes share, by the area of both together."""
    shared = max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    return shared / (area(a) + area(b) - shared) if shared else 0.0


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
