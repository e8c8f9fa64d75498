"""Blocks as GitHub's Markdown, which reads back as the same blocks."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable

from vlm_core.structure.captions import says_caption
from vlm_core.structure.markdown_escape import escaped_line, escaped_text
from vlm_core.structure.table_markup import as_markdown
from vlm_core.types import Block

_LEAST_FENCE = 3


def to_markdown(blocks: Iterable[Block]) -> str:
    """Blocks as Markdown: pipes for plain tables, HTML where cells span.

    Example:
        >>> print(to_markdown([Block(kind="heading", text="Prices", level=2),
        ...                    Block(kind="list_item", text="Tea", level=1, marker="-"),
        ...                    Block(kind="list_item", text="green", level=2, marker="1.")]))
        ## Prices
        <BLANKLINE>
        - Tea
          1. green
    """
    found = list(blocks)
    text = ""
    indents: list[int] = []
    last: Block | None = None
    for number, block in enumerate(found):
        if block.kind == "list_item":
            indents = indents[: max(1, block.level or 1) - 1]
            written = _item(block, sum(indents))
            indents.append(_width(block))
        else:
            indents = []
            written = _WRITERS.get(block.kind, _paragraph)(block, found, number)
        if not written:
            continue
        text += f"{_between(last, block)}{written}"
        last = block
    return text


def _between(last: Block | None, block: Block) -> str:
    if last is None:
        return ""
    if last.kind != "list_item" or block.kind != "list_item":
        return "\n\n"
    # A number other than 1 begins no list below a line of text.
    number = marker(block)[:-1]
    goes_on = last.level == block.level and marker(last)[-1:] == marker(block)[-1:]
    return "\n" if goes_on or not number.isdecimal() or number == "1" else "\n\n"


def marker(block: Block) -> str:
    """What stands before a list item in Markdown.

    Example:
        >>> [marker(Block(kind="list_item", text="a", marker=said)) for said in ("•", "3.")]
        ['-', '3.']
    """
    said = block.marker
    if said in ("-", "*", "+"):
        return said
    is_number = said[:-1].isascii() and said[:-1].isdecimal() and len(said) <= 10 and said[-1:] in (".", ")")
    return said if is_number else "-"


def _width(block: Block) -> int:
    return len(marker(block)) + 1


def _item(block: Block, indent: int) -> str:
    own = marker(block)
    named = (
        f"{block.marker} "
        if block.marker and own != block.marker and any(map(str.isalnum, block.marker))
        else ""
    )
    lines = _lines(named + block.text)
    after = "\n" + " " * (indent + _width(block))
    return " " * indent + own + " " + after.join(lines)


def _lines(text: str) -> list[str]:
    return [escaped_line(line) for line in text.split("\n")]


def _paragraph(block: Block, found: list[Block], number: int) -> str:
    return "\n".join(_lines(block.text))


def _heading(block: Block, found: list[Block], number: int) -> str:
    line = escaped_text(" ".join(block.text.split("\n")))
    if line.endswith("#") and not line.endswith("\\#"):  # which would be taken for the end of the heading
        line = f"{line[:-1]}\\#"
    return f"{'#' * min(6, max(1, block.level or 1))} {line}"


def _code(block: Block, found: list[Block], number: int) -> str:
    fence = "`" * _LEAST_FENCE
    while fence in block.text:
        fence += "`"
    return f"{fence}{block.marker}\n{block.text}\n{fence}"


def _formula(block: Block, found: list[Block], number: int) -> str:
    start, end = ("\\[", "\\]") if "$$" in block.text else ("$$", "$$")
    return f"{start}\n{block.text}\n{end}"


def _table(block: Block, found: list[Block], number: int) -> str:
    return as_markdown(block.table) if block.table else _paragraph(block, found, number)


def _figure(block: Block, found: list[Block], number: int) -> str:
    return f"![{escaped_line(block.text).replace('[', '&#91;').replace(']', '&#93;')}]()"


def _caption(block: Block, found: list[Block], number: int) -> str:
    near = found[max(0, number - 1) : number] + found[number + 1 : number + 2]
    if says_caption(block.text) and any(one.kind in ("table", "figure") for one in near):
        return _paragraph(block, found, number)
    return _tagged(block, "figcaption")


def _tagged(block: Block, tag: str) -> str:
    return (
        f"<{tag}>{'<br>'.join(html.escape(line, quote=False) for line in block.text.split(chr(10)))}</{tag}>"
    )


_WRITERS: dict[str, Callable[[Block, list[Block], int], str]] = {
    "heading": _heading,
    "code": _code,
    "formula": _formula,
    "table": _table,
    "figure": _figure,
    "caption": _caption,
    "page_header": lambda block, found, number: _tagged(block, "header"),
    "page_footer": lambda block, found, number: _tagged(block, "footer"),
    "footnote": lambda block, found, number: _tagged(block, "footnote"),
}
