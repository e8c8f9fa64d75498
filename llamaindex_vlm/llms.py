"""VLM: any OpenAI-compatible vision model as an LLM of LlamaIndex."""

from __future__ import annotations

from collections.abc import (
    AsyncGenerator,
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Annotated, Any, cast

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    ImageBlock,
    LLMMetadata,
    MessageRole,
    TextBlock,
)
from llama_index.core.bridge.pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    field_serializer,
    field_validator,
    model_validator,
)
from llama_index.core.instrumentation import get_dispatcher  # type: ignore[attr-defined]
from llama_index.core.instrumentation.events.llm import (
    LLMStructuredPredictEndEvent,
    LLMStructuredPredictStartEvent,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import BasePromptTemplate
from llama_index.core.schema import BaseNode
from llama_index.core.types import PydanticProgramMode
from pydantic import ModelWrapValidatorHandler, SkipValidation

from llamaindex_vlm import structured
from llamaindex_vlm.messages import to_messages
from llamaindex_vlm.responses import agrowing, growing, to_completion_response, to_response
from llamaindex_vlm.structured import Output, StructuredVLM
from llamaindex_vlm.tool_calls import as_openai_tools, selections, with_one_call
from vlm_core import ConfigError, InputError, Provider, Route, Secret
from vlm_core.integration import (
    AsksClient,
    ClientSettings,
    FieldCache,
    as_secret,
    as_secrets,
    check_names,
    check_options,
    hides_extra_headers,
    provider_from_json,
    provider_to_json,
    routes_from_json,
    routes_to_json,
    settings_among,
    timeout_seconds,
    validation_problems,
)

if TYPE_CHECKING:
    from llama_index.core.tools import BaseTool

DEFAULT_CONTEXT_TOKENS = 32_768
"""Of a model of which nothing is known; much less would make LlamaIndex cut prompts with images to pieces."""

_OPTIONS = ("temperature", "top_p", "max_tokens", "stop", "seed", "extra_body")
# Clients of the user's: they cannot be copied or pickled, and whoever made them closes them.
_BORROWED = ("http_client", "async_http_client")

_dispatcher = get_dispatcher(__name__)


@hides_extra_headers(*structured.ENTRANCES)
class VLM(AsksClient, FunctionCallingLLM):
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

    # Built when the first VLM is made: to import it must cost little.
    model_config = ConfigDict(defer_build=True)

    model: str = Field(description='"provider:model", or a model\'s id with provider or api_base.')
    # The client checks what skips validation here: pydantic's schemas of a Provider and a Route would cost
    # more to build than all the rest. LlamaIndex asks the class for a JSON schema, so each needs one by hand.
    provider: Annotated[str | Provider | None, SkipValidation, WithJsonSchema({"type": "string"})] = Field(
        default=None, description="A known provider's name, or a Provider of your own."
    )
    fallbacks: Annotated[Sequence[str | Route], SkipValidation, WithJsonSchema({"type": "array"})] = Field(
        default=(), description="Routes to ask, in their order, where the model cannot answer."
    )
    api_key: Annotated[Secret | None, SkipValidation, WithJsonSchema({"type": "string"})] = Field(
        default=None, exclude=True, repr=False, description="By default what the provider's variable holds."
    )
    api_base: str | None = Field(default=None, description="URL of the API, also called base_url.")
    default_headers: Annotated[
        Mapping[str, Secret] | None, SkipValidation, WithJsonSchema({"type": "object"})
    ] = Field(default=None, exclude=True, description="Sent with each request; their values are kept secret.")
    temperature: float | None = Field(default=None, description="0 is the most repeatable.")
    max_tokens: int | None = Field(default=None, description="Of an answer, at most.")
    top_p: float | None = Field(default=None, description="Share of the likeliest tokens to choose from.")
    seed: int | None = Field(default=None, description="For repeatable answers, where the provider can.")
    stop: str | list[str] | None = Field(default=None, description="Texts that end an answer.")
    extra_body: dict[str, Any] | None = Field(default=None, description="What only this provider takes.")
    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict, description="Further options of every call, such as reasoning_effort."
    )
    timeout: float = Field(
        default=ClientSettings.timeout, description="Seconds for a whole call, with waits and retries."
    )
    first_token_timeout: float | None = Field(
        default=None, description="Seconds until a streamed answer begins."
    )
    idle_timeout: float = Field(
        default=ClientSettings.idle_timeout, description="Seconds between two pieces of a stream."
    )
    max_retries: int = Field(
        default=ClientSettings.max_attempts - 1, ge=0, description="Further requests to each route, at most."
    )
    max_concurrency: int = Field(
        default=ClientSettings.max_concurrency, description="Calls that each route gets at once, at most."
    )
    tool_images: str = Field(
        default=ClientSettings.tool_images,
        description='Or "inline" or "placeholder": what becomes of tools\' images.',
    )
    max_pages: int = Field(default=ClientSettings.max_pages, description="Of one file in a message, at most.")
    allow_private_urls: bool = Field(
        default=False, description="Whether URLs may lead to this machine or its network."
    )
    context_window: int | None = Field(
        default=None, gt=0, description="Tokens; by default what is known of the model."
    )
    http_client: Any = Field(default=None, exclude=True, repr=False, description="An httpx client to use.")
    async_http_client: Any = Field(
        default=None, exclude=True, repr=False, description="The same for the asynchronous methods."
    )
    _made: FieldCache = PrivateAttr(default_factory=FieldCache)

    @classmethod
    def class_name(cls) -> str:
        """Its name in what is stored. Multimodal indices warn of a name without "multi"."""
        return "multi_modal_vlm"

    # --- settings --------------------------------------------------------------------------------

    _hide_key = field_validator("api_key", mode="before")(as_secret)
    _hide_headers = field_validator("default_headers", mode="before")(as_secrets)
    _read_timeout = field_validator("timeout", mode="before")(timeout_seconds)
    _read_provider = field_validator("provider", mode="before")(provider_from_json)
    _read_fallbacks = field_validator("fallbacks", mode="before")(routes_from_json)
    _write_provider = field_serializer("provider")(provider_to_json)
    _write_fallbacks = field_serializer("fallbacks")(routes_to_json)

    @model_validator(mode="wrap")
    @classmethod
    def _say_what_is_wrong(cls, settings: object, handler: ModelWrapValidatorHandler[VLM]) -> VLM:
        try:
            return handler(_named(settings, cls) if isinstance(settings, Mapping) else settings)
        except ValidationError as error:
            name, _, problem = validation_problems(error)[0].partition(": ")
        # Behind the handler, so that no traceback leads to what the user gave.
        raise ConfigError(f"{name} cannot be used: {problem}")

    def model_post_init(self, context: object) -> None:
        """Make the client, so that a wrong setting is said where it is given."""
        super().model_post_init(context)
        check_options(self._options({}))
        self._client()

    @property
    def base_url(self) -> str | None:
        """The same as `api_base`."""
        return self.api_base

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex asks of a model; from the catalog, without any request."""
        # LlamaIndex asks for it at every step of a query.
        known = ("metadata", self.max_tokens, self.context_window)
        return self._own_cache().once(known, self._new_metadata)

    def _new_metadata(self) -> LLMMetadata:
        endpoint = self._client().endpoint
        known = endpoint.profile.context_tokens or DEFAULT_CONTEXT_TOKENS
        return LLMMetadata(
            context_window=self.context_window or known,
            num_output=self.max_tokens or -1,
            is_chat_model=True,
            is_function_calling_model=endpoint.tools is not False,
            model_name=endpoint.model,
        )

    def _settings(self) -> ClientSettings:
        return settings_among(
            self.__dict__,
            route=self.model,
            base_url=self.api_base,
            headers=self.default_headers,
            max_attempts=self.max_retries + 1,
        )

    def _options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a call: what is given for it counts more than the settings."""
        own = {name: self.__dict__[name] for name in _OPTIONS}
        return {**own, **self.additional_kwargs, **given}

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """What was given, but for keys and clients."""
        names = self.model_fields_set
        fields = type(self).model_fields.items()
        return ((name, self.__dict__[name]) for name, field in fields if name in names and not field.exclude)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> VLM:
        memo = {} if memo is None else memo
        borrowed = (self.__dict__[name] for name in _BORROWED)
        # Noted as copied already: an http client holds sockets and locks, which cannot be copied.
        memo |= {id(client): client for client in borrowed if client is not None}
        return super().__deepcopy__(memo)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if any(self.__dict__[name] is not None for name in _BORROWED):
            raise ConfigError("a VLM with an http_client of yours cannot be pickled")
        fields = {name: self.__dict__[name] for name in self.model_fields_set}
        fields["api_key"] = as_secret(self.api_key)  # which may have been set since
        fields["default_headers"] = as_secrets(self.default_headers)
        # Handlers may hold open files; without any, the copy makes a manager of its own.
        if not self.callback_manager.handlers:
            fields.pop("callback_manager", None)
        return _remade, (type(self), fields)

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
        if isinstance(user_msg, str):
            user_msg = ChatMessage(role=MessageRole.USER, content=user_msg)
        calls_tools = self._client().endpoint.tools is True
        options = {
            "tools": as_openai_tools(tools, strict=strict),
            "tool_choice": tool_choice or ("required" if tool_required else None),
            # Only where tools are known to work: many servers refuse an option that they do not know.
            "parallel_tool_calls": False if not allow_parallel_tool_calls and calls_tools else None,
        }
        messages = [*(chat_history or ()), *([] if user_msg is None else [user_msg])]
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

    # --- objects of a class ----------------------------------------------------------------------

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
        return (step.output for step in steps)

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
        return (step.output async for step in steps)

    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> StructuredLLM:
        """An LLM whose every answer is an object of that class; see `StructuredVLM`.

        Args:
            output_cls: a pydantic model.
            kwargs: `evidence=True` to have each value looked up in the pictures, and `checks` of the data.
        """
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


