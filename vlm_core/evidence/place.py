"""All that is done to place an answer on a page, in order."""

from __future__ import annotations

from vlm_core.evidence.answer import Answer
from vlm_core.evidence.exchange import exchange_equal_words
from vlm_core.evidence.neighbours import free_misfits, pair_by_place, place_equal_texts
from vlm_core.evidence.placing import Placing, aligned, give_up_strays
from vlm_core.evidence.printed import PagePrint

# How often units are set free that fit badly: each may give another its place.
_ROUNDS = 2


def placed(answer: Answer, page: PagePrint) -> Placing:
    """Where each letter of an answer stands on a page.

    Args:
        answer: what was written.
        page: where it is looked for.
    """
    placing = aligned(answer, page)
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
