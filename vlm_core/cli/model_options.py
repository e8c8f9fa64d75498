"""What is told of a vision model on the command line, wherever one reads pages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from vlm_core.catalog.routes import Route
from vlm_core.errors import ConfigError

Engine = Annotated[
    str,
    typer.Option(
        "--engine",
        "-e",
        metavar="NAME",
        help="What reads the pages: local is RapidOCR, on this machine; PROVIDER:MODEL a vision model.",
    ),
]
Fallback = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Read where that cannot; may be given several times, local last."),
]
BaseUrl = Annotated[str | None, typer.Option(metavar="URL", help="Of the engine's API, if not the usual.")]
ApiKey = Annotated[
    str | None,
    typer.Option(metavar="KEY", envvar="VLM_API_KEY", help="For --base-url; safer in the variable."),
]
Prompt = Annotated[
    str | None, typer.Option(metavar="TEXT", help="What to ask a vision model, in place of the task's words.")
]
Schema = Annotated[
    Path | None,
    typer.Option(metavar="FILE", exists=True, help="A JSON schema of what is wanted, for --task json."),
]
MaxSide = Annotated[
    int | None, typer.Option(min=28, metavar="PIXELS", help="The longer side of the pictures that are sent.")
]
MaxTokens = Annotated[int | None, typer.Option(min=1, metavar="N", help="A page's longest answer.")]
Journal = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="Records each page, so that none is read or paid for twice."),
]
Budget = Annotated[
    float | None, typer.Option(metavar="DOLLARS", help="Once so much is spent, further pages are skipped.")
]
MaxConcurrency = Annotated[int, typer.Option(min=1, metavar="N", help="Pages read at once.")]


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
        raise ConfigError(f"--schema {path}: it is no JSON: {error}", hint=hint) from None
