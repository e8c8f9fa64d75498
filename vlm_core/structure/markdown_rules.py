"""How Markdown is read: CommonMark with tables, and what answers of vision models need besides.

HTML elements are whole even where a blank line is in them, formulas are left as they are, and what is
nested too deep is text, for markdown-it passes over it. Indented text is not code: answers keep a page's
indents. Lines such as "[1]: see below" are text and define no links.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, MutableMapping
from functools import lru_cache, partial
from typing import Any, TypeAlias

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, blockquote, list_block, table
from markdown_it.rules_inline import StateInline

from vlm_core.structure.html_tags import WHOLE
from vlm_core.structure.markdown_escape import formula_end
from vlm_core.structure.table_builder import MOST_COLUMNS

DEEPEST = 30
"""Levels of lists and quotations within each other; what is deeper is text."""
LONGEST_FORMULA_BLOCK = 20_000
_ASCII_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
_INTERRUPTING: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
Env: TypeAlias = MutableMapping[str, Any]
"""What is found out of a text during one parse."""
_BlockRule: TypeAlias = Callable[[StateBlock, int, int, bool], bool]


@lru_cache(maxsize=1)
def parser() -> MarkdownIt:
    """The parser, made once; it keeps nothing of what it parses."""
    made = MarkdownIt("commonmark", {"html": True, "maxNesting": DEEPEST + 10})
    made.enable(["table", "strikethrough"]).disable(["code", "reference"])
    made.block.ruler.before("table", "whole_element", _whole_element, _INTERRUPTING)
    made.block.ruler.before("table", "formula_block", _formula_block, _INTERRUPTING)
    made.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})
    made.block.ruler.at("blockquote", partial(_bounded, blockquote), _INTERRUPTING)
    made.block.ruler.at("list", partial(_bounded, list_block), _INTERRUPTING)
    made.inline.ruler.before("escape", "formula", _formula)
    made.normalizeLink = _as_is  # type: ignore[assignment,method-assign]  # an address is shown as the page has it
    return made


def _as_is(address: str) -> str:
    return address


def _bounded(rule: _BlockRule, state: StateBlock, start: int, end: int, silent: bool) -> bool:
    return state.level < DEEPEST and rule(state, start, end, silent)


def _table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, unless it has more columns than a table has: cells take far longer than text."""
    below = slice(state.bMarks[start + 1], state.eMarks[start + 1]) if start + 1 < end else slice(0)
    return state.src[below].count("|") <= MOST_COLUMNS and table(state, start, end, silent)


def _formula(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] not in "$\\":
        return False
    end = formula_end(state.src, state.pos, state.posMax)
    if not end:
        return False
    if not silent:
        state.push("text", "", 0).content = state.src[state.pos : end]
    state.pos = end
    return True


def _formula_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A formula whose signs stand at the beginning of a line and at the end of one."""
    first = state.bMarks[start] + state.tShift[start]
    closing = {"$$": "$$", "\\[": "\\]"}.get(state.src[first : first + 2])
    if closing is None:
        return False
    at = state.src.find(closing, first + 2, min(state.eMarks[end - 1], first + LONGEST_FORMULA_BLOCK))
    if at < 0 or not state.src[first + 2 : at].strip():
        return False
    last = bisect_left(state.eMarks, at + 2)
    if last >= end or state.src[at + 2 : state.eMarks[last]].strip():
        return False
    return silent or _push(state, "formula_block", start, last + 1)


def _whole_element(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    first = state.bMarks[start] + state.tShift[start]
    if state.src[first : first + 1] != "<":
        return False
    source = lowered(state.src, state.env)
    tag = next((tag for tag in WHOLE if is_tag(source, first, tag)), None)
    if tag is None:
        return False
    if silent:
        return True
    closed = element_ends(source, tag, state.env).get(first)
    stop = _cut_end(state, start, end) if closed is None else min(end, bisect_left(state.eMarks, closed) + 1)
    return _push(state, "html_block", start, stop)


def _push(state: StateBlock, kind: str, start: int, stop: int) -> bool:
    token = state.push(kind, "", 0)
    token.map = [start, stop]
    token.content = state.getLines(start, stop, state.blkIndent, True)
    state.line = stop
    return True


def _cut_end(state: StateBlock, start: int, end: int) -> int:
    """The line behind an element that is never closed: blank lines are in it where a tag follows."""
    line = start + 1
    while line < end:
        if state.isEmpty(line) and not _tag_follows(state, line, end):
            return line
        line += 1
    return end


def _tag_follows(state: StateBlock, line: int, end: int) -> bool:
    while line < end and state.isEmpty(line):
        line += 1
    return line < end and state.src.startswith("<", state.bMarks[line] + state.tShift[line])


def lowered(source: str, env: Env) -> str:
    """A text with ASCII's letters in lower case, as long as it was; made once for each parse."""
    found = env.get("lowered")
    if not isinstance(found, str) or len(found) != len(source):
        env["lowered"] = found = source.lower() if source.isascii() else source.translate(_ASCII_LOWER)
    return found


def is_tag(source: str, at: int, tag: str) -> bool:
    """Whether this tag begins at a place of a text in lower case.

    Example:
        >>> is_tag("<ul class='a'>", 0, "ul"), is_tag("<ultra>", 0, "ul")
        (True, False)
    """
    after = at + 1 + len(tag)
    return source.startswith(tag, at + 1) and source[after : after + 1] in ("", " ", ">", "\n", "\t", "/")


def element_ends(source: str, tag: str, env: Env) -> dict[int, int]:
    """Where each element of this tag ends, by the place where it begins; found once for each parse.

    Example:
        >>> element_ends("<table>a<table>b</table></table>c", "table", {})
        {8: 24, 0: 32}
    """
    known = env.get(f"ends of {tag}")
    if not isinstance(known, dict):
        env[f"ends of {tag}"] = known = _element_ends(source, tag)
    return known


def _element_ends(source: str, tag: str) -> dict[int, int]:
    found: dict[int, int] = {}
    opened: list[int] = []
    start, end = source.find(f"<{tag}"), source.find(f"</{tag}")
    while end >= 0:
        if 0 <= start < end:
            if is_tag(source, start, tag):
                opened.append(start)
            start = source.find(f"<{tag}", start + 1)
            continue
        closed = source.find(">", end)
        if opened and closed >= 0:
            found[opened.pop()] = closed + 1
        end = source.find(f"</{tag}", end + 1)
    return found
