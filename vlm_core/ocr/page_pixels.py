"""A page's pixels, looked at again where what was read of them is in dispute."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.character_trace import CharacterMatrix, MatrixFolding
from vlm_core.ocr.pixels import Pixels, in_grey
from vlm_core.ocr.printed_line import PrintedLine
from vlm_core.ocr.recognition import TRIM, Infer, at_height, crop_box, network_input, with_margin
from vlm_core.ocr.tiles import Quads
from vlm_core.types import Box, union

# --- boxes tightened to ink; measured on the boxes that people drew around lines of receipts -------------

# Pixels below which a box is left as it is.
_SMALLEST = 4
# Shares of a row's or a column's pixels that are ink, from which it counts as written.
_INK_IN_ROW, _INK_IN_COLUMN = 0.015, 0.06
# The share of all ink below which rows at the edge are those of a neighbouring line.
_STRAY = 0.06
# The share of a box's height that its ink must have; else the threshold has found something else.
_TALL_ENOUGH = 0.35
# Shares of a box's height and width: a stroke as thin and as long is a rule.
_RULE_HEIGHT, _RULE_WIDTH = 0.15, 0.8
# Times the height of the ink: the white that is left around it, at the sides and above and below.
_SIDES, _ABOVE = 0.10, 0.06
# A narrow box, below so many heights, has so much more at its sides.
_NARROW, _MORE = 0.7, 0.12

# --- a second look ---------------------------------------------------------------------------------------

# Percentiles of grey that become black and white; the radius and the weight of what is sharpened.
_BLACK, _WHITE, _BLUR, _SHARPER = 3, 97, 1.2, 0.6

# --- points and ink --------------------------------------------------------------------------------------

# Times the line's height: where a point's top is at least, how high and wide it is at most.
_POINT_FROM, _POINT_HEIGHT, _POINT_WIDTH = 0.5, 0.36, 0.4
# Levels of grey between dark and light, from which there is ink at all.
_CONTRAST = 40
# Times the strip's height and width: from which height, and up to which width, ink may be a character.
_LETTER_HEIGHT, _LETTER_WIDTH, _LETTER_PIXELS = 0.35, 0.95, 6


class Strip(NamedTuple):
    """A part of the page that was read as one line, folded."""

    text: str
    matrix: CharacterMatrix


class PagePixels:
    """The upright page, and the recogniser that can look at any part of it again.

    Args:
        image: height × width × 3, RGB, or height × width, grey.
        infer: the recogniser, from 1 × 3 × 48 × width to steps × classes.
        characters: the character of each class.
        folding: of its matrices.
    """

    def __init__(
        self, image: Pixels | None, infer: Infer, characters: Sequence[str], folding: MatrixFolding
    ) -> None:
        assert image is not None
        self.image = image
        self.looks = 0
        """How many parts were read again."""
        self._infer = infer
        self._characters = characters
        self._folding = folding
        self._again: dict[tuple[int, str], CharacterMatrix] = {}

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width = self.image.shape[:2]
        return width, height

    def looked_again(self, line: PrintedLine) -> Iterator[CharacterMatrix]:
        """A line read again, each time otherwise: cut closer, then with more contrast.

        Args:
            line: that was read from this page.
        """
        if line.quad is None or line.turned:
            return
        yield self._reading(line, "trimmed")
        yield self._reading(line, "sharpened")

    def _reading(self, line: PrintedLine, way: str) -> CharacterMatrix:
        key = id(line), way
        if key not in self._again:
            assert line.quad is not None
            trimmed = way == "trimmed"
            crop = crop_box(self.image, with_margin(line.quad, TRIM if trimmed else 0.0))
            self._again[key] = self._matrix(crop if trimmed else _sharpened(crop))
        return self._again[key]

    def _matrix(self, crop: Pixels) -> CharacterMatrix:
        self.looks += 1
        return self._folding(self._infer(network_input(at_height(crop))))

    def read_strip(self, box: Box) -> Strip | None:
        """A part of the page read as one line; None where it is too small."""
        part = self._part(box)
        if min(part.shape[:2]) < 6:
            return None
        x0, y0, x1, y1 = self._clipped(box)
        corners: Quads = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], np.float32)
        matrix = self._matrix(crop_box(self.image, corners))
        best = matrix.logs.argmax(axis=1)
        begins = np.append(True, best[1:] != best[:-1]) & (best > 0) & (best < matrix.logs.shape[1] - 1)
        names = {place: name for name, place in matrix.columns.items()}
        return Strip("".join(names[place] for place in best[begins]), matrix)

    def tightened(self, box: Box) -> Box:
        """A box drawn in to its ink, with a little white left around it.

        Args:
            box: in pixels.
        """
        x0, y0, x1, y1 = self._clipped(box)
        if min(x1 - x0, y1 - y0) < _SMALLEST:
            return box
        ink = _ink(in_grey(self.image[y0:y1, x0:x1]))
        rows = _written_rows(ink)
        columns = np.flatnonzero(ink.sum(axis=0) >= max(1.0, _INK_IN_COLUMN * (y1 - y0)))
        if not len(rows) or not len(columns) or rows[-1] + 1 - rows[0] < _TALL_ENOUGH * (y1 - y0):
            return box
        height, span = int(rows[-1] + 1 - rows[0]), int(columns[-1] + 1 - columns[0])
        side = 1 + (_SIDES + (_MORE if span < _NARROW * height else 0)) * height
        above = 1 + _ABOVE * height
        width, tall = self.size
        return (
            max(float(x0 + columns[0]) - side, 0.0),
            max(float(y0 + rows[0]) - above, 0.0),
            min(float(x0 + columns[-1] + 1) + side, float(width)),
            min(float(y0 + rows[-1] + 1) + above, float(tall)),
        )

    def has_point(self, box: Box) -> bool:
        """Whether a small blot stands low in a box that goes from one character's middle to the next
        one's."""
        part = self._part(box)
        height, width = part.shape[:2]
        if width < 3 or height < 6:
            return False
        _, _, found, _ = cv2.connectedComponentsWithStats(
            _dark(in_grey(part)).astype(np.uint8), connectivity=4
        )
        return any(
            top >= _POINT_FROM * height
            and tall <= _POINT_HEIGHT * height
            and wide <= _POINT_WIDTH * height
            and area >= 2
            and left > 0
            and left + wide < width
            for left, top, wide, tall, area in found[1:].tolist()
        )

    def inked_shapes(self, box: Box) -> int:
        """How many shapes in a box are tall enough for a character."""
        part = self._part(box)
        height, width = part.shape[:2]
        if height < 6 or width < _SMALLEST:
            return 0
        grey = in_grey(part)
        low, high = np.percentile(grey, (3, 95))
        if high - low < _CONTRAST:
            return 0
        _, _, found, _ = cv2.connectedComponentsWithStats(_ink(grey).astype(np.uint8))
        return sum(
            tall >= _LETTER_HEIGHT * height and wide < _LETTER_WIDTH * width and area >= _LETTER_PIXELS
            for _, _, wide, tall, area in found[1:].tolist()
        )

    def ink_in(self, box: Box) -> Box | None:
        """The box around the shapes that stand within a box and do not reach out of it; None without any."""
        part = self._part(box)
        height, width = part.shape[:2]
        if height < _SMALLEST or width < _SMALLEST:
            return None
        grey = in_grey(part)
        if grey.max() - grey.min() < _CONTRAST:
            return None
        _, _, found, _ = cv2.connectedComponentsWithStats(_ink(grey).astype(np.uint8))
        inside = [
            (left, top, left + wide, top + tall)
            for left, top, wide, tall, area in found[1:].tolist()
            if area >= _LETTER_PIXELS and min(left, top) > 0 and left + wide < width and top + tall < height
        ]
        if not inside:
            return None
        x, y, *_ = self._clipped(box)
        x0, y0, x1, y1 = union(inside)
        return x0 + x - 1.0, y0 + y - 1.0, x1 + x + 1.0, y1 + y + 1.0

    def _clipped(self, box: Box) -> tuple[int, int, int, int]:
        width, height = self.size
        x0, y0, x1, y1 = (round(edge) for edge in box)
        return max(0, x0), max(0, y0), min(width, x1), min(height, y1)

    def _part(self, box: Box) -> Pixels:
        x0, y0, x1, y1 = self._clipped(box)
        return self.image[y0 : max(y0, y1), x0 : max(x0, x1)]


