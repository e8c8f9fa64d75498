"""From results to what becomes a framework's documents: texts with stable ids, and one warning for the rest.

The LangChain and LlamaIndex adapters share what is here; no framework is in it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypedDict, Unpack
from uuid import UUID, uuid5

from vlm_core.empty_pages import EmptyPage, EmptyPagesWarning, LowScorePage, LowScoreWarning, listed
from vlm_core.errors import ConfigError, PagesFailed
from vlm_core.images.sources import refuse_missing
from vlm_core.ocr.hyphens import dehyphenate
from vlm_core.ocr.layout import text_of_blocks
from vlm_core.option_names import check_names
from vlm_core.structure.chunks import ChunkOptions, chunks
from vlm_core.structure.evidence_boxes import PartChecked, checked_part
from vlm_core.types import (
    Block,
    Box,
    Chunk,
    DocumentResult,
    Furniture,
    PageBox,
    PageResult,
    PageState,
    Verify,
    boxes_in_words,
)
from vlm_core.warning import warn_caller

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Route
    from vlm_core.images.sources import Source
    from vlm_core.jobs.journal import Journal
    from vlm_core.jobs.reader import DocumentReader
    from vlm_core.ocr.engine import Engine

Mode: TypeAlias = Literal["document", "page", "block", "chunk"]
"""What becomes one document of a framework."""

EmptyPages: TypeAlias = bool | Literal["failed"]
"""Which pages without text become documents too: all, none, or those that should have had one."""

OnFailed: TypeAlias = Literal["warn", "raise", "hold_back"]
"""What is done where pages failed: warn at the end; raise at the end; and, before that, give nothing of
documents of which a page failed."""

_IDS = UUID("6f0c4f5e-6a0b-5c0e-9d53-1f6f7d0a2b41")
_COMPLETE = (PageState.OK, PageState.BLANK)
_READ = (*_COMPLETE, PageState.PARTIAL, PageState.MISMATCH)
_WHOLE: Box = (0.0, 0.0, 1.0, 1.0)  # of a page


def stable_id(*parts: str | int | None) -> str:
    """A UUID that is the same whenever the parts are.

    Example:
        >>> stable_id("a.png", 1) == stable_id("a.png", 1) != stable_id("a.png", 2)
        True
    """
    return str(uuid5(_IDS, json.dumps(parts)))


# --- passages ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Passage:
    """A text that becomes one document of a framework: that of a whole document, a page or a block.

    Example:
        >>> page = PageResult(text="TOTAL 9.00", source="a.png", total_pages=1, engine="rapidocr")
        >>> Passage("TOTAL 9.00", page, task="text", page_number=1).metadata["page_label"]
        '1'
    """

    text: str
    page: PageResult
    """The page, or what is true of all pages of a whole document."""
    task: str
    page_number: int | None = None
    """From 1; None for a whole document."""
    block: int | None = None
    """From 0, in reading order; None unless it is a block."""
    bbox: Box | None = None
    chunk: Chunk | None = None
    """Where it is one; its page is then the first that it stands on."""
    checked: PartChecked | None = None
    """What a check of its pages says of it, where they were checked."""
    boxes: tuple[PageBox, ...] = ()
    """Where it stands then, block by block."""

    @property
    def id(self) -> str:
        """The same whenever the same picture is read in the same way, whatever text comes of it."""
        page = self.page
        if self.chunk is not None:
            return stable_id(self.chunk.id, self.task)
        return stable_id(
            page.source, page.sha256, self.page_number, self.block, page.engine, page.model, self.task
        )

    @property
    def metadata(self) -> dict[str, str | float]:
        """The metadata that the frameworks have in common: flat, never None, the same at every reading."""
        facts = {
            "page_label": self.page_number and str(self.page_number),
            "total_pages": self.page.total_pages,
            "ocr_engine": self.page.engine or None,
            "ocr_state": self.page.state.value,
            "trust": "untrusted",
            "width": self.page.width or None,
            "height": self.page.height or None,
            "rotation": self.page.rotation or None,
            "bbox": self.bbox and ",".join(f"{edge:.4f}" for edge in self.bbox),
            "boxes": boxes_in_words(self.boxes) or None,
            **(self.chunk.metadata if self.chunk is not None else {}),
            **self._found_by_check,
        }
        return {name: fact for name, fact in facts.items() if fact is not None}

    @property
    def _found_by_check(self) -> dict[str, int | float | None]:
        """`findings` to be looked at, and `agreement` to two digits."""
        if self.checked is None:
            return {}
        share = self.checked.agreement
        return {"findings": self.checked.findings, "agreement": None if share is None else round(share, 2)}


def _checked(pages: Sequence[PageResult]) -> tuple[PartChecked | None, tuple[PageBox, ...]]:
    """What a check says of whole pages, and where their blocks stand; nothing of pages that were not
    checked."""
    checked = [page for page in pages if page.checked_by]
    if not checked:
        return None, ()
    findings = sum(finding.severity == "review" for page in checked for finding in page.findings)
    known = [(page.agreement, len(page.text)) for page in checked if page.agreement is not None]
    total = sum(length for _, length in known)
    agreement = sum(share * length for share, length in known) / total if total else None
    boxes = [
        PageBox(page.page_number, block.bbox)
        for page in checked
        for block in page.blocks
        if block.bbox is not None
    ]
    return PartChecked(findings, agreement), tuple(boxes)


def _of_document(document: DocumentResult, task: str) -> list[Passage]:
    checked, boxes = _checked(document.pages)
    return [Passage(document.text, _as_one_page(document.pages), task, checked=checked, boxes=boxes)]


def _as_one_page(pages: tuple[PageResult, ...]) -> PageResult:
    """What is true of all pages: their worst state, every engine, a digest of their digests."""
    first, is_alone = pages[0], len(pages) == 1
    return PageResult(
        state=max((page.state for page in pages), key=lambda state: state.severity),
        source=first.source,
        total_pages=first.total_pages,
        rotation=first.rotation if is_alone else 0,
        width=first.width if is_alone else 0,
        height=first.height if is_alone else 0,
        sha256=first.sha256 if is_alone else _digest_of(page.sha256 for page in pages),
        engine=_each_once(page.engine for page in pages),
        model=_each_once(page.model for page in pages) or None,
    )


def _digest_of(digests: Iterable[str]) -> str:
    """One for all; none where no page has one, as where all failed."""
    together = "\n".join(digests)
    return hashlib.sha256(together.encode()).hexdigest() if together.strip() else ""


def _each_once(names: Iterable[str | None]) -> str:
    return ",".join(dict.fromkeys(name for name in names if name))


def _of_page(page: PageResult, task: str) -> list[Passage]:
    checked, boxes = _checked([page])
    return [Passage(page.text, page, task, page.page_number, checked=checked, boxes=boxes)]


def _of_blocks(page: PageResult, task: str) -> list[Passage]:
    has_places = page.text and (page.lines or page.evidence)
    said = [block for block in page.blocks if block.text] if has_places else []
    if not said:
        # Where nothing is known of positions, the page is one block, so that no text is lost.
        checked, boxes = _checked([page])
        return [Passage(page.text, page, task, page.page_number, 0, _WHOLE, checked=checked, boxes=boxes)]
    return [
        Passage(_text_of(block, page, task), page, task, page.page_number, number, block.bbox or _WHOLE)
        for number, block in enumerate(said)
    ]


def _text_of(block: Block, page: PageResult, task: str) -> str:
    """A block's text as the page's has it, its parted words whole where those of the page are."""
    text = text_of_blocks("text" if task == "layout" else task, [block])
    return text if text in page.text else dehyphenate(text, page.text)


def _of_chunks(document: DocumentResult, task: str, **chunking: Unpack[ChunkOptions]) -> list[Passage]:
    pages = {page.page_number: page for page in document.pages}
    cut = chunks(document, **chunking)
    return [
        Passage(
            chunk.text,
            pages[chunk.pages[0]],
            task,
            chunk.pages[0],
            block=chunk.number,
            chunk=chunk,
            checked=_checked_chunk(chunk, [pages[number] for number in chunk.pages]),
        )
        for chunk in cut
    ] or _of_document(document, task)


def _checked_chunk(chunk: Chunk, pages: Sequence[PageResult]) -> PartChecked | None:
    checked = [page for page in pages if page.checked_by]
    return checked_part(chunk.text, checked, chunk.boxes) if checked else None


_PASSAGES: dict[str, Callable[[Any, str], list[Passage]]] = {
    "document": _of_document,
    "page": _of_page,
    "block": _of_blocks,
    "chunk": _of_chunks,
}


# Modes that take all pages of a document together.
_OF_DOCUMENTS: tuple[Mode, ...] = ("document", "chunk")


class PageOptions(ChunkOptions, total=False):
    """The options of `passages_of_each`: which pages become passages, and how they are cut."""

    empty_pages: EmptyPages
    min_score: float | None


class PassageOptions(PageOptions, total=False):
    """The options of `passages`."""

    at_least_one: bool
    on_failed: OnFailed


def passages(
    reader: DocumentReader,
    sources: Any,
    mode: Mode = "page",
    *,
    empty_pages: EmptyPages = False,
    at_least_one: bool = False,
    on_failed: OnFailed = "warn",
    min_score: float | None = None,
    **chunking: Unpack[ChunkOptions],
) -> Generator[Passage, None, None]:
    """Read documents, and yield their texts as soon as they are read.

    Args:
        reader: reads them.
        sources: anything the reader takes.
        mode: "document", "page", "block" or "chunk".
        empty_pages: whether pages without text are yielded too; "failed" yields those that should
            have had one. Unless all are, a warning lists them at the end.
        at_least_one: yield a passage without text rather than none at all.
        on_failed: "warn", or "raise" a PagesFailed at the end where a page failed, or "hold_back" as well
            what was read of a document of which a page failed.
        min_score: pages with a text whose `score` is below are left out; a warning lists them at the end.
            Pages of which no score is known, as of a vision model, are not.
        chunking: the options of `chunks`: chunk_tokens, tokenizer, overlap.

    Raises:
        DocumentNotFoundError: `sources` is the path of a file that does not exist.
        PagesFailed: as `on_failed` has it.
        VLMError: what the reader raises.

    Example:
        >>> from vlm_core import DocumentReader
        >>> white = b"P5 40 40 255 " + bytes([255]) * 1600
        >>> [passage.page.state for passage in passages(DocumentReader(), white, empty_pages=True)]
        [<PageState.BLANK: 'blank'>]
    """
    refuse_missing(sources)
    sieve = _Sieve(mode, reader.asked_for, empty_pages, at_least_one, on_failed, min_score, chunking)
    read = reader.iter if sieve.takes_documents else reader.iter_pages
    with closing(read(sources)) as results:
        for result in results:
            yield from sieve.through(result)
    yield from sieve.rest()


async def apassages(
    reader: DocumentReader,
    sources: Any,
    mode: Mode = "page",
    *,
    empty_pages: EmptyPages = False,
    at_least_one: bool = False,
    on_failed: OnFailed = "warn",
    min_score: float | None = None,
    **chunking: Unpack[ChunkOptions],
) -> AsyncGenerator[Passage, None]:
    """As `passages`, without ever blocking the event loop."""
    import asyncio  # slow to load, and not needed elsewhere

    await asyncio.to_thread(refuse_missing, sources)
    sieve = _Sieve(mode, reader.asked_for, empty_pages, at_least_one, on_failed, min_score, chunking)
    read = reader.aiter if sieve.takes_documents else reader.aiter_pages
    async with aclosing(read(sources)) as results:
        async for result in results:
            for passage in sieve.through(result):
                yield passage
    for passage in sieve.rest():
        yield passage


def passages_of_each(
    reader: DocumentReader,
    sources: Iterable[Source],
    mode: Mode = "page",
    *,
    empty_pages: EmptyPages = False,
    min_score: float | None = None,
    **chunking: Unpack[ChunkOptions],
) -> Generator[list[Passage], None, None]:
    """As `passages`, but with a list for each source, in order: that of its document and what this carries.

    Example:
        >>> from vlm_core import DocumentReader, Source
        >>> white = Source.from_bytes(b"P5 40 40 255 " + bytes([255]) * 1600)
        >>> [len(found) for found in passages_of_each(DocumentReader(), [white, white], empty_pages=True)]
        [1, 1]
    """
    sieve = _Sieve(mode, reader.asked_for, empty_pages, min_score=min_score, chunking=chunking)
    groups = _Groups(reader, sources)
    with closing(reader.iter(groups.documents())) as documents:
        for document in documents:
            yield from groups.completed_by(sieve.through(document))
    sieve.rest()


async def apassages_of_each(
    reader: DocumentReader,
    sources: Iterable[Source],
    mode: Mode = "page",
    *,
    empty_pages: EmptyPages = False,
    min_score: float | None = None,
    **chunking: Unpack[ChunkOptions],
) -> AsyncGenerator[list[Passage], None]:
    """As `passages_of_each`, without ever blocking the event loop."""
    sieve = _Sieve(mode, reader.asked_for, empty_pages, min_score=min_score, chunking=chunking)
    groups = _Groups(reader, sources)
    async with aclosing(reader.aiter(groups.documents())) as documents:
        async for document in documents:
            for group in groups.completed_by(sieve.through(document)):
                yield group
    sieve.rest()


class _Groups:
    """Puts together what is read of each source, whose attachments are documents of their own."""

    def __init__(self, reader: DocumentReader, sources: Iterable[Source]) -> None:
        self._reader = reader
        self._sources = sources
        self._missing: deque[int] = deque()
        """Documents still to come of each source that was begun."""
        self._group: list[Passage] = []

    def documents(self) -> Iterator[Source]:
        for source in self._sources:
            documents = self._reader.documents_of(source)
            self._missing.append(len(documents))
            yield from documents

    def completed_by(self, passages: list[Passage]) -> Iterator[list[Passage]]:
        self._group += passages
        self._missing[0] -= 1
        if not self._missing[0]:
            self._missing.popleft()
            yield self._group
            self._group = []


@dataclass
class _Sieve:
    """Lets passages with text through, and remembers what it held back."""

    mode: Mode
    task: str
    empty_pages: EmptyPages
    at_least_one: bool = False
    on_failed: OnFailed = "warn"
    min_score: float | None = None
    chunking: ChunkOptions = field(default_factory=ChunkOptions)
    _some: bool = False
    _held: Passage | None = None
    # Not the results themselves: the tracebacks of their errors keep whole files in memory.
    _empty: list[EmptyPage] = field(default_factory=list)
    _failed: list[EmptyPage] = field(default_factory=list)
    _low: list[LowScorePage] = field(default_factory=list)
    _first_error: Exception | None = None

    @property
    def takes_documents(self) -> bool:
        """Whether it is to be given whole documents, rather than pages as they come."""
        return self.mode in _OF_DOCUMENTS or self.on_failed == "hold_back"

    def through(self, result: PageResult | DocumentResult) -> list[Passage]:
        pages = result.pages if isinstance(result, DocumentResult) else (result,)
        failed = [page for page in pages if _has_failed(page)]
        self._note(pages, failed)
        if failed and self.on_failed == "hold_back":
            return []
        sure = tuple(page for page in pages if not self._is_low(page))
        parts = self._parts(result, pages, sure)
        passages = [passage for part in parts for passage in self._passages(part)]
        shown = [
            passage for passage in passages if passage.text.strip() or self._is_shown(passage.page.state)
        ]
        self._some = self._some or bool(shown)
        if not self._some:
            self._held = self._held or next(iter(passages), Passage("", pages[0], self.task))
        return shown

    def _parts(
        self, result: PageResult | DocumentResult, pages: tuple[PageResult, ...], sure: tuple[PageResult, ...]
    ) -> Sequence[PageResult | DocumentResult]:
        """What passages are made of: pages, or their document without those that are left out."""
        if self.mode not in _OF_DOCUMENTS:
            return sure
        if isinstance(result, DocumentResult) and sure == pages:
            return (result,)
        return (DocumentResult(source=pages[0].source, pages=sure),) if sure else ()

    def _is_low(self, page: PageResult) -> bool:
        """Whether a page is to be left out for its score, which is remembered. One without text has none."""
        if self.min_score is None or not page.text.strip() or page.score is None:
            return False
        if is_low := page.score < self.min_score:
            self._low.append(LowScorePage(page.source, page.page_number, page.score))
        return is_low

    def _passages(self, part: Any) -> list[Passage]:
        if self.mode == "chunk":
            return _of_chunks(part, self.task, **self.chunking)
        return _PASSAGES[self.mode](part, self.task)

    def _note(self, pages: Iterable[PageResult], failed: list[PageResult]) -> None:
        if self.empty_pages is not True:
            self._empty += [EmptyPage.of(page) for page in pages if not page.text.strip()]
        if self.on_failed != "warn":
            self._failed += [EmptyPage.of(page) for page in failed]
            self._first_error = self._first_error or next((page.error for page in failed if page.error), None)

    def _is_shown(self, state: PageState) -> bool:
        return self.empty_pages is True or (self.empty_pages == "failed" and state not in _COMPLETE)

    def rest(self) -> list[Passage]:
        """What is still to be let through once all is read. Warns first, for it may be the last call."""
        held = [self._held] if self._held and self.at_least_one and not self._some else []
        missed = [page for page in self._empty if not held or page.state is not PageState.BLANK]
        in_error = set(self._failed)
        if missed := [page for page in missed if page not in in_error]:
            warn_caller(EmptyPagesWarning(missed))
        if self._low and self.min_score is not None:
            warn_caller(LowScoreWarning(self._low, self.min_score))
        if self._failed:
            error = PagesFailed(f"could not read {listed(self._failed)}")
            error.pages = tuple(self._failed)
            raise error from self._first_error
        return held


def _has_failed(page: PageResult) -> bool:
    """Whether a page should have had a text, and another try may find it."""
    return not page.text.strip() and page.state not in _READ


# --- how to read ---------------------------------------------------------------------------------


class ReaderOptions(TypedDict, total=False):
    """The options of `DocumentReader`, which says what they mean."""

    task: str
    prompt: str | None
    output_schema: Any
    request_options: Mapping[str, Any] | None
    fallbacks: Sequence[str | Route]
    journal: str | os.PathLike[str] | Journal | None
    budget_usd: float | None
    pdf_text: Literal["auto", "ignore"]
    dehyphenate: bool
    password: str | None
    max_pages: int | None
    max_concurrency: int
    on_error: Literal["record", "raise"]
    on_page: Callable[[PageResult], None] | None
    progress: bool | Literal["auto"]
    allow_private_urls: bool
    attachments: bool
    furniture: Furniture
    figure_images: str | os.PathLike[str] | None
    verify: Verify
    verify_with: Engine | None
    trusted: bool


def reader_with(engine: Engine, options: ReaderOptions) -> DocumentReader:
    """A DocumentReader with these options.

    Raises:
        ConfigError: an option is not known or cannot be used.

    Example:
        >>> reader_with("local", {"task": "text"})
        DocumentReader(engine='rapidocr', task='text')
    """
    from vlm_core.jobs.reader import DocumentReader

    check_names(options, ReaderOptions.__annotations__)
    return DocumentReader(engine, **options)


def check_mode(mode: str) -> None:
    """Refuse a mode that is not known, with a ConfigError."""
    if mode not in _PASSAGES:
        raise ConfigError(f"mode={mode!r} is not known", hint=f"It is one of {', '.join(_PASSAGES)}.")


def checked_min_score(min_score: float | None) -> float | None:
    """The least score of a page as it was given; one that cannot be is refused with a ConfigError."""
    is_number = isinstance(min_score, (int, float)) and not isinstance(min_score, bool)
    if min_score is not None and not (is_number and 0 <= min_score <= 1):
        hint = "A page's score is 1 where all of it was read surely; 0.8 leaves out doubtful ones."
        raise ConfigError(
            f"min_score must be between 0 and 1: {min_score!r}", hint=hint, argument="min_score"
        )
    return min_score


def source_from(fetch: Callable[[], bytes], name: str) -> Source:
    """A document whose bytes a function gets when they are needed.

    What goes wrong then (a missing file, say) becomes that document's InputError.

    Example:
        >>> source_from(lambda: b"GIF89a", "s3://scans/1.gif").read()
        b'GIF89a'
    """
    from vlm_core.images.reading import fetched
    from vlm_core.images.sources import Source

    return Source(name, partial(fetched, name, fetch))
