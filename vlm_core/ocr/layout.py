"""From scattered pieces of text to lines in reading order, and from lines to text.

Pieces on one baseline make a row; pieces of a row that stand close make a line; lines that follow
each other make a block. Columns of prose are read one after the other, while the columns of a
receipt or a table are read row by row: a gap counts as a gutter only where both of its sides hold
long lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean, median

from vlm_core.types import Box, TextLine

WORD_GAP = 0.8
"""Times the line's height: pieces of a row that stand closer are one line."""
SAME_ROW = 0.5
"""Times the smaller height: how far apart the middles of a row's pieces may be."""
BLOCK_GAP = 1.5
"""Times the usual distance between rows, and"""
NEAR_GAP = 1.3
"""times the smaller one above or below: from here on a new block begins."""
PROSE_LINES = 4
PROSE_CHARACTERS = 15
PROSE_FILL = 0.5
"""What makes a column prose: so many lines, of so many characters, this much of it filled."""
SPANNING = 0.25
"""The share of pieces, such as headlines, that may run across a gutter."""
REACH = 1.5
"""Times the height of a piece: it may reach so far into a gutter or beyond without running across."""
HEADING = 1.4
"""Times the usual height of a line: a short block this tall is a heading."""


@dataclass(frozen=True)
class Piece:
    """Text in one box. `level` is its middle's height once the page's skew is taken out, in pixels."""

    text: str
    score: float
    box: Box
    level: float

    @property
    def height(self) -> float:
        """Of the box, in pixels."""
        return self.box[3] - self.box[1]


def lines_in_order(pieces: Iterable[Piece], width: int, height: int) -> tuple[TextLine, ...]:
    """Put the pieces of a page together to lines, in reading order.

    Args:
        pieces: in any order, with boxes in pixels.
        width: of the page, in pixels.
        height: likewise.

    Returns:
        Lines with boxes as fractions of the page, numbered by block.

    Example:
        >>> pieces = [Piece("9.00", 1, (90, 0, 99, 9), 5), Piece("TOTAL", 1, (0, 0, 40, 9), 4)]
        >>> [line.text for line in lines_in_order(pieces, 100, 100)]
        ['TOTAL', '9.00']
    """
    # Columns first: two of them may stand closer than the words of a third.
    blocks = _blocks(list(pieces))
    rows = [(number, _join_close(row)) for number, block in enumerate(blocks) for row in block]
    return tuple(
        TextLine(
            text=piece.text,
            bbox=_as_fractions(piece.box, width, height),
            score=round(piece.score, 4),
            block=block,
            row=number,
        )
        for number, (block, row) in enumerate(rows)
        for piece in row
    )


def _as_fractions(box: Box, width: int, height: int) -> Box:
    x0, y0, x1, y1 = box
    across, down = (sorted((max(0.0, a), min(side, b))) for a, b, side in ((x0, x1, width), (y0, y1, height)))
    return (
        round(across[0] / width, 5),
        round(down[0] / height, 5),
        round(across[1] / width, 5),
        round(down[1] / height, 5),
    )


def _rows(pieces: Iterable[Piece]) -> list[list[Piece]]:
    """Pieces on one baseline, from left to right; rows from the top."""
    rows: list[list[Piece]] = []
    for piece in sorted(pieces, key=lambda piece: piece.level):
        if rows and _on_row(rows[-1], piece):
            rows[-1].append(piece)
        else:
            rows.append([piece])
    return [sorted(row, key=lambda piece: piece.box[0]) for row in rows]


def _on_row(row: Sequence[Piece], piece: Piece) -> bool:
    height = min(piece.height, min(other.height for other in row))
    return abs(piece.level - fmean(other.level for other in row)) <= SAME_ROW * height


def _join_close(row: Sequence[Piece]) -> list[Piece]:
    joined = [row[0]]
    for piece in row[1:]:
        last = joined[-1]
        if piece.box[0] - last.box[2] <= WORD_GAP * min(last.height, piece.height):
            joined[-1] = _join(last, piece)
        else:
            joined.append(piece)
    return joined


def _join(a: Piece, b: Piece) -> Piece:
    characters = len(a.text) + len(b.text)
    return Piece(
        text=f"{a.text} {b.text}",
        score=(a.score * len(a.text) + b.score * len(b.text)) / max(characters, 1),
        box=_union(a.box, b.box),
        level=(a.level + b.level) / 2,
    )


def _union(a: Box, b: Box) -> Box:
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _blocks(pieces: Sequence[Piece]) -> list[list[list[Piece]]]:
    """Blocks of rows of pieces, in reading order."""
    gutter = _gutter(pieces)
    if gutter is None:
        return _split_at_gaps(_rows(pieces))
    blocks = []
    for band in _bands(pieces, gutter):
        left = [piece for piece in band if _middle(piece) < gutter]
        right = [piece for piece in band if _middle(piece) >= gutter]
        for column in (left, right):
            blocks += _blocks(column)
    return blocks


def _middle(piece: Piece) -> float:
    return (piece.box[0] + piece.box[2]) / 2


def _crosses(piece: Piece, x: float) -> bool:
    """Whether a piece has text on both sides of a gutter, and does not just reach into it."""
    return min(x - piece.box[0], piece.box[2] - x) > REACH * piece.height


def _gutter(pieces: Sequence[Piece]) -> float | None:
    """Where a page divides into columns of prose, in pixels from its left; None where it does not."""
    if len(pieces) < 2 * PROSE_LINES:
        return None
    candidates = [
        ((left + right) / 2, crossing)
        for left, right, crossing in _gaps(pieces)
        if crossing <= SPANNING * len(pieces)
    ]
    dividing = [(crossing, x) for x, crossing in candidates if _divides(pieces, x)]
    return min(dividing)[1] if dividing else None