def _images_of(node: BaseNode | ImageBlock) -> list[ImageBlock]:
    blocks = [node] if isinstance(node, ImageBlock) else node.get_content_blocks()
    images = [block for block in blocks if isinstance(block, ImageBlock)]
    if not images:
        raise InputError(
            "image_documents has a node without an image", hint="Give nodes with images in them."
        )
    return images


def _completions(responses: ChatResponseGen) -> CompletionResponseGen:
    with closing(responses):
        yield from map(to_completion_response, responses)


async def _acompletions(responses: ChatResponseAsyncGen) -> CompletionResponseAsyncGen:
    async with aclosing(responses):
        async for response in responses:
            yield to_completion_response(response)


def _remade(kind: type[VLM], fields: dict[str, Any]) -> VLM:
    return kind(**fields)


def _named(settings: Mapping[str, Any], kind: type[VLM]) -> dict[str, Any]:
    """Arguments by the names of the fields; `class_name` stands in what was stored."""
    named = {name: value for name, value in settings.items() if name != "class_name"}
    if "base_url" in named:
        base_url, api_base = named.pop("base_url"), named.get("api_base")
        if api_base not in (None, base_url) and base_url is not None:
            raise ConfigError("base_url and api_base are not the same", hint="Give one of them.")
        named["api_base"] = base_url if api_base is None else api_base
    check_names(named, [*kind.model_fields, "base_url"])
    return named
