"""Ruling lines on the plane: put together where they are drawn in parts, and asked where they run."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from math import inf
from typing import NamedTuple

from vlm_core.structure.table_finding.words import PlacedWord, Plane
from vlm_core.types import Box

# Lines each way that are looked at, the longest ones: a hatched drawing has thousands.
_MOST = 1500
# Times the height: how far the parts of one line may be from each other.
_BREAK = 0.5
# Times its width or height that the other one is: a line that runs across, or down.
_LONGER = 4.0


_LETTER, _STROKE = 3.0, 0.2
"""Times the height: the longest stroke of a letter, and how far it may reach out of its word's box."""


class Rule(NamedTuple):
    """A line that runs across at a height, or down at a place, and where it starts and ends."""

    at: float
    start: float
    end: float

    @property
    def length(self) -> float:
        """From its start to its end."""
        return self.end - self.start

    def covers(self, start: float, end: float) -> float:
        """How much of a stretch it runs along."""
        return max(0.0, min(self.end, end) - max(self.start, start))


class Rules(NamedTuple):
    """The ruling lines of a page or of a table, those across from the top, those down from the left."""

    across: Sequence[Rule] = ()
    down: Sequence[Rule] = ()

    def within(self, box: Box, reach: float) -> Rules:
        """Those in a box, or so near to it, cut at its sides."""
        x0, y0, x1, y1 = box
        return Rules(
            _cut(self.across, (y0 - reach, y1 + reach), (x0 - reach, x1 + reach)),
            _cut(self.down, (x0 - reach, x1 + reach), (y0 - reach, y1 + reach)),
        )


def _cut(rules: Iterable[Rule], at: tuple[float, float], along: tuple[float, float]) -> list[Rule]:
    cut = (
        Rule(rule.at, max(rule.start, along[0]), min(rule.end, along[1]))
        for rule in rules
        if at[0] <= rule.at <= at[1]
    )
    return [rule for rule in cut if rule.length > 0]


def rules_on(rules: Iterable[Box], plane: Plane, words: Sequence[PlacedWord], height: float) -> Rules:
    """Ruling lines on the plane.

    Args:
        rules: the two ends of each, as fractions of the page.
        plane: where the page's lines are level.
        words: of the page, of whose letters the strokes are left out.
        height: of the usual line: what is shorter is part of a letter.
    """
    across, down = [], []
    for x0, y0, x1, y1 in rules:
        (a_x, a_y), (b_x, b_y) = plane.point(x0, y0), plane.point(x1, y1)
        wide, high = abs(b_x - a_x), abs(b_y - a_y)
        if wide >= max(_LONGER * high, height):
            across.append(Rule((a_y + b_y) / 2, min(a_x, b_x), max(a_x, b_x)))
        elif high >= max(_LONGER * wide, height):
            down.append(Rule((a_x + b_x) / 2, min(a_y, b_y), max(a_y, b_y)))
    down = _without_letters(down, words, height)
    return Rules(_longest(_joined(across, height)), _longest(_joined(down, height)))


def _longest(rules: list[Rule]) -> list[Rule]:
    return sorted(sorted(rules, key=lambda rule: -rule.length)[:_MOST])


def _without_letters(down: list[Rule], words: Sequence[PlacedWord], height: float) -> list[Rule]:
    """Lines that run down, without the strokes of letters."""
    if all(rule.length > _LETTER * height for rule in down):
        return down
    by_level: dict[int, list[PlacedWord]] = defaultdict(list)
    for word in words:
        for level in range(int(word.y0 // height), int(word.y1 // height) + 1):
            by_level[level].append(word)

    def is_stroke(rule: Rule) -> bool:
        reach = _STROKE * height
        near = by_level[int((rule.start + rule.end) / 2 // height)]
        return any(
            word.x0 - reach <= rule.at <= word.x1 + reach
            and word.y0 - reach <= rule.start
            and rule.end <= word.y1 + reach
            for word in near
        )

    return [rule for rule in down if rule.length > _LETTER * height or not is_stroke(rule)]


def _joined(rules: list[Rule], height: float) -> list[Rule]:
    """Lines that go on in each other, as the sides of neighbouring cells do, put together."""
    found: list[Rule] = []
    for group in clusters(rules, 0.3 * height):
        at = sum(rule.at * rule.length for rule in group) / sum(rule.length for rule in group)
        ordered = sorted(group, key=lambda rule: rule.start)
        start, end = ordered[0].start, ordered[0].end
        for rule in ordered[1:]:
            if rule.start - end > _BREAK * height:
                found.append(Rule(at, start, end))
                start, end = rule.start, rule.end
            end = max(end, rule.end)
        found.append(Rule(at, start, end))
    return found


def clusters(rules: Iterable[Rule], reach: float) -> list[list[Rule]]:
    """Lines in groups of which each begins within reach of its first one."""
    groups: list[list[Rule]] = []
    for rule in sorted(rules):
        if not groups or rule.at - groups[-1][0].at > reach:
            groups.append([])
        groups[-1].append(rule)
    return groups


def places(rules: Iterable[Rule], reach: float) -> list[float]:
    """Where lines run, those within reach of each other once."""
    return [sum(rule.at for rule in group) / len(group) for group in clusters(rules, reach)]


def coverage(rules: Sequence[Rule], at: float, reach: float, start: float, end: float) -> float:
    """The share of a stretch along which a line runs at a place. The rules stand in their order."""
    near = between(rules, at - reach, at + reach)
    return min(1.0, sum(rule.covers(start, end) for rule in near) / max(end - start, 1e-9))


def between(rules: Sequence[Rule], low: float, high: float) -> Sequence[Rule]:
    """The lines at places from `low` to `high`. The rules stand in their order."""
    return rules[bisect_left(rules, (low,)) : bisect_right(rules, (high, inf))]
