"""The blocks of pages, whatever they were read by: from lines, or from a model's answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from vlm_core.structure.block_texts import with_consistent_lists
from vlm_core.structure.evidence_boxes import with_evidence_boxes
from vlm_core.structure.joined_tables import with_continued_tables
from vlm_core.structure.line_blocks import PageLines, blocks_of_pages
from vlm_core.structure.markdown_reader import blocks_of
from vlm_core.types import Block, Origin, PageResult, PageState

_OF_A_PDF = "pdf"


def blocks_of_page(page: PageResult) -> tuple[Block, ...]:
    """The blocks of a page, judged by itself."""
    return tuple(_of_pages([page])[0])


def blocks_of_document(pages: Sequence[PageResult]) -> tuple[Block, ...]:
    """The blocks of all pages of a document, each judged by what stands on the others too."""
    return tuple(with_continued_tables(block for blocks in _of_pages(pages) for block in blocks))


def _of_pages(pages: Sequence[PageResult]) -> list[list[Block]]:
    from_lines = [page for page in pages if not _is_answer(page)]
    made = iter(blocks_of_pages([_lines(page) for page in from_lines]))
    return [_of_answer(page) if _is_answer(page) else next(made) for page in pages]


def _is_answer(page: PageResult) -> bool:
    """Whether a model gave the page or a person corrected it: its text has the structure."""
    return bool(page.raw) or not page.lines or page.corrected


def _lines(page: PageResult) -> PageLines:
    origin: Origin = "pdf" if page.engine.startswith(_OF_A_PDF) else "ocr"
    return PageLines(page.lines, origin, page.found, page.page_number, page.furniture == "mark")


def _of_answer(page: PageResult) -> list[Block]:
    """Blocks of a model's answer, with boxes where its words were found on the page, or the model's own."""
    blocks = _as_answered(page)
    return with_evidence_boxes(blocks, page) if page.evidence else blocks


def _as_answered(page: PageResult) -> list[Block]:
    """Blocks of a model's answer; a line of it that has a box gives this box to what it says."""
    if page.state is PageState.FAILED or not page.text.strip():
        return []
    if not page.lines or page.corrected:  # a line is what an engine read
        return _numbered(page, blocks_of(page.text).blocks)
    boxed: list[Block] = []
    for number, line in enumerate(page.lines):
        boxed += [
            block.model_copy(update={"bbox": line.bbox, "lines": (number,)})
            for block in blocks_of(line.text).blocks
        ]
    whole = _numbered(page, blocks_of(page.text).blocks)
    return _numbered(page, with_consistent_lists(boxed)) if _says_as_much(boxed, whole) else whole


def _numbered(page: PageResult, blocks: Iterable[Block]) -> list[Block]:
    return [block.model_copy(update={"page_number": page.page_number}) for block in blocks]


def _says_as_much(boxed: Sequence[Block], whole: Sequence[Block]) -> bool:
    """Whether nothing of an answer is missing from its parts that have boxes."""
    return sum(len(block.text.split()) for block in boxed) >= sum(len(block.text.split()) for block in whole)
