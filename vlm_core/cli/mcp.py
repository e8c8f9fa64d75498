"""`vlm mcp`: the tools for images, for programs that speak MCP."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from vlm_core.assistant.file_access import resolved_roots
from vlm_core.assistant.image_assistant import ImageAssistant
from vlm_core.catalog.keys import find_key
from vlm_core.cli import options
from vlm_core.cli.report import exit_code_for_errors, say
from vlm_core.client import VLMClient
from vlm_core.errors import ConfigError, MissingExtraError

_EXTRA = ("mcp", "mcp_types", "anyio")
_Roots = Annotated[
    list[Path] | None,
    typer.Option("--root", metavar="FOLDER", help="Files under it may be read; may be given several times."),
]
_Llm = Annotated[
    str | None,
    typer.Option(
        "--llm",
        "-m",
        metavar="PROVIDER:MODEL",
        envvar="VLM_MODEL",
        help="A vision model that answers questions; without one, they are answered with the text.",
    ),
]
_BaseUrl = Annotated[str | None, typer.Option(metavar="URL", help="Base URL of the llm's API.")]
_AllowUrls = Annotated[bool, typer.Option("--allow-urls", help="Pictures may also come from the web.")]
_MaxPages = Annotated[int, typer.Option(min=1, metavar="N", help="Of one document, read at most.")]
_MaxImages = Annotated[int, typer.Option(min=1, metavar="N", help="Shown to the llm in one question.")]


def mcp(
    root: _Roots = None,
    engine: options.Engine = "local",
    llm: _Llm = None,
    base_url: _BaseUrl = None,
    api_key: options.ApiKey = None,
    allow_urls: _AllowUrls = False,
    max_pages: _MaxPages = 50,
    max_images: _MaxImages = 8,
    password: options.Password = None,
    journal: options.Journal = None,
) -> None:
    """Serve tools that read images, over standard input and output, to a program that speaks MCP.

    Such a program, as a desktop assistant or an editor, starts it. Its own roots narrow what --root allows.

    \b
    Examples:
      vlm mcp --root ~/scans
      vlm mcp --root ~/scans --llm deepinfra:Qwen/Qwen2.5-VL-32B-Instruct

    \b
    Exit codes: 0 the program has closed the connection; 2 the command is
    wrong; 4 there is no key; 130, 143 interrupted.
    """
    with exit_code_for_errors():
        if base_url is not None and llm is None:
            raise ConfigError("--base-url is of no use without --llm", hint="Name the model with --llm.")
        serve = _loaded()
        bounds = resolved_roots([folder.expanduser() for folder in root]) if root else ()
        assistant = ImageAssistant(
            _client(engine, None, None) if ":" in engine else engine,
            _client(llm, base_url, api_key) if llm else None,
            root_dir=bounds or ".",
            allow_urls=allow_urls,
            max_pages=max_pages,
            max_images=max_images,
            password=password,
            journal=journal,
            show_pages=True,
        )
        # A person who starts it by hand would wait for a prompt.
        if os.isatty(0):
            say("waiting for a program that speaks MCP on standard input; Ctrl-C ends this")
        serve(assistant, bounds)


def _client(model: str, base_url: str | None, api_key: str | None) -> VLMClient:
    """What reads or answers; that a key is missing is said now, and not to the first who asks."""
    client = VLMClient(options.engine_of(model, base_url, api_key))
    find_key(client.endpoint)
    return client


def _loaded() -> Callable[[ImageAssistant, Sequence[Path]], NoReturn]:
    try:
        from vlm_core.mcp_server.server import serve
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        hint = "Install it with: pip install 'vlm-adapters[mcp]'"
        raise MissingExtraError("vlm mcp needs the package mcp, version 2", hint=hint) from None
    return serve
