"""Documents that are asked about again and again: each fetched, opened, decoded and read once.

They are told by their name and content, so that a file changed in place is another document, and whoever asks
about it is told. What two callers want at the same time is done by one of them, on whatever threads and event
loops they are.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from vlm_core.assistant.untrusted import one_line
from vlm_core.errors import PasswordRequiredError, VLMError
from vlm_core.images.reading import short
from vlm_core.images.sniff import sniff
from vlm_core.images.sources import Source
from vlm_core.lru_cache import LRUCache
from vlm_core.types import PageImage, PageResult, PageState

if TYPE_CHECKING:
    from vlm_core.images.decode import Pages
    from vlm_core.jobs.reader import DocumentReader
    from vlm_core.ocr.printed_page import PrintedPage

OnProgress: TypeAlias = Callable[[int, int, str], None]
"""Is told how much is done, of how much, and what of; on any thread."""
_Error = TypeVar("_Error", bound=VLMError)
DocumentKey: TypeAlias = tuple[str, bytes]
"""A document's name, and the digest of its bytes."""
KEPT_BYTES = 128 * 2**20
"""Of files, and as many of decoded pages."""
# Of documents, of which it is remembered what they are.
_KEPT_NAMES = 20_000
# Pages of which what the engine thought of each letter is kept, some megabytes each.
_KEPT_CLOSELY = 8
# Formats of which one picture is read, so that no decoder needs to count them.
_ONE_PAGE = frozenset({"JPEG", "PNG", "BMP", "PPM"})
MAX_PIXELS = 50_000_000
"""Of one picture, which is fewer than for a program: any model may ask for any file of a folder."""
# How a page may end and be worth another try, when it is next asked for.
_READ_AGAIN = frozenset({PageState.FAILED, PageState.SKIPPED_BUDGET, PageState.REFUSED})
_NO_PASSWORD = "Tell the user that this document needs a password, which cannot be given here."  # noqa: S105


class DocumentFacts(NamedTuple):
    """What a document is, before it is read."""

    kind: str
    """Its format; empty where it is none that is read."""
    total_pages: int | None
    """None where they cannot be counted."""
    problem: str = ""
    """Why not."""


class _Content(NamedTuple):
    """What a name held when it was looked at."""

    key: DocumentKey
    at: float
    was_other: bool
    """Whether it held something else before."""


class Document:
    """An open document. Its pages are decoded one at a time, and kept a while."""

    def __init__(self, name: str, data: bytes, password: str | None, pages: LRUCache[PageImage]) -> None:
        self.name = name
        self.key: DocumentKey = (name, hashlib.sha256(data).digest())
        self.kind = sniff(data) or ""
        """Its format; empty where it is none that is read."""
        self.has_changed = False
        """Whether another content was seen behind its name before."""
        self.readings: dict[int, Future[PageResult]] = {}
        self.lock = Lock()
        """Of the readings."""
        self._data = data
        self._password = password
        self._decoded_pages = pages
        self._opened: dict[int | None, Pages] = {}
        # Of the open file: decoders take one thread at a time.
        self._opening = Lock()

    @property
    def total_pages(self) -> int:
        """How many it has.

        Raises:
            InputError: it cannot be opened.
        """
        with self._opening:
            return self._pages().total_pages

    @property
    def facts(self) -> DocumentFacts:
        """What it is, without decoding a page."""
        if self.kind in _ONE_PAGE:
            return DocumentFacts(self.kind, 1)
        try:
            return DocumentFacts(self.kind, self.total_pages)
        except VLMError as error:
            return DocumentFacts(self.kind, None, one_line(error.message))

    def page(self, number: int, reading_pixels: int | None = None) -> PageImage:
        """A page, decoded.

        Args:
            number: from 1.
            reading_pixels: those that an engine looks at, at most; None for a page to be shown.

        Raises:
            InputError: it cannot be decoded; the error has its number.
        """
        if self.kind == "PDF":  # whose pages are drawn in one size for all
            reading_pixels = None
        with self._opening:
            shown = self._decoded_pages.get((self.key, number, None))
            if shown is not None and _is_read_as_shown(shown, reading_pixels):
                return shown
            page = self._decoded_pages.get((self.key, number, reading_pixels))
            if page is None:
                page = self._decoded(number, reading_pixels)
                purpose = None if _is_read_as_shown(page, reading_pixels) else reading_pixels
                self._decoded_pages.put((self.key, number, purpose), page, 3 * page.width * page.height)
        return page

    def outline(self, number: int) -> tuple[int, int, str]:
        """A page's size in pixels, and the first words that the file holds of it; nothing is drawn.

        Arguments and errors are those of `page`.
        """
        with self._opening:
            try:
                return self._pages().outline(number)
            except VLMError as error:
                error.page = error.page or number
                raise self._named_shortly(error) from None

    def _decoded(self, number: int, reading_pixels: int | None) -> PageImage:
        try:
            return self._pages(reading_pixels).page(number)
        except VLMError as error:
            error.page = error.page or number
            raise self._named_shortly(error) from None

    def _pages(self, reading_pixels: int | None = None) -> Pages:
        if reading_pixels not in self._opened:
            from vlm_core.images.decode import open_document

            try:
                self._opened[reading_pixels] = open_document(
                    self._data,
                    source=self.name,
                    password=self._password,
                    max_pixels=MAX_PIXELS,
                    reading_pixels=reading_pixels,
                )
            except PasswordRequiredError as error:
                error.hint = _NO_PASSWORD
                raise self._named_shortly(error) from None
            except VLMError as error:
                raise self._named_shortly(error) from None
        return self._opened[reading_pixels]

    def _named_shortly(self, error: _Error) -> _Error:
        """An error in which the document's name is as harmless and short as it is elsewhere."""
        for name in (self.name, short(self.name)):
            error.message = error.message.replace(name, one_line(self.name))
        return error

    def close(self) -> None:
        """Let go of what is open. It opens again when it is asked for something."""
        with self._opening:
            opened, self._opened = self._opened, {}
        for pages in opened.values():
            pages.close()


