"""Tables in OTSL, the language in which several models write them (arXiv 2305.03393), as HTML."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from vlm_core.structure.block_texts import Findings
from vlm_core.structure.table_builder import LooseCell, table_of
from vlm_core.structure.table_markup import as_html

_FILLED = frozenset({"fcel", "ched", "rhed", "srow"})
_HEADERS = frozenset({"ched", "rhed", "srow"})
_EMPTY, _LEFT, _UP, _BOTH, _ROW_END = "ecel", "lcel", "ucel", "xcel", "nl"
_TOKENS = _FILLED | {_EMPTY, _LEFT, _UP, _BOTH, _ROW_END}
_LONGEST = max(map(len, _TOKENS))


class _Token(NamedTuple):
    name: str
    start: int
    end: int


def otsl_as_html(text: str, findings: Findings) -> str:
    """A text with its tables in OTSL, if it has any, as HTML.

    A cell is filled (fcel; ched, rhed and srow: of a header), empty (ecel), joined to its left (lcel), to the
    one above (ucel) or to both (xcel); nl ends a row.

    Args:
        text: of an answer.
        findings: where it is told that a table cannot be read.

    Example:
        >>> otsl_as_html("<otsl><fcel>Tea & Cake<lcel><nl><fcel>2.00<ecel><nl></otsl>", Findings()).strip()
        '<table><tr><td colspan="2">Tea &amp; Cake</td></tr><tr><td>2.00</td><td></td></tr></table>'
    """
    tokens = list(_tokens(text))
    if not tokens:
        return text
    parts, done = [], 0
    for run in _runs(text, tokens):
        parts += [text[done : run[0].start], "\n\n", _as_html(text, run, findings), "\n\n"]
        done = _end(text, run)
    rest = text[done:]
    return "".join([*parts, rest]).replace("<otsl>", "").replace("</otsl>", "")


def _tokens(text: str) -> Iterator[_Token]:
    at = text.find("<")
    while at >= 0:
        end = text.find(">", at + 1, at + 2 + _LONGEST)
        if end >= 0 and text[at + 1 : end] in _TOKENS:
            yield _Token(text[at + 1 : end], at, end + 1)
        at = text.find("<", at + 1)


def _runs(text: str, tokens: list[_Token]) -> list[list[_Token]]:
    """The tokens of each table: another one begins where words follow the end of a row."""
    runs = [[tokens[0]]]
    for token in tokens[1:]:
        last = runs[-1][-1]
        if last.name == _ROW_END and text[last.end : token.start].strip():
            runs.append([])
        runs[-1].append(token)
    return runs


def _end(text: str, run: list[_Token]) -> int:
    """Where a table ends: behind its last row, or, where that has no end, with the words of its last cell."""
    last = run[-1]
    if last.name == _ROW_END:
        return last.end
    ends = (text.find(sign, last.end) for sign in ("</otsl>", "\n\n"))
    return min((end for end in ends if end >= 0), default=len(text))


def _as_html(text: str, run: list[_Token], findings: Findings) -> str:
    ends = [*(token.start for token in run[1:]), _end(text, run)]
    rows: list[list[tuple[str, str]]] = [[]]
    for token, end in zip(run, ends, strict=True):
        if token.name == _ROW_END:
            rows.append([])
        else:
            rows[-1].append((token.name, text[token.end : end].strip()))
    table = table_of(_loose(rows))
    if table is None:
        findings.warn("a table is too large to be one and is read as text")
        return "\n".join("  ".join(words for _, words in row) for row in rows)
    return as_html(table)


def _loose(rows: list[list[tuple[str, str]]]) -> Iterator[list[LooseCell]]:
    below = _joined_below(rows)
    for number, row in enumerate(rows):
        cells: list[LooseCell] = []
        width = 1
        for column in range(len(row) - 1, -1, -1):
            name, words = row[column]
            if name == _LEFT and column and not words:
                width += 1
            elif words or _begins(name, number, column):
                height = below[number][column] if not words or name in _FILLED else 1
                cells.append(LooseCell(words, height, width, name in _HEADERS))
                width = 1
            else:
                width = 1
        yield cells[::-1]


def _begins(name: str, row: int, column: int) -> bool:
    """Whether a cell stands for itself, as does one that is joined to nothing."""
    return name in _FILLED or name == _EMPTY or (name == _LEFT and not column) or (name == _UP and not row)


def _joined_below(rows: list[list[tuple[str, str]]]) -> list[list[int]]:
    """For each cell how many rows it covers: itself and those below that are joined to it."""
    found = [[1] * len(row) for row in rows]
    for number in range(len(rows) - 2, -1, -1):
        below = rows[number + 1]
        for column in range(min(len(rows[number]), len(below))):
            if below[column] == (_UP, ""):
                found[number][column] = 1 + found[number + 1][column]
    return found
