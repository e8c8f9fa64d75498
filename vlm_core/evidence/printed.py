"""What stands on a page, as letters that an answer can be held against, each with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.character_trace import Floats
from vlm_core.ocr.folding import folded, folded_one, with_accent
from vlm_core.ocr.printed_line import PrintedLine
from vlm_core.types import Box

# Times the usual height of a line: lines whose left edges are closer together make a column.
_COLUMN = 1.2


class Piece(NamedTuple):
    """A printed line, and which of the page's letters are its own."""

    line: PrintedLine
    first: int
    last: int
    """Behind its last one."""

    @property
    def height(self) -> float:
        """In pixels."""
        return self.line.box[3] - self.line.box[1]


@dataclass(frozen=True, eq=False)
class Print:
    """A page's lines in one order of reading, as folded letters.

    Args:
        letters: one character each.
        boxes: of each letter, in pixels.
        piece_of: of each letter, which piece it is in.
        word_of: of each letter, which word of the page it is in.
        certainty: of each letter, from 0 to 1.
        pieces: in order; each has a letter or more.
        originals: of each letter, the character as it was read.
    """

    letters: str
    boxes: Floats
    piece_of: NDArray[np.intp]
    word_of: NDArray[np.intp]
    certainty: Floats
    pieces: tuple[Piece, ...]
    originals: tuple[str, ...]

    @cached_property
    def codes(self) -> NDArray[np.uint32]:
        """The letters as numbers."""
        return np.frombuffer(self.letters.encode("utf-32-le", "surrogatepass"), np.uint32)

    @cached_property
    def starts(self) -> NDArray[np.bool_]:
        """Of each letter, whether a piece begins with it."""
        starts = np.zeros(len(self.letters), np.bool_)
        starts[[piece.first for piece in self.pieces]] = True
        return starts

    @cached_property
    def height(self) -> float:
        """The usual height of a letter, in pixels."""
        heights = self.boxes[:, 3] - self.boxes[:, 1]
        return max(1.0, float(np.median(heights))) if len(heights) else 1.0

    @cached_property
    def centres(self) -> Floats:
        """Of each letter: N × 2."""
        return np.asarray((self.boxes[:, :2] + self.boxes[:, 2:]) / 2, np.float32)

    def piece(self, letter: int) -> Piece:
        """That of a letter."""
        return self.pieces[int(self.piece_of[letter])]

    def text(self, piece: Piece) -> str:
        """The letters of a piece."""
        return self.letters[piece.first : piece.last]

    def begins_word(self, letter: int) -> bool:
        """Whether a letter is the first of its word, or would begin one at the end of the page."""
        if letter <= 0 or letter >= len(self.letters):
            return True
        return bool(self.word_of[letter] != self.word_of[letter - 1])

    def is_edge(self, letter: int) -> bool:
        """Whether a letter and the one before it are not of one word."""
        if self.begins_word(letter):
            return True
        return not (self.letters[letter - 1].isalnum() and self.letters[letter].isalnum())

    def box(self, first: int, last: int) -> Box:
        """The box around letters."""
        boxes = self.boxes[first:last]
        (x0, y0), (x1, y1) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
        return float(x0), float(y0), float(x1), float(y1)

    def shown(self, first: int, last: int) -> str:
        """Letters as they were read, with the blanks between their words."""
        parts = [
            (" " if letter > first and self.begins_word(letter) else "") + self.originals[letter]
            for letter in range(first, last)
        ]
        return "".join(parts)

    def word(self, first: int, last: int) -> tuple[int, int]:
        """Letters with the rest of the words that they are in."""
        while first > 0 and not self.begins_word(first):
            first -= 1
        while not self.begins_word(last):
            last += 1
        return first, last

    def found(self, text: str) -> Iterable[tuple[int, int]]:
        """Where a text stands within one piece."""
        at = self.letters.find(text)
        while at >= 0:
            end = at + len(text)
            if self.piece_of[at] == self.piece_of[end - 1]:
                yield at, end
            at = self.letters.find(text, at + 1)


@dataclass(frozen=True, eq=False)
class PagePrint:
    """A page's lines in the two orders in which an answer may go, each made when it is first asked for.

    Any number of texts can be held against it.

    Args:
        lines: of the page, in reading order.
    """

    lines: Sequence[PrintedLine]

    @cached_property
    def by_rows(self) -> Print:
        """In reading order."""
        return print_of(self.lines)

    @cached_property
    def by_columns(self) -> Print:
        """As a table is read column by column."""
        return print_of(by_columns(self.lines))


def print_of(lines: Sequence[PrintedLine]) -> Print:
    """The lines of a page, in the order in which they come."""
    letters: list[str] = []
    originals: list[str] = []
    boxes = [np.zeros((0, 4), np.float32)]
    pieces: list[Piece] = []
    piece_of: list[int] = []
    word_of: list[int] = []
    certainty: list[float] = []
    word = 0
    for line in lines:
        fold = folded_one if line.matrices else folded
        first = len(letters)
        kept: list[int] = []
        for number, character in enumerate(line.letters):
            if kept and (whole := with_accent(letters[-1], character)):
                letters[-1] = whole
                continue
            names = fold(character)
            letters += names
            kept += [number] * len(names)
            originals += [character, *[""] * (len(names) - 1)] if names else []
        if not kept:
            continue
        boxes.append(line.boxes[kept])
        certainty += line.certainty[kept].tolist()
        word_of += [word + line.words[number] for number in kept]
        word = word_of[-1] + 1
        piece_of += [len(pieces)] * len(kept)
        pieces.append(Piece(line, first, len(letters)))
    return Print(
        "".join(letters),
        np.concatenate(boxes),
        np.array(piece_of, np.intp),
        np.array(word_of, np.intp),
        np.array(certainty, np.float32),
        tuple(pieces),
        tuple(originals),
    )


def by_columns(lines: Sequence[PrintedLine]) -> list[PrintedLine]:
    """Lines in the order in which a table is read column by column: those that begin below each other
    together.

    Args:
        lines: in any order.
    """
    if not lines:
        return []
    height = float(np.median([line.box[3] - line.box[1] for line in lines]))
    across = sorted(range(len(lines)), key=lambda number: lines[number].box[0])
    column, columns, last = 0, {}, lines[across[0]].box[0]
    for number in across:
        column += lines[number].box[0] - last > _COLUMN * height
        columns[number], last = column, lines[number].box[0]
    order = sorted(range(len(lines)), key=lambda number: (columns[number], lines[number].box[1]))
    return [lines[number] for number in order]
