"""A line that stands on a page, with all that it takes to check what another engine wrote of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vlm_core.ocr.character_trace import CharacterMatrix, Floats
from vlm_core.types import Box, TextLine

if TYPE_CHECKING:
    from vlm_core.ocr.recognition import RecognizedLine
    from vlm_core.ocr.tiles import Quads


@dataclass(frozen=True, eq=False)
class PrintedLine:
    """A line that stands on a page: its characters with their places, in pixels of the upright page.

    Args:
        text: with its spaces.
        letters: its characters without them.
        words: of each character, which word of the line it is in, from 0.
        boxes: of each, N × 4.
        certainty: of each, from 0 to 1.
        box: of the line.
        score: the mean of the certainties.
        number: which of the page's lines it is, or is a part of, from 0.
        block: as of `TextLine`.
        row: likewise.
        quad: its corners, 4 × 2, where it was read from a picture.
        matrices: what its recogniser thought, once or twice; none where it was not read from a picture.
        turned: whether it runs downwards or upwards.
    """

    text: str
    letters: tuple[str, ...]
    words: tuple[int, ...]
    boxes: Floats
    certainty: Floats
    box: Box
    score: float = 1.0
    number: int = 0
    block: int = 0
    row: int = 0
    quad: Quads | None = None
    matrices: tuple[CharacterMatrix, ...] = ()
    turned: bool = False


def printed_line(line: RecognizedLine, quad: Quads, *, number: int, block: int, row: int) -> PrintedLine:
    """A line as it was read from a picture.

    Args:
        line: with its trace.
        quad: where it was found, before its margin.
        number: which of the page's lines it belongs to.
        block: of that line.
        row: likewise.
    """
    trace, held = line.trace, line.quad
    assert trace is not None
    assert held is not None
    (x0, y0), (x1, y1) = quad.min(axis=0), quad.max(axis=0)
    first = held[1] - held[0]
    return PrintedLine(
        line.text,
        trace.letters,
        trace.words,
        _along(held, trace.edges),
        trace.certainty,
        (float(x0), float(y0), float(x1), float(y1)),
        line.score,
        number,
        block,
        row,
        quad,
        (trace.matrix,) if trace.other is None else (trace.matrix, trace.other),
        turned=bool(abs(first[1]) > abs(first[0])),
    )


def _along(quad: Quads, edges: Floats) -> Floats:
    """The boxes of parts of a line, whose ends are shares of its length."""
    top, bottom = quad[1] - quad[0], quad[2] - quad[3]
    corners: NDArray[np.float32] = np.stack(
        [
            origin + side * edges[:, [end]]
            for origin, side in ((quad[0], top), (quad[3], bottom))
            for end in (0, 1)
        ]
    )
    return np.concatenate([corners.min(axis=0), corners.max(axis=0)], axis=1).astype(np.float32)


def lines_of_text(lines: Sequence[TextLine], width: int, height: int) -> tuple[PrintedLine, ...]:
    """A page's lines as a PDF's own text or a journal has them: characters share their word's width evenly.

    Args:
        lines: with words, or else with a box for all of the line.
        width: of the page, in pixels.
        height: likewise.

    Example:
        >>> line = TextLine(text="TOTAL 9.00", bbox=(0.1, 0.8, 0.6, 0.83))
        >>> [line.letters[0] for line in lines_of_text([line], 100, 100)]
        ['T']
    """
    size = np.array([width, height, width, height], np.float32)
    return tuple(_line_of_text(line, number, size) for number, line in enumerate(lines) if line.text.strip())


def _line_of_text(line: TextLine, number: int, size: Floats) -> PrintedLine:
    words = [(word.text, word.bbox) for word in line.words] or [*_even_words(line)]
    letters = [letter for text, _ in words for letter in text if not letter.isspace()]
    counts = [sum(not letter.isspace() for letter in text) for text, _ in words]
    boxes = [_evenly(box, count) for (_, box), count in zip(words, counts, strict=True) if count]
    x0, y0, x1, y1 = (float(edge) for edge in np.array(line.bbox, np.float32) * size)
    score = 1.0 if line.score is None else line.score
    return PrintedLine(
        line.text,
        tuple(letters),
        tuple(word for word, count in enumerate(counts) for _ in range(count)),
        np.concatenate([*boxes, np.zeros((0, 4), np.float32)]) * size,
        np.full(len(letters), score, np.float32),
        (x0, y0, x1, y1),
        score,
        number,
        line.block,
        number if line.row is None else line.row,
    )


def _even_words(line: TextLine) -> Sequence[tuple[str, Box]]:
    """The words of a line of which only the whole box is known."""
    x0, y0, x1, y1 = line.bbox
    step = (x1 - x0) / max(len(line.text), 1)
    places, start = [], 0
    for word in line.text.split():
        start = line.text.index(word, start)
        places.append((word, (x0 + step * start, y0, x0 + step * (start + len(word)), y1)))
        start += len(word)
    return places


def _evenly(box: Box, count: int) -> Floats:
    x0, y0, x1, y1 = box
    edges = np.linspace(x0, x1, count + 1, dtype=np.float32)
    parts = np.empty((count, 4), np.float32)
    parts[:, 0], parts[:, 1], parts[:, 2], parts[:, 3] = edges[:-1], y0, edges[1:], y1
    return parts
