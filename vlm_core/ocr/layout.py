"""From scattered pieces of text to lines in reading order, and from lines to text.

Columns and rows are found by `vlm_core.reading_order`. Pieces of a row that stand close make a
line; lines that follow each other make a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import NamedTuple

from vlm_core.reading_order.columns import Work, columns_of
from vlm_core.reading_order.pieces import Piece as Piece
from vlm_core.reading_order.pieces import as_read, join_close, rows_of
from vlm_core.structure.exports import to_text
from vlm_core.structure.line_blocks import PageLines, blocks_of_pages
from vlm_core.structure.markdown_writer import to_markdown
from vlm_core.types import Block, BlockKind, Box, Origin, TextLine, Word, rounded

TASKS = ("text", "markdown", "layout")
"""What a page's lines can be written as."""
# Rows that a cell with a line for every other of them covers at least; in a table it has fewer lines.
_ROWS_IN_A_CELL = 6
# Kinds that plain Markdown has no sign for.
_UNMARKED: frozenset[BlockKind] = frozenset({"caption", "footnote", "page_header", "page_footer"})

BLOCK_GAP = 1.5
"""Times the usual distance between rows, and"""
NEAR_GAP = 1.3
"""times the smaller one above or below: from here on a new block begins."""
LARGER = 1.4
"""Times the height of the row before: larger or smaller print is a block of its own."""

COLUMNS = 500
"""Characters side by side on a page that is laid out, at most: boxes may be far too narrow for their text."""


def moved(line: TextLine, place: Callable[[Box], Box]) -> TextLine:
    """A line of a part of a page, with its words, where it stands on the page.

    Args:
        line: with boxes on the part.
        place: where a box on the part is on the page.

    Example:
        >>> line = TextLine(text="Tea", bbox=(0, 0, 1, 1), words=(Word("Tea", (0, 0, 1, 1)),))
        >>> moved(line, lambda box: (0, 0.5, 1, 1)).words
        (Word(text='Tea', bbox=(0, 0.5, 1, 1)),)
    """
    words = tuple(Word(word.text, rounded(place(word.bbox))) for word in line.words)
    return line.model_copy(update={"bbox": rounded(place(line.bbox)), "words": words})


def lines_in_order(
    pieces: Iterable[Piece], width: int, height: int, work: Work | None = None
) -> tuple[TextLine, ...]:
    """Put the pieces of a page together to lines, in reading order.

    Args:
        pieces: in any order, with boxes in pixels.
        width: of the page, in pixels.
        height: likewise.
        work: what may be done to find its columns; tells later whether it was enough.

    Returns:
        Lines with boxes as fractions of the page, numbered by block.

    Example:
        >>> pieces = [Piece("9.00", 1, (90, 0, 99, 9), 5), Piece("TOTAL", 1, (0, 0, 40, 9), 4)]
        >>> [line.text for line in lines_in_order(pieces, 100, 100)]
        ['TOTAL', '9.00']
    """
    return tuple(placed.as_line(width, height) for placed in in_order(pieces, work))


class PlacedPiece(NamedTuple):
    """A line of a page in reading order, made of pieces that stand close: its block and its row, from 0."""

    piece: Piece
    block: int
    row: int

    def as_line(self, width: int, height: int) -> TextLine:
        """The line with its boxes as fractions of a page of so many pixels."""
        piece = self.piece
        return TextLine(
            text=piece.text,
            bbox=_as_fractions(piece.box, width, height),
            score=round(piece.score, 4),
            block=self.block,
            row=self.row,
            words=tuple(Word(text, _as_fractions(box, width, height)) for text, box in piece.words),
            engine=piece.engine,
        )


def in_order(pieces: Iterable[Piece], work: Work | None = None) -> list[PlacedPiece]:
    """The pieces of a page as lines in reading order, before they are values of their own.

    Args:
        pieces: in any order.
        work: as of `lines_in_order`.
    """
    # Columns first: two of them may stand closer than the words of a third.
    blocks = [block for part in columns_of(list(pieces), work) for block in _split_at_gaps(part)]
    rows = [(number, as_read(join_close(row))) for number, block in enumerate(blocks) for row in block]
    return [PlacedPiece(piece, block, row) for row, (block, joined) in enumerate(rows) for piece in joined]


def _as_fractions(box: Box, width: int, height: int) -> Box:
    x0, y0, x1, y1 = box
    across, down = (sorted((max(0.0, a), min(side, b))) for a, b, side in ((x0, x1, width), (y0, y1, height)))
    return (
        round(across[0] / width, 5),
        round(down[0] / height, 5),
        round(across[1] / width, 5),
        round(down[1] / height, 5),
    )


def _split_at_gaps(rows: list[list[Piece]]) -> list[list[list[Piece]]]:
    """Blocks of rows: a new one begins after a gap, and where larger print begins or ends."""
    if not rows:
        return []
    levels = [fmean(piece.level for piece in row) for row in rows]
    heights = [median(piece.height for piece in row) for row in rows]
    pitches = [below - above for above, below in pairwise(levels)]
    usual = _usual_pitch(pitches, median(heights))
    blocks = [[rows[0]]]
    for number, (row, (above, height)) in enumerate(zip(rows[1:], pairwise(heights), strict=True)):
        if _is_gap(pitches, number, usual) or max(above, height) >= LARGER * min(above, height):
            blocks.append([])
        blocks[-1].append(row)
    return blocks