def _is_read_as_shown(page: PageImage, reading_pixels: int | None) -> bool:
    """Whether a page is the same for an engine that looks at so many pixels and for everybody else.

    A page that was made smaller has about as many pixels as the engine looks at, so that it cannot be taken
    for one that was small from the beginning.
    """
    from vlm_core.images.decode_limits import MOST_IN_COLOUR  # which loads PIL

    return reading_pixels is None or page.width * page.height <= MOST_IN_COLOUR <= reading_pixels // 2


OnRead: TypeAlias = Callable[[DocumentKey, PageResult], object]


def _ignore(key: DocumentKey, page: PageResult) -> None:
    pass


class Library:
    """Documents by name and content, and what an engine read on their pages.

    Args:
        reader: reads pages.
        password: of encrypted PDFs.
        kept_bytes: of files, and as many of decoded pages, that are kept.
        on_read: is given each page that is read, with its document's key.
        clock: counts seconds.
    """

    def __init__(
        self,
        reader: DocumentReader,
        password: str | None = None,
        kept_bytes: int = KEPT_BYTES,
        on_read: OnRead = _ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._password = password
        self._on_read = on_read
        self._clock = clock
        self._documents: LRUCache[Document] = LRUCache(kept_bytes)
        self._pages: LRUCache[PageImage] = LRUCache(kept_bytes)
        self._contents: LRUCache[_Content] = LRUCache(_KEPT_NAMES)
        self._latest: LRUCache[_Content] = LRUCache(_KEPT_NAMES)
        self._facts: LRUCache[DocumentFacts] = LRUCache(_KEPT_NAMES)
        self._printed: LRUCache[PrintedPage] = LRUCache(_KEPT_CLOSELY)
        self._lock = Lock()

    def document(self, name: str, data: bytes, stamp: Hashable = None) -> Document:
        """The document of this name and content.

        Args:
            name: of the document.
            data: all of its bytes.
            stamp: by which `kept` finds it; None for none.
        """
        fresh = Document(name, data, self._password, self._pages)
        with self._lock:
            known = self._documents.get(fresh.key)
            # Closed outside the lock: a document that is just read keeps its own lock for long.
            dropped = [] if known else self._documents.put(fresh.key, fresh, len(data))
            document = known or fresh
            document.has_changed = self._noticed(fresh.key, stamp).was_other
        for other in dropped:
            other.close()
        return document

    def kept(self, name: str, stamp: Hashable, seconds: float = math.inf) -> Document | None:
        """The document behind a name, if it is still open and has not changed.

        Args:
            name: of the document.
            stamp: what its content is told by.
            seconds: for which it is used again.
        """
        key = self.key_of(name, stamp, seconds)
        return None if key is None else self._documents.get(key)

    def key_of(self, name: str, stamp: Hashable, seconds: float = math.inf) -> DocumentKey | None:
        """The key of a document, also of one that is no longer open. The arguments are those of `kept`."""
        content = self._contents.get((name, stamp))
        return content.key if content is not None and self._clock() - content.at <= seconds else None

    def _noticed(self, key: DocumentKey, stamp: Hashable) -> _Content:
        """What a name holds now, which is remembered."""
        # URLs that differ in their queries have one name, and are not one document.
        place = stamp if isinstance(stamp, str) else key[0]
        before = self._latest.get(place)
        was_other = before is not None and (before.was_other or before.key != key)
        content = _Content(key, self._clock(), was_other)
        for known, by in ((self._latest, place), (self._contents, (key[0], stamp))):
            known.drop(by)
            known.put(by, content, 1)
        return content

    def facts(self, name: str, stamp: Hashable, seconds: float = math.inf) -> DocumentFacts | None:
        """What `look_at` found in a document that has not changed. The arguments are those of `kept`."""
        key = self.key_of(name, stamp, seconds)
        return None if key is None else self._facts.get(key)

    def look_at(self, name: str, data: bytes, stamp: Hashable) -> DocumentFacts:
        """What a document is. It is not kept open, so that a long list drops none that is asked about.

        The arguments are those of `document`.
        """
        with closing(Document(name, data, self._password, self._pages)) as document:
            facts = document.facts
        with self._lock:
            self._noticed(document.key, stamp)
            self._facts.put(document.key, facts, 1)
        return facts

    def latest(self, name: str) -> DocumentKey | None:
        """The key of what a file held when it was last looked at."""
        content = self._latest.get(name)
        return None if content is None else content.key

    def read(
        self, document: Document, numbers: Sequence[int], on_progress: OnProgress | None = None
    ) -> tuple[PageResult, ...]:
        """What the engine reads on pages, each of which it reads once.

        Args:
            document: one of this library.
            numbers: of the pages, from 1.
            on_progress: is called after each page that was not read before.

        Returns:
            A result for each; what went wrong with a page is on it.

        Raises:
            VLMError: the engine cannot read anything at all.
        """
        results: dict[int, PageResult] = {}
        # Another caller may give up a page that this one waits for: then it is claimed anew.
        while missing := [number for number in dict.fromkeys(numbers) if number not in results]:
            with _claimed(document, missing) as (futures, mine):
                self._read(document, mine, futures, on_progress)
            results |= _settled(futures)
        return tuple(results[number] for number in numbers)

    @property
    def reads_closely(self) -> bool:
        """Whether what the engine thought of each letter can be had: it is this machine's own."""
        return self._reader.engine.name == "rapidocr"

    def printed(self, pages: Sequence[PageImage]) -> list[PrintedPage]:
        """Pages as values are looked up in them: of the last few, each is read once.

        Args:
            pages: of any documents.

        Raises:
            VLMError: the engine failed.
        """
        from vlm_core.assistant.proof import printed_pages

        found = []
        for page in pages:
            known = self._printed.get((page.sha256, page.source, page.page_number))
            if known is None:
                (known,) = printed_pages([page])
                self._printed.put((page.sha256, page.source, page.page_number), known, 1)
            found.append(known)
        return found

    def _read(
        self,
        document: Document,
        numbers: Sequence[int],
        futures: dict[int, Future[PageResult]],
        on_progress: OnProgress | None,
    ) -> None:
        sources = (_PageSource.of(document, number) for number in numbers)
        with closing(self._reader.iter_pages(sources)) as results:
            for done, (number, result) in enumerate(zip(numbers, results, strict=True), start=1):
                # The reader counted the page as the only one of a document of its own.
                place = {"page_number": number, "total_pages": document.total_pages}
                page = result.model_copy(update=place)
                self._on_read(document.key, page)
                futures[number].set_result(page)
                if on_progress is not None:
                    on_progress(done, len(numbers), f"{one_line(document.name)}, page {number}")

    def close(self) -> None:
        """Forget everything."""
        self._pages.clear()
        self._printed.clear()
        self._contents.clear()
        self._latest.clear()
        self._facts.clear()
        for document in self._documents.clear():
            document.close()


@dataclass(frozen=True, eq=False)
class _PageSource(Source):
    """A page of a document, as a document of its own that is opened when it is its turn."""

    decode: Callable[[int | None], PageImage] | None = None

    @classmethod
    def of(cls, document: Document, number: int) -> _PageSource:
        return cls(document.name, bytes, decode=partial(document.page, number))

    def open(self, *, reading_pixels: int | None = None, **_: object) -> Pages:
        from vlm_core.images.decode import open_image

        assert self.decode is not None
        return open_image(self.decode(reading_pixels), source=self.name)


@contextmanager
def _claimed(
    document: Document, numbers: Sequence[int]
) -> Iterator[tuple[dict[int, Future[PageResult]], list[int]]]:
    """What will be read of pages, by whomever, and the numbers of those that are now this caller's to read.

    However that ends, no waiter is left: what was not read is cancelled, and may be claimed anew.
    """
    with document.lock:
        mine = [number for number in numbers if number not in document.readings]
        document.readings |= {number: Future() for number in mine}
        futures = {number: document.readings[number] for number in numbers}
    try:
        yield futures, mine
    finally:
        with document.lock:
            for number in mine:
                if futures[number].cancel() or futures[number].result().state in _READ_AGAIN:
                    document.readings.pop(number, None)


def _settled(futures: dict[int, Future[PageResult]]) -> dict[int, PageResult]:
    """What was read, once it is; not what another caller gave up."""
    results = {}
    for number, future in futures.items():
        with suppress(CancelledError):
            results[number] = future.result()
    return results
