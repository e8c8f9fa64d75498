"""ChatVLM: LangChain's chat model over any OpenAI-compatible vision model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from langchain_core.language_models.base import LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from langchain_vlm.asking import AskingModel
from langchain_vlm.errors import langchain_errors
from langchain_vlm.messages import to_messages
from langchain_vlm.parameters import OF_CALLS
from langchain_vlm.structured import Method, StructureParser, as_response_format, parsed, request_for
from langchain_vlm.token_counts import message_tokens
from langchain_vlm.tool_binding import as_choice, as_tools
from vlm_core.integration import check_options

__all__ = ["ChatVLM"]


class ChatVLM(AskingModel):
    r"""A vision model of any OpenAI-compatible API, with retries, other routes and images that fit.

    Setup:
        Install `vlm-adapters[langchain]`, and set the provider's variable, such as `NOVITA_API_KEY`, or
        pass `api_key`.

        The examples talk to a server that answers as it is told:

        >>> from vlm_core.testing import Answer, ScriptedServer
        >>> server = ScriptedServer().start()

    Key init args - completion params:
        model: "provider:model", or the model's id alone where `provider` or `base_url` is given.
        temperature, max_tokens, top_p, seed, stop, presence_penalty, frequency_penalty, logprobs,
        top_logprobs, logit_bias, reasoning_effort, service_tier, user: as OpenAI has them.
        extra_body: what only this provider knows.

    Key init args - client params:
        fallbacks: routes to ask in their order where the first cannot answer.
        timeout: seconds for a whole call, with its retries and waits.
        max_retries: on each route.
        api_key, base_url, default_headers: of the first route.
        tool_images: what becomes of images that tools return.

        An argument that is not known is refused, with the nearest name. Keys and the values of headers
        show themselves nowhere, and do not survive pickling: the copy takes its key from the variable.

    Instantiate:
        >>> from langchain_vlm import ChatVLM, image_block
        >>> model = ChatVLM(
        ...     model="some-vlm", base_url=server.base_url, api_key=server.api_key, temperature=0
        ... )

    Invoke:
        >>> server.say("TOTAL 9.00", usage={"prompt_tokens": 12, "completion_tokens": 4})
        >>> message = model.invoke("What is the total?")
        >>> message.content
        'TOTAL 9.00'

    Image input:
        `image_block` takes a path, bytes, a Pillow image or an address, and makes one block of a message
        of it. Blocks in the shapes of LangChain, OpenAI, Anthropic and Gemini are sent as well; of a PDF
        its pages are.

        >>> from langchain_core.messages import HumanMessage
        >>> dot = image_block(b"P5 1 1 255 \x80")
        >>> model.invoke([HumanMessage([dot, {"type": "text", "text": "What is the total?"}])]).content
        'TOTAL 9.00'

    Stream:
        >>> [chunk.content for chunk in model.stream("What is the total?")]
        ['TOTAL ', '9.00', '']

        Tokens and metadata are in the last chunk. A stream that was cut within a tool's arguments ends
        with OutputTruncated, for LangChain would guess their end.

    Async:
        >>> import asyncio
        >>> asyncio.run(model.ainvoke("What is the total?")).content
        'TOTAL 9.00'

    Tool calling:
        >>> def look(page: int) -> str:
        ...     "Look at a page."
        >>> server.call_tool("look", {"page": 2})
        >>> call = model.bind_tools([look], tool_choice="any").invoke("Look at page 2.").tool_calls[0]
        >>> call["name"], call["args"]
        ('look', {'page': 2})

    Structured output:
        >>> from pydantic import BaseModel
        >>> class Receipt(BaseModel):
        ...     "What a receipt says."
        ...     total: float
        >>> server.say('{"total": 9.0}')
        >>> model.with_structured_output(Receipt).invoke("What is the total?")
        Receipt(total=9.0)

    Token usage:
        >>> message.usage_metadata
        {'input_tokens': 12, 'output_tokens': 4, 'total_tokens': 16}
        >>> model.get_num_tokens_from_messages([HumanMessage("What is the total?")])
        10

    Response metadata:
        `route` is who answered, `attempts` are all requests that were sent, `warnings` what was changed
        for the provider. `model_provider` is the first route's, whoever answered. What the model thought
        is in `additional_kwargs["reasoning_content"]`, and a block of `content_blocks`.

        >>> message.response_metadata["model_name"], message.response_metadata["finish_reason"]
        ('some-vlm', 'stop')
        >>> [attempt["outcome"] for attempt in message.response_metadata["attempts"]]
        ['ok']
        >>> server.stop()

    Raises:
        ConfigError: a setting is unknown or cannot be used; when the model is made. What calls raise is
            a VLMError too, and the ModelError of LangChain that means the same.
    """

    # --- tools and structure

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        response_format: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """The model with tools that it may call.

        Args:
            tools: functions, LangChain's tools, classes, and dicts of OpenAI and Anthropic; none are none.
            tool_choice: "auto", "none", "any" or "required", True, a tool's name, or a dict.
            strict: whether arguments must match the schema exactly; None leaves it unsaid.
            parallel_tool_calls: whether it may call several at once.
            response_format: what an answer without tool calls must be like.
            kwargs: other options of the calls.

        Raises:
            ConfigError: a tool is not valid, or the choice names none.

        Example:
            >>> model = ChatVLM(model="some-vlm", base_url="http://127.0.0.1:8000/v1")
            >>> model.bind_tools([{"name": "look", "input_schema": {}}], tool_choice="look").kwargs["tools"]
            [{'type': 'function', 'function': {'name': 'look', 'parameters': {}}}]
        """
        with langchain_errors():
            described = as_tools(tools, strict)
            found = {
                "tools": described or None,
                "tool_choice": as_choice(tool_choice, described),
                "parallel_tool_calls": parallel_tool_calls if described else None,
                "response_format": as_response_format(response_format),
            }
        return self.bind(**{name: value for name, value in found.items() if value is not None}, **kwargs)

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Method = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        tools: Sequence[Any] = (),
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """The model with answers that are read by a schema.

        Args:
            schema: a pydantic class of either version, a dataclass, a TypedDict, or a JSON schema.
            method: how to ask: "json_schema", which becomes the best way that the provider has,
                "function_calling", or "json_mode", where your prompt has to describe the JSON.
            include_raw: give a dict with `raw`, `parsed` and `parsing_error`, and raise nothing for an
                answer that cannot be read.
            strict: whether the model must keep to the schema exactly; None leaves it unsaid. True sends
                closed objects, every field required and no defaults, and refuses a `dict[str, float]`.
            tools: that it may call before it answers.
            kwargs: other options of the calls, their `timeout` and `extra_headers` among them.

        Raises:
            ConfigError: the schema or an option cannot be used.

        What it gives raises OutputParserException for an answer that was cut, declined, is not JSON, not
        of the schema, or calls no tool.

        Example:
            >>> model = ChatVLM(model="some-vlm", base_url="http://127.0.0.1:8000/v1")
            >>> reader = model.with_structured_output({"type": "object", "properties": {}})
        """
        with langchain_errors():
            request = request_for(schema, method, strict)
            check_options({name: value for name, value in kwargs.items() if name not in OF_CALLS})
            found = {**kwargs, **request.bound}
            if tools:
                found["tools"] = [*as_tools(tools, strict), *found.get("tools", ())]
                found |= {"tool_choice": "required"} if request.tool_name else {}
            asked = self.bind(**found)
        parser = StructureParser(request.wanted, tool_name=request.tool_name)
        return parsed(asked, parser, include_raw=include_raw)

    # --- counting

    def get_token_ids(self, text: str) -> list[int]:
        """As many numbers as the text has tokens by rule of thumb; there is no tokenizer behind them.

        Example:
            >>> ChatVLM(model="some-vlm", base_url="http://127.0.0.1:8000/v1").get_num_tokens("The total?")
            4
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        from vlm_core.integration import text_tokens

        return list(range(text_tokens(text)))

    def get_num_tokens_from_messages(
        self, messages: list[BaseMessage], tools: Sequence[Any] | None = None
    ) -> int:
        """How many tokens messages take, images and tools included; nothing is sent or fetched.

        An image behind a URL, or of a model whose formula is not known, counts as
        `token_counts.UNKNOWN_IMAGE_TOKENS`.

        Raises:
            InputError: a message could not be sent.
        """
        custom = None if self.custom_get_token_ids is None else self.get_num_tokens
        with langchain_errors():
            said = to_messages(messages, allow_private_urls=self.allow_private_urls)
            return message_tokens(self._client(), said, as_tools(tools or ()), custom)
