"""What to use instead: of a model that is not known, and of one that is about to end."""

from __future__ import annotations

import threading
from datetime import date
from difflib import SequenceMatcher

from vlm_core.catalog.registry import offers, profile
from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.row_matching import words
from vlm_core.warning import warn_caller

__all__ = ["SunsetWarning", "nearest_models", "routes_of_family", "same_family_routes", "warn_of_sunset"]

_NAMED = 5
"""As many routes or models as a message names."""
_ALIKE = 0.5
"""How much of two names must be the same, for one to be proposed in place of the other."""


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
