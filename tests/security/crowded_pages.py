"""Pages with as many boxes as one likes, laid out to be hard to put in order."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import isqrt

from vlm_core.reading_order.pieces import Piece

PROSE = "it goes on and on, over many a line"


def box(x: float, y: float, width: float, height: float, text: str = PROSE) -> Piece:
    return Piece(text, 0.9, (x, y, x + width, y + height), y + height / 2)


def grid_of_words(count: int) -> list[Piece]:
    side = isqrt(count)
    return [box(100 * (n % side), 30 * (n // side), 80, 20, "word") for n in range(count)]


def grid_of_prose(count: int) -> list[Piece]:
    side = isqrt(count)
    return [box(100 * (n % side), 30 * (n // side), 80, 20) for n in range(count)]


def one_row(count: int) -> list[Piece]:
    return [box(100 * n, 0, 80, 20, "word") for n in range(count)]


def one_column(count: int) -> list[Piece]:
    return [box(50, 30 * n, 400, 20) for n in range(count)]


def ragged_column(count: int) -> list[Piece]:
    at = random.Random(1).randrange
    return [box(at(300), 30 * n, 10 + at(390), 20) for n in range(count)]


def two_columns(count: int) -> list[Piece]:
    return [box(600 * (n % 2), 30 * (n // 2) + 7 * (n % 2), 500, 20) for n in range(count)]


def four_rows(count: int) -> list[Piece]:
    return [box(100 * (n // 4), 30 * (n % 4), 80, 20) for n in range(count)]


def nested_boxes(count: int) -> list[Piece]:
    return [box(n, n, 4 * count - 2 * n, 4 * count - 2 * n) for n in range(count)]


def nested_columns(count: int) -> list[Piece]:
    """A column beside a headline, under which stands a column beside a headline, and so on."""
    depth = count // 8
    pieces = []
    for level in range(depth):
        x, y, rest = 500 * level, 150 * level, depth - level
        pieces += [box(x, y + 37.5 * rest * n, 400, 20) for n in range(4)]
        pieces += [box(x + 500, y + 30 * n, 400, 20) for n in range(3)]
        pieces.append(box(x + 500, y + 90, 500 * rest, 20))
    return pieces


def overlapping(count: int) -> list[Piece]:
    return [box(3 * n, n % 9, 80 + 37 * n % 200, 20, "word") for n in range(count)]


def alike(count: int) -> list[Piece]:
    return [box(5, 5, 80, 20, "word")] * count


def scattered(count: int) -> list[Piece]:
    place = random.Random(2).random
    return [box(2000 * place(), 3000 * place(), 60, 20) for _ in range(count)]


def dust(count: int) -> list[Piece]:
    place = random.Random(3).random
    return [box(4 * count * place(), 4 * count * place(), 2, 1) for _ in range(count)]


def points(count: int) -> list[Piece]:
    place = random.Random(4).randrange
    return [box(place(2000), place(3000), 0, 0, "word") for _ in range(count)]


def staircase(count: int) -> list[Piece]:
    return [box(50 * n, 30 * n, 40, 20) for n in range(count)]


def crossing_bars(count: int) -> list[Piece]:
    lying = [box(0, 10 * n, 5 * count, 4) for n in range(count // 2)]
    return lying + [box(10 * n, 0, 4, 5 * count) for n in range(count // 2)]


Layout = Callable[[int], list[Piece]]
LAYOUTS: tuple[Layout, ...] = (
    grid_of_words,
    grid_of_prose,
    one_row,
    one_column,
    ragged_column,
    two_columns,
    four_rows,
    nested_boxes,
    nested_columns,
    overlapping,
    alike,
    scattered,
    dust,
    points,
    staircase,
    crossing_bars,
)
