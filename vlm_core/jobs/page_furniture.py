"""Pages without their page headers and page footers, or with these as text like any other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from vlm_core.ocr.hyphens import dehyphenate
from vlm_core.ocr.layout import text_of_page
from vlm_core.structure.evidence_boxes import with_text
from vlm_core.structure.exports import to_text
from vlm_core.structure.found_blocks import renumbered
from vlm_core.structure.markdown_writer import to_markdown
from vlm_core.types import Block, BlockKind, DocumentResult, PageResult, TextLine

if TYPE_CHECKING:
    from vlm_core.jobs.page_job import ReadOptions

_KINDS: frozenset[BlockKind] = frozenset({"page_header", "page_footer"})


def with_furniture(document: DocumentResult, options: ReadOptions) -> Iterator[PageResult]:
    """The pages of a document, what stands at the edge of several of them dropped or kept as `options` say.

    Args:
        document: all of its pages, for they tell together what their headers and footers are.
        options: with `furniture`, and what the pages' texts are to look like.
    """
    blocks = {
        number: list(group) for number, group in groupby(document.blocks, key=lambda block: block.page_number)
    }
    for page in document.pages:
        fields = _changed(page, blocks.get(page.page_number, []), options)
        moved = with_text(page, fields["text"]) if "text" in fields else page
        changed = moved.model_copy(update={**fields, "furniture": options.furniture})
        changed.__dict__.pop("blocks", None)  # those of the page as it was
        yield changed


def _changed(page: PageResult, blocks: Sequence[Block], options: ReadOptions) -> dict[str, Any]:
    """The fields of a page that are others without its furniture, or with it as paragraphs."""
    if not any(block.kind in _KINDS for block in blocks):
        return {}
    is_drawn = bool(page.lines) and _drawn(page.lines, page.found, page.engine, options) == page.text
    if options.furniture == "keep":
        # Of lines, the text has all there is; of a model's answer, with the marks that the model gave.
        return {} if is_drawn else {"text": _written(map(_as_paragraph, blocks), options)}
    gone = {number for block in blocks if block.kind in _KINDS for number in block.lines}
    left = [number for number in range(len(page.lines)) if number not in gone]
    lines = tuple(page.lines[number] for number in left)
    body = [block for block in blocks if block.kind not in _KINDS]
    found = tuple(renumbered(page.found, {number: place for place, number in enumerate(left)}))
    text = _drawn(lines, found, page.engine, options) if is_drawn else _written(body, options)
    return {"text": text, "lines": lines, "found": found}


def _as_paragraph(block: Block) -> Block:
    return block.model_copy(update={"kind": "paragraph"}) if block.kind in _KINDS else block


def _drawn(lines: Sequence[TextLine], found: Sequence[Block], engine: str, options: ReadOptions) -> str:
    text = text_of_page(options.task, lines, found, "pdf" if engine == "pdf" else "ocr")
    return dehyphenate(text) if options.joins_words else text


def _written(blocks: Iterable[Block], options: ReadOptions) -> str:
    return to_text(blocks) if options.task == "text" else to_markdown(blocks)
