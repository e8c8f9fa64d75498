"""The commands of `vlm`, and what it says of itself."""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from vlm_core.cli.ask import ask
from vlm_core.cli.doctor import doctor
from vlm_core.cli.journal import journal
from vlm_core.cli.mcp import mcp
from vlm_core.cli.options import Command
from vlm_core.cli.plan import plan
from vlm_core.cli.providers import providers
from vlm_core.cli.read import read
from vlm_core.cli.review import review

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    # Its tracebacks would show the values of variables, a password among them.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"vlm-adapters {metadata.version('vlm-adapters')}")
        raise typer.Exit


@app.callback()
def vlm(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Scans, photographs and PDFs to text: without a key, without a network, without losing a page."""


app.command("read", cls=Command)(read)
app.command("plan", cls=Command)(plan)
app.command("review", cls=Command)(review)
app.command("ask", cls=Command)(ask)
app.command("providers", cls=Command)(providers)
app.command("doctor", cls=Command)(doctor)
app.command("mcp", cls=Command)(mcp)
app.add_typer(journal, name="journal")
