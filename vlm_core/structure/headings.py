"""Which of a page's units are headings, and at what level over a document."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from statistics import median_low

from vlm_core.structure.captions import says_caption
from vlm_core.structure.line_units import OTHER_PRINT, Unit
from vlm_core.structure.markers import heading_number, list_marker
from vlm_core.structure.tokens import count_tokens
from vlm_core.types import Block

MOST_ROWS = 3
MOST_WORDS = 22
MOST_CHARACTERS_CJK = 40
LEAST_LETTERS = 3
_TALLER = {"pdf": 1.12, "ocr": 1.3, "model": 1.3}
# Letters, at least, of a line in capitals that is a heading.
_CAPITALS = 5
# Signs behind the number of a section, and of no item: items follow it.
_ABOVE_ITEMS = ("、", "，")
_OF_FORMULAS = "=∑∫√≤≥±"
_WEAK_ROWS, _LEAST_FOLLOWING = 2, 40
"""Of a heading that nothing but its place tells: rows at most, and characters of what follows at least."""
# Words that end no heading.
_OPEN_WORDS = frozenset(
    (
        *("and", "or", "of", "the", "to", "a", "an", "in", "for", "with", "by", "that", "is", "are"),
        *("und", "oder", "der", "die", "das", "et", "ou", "de", "la", "le", "y", "el", "e", "di"),
    )
)
_LABELS, _LONGEST_LABEL = 2, 30
"""Short texts beside a unit that make it one of a chart's labels, and how short they are."""
# Times the usual size, and
_TITLE = 1.4
# how many on a page that has no paragraph.
_MOST_TITLES = 2
# What a line begins with that says where a table or figure is from, or adds to it.
_BESIDE_FIGURES = re.compile(
    r"(?:sources?|notes?|remarks?|quellen?|anmerkung(?:en)?|fuentes?|notas?|fontes?|fonti|bron(?:nen)?)\s?[:：]",
    re.IGNORECASE,
)
_SENTENCE_ENDS = frozenset(".:;!?)]”’\"'。！？：；）」")
_NARROW, _NUMBERED_NARROW = 0.8, 0.95
"""Of the widest line of its column: a heading is narrower; one with a number may be wider than others."""
# Of a page's letters in bold print, at most, where bold lines are headings.
_MOST_BOLD = 0.3
# Of the page's width: how far a centred or indented line stands from its column's left side.
_COLUMN_STEP = 0.1
_LEAST_GAP = 0.25
_EVEN = 0.8
_SAME_LEVEL = 1.08
_MOSTLY = 0.8
# Of a paragraph, or characters of one in Chinese, Japanese or Korean.
_LEAST_WORDS = 18
# Rows of paragraphs on a page of prose.
_LEAST_PROSE = 8


def heading_units(units: Sequence[Unit], body: float) -> set[int]:
    """The numbers of the units that are headings.

    Args:
        units: of a page, in order.
        body: the size of the print of most of its text.
    """
    told = {number for number, unit in enumerate(units) if unit.heading_level and unit.text.strip()}
    prose = sum(len(unit.rows) for unit in units if _is_paragraph(unit))
    if not prose:
        return told or _titles(units, body)
    found = told
    bold_tells = _bold_tells(units)
    for number, unit in enumerate(units):
        following = units[number + 1] if number + 1 < len(units) else None
        last = units[number - 1] if number else None
        if not _may_be_heading(unit) or _is_within(unit, last, following) or _is_label(unit, units):
            continue
        if (bold_tells and _is_bold_line(unit, units, following)) or _looks_like_heading(
            unit, units, last, following, body, prose >= _LEAST_PROSE
        ):
            found.add(number)
    return found


def _bold_tells(units: Sequence[Unit]) -> bool:
    """Whether little of a page is in bold print."""
    bold = sum(len(unit.text) for unit in units if unit.is_bold)
    return bold <= _MOST_BOLD * sum(len(unit.text) for unit in units)


def _is_bold_line(unit: Unit, units: Sequence[Unit], following: Unit | None) -> bool:
    """Whether a unit is a line or two in bold print, over text in another print."""
    return (
        unit.is_bold
        and len(unit.rows) <= _WEAK_ROWS
        and following is not None
        and not following.is_bold
        and _is_below(unit, following)
        and not unit.text.rstrip().endswith((":", "："))
        and all(len(row.lines) == 1 for row in unit.rows)
        and _is_narrow(unit, units, _NUMBERED_NARROW)
        and not _is_item(unit)
    )


