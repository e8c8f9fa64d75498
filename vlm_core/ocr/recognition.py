"""From a box on a page to its text, with the spaces that the recogniser swallows put back."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.character_trace import CharacterTrace, MatrixFolding, character_trace
from vlm_core.ocr.line_ink import HEIGHT, ink_of, unread_ink
from vlm_core.ocr.pixels import TALL, Pixels, for_network, in_colour
from vlm_core.ocr.tiles import Quads
from vlm_core.ocr.unread_ink import NO_INK, Ink
from vlm_core.ocr.word_boxes import WordSpan, word_spans, words_on_page
from vlm_core.types import Word

Probabilities: TypeAlias = NDArray[np.float32]
"""Steps × classes: class 0 is CTC's blank, the last one the space."""
Infer: TypeAlias = Callable[[NDArray[np.float32]], Probabilities]

READABLE = 0.5
"""The mean probability of its characters from which a line counts as read."""
SPARSE = 0.25
"""Characters for each time that a box is longer than high, below which most of it went unread."""
RULES = frozenset("-_=*.~—–· ")
STEP = 8
"""Pixels of the input to a step of the output."""
WIDEST = 9600
"""Pixels of a line's input, some 400 letters; what is longer is squeezed, for a hair of noise across a page
may be a thousand times as long as high."""
MARGIN = 0.1
"""Of the line's height, added at both ends of a box: the detector cuts first letters short."""
TRIM = 0.08
"""Of the line's height, taken off above and below for a second look."""
DOUBTFUL = 0.5
"""The probability of the weakest character below which a line is looked at again."""
DIGIT_RATIO = 3.0
"""Height to width up to which a tall box may be one upright character, as a 1 is."""

SURE_SPACE = 0.35
POSSIBLE_SPACE = 0.05
"""Probabilities of the space class: enough alone, and enough where the ink has a gap as well."""
CLOSING = ".,"
"""No space stands before these, although tills print their points with much white about them."""
WIDE_GAP = 3.0
"""Times the line's usual gap between letters, and"""
WIDE_GAP_PIXELS = 10
"""at least so many of the 48 that a line is high: in blurred print no two letters stand apart."""


@dataclass(frozen=True)
class RecognizedLine:
    """A line as it was read: its characters' mean probability, that of the weakest (0 to 1), and its ink."""

    text: str = ""
    score: float = 0.0
    weakest: float = 0.0
    ink: Ink = NO_INK
    spans: tuple[WordSpan, ...] = ()
    """Its words within it, and"""
    words: tuple[Word, ...] = ()
    """with their boxes on the page, in pixels, where it was read from one."""
    trace: CharacterTrace | None = None
    """What the recogniser thought of each step, where it was asked to be kept, and"""
    quad: Quads | None = None
    """the corners within which it was read then, from the top left of its first character, clockwise."""
    engine: str | None = None
    """That read it, where it is not RapidOCR."""

    @property
    def is_readable(self) -> bool:
        """Whether it counts as read."""
        return bool(self.text) and self.score >= READABLE

    @property
    def counted_ink(self) -> Ink:
        """Its ink, of which all is unread where it does not count as read."""
        return self.ink if self.is_readable else Ink(self.ink.all, self.ink.all)

    def is_hardly_one_of(self, quad: Quads) -> bool:
        """Whether it is far too short for its box, as one in a script that the model does not know.

        Such a line can come out as a sure comma. A drawn rule may be a single dash, and is none.
        """
        sides = np.linalg.norm(quad[[1, 2]] - quad[[0, 1]], axis=1)
        expected = SPARSE * float(sides.max() / max(sides.min(), 1.0))
        return self.score >= READABLE and len(self.text) < expected and not RULES.issuperset(self.text)


