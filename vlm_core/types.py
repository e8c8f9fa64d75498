"""The values that cross rooms: pages of pixels going in, results coming out.

All of them are immutable. Boxes are (x0, y0, x1, y1) as fractions of the upright page,
with the origin at its top left, so that they hold at any resolution.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, model_validator

from vlm_core.errors import ResultVersionError

if TYPE_CHECKING:
    from docling_core.types.doc import DoclingDocument
    from pandas import DataFrame

Box: TypeAlias = tuple[float, float, float, float]
_BOX_DIGITS = 5


def rounded(box: Box) -> Box:
    """A box with as many digits as tell pixels apart, and none that arithmetic has left.

    Example:
        >>> rounded((0.2, 0.1, 0.1 + 0.2, 0.4))
        (0.2, 0.1, 0.3, 0.4)
    """
    x0, y0, x1, y1 = box
    return round(x0, _BOX_DIGITS), round(y0, _BOX_DIGITS), round(x1, _BOX_DIGITS), round(y1, _BOX_DIGITS)


def union(boxes: Iterable[Box]) -> Box:
    """The box around one box or more.

    Example:
        >>> union([(0.1, 0.1, 0.2, 0.2), (0.3, 0.0, 0.4, 0.1)])
        (0.1, 0.0, 0.4, 0.2)
    """
    x0, y0, x1, y1 = zip(*boxes, strict=True)
    return min(x0), min(y0), max(x1), max(y1)


def _all_rounded(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    return tuple(map(rounded, boxes))


Furniture: TypeAlias = Literal["drop", "keep", "mark"]
"""What becomes of page headers and page footers: left out, text like any other, or told as what they are."""

READING_PIXELS = 40_000_000
"""Of a page that the local engine looks at, at most: A2 at 300 dpi."""
MAX_PAGES = 50
"""Pages of one file in a message, or that an agent's tool reads, unless the caller gives another number."""


class PageState(StrEnum):
    """How a page ended. Every page ends in exactly one of these."""

    OK = "ok"
    PARTIAL = "partial"
    BLANK = "blank"
    TRUNCATED = "truncated"
    LOOPED = "looped"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED_BUDGET = "skipped_budget"

    @property
    def severity(self) -> int:
        """How much of a page's text is missing or in doubt: the higher, the more. A blank page has 0.

        Example:
            >>> max((PageState.OK, PageState.TRUNCATED, PageState.BLANK), key=lambda state: state.severity)
            <PageState.TRUNCATED: 'truncated'>
        """
        return _BY_SEVERITY.index(self)


_BY_SEVERITY = (
    PageState.BLANK,
    PageState.OK,
    PageState.PARTIAL,
    PageState.TRUNCATED,
    PageState.LOOPED,
    PageState.REFUSED,
    PageState.SKIPPED_BUDGET,
    PageState.FAILED,
)


class _Value(BaseModel):
    # Built on first use: importing the package must cost next to nothing.
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, extra="forbid", defer_build=True)


class Word(NamedTuple):
    """A word of a line and its box, in fractions of the page.

    Example:
        >>> Word("TOTAL", (0.1, 0.8, 0.2, 0.83)).text
        'TOTAL'
    """

    text: str
    bbox: Box


class TextLine(_Value):
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


class Cell(_Value):
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
    is_header: bool = False
    page_number: int | None = None
    """Of a table that goes on over pages: the one that the cell stands on."""


class Table(_Value):
    """A table: cells in rows and columns, an empty one too, none over another.

    Example:
        >>> table = Table(cells=(Cell(row=0, column=0, text="Tea", is_header=True),
        ...                      Cell(row=0, column=1, text="2.00", is_header=True)))
        >>> table.row_count, table.column_count, table.to_rows()
        (1, 2, [['Tea', '2.00']])
    """

    cells: tuple[Cell, ...] = ()
    """By row, then by column."""

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


class Block(_Value):
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


class PageBox(NamedTuple):
    """A place in a document.

    Example:
        >>> PageBox(3, (0.1, 0.2, 0.9, 0.4)).page_number
        3
    """

    page_number: int
    bbox: Box


