"""`vlm doctor`: what is installed, where keys are, and whether a route answers."""

from __future__ import annotations

import json
import platform
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Annotated, Literal

import typer

from vlm_core.catalog.keys import key_state
from vlm_core.catalog.registry import providers
from vlm_core.catalog.schema import Provider
from vlm_core.cli.checks import Check, Patience, checks_of
from vlm_core.cli.report import FAILED, KEY_OR_QUOTA, exit_code_for_errors, in_options, printable, say
from vlm_core.client import VLMClient
from vlm_core.errors import ConfigError, VLMError
from vlm_core.images.sandbox_report import confinements

_Routes = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ROUTE]...", show_default=False, help="What to check, as PROVIDER:MODEL; costs a question."
    ),
]
_BaseUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Of the first route's API, where it is not the usual.")
]
_ApiKey = Annotated[
    str | None,
    typer.Option(metavar="KEY", envvar="VLM_API_KEY", help="API key of the first route. Prefer VLM_API_KEY."),
]
_AsJson = Annotated[bool, typer.Option("--json", help="All of it, as JSON.")]
_Timeout = Annotated[
    float, typer.Option(min=0.001, metavar="SECONDS", help="For the model's answer; other steps get 10.")
]

_REQUIRED = ("vlm-adapters", "openai", "pillow", "pydantic", "pypdfium2")
# What may be missing, and the extra that brings it; one of the HTTP libraries comes with openai.
_OPTIONAL = {
    "httpx": "",
    "httpx2": "",
    "rapidocr": "local",
    "onnxruntime": "local",
    "tesserocr": "tesseract",
    "pillow-heif": "heif",
    "langchain-core": "langchain",
    "llama-index-core": "llamaindex",
}
_STEP_SECONDS = 10.0
# In words, what a worker process may give up.
_KEPT_FROM = {
    "memory": "much memory",
    "files": "other files",
    "network": "the network",
    "processes": "starting programs",
    "privileges": "new privileges",
}


@dataclass(frozen=True)
class _Section:
    """Checks under a heading; they are made as they are read."""

    about: str
    checks: Iterable[Check]


def doctor(
    routes: _Routes = None,
    base_url: _BaseUrl = None,
    api_key: _ApiKey = None,
    as_json: _AsJson = False,
    timeout: _Timeout = 60.0,
) -> None:
    """Check versions, keys, and of each ROUTE the name, connection, list of models, and one small picture.

    \b
    Examples:
      vlm doctor
      vlm doctor deepinfra:Qwen/Qwen2.5-VL-32B-Instruct novita:qwen/qwen3-vl-8b-instruct
      vlm doctor my-model --base-url http://127.0.0.1:8000/v1

    \b
    Exit codes: 0 all is well; 1 something failed; 2 the command is wrong; 4 a key is missing or
    refused, or there is no credit. A key is looked for, and never shown.
    """
    failed: list[Check] = []
    with exit_code_for_errors(), warnings.catch_warnings(record=True) as caught, ExitStack() as stack:
        warnings.simplefilter("always", UserWarning)
        clients = [stack.enter_context(client) for client in _clients(routes or [], base_url, api_key)]
        patience = Patience(step=min(_STEP_SECONDS, timeout), answer=timeout)
        sections = [
            _Section("versions", _versions()),
            _Section("strangers' files", _confinements()),
            *_about_routes(clients, patience),
        ]
        failed = _print_json(sections) if as_json else _print(sections)
        for warning in dict.fromkeys(str(one.message) for one in caught):
            say(warning)
    raise typer.Exit(_exit_code(failed))


def _clients(routes: list[str], base_url: str | None, api_key: str | None) -> list[VLMClient]:
    """As with `vlm ask` and its fallbacks, address and key are the first route's; no other gets them."""
    if base_url and not routes:
        raise ConfigError("--base-url is given without a route", hint="Say which model to ask there.")
    # One attempt: whoever looks for a fault wants the first answer, and not the third.
    first = [VLMClient(route, base_url=base_url, api_key=api_key, max_attempts=1) for route in routes[:1]]
    return [*first, *(VLMClient(route, max_attempts=1) for route in routes[1:])]


def _about_routes(clients: list[VLMClient], patience: Patience) -> Iterator[_Section]:
    if not clients:
        yield _Section("keys", _keys())
    for client in clients:
        yield _Section(client.route, checks_of(client.endpoint, client, patience))


def _versions() -> Iterator[Check]:
    yield Check("python", "ok", f"{platform.python_version()} on {platform.platform(terse=True)}")
    for name in _REQUIRED:
        version = _version(name)
        missing = Check(name, "failed", "not installed", "Run: pip install --force-reinstall vlm-adapters")
        yield Check(name, "ok", version) if version else missing
    for name, extra in _OPTIONAL.items():
        version = _version(name)
        hint = f"pip install 'vlm-adapters[{extra}]' brings it." if extra else ""
        yield Check(name, "ok", version) if version else Check(name, "skipped", "not installed", hint)


def _confinements() -> Iterator[Check]:
    """What the processes that decode pictures and PDFs are kept from on this machine."""
    for name, confinement in confinements():
        if isinstance(confinement, VLMError):
            yield Check(name, "failed", confinement.message, confinement.hint)
            continue
        barred = [_KEPT_FROM[what] for what, is_barred in confinement.items() if is_barred]
        open_to = [_KEPT_FROM[what] for what, is_barred in confinement.items() if not is_barred]
        hint = f"This system does not keep them from {', '.join(open_to)}." if open_to else ""
        state: Literal["ok", "skipped"] = "skipped" if open_to else "ok"
        yield Check(name, state, f"kept from {', '.join(barred) or 'nothing'}", hint)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _keys() -> Iterator[Check]:
    checks = [check for row in providers() if (check := _key(row))]
    hint = "Reading on this machine needs none; vlm providers names the variables."
    yield from checks or [Check("keys", "skipped", "no provider's variable is set", hint)]


def _key(row: Provider) -> Check | None:
    state = key_state(row)
    if state.variable is None:
        return None
    if state.problem:
        problem = f"what {state.variable} holds {state.problem}"
        return Check(row.name, "failed", problem, "Set it to the key itself, or unset it.", about_key=True)
    return Check(row.name, "ok", f"in {state.variable}")


def _print(sections: Iterable[_Section]) -> list[Check]:
    """Write each line as soon as it is known, and give back what failed."""
    failed = []
    for section in sections:
        typer.echo(printable(section.about))
        for check in section.checks:
            typer.echo(printable(f"  {check.state:<8}{check.name:<17} {check.said}"))
            if check.hint:
                typer.echo(printable(f"{'':>28}{in_options(check.hint)}"))
            failed += [check] if check.state == "failed" else []
    return failed


def _print_json(sections: Iterable[_Section]) -> list[Check]:
    made = [(section.about, list(section.checks)) for section in sections]
    failed = [check for _, checks in made for check in checks if check.state == "failed"]
    plain = [{"about": about, "checks": [asdict(check) for check in checks]} for about, checks in made]
    typer.echo(json.dumps({"ok": not failed, "sections": plain}, ensure_ascii=False, indent=2))
    return failed


def _exit_code(failed: list[Check]) -> int:
    if any(check.about_key for check in failed):
        return KEY_OR_QUOTA
    return FAILED if failed else 0
