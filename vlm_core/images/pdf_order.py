"""The lines of a PDF page in reading order: as drawn where that goes down the page, else as a scan's.

A program that writes a PDF mostly knows better than geometry what belongs together. Where it draws a
line above another one that it has drawn before, it does not draw in reading order, and the code that
orders a scan's lines takes over.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..reading_order.columns import columns_of
from ..reading_order.pieces import Piece, stands_over
from .pdf_text import Line

_UPRIGHT = 1.5
"""Height to width from which a line of upright characters is written downwards."""


class _Frame(NamedTuple):
    """How a page is read, in a PDF's coordinates: where lines run to, and where the next one stands."""

    along: tuple[float, float]
    down: tuple[float, float]


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """The lines of a page from the first to the last that a reader comes to.

    Lines that run another way than most, such as a stamp up the margin, stay behind the line that
    was drawn before them.

    Args:
        lines: in the order in which the page draws them.
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
    ordered = [piece.drawn or 0 for part in columns_of(pieces) for row in part for piece in row]
    return [line for number in [0, *ordered] for line in groups[number]]


def _climbs(pieces: Sequence[Piece]) -> bool:
    """Whether a piece stands above another one that was drawn before it."""
    drawn: list[Piece] = []  # by level
    for piece in pieces:
        below = bisect_right(drawn, piece.level + 0.5 * piece.height, key=lambda other: other.level)
        if any(stands_over(piece, other) for other in drawn[below:]):
            return True
        insort(drawn, piece, key=lambda other: other.level)
    return False


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
