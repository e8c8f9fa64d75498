"""What stands on a page: lines and words, blocks, tables and their cells."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple, TypeAlias

from pydantic import AfterValidator, Field

from vlm_core.types.boxes import Box, rounded
from vlm_core.types.value import Value, shown_fields

if TYPE_CHECKING:
    from pandas import DataFrame


Furniture: TypeAlias = Literal["drop", "keep", "mark"]
"""What becomes of page headers and page footers: left out, text like any other, or told as what they are."""


class Word(NamedTuple):
    """A word of a line and its box, in fractions of the page.

    Example:
        >>> Word("TOTAL", (0.1, 0.8, 0.2, 0.83)).text
        'TOTAL'
    """

    text: str
    bbox: Box


class TextLine(Value):
    """One line of text and where it stands.

    Example:
        >>> TextLine(text="TOTAL 9.00", bbox=(0.1, 0.8, 0.6, 0.83), score=0.99).bbox[1]
        0.8
    """

    text: str
    bbox: Annotated[Box, AfterValidator(rounded)]
    score: float | None = None
    """The engine's confidence from 0 to 1; None where it has none, as in a PDF's own text."""
    block: int = 0
    """Lines of one paragraph or column share a block; blocks count from 0 in reading order."""
    row: int | None = None
    """Lines on one baseline share a row, even where the page is skewed; None where that is not known."""
    words: tuple[Word, ...] = ()
    """Its words with their boxes; empty where the engine gives none. Joined by spaces they are its text."""
    is_bold: bool = False
    """Whether all of it is in bold print, where that is known, as of a PDF's own text."""
    heading_level: int | None = None
    """Of the heading that the file says it is part of, by a PDF's tags or outline: from 1, the highest."""
    engine: str | None = None
    """The one that read it, on a page that more than one has read; "rapidocr+tesseract" for a line in two
    parts. None where it is the page's."""


LocatedBy: TypeAlias = Literal["evidence", "model"]
"""Where the box of what a model wrote comes from, on a page that was checked: from where its words were
found in
the pixels, or from the model."""


class Cell(Value):
    """A cell of a table: what it says and which rows and columns it covers.

    Example:
        >>> Cell(row=0, column=1, column_span=2, text="2024", is_header=True).column_span
        2
    """

    row: int = Field(ge=0)
    """Its first row, from 0."""
    column: int = Field(ge=0)
    """Its first column, from 0."""
    row_span: int = Field(default=1, ge=1)
    column_span: int = Field(default=1, ge=1)
    text: str = ""
    """Lines are parted by a line feed."""
    bbox: Annotated[Box, AfterValidator(rounded)] | None = None
    """None where the place is not known."""
    located_by: LocatedBy | None = None
    """On a page that was checked: what the box comes from."""
    is_header: bool = False
    page_number: int | None = None
    """Of a table that goes on over pages: the one that the cell stands on."""


class Table(Value):
    """A table: cells in rows and columns, an empty one too, none over another.

    Example:
        >>> table = Table(cells=(Cell(row=0, column=0, text="Tea", is_header=True),
        ...                      Cell(row=0, column=1, text="2.00", is_header=True)))
        >>> table.row_count, table.column_count, table.to_rows()
        (1, 2, [['Tea', '2.00']])
    """

    cells: tuple[Cell, ...] = ()
    """By row, then by column."""

    def __repr__(self) -> str:
        return f"Table(rows={self.row_count}, columns={self.column_count}, cells={len(self.cells)})"

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return self.to_html()

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
        """How many rows at the top are header cells and nothing else."""
        from vlm_core.structure.table_grid import header_rows

        return header_rows(self)

    def to_rows(self, *, repeat_spans: bool = False) -> list[list[str]]:
        """The texts of the cells, row by row, each row as long as the others.

        Args:
            repeat_spans: whether the text of a cell that covers several places stands in each of them,
                rather than in the first alone.

        Example:
            >>> Table(cells=(Cell(row=0, column=0, column_span=2, text="2024"),)).to_rows(repeat_spans=True)
            [['2024', '2024']]
        """
        from vlm_core.structure.table_grid import rows

        return rows(self, repeat_spans=repeat_spans)

    def to_html(self) -> str:
        """The table as HTML, on one line, with whatever its cells say escaped.

        Example:
            >>> Table(cells=(Cell(row=0, column=0, text="a < b"),)).to_html()
            '<table><tr><td>a &lt; b</td></tr></table>'
        """
        from vlm_core.structure.table_markup import as_html

        return as_html(self)

    def to_markdown(self) -> str:
        """The table as GitHub's Markdown has it; as HTML where cells span rows or columns.

        Example:
            >>> print(Table(cells=(Cell(row=0, column=0, text="Tea", is_header=True),
            ...                    Cell(row=1, column=0, text="2.00"))).to_markdown())
            | Tea |
            | --- |
            | 2.00 |
        """
        from vlm_core.structure.table_markup import as_markdown

        return as_markdown(self)

    def to_csv(self) -> str:
        """The table as CSV, lines parted as RFC 4180 has it. A cell that a spreadsheet would take for a
        formula begins with an apostrophe.

        Example:
            >>> Table(cells=(Cell(row=0, column=0, text="=1+1"), Cell(row=0, column=1, text="-3.5"))).to_csv()
            "'=1+1,-3.5\\r\\n"
        """
        from vlm_core.structure.table_markup import as_csv

        return as_csv(self)

    def to_dataframe(self) -> DataFrame:
        """The table as pandas has it: its header rows are the columns' names, cells are strings.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        from vlm_core.structure.data_frame import as_dataframe

        return as_dataframe(self)


BlockKind: TypeAlias = Literal[
    "heading",
    "paragraph",
    "list_item",
    "table",
    "figure",
    "caption",
    "formula",
    "code",
    "page_header",
    "page_footer",
    "footnote",
]


Origin: TypeAlias = Literal["pdf", "ocr", "model"]
"""Where a block's text comes from: a PDF's own text, what an engine read in the picture, a model's answer."""


class Block(Value):
    """One thing that stands on a page.

    Example:
        >>> Block(kind="heading", text="Prices", level=2).level
        2
    """

    kind: BlockKind
    text: str = ""
    """Plain, lines parted by a line feed. Of a table: a row a line, two spaces between its cells."""
    bbox: Annotated[Box, AfterValidator(rounded)] | None = None
    """None where the place is not known."""
    located_by: LocatedBy | None = None
    """On a page that was checked: what the box comes from."""
    level: int | None = None
    """Of a heading from 1; of a list item from 1 for the outermost list."""
    marker: str = ""
    """What stands before a list item, such as "-" or "3."; of code, its language."""
    lines: tuple[int, ...] = ()
    """Which of the page's lines it is made of, from 0."""
    table: Table | None = None
    """Of a table."""
    origin: Origin = "model"
    page_number: int | None = None
    """Of the page it stands on, from 1; None where that is not known."""
    continues: bool = False
    """Whether it is the rest of the page before's last block of this kind, such as a table over two pages."""

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """What is set; a long text is cut."""
        return shown_fields(self, super().__repr_args__())

    def _repr_html_(self) -> str:
        from vlm_core.export.notebook import block_html

        return block_html(self)
