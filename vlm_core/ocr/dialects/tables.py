"""Tables in a text, as HTML: those that are HTML already, those of Markdown, and OTSL."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import TypeAlias

_TAG = re.compile(r"<(/?)table\b", re.IGNORECASE)
# Characters in which an end tag must close.
_LONGEST_END = 80
_CELL_EDGE = re.compile(r"(?<!\\)\|")


def tables_in(text: str) -> tuple[str, ...]:
    """The tables of a text in their order, as HTML; one that was cut is left out.

    Example:
        >>> tables_in("Prices:\\n\\n| Tea | 2.00 |\\n|---|---|\\n| Cake | 3.50 |")
        ('<table><tr><th>Tea</th><th>2.00</th></tr><tr><td>Cake</td><td>3.50</td></tr></table>',)
    """
    found = [*_html_tables(text), *_pipe_tables(text)]
    return tuple(table for _, table in sorted(found))


def _html_tables(text: str) -> Iterator[tuple[int, str]]:
    depth = start = 0
    for tag in _TAG.finditer(text):
        if not tag[1]:
            start = start if depth else tag.start()
            depth += 1
        elif depth:
            depth -= 1
            if not depth and (end := text.find(">", tag.end(), tag.end() + _LONGEST_END)) >= 0:
                yield start, text[start : end + 1]


def _pipe_tables(text: str) -> Iterator[tuple[int, str]]:
    lines = text.split("\n")
    position = start = 0
    rows: list[list[str]] = []
    for number, line in enumerate(lines):
        if rows and "|" in line:
            rows.append(_cells(line))
        elif "|" in line and number + 1 < len(lines) and _is_rule(lines[number + 1]):
            start, rows = position, [_cells(line)]
        elif rows:
            yield start, _of_rows(rows)
            rows = []
        position += len(line) + 1
    if rows:
        yield start, _of_rows(rows)


def _is_rule(line: str) -> bool:
    return "-" in line and "|" in line and set(line) <= set("|-: \t")


def _cells(line: str) -> list[str]:
    return [cell.strip().replace("\\|", "|") for cell in _CELL_EDGE.split(line.strip().strip("|"))]


def _of_rows(rows: list[list[str]]) -> str:
    head, _, *body = rows
    return "<table>" + _row(head, "th") + "".join(_row(row, "td") for row in body) + "</table>"


def _row(cells: list[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell, quote=False)}</{tag}>" for cell in cells) + "</tr>"


_OTSL = re.compile(r"(<(?:fcel|ecel|lcel|ucel|xcel|nl)>)")
_CUT_TOKEN = re.compile(r"<(?:[felux]?(?:c(?:el?)?)?|nl?)?\Z")
_STARTS = ("<fcel>", "<ecel>")
_JOINED_LEFT, _JOINED_UP, _ROW_END = "<lcel>", "<ucel>", "<nl>"
# The token of a cell, and the words in it.
_Cell: TypeAlias = tuple[str, str]


def without_otsl(text: str) -> str:
    """A text with its table in OTSL, if it has one, as HTML.

    OTSL names a cell that is filled <fcel>, empty <ecel>, joined to its left <lcel>, to the one above
    <ucel>, to both <xcel>, and ends a row with <nl> (arXiv 2305.03393).

    Example:
        >>> without_otsl("<fcel>Tea & Cake<lcel><nl><fcel>2.00<ecel><nl>")
        '<table><tr><td colspan="2">Tea &amp; Cake</td></tr><tr><td>2.00</td><td></td></tr></table>'
    """
    before, *parts = _OTSL.split(text)
    if not parts:
        return text
    parts[-1] = _CUT_TOKEN.sub("", parts[-1])
    rows: list[list[_Cell]] = [[]]
    after = ""
    for token, words in zip(parts[::2], parts[1::2], strict=True):
        if token == _ROW_END:
            rows.append([])
            after += words
        else:
            rows[-1].append((token, words.strip()))
    table = _of_otsl([row for row in rows if row])
    return "\n\n".join(part.strip() for part in (before, table, after) if part.strip())


def _of_otsl(rows: list[list[_Cell]]) -> str:
    body = "".join(f"<tr>{''.join(_otsl_cells(rows, number))}</tr>" for number in range(len(rows)))
    return f"<table>{body}</table>" if rows else ""


def _otsl_cells(rows: list[list[_Cell]], number: int) -> Iterator[str]:
    for column, (token, words) in enumerate(rows[number]):
        if not words and not _begins(token, number, column):
            continue
        spans = {
            "rowspan": 1 + _joined(rows, number + 1, column, _JOINED_UP),
            "colspan": 1 + _joined(rows, number, column + 1, _JOINED_LEFT),
        }
        attributes = "".join(f' {name}="{span}"' for name, span in spans.items() if span > 1)
        yield f"<td{attributes}>{html.escape(words, quote=False)}</td>"


def _begins(token: str, number: int, column: int) -> bool:
    """Whether a cell stands for itself, as does one that is joined to nothing."""
    return token in _STARTS or (token, column) == (_JOINED_LEFT, 0) or (token, number) == (_JOINED_UP, 0)


def _joined(rows: list[list[_Cell]], number: int, column: int, token: str) -> int:
    """How many cells, from here on downwards or to the right, are joined to the one before them."""
    length = 0
    while number < len(rows) and column < len(rows[number]) and rows[number][column] == (token, ""):
        length += 1
        number, column = (number + 1, column) if token == _JOINED_UP else (number, column + 1)
    return length