def _titles(units: Sequence[Unit], body: float) -> set[int]:
    """On a page without a paragraph, as a receipt or a map: the one or two that are far larger."""
    large = [
        number for number, unit in enumerate(units) if _may_be_heading(unit) and unit.size >= _TITLE * body
    ]
    return set(large) if len(large) <= _MOST_TITLES else set()


def _is_label(unit: Unit, units: Sequence[Unit]) -> bool:
    """Whether other short texts stand beside it, as in a chart or a drawing."""
    beside = (
        other is not unit
        and len(other.text) <= _LONGEST_LABEL
        and min(other.bbox[3], unit.bbox[3]) - max(other.bbox[1], unit.bbox[1]) > 0.5 * other.size
        for other in units
    )
    return sum(beside) >= _LABELS


def _is_within(unit: Unit, last: Unit | None, following: Unit | None) -> bool:
    """Whether a unit is a line of a sentence that goes on."""
    if following is not None and following.block == unit.block and following.text[:1].islower():
        return True
    is_below = last is not None and last.block == unit.block and len(last.rows) > 1
    return is_below and last is not None and last.text.rstrip()[-1:] not in _SENTENCE_ENDS


def _is_paragraph(unit: Unit) -> bool:
    is_one_column = sum(len(row.lines) == 1 for row in unit.rows) >= _MOSTLY * len(unit.rows)
    return len(unit.rows) > 1 and is_one_column and count_tokens(unit.text) >= _LEAST_WORDS


