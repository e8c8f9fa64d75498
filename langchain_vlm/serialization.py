"""Rows and routes among the settings as plain JSON, without a key, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from pydantic import ValidationError

from vlm_core import ConfigError

__all__ = ["as_headers", "as_provider", "as_route", "plain_provider", "plain_route"]


def plain_provider(provider: Any) -> Any:
    """A provider's row as JSON; a name as it is.

    Example:
        >>> from vlm_core import Provider
        >>> plain_provider(Provider(name="lab", key_required=False))
        {'name': 'lab', 'key_required': False}
    """
    from vlm_core import Provider

    is_row = isinstance(provider, Provider)
    return provider.model_dump(mode="json", exclude_defaults=True) if is_row else provider


def as_provider(given: Any) -> Any:
    """What `plain_provider` was given.

    Raises:
        ConfigError: the JSON is not a row.

    Example:
        >>> as_provider({"name": "lab"}).name
        'lab'
    """
    if not isinstance(given, Mapping):
        return given
    from vlm_core import Provider

    with suppress(TypeError, ValidationError):
        return Provider(**given)
    raise ConfigError("provider is not a row of a provider", hint="Give a name, or a Provider(name=...).")


def as_headers(given: Any) -> Any:
    """Headers, where they come from a variable as a JSON object; others as they are.

    Raises:
        ConfigError: it is not a JSON object.

    Example:
        >>> as_headers('{"X-Title": "my app"}')
        {'X-Title': 'my app'}
    """
    if not isinstance(given, str):
        return given
    with suppress(ValueError):
        if isinstance(found := json.loads(given), dict):
            return found
    raise ConfigError(
        "default_headers is a text, not a JSON object", hint='Give a dict, such as {"X-Title": "my app"}.'
    )


def plain_route(route: Any) -> Any:
    """A route as JSON, without its key and its headers, which are secret; one with nothing else as text.

    Example:
        >>> from vlm_core import Route
        >>> plain_route(Route("novita", "some-vlm", api_key="sk-1"))
        'novita:some-vlm'
    """
    from vlm_core import Route

    if not isinstance(route, Route):
        return route
    if isinstance(route.provider, str) and route.base_url is None:
        return str(route)
    return {
        "provider": plain_provider(route.provider),
        "model": route.model,
        **({} if route.base_url is None else {"base_url": route.base_url}),
    }


def as_route(given: Any) -> Any:
    """What `plain_route` was given, but for its key and headers.

    Raises:
        ConfigError: the JSON is not a route.

    Example:
        >>> str(as_route({"provider": "lab", "model": "m", "base_url": "http://127.0.0.1:8000/v1"}))
        'lab:m'
    """
    if not isinstance(given, Mapping):
        return given
    if not {"provider", "model"} <= given.keys() <= {"provider", "model", "base_url"}:
        raise ConfigError("a fallback is not a route", hint='Write "provider:model", or Route(...).')
    from vlm_core import Route

    return Route(as_provider(given["provider"]), given["model"], base_url=given.get("base_url"))
