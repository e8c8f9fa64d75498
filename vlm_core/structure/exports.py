"""Blocks as plain text and as HTML."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Iterator, Sequence

from vlm_core.structure.markdown_writer import marker
from vlm_core.types import Block

_TAGS = {
    "paragraph": "p",
    "caption": "figcaption",
    "page_header": "header",
    "page_footer": "footer",
    "footnote": "footnote",
}


def to_text(blocks: Iterable[Block]) -> str:
    """Blocks as plain text: a blank line between two, none between the items of a list.

    Example:
        >>> print(to_text([Block(kind="heading", text="Prices", level=1),
        ...                Block(kind="list_item", text="Tea", level=1, marker="-"),
        ...                Block(kind="list_item", text="Cake", level=1, marker="-")]))
        Prices
        <BLANKLINE>
        - Tea
        - Cake
    """
    text = ""
    last: Block | None = None
    for block in blocks:
        if not block.text:
            continue
        in_list = last is not None and last.kind == block.kind == "list_item"
        text += f"{'' if last is None else chr(10) if in_list else chr(10) * 2}{plain(block)}"
        last = block
    return text


def plain(block: Block) -> str:
    """A block as plain text: a list item with its marker, indented by its level."""
    if block.kind != "list_item":
        return block.text
    indent = "  " * ((block.level or 1) - 1)
    named = f"{block.marker} " if block.marker else ""
    return f"{indent}{named}{block.text}"


def to_html(blocks: Iterable[Block], title: str = "") -> str:
    """Blocks as a page of HTML, with all that they say escaped. It needs nothing else, and runs nothing.

    Args:
        blocks: in reading order.
        title: of the page.

    Example:
        >>> page = to_html([Block(kind="heading", text="Tea & Cake", level=2)], title="a.png")
        >>> "<title>a.png</title>" in page, "<h2>Tea &amp; Cake</h2>" in page
        (True, True)
    """
    return html_page([("", blocks)], title)


def html_page(documents: Iterable[tuple[str, Iterable[Block]]], title: str = "") -> str:
    """Documents as one page of HTML, each in an article of its own behind its name, if it has one.

    Args:
        documents: the name and the blocks of each.
        title: of the page.
    """
    body = "\n".join(line for name, blocks in documents for line in _article(name, blocks))
    head = f'<meta charset="utf-8">\n<title>{html.escape(title)}</title>'
    return f"<!DOCTYPE html>\n<html>\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n"


def table_of_rows(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows of text as a table of HTML, all of it escaped.

    Args:
        head: the names of the columns.
        rows: as many texts in each.

    Example:
        >>> table_of_rows(["page"], [["1 < 2"]])
        '<table><tr><th>page</th></tr><tr><td>1 &lt; 2</td></tr></table>'
    """
    lines = [_row(head, "th"), *(_row(row, "td") for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _row(cells: Iterable[str], tag: str) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell, quote=False)}</{tag}>' for cell in cells)}</tr>"


def _article(name: str, blocks: Iterable[Block]) -> Iterator[str]:
    yield "<article>"
    if name:
        yield f"<p><em>{html.escape(name, quote=False)}</em></p>"
    yield from _lists_and_blocks(blocks)
    yield "</article>"


def _lists_and_blocks(blocks: Iterable[Block]) -> Iterable[str]:
    """Each block on a line of its own, lists opened and closed where their items begin and end."""
    opened: list[str] = []
    for block in blocks:
        if block.kind != "list_item":
            yield from (f"</{tag}>" for tag in reversed(opened))
            opened = []
            yield _WRITERS.get(block.kind, _tagged)(block)
            continue
        tag = "ul" if marker(block) in ("-", "*", "+") else "ol"
        level = block.level or 1
        while len(opened) > level or (len(opened) == level and opened[-1] != tag):
            yield f"</{opened.pop()}>"
        while len(opened) < level:
            opened.append(tag)
            yield f"<{tag}>"
        yield _item(block, tag)
    yield from (f"</{tag}>" for tag in reversed(opened))


def _escaped(text: str) -> str:
    return html.escape(text, quote=False).replace("\n", "<br>")


def _item(block: Block, tag: str) -> str:
    if tag == "ol":
        return f'<li value="{int(marker(block)[:-1])}">{_escaped(block.text)}</li>'
    is_named = any(map(str.isalnum, block.marker))
    return f"<li>{_escaped(f'{block.marker} {block.text}' if is_named else block.text)}</li>"


def _tagged(block: Block) -> str:
    tag = _TAGS.get(block.kind, "p")
    return f"<{tag}>{_escaped(block.text)}</{tag}>"


def _heading(block: Block) -> str:
    level = min(6, max(1, block.level or 1))
    return f"<h{level}>{_escaped(block.text)}</h{level}>"


_WRITERS: dict[str, Callable[[Block], str]] = {
    "heading": _heading,
    "table": lambda block: block.table.to_html() if block.table else _tagged(block),
    "code": lambda block: f"<pre>{html.escape(block.text, quote=False)}</pre>",
    "formula": lambda block: f"<p>$${html.escape(block.text, quote=False)}$$</p>",
    "figure": lambda block: f'<figure><img alt="{html.escape(block.text)}"></figure>',
}
