"""Where a URL leads, as far as that can be told from the URL: to which host, and over which networks."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from vlm_core.catalog.schema import Provider
from vlm_core.errors import ConfigError

__all__ = ["belongs", "checked_base_url", "host_of", "is_in_the_clear", "is_private", "named_after"]

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
