"""Markdown to blocks, HTML and tables of any kind within it included. markdown-it-py takes it apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from string import ascii_letters, digits
from typing import NamedTuple

from markdown_it.rules_block.table import escapedSplit
from markdown_it.token import Token

from vlm_core.structure.block_texts import Findings, clean_lines, with_consistent_lists, without_controls
from vlm_core.structure.captions import with_captions
from vlm_core.structure.html_reader import read_html
from vlm_core.structure.html_tags import WHOLE
from vlm_core.structure.inline_text import is_picture, plain
from vlm_core.structure.markdown_rules import Env, element_ends, is_tag, lowered, parser
from vlm_core.structure.otsl import otsl_as_html
from vlm_core.structure.table_builder import LooseCell, table_of
from vlm_core.types import Block

_DOCUMENTS = ("<!doctype html", "<html", "<body")
_FENCED_PAGES = frozenset({"html", "markdown", "md"})
_DEEPEST_FENCE = 3
# The characters of a language's name; anything else behind a fence is text.
_IN_LANGUAGES = dict.fromkeys(map(ord, ascii_letters + digits + "+-#._"))


class Structure(NamedTuple):
    """What an answer says, block by block, and what is odd about it."""

    blocks: tuple[Block, ...]
    warnings: tuple[str, ...] = ()


def blocks_of(answer: str) -> Structure:
    """A vision model's answer as blocks: Markdown, HTML, or one within the other. Nothing in it is run.

    No text is lost: what cannot be read as a table is a paragraph, with a warning. Scripts are left out,
    with a warning.

    Args:
        answer: freed of what stood around it.

    Example:
        >>> found = blocks_of("# Prices\\n\\n| Tea | 2.00 |\\n|---|---|\\n| Cake | 3.50 |")
        >>> [(block.kind, block.text) for block in found.blocks]
        [('heading', 'Prices'), ('table', 'Tea  2.00\\nCake  3.50')]
    """
    findings = Findings()
    _read(without_controls(answer), findings, 0)
    blocks = with_captions(with_consistent_lists(findings.blocks))
    return Structure(tuple(blocks), tuple(findings.warnings))


def _read(text: str, findings: Findings, depth: int) -> None:
    if text.lstrip()[:20].lower().startswith(_DOCUMENTS):
        read_html(text, findings)
        return
    source = otsl_as_html(text, findings)
    try:
        _Reader(source, findings, depth).read()
    except (ValueError, IndexError, RecursionError) as error:
        findings.warn(f"the answer's Markdown cannot be read ({type(error).__name__}) and is text")
        findings.add("paragraph", text)


@dataclass
class _Reader:
    """Goes through markdown-it's tokens, which are in order, each end a token of its own."""

    source: str
    findings: Findings
    depth: int
    env: Env = field(default_factory=dict)
    _lists: int = 0
    _item: tuple[int, str] | None = None
    """Level and marker of an item whose text is still to come."""
    _heading: int = 0
    _rows: list[list[LooseCell]] | None = None
    """Of the table that is open."""
    _in_head: bool = False
    _row_lines: list[int] = field(default_factory=list)

    def read(self) -> None:
        for token in parser().parse(self.source, self.env):
            if handler := _HANDLERS.get(token.type):
                handler(self, token)

    def _lowered(self) -> str:
        return lowered(self.source, self.env)

    def inline(self, token: Token) -> None:
        children = token.children or []
        if self._rows is not None:
            self._rows[-1].append(LooseCell(plain(children, self._lowered()), is_header=self._in_head))
        elif self._heading:
            self.findings.add("heading", plain(children, self._lowered()), self._heading)
        elif is_picture(children):
            self.findings.add("figure", plain(children, self._lowered()))
        elif any(map(_is_whole, children)) and (start := _first_element(token.content)) >= 0:
            self._parts(token.content, start)
        else:
            self._paragraph(plain(children, self._lowered()))

    def _paragraph(self, text: str) -> None:
        if self._item is not None and text.strip():
            level, marker = self._item
            self._item = None
            self.findings.add("list_item", text, level, marker)
            return
        if _looks_like_rows(text):
            self.findings.warn("what looks like a table is not one in Markdown and is text")
        self.findings.add("paragraph", text)

    def _parts(self, content: str, start: int) -> None:
        """A paragraph with a table or a list of HTML in it: what is before it, itself, what is behind it."""
        before, rest = content[:start], content[start:]
        self._paragraph(plain(parser().parseInline(before)[0].children or [], self._lowered()))
        env: Env = {}
        source = lowered(rest, env)
        tag = next(tag for tag in WHOLE if is_tag(source, 0, tag))
        end = element_ends(source, tag, env).get(0, len(rest))
        read_html(rest[:end], self.findings)
        after = rest[end:]
        if after.strip() and self.depth < _DEEPEST_FENCE:
            _read(after, self.findings, self.depth + 1)
        else:
            self.findings.add("paragraph", after)

    def start_heading(self, token: Token) -> None:
        self._heading = int(token.tag[1:])

    def end_heading(self, token: Token) -> None:
        self._heading = 0

    def start_list(self, token: Token) -> None:
        self._lists += 1

    def end_list(self, token: Token) -> None:
        self._lists -= 1

    def start_item(self, token: Token) -> None:
        self._item = (self._lists, f"{token.info}{token.markup}")

    def end_item(self, token: Token) -> None:
        self._item = None

    def code(self, token: Token) -> None:
        info = token.info.strip()
        is_language = info and not info.translate(_IN_LANGUAGES)
        language, said = (info, token.content) if is_language else ("", f"{info}\n{token.content}")
        if language.lower() in _FENCED_PAGES and self.depth < _DEEPEST_FENCE:
            _read(token.content, self.findings, self.depth + 1)
        else:
            self.findings.add("code", said, marker=language)
        if not said.strip():  # no code, so that what stands behind the fence is all there is
            self.findings.add("paragraph", info)

    def formula(self, token: Token) -> None:
        self.findings.add("formula", token.content)

    def html(self, token: Token) -> None:
        if token.content.lstrip()[:6].lower() == "<table" and "</table" not in token.content.lower():
            self.findings.warn("a table in the answer is cut")
        if token.content.lstrip().startswith("<!--") and "-->" not in token.content:
            self._text_of_a_comment(token.content.lstrip())
        else:
            read_html(token.content, self.findings)

    def _text_of_a_comment(self, content: str) -> None:
        """What stands behind the sign of a comment that never ends is text."""
        if self.depth < _DEEPEST_FENCE:
            _read(f"\\{content}", self.findings, self.depth + 1)
        else:
            self.findings.add("paragraph", content)

    def start_table(self, token: Token) -> None:
        self._rows, self._row_lines = [], []

    def start_head(self, token: Token) -> None:
        self._in_head = True

    def end_head(self, token: Token) -> None:
        self._in_head = False

    def start_row(self, token: Token) -> None:
        assert self._rows is not None
        self._rows.append([])
        self._row_lines.append(token.map[0] if token.map else -1)

    def end_row(self, token: Token) -> None:
        """Cells beyond those of the header, which markdown-it leaves out."""
        assert self._rows is not None
        width, line = len(self._rows[-1]), self._line(self._row_lines[-1])
        if self._in_head or line.count("|") < width:
            return
        extra = _cells(line)[width:]
        while extra and not extra[-1].strip():
            extra.pop()
        if extra:
            self.findings.warn("a row of a table has more cells than its header")
        for text in extra:
            parsed = parser().parseInline(text)[0].children or []
            self._rows[-1].append(LooseCell(plain(parsed, self._lowered())))

    def end_table(self, token: Token) -> None:
        rows, self._rows = self._rows or [], None
        after: list[str] = []
        # Markdown takes any line below a table for a row of it.
        while len(rows) > 1 and len(rows[0]) > 1 and "|" not in self._line(self._row_lines[len(rows) - 1]):
            after.insert(0, rows.pop()[0].text)
        table = table_of(rows)
        if table is None:
            self.findings.warn("a table is too large to be one and is read as text")
            self.findings.add("paragraph", "\n".join("  ".join(cell.text for cell in row) for row in rows))
        else:
            self.findings.add_table(table)
        self.findings.add("paragraph", clean_lines("\n".join(after)))

    def _line(self, number: int) -> str:
        """A line of the source, without the signs of what it is nested in."""
        lines = self.env.setdefault("lines", None) or self.source.split("\n")
        self.env["lines"] = lines
        assert isinstance(lines, list)
        return lines[number].lstrip(" \t>") if 0 <= number < len(lines) else ""


