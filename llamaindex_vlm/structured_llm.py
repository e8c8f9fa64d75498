"""How a VLM gives objects: the predictions of LlamaIndex, and an LLM whose every answer is one."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from typing import Any, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    MessageRole,
)
from llama_index.core.bridge.pydantic import BaseModel
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.types import PydanticProgramMode

from llamaindex_vlm import structured
from llamaindex_vlm.extra_headers import hides_extra_headers
from llamaindex_vlm.settings import VLMSettings
from llamaindex_vlm.structured import Output

_dispatcher = get_dispatcher(__name__)


class StructuredPrediction(VLMSettings):
    """The part of a VLM that answers with objects of a class.

    JSON is asked for in the best way that the provider has. If what comes does not fit, the model is
    told so and asked once more, at most two calls in all. Where `pydantic_program_mode` is set to
    another than the default, LlamaIndex's own program for it is used.
    """

    @_dispatcher.span
    def structured_predict(
        self,
        output_cls: type[Output],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Output:
        """An answer as an object.

        It is asked for as JSON in the best way that the provider has. If what comes does not fit,
        the model is told so and asked once more: at most two calls. Another `pydantic_program_mode`
        than the default uses LlamaIndex's own program for it.

        Args:
            output_cls: a pydantic model.
            prompt: a template; images in it are sent.
            llm_kwargs: options of the calls.
            prompt_args: fill the template.

        Raises:
            ResponseError: the answer is cut off, declined, or does not fit the second time either.
        """
        if not self._is_default:
            predict = super().structured_predict
            return cast("Output", predict(output_cls, prompt, llm_kwargs, **prompt_args))
        _dispatcher.event(_started(output_cls, prompt, prompt_args))
        options = structured.options_for(output_cls, llm_kwargs)
        asked = structured.questions(output_cls, self._filled(prompt, prompt_args))
        output, _ = structured.ask(asked, lambda messages: self.chat(messages, **options))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=output))
        return output

    @_dispatcher.span
    async def astructured_predict(
        self,
        output_cls: type[Output],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Output:
        """As `structured_predict`, without blocking the event loop."""
        if not self._is_default:
            apredict = super().astructured_predict
            return cast("Output", await apredict(output_cls, prompt, llm_kwargs, **prompt_args))
        _dispatcher.event(_started(output_cls, prompt, prompt_args))
        options = structured.options_for(output_cls, llm_kwargs)
        asked = structured.questions(output_cls, self._filled(prompt, prompt_args))
        output, _ = await structured.aask(asked, lambda messages: self.achat(messages, **options))
        _dispatcher.event(LLMStructuredPredictEndEvent(output=output))
        return output

    def _structured_stream_call(
        self,
        output_cls: type[Output],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        if not self._is_default:
            return super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)  # type: ignore[arg-type]
        steps = structured.stream(self, output_cls, self._filled(prompt, prompt_args), llm_kwargs)
        return (output for output, _ in steps)

    async def _structured_astream_call(
        self,
        output_cls: type[Output],
        prompt: BasePromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        if not self._is_default:
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)  # type: ignore[arg-type]
        steps = structured.astream(self, output_cls, self._filled(prompt, prompt_args), llm_kwargs)
        return (output async for output, _ in steps)

    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> StructuredLLM:
        """An LLM whose every answer is an object of that class; see `StructuredVLM`."""
        structured.check_output_cls(output_cls)
        kind = StructuredVLM if self._is_default else StructuredLLM
        return kind(llm=self, output_cls=output_cls, **kwargs)

    @property
    def _is_default(self) -> bool:
        return self.pydantic_program_mode == PydanticProgramMode.DEFAULT

    def _filled(self, prompt: BasePromptTemplate, prompt_args: Mapping[str, Any]) -> list[ChatMessage]:
        return self._extend_messages(prompt.format_messages(llm=self, **prompt_args))


def _started(
    output_cls: type[BaseModel], prompt: BasePromptTemplate, prompt_args: dict[str, Any]
) -> LLMStructuredPredictStartEvent:
    return LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)


@hides_extra_headers
class StructuredVLM(StructuredLLM):
    """A VLM whose answers are objects of a class, in `raw`, and as JSON in the message.

    Unlike the class that it is from, it keeps what the answer cost, and open files and braces in a
    message are never taken for a template.

    Example:
        >>> from llamaindex_vlm import VLM
        >>> from vlm_core.testing import ScriptedServer
        >>> class Receipt(BaseModel):
        ...     total: float
        >>> with ScriptedServer() as server:
        ...     server.say('{"total": 9.0}')
        ...     llm = VLM(model="some-vlm", api_base=server.base_url, api_key=server.api_key)
        ...     llm.as_structured_llm(Receipt).chat([ChatMessage(content="What is the total?")]).raw
        Receipt(total=9.0)
    """

    @classmethod
    def class_name(cls) -> str:
        """Its name in what is stored."""
        return "structured_multi_modal_vlm"

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask, and wait for the object."""
        options = structured.options_for(self.output_cls, kwargs)
        asked = structured.questions(self.output_cls, self.llm._extend_messages(list(messages)))
        return _as_response(*structured.ask(asked, lambda messages: self.llm.chat(messages, **options)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `chat`, on an event loop."""
        options = structured.options_for(self.output_cls, kwargs)
        asked = structured.questions(self.output_cls, self.llm._extend_messages(list(messages)))
        return _as_response(
            *await structured.aask(asked, lambda messages: self.llm.achat(messages, **options))
        )

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """The object as it grows; the last one is checked."""
        asked = self.llm._extend_messages(list(messages))
        return (_as_response(*step) for step in structured.stream(self.llm, self.output_cls, asked, kwargs))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """As `stream_chat`, on an event loop."""
        asked = self.llm._extend_messages(list(messages))
        steps = structured.astream(self.llm, self.output_cls, asked, kwargs)
        return (_as_response(*step) async for step in steps)


def _as_response(output: BaseModel, response: ChatResponse) -> ChatResponse:
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, content=output.model_dump_json()),
        raw=output,
        additional_kwargs=response.additional_kwargs,
    )
