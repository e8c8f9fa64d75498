"""Footnotes: smaller print with a mark, below a column's text."""

from __future__ import annotations

import re
from collections.abc import Container, Sequence

from vlm_core.structure.line_units import Unit
from vlm_core.types import Origin

# Times the size of the page's text that a footnote's print has at most; sizes of OCR are rough.
_SMALLER: dict[Origin, float] = {"pdf": 0.93, "ocr": 0.82, "model": 0.82}
_HIGHEST = 0.45
"""Of the page's height: where the first footnote begins at the highest."""
_MOST = 60
"""Of a page: more are a list in small print."""
_MARK = re.compile(r"(?:[*∗†‡§¶]{1,3}|[¹²³⁴⁵⁶⁷⁸⁹⁰]{1,3}|[0-9]{1,3}[.]?(?=[ \u00a0A-Z]))\s*(?=\S)")


def footnote_units(units: Sequence[Unit], body: float, others: Container[int]) -> set[int]:
    """The numbers of the units that are footnotes.

    A footnote begins with its mark, and below it in its column is nothing but print as small.

    Args:
        units: of a page, in order.
        body: the size of the print of most of its text.
        others: units that are page headers or footers, by their numbers.
    """
    found: set[int] = set()
    text = [number for number in range(len(units)) if number not in others]
    small = {number for number in text if units[number].size <= _smaller(units[number]) * body}
    marked = [number for number in text if number in small and _may_be_footnote(units[number])]
    for number in marked if len(marked) <= _MOST else ():
        unit = units[number]
        above = [other for other in text if _is_above(units[other], unit)]
        below = [other for other in text if _is_above(unit, units[other])]
        nearest = max(above, key=lambda other: units[other].bbox[3], default=None)
        is_under_text = nearest is not None and (nearest not in small or nearest in found)
        if is_under_text and all(other in small for other in below):
            found.add(number)
    return found


def _may_be_footnote(unit: Unit) -> bool:
    return unit.bbox[1] >= _HIGHEST and _MARK.match(unit.text) is not None


def _smaller(unit: Unit) -> float:
    return _SMALLER[unit.rows[0].origin]


def _is_above(upper: Unit, lower: Unit) -> bool:
    """Whether a unit stands above another one in its column."""
    overlap = min(upper.bbox[2], lower.bbox[2]) - max(upper.bbox[0], lower.bbox[0])
    return overlap > 0 and upper.bbox[3] <= lower.bbox[1] + lower.size / 2 and upper is not lower
