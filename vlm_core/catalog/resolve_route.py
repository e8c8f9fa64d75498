"""The look-up: from what a user writes to an endpoint; and what to use instead of a model that ends."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from difflib import SequenceMatcher, get_close_matches

from pydantic import ValidationError

from vlm_core.catalog.registry import (
    find_provider,
    models_of,
    offers,
    profile,
    providers,
    tighter,
    words,
)
from vlm_core.catalog.routes import Endpoint, Route, belongs, checked_base_url, named_after
from vlm_core.catalog.schema import Provider
from vlm_core.errors import ConfigError
from vlm_core.secret import Secret
from vlm_core.warning import warn_caller

# As many routes or models as a message names.
_NAMED = 5
# How much of two names must be the same, for one to be proposed in place of the other.
_ALIKE = 0.5


class SunsetWarning(UserWarning):
    """A provider is about to take a model away, or has done so."""


def routes_of_family(model: str) -> tuple[str, ...]:
    """Routes that serve the family of a model and are not about to end, those of like names first.

    Example:
        >>> routes_of_family("qwen2.5vl:72b")[:2]
        ('myrouter:qwen/qwen2.5-vl-72b-instruct', 'novita:qwen/qwen2.5-vl-72b-instruct')
    """
    family = profile(model).family
    if family is None:
        return ()
    found = [
        (provider, offered)
        for provider, offered in offers()
        if (row := profile(offered, provider)).family == family and row.sunset is None
    ]
    found.sort(key=lambda offer: -_likeness(model, offer[1]))
    return tuple(f"{provider}:{offered}" for provider, offered in found)


def same_family_routes(endpoint: Endpoint) -> tuple[str, ...]:
    """Routes of other providers that can take an endpoint's place.

    Example:
        >>> from vlm_core.catalog.resolve_route import resolve
        >>> same_family_routes(resolve("hyperbolic:mistralai/Pixtral-12B-2409"))
        ('openrouter:mistralai/pixtral-large-2411', 'mistral:pixtral-large-latest')
    """
    own = f"{endpoint.provider.name}:"
    return tuple(route for route in routes_of_family(endpoint.model) if not route.startswith(own))


def nearest_models(endpoint: Endpoint) -> tuple[str, ...]:
    """The other models of a provider whose ids are most like the one asked, for when that is not known.

    Example:
        >>> from vlm_core.catalog.resolve_route import resolve
        >>> nearest_models(resolve("novita:Qwen/Qwen2.5-VL-7B-Instruct"))[0]
        'qwen/qwen2.5-vl-72b-instruct'
    """
    offered = [model for provider, model in offers() if provider == endpoint.provider.name]
    ids = [model for model in offered if model != endpoint.model]  # which the provider may have ended
    likeness = {model: _likeness(endpoint.model, model) for model in ids}
    near = [model for model in ids if likeness[model] > _ALIKE]
    return tuple(sorted(near, key=lambda model: -likeness[model])[:_NAMED])


_warned: set[str] = set()
_lock = threading.Lock()


def warn_of_sunset(endpoint: Endpoint, today: date | None = None) -> None:
    """Say that a model is to end or has ended, and who else serves its family; once for each route.

    Args:
        endpoint: nothing is said where no row names an end.
        today: by default the day that it is.

    Warns:
        SunsetWarning: with the date, where one is known.

    Example:
        >>> import warnings
        >>> from vlm_core.catalog.resolve_route import resolve
        >>> with warnings.catch_warnings(record=True, action="always") as said:
        ...     warn_of_sunset(resolve("hyperbolic:nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL-BF16"))
        >>> str(said[0].message)  # doctest: +ELLIPSIS
        'hyperbolic:nvidia/NVIDIA-Nemotron-Nano-12B-v2-VL-BF16 is to be removed; no date is known. The ...'
    """
    # Once in a process: a job makes a client for each of its routes, on many threads.
    with _lock:
        if endpoint.profile.sunset is None or endpoint.route in _warned:
            return
        _warned.add(endpoint.route)
    end = _end(endpoint.profile.sunset, today or date.today())
    others = ", ".join(same_family_routes(endpoint)[:_NAMED]) or "no other route is known"
    warn_caller(f"{endpoint.route} {end}. The same family: {others}.", SunsetWarning)


def _end(sunset: str, today: date) -> str:
    if sunset == "announced":
        return "is to be removed; no date is known"
    return f"{'ended' if date.fromisoformat(sunset) < today else 'ends'} on {sunset}"


def _likeness(one: str, other: str) -> float:
    """From 0 to 1; words and numbers count, not how they are joined."""
    return SequenceMatcher(None, words(one), words(other)).ratio()


_HOW = 'Write "provider:model", or give base_url=... too.'
# How much of two names is the same where one is the other misspelt.
_SLIP = 0.85


class UnknownProviderWarning(UserWarning):
    """An unknown provider's name looks like a known one, whose limits are not applied."""


