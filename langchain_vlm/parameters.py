"""The names of settings and options: those of ChatVLM, and those that other chat models have for them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any

from vlm_core import ConfigError
from vlm_core.integration import check_names, check_options

__all__ = ["OF_CALLS", "OPTION_FIELDS", "as_headers", "canonical", "options_of_call", "renamed"]

_ALIASES = {
    "model_name": "model",
    "openai_api_base": "base_url",
    "api_base": "base_url",
    "openai_api_key": "api_key",
    "request_timeout": "timeout",
    "max_completion_tokens": "max_tokens",
    "stop_sequences": "stop",
}

OPTION_FIELDS = (
    "temperature",
    "max_tokens",
    "top_p",
    "seed",
    "stop",
    "presence_penalty",
    "frequency_penalty",
    "logprobs",
    "top_logprobs",
    "logit_bias",
    "reasoning_effort",
    "service_tier",
    "user",
    "extra_body",
)
"""Fields that are options of each call."""

OF_CALLS = ("timeout", "extra_headers")
"""What a call takes beside its options."""

# What LangChain passes along for itself.
_LANGCHAINS_OWN = frozenset({"ls_structured_output_format", "structured_output_format", "stream"})


def canonical(given: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Settings by the names of the fields; an option that has no field goes into `model_kwargs`.

    Args:
        given: as the user wrote them. One that is None is left out: it is not set.
        fields: their names.

    Raises:
        ConfigError: a name is not known, or two names for one setting hold different values.

    Example:
        >>> canonical({"model_name": "m", "verbosity": "low"}, ["model", "model_kwargs"])
        {'model': 'm', 'model_kwargs': {'verbosity': 'low'}}
    """
    settings = renamed({name: value for name, value in given.items() if value is not None})
    options = {name: settings.pop(name) for name in list(settings) if name not in fields and _is_option(name)}
    check_names(settings, fields)
    if options:
        settings["model_kwargs"] = {**options, **settings.get("model_kwargs", {})}
    return settings


def renamed(given: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by the names that they have here.

    Raises:
        ConfigError: two names for one setting hold different values.

    Example:
        >>> renamed({"request_timeout": 60})
        {'timeout': 60}
    """
    settings: dict[str, Any] = {}
    for name, value in given.items():
        own = _ALIASES.get(name, name)
        if own in settings and settings[own] != value:
            raise ConfigError(f"{name} and {own} are the same setting, and differ", hint="Give one of them.")
        settings[own] = value
    return settings


def _is_option(name: str) -> bool:
    try:
        check_options({name: None})
    except ConfigError:
        return False
    return True


def options_of_call(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options among what LangChain passes to a call, by the client's names.

    Example:
        >>> options_of_call({"max_completion_tokens": 9, "stream": True})
        {'max_tokens': 9}
    """
    return renamed({name: value for name, value in given.items() if name not in _LANGCHAINS_OWN})


def as_headers(headers: object) -> object:
    """Headers, where they come from a variable as a JSON object; others as they are.

    Raises:
        ConfigError: it is not a JSON object.

    Example:
        >>> as_headers('{"X-Title": "my app"}')
        {'X-Title': 'my app'}
    """
    if not isinstance(headers, str):
        return headers
    with suppress(ValueError):
        if isinstance(parsed := json.loads(headers), dict):
            return parsed
    raise ConfigError(
        "default_headers is a text, not a JSON object", hint='Give a dict, such as {"X-Title": "my app"}.'
    )
