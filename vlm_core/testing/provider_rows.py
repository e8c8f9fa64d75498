"""What the catalog says of which provider the server simulates."""

from __future__ import annotations

from vlm_core.catalog.routes import Endpoint, Route
from vlm_core.catalog.schema import Provider

_ANYWHERE = "http://127.0.0.1/v1"
"""The address is of no account, but the look-up wants one."""


def row_of(provider: str | Provider | None) -> Provider:
    """A provider's row.

    Args:
        provider: a name in the catalog, a row of your own, or None for a server that simulates none.

    Raises:
        UnknownProviderError: the catalog has no provider of this name.

    Example:
        >>> row_of(None).name, row_of("hyperbolic").limits.max_images
        ('scripted', 1)
    """
    if isinstance(provider, Provider):
        return provider
    if provider is None:
        return Provider(name="scripted")
    from vlm_core.catalog.registry import find_provider

    return find_provider(provider)


def endpoint_of(provider: Provider, model: str) -> Endpoint:
    """A model at a provider, with all limits and quirks that hold there; any string is a model.

    Example:
        >>> endpoint_of(row_of("novita"), "qwen/qwen2.5-vl-72b-instruct").profile.family
        'qwen2.5-vl'
    """
    from vlm_core.catalog.resolve_route import resolve

    # Its own route before the model keeps the look-up from reading one into the model's name.
    named = model if model.strip() else "unnamed"
    return resolve(Route(provider, f"{provider.name}:{named}", base_url=_ANYWHERE))


def models_of(provider: Provider) -> tuple[str, ...]:
    """The models that the catalog knows of a provider.

    Example:
        >>> "qwen/qwen2.5-vl-72b-instruct" in models_of(row_of("novita"))
        True
    """
    from vlm_core.catalog import registry

    return tuple(row.model for row in registry.models_of(provider.name) if row.model)
