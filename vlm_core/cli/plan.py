"""`vlm plan`: what reading would take, before anything is paid."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from typing import Annotated, Any

import typer

from vlm_core.cli import options
from vlm_core.cli.options import page_numbers
from vlm_core.cli.report import SOME_FAILED, exit_code_for_errors, printable
from vlm_core.jobs.plan import Plan
from vlm_core.jobs.reader import DocumentReader

_Sources = Annotated[
    list[str],
    typer.Argument(metavar="SOURCE", help="Files, folders, patterns or URLs; - is standard input."),
]
_Engines = Annotated[
    list[str] | None,
    typer.Option(
        "--engine",
        "-e",
        metavar="NAME",
        show_default=False,
        help="Engine to plan for: local or PROVIDER:MODEL. Repeatable. Without it, pages are counted.",
    ),
]
_Task = Annotated[str, typer.Option(metavar="NAME", help="What the text is to look like.")]
_Pages = Annotated[str | None, typer.Option(metavar="1-3,7", help="These pages only.")]
_OutputTokens = Annotated[
    int | None, typer.Option(min=1, metavar="N", help="Expected of a page's answer; 400 by default.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="All of it, with every page, as JSON.")]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]


def plan(
    sources: _Sources,
    engine: _Engines = None,
    task: _Task = "markdown",
    prompt: options.Prompt = None,
    schema: options.Schema = None,
    base_url: options.BaseUrl = None,
    max_side: options.MaxSide = None,
    max_tokens: options.MaxTokens = None,
    journal: options.Journal = None,
    pages: _Pages = None,
    expected_output_tokens: _OutputTokens = None,
    as_json: _AsJson = False,
    quiet: _Quiet = False,
) -> None:
    """Tell what reading scans, photographs and PDFs would take: pages, tokens and money.

    Every page is opened and measured; nothing is sent, and no key is needed.

    \b
    Examples:
      vlm plan scans/
      vlm plan scans/ -e deepinfra:allenai/olmOCR-2-7B-1025 -e novita:deepseek/deepseek-ocr
      vlm plan book.pdf -e deepinfra:allenai/olmOCR-2-7B-1025 --journal pages.journal

    \b
    Exit codes: 0 planned; 2 the command is wrong; 3 some pages cannot be opened.
    """
    with exit_code_for_errors():
        first, *others = [options.engine_of(name, base_url, None) for name in engine or ["local"]]
        reader = DocumentReader(
            first,
            task if schema is None else "json",
            **options.of_model(prompt, schema, max_side, max_tokens),
            journal=journal,
        )
        plan = reader.plan(
            [options.as_input(source) for source in sources],
            routes=[first, *others] if others else (),
            pages=page_numbers(pages) if pages else None,
            expected_output_tokens=expected_output_tokens,
        )
        if not engine:
            plan = replace(plan, routes=())
        typer.echo(json.dumps(_as_dict(plan), indent=2) if as_json else printable(str(plan), allowed="\n"))
        raise typer.Exit(SOME_FAILED if plan.failed else 0)


def _as_dict(plan: Plan) -> dict[str, Any]:
    sums = ("image_tokens", "input_tokens", "expected_cost_usd", "worst_cost_usd")
    rows = [{**asdict(route), **{name: getattr(route, name) for name in sums}} for route in plan.routes]
    return {**asdict(plan), "routes": rows}
