"""A table as it was found: its cells with their places on the page."""

from __future__ import annotations

from html import escape
from typing import NamedTuple

from vlm_core.types import Box


class FoundCell(NamedTuple):
    """A cell: which rows and columns it covers, from 0, and what it says, a line a line.

    An empty cell has no text. `bbox` is in fractions of the page.
    """

    row: int
    column: int
    row_span: int = 1
    column_span: int = 1
    text: str = ""
    bbox: Box | None = None
    is_header: bool = False
    page_number: int | None = None
    """Of a table over several pages: where it stands."""


class FoundTable(NamedTuple):
    """A table of a page, or of several."""

    cells: tuple[FoundCell, ...]
    """By row, then by column; every place of the table is in exactly one."""
    bbox: Box
    """In fractions of the page, of the first one where there are several."""
    lines: tuple[int, ...] = ()
    """The numbers of the page's lines that it is made of."""
    columns: tuple[float, ...] = ()
    """Where its columns part, its outer sides included, as fractions of the page's width."""
    is_ruled: bool = False
    """Whether lines part its columns."""
    has_values: bool = True
    """Whether it has numbers, so that its header is told from its rows."""

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return max((cell.row + cell.row_span for cell in self.cells), default=0)

    @property
    def column_count(self) -> int:
        """How many columns there are."""
        return max((cell.column + cell.column_span for cell in self.cells), default=0)

    @property
    def header_rows(self) -> int:
        """How many rows at the top are its header."""
        return max((cell.row + cell.row_span for cell in self.cells if cell.is_header), default=0)

    def to_html(self) -> str:
        """The table as HTML, on one line, with whatever its cells say escaped.

        Example:
            >>> cell = FoundCell(0, 0, column_span=2, text="a < b", is_header=True)
            >>> FoundTable((cell,), (0, 0, 1, 1)).to_html()
            '<table><tr><th colspan="2">a &lt; b</th></tr></table>'
        """
        rows: list[str] = [""] * self.row_count
        for cell in self.cells:
            rows[cell.row] += _cell_html(cell)
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"


def _cell_html(cell: FoundCell) -> str:
    tag = "th" if cell.is_header else "td"
    spans = (("colspan", cell.column_span), ("rowspan", cell.row_span))
    attributes = "".join(f' {name}="{span}"' for name, span in spans if span > 1)
    return f"<{tag}{attributes}>{escape(cell.text).replace(chr(10), '<br>')}</{tag}>"
