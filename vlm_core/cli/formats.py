"""Pages as the text of an output: Markdown, plain text, HTML, tables as CSV, JSON or a JSON line a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Literal, TypeAlias

from pydantic import BaseModel

from vlm_core.cli.report import printable
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
        pages: in order, one document after the other. Its own pages count upwards, and one that
            could not be opened has a single result.

    Example:
        >>> pages = [PageResult(page_number=n, total_pages=2, source="a") for n in (1, 2, 1, 2)]
        >>> [[page.page_number for page in document] for document in by_document(pages)]
        [[1, 2], [1, 2]]
    """
    for _, numbered in groupby(_numbered(pages), key=itemgetter(0)):
        yield (page for _, page in numbered)


def _numbered(pages: Iterable[PageResult]) -> Iterator[tuple[int, PageResult]]:
    document = 0
    last: PageResult | None = None
    for page in pages:
        document += last is not None and not _continues(last, page)
        last = page
        yield document, page


def _continues(last: PageResult, page: PageResult) -> bool:
    return page.source == last.source and page.page_number > last.page_number and last.total_pages is not None


def render(form: Format, pages: Iterable[PageResult], *, many: bool) -> Iterator[str]:
    """The text of an output, piece by piece, as pages come.

    Args:
        form: of the output.
        pages: of one document or of many, in order.
        many: whether there may be more documents than one: each is then headed by its name, and
            JSON is a list.

    Example:
        >>> pages = [PageResult(text="one", source="a"), PageResult(text="two", source="b")]
        >>> print("".join(render("text", pages, many=True)), end="")
        ==> a <==
        <BLANKLINE>
        one
        <BLANKLINE>
        ==> b <==
        <BLANKLINE>
        two
    """
    return _RENDERERS[form](pages, many)


def _as_markdown(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    return _separated(_headed(pages, _markdown_page, "<!-- {} -->\n" if many else ""))


def _markdown_page(page: PageResult) -> str:
    return DocumentResult(source=page.source, pages=(page,)).to_markdown()


def _as_text(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    return _separated(_headed(pages, _text_page, "==> {} <==\n" if many else ""))


def _text_page(page: PageResult) -> str:
    return f"{page.text}\n" if page.text else ""


def _headed(pages: Iterable[PageResult], text: Callable[[PageResult], str], heading: str) -> Iterator[str]:
    """The text of pages, that of each document's first one behind a heading."""
    for document in by_document(pages):
        first = next(document)
        yield heading.format(_in_comment(first.source))
        yield text(first)
        yield from map(text, document)


def _in_comment(name: str) -> str:
    return printable(name).replace("-->", "--&gt;")  # which would end it


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
    """The tables of one document as CSV.

    Example:
        >>> csv_tables([PageResult(text="| Tea | 2.00 |\\n|---|---|\\n| Cake | 3.50 |")])
        ['Tea,2.00\\r\\nCake,3.50\\r\\n']
    """
    gathered = tuple(pages)
    return [table.to_csv() for table in DocumentResult(source="", pages=gathered).tables]


def _as_json(pages: Iterable[PageResult], many: bool) -> Iterator[str]:
    documents = (_document(document) for document in by_document(pages))
    if not many:
        yield from (f"{_dump(document, indent=2)}\n" for document in documents)
        return
    separator = "[\n"
    for document in documents:
        yield separator + _dump(document, indent=2)
        separator = ",\n"
    yield "\n]\n" if separator != "[\n" else "[]\n"


def _document(pages: Iterable[PageResult]) -> DocumentResult:
    gathered = tuple(pages)
    return DocumentResult(source=gathered[0].source, pages=gathered)


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