def _usual_pitch(pitches: Sequence[float], height: float) -> float:
    """From row to row inside a block: one of the smaller pitches, for many are gaps between short blocks."""
    smaller = sorted(pitches)[len(pitches) // 4] if pitches else 0.0
    return max(smaller, 0.9 * height)


def _is_gap(pitches: Sequence[float], number: int, usual: float) -> bool:
    """Whether rows stand further apart than they do elsewhere on the page, and than those beside them."""
    near = [*pitches[max(0, number - 1) : number], *pitches[number + 1 : number + 2]]
    return pitches[number] > BLOCK_GAP * usual and (not near or pitches[number] > NEAR_GAP * min(near))


def as_layout(lines: Sequence[TextLine]) -> str:
    """Lines on a grid of characters, where they stand on the page.

    Example:
        >>> as_layout([TextLine(text="TOTAL", bbox=(0.1, 0, 0.6, 0.1)),
        ...            TextLine(text="9.00", bbox=(0.8, 0, 1.2, 0.1))])
        ' TOTAL  9.00'
    """
    if not lines:
        return ""
    usual = median((line.bbox[2] - line.bbox[0]) / max(len(line.text), 1) for line in lines) or 1.0
    cell = max(usual, 1 / COLUMNS)
    slope = _slope(lines)
    pieces = [
        Piece(line.text, line.score or 0.0, line.bbox, _middle_y(line) - slope * _middle_x(line))
        for line in lines
    ]
    rows = [row for block in _split_at_gaps(rows_of(pieces)) for row in [*block, []]]
    return "\n".join(_on_grid(row, cell) for row in rows).rstrip()


def _slope(lines: Sequence[TextLine]) -> float:
    """How far lines of one row fall on the way to the right: the page's skew."""
    pairs = [(a, b) for a, b in pairwise(lines) if a.row is not None and a.row == b.row]
    slopes = [(_middle_y(b) - _middle_y(a)) / ((_middle_x(b) - _middle_x(a)) or 1.0) for a, b in pairs]
    return median(slopes) if slopes else 0.0


def _middle_x(line: TextLine) -> float:
    return (line.bbox[0] + line.bbox[2]) / 2


def _middle_y(line: TextLine) -> float:
    return (line.bbox[1] + line.bbox[3]) / 2


def _on_grid(row: Sequence[Piece], cell: float) -> str:
    text = ""
    for piece in row:
        column = max(min(round(piece.box[0] / cell), COLUMNS), len(text) + 2 if text else 0)
        text = text.ljust(column) + piece.text
    return text


def blocks(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """The lines of each block, in order.

    Example:
        >>> lines = [TextLine(text="a", bbox=(0, 0, 1, 1), block=number) for number in (0, 0, 1)]
        >>> [len(block) for block in blocks(lines)]
        [2, 1]
    """
    found: dict[int, list[TextLine]] = {}
    for line in lines:
        found.setdefault(line.block, []).append(line)
    return list(found.values())


def _height(line: TextLine) -> float:
    return line.bbox[3] - line.bbox[1]


def text_of_page(
    task: str, lines: Sequence[TextLine], found: Sequence[Block] = (), origin: Origin = "ocr"
) -> str:
    """Lines as the text that a task asks for: "layout", "text", or Markdown for any other task.

    Plain text and Markdown are made of the page's blocks. The page is seen alone, so that its page headers
    and page footers are text like any other.

    Args:
        task: what the text is to look like.
        lines: of the page, in reading order.
        found: tables and figures among them.
        origin: of the lines.

    Example:
        >>> lines = [TextLine(text="TOTAL", bbox=(0, 0, 0.4, 0.1)),
        ...          TextLine(text="9.00", bbox=(0.8, 0, 1, 0.1))]
        >>> text_of_page("text", lines)
        'TOTAL  9.00'
    """
    if task == "layout":
        return as_layout(lines)
    sound = [block for block in found if not _runs_together(block)]
    page = PageLines(lines, origin, sound, has_furniture=False)
    return text_of_blocks(task, blocks_of_pages([page])[0])


def as_text(lines: Sequence[TextLine]) -> str:
    """Lines as plain text: a row a line, two spaces between its cells, a blank line between blocks.

    Example:
        >>> as_text([TextLine(text="TOTAL", bbox=(0, 0, 0.4, 0.1)),
        ...          TextLine(text="9.00", bbox=(0.8, 0, 1, 0.1))])
        'TOTAL  9.00'
    """
    return text_of_page("text", lines)


def text_of_blocks(task: str, blocks: Iterable[Block]) -> str:
    """Blocks as the text that a task asks for: "text", or Markdown for any other.

    Example:
        >>> text_of_blocks("markdown", [Block(kind="heading", text="Prices", level=1)])
        '# Prices'
    """
    said = [_as_said(block) for block in blocks if block.text]
    return to_text(said) if task == "text" else to_markdown(said)


def _runs_together(block: Block) -> bool:
    """Whether rows of a form were taken for one cell of a table, each line beside another row."""
    cells = block.table.cells if block.table else ()
    return any(
        cell.row_span >= _ROWS_IN_A_CELL and 2 * (cell.text.count("\n") + 1) >= cell.row_span
        for cell in cells
    )


def _as_said(block: Block) -> Block:
    """A block whose text stands in the page's text, without marks that the page does not show."""
    return block.model_copy(update={"kind": "paragraph"}) if block.kind in _UNMARKED else block