class Chunk(_Value):
    """A part of a document that is as long as an index wants it, and knows where it stands.

    Example:
        >>> print(Chunk(text="Tea 2.00", headings=("Menu", "Drinks"), pages=(3,)).with_headings)
        Menu > Drinks
        <BLANKLINE>
        Tea 2.00
    """

    text: str
    """With a heading only where it stands in this part of the document."""
    id: str = ""
    """The same whenever the same document is cut in the same way."""
    source: str = ""
    number: int = 0
    """Among the chunks of its document, from 0."""
    tokens: int = 0
    """As the tokenizer counts them, or as `chunks` does without one."""
    headings: tuple[str, ...] = ()
    """Under which it stands, the highest first."""
    pages: tuple[int, ...] = ()
    """Numbers of its pages, from 1, in order."""
    boxes: tuple[PageBox, ...] = ()
    """Where its blocks stand, as far as that is known."""
    block_kinds: tuple[BlockKind, ...] = ()
    """Each once, in order."""
    repeats: str = ""
    """What the text begins with and a chunk before has too: a table's header, or what overlaps."""

    @property
    def with_headings(self) -> str:
        """The text behind the headings above it that are not in it, as a search index wants it."""
        above = [heading for heading in self.headings if heading not in self.text]
        return f"{' > '.join(above)}\n\n{self.text}" if above else self.text

    @property
    def metadata(self) -> dict[str, str]:
        """Its `headings` ("A > B"), `pages` ("3,4"), `boxes` ("3:x0,y0,x1,y1;...") and `block_kinds`."""
        facts = {
            "headings": " > ".join(self.headings),
            "pages": ",".join(map(str, self.pages)),
            "boxes": ";".join(
                f"{page}:{','.join(f'{edge:.4f}' for edge in bbox)}" for page, bbox in self.boxes
            ),
            "block_kinds": ",".join(self.block_kinds),
        }
        return {name: fact for name, fact in facts.items() if fact}


