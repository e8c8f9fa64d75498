"""Parts of the page in which something should stand that was not found there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from vlm_core.evidence.differences import Difference
from vlm_core.evidence.placing import Placing
from vlm_core.types import Box

# Times the line's height: the width of a letter, and letters that are looked for beside a line beyond the
# text.
_LETTER, _MORE = 0.9, 3
# Times the line's height: how far a part reaches over its line's top and bottom, and into the line itself.
_OVER, _INTO = 0.1, 0.15
# Of the smaller height: how much two boxes must share to be in one row.
_SAME_ROW, _SAME_LINE = 0.4, 0.5
# Times the height: gaps between two lines in which others may stand.
_LINE_GAP = (0.7, 6.0)
_EDGE = 0.3
_NARROWEST = 4.0
_MOST_PLACES = 2


def beside(placing: Placing, difference: Difference, width: float) -> Box | None:
    """The part of the page beside a line, up to the next one, in which more of it may stand.

    Args:
        placing: of the answer.
        difference: at the edge of the line, with nothing printed.
        width: of the page, in pixels.
    """
    piece = placing.page.pieces[difference.piece]
    x0, y0, x1, y1 = piece.line.box
    height = y1 - y0
    reach = height * _LETTER * (len(difference.written) + _MORE)
    to_left = difference.is_at_left(placing)
    left, right = (
        (max(0.0, x0 - reach), x0 + _INTO * height)
        if to_left
        else (x1 - _INTO * height, min(width, x1 + reach))
    )
    top, bottom = y0 - _OVER * height, y1 + _OVER * height
    for other in placing.page.pieces:
        box = other.line.box
        if other is piece or _shared(box, (0, top, 0, bottom)) <= _SAME_ROW * min(box[3] - box[1], height):
            continue
        if to_left and box[2] <= x0 + _EDGE * height:
            left = max(left, box[2] - _OVER * height)
        if not to_left and box[0] >= x1 - _EDGE * height:
            right = min(right, box[0] + _OVER * height)
    return (left, top, right, bottom) if right - left >= _EDGE * height else None


def expected(placing: Placing, unit: int, width: float) -> Iterator[Box]:
    """Where a unit without a place should stand, by its neighbours; the likeliest parts of the page first.

    Args:
        placing: of the answer.
        unit: of the answer.
        width: of the page, in pixels.
    """
    found = 0
    for box in _around(placing, unit, width):
        clipped = _clear_of_text(placing, box)
        if clipped is not None:
            yield clipped
            found += 1
        if found == _MOST_PLACES:
            return


def _around(placing: Placing, unit: int, width: float) -> Iterator[Box]:
    before, after = neighbours(placing, unit)
    length = placing.answer.units[unit].length
    if before is not None:
        x0, y0, x1, y1 = before
        height = y1 - y0
        if after is not None:
            same_row = _shared(before, after) > _SAME_LINE * min(height, after[3] - after[1])
            gap = after[1] - y1
            if same_row and after[0] > x1:
                yield x1, min(y0, after[1]), after[0], max(y1, after[3])
            elif _LINE_GAP[0] * height < gap < _LINE_GAP[1] * height:
                yield min(x0, after[0]), y1, max(x1, after[2]), after[1]
        yield x1, y0, min(width, x1 + height * _LETTER * (length + _MORE)), y1
    if after is not None:
        x0, y0, _, y1 = after
        yield max(0.0, x0 - (y1 - y0) * _LETTER * (length + _MORE)), y0, x0, y1


def neighbours(placing: Placing, unit: int) -> tuple[Box | None, Box | None]:
    """The lines of the page on which the nearest letters before and behind a unit stand."""
    span = placing.answer.units[unit]
    before = np.flatnonzero(placing.place[: span.first] >= 0)
    after = np.flatnonzero(placing.place[span.last :] >= 0)
    page = placing.page
    return (
        page.piece(int(placing.place[before[-1]])).line.box if len(before) else None,
        page.piece(int(placing.place[span.last + after[0]])).line.box if len(after) else None,
    )


def _clear_of_text(placing: Placing, box: Box) -> Box | None:
    """The part of a box from its side up to the next printed line; None where a line goes through all of
    it."""
    x0, y0, x1, y1 = box
    height = y1 - y0
    for piece in placing.page.pieces:
        other = piece.line.box
        if _shared(other, box) <= _SAME_ROW * min(other[3] - other[1], height):
            continue
        if not (other[0] < x1 and other[2] > x0):
            continue
        if other[0] > x0 + _EDGE * height:
            x1 = min(x1, other[0])
        elif other[2] < x1 - _EDGE * height:
            x0 = max(x0, other[2])
        else:
            return None
    return (x0, y0, x1, y1) if x1 - x0 > _NARROWEST else None


def _shared(one: Box, other: Box) -> float:
    """How much of their heights two boxes share."""
    return min(one[3], other[3]) - max(one[1], other[1])


def overlaps(one: Box, other: Box) -> bool:
    """Whether two boxes have a part in common, of their heights a third at least."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    return across > 0 and _shared(one, other) > _EDGE * (other[3] - other[1])
