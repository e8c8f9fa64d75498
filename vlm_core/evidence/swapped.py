"""Numbers that stand on the page, but in each other's rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from vlm_core.evidence.exchange import Word, words_of
from vlm_core.evidence.placing import Placing

# Letters of a word by which the row of a line is known.
_LABEL = 3
# The share of the narrower of two numbers that must stand below the other for both to be of one column.
_SAME_COLUMN = 0.5


class Swapped(NamedTuple):
    """A number, and the one that is printed in its row instead."""

    word: Word
    instead: Word


def swapped_numbers(placing: Placing) -> Iterator[Swapped]:
    """Numbers whose line stands in another row, while the number of that row stands in the number's own.

    Rows are those of the page's layout, which follow its skew. A line's row is that of its words.

    Args:
        placing: of an answer.
    """
    lines: dict[int, list[Word]] = defaultdict(list)
    for word in words_of(placing):
        lines[placing.answer.units[word.unit].line].append(word)
    known = {line: _row_of_labels(placing, words) for line, words in lines.items()}
    rows = {line: row for line, row in known.items() if row is not None}
    strays: dict[tuple[int, int], list[Word]] = defaultdict(list)
    for line, row in rows.items():
        for word in lines[line]:
            if _is_number(placing, word) and (own := _row(placing, word)) != row:
                strays[row, own].append(word)
    for (row, own), words in strays.items():
        for word in words:
            others = [
                other for other in strays.get((own, row), ()) if _are_of_one_column(placing, word, other)
            ]
            if others and _text(placing, others[0]) != _text(placing, word):
                yield Swapped(word, others[0])


def _row_of_labels(placing: Placing, words: list[Word]) -> int | None:
    """The row in which all words of a line stand; None where they are in several."""
    rows = {
        _row(placing, word)
        for word in words
        if word.last - word.first >= _LABEL and _text(placing, word).isalpha()
    }
    return rows.pop() if len(rows) == 1 else None


def _row(placing: Placing, word: Word) -> int:
    return placing.page.piece(word.spot.first).line.row


def _text(placing: Placing, word: Word) -> str:
    return placing.answer.letters[word.first : word.last]


def _is_number(placing: Placing, word: Word) -> bool:
    text = _text(placing, word)
    return any(map(str.isdigit, text)) and not any(map(str.isalpha, text))


def _are_of_one_column(placing: Placing, one: Word, other: Word) -> bool:
    first, second = placing.page.box(*one.spot), placing.page.box(*other.spot)
    shared = min(first[2], second[2]) - max(first[0], second[0])
    return shared >= _SAME_COLUMN * min(first[2] - first[0], second[2] - second[0])
