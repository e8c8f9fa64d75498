"""A model that somebody else's program talks to, asked to read pages as our own client is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias, TypeVar

from vlm_core.catalog.registry import profile
from vlm_core.catalog.routes import Endpoint
from vlm_core.catalog.schema import ImageLimits, Provider
from vlm_core.completion import Completion, EncodedImage
from vlm_core.errors import ProviderError, VLMError
from vlm_core.flow.call import PerRoute
from vlm_core.threads import on_own_thread
from vlm_core.wire.completion import finish_reason

Messages: TypeAlias = Sequence[Mapping[str, Any]]
"""As OpenAI has them, but that the image of an image part is an `EncodedImage`."""
Ask: TypeAlias = Callable[[Messages, Mapping[str, Any]], Completion]
AskAsync: TypeAlias = Callable[[Messages, Mapping[str, Any]], Awaitable[Completion]]
Answer = TypeVar("Answer")
# Characters of a foreign error.
_SHOWN = 300


class ForeignClient:
    """Asks a model through the program that talks to it. It stands for a `VLMClient` as an engine.

    Args:
        provider: what the model's provider is called.
        model: its id.
        ask: sends messages with options, and gives the answer; its finish_reason may be in anybody's words.
        aask: the same, without blocking an event loop.
        max_images: that one question may have.
        fallbacks: provider and model of each route that may answer in place of the first.

    Example:
        >>> client = ForeignClient("lab", "m", lambda messages, options: Completion("TOTAL"), None)
        >>> client.chat(PerRoute(lambda endpoint: ([{"role": "user", "content": "Read."}], {}))).route
        'lab:m'
    """

    def __init__(
        self,
        provider: str,
        model: str,
        ask: Ask,
        aask: AskAsync | None,
        *,
        max_images: int | None = None,
        fallbacks: Iterable[tuple[str, str]] = (),
    ) -> None:
        routes = [(provider, model), *fallbacks]
        self.endpoints = tuple(_endpoint(*route, max_images) for route in routes)
        """The first route, and the fallbacks behind it."""
        self.endpoint = self.endpoints[0]
        self._asks = ask
        self._aasks = aask

    def __repr__(self) -> str:
        return f"ForeignClient({self.endpoint.route!r})"

    @property
    def route(self) -> str:
        """What is asked, as "provider:model"."""
        return self.endpoint.route

    def chat(self, question: PerRoute) -> Completion:
        """Ask, and wait for the answer.

        Raises:
            VLMError: as the program raised it.
            ProviderError: the program raised something else.
        """
        messages, options = self._sent(question)
        try:
            return self._told(self._asks(messages, options))
        except VLMError:
            raise
        except Exception as error:
            raise self._foreign(error) from error

    async def achat(self, question: PerRoute) -> Completion:
        """As `chat`, without blocking the event loop."""
        import asyncio

        if self._aasks is None:
            return await on_own_thread(self.chat, question)
        messages, options = await asyncio.to_thread(self._sent, question)
        try:
            return self._told(await self._aasks(messages, options))
        except VLMError:
            raise
        except Exception as error:
            raise self._foreign(error) from error

    def _sent(self, question: PerRoute) -> tuple[Messages, Mapping[str, Any]]:
        messages, options = question.ask(self.endpoint)
        return [self._fitted(message) for message in messages], options

    def _fitted(self, message: Mapping[str, Any]) -> Mapping[str, Any]:
        if isinstance(message["content"], str):
            return message
        return {**message, "content": [self._fitted_part(part) for part in message["content"]]}

    def _fitted_part(self, part: Mapping[str, Any]) -> Mapping[str, Any]:
        if part["type"] != "image":
            return part
        from vlm_core.images.encode import fit

        sides = [side for side in (part.get("max_side"), self.endpoint.limits.max_side) if side]
        limits = self.endpoint.limits.model_copy(update={"max_side": min(sides, default=None)})
        image: EncodedImage = fit(part["image"], limits, self.endpoint.profile)
        return {"type": "image", "image": image}

    def _told(self, completion: Completion) -> Completion:
        reason = completion.finish_reason
        return replace(
            completion,
            route=completion.route or self.route,
            finish_reason=None if reason is None else finish_reason(reason),
        )

    def _foreign(self, error: Exception) -> ProviderError:
        said = " ".join(str(error).split())[:_SHOWN]
        return ProviderError(
            f"{self.route}: {type(error).__name__}: {said}",
            hint="See what the model's own integration says of this error.",
            route=self.route,
        )


def _endpoint(provider: str, model: str, max_images: int | None) -> Endpoint:
    name = "".join(provider.lower().split()).replace(":", "-") or "foreign"
    found = profile(model, name)
    limits = ImageLimits(
        max_side=found.limits.max_side, max_pixels=found.limits.max_pixels, max_images=max_images
    )
    return Endpoint(Provider(name=name, key_required=False), model, found, limits, base_url="")


def framework_client(
    name: tuple[str, str], ask: Ask, aask: AskAsync, *, endpoints: Sequence[Endpoint] = ()
) -> ForeignClient:
    """A chat model of a framework as the client that is asked about pages.

    Args:
        name: provider and model, as the framework calls them.
        ask: as of `ForeignClient`. It gets the options that all chat models know by one name.
        aask: the same, without blocking an event loop.
        endpoints: of a model that is ours. Their names count, and how many images they take.

    Example:
        >>> async def ask(messages, options):
        ...     return Completion("TOTAL")
        >>> framework_client(("lab", "m"), lambda messages, options: Completion("TOTAL"), ask).route
        'lab:m'
    """
    first, *others = [(endpoint.provider.name, endpoint.model) for endpoint in endpoints] or [name]
    counts = [endpoint.limits.max_images for endpoint in endpoints if endpoint.limits.max_images is not None]
    return ForeignClient(
        *first,
        partial(_asked, ask),
        partial(_asked, aask),
        max_images=min(counts, default=None),
        fallbacks=others,
    )


def _asked(ask: Callable[..., Answer], messages: Messages, options: Mapping[str, Any]) -> Answer:
    # What JSON is wanted, the prompt says too.
    others = ("response_format", "extra_body")
    return ask(messages, {name: value for name, value in options.items() if name not in others})
