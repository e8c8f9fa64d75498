"""Tables that go on over pages, put together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from vlm_core.structure.table_finding.found import FoundCell, FoundTable
from vlm_core.types import Box, TextLine

_NEAR_RULED, _NEAR = 0.02, 0.06
"""Of the page's width: how far off the places may be where columns part, with lines there and without."""
# Lines that may stand below the table on one page, or above it on the next: page numbers and footnotes.
_BEYOND = 3


class PageTables(NamedTuple):
    """The tables of a page, and the lines that they were found among."""

    page_number: int
    lines: Sequence[TextLine]
    tables: Sequence[FoundTable]


class DocumentTable(NamedTuple):
    """A table, and where its parts stand: pages and boxes."""

    table: FoundTable
    places: tuple[tuple[int, Box], ...]

    @property
    def pages(self) -> tuple[int, ...]:
        """The numbers of its pages."""
        return tuple(number for number, _ in self.places)


def tables_over_pages(pages: Iterable[PageTables]) -> list[DocumentTable]:
    """The tables of a document; one that goes on over pages is one, each of its rows once.

    A page's first table goes on with the last one of the page before where their columns agree, nothing but
    a few lines stands between them, and its header is the same or it has none. The same header is left out.

    Args:
        pages: that follow each other.
    """
    finished: list[DocumentTable] = []
    open_one: DocumentTable | None = None
    last: PageTables | None = None
    for page in pages:
        tables = [
            DocumentTable(_numbered(table, page), ((page.page_number, table.bbox),)) for table in page.tables
        ]
        if tables and open_one and last and _goes_on(last, page):
            tables[0] = _joined(open_one, tables[0])
            open_one = None
        finished += [open_one] if open_one else []
        finished += tables[:-1]
        open_one = tables[-1] if tables else None
        last = page
    return finished + ([open_one] if open_one else [])


def _numbered(table: FoundTable, page: PageTables) -> FoundTable:
    return table._replace(cells=tuple(cell._replace(page_number=page.page_number) for cell in table.cells))


def _goes_on(page: PageTables, following: PageTables) -> bool:
    upper, lower = page.tables[-1], following.tables[0]
    below = sum(line.bbox[1] >= upper.bbox[3] for line in page.lines)
    above = sum(line.bbox[3] <= lower.bbox[1] for line in following.lines)
    if following.page_number != page.page_number + 1 or max(below, above) > _BEYOND:
        return False
    return _columns_agree(upper, lower) and (_repeats(upper, lower) or not _has_other_header(upper, lower))


def _columns_agree(upper: FoundTable, lower: FoundTable) -> bool:
    if len(upper.columns) != len(lower.columns):
        return False
    if upper.is_ruled and lower.is_ruled:
        near, pairs = _NEAR_RULED, zip(upper.columns, lower.columns, strict=True)
    else:  # where the outer sides are depends on the texts
        near, pairs = _NEAR, zip(upper.columns[1:-1], lower.columns[1:-1], strict=True)
    return all(abs(a - b) <= near for a, b in pairs)


def _repeats(upper: FoundTable, lower: FoundTable) -> bool:
    """Whether a table begins with the header of another one."""
    header = _first_rows(upper, upper.header_rows)
    return bool(header) and _first_rows(lower, upper.header_rows) == header


def _first_rows(table: FoundTable, count: int) -> list[tuple[int, int, str]]:
    cells = (cell for cell in table.cells if cell.row < count and cell.text)
    return sorted((cell.row, cell.column, "".join(cell.text.split()).casefold()) for cell in cells)


def _has_other_header(upper: FoundTable, lower: FoundTable) -> bool:
    """Whether a table has a header of its own, as far as its values tell it from the rows."""
    return bool(upper.header_rows and lower.header_rows) and lower.has_values


def _joined(upper: DocumentTable, lower: DocumentTable) -> DocumentTable:
    left_out = upper.table.header_rows if _repeats(upper.table, lower.table) else 0
    cells = (*upper.table.cells, *_moved(lower.table, left_out, upper.table.row_count))
    return DocumentTable(upper.table._replace(cells=cells), upper.places + lower.places)


def _moved(table: FoundTable, left_out: int, above: int) -> Iterator[FoundCell]:
    for cell in table.cells:
        if cell.row >= left_out:
            yield cell._replace(row=cell.row - left_out + above, is_header=False)
