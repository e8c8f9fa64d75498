"""Options that several commands have, and how a command shows and hands on its own."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Container, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, BinaryIO, TypedDict

import typer
from typer.core import TyperCommand

from vlm_core.catalog.routes import Route
from vlm_core.cli.report import use_options
from vlm_core.errors import ConfigError

OUTPUT = "Output"
PAGES = "Pages"
MODEL = "Model"
LONG_JOBS = "Long jobs"


class Command(TyperCommand):
    """A command; its switches, --help too, are shown without `<bool>`."""

    def get_params(self, ctx: Any) -> Any:
        """The parameters, as typer has them."""
        parameters = super().get_params(ctx)
        for parameter in parameters:
            if getattr(parameter, "is_flag", False) and parameter.metavar is None:
                parameter.metavar = ""
        return parameters

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what it says then shows its own options."""
        use_options({option.name: _name_of(option) for option in self.params if option.opts[0][:2] == "--"})
        return super().invoke(ctx)


def _name_of(option: Any) -> str:
    """An option as a message shows it; of a secret the variable too, which no list of processes shows."""
    variable, name = option.envvar, str(option.opts[0])
    return f"{variable} or {name}" if variable else name


# --- a vision model -------------------------------------------------------------------------------

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
Password = Annotated[
    str | None,
    typer.Option(metavar="TEXT", envvar="VLM_PASSWORD", help="Of encrypted PDFs. Prefer VLM_PASSWORD."),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT", rich_help_panel=MODEL, help="Prompt for a vision model, instead of the task's."
    ),
]
Schema = Annotated[
    Path | None,
    typer.Option(metavar="FILE", exists=True, rich_help_panel=MODEL, help="JSON schema, for --task json."),
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


def as_input(source: str) -> str | BinaryIO:
    """What a source on the command line stands for: "-" is standard input."""
    return sys.stdin.buffer if source == "-" else source


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


class ModelOptions(TypedDict):
    """What a vision model is told, as `DocumentReader` takes it."""

    prompt: str | None
    output_schema: object
    request_options: dict[str, int]
    fallbacks: Sequence[str]


def of_model(
    prompt: str | None,
    schema: Path | None,
    max_side: int | None,
    max_tokens: int | None,
    fallbacks: Sequence[str] | None = None,
) -> ModelOptions:
    """The options of a vision model, as the reader takes them.

    Raises:
        ConfigError: the file of the schema holds no JSON.

    Example:
        >>> of_model(None, None, 1024, None)["request_options"]
        {'max_side': 1024}
    """
    numbers = {"max_side": max_side, "max_tokens": max_tokens}
    return {
        "prompt": prompt,
        "output_schema": schema and _json_in(schema),
        "request_options": {name: number for name, number in numbers.items() if number is not None},
        "fallbacks": fallbacks or (),
    }


def _json_in(schema: Path) -> object:
    try:
        return json.loads(schema.read_bytes())
    except ValueError as error:
        hint = "Write a JSON schema into it."
        raise ConfigError(f"--schema {schema}: it is not JSON: {error}", hint=hint) from None


# --- page numbers as people write them ------------------------------------------------------------

_PART = re.compile(r"(\d{1,9})(?:(-)(\d{1,9})?)?")
_NO_END = sys.maxsize


class PageNumbers(Container[int]):
    """Pages, perhaps from one on to whichever is the last.

    Args:
        ranges: of numbers from 1.

    Example:
        >>> pages = page_numbers("1-3,7-")
        >>> 2 in pages, 5 in pages, 10**6 in pages, pages.count
        (True, False, True, None)
    """

    def __init__(self, ranges: tuple[range, ...]) -> None:
        self._ranges = ranges

    def __contains__(self, number: object) -> bool:
        return any(number in one for one in self._ranges)

    @property
    def count(self) -> int | None:
        """How many they are; None where that depends on the document."""
        has_end = all(one.stop <= _NO_END for one in self._ranges)
        return sum(map(len, self._ranges)) if has_end else None

    def numbers(self) -> Iterator[int]:
        """All of them in order, none twice, where there is an end."""
        return iter(sorted(set(chain(*self._ranges))))


def page_numbers(written: str) -> PageNumbers:
    """The pages that are meant.

    Args:
        written: numbers and ranges, as in "1-3,7" or "5-".

    Raises:
        ConfigError: they are not page numbers.

    Example:
        >>> list(page_numbers("1-3, 7").numbers())
        [1, 2, 3, 7]
    """
    return PageNumbers(tuple(_range(part.strip(), written) for part in written.split(",")))


def _range(part: str, written: str) -> range:
    first, last = 0, 0
    if match := _PART.fullmatch(part):
        start, dash, end = match.groups()
        first, last = int(start), int(end or (_NO_END if dash else start))
    if first > last > 0:
        raise ConfigError(
            f"--pages {written}: {part} is reversed", hint=f"Write {last}-{first}. Pages come in their order."
        )
    if not 1 <= first <= last:
        hint = "Give numbers from 1 and ranges of them, as in 1-3,7 or 5- (to the last page)."
        raise ConfigError(f"--pages {written} names no pages", hint=hint)
    return range(first, last + 1)
