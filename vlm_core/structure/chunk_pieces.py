"""What chunks are made of: texts and rows of tables, each with its place and the headings above it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from vlm_core.structure.exports import plain
from vlm_core.structure.joined_tables import joined, tables_of
from vlm_core.structure.line_rows import around
from vlm_core.structure.splitting import parts_that_fit
from vlm_core.structure.table_grid import header_rows, rows
from vlm_core.types import Block, BlockKind, Cell, DocumentResult, PageBox, Table

LEFT_OUT: frozenset[BlockKind] = frozenset({"page_header", "page_footer"})
_OF_LINES = frozenset({"pdf", "ocr"})
_CELLS = "  "
# Dots from which on they are a leader, and not the end of a sentence.
_LEADER = 4


@dataclass(frozen=True)
class Piece:
    """A text, or a row of a table, in one place."""

    text: str
    kind: BlockKind
    headings: tuple[str, ...] = ()
    """Above it, the highest first; of a heading its own not among them."""
    pages: tuple[int, ...] = ()
    boxes: tuple[PageBox, ...] = ()
    leads: bool = False
    """Whether it stays with what follows: a heading, or a caption above its table."""
    table: int | None = None
    """Which of the document's tables it is a row of."""
    header: str = ""
    """What stands above the rows of that table, in each of its parts."""
    caption: str = ""
    """What stands above the header, in each part but the first, which is below the caption itself."""
    is_first: bool = False
    """Whether it is the first row below the header."""
    cells: tuple[str, ...] = ()
    """Of a row of a table."""

    @property
    def above(self) -> str:
        """What a part of a table begins with where this is its first row."""
        caption = f"{self.caption}\n\n" if self.caption and not self.is_first else ""
        return f"{caption}{self.header}\n" if self.header else caption


def pieces_of(document: DocumentResult) -> Iterator[Piece]:
    """The pieces of a document in reading order, without page headers and page footers."""
    texts = {page.page_number: page.text for page in document.pages}
    tables = {
        id(parts[0]): (number, joined(parts)) for number, parts in enumerate(tables_of(document.blocks))
    }
    path: list[tuple[int, str]] = []
    caption = ""
    kept = list(filter(_is_kept, document.blocks))
    for block, following in zip(kept, [*kept[1:], None], strict=False):
        headings = tuple(text for _, text in path)
        if block.table is not None:
            number, table = tables[id(block)]
            yield from _rows(block, table, number, headings, caption)
            caption = ""
            continue
        text = _flowing(block, texts.get(block.page_number or 0, ""))
        if block.kind == "heading":
            level = block.level or 1
            path = [(above, title) for above, title in path if above < level]
            headings = tuple(title for _, title in path)
            path.append((level, text))
        names_table = block.kind == "caption" and following is not None and following.table is not None
        caption = text if names_table else ""
        leads = names_table or block.kind == "heading"
        yield Piece(text, block.kind, headings, _pages(block), _boxes(block), leads)


def _is_kept(block: Block) -> bool:
    return not (block.kind in LEFT_OUT or not block.text or (block.table is not None and block.continues))


def _pages(block: Block) -> tuple[int, ...]:
    return () if block.page_number is None else (block.page_number,)


def _boxes(block: Block) -> tuple[PageBox, ...]:
    if block.page_number is None or block.bbox is None:
        return ()
    return (PageBox(block.page_number, block.bbox),)


def _flowing(block: Block, page: str) -> str:
    """A block's text with words whole that the page's text has whole, and rows of prose on one line."""
    text = whole_words(plain(block), page)
    flows = block.origin in _OF_LINES and block.kind != "code" and _CELLS not in block.text
    return text.replace("\n", " ") if flows else text


def whole_words(text: str, page: str) -> str:
    """A text in which words that a row's end has parted are whole where the page's text has them so.

    Example:
        >>> whole_words("an exam-\\nple", "It is an example")
        'an example\\n'
    """
    if "-\n" not in text and "\N{HYPHEN}\n" not in text:
        return text
    lines = text.split("\n")
    for number in range(len(lines) - 1):
        left = lines[number].split()[-1:]
        right, _, rest = lines[number + 1].partition(" ")
        if lines[number][-1:] in ("-", "\N{HYPHEN}") and left and f"{left[0][:-1]}{right}" in page:
            lines[number] = f"{lines[number][:-1]}{right}"
            lines[number + 1] = rest
    return "\n".join(lines)


