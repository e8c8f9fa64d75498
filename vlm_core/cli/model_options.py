"""What is told of a vision model on the command line, wherever one reads pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vlm_core.catalog.routes import Route
from vlm_core.cli.commands import LONG_JOBS, MODEL
from vlm_core.errors import ConfigError

Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        "-e",
        metavar="NAME",
        rich_help_panel=MODEL,
        help="local: RapidOCR on this machine. PROVIDER:MODEL: a vision model.",
    ),
]
Fallback = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME",
        rich_help_panel=MODEL,
        help="Engine to try where the first one fails. Repeatable; local may be the last.",
    ),
]
BaseUrl = Annotated[
    str | None,
    typer.Option(
        metavar="URL", rich_help_panel=MODEL, help="Base URL of the API, if not the provider's own."
    ),
]
ApiKey = Annotated[
    str | None,
    typer.Option(
        metavar="KEY",
        envvar="VLM_API_KEY",
        rich_help_panel=MODEL,
        help="API key for --base-url. The variable is safer.",
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", rich_help_panel=MODEL, help="Prompt for a vision model, instead of the task's."
    ),
]
Schema = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", exists=True, rich_help_panel=MODEL, help="JSON schema of the answer, for --task json."
    ),
]
MaxSide = Annotated[
    int | None,
    typer.Option(min=28, metavar="PIXELS", rich_help_panel=MODEL, help="Longer side of the images sent."),
]
MaxTokens = Annotated[
    int | None, typer.Option(min=1, metavar="N", rich_help_panel=MODEL, help="Longest answer for one page.")
]
Journal = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        rich_help_panel=LONG_JOBS,
        help="Record each page here, so that a run can be resumed and no page is paid for twice.",
    ),
]
Budget = Annotated[
    float | None,
    typer.Option(metavar="DOLLARS", rich_help_panel=LONG_JOBS, help="Skip further pages once this is spent."),
]
MaxConcurrency = Annotated[
    int, typer.Option(min=1, metavar="N", rich_help_panel=LONG_JOBS, help="Pages read at the same time.")
]


def engine_of(name: str, base_url: str | None, api_key: str | None) -> str | Route:
    """An engine as the reader takes it.

    Raises:
        ConfigError: there is an address for an engine that has none.

    Example:
        >>> engine_of("local", None, None)
        'local'
    """
    if base_url is None:
        return name
    if name == "local":
        raise ConfigError("--base-url: the local engine has no address", hint="Name a model with --engine.")
    return Route("", name, api_key=api_key, base_url=base_url)


def schema_in(path: Path | None) -> Any:
    """The JSON schema in a file.

    Raises:
        ConfigError: the file holds no JSON.
    """
    if path is None:
        return None
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        hint = "Write a JSON schema into it."
        raise ConfigError(f"--schema {path}: it is not JSON: {error}", hint=hint) from None
