"""Headers of one call, kept secret before LangChain shows the call to tracers, caches and bindings."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from langchain_core.language_models.base import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable
from pydantic import ConfigDict

from vlm_core import Secret

__all__ = ["EXTRA_HEADERS", "WithExtraHeaders", "hidden"]

EXTRA_HEADERS = "extra_headers"


def hidden(call: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call, the values of its headers as secrets.

    Example:
        >>> hidden({"extra_headers": {"X-Title": "my app"}, "temperature": 0})
        {'extra_headers': {'X-Title': Secret('**********')}, 'temperature': 0}
    """
    headers = call.get(EXTRA_HEADERS)
    if not isinstance(headers, Mapping):
        return call
    # The client says what is wrong with a value that is not a string.
    secrets = {name: Secret(value) if isinstance(value, str) else value for name, value in headers.items()}
    return {**call, EXTRA_HEADERS: secrets}


class WithExtraHeaders(BaseChatModel):
    """The methods by which a call comes in, each of which hides its headers first."""

    model_config = ConfigDict(defer_build=True)

    def bind(self, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:  # type: ignore[override]
        """The model with arguments for each call; the values of `extra_headers` are kept secret."""
        return super().bind(**hidden(kwargs))

    def generate(self, *args: Any, **kwargs: Any) -> Any:
        """As every chat model has it; `invoke` and `batch` come here."""
        return super().generate(*args, **hidden(kwargs))

    async def agenerate(self, *args: Any, **kwargs: Any) -> Any:
        """As `generate`, on an event loop."""
        return await super().agenerate(*args, **hidden(kwargs))

    def stream(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        """As every chat model has it."""
        return super().stream(*args, **hidden(kwargs))

    def astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[Any]:
        """As `stream`, on an event loop."""
        return super().astream(*args, **hidden(kwargs))

    def stream_events(self, *args: Any, **kwargs: Any) -> Any:
        """As every chat model has it."""
        return super().stream_events(*args, **hidden(kwargs))

    def astream_events(self, *args: Any, **kwargs: Any) -> Any:
        """As `stream_events`, on an event loop."""
        return super().astream_events(*args, **hidden(kwargs))
