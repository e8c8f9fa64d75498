"""Tables as HTML, as Markdown and as CSV."""

from __future__ import annotations

import csv
import html
import io

from vlm_core.structure.markdown_escape import escaped_text
from vlm_core.structure.table_grid import cells_by_row, has_spans, header_rows, rows
from vlm_core.types import Cell, Table

LONGEST_ROW = 10_000
"""Characters of the rows of a table with pipes, on average; one that has more is HTML."""
_CELL_SIGNS = 3
_BREAK = "<br>"
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")
_OF_NUMBERS = frozenset("0123456789.,%€$£ \N{NO-BREAK SPACE}")


def as_html(table: Table) -> str:
    """A table as HTML on one line; `Table.to_html` says more."""
    body = "".join(f"<tr>{''.join(map(_html_cell, row))}</tr>" for row in cells_by_row(table))
    return f"<table>{body}</table>"


def _html_cell(cell: Cell) -> str:
    tag = "th" if cell.is_header else "td"
    spans = {"rowspan": cell.row_span, "colspan": cell.column_span}
    attributes = "".join(f' {name}="{span}"' for name, span in spans.items() if span > 1)
    text = _BREAK.join(html.escape(line, quote=False) for line in cell.text.split("\n"))
    return f"<{tag}{attributes}>{text}</{tag}>"


def as_markdown(table: Table) -> str:
    """A table with pipes where Markdown can say what it is, else as HTML; `Table.to_markdown` says more."""
    if not table.cells:
        return ""
    if has_spans(table) or not _has_plain_header(table) or _is_long(table):
        return as_html(table)
    head, *body = rows(table) if header_rows(table) else [[""] * table.column_count, *rows(table)]
    return "\n".join(map(_pipe_row, [head, ["---"] * len(head), *body]))


def _is_long(table: Table) -> bool:
    """Whether its rows are too long to be read, or written, as lines."""
    return sum(len(cell.text) + _CELL_SIGNS for cell in table.cells) > LONGEST_ROW * table.row_count


def _has_plain_header(table: Table) -> bool:
    """Whether its header is nothing or its first row: Markdown has no other."""
    headers = sum(cell.is_header for cell in table.cells)
    return headers == sum(cell.is_header for cell in table.cells if cell.row == 0) and (
        not headers or header_rows(table) >= 1
    )


def _pipe_row(cells: list[str]) -> str:
    return f"| {' | '.join(map(_pipe_cell, cells))} |"


def _pipe_cell(text: str) -> str:
    if text == "---":  # between the header and the body
        return text
    return _BREAK.join(escaped_text(line).replace("|", "\\|") for line in text.split("\n"))


def as_csv(table: Table) -> str:
    """A table as CSV, with no cell that a spreadsheet computes; `Table.to_csv` says more."""
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\r\n").writerows(
        [harmless(text) for text in row] for row in rows(table)
    )
    return written.getvalue()


def harmless(text: str) -> str:
    """A cell's text as no spreadsheet takes it for a formula; a number stays what it is.

    Example:
        >>> harmless("@SUM(A1)"), harmless("-1,234.50")
        ("'@SUM(A1)", '-1,234.50')
    """
    begins = text.lstrip()
    if not begins.startswith(_FORMULA_SIGNS) and not text.startswith(_FORMULA_SIGNS):
        return text
    is_number = begins[0] in "+-" and any(map(str.isdigit, begins)) and set(begins[1:]) <= _OF_NUMBERS
    return text if is_number else f"'{text}"
