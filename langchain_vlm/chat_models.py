"""ChatVLM: LangChain's chat model over any OpenAI-compatible vision model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, closing
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.globals import get_llm_cache
from langchain_core.language_models.base import LangSmithParams, LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.messages.block_translators import get_translator
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from langchain_core.prompt_values import ChatPromptValue, PromptValue
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from langchain_vlm.errors import langchain_errors
from langchain_vlm.image_blocks import Shortened, in_full, labelled, warn_of_unsaved_pictures
from langchain_vlm.messages import Message, to_messages
from langchain_vlm.outputs import as_chunk, as_last_chunk, as_message
from langchain_vlm.parameters import OF_CALLS, OPTION_FIELDS, as_headers, canonical, options_of_call, renamed
from langchain_vlm.profiles import message_tokens, profile_of
from langchain_vlm.structured import (
    Method,
    StructureParser,
    as_response_format,
    json_schema_of,
    parsed,
    request_for,
)
from langchain_vlm.tool_binding import as_choice, as_tools
from vlm_core import ConfigError
from vlm_core.integration import (
    AsksClient,
    Check,
    ClientSettings,
    FieldCache,
    Verify,
    check_options,
    hides_extra_headers,
    provider_from_json,
    provider_to_json,
    revealed,
    routes_from_json,
    routes_to_json,
    settings_among,
    timeout_seconds,
    validation_problems,
)

if TYPE_CHECKING:
    from vlm_core import Completion, Delta, Provider, Route, VLMClient

    RouteLike = str | Route
    ProviderLike = str | Provider | None
    SecretLike = str | SecretStr
else:
    # The client checks these; their own schemas would cost more to build than all the rest.
    RouteLike = ProviderLike = Any
    SecretLike = SecretStr

__all__ = ["ChatVLM"]


@hides_extra_headers(
    *("bind", "generate", "agenerate", "stream", "astream", "stream_events", "astream_events")
)
class ChatVLM(AsksClient, BaseChatModel):
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

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, protected_namespaces=(), defer_build=True
    )

    model: str
    """What is asked: "provider:model", or the model's id alone where `provider` or `base_url` is given."""
    provider: ProviderLike = None
    """The name of a known provider, or a `Provider` of your own."""
    fallbacks: Sequence[RouteLike] = ()
    """Routes to ask where the first cannot answer, in their order."""
    api_key: SecretLike | None = None
    """By default what the provider's variable holds when it is needed."""
    base_url: str | None = None
    """Of the API, in place of the provider's own."""
    default_headers: Mapping[str, SecretLike] = Field(default_factory=dict)
    """Sent with each request; their values are kept secret."""
    timeout: float = ClientSettings.timeout
    """Seconds for a whole call, with its retries and waits. Of an httpx.Timeout, or a pair (connect, read),
    the time to read is taken for it."""
    first_token_timeout: float | None = ClientSettings.first_token_timeout
    """Seconds until a streamed answer begins; by default 10 where another route can be asked."""
    idle_timeout: float = ClientSettings.idle_timeout
    """Seconds between two pieces of a streamed answer."""
    max_retries: int = ClientSettings.max_attempts - 1
    """On each route, after the first attempt."""
    max_concurrency: int = ClientSettings.max_concurrency
    """Calls that each route gets at once, at most."""
    tool_images: Literal["user_message", "inline", "placeholder"] = ClientSettings.tool_images
    """What becomes of images that tools return: see `VLMClient`."""
    max_pages: int = ClientSettings.max_pages
    """Of one file in a message, where its pages are not named."""
    allow_private_urls: bool = ClientSettings.allow_private_urls
    """Whether a URL in a message may lead to this machine or its network."""
    http_client: Any = Field(default=None, exclude=True, repr=False)
    """An httpx2.Client (httpx.Client) of your own."""
    http_async_client: Any = Field(default=None, exclude=True, repr=False)
    """The same for calls from an event loop."""

    temperature: float | None = None
    max_tokens: int | None = None
    """Of the answer."""
    top_p: float | None = None
    seed: int | None = None
    stop: list[str] | str | None = None
    """Where the answer is to end."""
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None
    service_tier: str | None = None
    user: str | None = None
    """The end user's id that is sent to the provider (OpenAI's `user`)."""
    extra_body: dict[str, Any] | None = None
    """What only this provider knows; it is sent unchecked."""
    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Other options of the client."""
    streaming: bool = False
    """Whether `invoke` streams too. Where it is not set, LangChain decides."""
    stream_usage: bool = True
    """Whether a stream tells its tokens."""

    _made: FieldCache = PrivateAttr(default_factory=FieldCache)

    # --- checks

    if not TYPE_CHECKING:  # so that type checkers see the fields as the arguments

        def __init__(self, **settings: Any) -> None:
            """Check the settings.

            Raises:
                ConfigError: one is unknown, or cannot be used.
            """
            with langchain_errors():
                try:
                    super().__init__(**settings)
                except ValidationError as error:
                    problems = "; ".join(validation_problems(error))
                else:
                    return
                # Behind the handler, so that no traceback leads to what the user gave.
                raise ConfigError(problems, hint="Correct what is named here.")

    _read_key = field_validator("api_key", mode="before")(revealed)
    _read_timeout = field_validator("timeout", mode="before")(timeout_seconds)
    _read_provider = field_validator("provider")(provider_from_json)
    _read_fallbacks = field_validator("fallbacks", mode="before")(routes_from_json)
    _write_provider = field_serializer("provider", when_used="unless-none")(provider_to_json)
    _write_fallbacks = field_serializer("fallbacks")(routes_to_json)

    @model_validator(mode="before")
    @classmethod
    def _canonical(cls, settings: object) -> object:
        return canonical(settings, cls.model_fields) if isinstance(settings, dict) else settings

    @field_validator("default_headers", mode="before")
    @classmethod
    def _plain_values(cls, headers: object) -> object:
        headers = as_headers(headers)
        if not isinstance(headers, Mapping):
            return headers
        plain = {name: revealed(value) for name, value in headers.items()}
        return {name: value for name, value in plain.items() if value is not None}

    @model_validator(mode="after")
    def _check_by_client(self) -> Self:
        check_options(self._options())
        self._client()
        return self

    # --- what the client is asked for

    def _settings(self) -> ClientSettings:
        return settings_among(
            self.__dict__,
            route=self.model,
            api_key=revealed(self.api_key),
            headers={name: revealed(value) for name, value in self.default_headers.items()},
            max_attempts=self.max_retries + 1,
            async_http_client=self.http_async_client,
        )

    def _options(self, stop: object = None, call: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """The options of a call: those of the settings, and its own before them."""
        own = {name: value for name in OPTION_FIELDS if (value := getattr(self, name)) is not None}
        options = {**own, **self.model_kwargs, **options_of_call(call)}
        if self.extra_body and call.get("extra_body"):
            options["extra_body"] = {**self.extra_body, **call["extra_body"]}
        return options if stop is None else {**options, "stop": stop}

    # --- asking

    def _convert_input(self, model_input: LanguageModelInput) -> PromptValue:
        prompt = super()._convert_input(model_input)
        if isinstance(prompt, ChatPromptValue):
            # Before LangChain traces it, which fails on a picture without a media type.
            return ChatPromptValue(messages=labelled(prompt.messages))
        return prompt

    def _generate(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        with langchain_errors():
            client, converted, options = self._request(messages, stop, kwargs)
            return self._result(client.chat(converted, **options))

    async def _agenerate(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> ChatResult:
        with langchain_errors():
            client, converted, options = self._request(messages, stop, kwargs)
            return self._result(await client.achat(converted, **options))

    def _stream(
        self,
        messages: Sequence[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: object,
    ) -> Iterator[ChatGenerationChunk]:
        with langchain_errors():
            client, converted, options = self._request(messages, stop, kwargs)
            chunk_of = self._chunks(kwargs.get("stream_usage", self.stream_usage))
            with closing(client.stream(converted, **options)) as steps:
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
        **kwargs: object,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with langchain_errors():
            client, converted, options = self._request(messages, stop, kwargs)
            chunk_of = self._chunks(kwargs.get("stream_usage", self.stream_usage))
            async with aclosing(client.astream(converted, **options)) as steps:
                async for step in steps:
                    chunk = chunk_of(step)
                    if run_manager:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    yield chunk

    def _request(
        self, messages: Sequence[BaseMessage], stop: list[str] | None, kwargs: Mapping[str, Any]
    ) -> tuple[VLMClient, list[Message], dict[str, Any]]:
        """The client to ask, the messages, and the options."""
        call = {name: value for name, value in kwargs.items() if name != "stream_usage"}
        client = self._client(call.pop("model", None))
        warn_of_unsaved_pictures(messages)
        converted = to_messages(in_full(messages), allow_private_urls=self.allow_private_urls)
        if tools := call.get("tools"):
            call["tools"] = as_tools(tools)
            call["tool_choice"] = as_choice(call.get("tool_choice"), call["tools"])
        return client, converted, self._options(stop, call)

    def _chunks(self, with_usage: object) -> Callable[[Delta | Completion], ChatGenerationChunk]:
        """What makes a chunk of each step of a stream."""
        from vlm_core import Delta

        # Read once for the stream: each chunk needs them, and there may be thousands.
        provider, in_blocks = self._provider_name, self._in_blocks

        def chunk_of(step: Delta | Completion) -> ChatGenerationChunk:
            if isinstance(step, Delta):
                return ChatGenerationChunk(message=as_chunk(step, provider, in_blocks=in_blocks))
            last = as_last_chunk(step, provider, with_usage=bool(with_usage), in_blocks=in_blocks)
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

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: object) -> str:
        """The part of the cache's key that says who was asked, and how."""
        call = {name: value for name, value in kwargs.items() if name != "extra_headers"}
        asked = {**self.asdict(), **call, "stop": stop if stop is not None else self.stop}
        return str(sorted(asked.items()))

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
            options = {
                "tools": described or None,
                "tool_choice": as_choice(tool_choice, described),
                "parallel_tool_calls": parallel_tool_calls if described else None,
                "response_format": as_response_format(response_format),
            }
        return self.bind(**{name: value for name, value in options.items() if value is not None}, **kwargs)

    def with_structured_output(
        self,
        schema: Any = None,
        *,
        method: Method = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        tools: Sequence[Any] = (),
        evidence: Verify = False,
        checks: Sequence[Check] = (),
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
            evidence: whether each value is looked up in the pictures of the messages, by the local engine or
                a PDF's own text: then it gives an `ExtractionResult` with the object as `data`, and with
                `include_raw` the dict has one as `evidence`. "strict": notes about numbers are to be looked
                at, too.
            checks: of the data, where evidence is wanted: expressions such as "sum(items.price) == total", or
                functions of it.
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
            options = {**kwargs, **request.bound}
            if tools:
                options["tools"] = [*as_tools(tools, strict), *options.get("tools", ())]
                options |= {"tool_choice": "required"} if request.tool_name else {}
            asked = self.bind(**options)
        parser = StructureParser(request.wanted, tool_name=request.tool_name)
        answers = parsed(asked, parser, include_raw=include_raw)
        if not evidence:
            return answers
        from langchain_vlm.evidence import with_evidence

        return with_evidence(
            answers,
            lambda asked: to_messages(
                self._convert_input(asked).to_messages(), allow_private_urls=self.allow_private_urls
            ),
            json_schema_of(request),
            evidence,
            checks,
            include_raw=include_raw,
            allow_private_urls=self.allow_private_urls,
        )

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
        `profiles.UNKNOWN_IMAGE_TOKENS`.

        Raises:
            InputError: a message could not be sent.
        """
        custom = None if self.custom_get_token_ids is None else self.get_num_tokens
        with langchain_errors():
            converted = to_messages(messages, allow_private_urls=self.allow_private_urls)
            return message_tokens(self._client(), converted, as_tools(tools or ()), custom)

    # --- what LangChain asks

    @property
    def model_name(self) -> str:
        """The model, as other chat models call it."""
        return self.model

    @property
    def _llm_type(self) -> str:
        return "chat-vlm"

    @property
    def _provider_name(self) -> str:
        """What messages and traces name as the provider: that of the first route, whoever answers.

        LangChain reads messages of some providers in a way of its own, which drops reasoning. A
        provider of such a name is called "vlm-openai", for example.
        """
        name = self._client().endpoint.provider.name
        return name if get_translator(name) is None else f"vlm-{name}"

    @property
    def _in_blocks(self) -> bool:
        """Whether LangChain makes blocks of the content of answers."""
        return self.output_version == "v1"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        endpoint = self._client().endpoint
        return {
            "model": endpoint.model,
            "provider": endpoint.provider.name,
            "base_url": endpoint.base_url,
            "fallbacks": [str(route) for route in self.fallbacks],
            "tool_images": self.tool_images,
            "max_pages": self.max_pages,
            **self._options(),
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = self._provider_name
        if not isinstance(kwargs.get("model"), str):
            params["ls_model_name"] = self._client().endpoint.model
        return params

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(self._client())

    # --- written down, copied, pickled

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether LangChain may write it down: it may, without its secrets."""
        return True

    @property
    def lc_secrets(self) -> dict[str, str]:
        """Where LangChain finds the secrets when it reads the model back: variables by field.

        Headers are a JSON object there.
        """
        names = self._client().endpoint.provider.api_key_env or ("VLM_API_KEY",)
        headers = {"default_headers": "VLM_DEFAULT_HEADERS"} if self.default_headers else {}
        return {"api_key": names[0], **headers}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """Fields that LangChain could not write by itself."""
        plain = {
            "provider": provider_to_json(self.provider),
            "fallbacks": routes_to_json(self.fallbacks),
        }
        return {name: value for name, value in plain.items() if value}

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """A copy, perhaps with other settings, which are checked.

        Raises:
            ConfigError: a setting cannot be used.
        """
        copied = super().model_copy(deep=deep)
        if update:
            fields = {name: getattr(copied, name) for name in self.model_fields_set - {"profile"}}
            profile = {} if self.profile == self._resolve_model_profile() else {"profile": self.profile}
            return type(self)(**{**fields, **profile, **renamed(update)})
        copied.__dict__.pop("_serialized", None)  # how LangChain wrote the original down
        return copied

    def __getstate__(self) -> dict[Any, Any]:
        if self.http_client is not None or self.http_async_client is not None or self.default_headers:
            raise ConfigError(
                "a ChatVLM with an http client of yours, or with default_headers, cannot be pickled",
                hint="Build it where it is needed; headers are kept secret, and would be lost.",
            )
        state = super().__getstate__()
        without = {"api_key": SecretStr("")} if self.api_key is not None else {}
        return {**state, "__dict__": {**state["__dict__"], **without}}
