"""Where ruling lines may make a table: lines that cross, and lines across of one length below each other."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from vlm_core.structure.table_finding.rules import Rule, Rules, places
from vlm_core.structure.table_finding.words import ByLevel, PlacedWord, around, segments, text_rows
from vlm_core.types import Box

# Times the height: how far a line may end from one that it crosses.
_REACH = 0.5
# Times the height: how far the ends of lines of one length may be off each other.
_ENDS = 1.5
# Times the height: words further apart are in different cells.
_WORD_GAP = 0.9
# Times the height: lines without text between them may be so far apart.
_DOUBLE = 1.5
# Times the height, and the white between the other rows: white that stands in no table.
_BROKEN = 3.0
_PROSE_WORDS, _PROSE_WIDTH = 6, 0.6
"""Of one part of a row of text: words, and the share of the row's width, that make it a line of prose."""
_PROSE, _CELLS = 0.25, 0.5
"""Of the rows between two lines: the most that are prose, and the fewest that have cells."""


def crossing(rules: Rules, height: float) -> Iterator[Box]:
    """The boxes of lines that cross each other.

    Args:
        rules: of the page.
        height: of its usual line.
    """
    across, down = rules
    places_down = [rule.at for rule in down]
    reach = _REACH * height
    groups = _Groups(len(across) + len(down))
    for number, rule in enumerate(across):
        first = bisect_left(places_down, rule.start - reach)
        last = bisect_right(places_down, rule.end + reach)
        for other in range(first, last):
            if down[other].start - reach <= rule.at <= down[other].end + reach:
                groups.join(number, len(across) + other)
    for members in groups.members():
        own_across = [across[number] for number in members if number < len(across)]
        own_down = [down[number - len(across)] for number in members if number >= len(across)]
        if len(places(own_across, reach)) >= 2 and own_down:
            yield (
                min([rule.start for rule in own_across] + [rule.at for rule in own_down]),
                min([rule.at for rule in own_across] + [rule.start for rule in own_down]),
                max([rule.end for rule in own_across] + [rule.at for rule in own_down]),
                max([rule.at for rule in own_across] + [rule.end for rule in own_down]),
            )


class _Groups:
    """Numbers that were joined, directly or through others."""

    def __init__(self, count: int) -> None:
        self._parents = list(range(count))

    def _root(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number

    def join(self, a: int, b: int) -> None:
        self._parents[self._root(a)] = self._root(b)

    def members(self) -> list[list[int]]:
        found: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self._parents)):
            found[self._root(number)].append(number)
        return list(found.values())


def stacked(words: ByLevel, rules: Rules, height: float) -> Iterator[Box]:
    """The boxes of lines across, of one length and below each other, with cells between them.

    Args:
        words: of the page.
        rules: of the page.
        height: of its usual line.
    """
    for stack in _stacks(rules.across, height):
        run: list[Rule] = []
        for rule in stack:
            if run and not _holds_cells(words, run[-1], rule, height):
                yield from _box(run)
                run = []
            run.append(rule)
        yield from _box(run)


def _stacks(across: Sequence[Rule], height: float) -> list[list[Rule]]:
    """Lines of one length, from the top."""
    stacks: list[list[Rule]] = []
    for rule in across:
        for stack in stacks:
            first = stack[0]
            if max(abs(rule.start - first.start), abs(rule.end - first.end)) <= _ENDS * height:
                stack.append(rule)
                break
        else:
            stacks.append([rule])
    return [stack for stack in stacks if len(stack) >= 2]


def _box(run: Sequence[Rule]) -> Iterator[Box]:
    if len(run) >= 2:
        yield min(rule.start for rule in run), run[0].at, max(rule.end for rule in run), run[-1].at


def _is_broken(rows: Sequence[Sequence[PlacedWord]], height: float) -> bool:
    """Whether far more white than elsewhere stands between two rows, as below a letter's head."""
    boxes = [around(row) for row in rows]
    white = [below[1] - above[3] for above, below in pairwise(boxes)]
    return bool(white) and max(white) > _BROKEN * max(height, median(white))


def _holds_cells(words: ByLevel, top: Rule, bottom: Rule, height: float) -> bool:
    """Whether what stands between two lines are rows of cells; or nothing, where they are close together."""
    left, right = top.start - height, top.end + height
    between = [word for word in words.between(top.at, bottom.at) if left <= word.middle_x <= right]
    if not between:
        return bottom.at - top.at <= _DOUBLE * height
    in_rows = text_rows(between, height)
    if _is_broken(in_rows, height):
        return False
    rows = [segments(row, _WORD_GAP * height) for row in in_rows]
    prose = sum(any(is_prose(part, top.length) for part in row) for row in rows)
    return prose <= _PROSE * len(rows) and sum(len(row) >= 2 for row in rows) >= _CELLS * len(rows)


def is_prose(part: Sequence[PlacedWord], width: float) -> bool:
    """Whether a part of a row of text is a line of prose, so long and of so many words it is."""
    return len(part) >= _PROSE_WORDS and part[-1].x1 - part[0].x0 >= _PROSE_WIDTH * width