def _rows(
    block: Block, table: Table, number: int, headings: tuple[str, ...], caption: str
) -> Iterator[Piece]:
    grid = [list(map(_without_leader, row)) for row in rows(table)]
    count = min(header_rows(table), len(grid) - 1)
    head = grid[:count] or [[""] * table.column_count]
    header = "\n".join([*map(_line, head), _line(["---"] * table.column_count)]) if count else ""
    cells = {row: list(group) for row, group in groupby(table.cells, key=lambda cell: cell.row)}
    for row in range(count, len(grid)):
        places = _places(cells.get(row, []), block)
        text = _line(grid[row])
        if any(grid[row]):
            pages = tuple(dict.fromkeys(page for page, _ in places[0])) or _pages(block)
            yield Piece(
                text,
                "table",
                headings,
                pages,
                boxes=places[1],
                cells=tuple(grid[row]),
                table=number,
                header=header,
                caption=caption,
                is_first=row == count,
            )


def _without_leader(cell: str) -> str:
    """A cell without the dots that lead to the next one, each of which is a token.

    Example:
        >>> _without_leader("Stabilizer wiring change ........"), _without_leader("$6,715.")
        ('Stabilizer wiring change', '$6,715.')
    """
    bare = cell.rstrip(". ")
    return bare if bare and cell.count(".", len(bare)) >= _LEADER else cell


def _line(cells: Sequence[str]) -> str:
    """A row of a table in Markdown."""
    return f"| {' | '.join(' '.join(cell.split()) for cell in cells)} |"


def rows_that_fit(cells: Sequence[str], fits: Callable[[str, bool], bool]) -> Iterator[str]:
    """A row of a table in as few rows as can be, each of which fits, and each cell in its own column.

    Args:
        cells: of the row.
        fits: tells of a row, and whether it is the first, if it may stand in a chunk.

    Returns:
        Nothing where the columns leave no room for their texts.

    Example:
        >>> list(rows_that_fit(["Tea", "2.00", "black or green"], lambda row, first: len(row) <= 18))
        ['| Tea | 2.00 |  |', '|  |  | black or |', '|  |  | green |']
    """

    def row(start: int, *texts: str) -> str:
        return _line([*[""] * start, *texts, *[""] * (len(cells) - start - len(texts))])

    def parts_in_one(column: int, is_first: bool) -> Iterator[str]:
        parts = parts_that_fit(cells[column], lambda part, first: fits(row(column, part), is_first and first))
        return (row(column, part) for part in parts)

    filled = [column for column, text in enumerate(cells) if text]
    if not (fits(row(0), True) and all(fits(row(column, cells[column][:1]), True) for column in filled)):
        return
    start = 0
    while filled[-1:] >= [start]:
        ends = range(start + 1, len(cells) + 1)
        end = start + bisect_left(
            ends, True, key=lambda end: not fits(row(start, *cells[start:end]), start <= filled[0])
        )
        if end == start:
            yield from parts_in_one(start, start <= filled[0])
        elif any(cells[start:end]):
            yield row(start, *cells[start:end])
        start = max(end, start + 1)


def _places(cells: Sequence[Cell], block: Block) -> tuple[list[tuple[int, Cell]], tuple[PageBox, ...]]:
    """The pages of a row's cells, and a box around those on each page; the table's where cells have none."""
    numbered = [(page, cell) for cell in cells if (page := cell.page_number or block.page_number) is not None]
    boxes = []
    for page in dict.fromkeys(page for page, _ in numbered):
        known = [cell.bbox for on, cell in numbered if on == page and cell.bbox is not None and cell.text]
        if known:
            boxes.append(PageBox(page, around(known)))
        elif page == block.page_number and block.bbox is not None:
            boxes.append(PageBox(page, block.bbox))
    return numbered, tuple(boxes)
