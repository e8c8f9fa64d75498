"""What became of a page, and of a document."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from vlm_core.errors import ResultVersionError
from vlm_core.types.blocks import Block, Furniture, Table, TextLine
from vlm_core.types.boxes import Box, rounded
from vlm_core.types.correction import Correction
from vlm_core.types.evidence import Evidence, Finding
from vlm_core.types.page_image import PageImage
from vlm_core.types.usage import Usage, sum_known, total_usage
from vlm_core.types.value import Value

if TYPE_CHECKING:
    from docling_core.types.doc import DoclingDocument


class PageState(StrEnum):
    """How a page ended. Every page ends in exactly one of these."""

    OK = "ok"
    PARTIAL = "partial"
    MISMATCH = "mismatch"
    BLANK = "blank"
    TRUNCATED = "truncated"
    LOOPED = "looped"
    REFUSED = "refused"
    FAILED = "failed"
    SKIPPED_BUDGET = "skipped_budget"

    @property
    def severity(self) -> int:
        """How much of a page's text is missing or in doubt: the higher, the more. A blank page has 0.

        Example:
            >>> max((PageState.OK, PageState.TRUNCATED, PageState.BLANK), key=lambda state: state.severity)
            <PageState.TRUNCATED: 'truncated'>
        """
        return _BY_SEVERITY.index(self)


_BY_SEVERITY = (
    PageState.BLANK,
    PageState.OK,
    PageState.PARTIAL,
    PageState.MISMATCH,
    PageState.TRUNCATED,
    PageState.LOOPED,
    PageState.REFUSED,
    PageState.SKIPPED_BUDGET,
    PageState.FAILED,
)


def _error_as_dict(error: Exception | None) -> dict[str, Any] | None:
    if error is None:
        return None
    return {
        "type": type(error).__name__,
        "message": getattr(error, "message", str(error)),
        "hint": getattr(error, "hint", ""),
    }


PageError: TypeAlias = Annotated[
    Exception | None, PlainSerializer(_error_as_dict, return_type=dict[str, Any] | None)
]


RESULT_VERSION = 2
"""Of the form in which results are written as JSON. 0.1.0 wrote 1, and did not say so."""


def _all_rounded(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    return tuple(map(rounded, boxes))


class _Result(Value):
    """A value that is stored as JSON, and read again by this release and later ones."""

    version: int = Field(default=RESULT_VERSION, ge=1, le=RESULT_VERSION, repr=False)
    """Of its form as JSON."""

    @model_validator(mode="before")
    @classmethod
    def _of_this_version_or_before(cls, data: Any) -> Any:
        version = data.get("version") if isinstance(data, dict) else None
        if not isinstance(version, int) or version <= RESULT_VERSION:
            return data
        told = f"this result has version {version}, and versions up to {RESULT_VERSION} are read"
        error = ResultVersionError(told)
        error.version = version
        raise error

    def __setstate__(self, state: dict[Any, Any]) -> None:
        """Of a pickle of an earlier release, which lacks fields that came later and has others that went."""
        values = state["__dict__"]
        fields = type(self).model_fields
        known = {name: values.get(name, fields[name].default) for name in fields}
        super().__setstate__({**state, "__dict__": known})


class PageResult(_Result):
    """What became of one page: its text and lines, or the error that took their place.

    Example:
        >>> page = PageResult(text="TOTAL 9.00", source="a.png", engine="rapidocr")
        >>> page.state, page.page_number
        (<PageState.OK: 'ok'>, 1)
    """

    text: str = ""
    state: PageState = PageState.OK
    source: str = ""
    page_number: int = 1
    """From 1, as the source counts it, whatever became of the pages before."""
    total_pages: int | None = None
    """None where the document could not be opened."""
    lines: tuple[TextLine, ...] = ()
    width: int = 0
    """Pixels of the upright page."""
    height: int = 0
    rotation: int = 0
    """Degrees clockwise by which the stored picture was turned to stand upright."""
    sha256: str = ""
    """Of the decoded picture: width, height and RGB pixels, whatever file they came in. Of a page of a PDF
    that is one JPEG: of its stream without metadata, width, height and turn."""
    engine: str = ""
    provider: str | None = None
    model: str | None = None
    usage: Usage | None = None
    cost_usd: float | None = None
    attempts: int = 1
    seconds: float = 0.0
    language: str | None = None
    """As a model named it."""
    found: tuple[Block, ...] = ()
    """Tables and figures that an engine found in the page's pixels or among its words."""
    data: Any = None
    """What a task that asks for JSON gave: plain values."""
    furniture: Furniture = "mark"
    """What became of its page headers and page footers. "drop": they are not in it. "keep": they are text."""
    figure_images: tuple[str, ...] = ()
    """Files with the pictures of its figures, in the order of its figures with a box, where they were to be
    written."""
    raw: str = ""
    """What a model answered, word for word, where the text was made from it."""
    evidence: tuple[Evidence, ...] = ()
    """Of a page that was checked: where each line and cell of its text stands. No character is in two of
    them."""
    findings: tuple[Finding, ...] = ()
    """What differs between its text and its pixels. The text stays as it is."""
    agreement: float | None = None
    """The share of its letters and digits that stand on the page as they were written, from 0 to 1; None
    where none was checked."""
    checked_by: str = ""
    """What checked it: an engine with its model, or "pdf"; empty where nothing did."""
    unread_share: float = 0.0
    """Of a page whose state is partial: the share of its ink that no character accounts for, from 0 to 1."""
    unread: Annotated[tuple[Box, ...], AfterValidator(_all_rounded)] = ()
    """Where that ink stands."""
    corrections: tuple[Correction, ...] = ()
    """What a person decided who looked at the page, in order. `text` is the text after them, `raw` is what
    the model answered, as it was."""
    warnings: tuple[str, ...] = ()
    """What is odd about the page. The first one of a partial page says what is unread."""
    error: PageError = None
    document: int = Field(default=0, exclude=True, repr=False)
    """Which of the documents of one call it is of, from 0. It is not a part of the JSON."""

    @classmethod
    def of(cls, page: PageImage, state: PageState = PageState.OK, **fields: Any) -> PageResult:
        """What became of a picture of a page: its source, numbers, size, turn and digest are filled in.

        Args:
            page: the picture.
            state: how it ended.
            fields: the others, and those that differ from the picture's.

        Example:
            >>> dot = PageImage(pixels=b"\\xff" * 3, width=1, height=1, source="dot.png", page_number=2)
            >>> result = PageResult.of(dot, PageState.BLANK, engine="rapidocr")
            >>> result.source, result.page_number, result.width, result.state
            ('dot.png', 2, 1, <PageState.BLANK: 'blank'>)
        """
        facts: dict[str, Any] = {
            "source": page.source,
            "page_number": page.page_number,
            "total_pages": page.total_pages,
            "width": page.width,
            "height": page.height,
            "rotation": page.rotation,
            "sha256": page.sha256,
        }
        return cls(state=state, **{**facts, **fields})

    @model_validator(mode="before")
    @classmethod
    def _of_an_earlier_version(cls, data: Any) -> Any:
        """0.1.0 wrote down the tables that are in the text: they are found there again."""
        if isinstance(data, dict) and "tables" in data:
            return {name: value for name, value in data.items() if name != "tables"}
        return data

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What stands on the page, in reading order, made when it is first asked for.

        They come from the page's lines, or from the text of a model that gave no lines. Levels of headings
        and page furniture are judged by this page alone; `DocumentResult.blocks` knows its neighbours.

        Example:
            >>> [block.kind for block in PageResult(text="# Prices\\n\\n- Tea").blocks]
            ['heading', 'list_item']
        """
        from vlm_core.structure.page_blocks import blocks_of_page

        return blocks_of_page(self)

    def __repr__(self) -> str:
        found = {"findings": len(self.findings), "error": self.error}
        more = "".join(f", {name}={value!r}" for name, value in found.items() if value)
        return (
            f"PageResult(source={self.source!r}, page_number={self.page_number}, state={self.state.value!r}, "
            f"lines={len(self.lines)}, characters={len(self.text)}{more})"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from vlm_core.export.notebook import page_html

        return page_html(self)

    def _repr_png_(self) -> bytes | None:
        from vlm_core.export.notebook import page_picture

        return page_picture(self)

    def show(self) -> None:
        """Show the page's picture with the boxes of its blocks and findings.

        In a notebook it stands below the cell, elsewhere the system's viewer is opened.

        Raises:
            InputError: the document was not a file or a URL, or is another one now.
        """
        from vlm_core.export.notebook import show_page

        show_page(self)

    @property
    def corrected(self) -> bool:
        """Whether a person changed its text.

        Example:
            >>> PageResult(text="11.90", corrections=(Correction(action="edit", text="11.90"),)).corrected
            True
        """
        return any(correction.changes_text for correction in self.corrections)

    @property
    def score(self) -> float | None:
        """How sure the page's text is, from 0 to 1.

        The scores of its lines, each by its length, less the share of its ink that is unread. Lines without
        a score, such as a PDF's own, count as sure. A page that failed has 0. None for a model's answer,
        which says nothing of the kind.

        Example:
            >>> sure = TextLine(text="Tea", bbox=(0, 0, 1, 1), score=0.9)
            >>> PageResult(text="Tea", lines=(sure,), unread_share=0.5).score
            0.45
        """
        if self.state in (PageState.FAILED, PageState.REFUSED, PageState.SKIPPED_BUDGET):
            return 0.0
        if self.raw or (self.text and not self.lines):
            return None
        weighed = [(1.0 if line.score is None else line.score, len(line.text)) for line in self.lines]
        total = sum(length for _, length in weighed)
        sure = sum(score * length for score, length in weighed) / total if total else 1.0
        return round(sure * (1 - self.unread_share), 4)

    def evidence_for(self, start: int, end: int) -> tuple[Box, ...]:
        """Where a part of the text stands on the page, a box for each printed line; none where it was not
        found.

        Of a line of which only a part is meant, the box has the same share of its width.

        Args:
            start: of its first character in `text`.
            end: behind its last one.

        Example:
            >>> line = Evidence(start=0, end=10, bboxes=((0.0, 0.1, 0.5, 0.2),), status="exact", agreement=1)
            >>> PageResult(text="TOTAL 9.00", evidence=(line,)).evidence_for(6, 10)
            ((0.3, 0.1, 0.5, 0.2),)
        """
        return tuple(
            _part_of(piece, start, end) if len(piece.bboxes) == 1 else box
            for piece in self.evidence
            if piece.start < end and start < piece.end
            for box in piece.bboxes
        )

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables among the blocks.

        Example:
            >>> PageResult(text="| Tea | 2.00 |\\n|---|---|").tables[0].to_rows()
            [['Tea', '2.00']]
        """
        return tuple(block.table for block in self.blocks if block.table is not None)