def read_box(
    image: Pixels,
    quad: Quads,
    infer: Infer,
    characters: Sequence[str],
    folding: MatrixFolding | None = None,
    *,
    vertical: bool = False,
) -> RecognizedLine:
    """Read the text in one box of an upright page.

    Args:
        image: its pixels.
        quad: 4 × 2, the box's corners in pixels.
        infer: the recogniser, from 1 × 3 × 48 × width to steps × classes.
        characters: the character of each class.
        folding: of the line's matrices, where they are to be kept.
        vertical: whether the page was turned, so that its lines may be columns of Chinese or Japanese.

    Returns:
        The text and its score; of a tall box, the best of the ways in which it can be held. A line
        with a doubtful character is read twice, and the surer reading counts.
    """
    first = _best_reading(image, with_margin(quad), infer, characters, folding, vertical)
    if first.weakest >= DOUBTFUL:
        return first
    second = _best_reading(image, with_margin(quad, TRIM), infer, characters, folding, vertical)
    other, best = sorted((second, first), key=lambda reading: reading.score)
    if best.trace is None or other.trace is None:
        return best
    return replace(best, trace=replace(best.trace, other=other.trace.matrix))


def illegible(image: Pixels, quad: Quads) -> RecognizedLine:
    """A box that is not read, for those about it cannot be: its ink alone."""
    return RecognizedLine(ink=unread_ink(at_height(crop_box(image, quad)), np.zeros(0), square=False))


def _best_reading(
    image: Pixels,
    quad: Quads,
    infer: Infer,
    characters: Sequence[str],
    folding: MatrixFolding | None,
    vertical: bool,
) -> RecognizedLine:
    crop = crop_box(image, quad)
    readings = [
        (read_line(np.rot90(crop, turns), infer, characters, folding, vertical=vertical or turns == 1), turns)
        for turns in _turns(crop)
    ]
    best, turns = max(readings, key=lambda reading: reading[0].score)
    held = np.roll(quad, -turns, axis=0)
    return replace(best, words=words_on_page(best.spans, held), quad=None if best.trace is None else held)


def _turns(crop: Pixels) -> list[int]:
    """How a crop may be held, in quarter turns to the left: as it is; where it is tall, to either side."""
    ratio = crop.shape[0] / crop.shape[1]
    return [0] * (ratio < DIGIT_RATIO) + [1, -1] * (ratio >= TALL)


def crop_box(image: Pixels, quad: Quads) -> Pixels:
    """Cut a box out of a page, straightened and in colour."""
    top, right, bottom, left = (float(np.linalg.norm(quad[i] - quad[i - 3])) for i in range(4))
    width, height = max(1, int(max(top, bottom))), max(1, int(max(left, right)))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), target)
    crop = cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return in_colour(np.asarray(crop, np.uint8))


def with_margin(quad: Quads, trim: float = 0.0) -> Quads:
    """A box made longer by MARGIN at both ends, and lower by `trim` above and below."""
    along, down = quad[1] - quad[0], quad[3] - quad[0]
    length, height = float(np.linalg.norm(along)), float(np.linalg.norm(down))
    thickness = min(length, height)
    out = along / max(length, 1.0) * thickness * MARGIN
    up = down / max(height, 1.0) * thickness * -trim
    return quad + np.array([-out - up, out - up, out + up, -out + up], np.float32)


def read_line(
    crop: Pixels,
    infer: Infer,
    characters: Sequence[str],
    folding: MatrixFolding | None = None,
    *,
    vertical: bool = False,
) -> RecognizedLine:
    """Read one line as it is held.

    Args:
        crop: height × width × 3, RGB: nothing but the line.
        infer: the recogniser, from 1 × 3 × 48 × width to steps × classes.
        characters: the character of each class.
        folding: of the line's matrix, where it is to be kept.
        vertical: whether it may be a column of Chinese or Japanese, its right side up.
    """
    line = at_height(crop)
    probabilities = infer(network_input(line))
    steps, best = _decode(probabilities)
    centres = (steps + 0.5) * STEP
    if not len(steps):
        return RecognizedLine(ink=unread_ink(line, centres, square=False))
    letters = [characters[best[step]] for step in steps]
    if vertical and folding is None and _is_square(letters):
        letters, steps = _with_marks(letters, steps, line)
        centres = (steps + 0.5) * STEP
    lost = _lost_spaces(letters, steps, probabilities[:, -1], line)
    text = _with_spaces(letters, lost)
    certainty = probabilities[steps, best[steps]]
    ink = unread_ink(line, centres, square=_is_square(letters))
    spans = word_spans(letters, lost, centres, line)
    trace = None
    if folding is not None:
        shares = centres / line.shape[1]
        trace = character_trace(letters, lost, shares, certainty, folding(probabilities))
    return RecognizedLine(text, float(certainty.mean()), float(certainty.min()), ink, spans, trace=trace)


