"""`vlm review`: pages beside their pictures in a browser, and the corrections that come back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

import typer

from vlm_core.cli import options
from vlm_core.cli.options import OUTPUT, PAGES, as_input, page_numbers
from vlm_core.cli.report import FAILED, SOME_FAILED, Report, exit_code_for_errors, say
from vlm_core.errors import ConfigError
from vlm_core.export.journal_documents import documents_of_journal
from vlm_core.export.review import review as write_review
from vlm_core.images.reading import is_missing
from vlm_core.jobs.corrections import apply_corrections, is_journal
from vlm_core.jobs.journal import Journal
from vlm_core.jobs.reader import DocumentReader
from vlm_core.types import DocumentResult, PageResult

_TOLD = 5  # pages without a picture, and corrections that were refused, up to which each is named

_Sources = Annotated[list[str], typer.Argument(metavar="SOURCE|JOURNAL", hidden=True)]
_Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="The page. Default: review.html.",
        show_default=False,
    ),
]
_SingleFile = Annotated[
    bool, typer.Option("--single-file", rich_help_panel=OUTPUT, help="Put the pictures into the page itself.")
]
_Apply = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=OUTPUT,
        help="Put what was corrected, and saved by the page as FILE, into the journal.",
    ),
]
_Pages = Annotated[str | None, typer.Option(metavar="1-3,7", rich_help_panel=PAGES, help="Only these pages.")]
_Verify = Annotated[
    bool, typer.Option("--verify", rich_help_panel=PAGES, help="Check a model's words by the pixels.")
]
_AllowPrivateUrls = Annotated[
    bool,
    typer.Option("--allow-private-urls", rich_help_panel=PAGES, help="URLs may lead to private networks."),
]


def review(
    sources: _Sources,
    output: _Output = None,
    single_file: _SingleFile = False,
    apply: _Apply = None,
    engine: options.Engine = "local",
    base_url: options.BaseUrl = None,
    api_key: options.ApiKey = None,
    journal: options.Journal = None,
    pages: _Pages = None,
    password: options.Password = None,
    verify: _Verify = False,
    allow_private_urls: _AllowPrivateUrls = False,
) -> None:
    """Look at pages beside their pictures, in a browser, and correct them.

    A JOURNAL shows what a job has read. A SOURCE (a file, folder, pattern or URL) is read first.

    \b
    Examples:
      vlm review scans.journal -o review.html
      vlm review scans.journal --apply corrections.json
      vlm review invoice.png --single-file
      vlm review scans/ --verify --journal scans.journal \\
          -e deepinfra:allenai/olmOCR-2-7B-1025

    \b
    Exit codes: 0 ok; 1 it failed; 2 wrong command; 3 some corrections do
    not fit, some pages failed or need a look; 4 no key, wrong key or no credit.
    """
    with exit_code_for_errors():
        kept = _journal(sources)
        code = 0 if apply is None else _apply(apply, kept or journal)
        if apply is not None and output is None:
            raise typer.Exit(code)
        if kept is not None:
            documents = _recorded(kept)
        else:
            report = Report()
            reader = DocumentReader(
                options.engine_of(engine, base_url, api_key),
                journal=journal,
                verify=verify,
                password=password,
                allow_private_urls=allow_private_urls,
                on_page=report.page,
                progress="auto",
            )
            documents = _read(reader, report, sources, pages)
            code = code or report.exit_code
        if all(is_missing(page.error) for document in documents for page in document.pages):
            raise typer.Exit(code or FAILED)  # the report has said so
        write_page(
            documents,
            output or Path("review.html"),
            single_file=single_file,
            password=password,
            allow_private_urls=allow_private_urls,
        )
    raise typer.Exit(code)


def _recorded(journal: Path) -> list[DocumentResult]:
    with Journal(journal, create=False) as opened:
        return list(documents_of_journal(opened))


def _read(
    reader: DocumentReader, report: Report, sources: Sequence[str], pages: str | None
) -> list[DocumentResult]:
    with report.telling_warnings():
        inputs = [as_input(source) for source in sources]
        numbered = reader.stoppable_pages(inputs, pages=page_numbers(pages) if pages else None)
        return documents_from(page for _, page in numbered)


def _journal(sources: Sequence[str]) -> Path | None:
    """The journal, if that is what was given.

    Raises:
        ConfigError: there is one, and something else.
    """
    paths = [Path(source).expanduser() for source in sources if source != "-" and "://" not in source]
    journals = [path for path in paths if is_journal(path)]
    if journals and len(sources) > 1:
        raise ConfigError(f"{journals[0]} is a journal", hint="Give it alone, or documents alone.")
    return journals[0] if journals else None


def _apply(corrections: Path, journal: Path | None) -> int:
    """Put corrections into a journal, say what became of them, and give the exit code."""
    if journal is None:
        raise ConfigError("--apply needs a journal", hint="Give it, as in: vlm review JOURNAL --apply FILE")
    applied = apply_corrections(corrections, journal)
    _say_some("not corrected", applied.refused)
    before = f"; {applied.already} were so before" if applied.already else ""
    say(f"{journal} has {_count(applied.pages, 'page')} with corrections{before}")
    return SOME_FAILED if applied.refused else 0


def write_page(
    documents: Iterable[DocumentResult],
    output: Path,
    *,
    single_file: bool = False,
    password: str | None = None,
    allow_private_urls: bool = False,
) -> None:
    """Write a review page, and say where it is and what is on it.

    Args:
        documents: to be looked at.
        output: the page's file.
        single_file: whether the pictures are in it.
        password: of encrypted PDFs.
        allow_private_urls: whether a URL may lead to this machine or its network.
    """
    page = write_review(
        documents,
        output,
        single_file=single_file,
        password=password,
        allow_private_urls=allow_private_urls,
    )
    _say_some("without a picture", page.without_picture)
    say(f"{output} has {_count(page.pages, 'page')} and {_count(page.findings, 'finding')}")


def _say_some(what: str, pages: Sequence[str]) -> None:
    for page in pages[:_TOLD]:
        say(f"{what}: {page}")
    if len(pages) > _TOLD:
        say(f"{what}: {len(pages) - _TOLD} more")


def documents_from(pages: Iterable[PageResult]) -> list[DocumentResult]:
    """Pages as the documents that they are of.

    Args:
        pages: in order.

    Example:
        >>> pages = [PageResult(source="a"), PageResult(source="a", page_number=2), PageResult(document=1)]
        >>> [len(document.pages) for document in documents_from(pages)]
        [2, 1]
    """
    groups = (list(group) for _, group in groupby(pages, key=lambda page: page.document))
    return [DocumentResult(source=group[0].source, pages=tuple(group)) for group in groups]


def _count(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