def _dark(grey: Pixels) -> NDArray[np.bool_]:
    threshold, _ = cv2.threshold(np.ascontiguousarray(grey), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(grey <= threshold)


def _ink(grey: Pixels) -> NDArray[np.bool_]:
    """What is written, whether dark on light or light on dark."""
    dark = _dark(grey)
    return dark if dark.mean() <= 0.5 else ~dark


def _written_rows(ink: NDArray[np.bool_]) -> NDArray[np.intp]:
    """The rows with ink, without rules, and without what neighbouring lines reach in with from the edges."""
    counts = ink.sum(axis=1)
    rows = np.flatnonzero(counts >= max(1.0, _INK_IN_ROW * ink.shape[1]))
    if not len(rows):
        return rows
    height = len(ink)
    runs = np.split(rows, np.flatnonzero(np.diff(rows) > 1) + 1)
    amounts = [int(counts[run].sum()) for run in runs]
    main = int(
        np.argmax([amount * (1 - _is_rule(ink, run)) for amount, run in zip(amounts, runs, strict=True)])
    )
    kept = [
        run
        for number, (run, amount) in enumerate(zip(runs, amounts, strict=True))
        if number == main
        or (
            amount >= _STRAY * amounts[main]
            and run[0] > 0
            and run[-1] < height - 1
            and not _is_rule(ink, run)
        )
    ]
    return np.concatenate(kept)


def _is_rule(ink: NDArray[np.bool_], rows: NDArray[np.intp]) -> bool:
    """Whether rows are a thin stroke along all of a box."""
    return len(rows) <= _RULE_HEIGHT * len(ink) and bool(ink[rows].any(axis=0).mean() >= _RULE_WIDTH)


def _sharpened(crop: Pixels) -> Pixels:
    grey = in_grey(crop)
    low, high = np.percentile(grey, (_BLACK, _WHITE))
    level = np.clip((grey - low) / max(float(high - low), 1.0) * 255, 0, 255).astype(np.uint8)
    blurred = cv2.GaussianBlur(level, (0, 0), _BLUR)
    sharp = cv2.addWeighted(level, 1 + _SHARPER, blurred, -_SHARPER, 0)
    return np.asarray(cv2.cvtColor(sharp, cv2.COLOR_GRAY2RGB), np.uint8)
