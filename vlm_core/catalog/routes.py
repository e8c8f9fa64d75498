"""A route: which model of which provider, as a user says it, as it was looked up, and where its URL leads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any
from urllib.parse import SplitResult, urlsplit

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

# What is written of a route: all but its key and its headers.
_WRITTEN = frozenset({"provider", "model", "base_url"})
_LOOPBACK = "localhost"
_PRIVATE_NAMES = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_ENDPOINT = "/chat/completions"
_BASE_URL = 'It is the API\'s address, as in base_url="https://api.example.com/v1".'


def checked_base_url(url: str) -> str:
    """A base URL, without slashes at its end, and without /chat/completions, which is added later.

    Raises:
        ConfigError: it is not a URL of an API: another scheme, no host, a query, or a password in it.

    Example:
        >>> checked_base_url("https://api.example.com/v1/chat/completions")
        'https://api.example.com/v1'
    """
    # It is often copied from a page with the path that the client adds.
    cleaned = url.strip().rstrip("/").removesuffix(_ENDPOINT).rstrip("/")
    parts = _split(cleaned)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("base_url is not an http or https URL of a host", hint=_BASE_URL)
    if parts.username is not None or parts.password is not None:
        raise ConfigError("base_url holds a user's name or password", hint="Pass it as api_key=... instead.")
    if parts.query or parts.fragment:
        raise ConfigError(f"base_url for {parts.hostname} has a query (? or #)", hint=_BASE_URL)
    if re.search(r"[\s\x00-\x1f\x7f]", cleaned):
        raise ConfigError(f"base_url for {parts.hostname} has a blank in it", hint=_BASE_URL)
    return cleaned


def host_of(url: str) -> str:
    """The host that a URL leads to, in lower case; all names of this machine are one, with the port.

    Example:
        >>> host_of("https://API.deepinfra.com/v1"), host_of("http://127.0.0.1:11434/v1")
        ('api.deepinfra.com', 'localhost:11434')
    """
    parts = _split(url)
    host = (parts.hostname or "").rstrip(".") if parts else ""
    if not _is_loopback(host):
        return host
    return f"{_LOOPBACK}:{parts.port}" if parts and parts.port else _LOOPBACK


def belongs(provider: Provider, url: str) -> bool:
    """Whether a URL leads to a provider, by its row.

    A server on this machine is told by its port, and only where the row lists it among its hosts.

    Example:
        >>> belongs(Provider(name="a", base_url="https://a.example/v1"), "https://a.example/v2")
        True
    """
    host = host_of(url)
    own = host_of(provider.base_url) if provider.base_url else ""
    hosts = (*provider.hosts, *([own] if own and not own.startswith(_LOOPBACK) else []))
    return any(host.endswith(known) if known.startswith(".") else host == known for known in hosts)


def is_in_the_clear(url: str) -> bool:
    """Whether what is sent there could be read on the way: by http, and out of this network.

    Example:
        >>> is_in_the_clear("http://api.example.com/v1"), is_in_the_clear("http://192.168.0.7:8000/v1")
        (True, False)
    """
    parts = _split(url)
    return parts is not None and parts.scheme == "http" and not _is_private(parts.hostname or "")


def is_private(url: str) -> bool:
    """Whether a server is of this machine or its network, as far as its URL tells.

    Example:
        >>> is_private("http://192.168.0.7:8000/v1"), is_private("http://vllm/v1"), is_private("https://a.example")
        (True, True, False)
    """
    parts = _split(url)
    return parts is not None and _is_private(parts.hostname or "")


def named_after(url: str) -> str:
    """A provider's name for a server that no row knows: its host, and its port where it has one.

    Example:
        >>> named_after("http://10.0.0.7:8000/v1")
        '10.0.0.7-8000'
    """
    parts = _split(url)
    host = (parts.hostname or "") if parts else ""
    port = parts.port if parts else None
    return (f"{host}-{port}" if port else host).replace(":", "-")


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port  # refuses one that is not a number
    except ValueError:
        return None
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == _LOOPBACK or host.endswith(".localhost")


def _is_private(host: str) -> bool:
    """An address of this machine or its network, or a name that only such a network knows."""
    try:
        return not ip_address(host.partition("%")[0]).is_global
    except ValueError:
        # A number without dots is an address too, in a spelling that is never looked at as one here.
        return ("." not in host and not host[:1].isdigit()) or host.endswith(_PRIVATE_NAMES)


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
        # Hidden at once: a route stands in logs and tracebacks long before it is used.
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
