"""Rows put together to paragraphs, list items and lines that stand alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from statistics import median

from vlm_core.structure.line_rows import Row, around
from vlm_core.structure.markers import heading_number, list_marker
from vlm_core.types import Box

OTHER_PRINT = {"pdf": 1.12, "ocr": 1.3, "model": 1.3}
"""Ratio of two sizes from which on they are different print."""
# Times the usual pitch of a block's rows, from which on another paragraph begins.
_WIDER_GAP = 1.35
_SAME_PITCH = 1.15
# Sizes of the print by which the first row of a paragraph is moved to the right, at least.
_INDENT = 0.8
# Of a block's width: a row that ends earlier may be the last of its paragraph.
_SHORT = 0.85


@dataclass(frozen=True)
class Unit:
    """Rows that are one thing."""

    rows: tuple[Row, ...]
    block: int
    """Of the page's blocks of lines, from 0."""
    column: Box
    """Around all rows of that block."""

    @cached_property
    def text(self) -> str:
        return "\n".join(row.text for row in self.rows)

    @cached_property
    def bbox(self) -> Box:
        return around(row.bbox for row in self.rows)

    @property
    def is_bold(self) -> bool:
        return all(row.is_bold for row in self.rows)

    @property
    def heading_level(self) -> int | None:
        """Of the heading that the file says it is."""
        return self.rows[0].heading_level

    @property
    def size(self) -> float:
        return median(row.size for row in self.rows)

    @property
    def lines(self) -> tuple[int, ...]:
        return tuple(number for row in self.rows for number in row.numbers)


def units_of(blocks: Sequence[Sequence[Row]]) -> list[Unit]:
    """The paragraphs, list items and lonely lines of a page, in order.

    Args:
        blocks: the rows of each block of lines.
    """
    columns = [around(row.bbox for row in block) for block in blocks]
    return [
        Unit(tuple(rows), number, column)
        for number, (block, column) in enumerate(zip(blocks, columns, strict=True))
        for rows in _parted(block, column)
    ]


def _parted(block: Sequence[Row], column: Box) -> list[list[Row]]:
    pitches = [below.bbox[1] - above.bbox[1] for above, below in pairwise(block)]
    usual = sorted(pitches)[len(pitches) // 3] if pitches else 0.0
    parts = [[block[0]]]
    for number, row in enumerate(block[1:], 1):
        following = block[number + 1] if number + 1 < len(block) else None
        if _begins(parts[-1], row, following, pitches[number - 1], usual, column):
            parts.append([])
        parts[-1].append(row)
    return parts


def _begins(
    part: list[Row], row: Row, following: Row | None, pitch: float, usual: float, column: Box
) -> bool:
    """Whether a row begins something new below the rows of a part."""
    last = part[-1]
    sizes = (last.size, row.size)
    right = column[2] - (1 - _SHORT) * (column[2] - column[0])
    ends_early = last.bbox[2] < right
    is_short = row.bbox[2] < right if row.is_bold else ends_early
    if row.heading_level != last.heading_level or (row.is_bold != last.is_bold and is_short):
        return True
    if max(sizes) >= OTHER_PRINT[row.origin] * min(sizes):
        # A raised number, or a line with few letters, makes no other print of a line within a paragraph.
        is_within = pitch <= _SAME_PITCH * usual and (not ends_early or row.text[:1].islower())
        return not is_within
    if list_marker(row.text) or pitch > _WIDER_GAP * usual:
        return True
    if heading_number(row.text) or (len(part) == 1 and heading_number(last.text)):
        return ends_early and not _goes_on(last)
    if list_marker(part[0].text):  # an item's rows are below its text; one at the margin is none of them
        return row.bbox[0] < part[0].bbox[0] - _INDENT * row.size and ends_early
    is_indented = row.bbox[0] > last.bbox[0] + _INDENT * row.size and (
        following is None or row.bbox[0] > following.bbox[0] + _INDENT * row.size
    )
    return is_indented and (len(part) > 1 or ends_early)


def _goes_on(row: Row) -> bool:
    return row.text.rstrip().endswith((",", "-", "–"))
