"""How a ChatVLM asks: whole and streamed, blocking and not, and by LangChain's cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.globals import get_llm_cache
from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompt_values import ChatPromptValue, PromptValue

from langchain_vlm.cache_keys import Shortened, in_full
from langchain_vlm.errors import langchain_errors
from langchain_vlm.extra_headers import EXTRA_HEADERS
from langchain_vlm.messages import Message, to_messages
from langchain_vlm.mime_types import labelled
from langchain_vlm.outputs import as_chunk, as_last_chunk, as_message
from langchain_vlm.settings import ModelSettings
from langchain_vlm.tool_binding import as_choice, as_tools
from langchain_vlm.tool_image_warning import warn_of_unsaved_pictures

if TYPE_CHECKING:
    from vlm_core import Completion, Delta, VLMClient

__all__ = ["AskingModel"]


class AskingModel(ModelSettings):
    """What LangChain calls when a model is to answer."""

    def _convert_input(self, model_input: LanguageModelInput) -> PromptValue:
        prompt = super()._convert_input(model_input)
        if isinstance(prompt, ChatPromptValue):
            return ChatPromptValue(messages=labelled(prompt.messages))
        return prompt

    def _generate(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with langchain_errors():
            client, said, options = self._question(messages, stop, kwargs)
            return self._result(client.chat(said, **options))

    async def _agenerate(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        with langchain_errors():
            client, said, options = self._question(messages, stop, kwargs)
            return self._result(await client.achat(said, **options))

    def _stream(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with langchain_errors():
            chunk_of = self._chunks(kwargs.get("stream_usage", self.stream_usage))
            client, said, options = self._question(messages, stop, kwargs)
            with closing(client.stream(said, **options)) as steps:
                for step in steps:
                    chunk = chunk_of(step)
                    if run_manager:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    async def _astream(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with langchain_errors():
            chunk_of = self._chunks(kwargs.get("stream_usage", self.stream_usage))
            client, said, options = self._question(messages, stop, kwargs)
            async with aclosing(client.astream(said, **options)) as steps:
                async for step in steps:
                    chunk = chunk_of(step)
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def _question(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, call: dict[str, Any]
    ) -> tuple[VLMClient, list[Message], dict[str, Any]]:
        """The client to ask, the messages, and the options."""
        call = {name: value for name, value in call.items() if name != "stream_usage"}
        client = self._client(call.pop("model", None))
        warn_of_unsaved_pictures(messages)
        said = to_messages(in_full(messages), allow_private_urls=self.allow_private_urls)
        if tools := call.get("tools"):
            call["tools"] = as_tools(tools)
            call["tool_choice"] = as_choice(call.get("tool_choice"), call["tools"])
        return client, said, self._options(stop, call)

    def _chunks(self, with_usage: bool) -> Callable[[Delta | Completion], ChatGenerationChunk]:
        """What makes a chunk of each step of a stream."""
        from vlm_core import Delta

        provider, in_blocks = self._provider_name, self._in_blocks

        def chunk_of(step: Delta | Completion) -> ChatGenerationChunk:
            if isinstance(step, Delta):
                return ChatGenerationChunk(message=as_chunk(step, provider, in_blocks=in_blocks))
            last = as_last_chunk(step, provider, with_usage=with_usage, in_blocks=in_blocks)
            return ChatGenerationChunk(message=last)

        return chunk_of

    def _result(self, completion: Completion) -> ChatResult:
        message = as_message(completion, self._provider_name, in_blocks=self._in_blocks)
        return ChatResult(generations=[ChatGeneration(message=message)])

    # --- the cache

    def _generate_with_cache(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return super()._generate_with_cache(self._for_cache(messages), *args, **kwargs)

    async def _agenerate_with_cache(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> ChatResult:
        return await super()._agenerate_with_cache(self._for_cache(messages), *args, **kwargs)

    def _for_cache(self, messages: list[BaseMessage]) -> list[BaseMessage]:
        """Messages as the cache's key is to have them, where there is a cache."""
        has_cache = self.cache is not False and (self.cache is not None or get_llm_cache() is not None)
        return Shortened(messages) if has_cache else messages

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """The part of the cache's key that says who was asked, and how."""
        call = {name: value for name, value in kwargs.items() if name != EXTRA_HEADERS}
        asked = {**self.asdict(), **call, "stop": stop if stop is not None else self.stop}
        return str(sorted(asked.items()))
