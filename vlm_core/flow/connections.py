"""Which connections serve which calls: threads share a process's, each event loop has its own."""

from __future__ import annotations

import os
import weakref
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from vlm_core.errors import ConfigError

if TYPE_CHECKING:
    import asyncio

    from vlm_core.wire.transport import AsyncHTTPClient, AsyncTransport, HTTPClient, Transport


class Connections:
    """A transport for each process and for each event loop, made when it is first asked for.

    Args:
        http_client: the user's own for blocking calls.
        async_http_client: the user's own for calls from an event loop.

    Example:
        >>> connections = Connections()
        >>> connections.blocking() is connections.blocking()
        True
        >>> connections.close()
    """

    def __init__(
        self, http_client: HTTPClient | None = None, async_http_client: AsyncHTTPClient | None = None
    ) -> None:
        _check_open(http_client)
        _check_open(async_http_client, asynchronous=True)
        self._http, self._async_http = http_client, async_http_client
        # By process, since after a fork both would write to the same sockets.
        self._of_process: dict[int, Transport] = {}
        self._of_loop: dict[asyncio.AbstractEventLoop, _Lifetime] = {}
        # Frameworks keep a client as long as they like, and close none.
        weakref.finalize(self, _close_of_process, self._of_process)

    @property
    def borrowed(self) -> bool:
        """Whether any of them is the user's."""
        return self._http is not None or self._async_http is not None

    def blocking(self) -> Transport:
        """The transport of this process."""
        found = self._of_process.get(os.getpid())
        _check_open(self._http)
        if found is None:
            from vlm_core.wire.transport import Transport

            found = self._of_process.setdefault(os.getpid(), Transport(self._http))
        return found

    async def of_loop(self) -> AsyncTransport:
        """The transport of the running event loop; it closes when the loop shuts down."""
        import asyncio

        loop = asyncio.get_running_loop()
        _check_open(self._async_http, asynchronous=True)
        if loop not in self._of_loop:
            await asyncio.to_thread(_load)
        if loop not in self._of_loop:
            for other in [other for other in self._of_loop if other.is_closed()]:
                del self._of_loop[other]
            lifetime = self._of_loop[loop] = _Lifetime(self._async_http)
            await lifetime.begin()
        return self._of_loop[loop].transport

    def close(self) -> None:
        """Close this process's connections; the next call opens new ones."""
        _close_of_process(self._of_process)

    async def aclose(self) -> None:
        """Close those of the running event loop."""
        import asyncio

        if lifetime := self._of_loop.pop(asyncio.get_running_loop(), None):
            await lifetime.end()


def _load() -> None:
    """Load what is loaded on first use, for an event loop would stand still meanwhile."""
    import vlm_core.images.encode  # noqa: F401
    from vlm_core.wire.transport import load

    load()


def _close_of_process(transports: dict[int, Transport]) -> None:
    if transport := transports.pop(os.getpid(), None):
        transport.close()


def _check_open(http_client: object, *, asynchronous: bool = False) -> None:
    """Refuse a client of the user's that is of the wrong kind, or closed."""
    if http_client is None:
        return
    name, closing = ("async_http_client", "aclose") if asynchronous else ("http_client", "close")
    if not (hasattr(http_client, "send") and hasattr(http_client, closing)):
        kind = "AsyncClient" if asynchronous else "Client"
        raise ConfigError(
            f"{name} is a {type(http_client).__name__}", hint=f"It is an httpx2.{kind} or httpx.{kind}."
        )
    if getattr(http_client, "is_closed", False):
        raise ConfigError(f"{name} is closed", hint="Give an open one, or none.")


class _Lifetime:
    """A transport that an event loop closes as it ends, as it does with all asynchronous generators."""

    def __init__(self, http_client: AsyncHTTPClient | None) -> None:
        from vlm_core.wire.transport import AsyncTransport

        self.transport = AsyncTransport(http_client)
        self._generator = self._run()

    async def _run(self) -> AsyncGenerator[None, None]:
        try:
            yield
        finally:
            await self.transport.close()

    async def begin(self) -> None:
        await anext(self._generator)

    async def end(self) -> None:
        await self._generator.aclose()
