"""`vlm ask`: a question about images to a vision model."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from vlm_core.assistant.extraction import extract
from vlm_core.assistant.proof import in_words
from vlm_core.cli.options import Password, as_input, page_numbers
from vlm_core.cli.report import exit_code_for_errors, printable, say
from vlm_core.client import VLMClient
from vlm_core.completion import Completion, Delta
from vlm_core.errors import ConfigError
from vlm_core.types import ExtractionResult

# That one question may name; no model takes nearly as many.
_MOST_PAGES = 10_000
_Words = Annotated[
    list[str],
    typer.Argument(
        metavar="[IMAGE]... QUESTION",
        help="Pictures, PDFs or URLs (- is standard input), and last what to ask about them.",
    ),
]
_Model = Annotated[
    str, typer.Option("--model", "-m", metavar="PROVIDER:MODEL", envvar="VLM_MODEL", help="What to ask.")
]
_Fallback = Annotated[
    list[str] | None,
    typer.Option(
        metavar="PROVIDER:MODEL", help="Asked where that cannot answer; may be given several times."
    ),
]
_BaseUrl = Annotated[str | None, typer.Option(metavar="URL", help="Of the API, where it is not the usual.")]
_ApiKey = Annotated[
    str | None,
    typer.Option(metavar="KEY", envvar="VLM_API_KEY", help="API key for --base-url. Prefer VLM_API_KEY."),
]
_Stream = Annotated[bool, typer.Option("--stream", help="Show the answer as it comes.")]
_AsJson = Annotated[bool, typer.Option("--json", help="The answer with tokens, cost and route, as JSON.")]
_Estimate = Annotated[bool, typer.Option("--estimate", help="Send nothing; tell what it would take.")]
_Pages = Annotated[str | None, typer.Option(metavar="1-3,7", help="Of each document, these pages only.")]
_MaxTokens = Annotated[int | None, typer.Option(min=1, metavar="N", help="The longest answer, in tokens.")]
_Temperature = Annotated[float | None, typer.Option(min=0, metavar="X", help="0 for the likeliest answer.")]
_Detail = Annotated[
    str | None, typer.Option(metavar="low|high|auto", help="How closely to look, where the provider asks.")
]
_Timeout = Annotated[float, typer.Option(min=0.001, metavar="SECONDS", help="For the whole call.")]
_AllowPrivateUrls = Annotated[
    bool, typer.Option("--allow-private-urls", help="URLs may lead to this machine or its network.")
]
_Schema = Annotated[
    Path | None,
    typer.Option(metavar="FILE", help="A JSON schema: get its values from one document, without a question."),
]
_Verify = Annotated[
    bool,
    typer.Option("--verify", help="With --schema: look each value up on the pages, and say what differs."),
]
_Check = Annotated[
    list[str] | None,
    typer.Option(metavar="EXPRESSION", help='With --schema: must hold, as "sum(items.price) == total".'),
]
_Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No warnings; failures are still told.")]


def ask(
    words: _Words,
    model: _Model,
    fallback: _Fallback = None,
    base_url: _BaseUrl = None,
    api_key: _ApiKey = None,
    stream: _Stream = False,
    as_json: _AsJson = False,
    estimate: _Estimate = False,
    pages: _Pages = None,
    password: Password = None,
    max_tokens: _MaxTokens = None,
    temperature: _Temperature = None,
    detail: _Detail = None,
    timeout: _Timeout = 600.0,
    allow_private_urls: _AllowPrivateUrls = False,
    schema: _Schema = None,
    verify: _Verify = False,
    check: _Check = None,
    quiet: _Quiet = False,
) -> None:
    """Ask a vision model about pictures. Its key is read from the provider's variable.

    \b
    Examples:
      vlm ask receipt.jpg "What is the total?" --model deepinfra:Qwen/Qwen2.5-VL-32B-Instruct
      vlm ask before.png after.png "What changed?" -m novita:qwen/qwen3-vl-8b-instruct --stream
      vlm ask contract.pdf --pages 1-2 "Who signs?" -m openrouter:qwen/qwen3-vl-8b-instruct --json
      vlm ask receipt.jpg --schema receipt.json --verify -m novita:qwen/qwen3-vl-8b-instruct

    \b
    Exit codes: 0 answered; 1 no answer; 2 the command is wrong; 3 a value needs a look (--verify,
    --check); 4 no key, a wrong key or no credit; 130 interrupted.
    """
    with exit_code_for_errors(), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        client = VLMClient(
            model,
            fallbacks=fallback or (),
            base_url=base_url,
            api_key=api_key,
            timeout=timeout,
            allow_private_urls=allow_private_urls,
        )
        with client:
            options = {"max_tokens": max_tokens, "temperature": temperature}
            if schema is not None:
                asked = {
                    name: value for name, value in {**options, "detail": detail}.items() if value is not None
                }
                result = extract(
                    _the_only(words),
                    _schema_in(schema),
                    client,
                    _numbers(pages) if pages else None,
                    verify,
                    check or (),
                    password=password,
                    request_options=asked,
                    allow_private_urls=allow_private_urls,
                )
                _show_values(result, caught, as_json=as_json, quiet=quiet)
                return
            if verify or check:
                raise ConfigError(
                    "--verify and --check need --schema", hint="Name a file with a JSON schema."
                )
            *images, question = _with_question(words)
            messages = [_message(images, question, pages=pages, detail=detail, password=password)]
            if estimate:
                typer.echo(_json(asdict(client.estimate(messages, **options))))
            else:
                answer = _answer(client, messages, options, stream=stream, as_json=as_json)
                _tell_warnings(answer, caught, quiet)


def _the_only(words: list[str]) -> object:
    if len(words) != 1:
        raise ConfigError(
            "--schema takes one document and no question", hint="Say in the schema what is wanted."
        )
    return as_input(words[0])


def _schema_in(file: Path) -> dict[str, Any]:
    try:
        schema = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"--schema {file} cannot be read: {error}", hint="Give a file with a JSON schema."
        ) from None
    if not isinstance(schema, dict):
        raise ConfigError(
            f"--schema {file} is not a JSON schema", hint='It is an object, as {"type": "object"}.'
        )
    return schema


def _show_values(
    result: ExtractionResult, caught: list[warnings.WarningMessage], *, as_json: bool, quiet: bool
) -> None:
    """The values, and what is to be said of them; ends with 3 where one needs a look."""
    shown = result.model_dump(mode="json") if as_json else result.data
    typer.echo(_json(shown))
    warned = dict.fromkeys(str(warning.message) for warning in caught)
    for told in () if quiet else (*result.notes, *warned):
        say(told)
    for finding in result.findings:
        if finding.severity == "review" or not quiet:
            say(in_words(finding))
    if not result.ok:
        raise typer.Exit(3)


def _with_question(words: list[str]) -> list[str]:
    if Path(words[-1]).is_file() or words[-1] == "-" or re.match(r"(https?://|data:)\S+$", words[-1]):
        raise ConfigError("there is no question", hint="It comes last, behind the images, in quotes.")
    return words


def _message(images: list[str], question: str, *, pages: str | None, **more: str | None) -> dict[str, Any]:
    chosen = {"pages": _numbers(pages)} if pages else {}
    options = {name: value for name, value in more.items() if value is not None}
    parts = [{"type": "image", "image": as_input(image), **chosen, **options} for image in images]
    return {"role": "user", "content": [*parts, {"type": "text", "text": question}]}


def _numbers(pages: str) -> list[int]:
    chosen = page_numbers(pages)
    # The list of pages goes into a message, before any document is opened.
    if chosen.count is None:
        raise ConfigError(f"--pages {pages} has no end", hint="Say both ends, as in 5-9.")
    if chosen.count > _MOST_PAGES:
        raise ConfigError(f"--pages {pages} names {chosen.count:,} pages", hint="Name those to ask about.")
    return list(chosen.numbers())


def _answer(
    client: VLMClient,
    messages: list[dict[str, Any]],
    options: dict[str, Any],
    *,
    stream: bool,
    as_json: bool,
) -> Completion:
    if stream and not as_json:
        return _show(client.stream(messages, **options))
    answer = client.chat(messages, **options)
    typer.echo(_as_json(answer) if as_json else printable(answer.text, allowed="\n\t"))
    return answer


def _show(steps: Iterable[Delta | Completion]) -> Completion:
    answer = Completion("")
    try:
        for step in steps:
            if isinstance(step, Completion):
                answer = step
            else:
                typer.echo(printable(step.text, allowed="\n\t"), nl=False)
    finally:
        typer.echo()
    return answer


def _tell_warnings(answer: Completion, caught: list[warnings.WarningMessage], quiet: bool) -> None:
    if answer.finish_reason not in ("stop", "tool_calls"):
        say(f"the answer ended early ({answer.finish_reason})")
    messages = dict.fromkeys([*answer.warnings, *(str(warning.message) for warning in caught)])
    for message in () if quiet else messages:
        say(message)


def _as_json(answer: Completion) -> str:
    fields = {name: value for name, value in vars(answer).items() if name not in ("raw", "usage")}
    fields["tool_calls"] = [asdict(call) for call in answer.tool_calls]
    fields["attempts"] = [asdict(attempt) for attempt in answer.attempts]
    return _json({**fields, "usage": answer.usage.model_dump()})


def _json(fields: Any) -> str:
    return json.dumps(fields, ensure_ascii=False, indent=2)
