"""Tables that go on over pages: which are one, and the one that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import TypeAlias

from vlm_core.structure.table_finding.values import are_values
from vlm_core.structure.table_grid import cells_by_row, header_rows, rows
from vlm_core.types import Block, Cell, Table

Header: TypeAlias = list[list[str]]

# What may stand between two parts of a table,
_BETWEEN = frozenset({"page_header", "page_footer", "footnote"})
# and so many lines of text below the first one, such as a note.
_LINES = 3
# Of the page's width: how far off each other the places may be where columns part.
_NEAR = 0.06
_CONTINUED = ("continued", "(cont", "fortsetzung", "suite)", "continuación", "续表", "續表")


def with_continued_tables(blocks: Iterable[Block]) -> list[Block]:
    """Blocks of a document in which a table that goes on from the page before says so.

    It does where nothing but page headers, page footers, footnotes and a note below the first part stands
    between, the columns agree, and the second has the header of the first or none of its own.
    """
    found: list[Block] = []
    last: Block | None = None
    header: Header = []
    between: list[Block] = []
    for block in blocks:
        table = block.table
        if table is not None:
            if last is not None and _may_stand_between(between, last) and _goes_on(last, block, header):
                block = block.model_copy(update={"continues": True})
            else:
                header = _header(table)
            last, between = block, []
        elif block.kind not in _BETWEEN:
            between.append(block)
        found.append(block)
    return found


def _may_stand_between(between: Sequence[Block], last: Block) -> bool:
    """Whether blocks are a note below a table, or say that it goes on."""
    notes = [block for block in between if not any(sign in block.text.casefold() for sign in _CONTINUED)]
    if any(block.kind != "paragraph" or block.page_number != last.page_number for block in notes):
        return False
    return sum(block.text.count("\n") + 1 for block in notes) <= _LINES


def _goes_on(last: Block, block: Block, header: Header) -> bool:
    upper, lower = last.table, block.table
    if upper is None or lower is None or last.page_number is None or block.page_number is None:
        return False
    if block.page_number != last.page_number + 1 or upper.column_count != lower.column_count:
        return False
    places, others = _column_places(upper), _column_places(lower)
    if any(abs(a - b) > _NEAR for a, b in zip(places, others, strict=False)):
        return False
    return _repeats(header, lower) or not (header and _has_own_header(lower))


def _column_places(table: Table) -> list[float]:
    """Where its columns part, as fractions of the page's width; empty where that is not known."""
    places: list[list[float]] = [[] for _ in range(table.column_count + 1)]
    for cell in table.cells:
        if cell.bbox is not None:
            places[cell.column].append(cell.bbox[0])
            places[cell.column + cell.column_span].append(cell.bbox[2])
    inner = places[1:-1]  # where the outer sides are depends on the texts, unless lines are drawn
    return [median(sides) for sides in inner] if all(inner) else []


def _header(table: Table) -> Header:
    return _first_rows(table, header_rows(table))


def _first_rows(table: Table, count: int) -> Header:
    """The texts of rows, however their words are parted: pages differ in that."""
    return [["".join(text.split()).casefold() for text in row] for row in rows(table)[:count]]


def _repeats(header: Header, table: Table) -> bool:
    return bool(header) and _first_rows(table, len(header)) == header


def _has_own_header(table: Table) -> bool:
    """Whether a table has a header. Of one that was found among words, its values must tell so."""
    texts = ([text for text in row[1:] if text] for row in rows(table))
    is_told = not _column_places(table) or any(map(are_values, texts))
    return header_rows(table) > 0 and is_told


def joined(parts: Sequence[Block]) -> Table:
    """The one table that parts on several pages make: a header that is repeated stands in it once.

    Args:
        parts: the blocks of a table and of those that continue it.
    """
    cells: list[Cell] = []
    header = _header(parts[0].table or Table()) if parts else []
    top = 0
    for number, part in enumerate(parts):
        table = part.table or Table()
        skipped = len(header) if number and _repeats(header, table) else 0
        own_header = header_rows(table) if number else 0
        cells += [
            cell.model_copy(
                update={
                    "row": cell.row - skipped + top,
                    "page_number": cell.page_number or part.page_number,
                    "is_header": cell.is_header and cell.row >= own_header,
                }
            )
            for row in cells_by_row(table)[skipped:]
            for cell in row
        ]
        top += table.row_count - skipped
    return Table(cells=tuple(cells))


def tables_of(blocks: Iterable[Block]) -> list[list[Block]]:
    """The blocks of each table: its first part and those that continue it."""
    found: list[list[Block]] = []
    for block in blocks:
        if block.table is None:
            continue
        if block.continues and found:
            found[-1].append(block)
        else:
            found.append([block])
    return found
