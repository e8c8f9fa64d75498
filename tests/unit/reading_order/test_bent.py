"""Lines of pages that are bent, and of those that are not."""

from __future__ import annotations

from dataclasses import replace

from vlm_core.reading_order.bent import straightened
from vlm_core.reading_order.pieces import Piece, rows_of

LEFT, RIGHT = (0.0, 200.0), (205.0, 400.0)


def piece(text: str, across: tuple[float, float], level: float, fall: float = 0.0) -> Piece:
    """A piece 20 high; `level` is that of its middle."""
    return Piece(text, 1.0, (across[0], level - 10, across[1], level + 10), level, thickness=20, fall=fall)


# On the right the page falls by more than from one row to the next.
ROWS = [(piece(f"row {n}", LEFT, 30 * n), piece(f"goes on {n}", RIGHT, 30 * n + 13, 26)) for n in range(4)]
BENT = [piece for row in ROWS for piece in row]


def texts(pieces: list[Piece]) -> list[list[str]]:
    return [[piece.text for piece in row] for row in rows_of(pieces)]


def test_pieces_of_a_line_that_falls_make_one_row() -> None:
    assert texts(list(straightened(BENT))) == [[f"row {n}", f"goes on {n}"] for n in range(4)]


def test_a_flat_page_stays_as_it_is() -> None:
    flat = [replace(one, fall=0.0) for one in BENT]
    assert straightened(flat) is flat


def test_short_pieces_that_stand_askew_bend_no_page() -> None:
    """The boxes of subscripts and of formulas stand any way."""
    pieces = [*BENT[::2], *(piece("x_i", (205, 240), 30 * n, 15) for n in range(4))]
    assert straightened(pieces) is pieces


def test_what_stands_far_from_a_bent_line_keeps_its_level() -> None:
    far = piece("12.00", (460, 500), 60)
    assert straightened([*BENT, far])[-1].level == 60
