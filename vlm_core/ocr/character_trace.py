"""What a recogniser thought of each step along a line: the characters it took, and all that it did not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.folding import folded_one

Floats: TypeAlias = NDArray[np.float32]

# Of a character at a step: what is less likely is taken to be as likely as this.
FLOOR = 1e-6
# Characters that are likelier than this at no step of a line need no column.
_NEGLIGIBLE = 1e-5


@dataclass(frozen=True)
class CharacterMatrix:
    """The logarithms of a line's probabilities: a row a step, a column a folded character.

    Column 0 is CTC's blank, with the space in it; the last column is for characters that have none.
    """

    columns: Mapping[str, int]
    logs: Floats

    def ids(self, text: str) -> NDArray[np.intp]:
        """The columns of the characters of a folded text."""
        rest = self.logs.shape[1] - 1
        return np.array([self.columns.get(letter, rest) for letter in text], np.intp)

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return int(self.logs.nbytes)


class MatrixFolding:
    """Makes matrices of few columns out of a recogniser's probabilities, which have thousands of classes.

    Args:
        characters: the character of each class; class 0 is CTC's blank, the last one the space.
    """

    def __init__(self, characters: Sequence[str]) -> None:
        self._folded = ["", *(folded_one(character) for character in characters[1:])]
        self.alphabet = frozenset(self._folded) - {""}
        """All folded characters that can be read."""

    def __call__(self, probabilities: Floats) -> CharacterMatrix:
        likely = np.flatnonzero(probabilities.max(axis=0) > _NEGLIGIBLE)
        names = list(dict.fromkeys(name for number in likely if (name := self._folded[number])))
        columns = {name: place for place, name in enumerate(names, 1)}
        sums = np.zeros((len(probabilities), len(names) + 2), np.float32)
        for number in likely:
            sums[:, columns.get(self._folded[number], 0)] += probabilities[:, number]
        return CharacterMatrix(columns, np.log(sums + np.float32(FLOOR)))


@dataclass(frozen=True)
class CharacterTrace:
    """The characters of a line as they were read, spaces left out, and the matrix that they come from."""

    letters: tuple[str, ...]
    words: tuple[int, ...]
    """Of each: which word of the line it is in, from 0."""
    edges: Floats
    """N × 2: where each begins and ends, as shares of the line's length."""
    certainty: Floats
    """Of each, from 0 to 1."""
    matrix: CharacterMatrix
    other: CharacterMatrix | None = None
    """Of a second reading, where the first one was in doubt."""


def character_trace(
    letters: Sequence[str],
    lost: Sequence[bool],
    centres: NDArray[np.float64],
    certainty: Floats,
    matrix: CharacterMatrix,
) -> CharacterTrace:
    """The trace of a line.

    Args:
        letters: that were read, spaces among them.
        lost: for each, whether a space before it was swallowed.
        centres: of each, as a share of the line's length.
        certainty: of each.
        matrix: that they were read from.
    """
    word, words = 0, []
    for letter, space in zip(letters, lost, strict=True):
        word += space or letter.isspace()
        words.append(word)
    kept = [number for number, letter in enumerate(letters) if not letter.isspace()]
    return CharacterTrace(
        tuple(letters[number] for number in kept),
        tuple(words[number] for number in kept),
        _edges(centres)[kept],
        certainty[kept],
        matrix,
    )


# Times the usual distance of two characters: how far the first and the last reach outwards.
_OUTER = 0.6


def _edges(centres: NDArray[np.float64]) -> Floats:
    """Half-way between neighbours; a lone character's are those of the line."""
    if len(centres) < 2:
        return np.array([[0.0, 1.0]] * len(centres), np.float32).reshape(-1, 2)
    reach = _OUTER * float(np.median(np.diff(centres)))
    middles = (centres[1:] + centres[:-1]) / 2
    starts = np.concatenate([[centres[0] - reach], middles])
    ends = np.concatenate([middles, [centres[-1] + reach]])
    return np.asarray(np.clip(np.stack([starts, ends], axis=1), 0, 1), np.float32)
