"""Pages as the text of an output: Markdown, plain text, HTML, tables as CSV, JSON or a JSON line a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import attrgetter
from typing import Literal, TypeAlias

from pydantic import BaseModel

from vlm_core.cli.report import printable, say
from vlm_core.structure.exports import html_page
from vlm_core.types import DocumentResult, PageResult

Format: TypeAlias = Literal["markdown", "text", "html", "csv", "json", "jsonl"]

SUFFIXES: dict[Format, str] = {
    "markdown": ".md",
    "text": ".txt",
    "html": ".html",
    "csv": ".csv",
    "json": ".json",
    "jsonl": ".jsonl",
}
"""Of the files that hold them."""


def by_document(pages: Iterable[PageResult]) -> Iterator[Iterator[PageResult]]:
    """The pages of each document; they are to be taken before the next document is.

    Args:
        pages: in order, one document after the other.

    Example:
        >>> pages = [PageResult(page_number=n, document=number) for number in (0, 1) for n in (1, 2)]
        >>> [[page.page_number for page in document] for document in by_document(pages)]
        [[1, 2], [1, 2]]
    """
    return (document for _, document in groupby(pages, key=attrgetter("document")))


def render(form: Format, pages: Iterable[PageResult], *, many: bool) -> Iterator[str]:
    """The text of an output, piece by piece, as pages come.

    Args:
        form: of the output.
        pages: of one document or of many, in order.
        many: whether there may be more documents than one: each is then headed by its name, and
            JSON is a list.

    Example:
        >>> pages = [PageResult(text=f"{n}", source="ab"[n], document=n) for n in (0, 1)]
        >>> print("".join(render("text", pages, many=True)), end="")
        ==> a <==
        <BLANKLINE>
        0
        <BLANKLINE>
        ==> b <==
        <BLANKLINE>
        1
    """
    return _RENDERERS[form](pages, many)


def _as_markdown(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    def text(page: PageResult) -> str:
        return DocumentResult(source=page.source, pages=(page,)).to_markdown()

    return _separated(_headed(pages, text, "<!-- {} -->\n" if many else ""))


def _as_text(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    def text(page: PageResult) -> str:
        return f"{page.text}\n" if page.text else ""

    return _separated(_headed(pages, text, "==> {} <==\n" if many else ""))


def _headed(pages: Iterable[PageResult], text: Callable[[PageResult], str], heading: str) -> Iterator[str]:
    """The text of pages, that of each document's first one behind a heading."""
    for document in by_document(pages):
        first = next(document)
        # A name must not end the comment that it stands in.
        yield heading.format(printable(first.source).replace("-->", "--&gt;"))
        yield text(first)
        yield from map(text, document)


def _separated(pieces: Iterable[str]) -> Iterator[str]:
    """Pieces that hold something, a blank line between two."""
    separator = ""
    for piece in filter(None, pieces):
        yield separator + piece
        separator = "\n"


def _as_html(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    documents = [_document(document) for document in by_document(pages)]
    title = "" if many else "".join(printable(document.source) for document in documents)
    yield html_page(
        [(printable(document.source) if many else "", document.blocks) for document in documents], title
    )


def _as_csv(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    return _separated(table for document in by_document(pages) for table in csv_tables(document))


def csv_tables(pages: Iterable[PageResult]) -> list[str]:
    """The tables of one document as CSV; where there are none, that is said.

    Example:
        >>> csv_tables([PageResult(text="| Tea | 2.00 |\\n|---|---|\\n| Cake | 3.50 |")])
        ['Tea,2.00\\r\\nCake,3.50\\r\\n']
    """
    document = _document(pages)
    if not document.tables:
        say(f"{document.source}: no tables were found, so nothing is written of it")
    return [table.to_csv() for table in document.tables]


def _document(pages: Iterable[PageResult]) -> DocumentResult:
    gathered = tuple(pages)
    return DocumentResult(source=gathered[0].source, pages=gathered)


def _as_json(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    documents = (_document(document) for document in by_document(pages))
    if not many:
        yield from (f"{_dump(document, indent=2)}\n" for document in documents)
        return
    # The list is written as documents come, so that no more than one of them is held in memory.
    separator = "[\n"
    for document in documents:
        yield separator + _dump(document, indent=2)
        separator = ",\n"
    yield "\n]\n" if separator != "[\n" else "[]\n"


def _as_jsonl(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    return (f"{_dump(page)}\n" for page in pages)


def _dump(value: BaseModel, indent: int | None = None) -> str:
    return json.dumps(value.model_dump(mode="json"), ensure_ascii=False, indent=indent)


_RENDERERS: dict[Format, Callable[[Iterable[PageResult], bool], Iterator[str]]] = {
    "markdown": _as_markdown,
    "text": _as_text,
    "html": _as_html,
    "csv": _as_csv,
    "json": _as_json,
    "jsonl": _as_jsonl,
}