class Usage(_Value):
    """Tokens and money, each None where the provider did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    image_tokens: int | None = None
    """The part of the input that images took."""
    cached_tokens: int | None = None
    """The part of the input that the provider had in its cache."""
    reasoning_tokens: int | None = None
    """The part of the output that the model thought and did not say."""
    cost_usd: float | None = None


def _error_as_dict(error: Exception | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "type": type(error).__name__,
        "message": getattr(error, "message", str(error)),
        "hint": getattr(error, "hint", ""),
    }


PageError: TypeAlias = Annotated[
    Exception | None, PlainSerializer(_error_as_dict, return_type=dict[str, Any] | None)
]


RESULT_VERSION = 2
"""Of the form in which results are written as JSON. 0.1.0 wrote 1, and did not say so."""


class _Result(_Value):
    """A value that is stored as JSON, and read again by this release and later ones."""

    version: int = Field(default=RESULT_VERSION, ge=1, le=RESULT_VERSION, repr=False)
    """Of its form as JSON."""

    @model_validator(mode="before")
    @classmethod
    def _of_this_version_or_before(cls, data: Any) -> Any:
        version = data.get("version") if isinstance(data, dict) else None
        if not isinstance(version, int) or version <= RESULT_VERSION:
            return data
        told = f"this result has version {version}, and versions up to {RESULT_VERSION} are read"
        error = ResultVersionError(told)
        error.version = version
        raise error


class PageResult(_Result):
    """What became of one page: its text and lines, or the error that took their place.

    Example:
        >>> page = PageResult(text="TOTAL 9.00", source="a.png", engine="rapidocr")
        >>> page.state, page.page_number
        (<PageState.OK: 'ok'>, 1)
    """

    text: str = ""
    state: PageState = PageState.OK
    source: str = ""
    page_number: int = 1
    """From 1, as the source counts it, whatever became of the pages before."""
    total_pages: int | None = None
    """None where the document could not be opened."""
    lines: tuple[TextLine, ...] = ()
    width: int = 0
    """Pixels of the upright page."""
    height: int = 0
    rotation: int = 0
    """Degrees clockwise by which the stored picture was turned to stand upright."""
    sha256: str = ""
    """Of the decoded picture: width, height and RGB pixels, whatever file they came in. Of a page of a PDF
    that is one JPEG: of its stream without metadata, width, height and turn."""
    engine: str = ""
    provider: str | None = None
    model: str | None = None
    usage: Usage | None = None
    cost_usd: float | None = None
    attempts: int = 1
    seconds: float = 0.0
    language: str | None = None
    """As a model named it."""
    found: tuple[Block, ...] = ()
    """Tables and figures that an engine found in the page's pixels or among its words."""
    data: Any = None
    """What a task that asks for JSON gave: plain values."""
    furniture: Furniture = "mark"
    """What became of its page headers and page footers. "drop": they are not in it. "keep": they are text."""
    figure_images: tuple[str, ...] = ()
    """Files with the pictures of its figures, in the order of its figures with a box, where they were to be
    written."""
    raw: str = ""
    """What a model answered, word for word, where the text was made from it."""
    unread_share: float = 0.0
    """Of a page whose state is partial: the share of its ink that no character accounts for, from 0 to 1."""
    unread: Annotated[tuple[Box, ...], AfterValidator(_all_rounded)] = ()
    """Where that ink stands."""
    warnings: tuple[str, ...] = ()
    """What is odd about the page. The first one of a partial page says what is unread."""
    error: PageError = None
    document: int = Field(default=0, exclude=True, repr=False)
    """Which of the documents of one call it is of, from 0. It is not a part of the JSON."""

    @classmethod
    def of(cls, page: PageImage, state: PageState = PageState.OK, **fields: Any) -> PageResult:
        """What became of a picture of a page: its source, numbers, size, turn and digest are filled in.

        Args:
            page: the picture.
            state: how it ended.
            fields: the others, and those that differ from the picture's.

        Example:
            >>> dot = PageImage(pixels=b"\\xff" * 3, width=1, height=1, source="dot.png", page_number=2)
            >>> result = PageResult.of(dot, PageState.BLANK, engine="rapidocr")
            >>> result.source, result.page_number, result.width, result.state
            ('dot.png', 2, 1, <PageState.BLANK: 'blank'>)
        """
        facts: dict[str, Any] = {
            "source": page.source,
            "page_number": page.page_number,
            "total_pages": page.total_pages,
            "width": page.width,
            "height": page.height,
            "rotation": page.rotation,
            "sha256": page.sha256,
        }
        return cls(state=state, **{**facts, **fields})

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, data: Any) -> Any:
        """0.1.0 wrote down the tables that are in the text: they are found there again."""
        if isinstance(data, dict) and "tables" in data:
            return {name: value for name, value in data.items() if name != "tables"}
        return data

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What stands on the page, in reading order, made when it is first asked for.

        They come from the page's lines, or from the text of a model that gave no lines. Levels of headings
        and page furniture are judged by this page alone; `DocumentResult.blocks` knows its neighbours.

        Example:
            >>> [block.kind for block in PageResult(text="# Prices\\n\\n- Tea").blocks]
            ['heading', 'list_item']
        """
        from vlm_core.structure.page_blocks import blocks_of_page

        return blocks_of_page(self)

    @property
    def score(self) -> float | None:
        """How sure the page's text is, from 0 to 1.

        The scores of its lines, each by its length, less the share of its ink that is unread. Lines without
        a score, such as a PDF's own, count as sure. A page that failed has 0. None for a model's answer,
        which says nothing of the kind.

        Example:
            >>> sure = TextLine(text="Tea", bbox=(0, 0, 1, 1), score=0.9)
            >>> PageResult(text="Tea", lines=(sure,), unread_share=0.5).score
            0.45
        """
        if self.state in (PageState.FAILED, PageState.REFUSED, PageState.SKIPPED_BUDGET):
            return 0.0
        if self.raw or (self.text and not self.lines):
            return None
        weighed = [(1.0 if line.score is None else line.score, len(line.text)) for line in self.lines]
        total = sum(length for _, length in weighed)
        sure = sum(score * length for score, length in weighed) / total if total else 1.0
        return round(sure * (1 - self.unread_share), 4)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables among the blocks.

        Example:
            >>> PageResult(text="| Tea | 2.00 |\\n|---|---|").tables[0].to_rows()
            [['Tea', '2.00']]
        """
        return tuple(block.table for block in self.blocks if block.table is not None)


def total_usage(used: Iterable[Usage | None]) -> Usage | None:
    """Tokens and money together; None where none was told, and a figure is None where none is known.

    Example:
        >>> total_usage([Usage(output_tokens=2), None, Usage(output_tokens=3)]).output_tokens
        5
    """
    known = [usage for usage in used if usage is not None]
    if not known:
        return None
    return Usage.model_validate(
        {name: _sum_known([getattr(one, name) for one in known]) for name in Usage.model_fields}
    )


