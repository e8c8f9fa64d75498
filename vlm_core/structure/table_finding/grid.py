"""The rows of a table, and its cells with what they span."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from operator import attrgetter
from statistics import median
from typing import NamedTuple

from vlm_core.structure.table_finding.columns import Row, row_segments, separators
from vlm_core.structure.table_finding.rules import Rules, coverage, places
from vlm_core.structure.table_finding.values import goes_on, is_number
from vlm_core.structure.table_finding.words import PlacedWord, text_rows, usual_height
from vlm_core.types import Box

# Times the height: how far off its place a line may run.
_NEAR = 0.5
# Times the height: how far a cell's text may reach into the next column.
_EDGE = 0.35
# Times the height: white at which text that runs over two columns is parted.
_CUT = 0.55
# The share of a table's width along which a line parts its rows,
_WIDE = 0.6
# or of one column's, where lines run down as well.
_COLUMN = 0.8
_DENSE_ROW, _DENSE = 0.6, 0.7
"""Rows of text between two lines are rows of the table where so much of them fill so many of the columns."""
_SMALL, _SEVERAL = 0.5, 3
"""The share of a table's rows of text that may be one row of it; or any, where lines make so many rows."""
# Times the height: rows of text that reach so far into each other are of one row of the table.
_OVERLAP = 0.3
# Of the side of a cell: where less of it is drawn, it is not there.
_OPEN = 0.5


class GridCell(NamedTuple):
    """A cell by its first and last row and column, and its lines of words."""

    row: int
    last_row: int
    column: int
    last_column: int
    lines: tuple[tuple[PlacedWord, ...], ...] = ()

    @property
    def text(self) -> str:
        """A line a line."""
        return "\n".join(" ".join(word.text for word in line) for line in self.lines)


