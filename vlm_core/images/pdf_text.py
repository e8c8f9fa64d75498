"""The characters of a PDF page, as lines and their blocks: geometry alone, without pdfium.

Coordinates are a PDF's own, points with y upwards, whichever way the page is shown; so
"below" means further down for someone who reads the line, not further down the sheet.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import NamedTuple

from .pdf_layout import Box, around

_COLUMN_GAP = 1.5  # font sizes between two characters that part one line into two
_NEW_BASELINE = 0.5  # font sizes up or down; a superscript stays under it, the next line is over it
_LEADING = 1.8  # font sizes from one baseline to the next within a paragraph
_TALL = 1.5  # times its width that a line is high that runs downwards
_TIER = 0.5  # share of the shorter one of two such lines that stands beside the other
_SAME_SIZE = 1.25  # ratio of two font sizes that may share a paragraph
_UNREADABLE = 0.1  # share of characters without a meaning from which a page's text is of no use
_MEANINGLESS = ("Cc", "Cn", "Co")  # controls, unassigned and private characters

# pdfium marks the hyphen that divides a word at the end of a line as U+0002 or U+FFFE. A soft
# hyphen that reached the page is as visible as any other.
_HYPHENS = str.maketrans(dict.fromkeys("\x02\ufffe\xad", "-"))
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


class Style(NamedTuple):
    """What the characters of one text object share: size in points, and the direction they run in."""

    size: float
    cos: float = 1.0
    sin: float = 0.0
    font: int = 0
    """What tells fonts apart."""
    is_bold: bool = False
    level: int = 0
    """Of the heading that its tag says it is; 0 for none."""

    @property
    def quarter(self) -> int:
        """The direction in degrees counter-clockwise, to the nearest quarter turn."""
        return _quarter(self.cos, self.sin)


@lru_cache(maxsize=256)
def _quarter(cos: float, sin: float) -> int:
    return round(math.degrees(math.atan2(sin, cos)) / 90) * 90 % 360


class Char(NamedTuple):
    """A character, the box of its ink (left, bottom, right, top) and where it stands on its baseline."""

    text: str
    box: Box
    origin: tuple[float, float]
    style: Style


class Line(NamedTuple):
    """A line of text, the box of its ink, and its first character."""

    text: str
    box: Box
    first: Char
    words: tuple[tuple[str, Box], ...] = ()
    """With their boxes."""
    is_bold: bool = False
    level: int = 0
    """Of the heading that it is part of; 0 for none, or where that is not known."""

    @property
    def runs_down(self) -> bool:
        """Whether its East Asian characters stand one under the other."""
        left, bottom, right, top = self.box
        is_tall = len(self.text) > 1 and top - bottom > _TALL * (right - left)
        return is_tall and self.first.style.quarter in (0, 180) and is_wide(self.first.text)


_SPACE = Char(" ", (0, 0, 0, 0), (0, 0), Style(0))


def space() -> Char:
    """White space, which parts words and has no place of its own."""
    return _SPACE


def is_readable(chars: Iterable[Char]) -> bool:
    """Whether there are characters, and nearly all of them mean something."""
    counts = Counter(char.text for char in chars)
    inked = {text: count for text, count in counts.items() if not text.isspace()}
    meaningless = sum(count for text, count in inked.items() if _is_meaningless(text.translate(_HYPHENS)))
    return bool(inked) and meaningless < _UNREADABLE * sum(inked.values())


def _is_meaningless(text: str) -> bool:
    return unicodedata.category(text) in _MEANINGLESS or text == "\ufffd"


def lines_of(chars: Iterable[Char]) -> list[Line]:
    """Lines out of characters in the order in which the page draws them.

    Characters on one baseline and close together are a line; a wide gap, such as between two
    columns, parts it.

    Example:
        >>> [line.text for line in lines_of([Char("a", (0, 0, 5, 5), (0, 0), Style(10))])]
        ['a']
    """
    return [_line(run) for run in _runs(chars)]


def blocks_of(lines: Sequence[Line]) -> list[int]:
    """The number of the paragraph or table row that each line belongs to, from 0."""
    starts = [not _continues(before, line) for before, line in pairwise(lines)]
    numbers = [0] * len(lines)
    for index, start in enumerate(starts, 1):
        numbers[index] = numbers[index - 1] + start
    return numbers


def with_entries(lines: Sequence[Line], entries: Sequence[Line]) -> list[Line]:
    """The lines with what was filled in, each entry behind its label.

    A form's values are drawn after the page, however high up they stand: each is put behind
    the line to its left, or else behind the last line above it.
    """
    merged = list(lines)
    for entry in entries:
        left = [i for i, line in enumerate(merged) if _same_row(line, entry) and line.box[0] <= entry.box[0]]
        nearest = max(left, key=lambda i: merged[i].box[0]) if left else _last_above(merged, entry)
        merged.insert(nearest + 1, entry)
    return merged


def _last_above(lines: Sequence[Line], entry: Line) -> int:
    """The last line above an entry: of those over it, or of a text that begins over it and ends beside it."""
    above = [i for i, line in enumerate(lines) if _is_above(line, entry) and _overlap(line, entry)]
    if not above:
        return len(lines) - 1
    last = max(above)
    while last + 1 < len(lines) and _goes_on(lines[last], lines[last + 1], entry):
        last += 1
    return last


def _goes_on(line: Line, below: Line, entry: Line) -> bool:
    return _is_above(line, below) and _overlap(line, below) and _is_above(below, entry)


def _is_above(line: Line, other: Line) -> bool:
    return line.box[1] >= other.box[3]


def main_direction(chars: Sequence[Char]) -> int:
    """The direction in which most characters run, in degrees counter-clockwise; 0 where none prevails."""
    counts = Counter(id(char.style) for char in chars if not char.text.isspace())
    if not counts:
        return 0
    quarters: Counter[int] = Counter()
    for key, style in {id(char.style): char.style for char in chars}.items():
        quarters[style.quarter] += counts[key]
    quarter, count = quarters.most_common(1)[0]
    return quarter if 2 * count > quarters.total() else 0


def _runs(chars: Iterable[Char]) -> Iterator[list[Char]]:
    run: list[Char] = []
    last: Char | None = None
    for char in chars:
        if char.text.isspace():
            run.append(char)
            continue
        if last and apart(last, char):
            yield run
            run = []
        run.append(char)
        last = char
    if last:
        yield run


def _line(run: list[Char]) -> Line:
    inked = [char for char in run if not char.text.isspace()]
    groups = (list(group) for is_space, group in groupby(run, _is_space) if not is_space)
    cleaned = [(_clean("".join(char.text for char in group)), group) for group in groups]
    words = tuple((text, around(char.box for char in group)) for text, group in cleaned if text)
    text = " ".join(text for text, _ in words)
    styles = {id(char.style): char.style for char in inked}.values()
    level = min(style.level for style in styles)  # 0 where a part of it is not the heading's
    return Line(
        text, around(char.box for char in inked), inked[0], words, all(s.is_bold for s in styles), level
    )


def _is_space(char: Char) -> bool:
    return char.text.isspace()


def _clean(text: str) -> str:
    # Windows gives a character beyond U+FFFF in two halves; encoding joins them.
    whole = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return " ".join(_CONTROLS.sub("", whole.translate(_HYPHENS)).split())


def apart(before: Char, char: Char) -> bool:
    """Whether two characters that follow each other are in different lines."""
    first, second = before.style, char.style
    size = max(first.size, second.size)
    if first is not second and first.quarter != second.quarter:  # most are of one text, with one style
        return True
    if _gap(before.box, char.box) > _COLUMN_GAP * size:
        return True
    return abs(_rise(before, char)) > _NEW_BASELINE * size and not _stacked(before, char)


def _stacked(before: Char, char: Char) -> bool:
    """Whether two East Asian characters stand one under the other, in a line that runs downwards."""
    shift = abs(before.origin[0] - char.origin[0])
    wide = is_wide(before.text) and is_wide(char.text)
    return wide and shift < 0.1 * char.style.size and 0 < -_rise(before, char) < _COLUMN_GAP * char.style.size


def is_wide(text: str) -> bool:
    """Whether a character is East Asian, and as wide as high."""
    return unicodedata.east_asian_width(text[0]) in "WF"


def _rise(before: Char, char: Char) -> float:
    """How far the second character's baseline is above the first's, to a reader of the first."""
    (x0, y0), (x1, y1) = before.origin, char.origin
    return before.style.cos * (y1 - y0) - before.style.sin * (x1 - x0)


def _gap(a: Box, b: Box) -> float:
    """How far two boxes are apart, whichever is in front, so that it holds from right to left too."""
    left, bottom, right, top = a
    other_left, other_bottom, other_right, other_top = b
    return max(left - other_right, other_left - right, bottom - other_top, other_bottom - top)


def _same_row(a: Line, b: Line) -> bool:
    return abs(_rise(a.first, b.first)) <= _NEW_BASELINE * max(a.first.style.size, b.first.style.size)


def _overlap(a: Line, b: Line) -> bool:
    """Whether one line stands above or below the other, at least in part."""
    low, high = (1, 3) if a.first.style.quarter in (90, 270) else (0, 2)
    return a.box[low] < b.box[high] and b.box[low] < a.box[high]


def _continues(before: Line, line: Line) -> bool:
    """Whether a line goes on with the paragraph, or with the table row, of the line before."""
    sizes = sorted((before.first.style.size, line.first.style.size))
    if before.first.style.quarter != line.first.style.quarter or before.runs_down != line.runs_down:
        return False
    if line.runs_down:
        return _in_tier(before, line) and 0 < before.box[0] - line.box[0] <= _LEADING * sizes[1]
    if _same_row(before, line):
        return True
    fall = -_rise(before.first, line.first)
    return 0 < fall <= _LEADING * sizes[1] and _overlap(before, line) and sizes[1] <= _SAME_SIZE * sizes[0]


def columns_from_the_right(lines: list[Line]) -> list[Line]:
    """The lines, of which those that run downwards come tier by tier, each tier from the right."""
    lines = list(lines)
    places = [index for index, line in enumerate(lines) if line.runs_down]
    tiers: list[list[Line]] = []
    for line in sorted((lines[index] for index in places), key=lambda line: -line.box[3]):
        if not tiers or not _in_tier(tiers[-1][0], line):
            tiers.append([])
        tiers[-1].append(line)
    ordered = [line for tier in tiers for line in sorted(tier, key=lambda line: -line.box[0])]
    for index, line in zip(places, ordered, strict=True):
        lines[index] = line
    return lines


def _in_tier(a: Line, b: Line) -> bool:
    shared = min(a.box[3], b.box[3]) - max(a.box[1], b.box[1])
    return shared >= _TIER * min(a.box[3] - a.box[1], b.box[3] - b.box[1])