def _may_be_heading(unit: Unit) -> bool:
    text = unit.text.replace("\n", " ").strip()
    letters = sum(map(str.isalpha, text))
    is_cjk = any("\u3040" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3" for letter in text)
    if (
        len(unit.rows) > MOST_ROWS
        or letters < (2 if is_cjk else LEAST_LETTERS)
        or letters < 0.5 * len("".join(text.split()))
    ):
        return False
    if any(len(row.lines) > 2 for row in unit.rows):
        return False
    if list_marker(text) and not heading_number(text):
        return False
    if len(text.split()) > MOST_WORDS or (is_cjk and len(text) > MOST_CHARACTERS_CJK):
        return False
    ends = (",", ";", "，", "；", "。") if heading_number(text) else (".", ",", ";", "，", "；", "。")
    first = next((letter for letter in text if letter.isalnum()), "a")
    if text.split()[-1].casefold() in _OPEN_WORDS or any(sign in text for sign in _OF_FORMULAS):
        return False
    if _BESIDE_FIGURES.match(text) or says_caption(text):
        return False
    return not text.endswith(ends) and not first.islower() and "@" not in text and "://" not in text


def _looks_like_heading(
    unit: Unit,
    units: Sequence[Unit],
    last: Unit | None,
    following: Unit | None,
    body: float,
    is_prose: bool,
) -> bool:
    origin = unit.rows[0].origin
    text = unit.text.replace("\n", " ")
    if unit.size >= _TALLER[origin] * body:
        return True
    if (
        not is_prose
        or following is None
        or text.endswith((":", "："))
        or unit.size < body / OTHER_PRINT[origin]
    ):
        return False
    is_parted = _is_parted(unit, last, following)
    letters = [letter for letter in text if letter.isalpha()]
    if len(letters) >= _CAPITALS and all(not letter.islower() for letter in letters) and letters[0].isupper():
        return is_parted
    numbered = heading_number(text)
    if numbered and is_parted and _is_narrow(unit, units, _NUMBERED_NARROW):
        return numbered.marker.endswith(_ABOVE_ITEMS) or not (_is_item(last) or _is_item(following))
    stands_alone = is_parted and _is_narrow(unit, units, _NARROW)
    # A short line in the width of a column, with space above and a paragraph below.
    return (
        stands_alone
        and len(unit.rows) <= _WEAK_ROWS
        and len(following.rows) > 1
        and len(following.text) > _LEAST_FOLLOWING
        and _is_below(unit, following)
        and list_marker(text) is None
    )


def _is_item(unit: Unit | None) -> bool:
    return unit is not None and list_marker(unit.text) is not None and len(unit.rows) == 1


def _is_narrow(unit: Unit, units: Sequence[Unit], share: float) -> bool:
    """Whether it is narrower than the widest that begins where it does, or a little to the left."""
    left, width = unit.bbox[0], unit.bbox[2] - unit.bbox[0]
    widest = max(
        (
            other.bbox[2] - other.bbox[0]
            for other in units
            if left - _COLUMN_STEP <= other.bbox[0] <= left + _COLUMN_STEP / 2
        ),
        default=width,
    )
    return min(width, unit.rows[-1].bbox[2] - left) < share * widest


def _is_parted(unit: Unit, last: Unit | None, following: Unit) -> bool:
    """Whether there is more space above a unit than below it, and more than between lines."""
    if last is None or not _is_below(last, unit):
        return True
    gap_above = unit.bbox[1] - last.bbox[3]
    gap_below = following.bbox[1] - unit.bbox[3] if _is_below(unit, following) else gap_above
    return gap_above > _LEAST_GAP * unit.size and gap_above >= _EVEN * gap_below


def _is_below(above: Unit, below: Unit) -> bool:
    overlap = min(above.bbox[2], below.bbox[2]) - max(above.bbox[0], below.bbox[0])
    return below.bbox[1] >= above.bbox[1] and overlap > 0


def levels(headings: Sequence[tuple[str, float]]) -> list[int]:
    """The level of each heading of a document: larger print is higher, as is a shorter number.

    Args:
        headings: the text and the size of the print of each.

    Example:
        >>> levels([("Tea", 0.03), ("1. Leaves", 0.02), ("1.1 Green", 0.02), ("Prices", 0.02)])
        [1, 2, 3, 2]
    """
    sizes = sorted({size for _, size in headings}, reverse=True)
    classes: dict[float, float] = {}
    for size in sizes:
        near = next((known for known in classes.values() if known <= size * _SAME_LEVEL), None)
        classes[size] = size if near is None else near
    depths = [_depth(text) for text, _ in headings]
    headings = _with_a_size_a_depth(headings, depths)
    least = {
        each: min((depth for _, depth in group if depth), default=1)
        for each, group in groupby(
            sorted((classes[size], depth) for (_, size), depth in zip(headings, depths, strict=True)),
            key=lambda pair: pair[0],
        )
    }
    keys = [
        (-classes[size], depth or least[classes[size]])
        for (_, size), depth in zip(headings, depths, strict=True)
    ]
    ranks = {key: rank for rank, key in enumerate(sorted(set(keys)), 1)}
    return [min(6, ranks[key]) for key in keys]


def _with_a_size_a_depth(
    headings: Sequence[tuple[str, float]], depths: Sequence[int]
) -> list[tuple[str, float]]:
    """Headings in which numbers of one depth, such as 8.6.2 and 8.6.3, have one size: sizes are measured."""
    deep = [depth for depth in depths if depth > 1]
    sizes = {
        each: median_low(size for (_, size), depth in zip(headings, depths, strict=True) if depth == each)
        for each in set(deep)
    }
    return [(text, sizes.get(depth, size)) for (text, size), depth in zip(headings, depths, strict=True)]


def _depth(text: str) -> int:
    numbered = heading_number(text)
    return numbered.depth if numbered else 0


def relevelled(blocks: Sequence[Block], sizes: Sequence[float], told: Sequence[int | None]) -> list[Block]:
    """Blocks whose headings have the levels that their file tells, or else by the size of their print.

    Args:
        blocks: of a page or a document.
        sizes: of the print of each.
        told: the level that the file tells of each; None where it does not.
    """
    places = [number for number, block in enumerate(blocks) if block.kind == "heading"]
    found = list(blocks)
    measured = levels([(blocks[place].text, sizes[place]) for place in places])
    known: dict[int, int] = {}  # what the file tells of headings that look alike
    for place, level in zip(places, measured, strict=True):
        if own := told[place]:
            known[level] = min(own, known.get(level, own))
    for place, level in zip(places, measured, strict=True):
        found[place] = blocks[place].model_copy(update={"level": told[place] or known.get(level, level)})
    return found
