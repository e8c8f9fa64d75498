"""From where on a difference counts. `benchmarks/evidence.py` measures what they give; see its figures in
`docs/explanation/evidence.md`."""

from __future__ import annotations

from typing import NamedTuple


class Thresholds(NamedTuple):
    """What the checks compare with. Logarithms are natural.

    Args:
        number: log likelihood ratio of what was written to what was read, below which a difference in a
        number
            stands.
        text: the same of letters.
        look_alike: the same of a letter for a digit that it looks like, below which it is to be looked at.
        look_again: from which ratio on the pixels are looked at again: a second look has excused none below.
        missing_score: of a printed line's score, from which it is missed where the answer lacks it.
        missing_short_score: the same of lines with fewer than `missing_short` letters and digits.
        missing_short: see there.
        missing_letters: letters and digits that a line must have to be missed.
        repeated_letters: letters from which a text that is said once more is to be looked at, wherever it is.
        repeated_near: units within which a shorter one is.
        unseen_letters: letters and digits up to which a text without a place is a note only.
        point_gap: times the usual distance of two digits, from which a point has room between them.
        agree: the share of a unit's letters from which it is found at all.
        close: the share from which what differs is a trifle.
        mismatch: the share of a page's letters below which it is another page's text.
    """

    number: float = -4.0
    text: float = -4.5
    look_alike: float = -6.5
    look_again: float = -12.0
    missing_score: float = 0.72
    missing_short_score: float = 0.88
    missing_short: int = 5
    missing_letters: int = 2
    repeated_letters: int = 8
    repeated_near: int = 3
    unseen_letters: int = 2
    point_gap: float = 1.3
    agree: float = 0.5
    close: float = 0.8
    mismatch: float = 0.3


THRESHOLDS = Thresholds()
