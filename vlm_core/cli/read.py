"""`vlm read`: documents to text."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer

from vlm_core.cli import options
from vlm_core.cli.formats import SUFFIXES, Format
from vlm_core.cli.interrupts import Interrupts
from vlm_core.cli.options import OUTPUT, PAGES, as_input, page_numbers
from vlm_core.cli.outputs import destination
from vlm_core.cli.report import Report, exit_code_for_errors, say
from vlm_core.cli.review import documents_from, write_page
from vlm_core.cli.tally import Destination, Tally, in_words, interrupted_in_words
from vlm_core.errors import ConfigError
from vlm_core.images.attached_sources import with_attachments
from vlm_core.images.sources import Source, expand
from vlm_core.jobs.ordered import NumberedPage
from vlm_core.jobs.page_job import chosen_pages
from vlm_core.jobs.reader import DocumentReader
from vlm_core.types import PageResult

_Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE", hidden=True),
]
_Output = Annotated[
    str,
    typer.Option(
        "--output",
        "-o",
        metavar="PATH",
        show_default=False,
        rich_help_panel=OUTPUT,
        help="A file, or a folder for one file per document. Default: standard output.",
    ),
]
_Form = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        metavar="FORMAT",
        rich_help_panel=OUTPUT,
        help="markdown, text, html, csv, json or jsonl. Default: as the suffix of -o, else markdown.",
    ),
]
_AsJson = Annotated[bool, typer.Option("--json", rich_help_panel=OUTPUT, help="Same as --format json.")]
_Quiet = Annotated[
    bool,
    typer.Option(
        "--quiet", "-q", rich_help_panel=OUTPUT, help="No progress, warnings or summary; only failures."
    ),
]
_Task = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=PAGES,
        help="markdown, text or layout; with a vision model also table, json, handwriting, receipt, "
        "describe. Default: fits the format.",
    ),
]
_Pages = Annotated[
    str | None,
    typer.Option(metavar="1-3,7", rich_help_panel=PAGES, help="Only these pages. 5- is 5 to the last."),
]
_MaxPages = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", rich_help_panel=PAGES, help="At most N pages of each document."),
]
_Password = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        envvar="VLM_PASSWORD",
        rich_help_panel=PAGES,
        help="Password of encrypted PDFs. The variable is safer.",
    ),
]
_PdfText = Annotated[
    Literal["auto", "ignore"],
    typer.Option(
        metavar="WHICH",
        show_default=False,
        rich_help_panel=PAGES,
        help="auto: use a PDF's own text. ignore: read pages as images. Default: auto.",
    ),
]
_NoDehyphenate = Annotated[
    bool,
    typer.Option("--no-dehyphenate", rich_help_panel=PAGES, help="Leave words parted at line ends."),
]
_Furniture = Annotated[
    Literal["drop", "keep", "mark"],
    typer.Option(
        metavar="WHICH",
        show_default=False,
        rich_help_panel=PAGES,
        help="drop, keep or mark page headers.",
    ),
]
_FigureImages = Annotated[
    Path | None,
    typer.Option(metavar="DIR", rich_help_panel=PAGES, help="Where the pictures of figures go."),
]
_Verify = Annotated[
    bool,
    typer.Option("--verify", rich_help_panel=PAGES, help="Check a model's words by the pixels."),
]
_VerifyWith = Annotated[
    str | None,
    typer.Option(metavar="MODEL", rich_help_panel=PAGES, help="Show a second model what is disputed."),
]
_Review = Annotated[
    Path | None,
    typer.Option(metavar="FILE", rich_help_panel=OUTPUT, help="Write a page to look at, too."),
]
_Lang = Annotated[
    str | None,
    typer.Option(
        "--lang", metavar="rus+eng", rich_help_panel=PAGES, help="Languages the local engine expects."
    ),
]
_AllowPrivateUrls = Annotated[
    bool,
    typer.Option("--allow-private-urls", rich_help_panel=PAGES, help="URLs may lead to private networks."),
]

_Attachments = Annotated[
    bool,
    typer.Option("--attachments", rich_help_panel=PAGES, help="Read what is attached to PDFs, too."),
]
_Trusted = Annotated[
    bool,
    typer.Option(
        "--trusted",
        rich_help_panel=PAGES,
        help="Your own files: read larger ones, too.",
    ),
]


def read(
    sources: _Sources,
    output: _Output = "-",
    form: _Form = None,
    as_json: _AsJson = False,
    engine: options.Engine = "local",
    task: _Task = None,
    prompt: options.Prompt = None,
    schema: options.Schema = None,
    fallback: options.Fallback = None,
    base_url: options.BaseUrl = None,
    api_key: options.ApiKey = None,
    max_side: options.MaxSide = None,
    max_tokens: options.MaxTokens = None,
    journal: options.Journal = None,
    budget: options.Budget = None,
    max_concurrency: options.MaxConcurrency = 8,
    pages: _Pages = None,
    max_pages: _MaxPages = None,
    password: _Password = None,
    pdf_text: _PdfText = "auto",
    no_dehyphenate: _NoDehyphenate = False,
    furniture: _Furniture = "mark",
    figure_images: _FigureImages = None,
    verify: _Verify = False,
    verify_with: _VerifyWith = None,
    lang: _Lang = None,
    allow_private_urls: _AllowPrivateUrls = False,
    attachments: _Attachments = False,
    trusted: _Trusted = False,
    review: _Review = None,
    quiet: _Quiet = False,
) -> None:
    """Read scans, photographs and PDFs, and write their text.

    A SOURCE is a file, a folder, a pattern or a URL; - is standard input.

    \b
    Examples:
      vlm read invoice.png
      vlm read scans/ -o texts/
      vlm read book.pdf --pages 1-3,7 --format text
      vlm read scans/ -o pages.jsonl
      vlm read scans/ -o texts/ --journal scans.journal --budget 5 \\
          -e deepinfra:allenai/olmOCR-2-7B-1025
      curl -s https://example.com/a.tif | vlm read - --json

    \b
    Exit codes: 0 all pages read; 1 nothing read; 2 wrong command;
    3 some pages failed or need a look; 4 no key, wrong key or no credit;
    130 Ctrl-C and 143 SIGTERM, what was read is kept.
    """
    report, interrupts = Report(quiet=quiet), Interrupts()
    with exit_code_for_errors(), interrupts.minded(), report.telling_warnings():
        chosen = _format(form, as_json, output)
        numbers = page_numbers(pages) if pages else None
        reader = DocumentReader(
            options.engine_of(engine, base_url, api_key),
            **options.of_model(prompt, schema, max_side, max_tokens, fallback),
            task=task or ("json" if schema else "text" if chosen == "text" else "markdown"),
            journal=journal,
            budget_usd=budget,
            max_concurrency=max_concurrency,
            pdf_text=pdf_text,
            dehyphenate=not no_dehyphenate,
            furniture=furniture,
            figure_images=figure_images,
            verify=verify,
            verify_with=verify_with,
            languages=lang,
            password=password,
            max_pages=max_pages,
            on_page=report.page,
            progress=not quiet and not _on_screen(output) and "auto",
            allow_private_urls=allow_private_urls,
            trusted=trusted,
        )
        # All documents are known before the first is read: their outputs need names of their own.
        inputs = expand(map(as_input, sources), allow_private_urls=allow_private_urls, on_skip=report.skipped)
        carried = with_attachments(inputs, password=password, trusted=trusted) if attachments else inputs
        documents = interrupts.cutting_short(carried)
        report.tell_skipped()
        tally = Tally(lambda total: len(chosen_pages(total, numbers)[:max_pages]))
        target = destination(output, chosen, sources, documents, tally)
        looked_at: list[PageResult] = []
        to_write = interrupts.pages_of(reader.stoppable_pages(documents, pages=numbers))
        target.write(tally.counted(to_write if review is None else _kept(to_write, looked_at)))
        report.tell_alike()
        if review is not None and looked_at:
            write_page(
                documents_from(looked_at), review, password=password, allow_private_urls=allow_private_urls
            )
        is_summed_up = not (quiet or _says_all(output, chosen, documents))
        _say_last(tally, target, journal, len(documents), interrupts, is_summed_up=is_summed_up)
    raise typer.Exit(interrupts.exit_code or report.exit_code)


def _kept(pages: Iterable[NumberedPage], into: list[PageResult]) -> Iterator[NumberedPage]:
    """The same pages, which are kept for the page to look at."""
    for number, page in pages:
        into.append(page)
        yield number, page


def _format(form: Format | None, as_json: bool, output: str) -> Format:
    if not as_json:
        return form or _format_of(output)
    if form not in (None, "json"):
        raise ConfigError(f"--json contradicts --format {form}", hint="Give one of them.")
    return "json"


def _format_of(output: str) -> Format:
    suffix = "" if output.endswith("/") or Path(output).is_dir() else Path(output).suffix.lower()
    forms: dict[str, Format] = {"": "markdown", **{its_suffix: form for form, its_suffix in SUFFIXES.items()}}
    if suffix not in forms:
        known = ", ".join(SUFFIXES.values())
        raise ConfigError(
            f"-o {output}: no format has the suffix {suffix}", hint=f"Use {known}, or say --format."
        )
    return forms[suffix]


def _say_last(
    tally: Tally,
    target: Destination,
    journal: Path | None,
    documents: int,
    interrupts: Interrupts,
    *,
    is_summed_up: bool,
) -> None:
    """Say what was read and where it is; after an interruption in any case."""
    if interrupts.stopped_by:
        say(interrupted_in_words(tally, documents, target, journal))
    elif is_summed_up:
        say(in_words(tally, target))


def _says_all(output: str, form: Format, documents: Sequence[Source]) -> bool:
    """Whether the output itself says all, so that no last line sums it up."""
    return output == "-" and (len(documents) == 1 or form in ("json", "jsonl"))


def _on_screen(output: str) -> bool:
    """Whether pages appear on the terminal, where a progress bar would be in their way."""
    return output == "-" and sys.stdout.isatty()
