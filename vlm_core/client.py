"""VLMClient: questions with images to a vision model, blocking or not, whole or streamed."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator, Generator, Iterable, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.catalog.keys import find_key
from vlm_core.catalog.resolve_route import resolve, warn_of_sunset
from vlm_core.client_settings import ClientSettings
from vlm_core.completion import Completion, Delta, Estimate
from vlm_core.errors import ConfigError
from vlm_core.flow.call import CallLimits, ChatCall, PerRoute
from vlm_core.flow.concurrency import ConcurrencyLimiter
from vlm_core.flow.connections import Connections
from vlm_core.flow.drivers import arun, run
from vlm_core.flow.exchange import exchange
from vlm_core.flow.message_images import read_messages, warn_of_images_in_text
from vlm_core.flow.route_state import RouteState
from vlm_core.flow.validation import as_messages, call_seconds, check_seconds, secret_headers
from vlm_core.option_names import arguments_of
from vlm_core.wire.options import check_options

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint
    from vlm_core.flow.call import Exchange

_DICE = random.Random()  # noqa: S311  it spreads waits, and guards nothing
Messages: TypeAlias = str | Iterable[Mapping[str, Any] | Completion] | PerRoute


class VLMClient:
    """A vision model of any OpenAI-compatible API.

    One client serves threads, event loops and forked processes; each process and loop gets
    connections of its own. It can be pickled, without its key: the copy takes that from the
    provider's variable.

    Args:
        route: "provider:model", a Route, or a model's id alone where `provider` or `base_url` is given.
        fallbacks: routes to ask where that one cannot answer, in their order. api_key, base_url and
            headers are the first one's; a Route has its own.
        provider: the name of a known provider, or a row of your own.
        api_key: by default what the provider's variable holds.
        base_url: of the API, in place of the provider's own.
        headers: sent with each request. Their values are kept secret, as the key is.
        timeout: seconds for a whole call. Of an httpx.Timeout, or a pair (connect, read), the time to read
            is taken for it.
        first_token_timeout: seconds until a streamed answer begins; by default 10 where another route
            can be asked, else the time of the call.
        idle_timeout: seconds between two pieces of a streamed answer.
        max_attempts: on each route.
        max_concurrency: calls that each route gets at once, at most; fewer where it is overloaded.
        tool_images: what becomes of images in tool messages, which most providers refuse: moved into
            a user message behind the tools' results, left where they are ("inline"), or replaced by
            a text ("placeholder").
        max_pages: of one file in a message, such as a PDF, where its pages are not named.
        allow_private_urls: whether a picture's URL may lead to this machine or its network, where
            it is downloaded here because the provider takes no URLs.
        http_client: an httpx2.Client (httpx.Client) to use; it is not closed with this one.
        async_http_client: the same for achat and astream; one event loop only.

    Raises:
        ConfigError: the route, or a limit of time, cannot be used.

    Example:
        >>> from vlm_core.testing import ScriptedServer
        >>> with ScriptedServer() as server, VLMClient(
        ...     "some-vlm", base_url=server.base_url, api_key=server.api_key
        ... ) as client:
        ...     server.say("TOTAL 9.00")
        ...     dot = {"type": "image", "image": b"P5 1 1 255 \\x80"}
        ...     text = {"type": "text", "text": "What is the total?"}
        ...     client.chat([{"role": "user", "content": [dot, text]}]).text
        'TOTAL 9.00'
    """

    @arguments_of(ClientSettings)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        settings = self._settings = ClientSettings(*args, **kwargs)
        self.endpoint = resolve(
            settings.route,
            provider=settings.provider,
            api_key=settings.api_key,
            base_url=settings.base_url,
            headers=settings.headers,
        )
        # Key, address and headers are the first route's alone: they must not go to another provider.
        endpoints = [self.endpoint, *map(resolve, settings.fallbacks)]
        for endpoint in endpoints:
            warn_of_sunset(endpoint)
        self._stations = [
            RouteState(endpoint, ConcurrencyLimiter(settings.max_concurrency)) for endpoint in endpoints
        ]
        self._limits = CallLimits(
            settings.timeout, settings.first_token_timeout, settings.idle_timeout, settings.max_attempts
        )
        self._connections = Connections(settings.http_client, settings.async_http_client)

    def __repr__(self) -> str:
        return f"VLMClient({self.route!r})"

    @property
    def route(self) -> str:
        """What is asked, as "provider:model"."""
        return self.endpoint.route

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """All routes as they were looked up, the fallbacks behind the first."""
        return tuple(station.endpoint for station in self._stations)

    def chat(self, messages: Messages, **options: Any) -> Completion:
        """Ask, and wait for the whole answer.

        Args:
            messages: the conversation as OpenAI has it, or one question. An image is a part
                `{"type": "image", "image": ...}` with a path, bytes, URL or picture in it (a file of
                several pages is all of them; `"pages": [1, 3]` chooses), or OpenAI's image_url. OpenAI's
                file parts are sent as the pages of a PDF, as a picture, or as the text that they are.
            options: temperature, max_tokens, tools, response_format and what else
                `vlm_core.wire.options` lists; `extra_body` takes the provider's own. `timeout` is
                this call's, and so are `extra_headers`, which are sent to the first route alone, and whose
                values are kept secret.

        Raises:
            MissingKeyError: no key is set; before anything is read or sent.
            ConfigError: an option is unknown or cannot be used.
            InputError: a message or image cannot be sent; before anything is sent.
            ProviderError: the provider refused, or was not to be reached.
            ResponseError: what came is not a whole answer.
            DeadlineExceeded: the time was over.
            AllRoutesFailed: there are fallbacks, and no route gave an answer.
        """
        *_, completion = run(self._exchange(messages, options, stream=False), self._connections.blocking())
        assert isinstance(completion, Completion)
        return completion

    async def achat(self, messages: Messages, **options: Any) -> Completion:
        """As `chat`, without blocking the event loop."""
        async with aclosing(self._arun(messages, options, stream=False)) as steps:
            completion = await anext(steps)
        assert isinstance(completion, Completion)
        return completion

    def stream(self, messages: Messages, **options: Any) -> Generator[Delta | Completion, None, None]:
        """Ask, and get the answer piece by piece: Deltas, and at the end the whole Completion.

        Arguments and errors are those of `chat`; where the answer breaks off, IncompleteResponse
        has what came as `.partial`.
        """
        return run(self._exchange(messages, options, stream=True), self._connections.blocking())

    def astream(self, messages: Messages, **options: Any) -> AsyncGenerator[Delta | Completion, None]:
        """As `stream`, without blocking the event loop."""
        return self._arun(messages, options, stream=True)

    def estimate(self, messages: Messages, **options: Any) -> Estimate:
        """What a question would take: tokens of text and images, money, and what cannot be known.

        Nothing is sent and no key is needed; pictures are read and fitted as they would be sent.

        Args:
            messages: as in `chat`.
            options: as in `chat`; max_tokens bounds the cost of the answer.
        """
        from vlm_core.flow.estimate import estimate

        return estimate(self._call(messages, options, stream=False).of(self.endpoint))

    def close(self) -> None:
        """Close this process's connections. Those of an event loop close with `aclose`, or as it ends."""
        self._connections.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop."""
        await self._connections.aclose()

    def __enter__(self) -> VLMClient:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> VLMClient:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._connections.borrowed:
            raise ConfigError("a VLMClient with an http_client of yours cannot be pickled")
        return _remade, (vars(self._settings),)

    def _exchange(self, messages: Messages, options: Mapping[str, Any], *, stream: bool) -> Exchange:
        # The keys of all, for it would be late to learn that one is missing when it is needed.
        keys = {id(station.endpoint): find_key(station.endpoint) for station in self._stations}
        call = replace(self._call(messages, options, stream=stream), keys=keys)
        return exchange(call, self._stations, time.monotonic, _DICE)

    async def _arun(
        self, messages: Messages, options: Mapping[str, Any], *, stream: bool
    ) -> AsyncGenerator[Delta | Completion, None]:
        transport = await self._connections.of_loop()
        async with aclosing(arun(self._exchange(messages, options, stream=stream), transport)) as steps:
            async for step in steps:
                yield step

    def _call(self, messages: Messages, options: Mapping[str, Any], *, stream: bool) -> ChatCall:
        options = dict(options)
        timeout = call_seconds(options.pop("timeout", None))
        check_seconds(timeout=timeout)
        extra_headers = secret_headers(options.pop("extra_headers", None))
        check_options(options)
        per_route = messages if isinstance(messages, PerRoute) else None
        asked = read_messages(
            as_messages([] if isinstance(messages, PerRoute) else messages),
            allow_private_urls=self._settings.allow_private_urls,
        )
        warn_of_images_in_text(asked)
        return ChatCall(
            messages=asked,
            options=options,
            endpoint=self.endpoint,
            stream=stream,
            limits=self._limits if timeout is None else replace(self._limits, timeout=timeout),
            tool_images=self._settings.tool_images,
            max_pages=self._settings.max_pages,
            allow_private_urls=self._settings.allow_private_urls,
            per_route=per_route,
            extra_headers=extra_headers,
        )


def _remade(made_of: dict[str, Any]) -> VLMClient:
    return VLMClient(**made_of)
