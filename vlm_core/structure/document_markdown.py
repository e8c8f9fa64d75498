"""A document's blocks as Markdown, with or without its page furniture."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from vlm_core.errors import ConfigError
from vlm_core.structure.joined_tables import joined, tables_of
from vlm_core.structure.markdown_writer import to_markdown
from vlm_core.types import Block, Furniture

_KINDS = frozenset({"page_header", "page_footer"})


def markdown_of(blocks: Iterable[Block], furniture: Furniture) -> str:
    """The blocks of a document as Markdown; a table that goes on over pages stands where it begins, whole.

    Raises:
        ConfigError: `furniture` is not known.
    """
    if furniture not in get_args(Furniture):
        known = ", ".join(get_args(Furniture))
        raise ConfigError(f"furniture={furniture!r} is not known", hint=f"It is one of {known}.")
    return to_markdown(_shown(list(blocks), furniture)) + "\n"


def _shown(blocks: list[Block], furniture: Furniture) -> Iterator[Block]:
    whole = {id(parts[0]): joined(parts) for parts in tables_of(blocks)}
    for block in blocks:
        if block.table is not None and block.continues:
            continue
        if id(block) in whole:
            yield block.model_copy(update={"table": whole[id(block)]})
        elif block.kind not in _KINDS or furniture == "mark":
            yield block
        elif furniture == "keep":
            yield block.model_copy(update={"kind": "paragraph"})