def _with_marks(
    letters: list[str], steps: NDArray[np.intp], line: Pixels
) -> tuple[list[str], NDArray[np.intp]]:
    """The characters of a column with its points, and their steps."""
    from vlm_core.ocr.vertical_marks import marks_between

    marks = marks_between(letters, (steps + 0.5) * STEP, line)
    for number, sign, place in reversed(marks):
        letters.insert(number, sign)
        steps = np.insert(steps, number, int(place / STEP))
    return letters, steps


def _is_square(letters: Sequence[str]) -> bool:
    """Whether most letters are as wide as high, as in Chinese and Japanese."""
    return 2 * sum(unicodedata.east_asian_width(letter) in "WF" for letter in letters) > len(letters)


def at_height(crop: Pixels) -> Pixels:
    height, width = crop.shape[:2]
    shape = (min(max(1, math.ceil(HEIGHT * width / height)), WIDEST), HEIGHT)
    method = cv2.INTER_AREA if height > HEIGHT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(crop), shape, interpolation=method), np.uint8)


def network_input(line: Pixels) -> NDArray[np.float32]:
    """1 × 3 × 48 × width, from -1 to 1, the width filled up to whole steps."""
    width = line.shape[1]
    filled = np.zeros((1, 3, HEIGHT, -(-width // STEP) * STEP), np.float32)
    filled[0, :, :, :width] = for_network(line).transpose(2, 0, 1) / np.float32(127.5) - 1
    return filled


def _decode(probabilities: Probabilities) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """CTC's greedy decoding: the steps at which a character begins, and each step's best class."""
    best = probabilities.argmax(axis=1)
    begins = np.append(True, best[1:] != best[:-1]) & (best != 0)
    return np.flatnonzero(begins), best


def _with_spaces(letters: Sequence[str], lost: Sequence[bool]) -> str:
    return "".join(
        f" {letter}" if space else letter for letter, space in zip(letters, lost, strict=True)
    ).strip()


def _lost_spaces(
    letters: Sequence[str], steps: NDArray[np.intp], space: NDArray[np.float32], line: Pixels
) -> list[bool]:
    """For each character, whether a space before it was swallowed.

    A swallowed space (RapidAI/RapidOCR#723) shows in the space's probability between two
    characters and in the gap in the ink; the first is believed alone only where it is large.
    """
    between = [
        0.0,
        *(float(space[a + 1 : b].max(initial=0.0)) for a, b in pairwise(steps)),
    ]
    if max(between) < POSSIBLE_SPACE:
        return [False] * len(letters)
    gaps = _ink_gaps(line, steps)
    written = [i for i in range(1, len(letters)) if not (letters[i] + letters[i - 1]).count(" ")]
    usual = float(np.median([gaps[i] for i in written])) if written else 0.0
    wide = max(WIDE_GAP * usual + 2, WIDE_GAP_PIXELS)
    lost = {
        i
        for i in written
        if between[i] > SURE_SPACE or (between[i] > POSSIBLE_SPACE and gaps[i] >= wide)
        if letters[i] not in CLOSING
    }
    return [i in lost for i in range(len(letters))]


def _ink_gaps(line: Pixels, steps: NDArray[np.intp]) -> list[int]:
    """Before each character, the widest run of columns without ink, in pixels."""
    centres = ((steps + 0.5) * STEP).astype(int)
    columns = np.arange(centres[0], centres[-1])
    # The last steps can lie behind the line's end, where its width was filled up: that is not a gap.
    inked = np.pad(ink_of(line).sum(axis=0) > 1, (0, STEP), constant_values=True)[columns]
    left = np.repeat(centres[:-1], np.diff(centres)) - 1
    last_ink = np.maximum(np.maximum.accumulate(np.where(inked, columns, -1)), left)
    return [0, *np.maximum.reduceat(columns - last_ink, centres[:-1] - centres[0]).tolist()]