def _gaps(pieces: Sequence[Piece]) -> Iterable[tuple[float, float, int]]:
    """Between neighbouring edges of boxes: left, right, and how many boxes run across."""
    edges = sorted([(piece.box[0], 1) for piece in pieces] + [(piece.box[2], -1) for piece in pieces])
    across = 0
    for (x, change), (next_x, next_change) in pairwise(edges):
        across += change
        if change < 0 < next_change:
            yield x, next_x, across


def _divides(pieces: Sequence[Piece], x: float) -> bool:
    sides = (
        [piece for piece in pieces if piece.box[2] <= x],
        [piece for piece in pieces if piece.box[0] >= x],
    )
    return all(_is_prose(side) for side in sides)


def _is_prose(side: Sequence[Piece]) -> bool:
    """Whether long lines fill most of a side, which may hold further columns."""
    rows = _rows(side)
    if len(rows) < PROSE_LINES or median(len(piece.text) for piece in side) < PROSE_CHARACTERS:
        return False
    extent = max(piece.box[2] for piece in side) - min(piece.box[0] for piece in side)
    filled = sum(piece.box[2] - piece.box[0] for piece in side)
    return filled >= PROSE_FILL * extent * len(rows)


def _bands(pieces: Sequence[Piece], gutter: float) -> list[list[Piece]]:
    """What stands between two lines that run across the gutter; such lines are bands of their own."""
    bands: list[list[Piece]] = []
    was_across = None
    for piece in sorted(pieces, key=lambda piece: piece.level):
        across = _crosses(piece, gutter)
        if across != was_across:
            bands.append([])
        bands[-1].append(piece)
        was_across = across
    return bands


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
        if _is_gap(pitches, number, usual) or max(above, height) >= HEADING * min(above, height):
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


def as_text(lines: Sequence[TextLine]) -> str:
    """Lines as plain text: a row a line, two spaces between its cells, a blank line between blocks.

    Example:
        >>> as_text([TextLine(text="TOTAL", bbox=(0, 0, 0.4, 0.1)),
        ...          TextLine(text="9.00", bbox=(0.8, 0, 1, 0.1))])
        'TOTAL  9.00'
    """
    return "\n\n".join("\n".join(_row_texts(block)) for block in blocks(lines))


def as_markdown(lines: Sequence[TextLine]) -> str:
    """Lines as Markdown: as plain text, with blocks of larger print as headings.

    Example:
        >>> as_markdown([TextLine(text="Invoice", bbox=(0, 0, 1, 0.2)),
        ...              TextLine(text="for a ladder", bbox=(0, 0.5, 1, 0.6), block=1),
        ...              TextLine(text="and a lamp", bbox=(0, 0.6, 1, 0.7), block=1)])
        '## Invoice\\n\\nfor a ladder\\nand a lamp'
    """
    usual = median(_height(line) for line in lines) if lines else 0.0
    return "\n\n".join(
        f"## {' '.join(_row_texts(block))}" if _is_heading(block, usual) else "\n".join(_row_texts(block))
        for block in blocks(lines)
    )


def as_layout(lines: Sequence[TextLine]) -> str:
    """Lines on a grid of characters, where they stand on the page.

    Example:
        >>> as_layout([TextLine(text="TOTAL", bbox=(0.1, 0, 0.6, 0.1)),
        ...            TextLine(text="9.00", bbox=(0.8, 0, 1.2, 0.1))])
        ' TOTAL  9.00'
    """
    if not lines:
        return ""
    cell = median((line.bbox[2] - line.bbox[0]) / max(len(line.text), 1) for line in lines) or 1.0
    slope = _slope(lines)
    pieces = [
        Piece(line.text, line.score or 0.0, line.bbox, _middle_y(line) - slope * _middle_x(line))
        for line in lines
    ]
    rows = [row for block in _split_at_gaps(_rows(pieces)) for row in [*block, []]]
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
        column = max(round(piece.box[0] / cell), len(text) + 2 if text else 0)
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


def _row_texts(block: Sequence[TextLine]) -> list[str]:
    rows = [block[0].text]
    for last, line in pairwise(block):
        if _continues_row(last, line):
            rows[-1] += f"  {line.text}"
        else:
            rows.append(line.text)
    return rows


def _continues_row(last: TextLine, line: TextLine) -> bool:
    if last.row is not None and line.row is not None:
        return last.row == line.row
    shared = min(last.bbox[3], line.bbox[3]) - max(last.bbox[1], line.bbox[1])
    return line.bbox[0] >= last.bbox[2] and shared >= SAME_ROW * min(_height(last), _height(line))


def _height(line: TextLine) -> float:
    return line.bbox[3] - line.bbox[1]


def _is_heading(block: Sequence[TextLine], usual: float) -> bool:
    letters = sum(character.isalpha() for line in block for character in line.text)
    return len(block) <= 2 and letters >= 3 and min(_height(line) for line in block) >= HEADING * usual


RENDERERS: dict[str, Callable[[Sequence[TextLine]], str]] = {
    "text": as_text,
    "markdown": as_markdown,
    "layout": as_layout,
}


def render(task: str, lines: Sequence[TextLine]) -> str:
    """Lines as the text that a task asks for; as Markdown where the task is another kind."""
    return RENDERERS.get(task, as_markdown)(lines)
