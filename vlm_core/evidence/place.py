"""All that is done to place an answer on a page, in order."""

from __future__ import annotations

from collections.abc import Sequence

from vlm_core.evidence.answer import Answer
from vlm_core.evidence.exchange import exchange_equal_words
from vlm_core.evidence.neighbours import free_misfits, pair_by_place, place_equal_texts
from vlm_core.evidence.placing import Placing, aligned, give_up_strays
from vlm_core.ocr.printed_line import PrintedLine

# How often units are set free that fit badly: each may give another its place.
_ROUNDS = 2


def placed(answer: Answer, lines: Sequence[PrintedLine]) -> Placing:
    """Where each letter of an answer stands on a page.

    Args:
        answer: what was written.
        lines: of the page, in reading order.
    """
    placing = aligned(answer, list(lines))
    if answer.letters == placing.page.letters:
        return placing
    place_equal_texts(placing)
    for _ in range(_ROUNDS):
        if not free_misfits(placing):
            break
        place_equal_texts(placing)
    exchange_equal_words(placing)
    give_up_strays(placing)
    pair_by_place(placing)
    return placing
