"""Who is reached by a proxy: a server in the web, and none of this machine or its network."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies

from vlm_core.catalog.hosts import is_private

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint


def by_proxy(base_url: str) -> bool:
    """Whether the proxies that the environment names may be asked to reach a server.

    A proxy is another machine: it would get what is meant for a server of this machine or its network, the
    key too. NO_PROXY is looked at by the HTTP library.

    Example:
        >>> by_proxy("https://api.example.com/v1"), by_proxy("http://127.0.0.1:8000/v1")
        (True, False)
    """
    return not is_private(base_url)


class HTTPClients:
    """HTTP clients of our own, one that takes proxies and one that does not, or the user's in their place.

    Args:
        make: makes one; is told whether it takes the environment's proxies.
        given: the user's.

    Example:
        >>> HTTPClients(lambda uses_proxies: None, given="mine").owned
        []
    """

    def __init__(self, make: Callable[[bool], Any], given: Any = None) -> None:
        self._make = make
        self._given = given
        self._made: dict[bool, Any] = {} if given else {True: make(True)}

    @property
    def owned(self) -> list[Any]:
        """Those that are to be closed."""
        return list(self._made.values())

    def of(self, endpoint: Endpoint) -> Any:
        """The client for an endpoint."""
        if self._given:
            return self._given
        uses_proxies = by_proxy(endpoint.base_url) or not getproxies()
        if uses_proxies not in self._made:
            self._made.setdefault(uses_proxies, self._make(uses_proxies))
        return self._made[uses_proxies]
