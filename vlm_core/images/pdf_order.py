"""The lines of a PDF page in reading order: as drawn where that goes down the page, else as a scan's.

A program that writes a PDF mostly knows better than geometry what belongs together. Where it draws a
line above another one that it has drawn before, it does not draw in reading order, and the code that
orders a scan's lines takes over.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

from ..reading_order.columns import Work, columns_of
from ..reading_order.lowest import Lowest
from ..reading_order.pieces import Piece
from .pdf_text import Line

# Height to width from which a line of upright characters is written downwards.
_UPRIGHT = 1.5


class _Frame(NamedTuple):
    """How a page is read, in a PDF's coordinates: where lines run to, and where the next one stands."""

    along: tuple[float, float]
    down: tuple[float, float]


def in_reading_order(lines: Sequence[Line], work: Work | None = None) -> list[Line]:
    """The lines of a page from the first to the last that a reader comes to.

    Lines that run another way than most, such as a stamp up the margin, stay behind the line that
    was drawn before them.

    Args:
        lines: in the order in which the page draws them.
        work: what may be done to find columns; tells later whether it was enough.
    """
    if len(lines) < 2:
        return list(lines)
    quarter = _main_quarter(lines)
    frame = _frame([line for line in lines if line.first.style.quarter == quarter])
    groups: list[list[Line]] = [[]]  # the first one has what comes before all lines that run as most do
    pieces = []
    for line in lines:
        if line.first.style.quarter == quarter:
            pieces.append(_piece(line, frame, len(groups)))
            groups.append([])
        groups[-1].append(line)
    if not _climbs(pieces):
        return list(lines)
    ordered = [piece.drawn or 0 for part in columns_of(pieces, work) for row in part for piece in row]
    return [line for number in [0, *ordered] for line in groups[number]]


def _climbs(pieces: Sequence[Piece]) -> bool:
    """Whether a piece stands above another one that was drawn before it."""
    lowest = accumulate((piece.level for piece in pieces), max)
    if all(level <= _top(piece) for piece, level in zip(pieces, lowest, strict=True)):
        return False  # as on most pages
    drawn = Lowest(pieces)
    for piece in pieces:
        if drawn.in_column_of(piece) > _top(piece):
            return True
        drawn.add(piece)
    return False


def _top(piece: Piece) -> float:
    """The level above which a piece stands: it may lean on another one's row."""
    return piece.level + 0.5 * piece.height


def _main_quarter(lines: Iterable[Line]) -> int:
    characters: Counter[int] = Counter()
    for line in lines:
        characters[line.first.style.quarter] += len(line.text)
    return characters.most_common(1)[0][0]


def _frame(lines: Sequence[Line]) -> _Frame:
    directions: Counter[tuple[float, float]] = Counter()
    kinds: Counter[str] = Counter()
    for line in lines:
        directions[line.first.style.cos, line.first.style.sin] += len(line.text)
        kinds[_writing(line)] += len(line.text)
    (cos, sin), _ = directions.most_common(1)[0]
    along, down = (cos, sin), (sin, -cos)
    writing = kinds.most_common(1)[0][0]
    if writing == "downwards":
        return _Frame(down, (-cos, -sin))
    return _Frame((-cos, -sin), down) if writing == "leftwards" else _Frame(along, down)


def _writing(line: Line) -> str:
    """Whether a line is written rightwards, leftwards or downwards."""
    letters = Counter(unicodedata.bidirectional(character) for character in line.text)
    if letters["R"] + letters["AL"] > letters["L"]:
        return "leftwards"
    left, bottom, right, top = line.box
    width, height = (
        (top - bottom, right - left)
        if line.first.style.quarter in (90, 270)
        else (right - left, top - bottom)
    )
    wide = all(unicodedata.east_asian_width(character) in "WF" for character in line.text[:2])
    return "downwards" if wide and len(line.text) > 1 and height > _UPRIGHT * width else "rightwards"


def _piece(line: Line, frame: _Frame, drawn: int) -> Piece:
    left, bottom, right, top = line.box
    along = [
        _dot(corner, frame.along) for corner in ((left, bottom), (left, top), (right, bottom), (right, top))
    ]
    baseline = _dot(line.first.origin, frame.down)
    box = (min(along), baseline - line.first.style.size, max(along), baseline)
    return Piece(line.text, 1.0, box, level=baseline, drawn=drawn)


def _dot(a: tuple[float, float], b: tuple[float, float]) -> float:
    return a[0] * b[0] + a[1] * b[1]
