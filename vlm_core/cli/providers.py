"""`vlm providers`: who is known, whether there is a key, what is accepted, which models and prices."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date
from typing import Annotated, Any

import typer

from vlm_core.catalog.keys import key_state
from vlm_core.catalog.registry import find_provider, models_of
from vlm_core.catalog.registry import providers as known_providers
from vlm_core.catalog.schema import ImageLimits, ModelProfile, Price, Provider
from vlm_core.cli.report import exit_code_for_errors, printable, table
from vlm_core.errors import UnknownProviderError
from vlm_core.option_names import did_you_mean

# How much a name must be like another for it to be a slip of the pen; "nope" is 0.6 like "openai".
_ALIKE = 0.7
_Name = Annotated[
    str | None, typer.Argument(metavar="[NAME]", show_default=False, help="Tell all of one provider.")
]
_AsJson = Annotated[bool, typer.Option("--json", help="The rows, as JSON.")]


def providers(name: _Name = None, as_json: _AsJson = False) -> None:
    """List the known providers, or the known models of one. Nothing is sent to any of them.

    \b
    Examples:
      vlm providers
      vlm providers novita
      vlm providers --json

    \b
    Exit codes: 0 ok; 2 no provider has this name. A key is looked for, and never shown.
    """
    with exit_code_for_errors():
        if name is None:
            rows = known_providers()
            text = _json([_as_dict(row) for row in rows]) if as_json else table(_overview(rows))
        else:
            row = _row(name)
            models = [model.model_dump() for model in models_of(row.name)]
            text = _json({**_as_dict(row), "models": models}) if as_json else _all_about(row)
        typer.echo(text if as_json else printable(text, allowed="\n"))


def _row(name: str) -> Provider:
    try:
        return find_provider(name)
    except UnknownProviderError as error:
        known = [row.name for row in known_providers()]
        near = did_you_mean(name, known, most=3, alike=_ALIKE)
        hint = near or "`vlm providers` lists all that are known."
        raise UnknownProviderError(error.message, hint=hint) from None


def _overview(rows: Sequence[Provider]) -> list[Sequence[str]]:
    head = ("NAME", "KEY", "IMAGES", "CHECKED")
    return [head, *((row.name, _key(row), limits_in_words(row.limits), _day(row.checked)) for row in rows)]


def _all_about(row: Provider) -> str:
    facts = (
        ("address", row.base_url or "yours, given as base_url"),
        ("key", _key(row)),
        ("images", limits_in_words(row.limits)),
        ("differs", ", ".join(sorted(row.quirks))),
        *(("note", note) for note in row.notes),
        ("source", f"{row.source}, {_day(row.checked)}"),
        ("more", row.model_list_url),
    )
    head = ("MODEL", "OCR", "CONTEXT", "PRICE OF A MILLION TOKENS", "END")
    models = [head, *map(_model, models_of(row.name))]
    listing = table(models) if len(models) > 1 else "No models are listed; any id may be used."
    return f"{row.title or row.name}\n{table([fact for fact in facts if fact[1]])}\n\n{listing}"


def _model(model: ModelProfile) -> tuple[str, ...]:
    return (
        model.model or "",
        "OCR" if model.ocr_dialect else "",
        f"{model.context_tokens:,}" if model.context_tokens else "?",
        _price(model.price),
        "announced, no date" if model.sunset == "announced" else model.sunset or "",
    )


def _price(price: Price | None) -> str:
    if price is None:
        return "?"
    return f"${price.input_usd:g} in, ${price.output_usd:g} out ({_day(price.checked)})"


def _day(day: date | None) -> str:
    return day.isoformat() if day else "?"


def _key(row: Provider) -> str:
    state = key_state(row)
    if state.problem:
        return f"what {state.variable} holds {state.problem}"
    if state.variable:
        return f"in {state.variable}"
    variables = " or ".join(row.api_key_env)
    if state.is_required:
        return f"not set: {variables}"
    return f"not needed; {variables} is not set" if variables else "not needed"


# Limits in words; a field that is None is left out, since it is not documented.
_WORDS: dict[str, Callable[[Any], str]] = {
    "formats": lambda formats: " ".join(sorted(formats)),
    "max_side": lambda side: f"{side} px a side",
    "max_pixels": lambda pixels: f"{pixels / 1e6:.3g} megapixels",
    "max_image_bytes": lambda size: f"{size / 1e6:g} MB an image",
    "target_base64_bytes": lambda size: f"best under {size / 1e6:g} MB of base64",
    "max_body_bytes": lambda size: f"{size / 1e6:g} MB a request",
    "max_images": lambda images: f"{images} image{'s' * (images > 1)} a conversation",
    "recommended_images": lambda images: f"best {images} images or fewer",
    "accepts_url": lambda accepts: "URLs" if accepts else "no URLs",
    "accepts_detail": lambda accepts: "detail" if accepts else "no detail",
}


def limits_in_words(limits: ImageLimits) -> str:
    """What images must be like, as far as it is documented.

    Example:
        >>> limits_in_words(ImageLimits(formats=frozenset({"png", "jpeg"}), max_side=2048, max_images=1))
        'jpeg png, 2048 px a side, 1 image a conversation'
    """
    values = ((name, getattr(limits, name)) for name in _WORDS)
    words = (_WORDS[name](value) for name, value in values if value is not None)
    return ", ".join(words) or "nothing documented"


def _as_dict(row: Provider) -> dict[str, Any]:
    state = key_state(row)
    key = {"variable": state.variable, "required": state.is_required, "problem": state.problem}
    return {**row.model_dump(), "key": key}


def _json(value: object) -> str:
    def plain(value: Any) -> object:
        """Sets, which have no order of their own, sorted; and days."""
        return value.isoformat() if isinstance(value, date) else sorted(value)

    return json.dumps(value, indent=2, default=plain)