class Grid(NamedTuple):
    """The cells of a table, and where its rows and columns part, its outer sides included."""

    cells: list[GridCell]
    ys: list[float]
    xs: list[float]
    lines_down: int = 0
    """How many of its columns are parted by a line, and"""
    ruled_ends: tuple[bool, ...] = ()
    """for each row but the last, whether a line ends it."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(self.ys) - 1

    @property
    def columns(self) -> int:
        """How many there are."""
        return len(self.xs) - 1

    @property
    def lines_across(self) -> int:
        """How many of its rows are parted by a line."""
        return sum(self.ruled_ends)


def grid_of(words: Sequence[PlacedWord], rules: Rules, box: Box) -> Grid:
    """The cells of a table.

    Args:
        words: in it, at least one.
        rules: of the page.
        box: of the table.
    """
    return _Builder(words, rules, box).grid()


class _Band(NamedTuple):
    """A row of the table: its rows of text, its top and bottom, and whether lines part it from the next."""

    rows: list[Row]
    top: float
    bottom: float
    is_ruled: bool


class _Builder:
    def __init__(self, words: Sequence[PlacedWord], rules: Rules, box: Box) -> None:
        self._box = box
        self._height = usual_height(words)
        self._rules = rules.within(box, 0.5 * self._height)
        self._rows = text_rows(words, self._height)
        self._separators = separators(self._rows, self._rules, box, self._height)
        self._is_gridded = sum(each.is_ruled for each in self._separators) >= 1
        self._xs = [box[0], *(each.x for each in self._separators), box[2]]

    def grid(self) -> Grid:
        bands = list(self._bands())
        by_row = [self._row_cells(number, band) for number, band in enumerate(bands)]
        cells = self._with_row_spans(by_row, bands) if self._is_gridded else list(chain(*by_row))
        ys = [self._box[1], *(band.bottom for band in bands[:-1]), self._box[3]]
        lines_down = sum(each.is_ruled for each in self._separators)
        return Grid(cells, ys, self._xs, lines_down, tuple(band.is_ruled for band in bands[:-1]))

    # Rows

    def _bands(self) -> Iterator[_Band]:
        levels = [self._box[1], *self._lines_across(), self._box[3]]
        between: dict[int, list[Row]] = defaultdict(list)
        for row in self._rows:  # one that reaches out of the box belongs to its first or last row
            between[bisect_right(levels[1:-1], _level(row))].append(row)
        parts = [(rows, levels[number], levels[number + 1]) for number, rows in sorted(between.items())]
        for number, (rows, top, bottom) in enumerate(parts):
            is_one = self._is_gridded and self._is_one_row(rows, len(parts), is_first=number < 2)
            yield from self._parted([rows] if is_one else self._joined(rows), top, bottom)

    def _parted(self, groups: list[list[Row]], top: float, bottom: float) -> Iterator[_Band]:
        for group, following in pairwise(groups):
            end = (max(word.y1 for word in group[-1]) + min(word.y0 for word in following[0])) / 2
            yield _Band(group, top, end, False)
            top = end
        yield _Band(groups[-1], top, bottom, True)

    def _lines_across(self) -> list[float]:
        """Where lines part the table's rows."""
        x0, y0, x1, y1 = self._box
        across, reach = self._rules.across, _NEAR * self._height
        found = []
        for y in places(across, 0.4 * self._height):
            if not y0 + 0.4 * self._height < y < y1 - 0.4 * self._height:
                continue
            if coverage(across, y, reach, x0, x1) >= _WIDE or (
                self._is_gridded
                and any(coverage(across, y, reach, a, b) >= _COLUMN for a, b in pairwise(self._xs))
            ):
                found.append(y)
        return found

    def _columns_of(self, row: Row) -> set[int]:
        return {self._first_column(part[0].x0) for part in row_segments(row, self._rules.down, self._height)}

    def _is_one_row(self, rows: Sequence[Row], bands: int, *, is_first: bool) -> bool:
        """Whether rows of text between two lines are one row of the table, with cells of several lines."""
        if len(rows) < 2:
            return True
        if self._has_numbers(rows):
            return False
        is_small = len(rows) <= max(_SEVERAL, _SMALL * len(self._rows)) or bands >= _SEVERAL
        return is_small and ((is_first and bands >= _SEVERAL) or not self._is_dense(rows))

    def _has_numbers(self, rows: Sequence[Row]) -> bool:
        """Whether a column has a number on nearly each row of text."""
        counts: Counter[int] = Counter()
        for row in rows:
            parts = row_segments(row, self._rules.down, self._height)
            counts.update({self._first_column(part[0].x0) for part in parts if is_number(_text(part))})
        return max(counts.values(), default=0) >= max(2, _DENSE * len(rows))

    def _is_dense(self, rows: Sequence[Row]) -> bool:
        """Whether nearly all rows of text fill most of the columns, the first one among them."""
        filled = [self._columns_of(row) for row in rows]
        used = set().union(*filled)
        fewest = max(2, _DENSE_ROW * len(used))
        full = sum(len(columns) >= fewest and min(used) in columns for columns in filled)
        return full >= _DENSE * len(rows)

    def _joined(self, rows: Sequence[Row]) -> list[list[Row]]:
        """Rows of text with those that go on with a cell of the row above."""
        gaps = [min(w.y0 for w in below) - max(w.y1 for w in above) for above, below in pairwise(rows)]
        usual = min(median(gaps), 0.5 * self._height) if gaps else 0.0
        groups: list[list[Row]] = []
        for number, row in enumerate(rows):
            if groups and self._goes_on(groups[-1], row, gaps[number - 1], usual):
                groups[-1].append(row)
            else:
                groups.append([row])
        return groups

    def _goes_on(self, group: Sequence[Row], row: Row, gap: float, usual: float) -> bool:
        columns, above = self._columns_of(row), set().union(*map(self._columns_of, group))
        if gap < -_OVERLAP * self._height and not columns & above:
            return True  # a text of several lines, and beside it one that stands halfway down
        if gap > usual + 0.1 * self._height:
            return False
        if columns == {0}:
            return 0 in above and goes_on(row[0].text) and len(above) > 1
        if above == {0}:
            return 0 in columns and goes_on(row[0].text)
        most = max(1, len(self._separators) // 3)
        return 0 not in columns and columns <= above and len(columns) <= most and len(self._separators) >= 2

    # Cells

    def _first_column(self, x: float) -> int:
        return bisect_right(self._separators, x + _EDGE * self._height, key=attrgetter("x"))

    def _last_column(self, x: float) -> int:
        return bisect_left(self._separators, x - _EDGE * self._height, key=attrgetter("x"))

    def _row_cells(self, number: int, band: _Band) -> list[GridCell]:
        texts: dict[tuple[int, int], list[Row]] = {}
        for row in band.rows:
            for part in self._parts(row):
                first = self._first_column(part[0].x0)
                span = first, max(first, self._last_column(part[-1].x1))
                shared = [other for other in texts if other[0] <= span[1] and span[0] <= other[1]]
                firsts, lasts = zip(span, *shared, strict=True)
                above = [text for other in shared for text in texts.pop(other)]
                texts[min(firsts), max(lasts)] = [*above, part]
        spans = self._with_open_sides(texts, band)
        return [
            GridCell(number, number, first, last, tuple(map(tuple, self._lines(texts.get(own, ())))))
            for first, last, own in spans
        ]

    def _lines(self, parts: Sequence[Row]) -> list[Row]:
        words = [word for part in parts for word in part]
        return text_rows(words, self._height)

    def _parts(self, row: Row) -> Iterator[Row]:
        """The parts of a row of text; one that runs over two columns is cut where there is white."""
        for part in row_segments(row, self._rules.down, self._height):
            start = 0
            if self._last_column(part[-1].x1) > self._first_column(part[0].x0):
                for index, (word, following) in enumerate(pairwise(part), start=1):
                    if self._parts_between(word, following):
                        yield part[start:index]
                        start = index
            yield part[start:]

    def _parts_between(self, word: PlacedWord, following: PlacedWord) -> bool:
        reach = 0.2 * self._height
        white = following.x0 - word.x1 > _CUT * self._height
        return white and any(word.x1 - reach <= each.x <= following.x0 + reach for each in self._separators)

    def _with_open_sides(
        self, texts: dict[tuple[int, int], list[Row]], band: _Band
    ) -> Iterator[tuple[int, int, tuple[int, int]]]:
        """All cells of a row from the left, put together where the line between them is missing."""
        cells: list[tuple[int, int]] = []
        column = 0
        for first, last in [*sorted(texts), (len(self._xs) - 1, -1)]:
            cells += [(empty, empty) for empty in range(column, first)]
            if last >= first:
                cells.append((first, last))
            column = last + 1
        group: list[tuple[int, int]] = []
        for cell in cells:
            if group and not (self._is_open(cell[0] - 1, band) and self._one_text([*group, cell], texts)):
                yield self._whole(group, texts)
                group = []
            group.append(cell)
        yield self._whole(group, texts)

    @staticmethod
    def _one_text(group: Sequence[tuple[int, int]], texts: dict[tuple[int, int], list[Row]]) -> bool:
        return sum(cell in texts for cell in group) <= 1

    @staticmethod
    def _whole(
        group: Sequence[tuple[int, int]], texts: dict[tuple[int, int], list[Row]]
    ) -> tuple[int, int, tuple[int, int]]:
        own = next((cell for cell in group if cell in texts), group[0])
        return group[0][0], group[-1][1], own

    def _is_open(self, number: int, band: _Band) -> bool:
        """Whether the line right of a column is missing beside a row of the table."""
        separator = self._separators[number]
        if not separator.is_ruled:
            return False
        reach = _NEAR * self._height
        return coverage(self._rules.down, separator.x, reach, band.top, band.bottom) < _OPEN

    def _with_row_spans(self, by_row: Sequence[list[GridCell]], bands: Sequence[_Band]) -> list[GridCell]:
        """The cells, those put together that have no line between them where their rows are parted by one."""
        finished: list[GridCell] = []
        above: dict[tuple[int, int], GridCell] = {}
        for number, cells in enumerate(by_row):
            here: dict[tuple[int, int], GridCell] = {}
            for cell in cells:
                span = cell.column, cell.last_column
                upper = above.get(span)
                if upper and bands[number - 1].is_ruled and self._has_no_line(span, bands[number - 1].bottom):
                    del above[span]
                    cell = upper._replace(last_row=number, lines=upper.lines + cell.lines)
                here[span] = cell
            finished += above.values()
            above = here
        return sorted([*finished, *above.values()])

    def _has_no_line(self, span: tuple[int, int], y: float) -> bool:
        start, end = self._xs[span[0]], self._xs[span[1] + 1]
        return coverage(self._rules.across, y, _NEAR * self._height, start, end) < _OPEN


def _text(part: Row) -> str:
    return " ".join(word.text for word in part)


def _level(row: Row) -> float:
    return sum(word.middle_y for word in row) / len(row)
