"""Where rows of text may make a table without ruling lines: their parts stand in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from vlm_core.structure.table_finding.words import PlacedWord, around, segments, text_rows
from vlm_core.types import Box

# Times the height: words further apart are in different cells.
_WORD_GAP = 1.0
# Times the height: rows further apart are of different tables.
_ROW_GAP = 2.5
_FEWEST_ROWS = 3
# Rows with so many parts are the body of a table;
_FEWEST_PARTS = 3
# and so many others may stand between two of them, headings of groups and the rest of cells.
_BETWEEN = 2
# Words of one part that make a row prose.
_LONG = 8


def in_columns(words: Sequence[PlacedWord], height: float) -> Iterator[list[PlacedWord]]:
    """The words of each run of rows that may be a table.

    Args:
        words: of a part of the page without columns of prose.
        height: of its usual line.
    """
    rows = text_rows(words, height)
    parts = [segments(row, _WORD_GAP * height) for row in rows]
    run: list[int] = []
    for number, row in enumerate(rows):
        if run and _is_break(rows[number - 1], row, parts[number], height):
            yield from _trimmed(run, rows, parts)
            run = []
        if len(parts[number]) >= 2 or run:
            run.append(number)
        if len(run) > _BETWEEN and all(len(parts[each]) < 2 for each in run[-_BETWEEN - 1 :]):
            yield from _trimmed(run, rows, parts)
            run = []
    yield from _trimmed(run, rows, parts)


def _is_break(
    above: Sequence[PlacedWord],
    row: Sequence[PlacedWord],
    parts: Sequence[Sequence[PlacedWord]],
    height: float,
) -> bool:
    gap = min(word.y0 for word in row) - max(word.y1 for word in above)
    return gap > _ROW_GAP * height or any(len(part) >= _LONG for part in parts)


def _trimmed(
    run: Sequence[int], rows: Sequence[list[PlacedWord]], parts: Sequence[Sequence[Sequence[PlacedWord]]]
) -> Iterator[list[PlacedWord]]:
    """A run from its first row with cells to its last, where it is long enough."""
    with_cells = [number for number in run if len(parts[number]) >= 2]
    body = [number for number in run if len(parts[number]) >= _FEWEST_PARTS]
    if len(body) >= _FEWEST_ROWS:
        yield [word for number in run if with_cells[0] <= number <= with_cells[-1] for word in rows[number]]


def box_of(words: Sequence[PlacedWord], height: float) -> Box:
    """The box of a table of words, a little larger than they are."""
    x0, y0, x1, y1 = around(words)
    return x0 - 0.3 * height, y0 - 0.2 * height, x1 + 0.3 * height, y1 + 0.2 * height


def parts_of(words: Sequence[PlacedWord], height: float) -> list[list[PlacedWord]]:
    """The words of a page by its columns of prose, as the order of its lines tells.

    A line that stands higher than the one read before it begins another part, unless the two are of one row.
    Parts beside each other that hold no prose are put together: a table may be drawn column by column.
    """
    parts: list[list[PlacedWord]] = []
    by_line: dict[int, list[PlacedWord]] = {}
    for word in words:
        by_line.setdefault(word.line, []).append(word)
    last: list[PlacedWord] | None = None
    for line in by_line.values():
        if last is None or line[0].middle_y < last[0].middle_y - height:
            parts.append([])
        parts[-1] += line
        last = line
    return _without_table_columns(parts)


def _without_table_columns(parts: list[list[PlacedWord]]) -> list[list[PlacedWord]]:
    merged: list[list[PlacedWord]] = []
    after_prose = True
    for part in parts:
        is_prose = _is_prose(part)
        if after_prose or is_prose:
            merged.append([])
        merged[-1] += part
        after_prose = is_prose
    return merged


def _is_prose(part: Sequence[PlacedWord]) -> bool:
    """Whether most words are in long lines."""
    counts: dict[int, int] = {}
    for word in part:
        counts[word.line] = counts.get(word.line, 0) + 1
    return sum(count for count in counts.values() if count >= _LONG - 2) > len(part) / 2