def _cells(line: str) -> list[str]:
    cells = escapedSplit(line.strip())
    if cells and not cells[0].strip():
        cells.pop(0)
    return cells


def _is_whole(token: Token) -> bool:
    source = token.content.lower()
    return token.type == "html_inline" and any(is_tag(source, 0, tag) for tag in WHOLE)


def _first_element(content: str) -> int:
    """Where the first table or list of HTML begins in a paragraph; -1 where there is none."""
    source = lowered(content, {})
    at = source.find("<")
    while at >= 0 and (source[at - 1 : at] == "\\" or not any(is_tag(source, at, tag) for tag in WHOLE)):
        at = source.find("<", at + 1)
    return at


def _looks_like_rows(text: str) -> bool:
    lines = text.split("\n")
    return len(lines) > 1 and sum(line.count("|") >= 2 for line in lines) > 1


_HANDLERS: dict[str, Callable[[_Reader, Token], None]] = {
    "inline": _Reader.inline,
    "heading_open": _Reader.start_heading,
    "heading_close": _Reader.end_heading,
    "bullet_list_open": _Reader.start_list,
    "bullet_list_close": _Reader.end_list,
    "ordered_list_open": _Reader.start_list,
    "ordered_list_close": _Reader.end_list,
    "list_item_open": _Reader.start_item,
    "list_item_close": _Reader.end_item,
    "fence": _Reader.code,
    "formula_block": _Reader.formula,
    "html_block": _Reader.html,
    "table_open": _Reader.start_table,
    "table_close": _Reader.end_table,
    "thead_open": _Reader.start_head,
    "thead_close": _Reader.end_head,
    "tr_open": _Reader.start_row,
    "tr_close": _Reader.end_row,
}
