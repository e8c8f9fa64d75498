"""How likely a text is, given what a recogniser thought of each step along a line."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vlm_core.ocr.character_trace import CharacterMatrix

_IMPOSSIBLE = -1000.0


def log_likelihoods(matrix: CharacterMatrix, texts: Sequence[str]) -> list[float]:
    """The logarithm of each text's probability: CTC's, over all ways in which it may lie along the line.

    Args:
        matrix: of the line.
        texts: folded.

    Example:
        >>> sure = CharacterMatrix({"a": 1, "b": 2}, np.log(np.array([[.02, .9, .06, .02]], np.float32)))
        >>> a, b = log_likelihoods(sure, ["a", "b"])
        >>> round(a - b, 2)
        2.71
    """
    states = 2 * max(map(len, texts)) + 1
    columns = np.zeros((len(texts), states), np.intp)
    skips = np.zeros((len(texts), states))
    for number, text in enumerate(texts):
        ids = matrix.ids(text)
        columns[number, 1 : 2 * len(text) : 2] = ids
        # From one letter to the next without a blank between: not where both are the same.
        skips[number, 3 : 2 * len(text) : 2] = ids[1:] != ids[:-1]
    emitted = np.exp(matrix.logs.astype(np.float64))[:, columns]
    ahead = np.zeros((len(texts), states))
    ahead[:, :2] = emitted[0, :, :2]
    total = np.zeros(len(texts))
    for step in emitted[1:]:
        moved = ahead.copy()
        moved[:, 1:] += ahead[:, :-1]
        moved[:, 2:] += skips[:, 2:] * ahead[:, :-2]
        moved *= step
        scale = moved.max(axis=1)
        scale[scale <= 0] = 1.0
        total += np.log(scale)
        ahead = moved / scale[:, None]
    return [
        _log(float(ahead[number, max(0, 2 * len(text) - 1) : 2 * len(text) + 1].sum())) + float(total[number])
        for number, text in enumerate(texts)
    ]


def _log(value: float) -> float:
    return float(np.log(value)) if value > 0 else _IMPOSSIBLE
