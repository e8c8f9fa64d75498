"""Whether a difference stands: what the recogniser thought of both readings, and a second look."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Literal, NamedTuple, TypeAlias

import numpy as np

from vlm_core.evidence.differences import POINTS, Difference
from vlm_core.evidence.likelihood import log_likelihoods
from vlm_core.evidence.placing import Placing
from vlm_core.evidence.thresholds import THRESHOLDS, Thresholds
from vlm_core.ocr.character_trace import CharacterMatrix
from vlm_core.ocr.folding import without_accent
from vlm_core.ocr.page_pixels import PagePixels
from vlm_core.types import Box

LETTERS_AND_DIGITS = tuple(map(frozenset, ("0oqd", "1li|!", "5s", "8b", "2z", "6g", "9gq", "4a", "7t", "0@")))
"""Letters and the digits that they are mistaken for."""
# The mean log likelihood ratio where a difference was not judged by a recogniser, as of a PDF's own text.
_UNWEIGHED = 0.0
# Letters of a text in a strip: from here on it counts as seen where so large a part of it was read.
_SEEN_FROM, _SEEN = 4, 0.7
# The share of a text's letters for which there must be shapes of ink, where it could not be read.
_SHAPES = 0.4

Seen: TypeAlias = Literal["read", "ink", "nothing"]


class Verdict(NamedTuple):
    """What became of a difference."""

    stands: bool
    score: float
    """The log likelihood ratio: below 0 the pixels speak against what was written."""


class Judge:
    """Weighs the differences of an answer and a page.

    Args:
        placing: of the answer on the page.
        pixels: of the page; None where there are none, as of a PDF's own text.
        thresholds: from which differences count.
    """

    def __init__(
        self, placing: Placing, pixels: PagePixels | None, thresholds: Thresholds = THRESHOLDS
    ) -> None:
        self.placing, self.pixels, self.thresholds = placing, pixels, thresholds

    def weighed(self, difference: Difference) -> Verdict:
        """Whether a difference stands: by what was thought at first, then by looking again."""
        least = self.thresholds.number if difference.kind in ("number", "sign") else self.thresholds.text
        line = self.placing.page.pieces[difference.piece].line
        if not line.matrices:
            return Verdict(stands=True, score=_UNWEIGHED)
        ratios = [self._ratio(matrix, difference) for matrix in line.matrices]
        if max(ratios) >= least:
            return Verdict(stands=False, score=max(ratios))
        is_doubtful = max(ratios) >= self.thresholds.look_again
        for matrix in self.pixels.looked_again(line) if self.pixels and is_doubtful else ():
            ratios.append(self._ratio(matrix, difference))
            if ratios[-1] >= least:
                return Verdict(stands=False, score=ratios[-1])
        return Verdict(stands=True, score=float(np.mean(ratios)))

    def _ratio(self, matrix: CharacterMatrix, difference: Difference) -> float:
        written, printed = log_likelihoods(matrix, difference.lines(self.placing))
        return written - printed

    # --- points ------------------------------------------------------------------------------------

    def is_excused_point(self, difference: Difference) -> bool:
        """Whether it is a point that engines lose or take for a comma, and that may stand there."""
        written, printed = difference.written, difference.printed
        if printed in POINTS and written in POINTS and written and printed:
            return True
        if written in POINTS and written and not printed:
            return self._has_gap(difference) or self._has_point(difference)
        if not written and printed and difference.at_edge:
            return printed in POINTS or (printed == "-" and difference.kind == "number")
        return False

    def _neighbours(self, difference: Difference) -> tuple[int, int] | None:
        """The letters of the page between which something was written and nothing is printed."""
        piece = self.placing.page.pieces[difference.piece]
        left, right = difference.first - 1, difference.first
        return (left, right) if piece.first <= left and right < piece.last else None

    def _has_gap(self, difference: Difference) -> bool:
        """Whether there is a space, or room for a point."""
        page, between = self.placing.page, self._neighbours(difference)
        if between is None:
            return False
        left, right = between
        if page.word_of[left] != page.word_of[right]:
            return True
        piece = page.pieces[difference.piece]
        middles = page.centres[piece.first : piece.last, 0]
        steps = np.diff(middles)
        own = left - piece.first
        others = [
            float(step)
            for number, step in enumerate(steps)
            if number != own
            and page.letters[piece.first + number].isdigit()
            and page.letters[piece.first + number + 1].isdigit()
        ] or np.delete(steps, own).tolist()
        return not others or bool(steps[own] >= self.thresholds.point_gap * np.median(others))

    def _has_point(self, difference: Difference) -> bool:
        between = self._neighbours(difference)
        if between is None or self.pixels is None:
            return False
        left, right = between
        boxes, centres = self.placing.page.boxes, self.placing.page.centres
        top, bottom = boxes[[left, right], 1].min(), boxes[[left, right], 3].max()
        return self.pixels.has_point(
            (float(centres[left, 0]), float(top), float(centres[right, 0]), float(bottom))
        )

    # --- places without text ---------------------------------------------------------------------------

    def seen_in(self, text: str, box: Box) -> Seen:
        """Whether a text is in a part of the page in which none was found."""
        if self.pixels is None:
            return "nothing"
        strip = self.pixels.read_strip(box)
        if strip is not None and _is_read(text, strip.text):
            return "read"
        if strip is not None and strip.text and len(text) < _SEEN_FROM:
            written, read = log_likelihoods(strip.matrix, (text, strip.text))
            if written - read > self.thresholds.number:
                return "read"
        return "ink" if self.pixels.inked_shapes(box) >= max(1.0, _SHAPES * len(text)) else "nothing"


def _is_read(text: str, strip: str) -> bool:
    if text in strip:
        return True
    blocks = SequenceMatcher(None, text, strip, autojunk=False).get_matching_blocks()
    return len(text) >= _SEEN_FROM and sum(block.size for block in blocks) >= _SEEN * len(text)


def is_look_alike(difference: Difference) -> bool:
    """Whether it is letters for the digits that they are mistaken for, and nothing else."""
    written, printed = difference.written, difference.printed
    return (
        difference.kind == "number"
        and len(written) == len(printed)
        and all(
            one == other
            or (
                one.isalpha() != other.isalpha()
                and any(one in alike and other in alike for alike in LETTERS_AND_DIGITS)
            )
            for one, other in zip(written, printed, strict=True)
        )
    )


def is_accent(difference: Difference) -> bool:
    """Whether it is accents and nothing else: print leaves out some, and engines many.

    Example:
        >>> is_accent(Difference(0, 0, 0, 1, 0, 2, "ď", "d'", "text", at_edge=False))
        True
    """
    written, printed = (
        "".join(without_accent(letter) for letter in text if letter.isalnum())
        for text in (difference.written, difference.printed)
    )
    return written == printed and bool(written)
