"""`vlm read`: documents to text."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from vlm_core.cli import model_options as options
from vlm_core.cli.formats import SUFFIXES, Format
from vlm_core.cli.outputs import destination
from vlm_core.cli.page_range import page_numbers
from vlm_core.cli.report import Report, exit_code_for_errors
from vlm_core.errors import ConfigError
from vlm_core.images.sources import expand
from vlm_core.jobs.reader import DocumentReader

_Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE", help="Files, folders, patterns or URLs; - is standard input."),
]
_Output = Annotated[
    str, typer.Option("--output", "-o", metavar="PATH", help="A file, or a folder for a file a document.")
]
_Form = Annotated[
    Format | None,
    typer.Option("--format", "-f", help="By default what the output's suffix says, else markdown."),
]
_AsJson = Annotated[bool, typer.Option("--json", help="The same as --format json.")]
_Task = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="markdown, text or layout; a vision model also does "
        "table, json, handwriting, receipt and describe. By default what fits the format.",
    ),
]
_Pages = Annotated[str | None, typer.Option(metavar="1-3,7", help="Read these pages only.")]
_MaxPages = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="At most so many pages of each document.")
]
_Password = Annotated[
    str | None,
    typer.Option(metavar="TEXT", envvar="VLM_PASSWORD", help="Of encrypted PDFs; safer in the variable."),
]
_PdfText = Annotated[
    Literal["auto", "ignore"], typer.Option(help="ignore: do not trust the text that a PDF brings.")
]
_AllowPrivateUrls = Annotated[
    bool, typer.Option("--allow-private-urls", help="URLs may lead to this machine or its network.")
]
_Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress, no warnings; failures are still told.")
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
    allow_private_urls: _AllowPrivateUrls = False,
    quiet: _Quiet = False,
) -> None:
    """Read scans, photographs and PDFs, and write their text.

    \b
    Examples:
      vlm read invoice.png
      vlm read scans/ -o texts/
      vlm read book.pdf --pages 1-3,7 --format text
      vlm read scans/ -o pages.jsonl
      vlm read scans/ -o texts/ -e deepinfra:allenai/olmOCR-2-7B-1025 --journal pages.journal --budget 5
      curl -s https://example.com/a.tif | vlm read - --json

    \b
    Exit codes: 0 all was read; 1 nothing could be read; 2 the command is wrong;
    3 some pages failed; 4 no key, a wrong key or no credit; 130 interrupted with Ctrl-C, 143 by
    SIGTERM. What was read is always written.
    """
    report = Report(quiet=quiet)
    with exit_code_for_errors(report):
        chosen = _format(form, as_json, output)
        request = {"max_side": max_side, "max_tokens": max_tokens}
        reader = DocumentReader(
            options.engine_of(engine, base_url, api_key),
            task or ("json" if schema else "text" if chosen == "text" else "markdown"),
            prompt=prompt,
            output_schema=options.schema_in(schema),
            request_options={name: value for name, value in request.items() if value is not None},
            fallbacks=fallback or (),
            journal=journal,
            budget_usd=budget,
            max_concurrency=max_concurrency,
            pdf_text=pdf_text,
            password=password,
            max_pages=max_pages,
            on_page=report.page,
            progress=False if quiet or _on_screen(output) else "auto",
            allow_private_urls=allow_private_urls,
        )
        numbers = page_numbers(pages) if pages else None
        found = expand(map(_input, sources), allow_private_urls=allow_private_urls, on_skip=report.skipped)
        documents = list(found)
        report.tell_skipped()
        write = destination(output, chosen, sources, documents, lambda: not report.interrupted)
        write(report.until_interrupted(reader.iter_pages(documents, pages=numbers)))
        report.tell_alike()
    raise typer.Exit(report.exit_code)


def _input(source: str) -> Any:
    return sys.stdin.buffer if source == "-" else source


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


def _on_screen(output: str) -> bool:
    """Whether pages appear on the terminal, where a progress bar would be in their way."""
    return output == "-" and sys.stdout.isatty()
