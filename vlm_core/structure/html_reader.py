"""HTML to blocks. lxml takes it apart, event by event, so that no depth of nesting matters; nothing runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vlm_core.structure.block_texts import Findings, cell_text, one_line, without_controls
from vlm_core.structure.html_tags import BREAKING, CELLS, HEADINGS, KINDS, KNOWN, LISTS, SCRIPTS, UNSEEN
from vlm_core.structure.table_builder import LooseCell, table_of

# Characters of a tag's name that are looked at.
_LONGEST_NAME = 20
# As a rowspan: to the end of the table.
_WHOLE_TABLE = 0


def read_html(html: str, findings: Findings) -> None:
    """Add the blocks of a piece of HTML, whole or broken, to what was found so far.

    Example:
        >>> findings = Findings()
        >>> read_html("<h2>Prices</h2><table><tr><td>Tea<td>2.00</table>", findings)
        >>> [(block.kind, block.text) for block in findings.blocks]
        [('heading', 'Prices'), ('table', 'Tea  2.00')]
    """
    from lxml import etree

    if not html.strip():
        return
    source = _with_text_at_its_end(without_controls(html))
    reader = _Reader(findings, source.lower())
    parser = etree.HTMLParser(target=reader, huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        parser.feed(source)
        parser.close()
    except etree.LxmlError:  # of a document without a single element
        reader.close()
    reader.finish()


def _with_text_at_its_end(html: str) -> str:
    """HTML in which what looks like a tag and is none, and is never closed, is text."""
    comment = html.find("<!--", html.rfind("-->") + 1)
    if comment >= 0:
        html = f"{html[:comment]}&lt;{html[comment + 1 :].replace('<!--', '&lt;!--')}"
    at = html.rfind("<")
    name = html[at + 1 : at + 1 + _LONGEST_NAME].lstrip("/").lower()
    bare, _, attributes = name.partition(" ")
    is_cut_tag = any(tag.startswith(bare) for tag in KNOWN) and (not attributes or "=" in html[at:])
    if at < 0 or ">" in html[at:] or is_cut_tag or html.startswith("<!", at):
        return html
    return f"{html[:at]}&lt;{html[at + 1 :]}"


@dataclass
class _OpenTable:
    rows: list[list[LooseCell]] = field(default_factory=list)
    cell: _OpenCell | None = None
    head_depth: int = 0
    stray: list[str] = field(default_factory=list)
    """Text that stands in no cell."""


@dataclass
class _OpenCell:
    is_header: bool
    row_span: int
    column_span: int
    text: list[str] = field(default_factory=list)


@dataclass
class _List:
    number: int | None
    """Of the next item; None where items have no numbers."""


@dataclass
class _Reader:
    """Takes lxml's events. What is open is kept on stacks: nothing here calls itself."""

    findings: Findings
    source: str
    """In lower case."""
    _text: list[str] = field(default_factory=list)
    _kinds: list[str] = field(default_factory=list)
    """The open tags that say what the text in them is."""
    _lists: list[_List] = field(default_factory=list)
    _tables: list[_OpenTable] = field(default_factory=list)
    _item: tuple[int, str] | None = None
    """Level and marker of an item whose text is still to come."""
    _unseen: int = 0
    _links: list[tuple[str, int]] = field(default_factory=list)

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag in UNSEEN:
            self._unseen += 1
            if tag in SCRIPTS:
                self.findings.warn(f"a <{tag}> in the answer is left out")
        if self._unseen:
            return
        if tag in BREAKING:
            self._break()
        if tag in KINDS:
            self._kinds.append(tag)
        if opening := _OPENINGS.get(tag):
            opening(self, tag, attributes)
        elif tag not in KNOWN and f"</{tag}" not in self.source:
            self.data(f"<{tag}>" if not attributes else f"<{' '.join([tag, *attributes])}>")

    def end(self, tag: str) -> None:
        if tag in UNSEEN:
            self._unseen -= 1
            return
        if self._unseen:
            return
        if tag in BREAKING:
            self._break()
        if tag in KINDS and tag in self._kinds[-1:]:
            self._kinds.pop()
        if closing := _CLOSINGS.get(tag):
            closing(self)

    def data(self, text: str) -> None:
        if self._unseen:
            return
        if self._tables and self._tables[-1].cell:
            self._tables[-1].cell.text.append(text if self._is_code() else text.replace("\n", " "))
        elif self._tables and not self._kinds_are_of_a_caption():
            self._tables[-1].stray.append(text)
        else:
            self._text.append(text if self._is_code() else text.replace("\n", " "))

    def close(self) -> None:
        """As lxml wants it; `finish` ends what is still open."""

    def finish(self) -> None:
        while self._tables:
            self.end_table()
        self._break()

    def _is_code(self) -> bool:
        return self._kinds[-1:] == ["pre"]

    def _kinds_are_of_a_caption(self) -> bool:
        return bool(self._kinds) and KINDS[self._kinds[-1]] == "caption"

    def _break(self) -> None:
        """Where a block ends; within a cell it is a line that does."""
        if self._tables and self._tables[-1].cell:
            self._tables[-1].cell.text.append("\n")
            return
        text, self._text = "".join(self._text), []
        if not text.strip():
            return
        tag = self._kinds[-1] if self._kinds else ""
        kind = KINDS.get(tag, "paragraph")
        if kind == "list_item":
            self._add_item(text)
        else:
            self.findings.add(kind, text if kind == "code" else cell_text(text), HEADINGS.get(tag))

    def _add_item(self, text: str) -> None:
        """The text of an item; what comes after other blocks in it is a paragraph of its own."""
        if self._item is None:
            self.findings.add("paragraph", cell_text(text))
            return
        level, marker = self._item
        self._item = None
        self.findings.add("list_item", cell_text(text), level, marker)

    def start_list(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._lists.append(_List(_number(attributes.get("start"), 1) if tag == "ol" else None))

    def end_list(self) -> None:
        if self._lists:
            self._lists.pop()

    def start_item(self, tag: str, attributes: Mapping[str, str]) -> None:
        within = self._lists[-1] if self._lists else _List(None)
        marker = "-"
        if within.number is not None:
            within.number = _number(attributes.get("value"), within.number)
            marker, within.number = f"{within.number}.", within.number + 1
        self._item = (max(1, len(self._lists)), marker)

    def end_item(self) -> None:
        self._item = None

    def start_table(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._tables:
            self.findings.warn("a table within a table is read as text")
        self._tables.append(_OpenTable())

    def end_table(self) -> None:
        if not self._tables:
            return
        self._end_cell()
        ended = self._tables.pop()
        if stray := one_line(" ".join(ended.stray)):
            self.findings.warn("text that stands in a table and in none of its cells is a paragraph")
        if self._tables:
            outer = self._tables[-1]
            text = "\n".join([*([stray] if stray else []), *map(_as_line, ended.rows)])
            (outer.cell.text if outer.cell else outer.stray).append(f"\n{text}\n")
            return
        self.findings.add("paragraph", stray)
        table = table_of(ended.rows)
        if table is not None:
            self.findings.add_table(table)
            return
        self.findings.warn("a table is too large to be one and is read as text")
        self.findings.add("paragraph", "\n".join(map(_as_line, ended.rows)))

    def start_head(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._tables:
            self._tables[-1].head_depth += 1

    def end_head(self) -> None:
        if self._tables:
            self._tables[-1].head_depth -= 1

    def start_row(self, tag: str, attributes: Mapping[str, str]) -> None:
        if not self._tables:
            self._tables.append(_OpenTable())
        self._end_cell()
        self._tables[-1].rows.append([])

    def start_cell(self, tag: str, attributes: Mapping[str, str]) -> None:
        if not self._tables:
            self._break()
            self._tables.append(_OpenTable())
        table = self._tables[-1]
        self._end_cell()
        if not table.rows:
            table.rows.append([])
        rows = _number(attributes.get("rowspan"), 1)
        table.cell = _OpenCell(
            is_header=tag == "th" or table.head_depth > 0,
            row_span=2**16 if rows == _WHOLE_TABLE else rows,
            column_span=max(1, _number(attributes.get("colspan"), 1)),
        )

    def _end_cell(self) -> None:
        table = self._tables[-1] if self._tables else None
        if table and table.cell:
            cell, table.cell = table.cell, None
            table.rows[-1].append(
                LooseCell("".join(cell.text), cell.row_span, cell.column_span, cell.is_header)
            )

    def line_break(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._tables and self._tables[-1].cell:
            self._tables[-1].cell.text.append("\n")
        else:
            self._text.append("\n")

    def picture(self, tag: str, attributes: Mapping[str, str]) -> None:
        """A picture within a text is its description; one that stands alone is a figure."""
        described = one_line(attributes.get("alt") or "")
        if self._tables or "".join(self._text).strip() or self._item or self._kinds:
            self.data(f" {described} ")
        else:
            self.findings.add("figure", described)

    def start_link(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._links.append((attributes.get("href") or "", len(self._text)))

    def end_link(self) -> None:
        if not self._links:
            return
        target, start = self._links.pop()
        if says_more(target, "".join(self._text[start:])):
            self.data(f" ({target})")

    def mark(self, tag: str, attributes: Mapping[str, str]) -> None:
        """The state of a check box or a radio button, or what an input holds."""
        if attributes.get("type", "") in ("checkbox", "radio"):
            self.data("[x] " if "checked" in attributes else "[ ] ")
        elif attributes.get("type", "") != "hidden":
            self.data(f" {attributes.get('value') or ''} ")


_OPENINGS = {
    **dict.fromkeys(LISTS, _Reader.start_list),
    **dict.fromkeys(CELLS, _Reader.start_cell),
    "li": _Reader.start_item,
    "table": _Reader.start_table,
    "thead": _Reader.start_head,
    "tr": _Reader.start_row,
    "br": _Reader.line_break,
    "img": _Reader.picture,
    "a": _Reader.start_link,
    "input": _Reader.mark,
}
_CLOSINGS = {
    **dict.fromkeys(LISTS, _Reader.end_list),
    **dict.fromkeys(CELLS, _Reader._end_cell),
    "li": _Reader.end_item,
    "table": _Reader.end_table,
    "thead": _Reader.end_head,
    "tr": _Reader._end_cell,
    "a": _Reader.end_link,
}


def says_more(target: str, text: str) -> bool:
    """Whether a link's address says what its text does not.

    Example:
        >>> says_more("https://a.org", "here"), says_more("mailto:me@a.org", "me@a.org")
        (True, False)
    """
    bare = target.partition(":")[2].strip("/")
    is_address = target.lower().startswith(("http:", "https:", "mailto:", "ftp:", "tel:"))
    return is_address and bool(bare) and bare not in text


def _as_line(row: list[LooseCell]) -> str:
    return "  ".join(one_line(cell.text) for cell in row if cell.text.strip())


def _number(text: str | None, otherwise: int) -> int:
    """A number from an attribute, as far as it is one."""
    if text is None:
        return otherwise
    digits = text.strip()[:6]
    return int(digits) if digits.isascii() and digits.isdecimal() else otherwise
