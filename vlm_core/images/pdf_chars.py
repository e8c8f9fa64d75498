"""What pdfium's characters need before they are lines: doubles dropped, and spaces that it guesses wrongly.

Geometry alone, without pdfium.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median
from typing import TypeAlias

from .pdf_text import Char, Style, apart, is_wide

_SAME_PLACE = 0.12  # font sizes between two letters of which one is drawn over the other
_SAME_SIZE = 1.05  # ratio of their font sizes
_WORD_GAP = 0.22  # font sizes of white between two words
_ALIKE = 0.1  # share by which the steps of letters on a grid may differ
_MOSTLY = 0.8  # share of the steps that must be alike
_FEW = 3  # steps from which letters may stand on a grid
_MISSED = 1.4  # times the step of a grid: a place on it is empty

# Where a letter stands, and its number.
_Place: TypeAlias = tuple[float, float, int]

_GUESSED = Style(-1)
_GUESSED_SPACE = Char(" ", (0, 0, 0, 0), (0, 0), _GUESSED)


def guessed_space() -> Char:
    """White space that stands in no file: pdfium puts it where it thinks that a word or a line ends."""
    return _GUESSED_SPACE


def without_doubles(chars: Sequence[Char]) -> Sequence[Char]:
    """The characters without those that are drawn again where they stand already, as for a halo or a shadow.

    Example:
        >>> a = Char("a", (0, 0, 5, 5), (0, 0), Style(10))
        >>> drawn = [a, a._replace(origin=(0.5, 0)), a._replace(origin=(5, 0))]
        >>> "".join(char.text for char in without_doubles(drawn))
        'aa'
    """
    places: dict[str, list[_Place]] = defaultdict(list)
    for index, char in enumerate(chars):
        if not char.text.isspace():
            places[char.text].append((*char.origin, index))
    doubles = {double for alike in places.values() for double in _doubles(chars, sorted(alike))}
    return [char for index, char in enumerate(chars) if index not in doubles] if doubles else chars


def _doubles(chars: Sequence[Char], alike: Sequence[_Place]) -> Iterator[int]:
    """Of the same letters from the left to the right: those drawn later, close to one that was there."""
    farthest = _SAME_PLACE * max(chars[index].style.size for _, _, index in alike)
    first = 0
    for number, (x, y, index) in enumerate(alike):
        while first < number and x - alike[first][0] >= farthest:
            first += 1
        for other_x, other_y, other in alike[first:number]:
            if abs(other_y - y) < farthest:
                style = chars[other].style
                reach = _SAME_PLACE * style.size
                is_near = x - other_x < reach and abs(other_y - y) < reach
                if is_near and _look_alike(style, chars[index].style):
                    yield max(index, other)


def _look_alike(a: Style, b: Style) -> bool:
    sizes = sorted((a.size, b.size))
    return sizes[1] <= _SAME_SIZE * sizes[0] and a.quarter == b.quarter


def spaced(chars: Sequence[Char], turn: int) -> Sequence[Char]:
    """The characters without the spaces that pdfium guesses wrongly.

    It looks for words in lines that run across the page as it is shown. In others it parts letters, and
    between East Asian characters there are no words to part.

    Args:
        chars: as pdfium has them, with its guesses.
        turn: degrees by which the page is shown turned clockwise.
    """
    wrong: set[int] = set()
    for run in _runs(chars, turn):
        step = _grid_step([chars[index] for index in run])
        for first, second in pairwise(run):
            between = range(first + 1, second)
            guessed = all(chars[index].style is _GUESSED for index in between)
            if guessed and not _parts_words(chars[first], chars[second], step):
                wrong.update(between)
    return [char for index, char in enumerate(chars) if index not in wrong] if wrong else chars


def _runs(chars: Sequence[Char], turn: int) -> Iterator[list[int]]:
    """The indices of letters that follow each other in one line, of those that pdfium looks at wrongly."""
    # There are few texts and styles on a page, and many characters.
    wide = {text for text in {char.text for char in chars} if is_wide(text)}
    styles = {id(char.style): char.style for char in chars if char.style.size > 0}
    turned = {key for key, style in styles.items() if style.quarter != turn}
    if not wide and not turned:
        return
    run: list[int] = []
    for index, char in enumerate(chars):
        if char.text.isspace():
            continue
        belongs = id(char.style) in turned or char.text in wide
        if run and not (belongs and not apart(chars[run[-1]], char)):
            yield run
            run = []
        if belongs:
            run.append(index)
    if run:
        yield run


def _grid_step(letters: Sequence[Char]) -> float | None:
    """How far the letters of a line are from each other, where that is the same for nearly all."""
    steps = [_step(a, b) for a, b in pairwise(letters)]
    if len(steps) < _FEW:
        return None
    usual = median(steps)
    alike = sum(abs(step - usual) <= _ALIKE * usual for step in steps)
    return usual if alike >= _MOSTLY * len(steps) else None


def _parts_words(a: Char, b: Char, grid: float | None) -> bool:
    if is_wide(a.text) and is_wide(b.text):
        return _white(a, b) > max(a.style.size, b.style.size)
    if grid is not None:
        return _step(a, b) > _MISSED * grid
    return _white(a, b) > _WORD_GAP * max(a.style.size, b.style.size)


def _step(a: Char, b: Char) -> float:
    return math.dist(a.origin, b.origin)


def _white(a: Char, b: Char) -> float:
    """How much white there is between two letters, along the page's sides."""
    return max(a.box[0] - b.box[2], b.box[0] - a.box[2], a.box[1] - b.box[3], b.box[1] - a.box[3])
