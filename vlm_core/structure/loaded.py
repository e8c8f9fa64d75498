"""Chunks of what was loaded before: texts that know their document and page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from vlm_core.structure.chunks import CHUNK_TOKENS, Tokenizer, chunks
from vlm_core.types import Chunk, DocumentResult, PageResult


class LoadedText(NamedTuple):
    """A text as a loader gave it, in Markdown, HTML or plain."""

    text: str
    source: str = ""
    page_number: int = 1
    """From 1."""
    identity: str = ""
    """Of the page or the text, for the ids of its chunks."""


def rechunked(
    texts: Iterable[LoadedText],
    chunk_tokens: int = CHUNK_TOKENS,
    tokenizer: Tokenizer | None = None,
    overlap: int = 0,
) -> Iterator[tuple[Chunk, int]]:
    """Texts that were loaded, in chunks, those of one source that follow each other together.

    Args:
        texts: in order.
        chunk_tokens: of a chunk, at most.
        tokenizer: as of `chunks`.
        overlap: likewise.

    Returns:
        Each chunk, and which of the texts it begins in, from 0.

    Example:
        >>> texts = [LoadedText("# Tea", "a.pdf", 1), LoadedText("Green.", "a.pdf", 2)]
        >>> [(chunk.text, chunk.pages, first) for chunk, first in rechunked(texts)]
        [('Tea\\n\\nGreen.', (1, 2), 0)]
    """
    for source, group in groupby(enumerate(texts), key=lambda numbered: numbered[1].source):
        members = list(group)
        # Several texts may be of one page: they are told apart by a number of their own.
        pages = tuple(
            PageResult(text=loaded.text, source=source, page_number=number, sha256=loaded.identity)
            for number, loaded in members
        )
        numbers = {number: loaded.page_number for number, loaded in members}
        for chunk in chunks(DocumentResult(source=source, pages=pages), chunk_tokens, tokenizer, overlap):
            places = tuple(dict.fromkeys(numbers[number] for number in chunk.pages))
            yield chunk.model_copy(update={"pages": places}), chunk.pages[0]
