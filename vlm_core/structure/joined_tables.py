"""Tables that go on over pages: which are one, and the one that they make."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vlm_core.structure.table_grid import cells_by_row, header_rows, rows
from vlm_core.types import Block, Cell, Table

_BETWEEN = frozenset({"page_header", "page_footer", "footnote"})
"""What may stand between two parts of a table."""


def with_continued_tables(blocks: Iterable[Block]) -> list[Block]:
    """Blocks of a document in which a table that goes on from the page before says so.

    It does where nothing but page headers, page footers and footnotes stands between, both have as many
    columns, and the second has the header of the first or none at all.
    """
    found: list[Block] = []
    last: Block | None = None
    for block in blocks:
        if block.kind not in _BETWEEN:
            if last is not None and _goes_on(last, block):
                block = block.model_copy(update={"continues": True})
            last = block
        found.append(block)
    return found


def _goes_on(last: Block, block: Block) -> bool:
    if last.table is None or block.table is None or last.page_number is None or block.page_number is None:
        return False
    if block.page_number != last.page_number + 1 or last.table.column_count != block.table.column_count:
        return False
    header = _header(block.table)
    return not header or header == _header(last.table) or not _header(last.table)


def _header(table: Table) -> list[list[str]]:
    return [[" ".join(text.split()) for text in row] for row in rows(table)[: header_rows(table)]]


def joined(parts: Sequence[Block]) -> Table:
    """The one table that parts on several pages make: a header that is repeated stands in it once.

    Args:
        parts: the blocks of a table and of those that continue it.
    """
    cells: list[Cell] = []
    header: list[list[str]] = []
    top = 0
    for part in parts:
        table = part.table or Table()
        own = _header(table)
        skipped = len(own) if own and own == header else 0
        header = header or own
        cells += [
            cell.model_copy(
                update={"row": cell.row - skipped + top, "page_number": cell.page_number or part.page_number}
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
