"""Tables with known cells, drawn as lines with words, as pictures and as PDFs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

from PIL import Image, ImageDraw, ImageFont

from tests.unit.images.test_pdf import text_pdf
from vlm_core.types import Box, Table, TextLine, Word

WIDTH, HEIGHT = 595, 842
"""Points of a page."""
SIZE, PITCH, PADDING = 11, 14, 4
"""Points: of the letters, from line to line, and from a cell's side to its text."""
LETTER = 0.55
"""Of the size: the width of a letter, more or less that of Helvetica's."""

Rules = Literal["all", "down", "across", "header", "none"]
Place = tuple[int, int, int, int]
"""A cell's row, column, and how many of each it spans."""


@dataclass(frozen=True)
class Drawn:
    """A table to draw.

    Args:
        cells: texts by place; lines of a text are parted by a line feed.
        rules: which lines are drawn: around all cells, between columns, between rows, around the header and
            below the table, or none.
        left: points from the page's left side.
        top: points from its top.
        widths: of the columns, in points.
    """

    cells: dict[Place, str]
    rules: Rules = "all"
    left: float = 60
    top: float = 120
    widths: Sequence[float] = (150, 100, 100, 100)
    xs: list[float] = field(init=False)
    ys: list[float] = field(init=False)

    def __post_init__(self) -> None:
        columns = max(column + wide for _, column, _, wide in self.cells)
        rows = max(row + high for row, _, high, _ in self.cells)
        heights = [
            PITCH
            * max(
                text.count("\n") + 1
                for (own, _, high, _), text in self.cells.items()
                if own == row and high == 1
            )
            + 2 * PADDING
            for row in range(rows)
        ]
        object.__setattr__(self, "xs", list(accumulate(self.widths[:columns], initial=self.left)))
        object.__setattr__(self, "ys", list(accumulate(heights, initial=self.top)))

    def texts(self) -> Iterator[tuple[float, float, str]]:
        """Lines of text: where each begins, from the top left, and how far down its letters' top is."""
        for (row, column, _, _), text in self.cells.items():
            for number, line in enumerate(text.split("\n")):
                if line:
                    yield self.xs[column] + PADDING, self.ys[row] + PADDING + number * PITCH, line

    def sides(self) -> Iterator[Box]:
        """The lines that are drawn, by their ends, in points from the top left."""
        for row, column, high, wide in self.cells:
            x0, y0, x1, y1 = self.xs[column], self.ys[row], self.xs[column + wide], self.ys[row + high]
            if self.rules in ("all", "across"):
                yield from ((x0, y0, x1, y0), (x0, y1, x1, y1))
            if self.rules in ("all", "down"):
                yield from ((x0, y0, x0, y1), (x1, y0, x1, y1))
        if self.rules == "header":
            for y in (self.ys[0], self.ys[1], self.ys[-1]):
                yield self.xs[0], y, self.xs[-1], y


def rows(*texts: str, columns: str = "|") -> dict[Place, str]:
    """Cells from rows of texts parted by "|"; a cell is empty where nothing stands between two."""
    return {
        (row, column, 1, 1): cell.strip().replace("/", "\n")
        for row, text in enumerate(texts)
        for column, cell in enumerate(text.split(columns))
    }


def prose(top: float, count: int, left: float = 60, words: int = 12) -> list[tuple[float, float, str]]:
    """Lines of prose."""
    line = "the facility has a capacity exceeding at least one of the thresholds set"
    return [(left, top + PITCH * n, " ".join(line.split()[:words])) for n in range(count)]


def as_lines(tables: Iterable[Drawn], others: Iterable[tuple[float, float, str]] = ()) -> list[TextLine]:
    """What an engine would read of a page, line by line from the top."""
    placed = sorted(
        [*others, *(text for table in tables for text in table.texts())], key=lambda text: text[1::-1]
    )
    return [_line(*text) for text in placed]


def _line(x: float, y: float, text: str) -> TextLine:
    words = []
    for word in text.split():
        width = len(word) * LETTER * SIZE
        words.append(Word(word, (x / WIDTH, y / HEIGHT, (x + width) / WIDTH, (y + SIZE) / HEIGHT)))
        x += width + 0.3 * SIZE
    box = (words[0].bbox[0], words[0].bbox[1], words[-1].bbox[2], words[-1].bbox[3])
    return TextLine(text=text, bbox=box, words=tuple(words))


def as_rules(tables: Iterable[Drawn]) -> list[Box]:
    """The lines of tables as fractions of the page."""
    return [
        (x0 / WIDTH, y0 / HEIGHT, x1 / WIDTH, y1 / HEIGHT)
        for table in tables
        for x0, y0, x1, y1 in table.sides()
    ]


def as_picture(tables: Iterable[Drawn], others: Iterable[tuple[float, float, str]] = ()) -> Image.Image:
    """The page as a picture of 150 dpi."""
    scale = 150 / 72
    image = Image.new("L", (round(WIDTH * scale), round(HEIGHT * scale)), 255)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(SIZE * scale)
    tables = list(tables)
    for x, y, text in [*others, *(text for table in tables for text in table.texts())]:
        pen.text((x * scale, y * scale), text, fill=0, font=font, anchor="la")
    for x0, y0, x1, y1 in (side for table in tables for side in table.sides()):
        pen.line((x0 * scale, y0 * scale, x1 * scale, y1 * scale), fill=0, width=2)
    return image


def as_pdf(*pages: tuple[Sequence[Drawn], Sequence[tuple[float, float, str]]]) -> bytes:
    """A PDF with a page for each group of tables and other texts."""
    contents = []
    for tables, others in pages:
        texts = [*others, *(text for table in tables for text in table.texts())]
        shown = [
            f"BT /F {SIZE} Tf {x:.1f} {HEIGHT - y - SIZE:.1f} Td ({_escaped(text)}) Tj ET"
            for x, y, text in texts
        ]
        shown += [
            f"{x0:.1f} {HEIGHT - y0:.1f} m {x1:.1f} {HEIGHT - y1:.1f} l S"
            for table in tables
            for x0, y0, x1, y1 in table.sides()
        ]
        contents.append("\n".join(shown).encode("latin-1"))
    return text_pdf(*contents, page=b"/MediaBox[0 0 %d %d]" % (WIDTH, HEIGHT))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def cells_of(table: Table) -> dict[Place, str]:
    """The cells of a table that was found, by their places."""
    return {(cell.row, cell.column, cell.row_span, cell.column_span): cell.text for cell in table.cells}