def resolve(
    route: str | Route,
    *,
    provider: str | Provider | None = None,
    api_key: str | Secret | None = None,
    base_url: str | None = None,
    headers: Mapping[str, str | Secret] | None = None,
) -> Endpoint:
    """An endpoint for a route, with all that the rows know of it.

    Args:
        route: "provider:model", or a Route, or a model alone where `provider` or `base_url` says whose.
            What stands before the first colon is a provider only if it is a known name.
        provider: a known name, a row of your own, or any name together with `base_url`.
        api_key: counts before the route's own, as the next two do.
        base_url: in place of the provider's own. Without a provider, the row whose host it has applies,
            else one without limits that anybody names.
        headers: sent with each request.

    Raises:
        UnknownProviderError: no provider has this name.
        ConfigError: the provider, its address or the model is not given, or cannot be used.

    Warns:
        UnknownProviderWarning: with `base_url`, where `provider` looks like a known name misspelt.

    Example:
        >>> endpoint = resolve("novita:qwen/qwen2.5-vl-72b-instruct")
        >>> endpoint.base_url, endpoint.limits.recommended_images, endpoint.profile.grid
        ('https://api.novita.ai/openai', 2, 28)
        >>> resolve("my-model", base_url="http://10.0.0.7:8000/v1").route
        '10.0.0.7-8000:my-model'
    """
    given = route if isinstance(route, Route) else Route(provider or "", route)
    given = replace(
        given,
        provider=given.provider if provider is None else provider,
        api_key=given.api_key if api_key is None else api_key,
        base_url=given.base_url if base_url is None else base_url,
        headers={**given.headers, **(headers or {})},
    )
    url = None if given.base_url is None else checked_base_url(given.base_url)
    row, model = _split(given, url)
    if not model.strip():
        raise _no_model(row)
    return _endpoint(row, model.strip(), url, given)


def _endpoint(row: Provider, model: str, url: str | None, given: Route) -> Endpoint:
    if not (url or row.base_url):
        raise ConfigError(
            f"{row.name} has no address of its own",
            hint=" ".join(("Give base_url=...", *row.notes[:1])),
        )
    found = profile(model, row.name)
    return Endpoint(
        provider=row,
        model=model,
        profile=found,
        limits=tighter(row.limits, found.limits),
        base_url=url or row.base_url,
        api_key=None if given.api_key is None else Secret(given.api_key),
        headers=given.headers,
    )


def _split(given: Route, url: str | None) -> tuple[Provider, str]:
    """The provider and the model that a route means."""
    if isinstance(given.provider, Provider):
        return given.provider, _without(given.provider.name, given.model)
    if given.provider:
        row = _named(given.provider, url)
        return row, _without(row.name, given.model)
    # What stands before the colon of "qwen2.5vl:7b" or "...:free" is a part of the model's id.
    name, colon, model = given.model.partition(":")
    if colon and _is_known(name):
        return find_provider(name), model
    if url is not None:
        return _at(url), given.model
    if _is_known(given.model):
        raise _no_model(find_provider(given.model))
    if colon and "/" not in name and profile(given.model).family is None:
        return find_provider(name), model  # raises, and names those that are spelled alike
    raise _no_provider(given.model)


def _without(provider_name: str, model: str) -> str:
    """A model's id, which may have been written as a route of the provider that is given anyway."""
    name, colon, rest = model.partition(":")
    return rest if colon and name.strip().lower() == provider_name else model


def _is_known(name: str) -> bool:
    return name.strip().lower() in {row.name for row in providers()}


def _named(name: str, url: str | None) -> Provider:
    if url is None or _is_known(name):
        return find_provider(name)
    wanted = name.strip().lower()
    # With a base_url any name will do, but a misspelt one would silently go without the known row's limits.
    _warn_of_likeness(wanted)
    return _nobodys(wanted, url)


def _warn_of_likeness(name: str) -> None:
    """Say so where a name looks like a slip of the pen; one made longer, as "vllm-2", was meant."""
    near = get_close_matches(name, [row.name for row in providers()], n=1, cutoff=_SLIP)
    if near and not name.startswith(near[0]):
        warn_caller(
            f"no provider is called {name!r}: did you mean {near[0]!r}? Its limits are not applied.",
            UnknownProviderWarning,
        )


def _at(url: str) -> Provider:
    """The provider whose host a URL has, else one named after the host."""
    return next((row for row in providers() if belongs(row, url)), None) or _nobodys(named_after(url), url)


def _nobodys(name: str, url: str) -> Provider:
    """A row for a server that nothing is known of: only png and jpeg are relied on, and no key is needed."""
    try:
        return Provider(name=name, base_url=url, key_required=False, source="base_url")
    except ValidationError:
        raise ConfigError(
            f"{name!r} cannot be a provider's name", hint="Use one without a colon or blanks."
        ) from None


def _no_model(row: Provider) -> ConfigError:
    known = next((found.model for found in models_of(row.name)), None)
    example = f'Write "provider:model", as in "{row.name}:{known or "MODEL"}".'
    return ConfigError(f"{row.name}: the route names no model", hint=example)


def _no_provider(model: str) -> ConfigError:
    name, _, rest = model.partition("/")
    slip = [f'Did you mean "{name.strip().lower()}:{rest}"?'] if rest and _is_known(name) else []
    routes = routes_of_family(model)[:3]
    family = [f"Known routes of its family: {', '.join(routes)}."] if routes else []
    return ConfigError(f"{model!r} names a model but no provider", hint=" ".join((*slip, _HOW, *family)))
