"""VLM: any OpenAI-compatible vision model as an LLM of LlamaIndex."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    ImageBlock,
    MessageRole,
    TextBlock,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.schema import BaseNode

from llamaindex_vlm.extra_headers import hides_extra_headers
from llamaindex_vlm.messages import to_messages
from llamaindex_vlm.responses import agrowing, growing, to_completion_response, to_response
from llamaindex_vlm.structured_llm import StructuredPrediction
from llamaindex_vlm.tool_calls import as_openai_tools, selections, with_one_call
from vlm_core import InputError

if TYPE_CHECKING:
    from llama_index.core.tools import BaseTool


@hides_extra_headers
class VLM(StructuredPrediction):
    """A vision model of any OpenAI-compatible API, for chats, query engines and agents.

    Every block of a message is sent: images in any form and role, a PDF as its pages, a text as
    text. What cannot be sent is an error, before anything is sent.

    A response has in `additional_kwargs` prompt_tokens, completion_tokens, total_tokens and cost_usd
    as far as the provider says them, finish_reason ("length" where the answer is cut off), route,
    attempts, and the model's refusal. Errors are VLMErrors with a hint. Calls are repeated here and
    nowhere else.

    Args:
        model: "provider:model", or a model's id with `provider` or `api_base`.
        provider: a known provider's name, any name with `api_base`, or a Provider of your own.
        fallbacks: routes to ask, in their order, where the model cannot answer.
        api_key: by default what the provider's variable holds. It is in no dump, repr or pickle.
        api_base: URL of the API, also called `base_url`.
        default_headers: sent with each request; their values are kept secret, as the key is.
        temperature, max_tokens, top_p, seed, stop, extra_body: for every call.
        additional_kwargs: further options for every call, such as {"reasoning_effort": "low"}.
        timeout: seconds for a whole call, with its waits and retries.
        first_token_timeout, idle_timeout: seconds until a streamed answer begins, and between two
            pieces of it.
        max_retries: to each route go at most so many requests, and one.
        max_concurrency: calls that each route gets at once, at most.
        tool_images: what becomes of images in tools' results: "user_message" moves them into a user
            message behind, "inline" leaves them, "placeholder" puts words in their place.
        max_pages: of one file in a message, at most; one that has more is an error.
        allow_private_urls: whether URLs may lead to this machine or its network.
        context_window: tokens; by default what the catalog knows of the model, or 32768.
        http_client, async_http_client: httpx clients to use.
        callback_manager, rate_limiter, system_prompt, messages_to_prompt, completion_to_prompt,
            output_parser, pydantic_program_mode: as every LLM of LlamaIndex has them.

    Raises:
        ConfigError: an argument is unknown or cannot be used.

    Example:
        >>> from vlm_core.testing import ScriptedServer
        >>> dot = ImageBlock(image=b"P5 1 1 255 \\x80")
        >>> question = ChatMessage(role="user", blocks=[dot, TextBlock(text="What is the total?")])
        >>> with ScriptedServer() as server:
        ...     server.say("TOTAL 9.00")
        ...     llm = VLM(model="some-vlm", api_base=server.base_url, api_key=server.api_key)
        ...     response = llm.chat([question])
        >>> response.message.content, response.additional_kwargs["finish_reason"]
        ('TOTAL 9.00', 'stop')
        >>> VLM(model="novita:qwen/qwen3-vl-8b-instruct", api_key="secret", temperature=0)
        VLM(model='novita:qwen/qwen3-vl-8b-instruct', temperature=0.0)
    """

    @classmethod
    def class_name(cls) -> str:
        """Its name in what is stored. Multimodal indices warn of a name without "multi"."""
        return "multi_modal_vlm"

    # --- chats -----------------------------------------------------------------------------------

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask, and wait for the whole answer.

        Args:
            messages: the conversation, which stays as it is.
            kwargs: options of this call, such as max_tokens, response_format, timeout or extra_headers,
                whose values are kept secret.

        Raises:
            ConfigError: an option is unknown or cannot be used, or there is no key.
            InputError: a message cannot be sent.
            ProviderError: the provider refused, or was not to be reached.
            ResponseError: what came is not a whole answer.
        """
        return to_response(self._client().chat(self._sent(messages), **self._options(kwargs)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """As `chat`, but yields the answer so far whenever a piece comes, in `delta`; the last is whole."""
        return growing(self._client().stream(self._sent(messages), **self._options(kwargs)))

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """As `chat`, without blocking the event loop."""
        return to_response(await self._client().achat(self._sent(messages), **self._options(kwargs)))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """As `stream_chat`, without blocking the event loop."""
        return agrowing(self._client().astream(self._sent(messages), **self._options(kwargs)))

    def _sent(self, messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
        return to_messages(messages, allow_private_urls=self.allow_private_urls)

    # --- completions -----------------------------------------------------------------------------

    @llm_completion_callback()
    def complete(
        self,
        prompt: str,
        formatted: bool = False,
        image_documents: Sequence[BaseNode | ImageBlock] = (),
        **kwargs: Any,
    ) -> CompletionResponse:
        """Ask one question.

        Args:
            prompt: the question.
            formatted: whether `completion_to_prompt` was applied already.
            image_documents: images to send with it.
            kwargs: as in `chat`, and so are the errors.
        """
        asked = self._sent(self._question(prompt, formatted, image_documents))
        return to_completion_response(to_response(self._client().chat(asked, **self._options(kwargs))))

    @llm_completion_callback()
    def stream_complete(
        self,
        prompt: str,
        formatted: bool = False,
        image_documents: Sequence[BaseNode | ImageBlock] = (),
        **kwargs: Any,
    ) -> CompletionResponseGen:
        """As `complete`, but yields the answer so far whenever a piece comes."""
        asked = self._sent(self._question(prompt, formatted, image_documents))
        return _completions(growing(self._client().stream(asked, **self._options(kwargs))))

    @llm_completion_callback()
    async def acomplete(
        self,
        prompt: str,
        formatted: bool = False,
        image_documents: Sequence[BaseNode | ImageBlock] = (),
        **kwargs: Any,
    ) -> CompletionResponse:
        """As `complete`, without blocking the event loop."""
        asked = self._sent(self._question(prompt, formatted, image_documents))
        completion = await self._client().achat(asked, **self._options(kwargs))
        return to_completion_response(to_response(completion))

    @llm_completion_callback()
    async def astream_complete(
        self,
        prompt: str,
        formatted: bool = False,
        image_documents: Sequence[BaseNode | ImageBlock] = (),
        **kwargs: Any,
    ) -> CompletionResponseAsyncGen:
        """As `stream_complete`, without blocking the event loop."""
        asked = self._sent(self._question(prompt, formatted, image_documents))
        return _acompletions(agrowing(self._client().astream(asked, **self._options(kwargs))))

    def _question(
        self, prompt: str, formatted: bool, image_documents: Sequence[BaseNode | ImageBlock]
    ) -> list[ChatMessage]:
        text = prompt if formatted else self.completion_to_prompt(prompt)  # type: ignore[misc]
        images = [block for given in image_documents for block in _images_of(given)]
        return [ChatMessage(role=MessageRole.USER, blocks=[*images, TextBlock(text=text)])]

    # --- tools -----------------------------------------------------------------------------------

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The arguments of a chat with tools; the history given stays as it is."""
        asked = (
            [ChatMessage(role=MessageRole.USER, content=user_msg)]
            if isinstance(user_msg, str)
            else [user_msg]
        )
        options = {
            "tools": as_openai_tools(tools, strict=strict),
            "tool_choice": tool_choice or ("required" if tool_required else None),
            "parallel_tool_calls": False if not allow_parallel_tool_calls and self._calls_tools else None,
        }
        messages = [*(chat_history or ()), *filter(None, asked)]
        return {"messages": messages, **(options if tools else {}), **kwargs}

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,
    ) -> ChatResponse:
        return response if allow_parallel_tool_calls else with_one_call(response)

    def get_tool_calls_from_response(
        self, response: ChatResponse, error_on_no_tool_call: bool = True, **kwargs: Any
    ) -> list[ToolSelection]:
        """The tools that the model wants to be called.

        Args:
            response: whole, or still growing; then arguments are read as far as they go.
            error_on_no_tool_call: whether it must hold one.

        Raises:
            ResponseError: there is none, or the arguments of one are not a JSON object.
        """
        return selections(response, at_least_one=error_on_no_tool_call)


def _images_of(given: BaseNode | ImageBlock) -> list[ImageBlock]:
    blocks = [given] if isinstance(given, ImageBlock) else given.get_content_blocks()
    found = [block for block in blocks if isinstance(block, ImageBlock)]
    if not found:
        raise InputError(
            "image_documents has a node without an image", hint="Give nodes with images in them."
        )
    return found


def _completions(responses: ChatResponseGen) -> CompletionResponseGen:
    with closing(responses):
        yield from map(to_completion_response, responses)


async def _acompletions(responses: ChatResponseAsyncGen) -> CompletionResponseAsyncGen:
    async with aclosing(responses):
        async for response in responses:
            yield to_completion_response(response)
