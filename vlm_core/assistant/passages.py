"""What an answer was made from, as texts that know their places, whoever retrieved them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from vlm_core.assistant.citations import rows_of
from vlm_core.errors import ConfigError
from vlm_core.types import Box, Chunk, DocumentResult, PageBox, PageResult

# A line of a text that is longer is cut at the ends of its sentences.
_LONG = 200
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+")


class Line(NamedTuple):
    """A line of a passage, with where it stands as far as that is known."""

    text: str
    boxes: tuple[PageBox, ...]


class SourceText(NamedTuple):
    """A passage of a document, in lines."""

    number: int
    """Which of the documents it is of, from 0."""
    source: str
    pages: tuple[int, ...]
    """From 1; none where they are not known."""
    total_pages: int | None
    lines: tuple[Line, ...]


def source_texts(documents: Any) -> list[SourceText]:
    """Documents of a framework, nodes, chunks, results or texts, as passages.

    Args:
        documents: one or many: LangChain's Documents, LlamaIndex's nodes (with a score or without),
            `DocumentResult`, `PageResult`, `Chunk`, dicts with "text" and "metadata", or texts.

    Raises:
        ConfigError: one is none of these.

    Example:
        >>> [passage] = source_texts([{"text": "TOTAL 9.00", "metadata": {"source": "a.pdf", "page": 0}}])
        >>> passage.source, passage.pages, passage.lines[0].text
        ('a.pdf', (1,), 'TOTAL 9.00')
    """
    is_many = isinstance(documents, Iterable) and not isinstance(documents, (str, Mapping, BaseModel))
    many: Iterable[Any] = documents if is_many else [documents]
    return [passage for number, document in enumerate(many) for passage in _passages(number, document)]


def _passages(number: int, document: Any) -> Iterator[SourceText]:
    if isinstance(document, DocumentResult):
        for page in document.pages:
            yield _of_page(number, page)
    elif isinstance(document, PageResult):
        yield _of_page(number, document)
    elif isinstance(document, Chunk):
        lines = _lines(document.text, document.boxes)
        yield SourceText(number, document.source, document.pages, None, lines)
    else:
        yield _of_metadata(number, *_text_and_metadata(document))


def _of_page(number: int, page: PageResult) -> SourceText:
    """A page's printed rows; of a model's page, the lines of its text with the boxes that were found."""
    if page.lines:
        lines = tuple(
            Line(
                " ".join(line.text for line in row),
                tuple(PageBox(page.page_number, line.bbox) for line in row),
            )
            for row in rows_of(page.lines)
        )
    else:
        lines = tuple(_written_lines(page))
    return SourceText(number, page.source, (page.page_number,), page.total_pages, lines)


def _written_lines(page: PageResult) -> Iterator[Line]:
    at = 0
    for text in page.text.splitlines(keepends=True):
        boxes = page.evidence_for(at, at + len(text.rstrip()))
        if text.strip():
            yield Line(text.strip(), tuple(PageBox(page.page_number, box) for box in boxes))
        at += len(text)


def _text_and_metadata(document: Any) -> tuple[str, Mapping[str, Any]]:
    if isinstance(document, str):
        return document, {}
    if isinstance(document, Mapping):
        text = document.get("text", document.get("page_content"))
        metadata = document.get("metadata") or {}
    else:
        document = getattr(document, "node", document)  # of a node with a score
        text = getattr(document, "page_content", getattr(document, "text", None))
        metadata = getattr(document, "metadata", None) or {}
    if isinstance(text, str) and isinstance(metadata, Mapping):
        return text, metadata
    raise ConfigError(
        f"a document is a {type(document).__name__}",
        hint="Give LangChain's Documents, LlamaIndex's nodes, DocumentResults, Chunks or texts.",
        argument="documents",
    )


def _of_metadata(number: int, text: str, metadata: Mapping[str, Any]) -> SourceText:
    source = str(metadata.get("source") or metadata.get("file_path") or metadata.get("file_name") or "")
    pages = _pages(metadata)
    boxes = tuple(_boxes(metadata, pages))
    total = metadata.get("total_pages")
    places = pages or tuple(dict.fromkeys(box.page_number for box in boxes))
    return SourceText(number, source, places, total if isinstance(total, int) else None, _lines(text, boxes))


def _pages(metadata: Mapping[str, Any]) -> tuple[int, ...]:
    """Numbers from 1: of a chunk all of them, else by the label, else by the number from 0 of LangChain."""
    if several := re.findall(r"\d+", str(metadata.get("pages") or "")):
        return tuple(map(int, several))
    label = str(metadata.get("page_label") or metadata.get("page_number") or "")
    if label.isdecimal() and int(label) > 0:
        return (int(label),)
    page = metadata.get("page")
    return (page + 1,) if isinstance(page, int) and not isinstance(page, bool) and page >= 0 else ()


_BOX = re.compile(r"(?:(\d{1,9}):)?([\d.]{1,24}),([\d.]{1,24}),([\d.]{1,24}),([\d.]{1,24})")


def _boxes(metadata: Mapping[str, Any], pages: tuple[int, ...]) -> Iterator[PageBox]:
    for page, *edges in _BOX.findall(str(metadata.get("boxes") or metadata.get("bbox") or "")):
        try:
            x0, y0, x1, y1 = map(float, edges)
        except ValueError:
            continue
        box: Box = (x0, y0, x1, y1)
        if page or pages:
            yield PageBox(int(page) if page else pages[0], box)


def _lines(text: str, boxes: tuple[PageBox, ...]) -> tuple[Line, ...]:
    """The lines of a text, each with the box of its block where there are as many of both, else with all."""
    blocks = [block for block in re.split(r"\n\s*\n", text) if block.strip()]
    each = [(box,) for box in boxes] if len(boxes) == len(blocks) else [boxes] * len(blocks)
    return tuple(
        Line(part, own)
        for block, own in zip(blocks, each, strict=True)
        for line in block.splitlines()
        for part in (_SENTENCE_END.split(line.strip()) if len(line) > _LONG else [line.strip()])
        if part
    )
