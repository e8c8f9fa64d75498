"""The text of blocks: cleaned lines, and blocks that are well-formed together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from vlm_core.structure.table_grid import plain_text
from vlm_core.types import Block, BlockKind, Table

DEEPEST_HEADING = 6
_CONTROLS = {
    code: " " for code in (*range(32), 127, *range(0x80, 0xA0), 0x2028, 0x2029) if code not in (9, 10)
}
_BROKEN = dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}")
_FURNITURE: frozenset[BlockKind] = frozenset({"page_header", "page_footer"})


@dataclass
class Findings:
    """Blocks as they are found in an answer, and what is odd about it."""

    blocks: list[Block] = field(default_factory=list)
    warnings: dict[str, None] = field(default_factory=dict)
    """Each once, in order."""

    def warn(self, what: str) -> None:
        self.warnings[what] = None

    def add(self, kind: BlockKind, text: str, level: int | None = None, marker: str = "") -> None:
        """Add a block, unless it has no text."""
        cleaned = _CLEANERS.get(kind, clean_lines)(text)
        if cleaned or kind == "figure":
            self.blocks.append(Block(kind=kind, text=cleaned, level=level, marker=marker))

    def add_table(self, table: Table) -> None:
        """Add a table, unless all its cells are empty."""
        if text := plain_text(table):
            self.blocks.append(Block(kind="table", text=text, table=table))


def without_controls(text: str) -> str:
    """A text whose control characters are spaces and whose line ends are line feeds.

    Example:
        >>> without_controls("a\\r\\nb\\x00c")
        'a\\nb c'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text if text.isascii() and text.isprintable() else text.translate(_CONTROLS).translate(_BROKEN)


def clean_lines(text: str) -> str:
    """Lines without blanks around them, empty ones left out.

    Example:
        >>> clean_lines("  a  b \\n\\n c")
        'a  b\\nc'
    """
    return "\n".join(stripped for line in text.split("\n") if (stripped := line.strip()))


def one_line(text: str) -> str:
    """A text on one line, each run of blanks a space."""
    return " ".join(text.split())


def cell_text(text: str) -> str:
    """Lines without blanks around them, each run of blanks within a space.

    Example:
        >>> cell_text(" a  b \\n\\n c")
        'a b\\nc'
    """
    if "\n" not in text:
        return one_line(text)
    return "\n".join(line for part in text.split("\n") if (line := one_line(part)))


def _clean_code(text: str) -> str:
    return text.rstrip().lstrip("\n")


def _clean_formula(text: str) -> str:
    """A formula without the signs around it, and without blank lines."""
    bare = clean_lines(text)
    for start, end in (("$$", "$$"), ("\\[", "\\]"), ("$", "$")):
        if len(bare) > len(start + end) and bare.startswith(start) and bare.endswith(end):
            return clean_lines(bare[len(start) : -len(end)])
    return bare


_CLEANERS = {"heading": one_line, "code": _clean_code, "formula": _clean_formula, "figure": one_line}


def with_consistent_lists(blocks: Iterable[Block]) -> Iterator[Block]:
    """Blocks in which a list begins at level 1, and no item is more than one level below the last one.

    Example:
        >>> deep = Block(kind="list_item", text="a", level=3)
        >>> [block.level for block in with_consistent_lists([deep, deep])]
        [1, 2]
    """
    last = 0
    for block in blocks:
        if block.kind != "list_item":
            last = last if block.kind in _FURNITURE else 0
            yield block
            continue
        level = max(1, min(block.level or 1, last + 1))
        last = level
        yield block if level == block.level else block.model_copy(update={"level": level})