def _part_of(piece: Evidence, start: int, end: int) -> Box:
    """The box of a part of a line, whose characters are taken to be of one width."""
    x0, y0, x1, y1 = piece.bboxes[0]
    step = (x1 - x0) / max(piece.end - piece.start, 1)
    left, right = max(start - piece.start, 0), min(end, piece.end) - piece.start
    return rounded((x0 + step * left, y0, x0 + step * right, y1))


class DocumentResult(_Result):
    """The pages of one document, in order, none missing.

    Example:
        >>> document = DocumentResult(source="a.tif", pages=(PageResult(text="one"),))
        >>> document.ok, document.text
        (True, 'one')
    """

    source: str
    pages: tuple[PageResult, ...]
    attachments: tuple[DocumentResult, ...] = ()
    """Those of a PDF, where `read` was asked for them; `iter` gives each as a document of its own."""

    def __repr__(self) -> str:
        states = Counter(page.state.value for page in self.pages)
        counted = ", ".join(f"{count} {state}" for state, count in states.items())
        return (
            f"DocumentResult(source={self.source!r}, pages={len(self.pages)}, states={counted!r}, "
            f"characters={sum(len(page.text) for page in self.pages)})"
        )

    __str__ = __repr__

    def _repr_html_(self) -> str:
        from vlm_core.export.notebook import document_html

        return document_html(self)

    def _repr_png_(self) -> bytes | None:
        """The first page."""
        from vlm_core.export.notebook import page_picture

        return page_picture(self.pages[0]) if self.pages else None

    @property
    def ok(self) -> bool:
        """Whether every page was read, a blank one being read too; of attachments likewise."""
        return all(page.state in (PageState.OK, PageState.BLANK) for page in self._all_pages)

    @property
    def _all_pages(self) -> tuple[PageResult, ...]:
        attached = (page for document in self.attachments for page in document.pages)
        return *self.pages, *attached

    @property
    def errors(self) -> tuple[Exception, ...]:
        """The errors of the pages that have one, in page order."""
        return tuple(page.error for page in self._all_pages if page.error is not None)

    @property
    def usage(self) -> Usage | None:
        """Tokens and cost over all pages; None where no page has any."""
        return total_usage(page.usage for page in self._all_pages)

    @property
    def cost_usd(self) -> float | None:
        """What the pages cost together; None where no page says."""
        return sum_known(page.cost_usd for page in self._all_pages)

    @property
    def text(self) -> str:
        """The text of all pages, a blank line between two."""
        return "\n\n".join(page.text for page in self.pages if page.text)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """What stands on all pages, in reading order, made when it is first asked for.

        Levels of headings hold over the document. What stands on several pages at the edge is a page header
        or a page footer. A table that goes on from the page before says so.
        """
        from vlm_core.structure.page_blocks import blocks_of_document

        return blocks_of_document(self.pages)

    @property
    def tables(self) -> tuple[Table, ...]:
        """The tables of the document; one that goes on over pages is one, its cells with their pages.

        Example:
            >>> pages = (PageResult(text="| Tea | 2.00 |\\n|---|---|"),)
            >>> DocumentResult(source="a.png", pages=pages).tables[0].to_rows()
            [['Tea', '2.00']]
        """
        from vlm_core.structure.joined_tables import joined, tables_of

        return tuple(joined(parts) for parts in tables_of(self.blocks))

    def to_html(self) -> str:
        """The document as one page of HTML, with all that it says escaped.

        Example:
            >>> "<p>a &lt; b</p>" in DocumentResult(source="a", pages=(PageResult(text="a < b"),)).to_html()
            True
        """
        from vlm_core.structure.exports import to_html

        return to_html(self.blocks, title=self.source)

    def to_docling(self) -> DoclingDocument:
        """The document as docling has it, for docling's chunkers and exports.

        Headings have their levels, lists their groups, tables their spans and captions; one over several
        pages is one. Page headers and page footers are in docling's furniture layer. Boxes are in pixels from
        the top left of the page; what has no box has that of its page.

        Raises:
            MissingExtraError: docling-core is not installed.
        """
        from vlm_core.structure.docling_document import as_docling

        return as_docling(self)

    def to_markdown(self, *, furniture: Furniture | None = None) -> str:
        """The document as Markdown, each page behind a comment with its number and state.

        Args:
            furniture: where it is given, the Markdown is made of the blocks, without comments, each table
                over several pages whole. "drop" leaves page headers, page footers and page numbers out,
                "keep" has them as paragraphs, "mark" as the HTML elements header and footer.

        Example:
            >>> DocumentResult(source="a", pages=(PageResult(text="one", total_pages=1),)).to_markdown()
            '<!-- page 1 of 1 -->\\n\\none\\n'
        """
        if furniture is not None:
            from vlm_core.structure.document_markdown import markdown_of

            return markdown_of(self.blocks, furniture)
        return "\n\n".join(part for page in self.pages for part in _markdown_parts(page)) + "\n"


def _markdown_parts(page: PageResult) -> list[str]:
    total = f" of {page.total_pages}" if page.total_pages else ""
    state = "" if page.state is PageState.OK else f": {page.state.value}"
    return [f"<!-- page {page.page_number}{total}{state} -->", *([page.text] if page.text else [])]
