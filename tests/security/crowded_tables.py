"""Pages with as many words and ruling lines as one likes, laid out to be hard to find tables in."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import isqrt
from typing import NamedTuple

from vlm_core.types import Box, TextLine


class Ruled(NamedTuple):
    """A page of a table finder: both kinds of boxes are fractions of it."""

    lines: list[TextLine]
    rules: list[Box]


def grid(count: int) -> Ruled:
    """Each word in a cell of its own, in a table with all its lines."""
    side = isqrt(count)
    return Ruled(words(side), rulings(side))


def hatched_grid(count: int) -> Ruled:
    """Words under a grid of many more lines than there are rows and columns."""
    return Ruled(words(isqrt(count)), rulings(count // 14))


def bare_grid(count: int) -> Ruled:
    return Ruled(words(isqrt(count)), [])


def long_table(count: int) -> Ruled:
    rows = count // 3
    places = [(column, row) for row in range(rows) for column in range(3)]
    return Ruled(
        [
            TextLine(text="7", bbox=(0.1 + 0.3 * x, y / rows, 0.2 + 0.3 * x, (y + 0.6) / rows))
            for x, y in places
        ],
        [],
    )


def boxes_anywhere(count: int) -> Ruled:
    place = random.Random(1).random
    rules: list[Box] = []
    for _ in range(count // 4):
        x, y = 0.95 * place(), 0.95 * place()
        rules += frame(x, y, x + 0.05 * place(), y + 0.05 * place())
    return Ruled(words(isqrt(count)), rules)


def words_anywhere(count: int) -> Ruled:
    place = random.Random(2).random
    corners = [(0.9 * place(), 0.95 * place()) for _ in range(count)]
    lines = [TextLine(text="a 1 b", bbox=(x, y, x + 0.05, y + 0.01)) for x, y in corners]
    return Ruled(lines, boxes_anywhere(count // 16).rules)


def small_tables(count: int) -> Ruled:
    """As many tables of two rows and two columns as find room, each with all its lines."""
    side = isqrt(count // 4)
    size = 0.9 / side
    rules: list[Box] = []
    for number in range(side * side):
        x, y = number % side / side, number // side / side
        for part in (0.0, size / 2, size):
            rules += [(x, y + part, x + size, y + part), (x + part, y, x + part, y + size)]
    return Ruled(words(2 * side), rules)


def nested_frames(count: int) -> Ruled:
    depth = count // 8
    edges = [number / (2.1 * depth) for number in range(depth)]
    return Ruled(words(isqrt(count)), [rule for at in edges for rule in frame(at, at, 1 - at, 1 - at)])


def words(side: int) -> list[TextLine]:
    """A grid of words."""
    places = [(n % side, n // side) for n in range(side * side)]
    return [
        TextLine(text="w1", bbox=((x + 0.1) / side, (y + 0.1) / side, (x + 0.8) / side, (y + 0.8) / side))
        for x, y in places
    ]


def rulings(count: int) -> list[Box]:
    """So many lines across the whole page, and so many down."""
    places = [number / count for number in range(count + 1)]
    return [*((0.0, at, 1.0, at) for at in places), *((at, 0.0, at, 1.0) for at in places)]


def frame(x0: float, y0: float, x1: float, y1: float) -> list[Box]:
    return [(x0, y0, x1, y0), (x0, y1, x1, y1), (x0, y0, x0, y1), (x1, y0, x1, y1)]


RULED: tuple[Callable[[int], Ruled], ...] = (
    grid,
    hatched_grid,
    bare_grid,
    long_table,
    boxes_anywhere,
    words_anywhere,
    small_tables,
)