def _sum_known(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


class DocumentResult(_Result):
    """The pages of one document, in order, none missing.

    Example:
        >>> document = DocumentResult(source="a.tif", pages=(PageResult(text="one"),))
        >>> document.ok, document.text
        (True, 'one')
    """

    source: str
    pages: tuple[PageResult, ...]
    attachments: tuple[DocumentResult, ...] = ()
    """Those of a PDF, where `read` was asked for them; `iter` gives each as a document of its own."""

    @property
    def ok(self) -> bool:
        """Whether every page was read, a blank one being read too; of attachments likewise."""
        return all(page.state in (PageState.OK, PageState.BLANK) for page in self._all_pages)

    @property
    def _all_pages(self) -> tuple[PageResult, ...]:
        attached = (page for document in self.attachments for page in document.pages)
        return *self.pages, *attached

    @property
    def errors(self) -> tuple[Exception, ...]:
        """The errors of the pages that have one, in page order."""
        return tuple(page.error for page in self._all_pages if page.error is not None)

    @property
    def usage(self) -> Usage | None:
        """Tokens and cost over all pages; None where no page has any."""
        return total_usage(page.usage for page in self._all_pages)

    @property
    def cost_usd(self) -> float | None:
        """What the pages cost together; None where no page says."""
        return _sum_known(page.cost_usd for page in self._all_pages)

    @property
    def text(self) -> str:
        """The text of all pages, a blank line between two."""
        return "\n\n".join(page.text for page in self.pages if page.text)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What stands on all pages, in reading order, made when it is first asked for.

        Levels of headings hold over the document. What stands on several pages at the edge is a page header
        or a page footer. A table that goes on from the page before says so.
        """
        from vlm_core.structure.page_blocks import blocks_of_document

        return blocks_of_document(self.pages)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of the document; one that goes on over pages is one, its cells with their pages.

        Example:
            >>> pages = (PageResult(text="| Tea | 2.00 |\\n|---|---|"),)
            >>> DocumentResult(source="a.png", pages=pages).tables[0].to_rows()
            [['Tea', '2.00']]
        """
        from vlm_core.structure.joined_tables import joined, tables_of

        return tuple(joined(parts) for parts in tables_of(self.blocks))

    def to_html(self) -> str:
        """The document as one page of HTML, with all that it says escaped.

        Example:
            >>> "<p>a &lt; b</p>" in DocumentResult(source="a", pages=(PageResult(text="a < b"),)).to_html()
            True
        """
        from vlm_core.structure.exports import to_html

        return to_html(self.blocks, title=self.source)

    def to_docling(self) -> DoclingDocument:
        """The document as docling has it, for docling's chunkers and exports.

        Headings have their levels, lists their groups, tables their spans and captions; one over several
        pages is one. Page headers and page footers are in docling's furniture layer. Boxes are in pixels from
        the top left of the page; what has no box has that of its page.

        Raises:
            MissingExtraError: docling-core is not installed.
        """
        from vlm_core.structure.docling_document import as_docling

        return as_docling(self)

    def to_markdown(self, *, furniture: Furniture | None = None) -> str:
        """The document as Markdown, each page behind a comment with its number and state.

        Args:
            furniture: where it is given, the Markdown is made of the blocks, without comments, each table
                over several pages whole. "drop" leaves page headers, page footers and page numbers out,
                "keep" has them as paragraphs, "mark" as the HTML elements header and footer.

        Example:
            >>> DocumentResult(source="a", pages=(PageResult(text="one", total_pages=1),)).to_markdown()
            '<!-- page 1 of 1 -->\\n\\none\\n'
        """
        if furniture is not None:
            from vlm_core.structure.document_markdown import markdown_of

            return markdown_of(self.blocks, furniture)
        return "\n\n".join(part for page in self.pages for part in _markdown_parts(page)) + "\n"


def _markdown_parts(page: PageResult) -> list[str]:
    total = f" of {page.total_pages}" if page.total_pages else ""
    state = "" if page.state is PageState.OK else f": {page.state.value}"
    return [f"<!-- page {page.page_number}{total}{state} -->", *([page.text] if page.text else [])]


class TextLayer(_Value):
    """The text that a born-digital PDF page brings itself, and the pictures on it.

    `pictures` are the boxes of pictures large enough to hold text of their own.
    """

    lines: tuple[TextLine, ...] = ()
    pictures: tuple[Box, ...] = Field(default=())
    doubtful: tuple[TextLine, ...] = ()
    """Lines in a font whose glyphs do not look like the text that it gives."""
    drawings: tuple[Box, ...] = Field(default=())
    """The boxes of smaller pictures, and of what is drawn of lines and areas: they may be lettering."""
    rules: tuple[Box, ...] = Field(default=())
    """Ruling lines as thin boxes: across the page where they are wider than high, else down."""
    shades: tuple[Box, ...] = Field(default=())
    """Areas that are filled with a colour or with grey, as cells may be."""


class Entry(NamedTuple):
    """What a form or a note says on a page that has no text of its own, a scan for instance.

    Its box is in fractions of the page. A mark is the state of a check box or a radio button.
    """

    text: str
    bbox: Box
    is_mark: bool = False


@dataclass(frozen=True)
class StoredJPEG:
    """A page of a PDF that is one JPEG, without its metadata, and how it comes to be pixels."""

    stream: bytes = field(repr=False)
    turn: int = 0
    """Degrees clockwise by which the page shows it turned."""
    decode: Callable[[StoredJPEG], bytes] | None = field(default=None, repr=False, compare=False)
    """Gives the RGB pixels of the page as it is shown."""
    trusted: bool = field(default=False, repr=False, compare=False)
    """Whether it may be decoded in this process."""


class _PixelsOnDemand:
    """The pixels of a page that was given as levels or as a JPEG: made at the first look, and then kept.

    A page that was given its pixels has them in its own dictionary, where Python looks first.
    """

    levels: bytes | None
    stored: StoredJPEG | None

    @cached_property
    def pixels(self) -> bytes:
        if self.levels is not None:
            return bytes(_rgb(self.levels))
        if self.stored is not None and self.stored.decode is not None:
            return self.stored.decode(self.stored)
        raise AttributeError("pixels")


@dataclass(frozen=True)
class PageImage(_PixelsOnDemand):
    """One page: upright, opaque, 8 bits a channel.

    `pixels` are width × height × 3 bytes, RGB, row by row from the top left.
    """

    pixels: bytes = field(repr=False)
    width: int
    height: int
    page_number: int = 1
    total_pages: int = 1
    rotation: int = 0
    """Degrees clockwise by which the stored picture was turned, for its EXIF orientation, say."""
    source: str = ""
    dpi: float | None = field(default=None, repr=False)
    """Pixels per inch of paper, where that is known, as of a PDF's page."""
    original: bytes | None = field(default=None, repr=False)
    """The file's own bytes where they are this one page and nothing else."""
    text_layer: TextLayer | None = field(default=None, repr=False)
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    """What a form or a note says on a page that has no text layer."""
    warnings: tuple[str, ...] = field(default=(), repr=False)
    """What must be said of it whoever reads it, such as what it carries and does not show."""
    levels: bytes | None = field(default=None, repr=False)
    """Of a page that was drawn in grey: one byte a pixel. Its `pixels` are made when they are asked for."""
    stored: StoredJPEG | None = field(default=None, repr=False)
    """Of a page of a PDF that is one JPEG. It is decoded when its `pixels` are asked for."""

    @classmethod
    def of_levels(cls, levels: bytes, width: int, height: int, **fields: Any) -> PageImage:
        """A page in grey, at a third of the memory until somebody asks for its `pixels`.

        Args:
            levels: width × height bytes, 0 for black.
            width: in pixels.
            height: in pixels.
            fields: the others of a PageImage.

        Example:
            >>> PageImage.of_levels(b"\\x80", 1, 1).pixels
            b'\\x80\\x80\\x80'
        """
        return cls(pixels=b"", width=width, height=height, levels=levels, **fields)._without_pixels()

    @classmethod
    def of_stored(cls, stored: StoredJPEG, width: int, height: int, **fields: Any) -> PageImage:
        """A page that is one JPEG, which is not decoded until somebody asks for its `pixels`.

        Args:
            stored: the JPEG.
            width: of the page as it is shown, in pixels.
            height: likewise.
            fields: the others of a PageImage.
        """
        return cls(pixels=b"", width=width, height=height, stored=stored, **fields)._without_pixels()

    def _without_pixels(self) -> Self:
        del self.__dict__["pixels"]  # so that they are made on demand
        return self

    @cached_property
    def sha256(self) -> str:
        """Identity of the picture: of its width, height and RGB pixels, in hexadecimal.

        A page in grey has that of the same picture in colour. A page of a PDF that is one JPEG has that
        of its width, height, turn and stream, and is not decoded for it.

        Example:
            >>> PageImage(pixels=b"\\xff" * 3, width=1, height=1).sha256[:8]
            'e774c5ce'
        """
        import hashlib

        digest = hashlib.sha256(self.width.to_bytes(4, "big") + self.height.to_bytes(4, "big"))
        for block in self._identifying():
            digest.update(block)
        return digest.hexdigest()

    def _identifying(self) -> Iterator[bytes | bytearray]:
        """The pixels in order; of a page in grey a few at a time, so that they are never held together."""
        levels = self.levels
        if self.stored is not None:
            yield b"JPEG" + self.stored.turn.to_bytes(2, "big")
            yield self.stored.stream
        elif levels is None or "pixels" in self.__dict__:
            yield self.pixels
        else:
            for start in range(0, len(levels), _BLOCK):
                yield _rgb(levels[start : start + _BLOCK])


# Pixels of a page in grey that are made at once for its digest.
_BLOCK = 2**16


def _rgb(levels: bytes) -> bytearray:
    pixels = bytearray(3 * len(levels))
    pixels[0::3] = pixels[1::3] = pixels[2::3] = levels
    return pixels
