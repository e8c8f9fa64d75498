"""The documents of an agent's folders taken together: listed, and searched."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from vlm_core.assistant.document_findings import LISTED_AT_ONCE, Searched, found_in, list_in_words
from vlm_core.assistant.file_access import Content, FileAccessPolicy
from vlm_core.assistant.findings import numbered
from vlm_core.assistant.folder_listing import MOST_ENTRIES, FileList, ListedFile, list_files
from vlm_core.assistant.library import Document, DocumentFacts, DocumentKey, Library, OnProgress
from vlm_core.assistant.results import Citation, DocumentEntry, DocumentList, TextMatches
from vlm_core.assistant.search_index import SearchIndex
from vlm_core.assistant.untrusted import one_line
from vlm_core.errors import InputError, VLMError
from vlm_core.types import PageState

# For which the pages of listed documents are counted.
_COUNTING_SECONDS = 5.0
# For which documents are opened, to tell whether they were read.
_OPENING_SECONDS = 10.0
_SEARCHED = (PageState.OK, PageState.BLANK, PageState.PARTIAL, PageState.MISMATCH)
# Pages, between which the time is looked at.
_READ_AT_ONCE = 4
_CUT = (
    f"There are more than {MOST_ENTRIES:,} files here, or it took too long: not all of them were looked at."
)


@dataclass(frozen=True)
class Folder:
    """What is done with all documents that may be read.

    Args:
        admission: what may be read.
        library: opens and reads.
        index: of what was read.
        max_pages: of one document, that are searched.
        max_chars: of documents' words in a text.
        search_seconds: for which a search reads what was not read yet; 0 where it must not.
        clock: counts seconds.
    """

    admission: FileAccessPolicy
    library: Library
    index: SearchIndex
    max_pages: int
    max_chars: int
    search_seconds: float
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)

    def _files(self, pattern: object) -> tuple[FileList, list[str]]:
        found = list_files(self.admission.roots, pattern)
        return found, [] if found.is_whole else [_CUT]

    # --- list -----------------------------------------------------------------------------------

    def list_documents(self, pattern: object, start: int, on_progress: OnProgress | None) -> DocumentList:
        """The documents, newest first, from the one of this number on."""
        if isinstance(start, bool) or not isinstance(start, int) or start < 1:
            raise InputError(f"{start!r} is not the number of a document", hint="They are counted from 1.")
        (files, _), notes = self._files(pattern)
        shown = files[start - 1 :][:LISTED_AT_ONCE]
        until = self.clock() + _COUNTING_SECONDS
        entries: list[DocumentEntry] = []
        for number, file in enumerate(shown, 1):
            entries.append(self._entry(file, until))
            if on_progress is not None:
                on_progress(number, len(shown), one_line(file.name))
        following = start + len(shown) if start - 1 + len(shown) < len(files) else None
        if following:
            notes.append(f"More: call list_documents with start={following}.")
        found = DocumentList(
            text="",
            documents=tuple(entries),
            total_documents=len(files),
            next_start=following,
            citations=tuple(Citation(file.name, 1) for file in shown),
            notes=tuple(notes),
        )
        return replace(found, text=list_in_words(found, start, notes))

    def _entry(self, file: ListedFile, until: float) -> DocumentEntry:
        facts = self.facts(file) if self.clock() <= until else DocumentFacts("", None)
        key = self.library.latest(file.name)
        states = Counter(state.value for state in self.index.states(key).values()) if key else {}
        changed = datetime.fromtimestamp(file.modified, UTC).isoformat(timespec="seconds")
        return DocumentEntry(
            file.name, facts.kind, facts.total_pages, dict(states), changed, file.size, facts.problem
        )

    def facts(self, file: ListedFile) -> DocumentFacts:
        """What a document is."""
        try:
            found = self.admission.admit(file.name, self.library.facts)
            return self.library.look_at(*found) if isinstance(found, Content) else found
        except VLMError as error:
            return DocumentFacts("", None, one_line(error.message))

    def opened(self, name: object) -> Document:
        """A document, open.

        Raises:
            InputError: it may not be read, or cannot be opened.
        """
        found = self.admission.admit(name, self.library.kept)
        document = self.library.document(*found) if isinstance(found, Content) else found
        _ = document.total_pages  # what cannot be opened is said here
        return document

    # --- search ---------------------------------------------------------------------------------

    def search(self, query: str, pattern: object, on_progress: OnProgress | None) -> TextMatches:
        """The pages that have most to do with some words; before that, what was not read yet is read."""
        (files, _), notes = self._files(pattern)
        searched = _Search(self, self.clock(), notes=notes)
        for number, file in enumerate(files, 1):
            searched.look_into(file, on_progress)
            if on_progress is not None:
                on_progress(number, len(files), one_line(file.name))
        pages = self.index.find(query, searched.keys)
        return found_in(query, pages, searched.reach, self.max_chars)

    def numbers(self, total_pages: int) -> range:
        """The pages of a document that a search reads."""
        return range(1, min(total_pages, self.max_pages) + 1)


@dataclass
class _Search:
    """One search on its way through the documents."""

    folder: Folder
    begun: float
    notes: list[str]
    keys: set[DocumentKey] = field(default_factory=set)
    unread: list[str] = field(default_factory=list)
    long: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    has_read: bool = False

    @property
    def reach(self) -> Searched:
        """How far it came."""
        is_read_on = self.folder.search_seconds > 0
        return Searched(len(self.keys), self.unread, self.long, self.failed, is_read_on, self.notes)

    def look_into(self, file: ListedFile, on_progress: OnProgress | None) -> None:
        """Have a document searched, and read what is not read of it while there is time."""
        if self._took(_OPENING_SECONDS) and self._took(self.folder.search_seconds):
            self.unread.append(file.name)
            return
        try:
            self._read(file, on_progress)
        except VLMError as error:
            self.failed[file.name] = error.message

    def _read(self, file: ListedFile, on_progress: OnProgress | None) -> None:
        facts = self.folder.facts(file)
        key = self.folder.library.latest(file.name)
        if key is None or facts.total_pages is None:
            self.failed[file.name] = facts.problem
            return
        known = self.folder.index.states(key)
        missing = [number for number in self.folder.numbers(facts.total_pages) if number not in known]
        while missing and self._may_read():
            document = self.folder.opened(file.name)
            self.folder.library.read(document, missing[:_READ_AT_ONCE], on_progress)
            key, missing, self.has_read = document.key, missing[_READ_AT_ONCE:], True
        self._note(file.name, key, facts.total_pages, missing)

    def _may_read(self) -> bool:
        """While there is time; a few pages in any case, so that whoever asks again comes to an end."""
        seconds = self.folder.search_seconds
        return seconds > 0 and not (self.has_read and self._took(seconds))

    def _took(self, seconds: float) -> bool:
        return self.folder.clock() - self.begun >= seconds

    def _note(self, name: str, key: DocumentKey, total_pages: int, missing: Sequence[int]) -> None:
        states = self.folder.index.states(key)
        if states:
            self.keys.add(key)
        if missing:
            self.unread.append(name)
        elif beyond := [n for n in range(1, total_pages + 1) if n not in states]:
            self.long.append(f"{numbered(beyond)} of {one_line(name)}")
        if bad := [number for number, state in states.items() if state not in _SEARCHED]:
            self.failed[name] = numbered(bad)
