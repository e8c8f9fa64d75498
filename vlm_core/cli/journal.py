"""`vlm journal`: what a journal holds and what it took, whether it is whole, and what to remove of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated

import typer

from vlm_core.cli.options import Command
from vlm_core.cli.report import FAILED, exit_code_for_errors, printable, say, table
from vlm_core.errors import ConfigError
from vlm_core.jobs.journal import Journal
from vlm_core.jobs.journal_rows import JournalPage, JournalTotals
from vlm_core.jobs.writing import is_special, replaced, written_in_place
from vlm_core.types import PageState

_Path = Annotated[Path, typer.Argument(metavar="JOURNAL", show_default=False, help="The journal's file.")]
_State = Annotated[PageState | None, typer.Option(help="Only pages that ended so.", show_default=False)]
_AsJson = Annotated[bool, typer.Option("--json", help="The pages, as JSON.")]
_OlderThan = Annotated[
    float | None, typer.Option(min=0, metavar="DAYS", help="Pages recorded longer ago.", show_default=False)
]
_Bad = Annotated[bool, typer.Option("--bad", help="Pages that were not read well.")]
_Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="Pages read by this model.", show_default=False)
]
_Output = Annotated[str, typer.Argument(metavar="[FILE]", help="Where it goes; - is standard output.")]

journal = typer.Typer(no_args_is_help=True, help="Look at a journal of pages that were paid for.")


@journal.command("list", cls=Command)
def list_pages(path: _Path, state: _State = None, as_json: _AsJson = False) -> None:
    """List the pages with what they took, and the totals. No text is shown.

    \b
    Examples:
      vlm journal list scans.journal
      vlm journal list scans.journal --state failed --json

    \b
    Exit codes: 0 ok; 1 it cannot be read; 2 it is not a journal.
    """
    with _opened(path) as opened:
        pages = list(opened.pages(state and state.value))
        if as_json:
            typer.echo(json.dumps([page.as_json() for page in pages], indent=2))
            return
        listing = table([_HEAD, *map(_cells, pages)])
        typer.echo(printable(f"{listing}\n\nIn all: {_in_words(opened.totals())}", allowed="\n"))


@journal.command(cls=Command)
def verify(path: _Path) -> None:
    """Check the file and each page's row. A damaged row is never used: the page is read again.

    Exit codes: 0 all is well; 1 something is damaged; 2 it is not a journal.
    """
    with _opened(path) as opened:
        problems = opened.verify()
        for problem in problems:
            say(problem)
        if problems:
            raise typer.Exit(FAILED)
        typer.echo(f"ok: {_in_words(opened.totals())}")


@journal.command(cls=Command)
def prune(path: _Path, older_than: _OlderThan = None, bad: _Bad = False, model: _Model = None) -> None:
    """Remove the pages to which all the options apply. Their text is overwritten.

    \b
    Examples:
      vlm journal prune scans.journal --older-than 90
      vlm journal prune scans.journal --bad

    \b
    Exit codes: 0 ok; 1 it cannot be written; 2 it is not a journal, or it was not said which pages.
    """
    with _opened(path) as opened:
        count = opened.prune(older_than_days=older_than, bad_only=bad, model=model)
        typer.echo(f"{_number(count, 'page')} removed")


@journal.command(cls=Command)
def export(path: _Path, output: _Output = "-") -> None:
    """Write all that is known of each page, its text too, as a line of JSON.

    \b
    Examples:
      vlm journal export scans.journal | jq -r .result.text
      vlm journal export scans.journal pages.jsonl

    \b
    Exit codes: 0 ok; 1 it cannot be read or written; 2 it is not a journal.
    """
    with _opened(path) as opened, _writable(output, path) as file:
        opened.export(file)


@contextmanager
def _opened(path: Path) -> Iterator[Journal]:
    with exit_code_for_errors(), Journal(path, create=False) as opened:
        yield opened


@contextmanager
def _writable(output: str, journal_path: Path) -> Iterator[IO[str]]:
    if output == "-":
        yield sys.stdout
        sys.stdout.flush()
        return
    path = Path(output).expanduser()
    # By the file and not by the name: a link to the journal would empty it.
    if path.exists() and path.samefile(journal_path):
        raise ConfigError(f"{output} is the journal itself", hint="Give another name.")
    # It holds the documents' text, as the journal does.
    private = replaced(path.parent, Path(path.name), lambda: True, mode=0o600)
    with written_in_place(path) if is_special(path) else private as file:
        yield file


_LONGEST_CELL = 300
_HEAD = ("STATE", "SOURCE", "PAGE", "ENGINE", "MODEL", "TOKENS", "COST", "STORED", "ERROR")


def _cells(page: JournalPage) -> Sequence[str]:
    tokens = [count for count in (page.input_tokens, page.output_tokens) if count is not None]
    cells = (
        f"{page.state}",
        f"{page.source}",
        f"{page.page_number}",
        f"{page.engine}",
        page.model or "",
        f"{sum(tokens):,}" if tokens else "",
        _money(page.cost_usd),
        (page.as_json()["stored_at"] or "?")[:16].replace("T", " "),
        page.error or "",
    )
    # All rows are as wide as the widest.
    return [cell if len(cell) <= _LONGEST_CELL else f"{cell[:_LONGEST_CELL]}…" for cell in cells]


def _money(dollars: float | None) -> str:
    return "" if dollars is None else f"${dollars:.5f}"


def _in_words(totals: JournalTotals) -> str:
    """What a journal holds.

    Example:
        >>> _in_words(JournalTotals({"ok": 2, "failed": 1}, 2520, 640, 0.0021))
        '3 pages (2 ok, 1 failed), 2,520 tokens in, 640 tokens out, $0.00210'
    """
    states = ", ".join(f"{count} {state}" for state, count in totals.pages.items())
    parts = (
        _number(sum(totals.pages.values()), "page") + (f" ({states})" if states else ""),
        "" if totals.input_tokens is None else f"{totals.input_tokens:,} tokens in",
        "" if totals.output_tokens is None else f"{totals.output_tokens:,} tokens out",
        _money(totals.cost_usd),
    )
    return ", ".join(filter(None, parts))


def _number(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
