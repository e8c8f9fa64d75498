"""A route: which model of which provider, as a user says it, and as it was looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vlm_core.catalog.schema import (
    ImageLimits,
    ModelProfile,
    Provider,
    Quirk,
    ReasoningBack,
    ResponseFormat,
)
from vlm_core.errors import ConfigError
from vlm_core.secret import Secret

_WRITTEN = frozenset({"provider", "model", "base_url"})
"""What is written of a route: all but its key and its headers."""


@dataclass(frozen=True)
class Route:
    """One model of one provider, with what is needed to reach it.

    Args:
        provider: the name of a known one, or a row of your own.
        model: its id, as the provider spells it.
        api_key: by default what the provider's variable holds.
        base_url: in place of the provider's own.
        headers: sent with each request; their values are kept secret.

    Example:
        >>> str(Route("deepinfra", "Qwen/Qwen2.5-VL-32B-Instruct"))
        'deepinfra:Qwen/Qwen2.5-VL-32B-Instruct'
        >>> Route("deepinfra", "m", api_key="sk-1").api_key
        Secret('**********')
    """

    provider: str | Provider
    model: str
    api_key: str | Secret | None = None
    base_url: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.api_key is not None:
            object.__setattr__(self, "api_key", Secret(self.api_key))
        object.__setattr__(self, "headers", {name: Secret(value) for name, value in self.headers.items()})

    def __str__(self) -> str:
        return f"{self.provider if isinstance(self.provider, str) else self.provider.name}:{self.model}"

    def to_dict(self) -> dict[str, object]:
        """The route as plain JSON, without its key and its headers, which are secret.

        Example:
            >>> Route("novita", "m", api_key="sk-1").to_dict()
            {'provider': 'novita', 'model': 'm'}
        """
        provider = self.provider if isinstance(self.provider, str) else self.provider.to_dict()
        address = {} if self.base_url is None else {"base_url": self.base_url}
        return {"provider": provider, "model": self.model, **address}

    @classmethod
    def from_dict(cls, fields: object) -> Route:
        """A route from what `to_dict` gave.

        Raises:
            ConfigError: it is not a route.

        Example:
            >>> str(Route.from_dict({"provider": {"name": "lab"}, "model": "m"}))
            'lab:m'
        """
        names = fields.keys() if isinstance(fields, Mapping) else set()
        if not isinstance(fields, Mapping) or not {"provider", "model"} <= names <= _WRITTEN:
            raise ConfigError(
                'a route is "provider:model", or has provider, model and base_url',
                hint='Write "provider:model", or Route(...).',
            )
        provider = fields["provider"]
        if isinstance(provider, Mapping):
            provider = Provider.from_dict(provider)
        return cls(provider, fields["model"], base_url=fields.get("base_url"))


@dataclass(frozen=True)
class Endpoint:
    """A route with all that the catalog knows of it."""

    provider: Provider
    model: str
    profile: ModelProfile
    """All rows that fit the model, merged; a field that no row sets is None."""
    limits: ImageLimits
    """Of this model at this provider."""
    base_url: str
    api_key: Secret | None = None
    """As the user gave it; `keys.find_key` looks in the variables too."""
    headers: Mapping[str, Secret] = field(default_factory=dict)
    extra_headers: Mapping[str, Secret] = field(default_factory=dict)
    """Of one call alone."""

    @property
    def route(self) -> str:
        """How it is written, as "provider:model"."""
        return f"{self.provider.name}:{self.model}"

    @property
    def quirks(self) -> frozenset[Quirk]:
        """The provider's, and the model's own."""
        return self.provider.quirks | self.profile.quirks

    @property
    def tools(self) -> bool | None:
        """Whether the model calls tools here; None where it is not known."""
        return self.profile.tools if self.profile.tools is not None else self.provider.tools

    @property
    def cache_control(self) -> bool:
        """Whether marks for prompt caching are sent: only where it is known that they are taken."""
        of_model = self.profile.cache_control
        return (self.provider.cache_control if of_model is None else of_model) is True

    @property
    def response_formats(self) -> frozenset[ResponseFormat] | None:
        """The ways to structured output here; None where it is not known."""
        of_model = self.profile.response_formats
        return of_model if of_model is not None else self.provider.response_formats

    @property
    def reasoning_back(self) -> ReasoningBack | None:
        """When reasoning goes back to it; None where it is not known."""
        # A provider that refuses a field refuses it for all models.
        own = self.provider.reasoning_back
        return own if own == "never" else self.profile.reasoning_back or own

    @property
    def returned_fields(self) -> frozenset[str]:
        """Fields of an answer that go back to it, beside the usual ones."""
        return self.provider.returned_fields | self.profile.returned_fields
