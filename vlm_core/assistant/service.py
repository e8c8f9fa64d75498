"""What an assistant does, as one task each: from names to a finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vlm_core.assistant import citations, page_selection
from vlm_core.assistant.findings import (
    changes_of,
    find_on_pages,
    list_document,
    numbered,
    texts_of,
    warnings_of,
    with_notes,
)
from vlm_core.assistant.folder import Folder
from vlm_core.assistant.library import Document, Library, OnProgress
from vlm_core.assistant.page_pictures import picture_of
from vlm_core.assistant.page_selection import Place
from vlm_core.assistant.proof import in_words, printed_results, proved
from vlm_core.assistant.questions import (
    Steps,
    ending_of,
    plain_schema,
    question,
    values_in,
    values_wanted,
    words_of,
)
from vlm_core.assistant.results import (
    Citation,
    DocumentList,
    ImageAnswer,
    ImageData,
    ImageReading,
    PageList,
    PagePicture,
    PageReference,
    TextMatches,
)
from vlm_core.assistant.untrusted import mark_untrusted, one_line, truncate
from vlm_core.completion import Completion
from vlm_core.errors import InputError, TooManyImagesError, VLMError
from vlm_core.types import PageImage, PageResult, PageState

if TYPE_CHECKING:
    from vlm_core.ocr.printed_page import PrintedPage

_NO_MODEL = "There is no vision model here to answer questions: this is only the text that was found."
_NO_TEXT = "No text was found, and there is no vision model here to look at the pictures."


# Characters of a question or of a text that is sought.
_MOST_WORDS = 2000


@dataclass(frozen=True)
class AssistantService:
    """Where an assistant works: what it may read, its documents, and its limits."""

    folder: Folder
    library: Library
    max_pages: int
    max_images: int
    max_chars: int
    options: dict[str, Any] = field(repr=False)
    has_model: bool
    cite_boxes: bool

    def within(self, roots: tuple[Path, ...], spellings: tuple[tuple[Path, Path], ...]) -> AssistantService:
        """The same with other roots."""
        admission = replace(self.folder.admission, roots=roots, spellings=spellings)
        return replace(self, folder=replace(self.folder, admission=admission))

    # --- documents -------------------------------------------------------------------------------

    def _numbers(self, document: Document, page: object) -> tuple[list[int], list[str]]:
        """The pages to read, and what is to be said of the document and its other pages."""
        told = changes_of([document])
        if page is not None:
            return [number for _, number in page_selection.named([document], [page], 1)], told
        numbers = [number for _, number in page_selection.all_of([document], self.max_pages)]
        return numbers, [*told, *self._unread(document)]

    def _unread(self, document: Document) -> list[str]:
        if document.total_pages <= self.max_pages:
            return []
        others = numbered(range(self.max_pages + 1, document.total_pages + 1))
        return [f"Not read: {others} of {one_line(document.name)}. Name a page to have it read."]

    # --- read, list and find ---------------------------------------------------------------------

    def list_documents(self, pattern: object, start: int, on_progress: OnProgress | None) -> DocumentList:
        """The documents that there are."""
        return self.folder.list_documents(pattern, start, on_progress)

    def search(self, query: str, pattern: object, on_progress: OnProgress | None) -> TextMatches:
        """Pages of all documents."""
        _check_words("query", query)
        return self.folder.search(query, pattern, on_progress)

    def read(self, image: object, page: object, on_progress: OnProgress | None) -> ImageReading:
        """The text of pages."""
        document = self.folder.opened(image)
        numbers, notes = self._numbers(document, page)
        pages = _readable(self.library.read(document, numbers, on_progress))
        text, cuts = texts_of(pages, self.max_chars)
        notes = [*cuts, *notes, *warnings_of(pages)]
        return ImageReading(
            text=with_notes(text, notes),
            pages=pages,
            citations=tuple(Citation(page.source, page.page_number, page.total_pages) for page in pages),
            images=tuple(_reference(page) for page in pages),
            notes=tuple(notes),
        )

    def list_pages(self, name: object, on_progress: OnProgress | None) -> PageList:
        """The pages of a document."""
        return list_document(self.folder.opened(name), self.max_pages, self.max_chars, on_progress)

    def show_page(self, name: object, page: object, max_side: int) -> PagePicture:
        """A page's picture, made small enough."""
        document = self.folder.opened(name)
        ((_, number),) = page_selection.named([document], [page], 1)
        return picture_of(document, number, max_side)

    def find_text(self, image: object, text: str, on_progress: OnProgress | None) -> TextMatches:
        """Every place of a text."""
        _check_words("text", text)
        document = self.folder.opened(image)
        numbers, notes = self._numbers(document, None)
        pages = _readable(self.library.read(document, numbers, on_progress))
        return find_on_pages(text, pages, notes, self.max_chars)

    # --- ask and extract -------------------------------------------------------------------------

    def ask(
        self,
        images: Sequence[object],
        words: str,
        pages: Sequence[object] | None,
        on_progress: OnProgress | None,
    ) -> Steps[ImageAnswer]:
        """The answer to a question."""
        _check_words("question", words)
        documents = self._opened(images)
        places, notes = self._places(documents, words, pages, on_progress)
        if not self.has_model:
            return self._only_text(documents, places, words, notes, on_progress)
        shown = _decoded(documents, places)
        # Yielded, so that threads and event loops can share the task: either sends it in its own way.
        completion = yield question(shown, words, self.options)
        answer = completion.text or completion.refusal or ""
        cited, more = self._cited(documents, places, citations.pieces_of(answer), on_progress)
        notes = [*ending_of(completion), *notes, *more]
        return ImageAnswer(
            text=self._in_words(answer, "answer of the vision model about", shown, notes),
            answer=answer,
            citations=cited,
            images=_references(shown),
            notes=tuple(notes),
            route=completion.route,
            usage=completion.usage,
        )

    def extract(
        self, image: object, schema: object, page: object, on_progress: OnProgress | None
    ) -> Steps[ImageData]:
        """Values from pages."""
        documents = self._opened([image])
        pages = None if page is None else [page]
        places, notes = self._places(documents, words_of(schema), pages, on_progress)
        shown = _decoded(documents, places)
        options = {**self.options, "response_format": schema}
        completion: Completion = yield question(shown, values_wanted(schema), options)
        plain, data = values_in(completion, schema)
        printed, more = self._printed(documents, places, shown, on_progress)
        result = proved(plain, data, plain_schema(schema), printed)
        notes = [*notes, *more]
        doubts = [in_words(finding) for finding in result.findings if finding.severity == "review"]
        return ImageData(
            text=self._in_words("\n".join([citations.as_json(plain), *doubts]), "values from", shown, notes),
            data=data,
            fields=result.fields,
            findings=result.findings,
            citations=citations.of_fields(shown, result.leaves()),
            images=_references(shown),
            notes=tuple(notes),
            route=completion.route,
            usage=completion.usage,
        )

    def _opened(self, images: Sequence[object]) -> list[Document]:
        if not images:
            raise InputError("no image is named", hint="Give the name of at least one.")
        if len(images) > self.max_images:
            raise TooManyImagesError(
                f"{len(images)} images are more than can be looked at together",
                hint=f"Name {self.max_images} at most, and ask about the others by themselves.",
            )
        return [self.folder.opened(name) for name in images]

    def _places(
        self,
        documents: Sequence[Document],
        words: str,
        pages: Sequence[object] | None,
        on_progress: OnProgress | None,
    ) -> tuple[list[Place], list[str]]:
        """The pages to look at, and what is to be said of the documents and their other pages."""
        told = changes_of(documents)
        if pages:
            return page_selection.named(documents, pages, self.max_images), told
        if sum(document.total_pages for document in documents) <= self.max_images:
            return page_selection.all_of(documents, self.max_images), told
        every = page_selection.all_of(documents, self.max_pages)
        texts = [page.text for page in self._read(documents, every, on_progress)]
        chosen = page_selection.best(words, every, texts, self.max_images)
        notes = [self._choice(document, at, chosen) for at, document in enumerate(documents)]
        return chosen, [*told, *(note for of_document in notes for note in of_document)]

    def _choice(self, document: Document, at: int, chosen: Sequence[Place]) -> list[str]:
        """What is to be said of the pages that were not chosen."""
        shown = [number for place, number in chosen if place == at]
        if len(shown) == document.total_pages:
            return []
        looked = f"{numbered(shown)} of {document.total_pages} of {one_line(document.name)}"
        return [f"Looked at, chosen by the text: {looked}. Name others with pages.", *self._unread(document)]

    def _read(
        self, documents: Sequence[Document], places: Sequence[Place], on_progress: OnProgress | None
    ) -> list[PageResult]:
        """What the engine reads on pages, in the order of the places."""
        results: dict[Place, PageResult] = {}
        for at, document in enumerate(documents):
            numbers = [number for place, number in places if place == at]
            for page in self.library.read(document, numbers, on_progress):
                results[at, page.page_number] = page
        return [results[place] for place in places]

    def _only_text(
        self,
        documents: Sequence[Document],
        places: Sequence[Place],
        words: str,
        notes: list[str],
        on_progress: OnProgress | None,
    ) -> ImageAnswer:
        pages = _readable(self._read(documents, places, on_progress))
        text, cuts = texts_of(pages, self.max_chars)
        notes = [*cuts, *notes, *warnings_of(pages)]
        head = _NO_MODEL if any(page.text.strip() for page in pages) else _NO_TEXT
        return ImageAnswer(
            text=with_notes(f"{head}\n\n{text}", notes),
            citations=citations.relevant(pages, words),
            images=tuple(_reference(page) for page in pages),
            notes=(head, *notes),
        )

    def _cited(
        self,
        documents: Sequence[Document],
        places: Sequence[Place],
        pieces: Sequence[str],
        on_progress: OnProgress | None,
    ) -> tuple[tuple[Citation, ...], list[str]]:
        """The pages that were shown, with the boxes of what the model said where it stands on them."""
        alone = tuple(Citation(documents[at].name, n, documents[at].total_pages) for at, n in places)
        if not self.cite_boxes or not pieces:
            return alone, []
        try:
            return citations.citations(self._read(documents, places, on_progress), pieces), []
        except VLMError as error:
            return alone, [f"Where on the page it stands is not known: {one_line(error.message, 200)}."]

    def _printed(
        self,
        documents: Sequence[Document],
        places: Sequence[Place],
        shown: Sequence[PageImage],
        on_progress: OnProgress | None,
    ) -> tuple[list[PrintedPage], list[str]]:
        """The pages that were shown, as values are looked up in them; none where a model would be paid."""
        if not self.cite_boxes:
            return [], []
        try:
            if self.library.reads_closely:
                return self.library.printed(shown), []
            return printed_results(self._read(documents, places, on_progress)), []
        except VLMError as error:
            return [], [f"Where on the page it stands is not known: {one_line(error.message, 200)}."]

    def _in_words(self, answer: str, what: str, shown: Sequence[PageImage], notes: Sequence[str]) -> str:
        beginning, behind = truncate(answer, self.max_chars)
        seen = ", ".join(f"{one_line(page.source)} page {page.page_number}" for page in shown)
        text = mark_untrusted(beginning, f"{what} {seen}", limit=len(what) + 1 + len(seen))
        return with_notes(text, [*([f"{behind} more characters are not shown."] if behind else []), *notes])


def _check_words(name: str, words: object) -> None:
    if not isinstance(words, str) or not words.strip():
        raise InputError(f"the {name} is empty", hint="Say in words what is wanted.")
    if len(words) > _MOST_WORDS:
        raise InputError(f"the {name} has {len(words)} characters", hint=f"Give {_MOST_WORDS} at most.")


def _readable(pages: Sequence[PageResult]) -> tuple[PageResult, ...]:
    """Pages of which at least one could be read; else the error of the first is raised."""
    if pages and all(page.state is PageState.FAILED and page.error is not None for page in pages):
        error = pages[0].error
        assert error is not None
        raise error
    return tuple(pages)


def _decoded(documents: Sequence[Document], places: Sequence[Place]) -> list[PageImage]:
    return [documents[at].page(number) for at, number in places]


def _references(pages: Sequence[PageImage]) -> tuple[PageReference, ...]:
    return tuple(PageReference(page.source, page.page_number, page.sha256) for page in pages)


def _reference(page: PageResult) -> PageReference:
    return PageReference(page.source, page.page_number, page.sha256)
