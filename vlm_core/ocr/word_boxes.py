"""The words of a line with their places: the recogniser's steps say where each character stands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.line_ink import REACH, ink_of, without_rules
from vlm_core.ocr.pixels import Pixels
from vlm_core.ocr.tiles import Quads
from vlm_core.types import Box, Word


class WordSpan(NamedTuple):
    """A word, and where it begins and ends as shares of its line's length."""

    text: str
    start: float
    end: float


def word_spans(
    letters: Sequence[str], lost: Sequence[bool], centres: NDArray[np.floating[Any]], line: Pixels
) -> tuple[WordSpan, ...]:
    """The words of a line, each from its first ink to its last.

    Args:
        letters: the characters that were read, spaces among them.
        lost: for each, whether a space before it was swallowed.
        centres: of the characters, in pixels from the line's left end.
        line: 48 × width × 3, RGB.
    """
    groups: list[list[int]] = [[]]
    for number, letter in enumerate(letters):
        if letter.isspace() or lost[number]:
            groups.append([])
        if not letter.isspace():
            groups[-1].append(number)
    words = [group for group in groups if group]
    if not words:
        return ()
    inked = np.flatnonzero(without_rules(ink_of(line)).sum(axis=0) > 1)
    firsts, lasts = ([float(centres[group[end]]) for group in words] for end in (0, -1))
    starts = [_outermost(inked, firsts[0] - REACH, firsts[0])[0]]
    ends = []
    for last, following in zip(lasts, firsts[1:], strict=False):
        end, start = _widest_gap(inked, last, following)
        ends.append(end)
        starts.append(start)
    ends.append(_outermost(inked, lasts[-1], lasts[-1] + REACH)[1])
    width = line.shape[1]
    return tuple(
        WordSpan("".join(letters[number] for number in group), start / width, max(start, end) / width)
        for group, start, end in zip(words, starts, ends, strict=True)
    )


def _outermost(inked: NDArray[np.intp], low: float, high: float) -> tuple[float, float]:
    """The first and the last column with ink between two places; the places where there are none."""
    within = inked[np.searchsorted(inked, low) : np.searchsorted(inked, high, side="right")]
    return (float(within[0]), float(within[-1] + 1)) if len(within) else (max(low, 0.0), high)


def _widest_gap(inked: NDArray[np.intp], low: float, high: float) -> tuple[float, float]:
    """The widest run of columns without ink between two places."""
    within = inked[np.searchsorted(inked, low) : np.searchsorted(inked, high, side="right")]
    edges = np.concatenate([[low], within, [high]])
    widest = int(np.diff(edges).argmax())
    return float(edges[widest]) + (widest > 0), float(edges[widest + 1])


def words_on_page(spans: Sequence[WordSpan], quad: Quads) -> tuple[Word, ...]:
    """Words with their boxes on the page, in pixels.

    Args:
        spans: of one line.
        quad: 4 × 2, the corners of the line as it is read, from the top left one clockwise.
    """
    return tuple(Word(span.text, _part(quad, span.start, span.end)) for span in spans)


def _part(quad: Quads, start: float, end: float) -> Box:
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners = np.array(
        [quad[0] + top * at for at in (start, end)] + [quad[3] + bottom * at for at in (start, end)]
    )
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)
