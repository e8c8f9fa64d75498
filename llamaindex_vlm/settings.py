"""What a VLM is told to do: its fields, checked where they are given, and the client made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from llama_index.core.base.llms.types import LLMMetadata
from llama_index.core.bridge.pydantic import (
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    WithJsonSchema,
    field_serializer,
    field_validator,
    model_validator,
)
from llama_index.core.llms.function_calling import FunctionCallingLLM
from pydantic import ModelWrapValidatorHandler, SkipValidation

import vlm_core
from vlm_core import MAX_PAGES, ConfigError, Provider, Route, Secret
from vlm_core.integration import call_seconds, check_names, check_options

if TYPE_CHECKING:
    from vlm_core import VLMClient

DEFAULT_CONTEXT_TOKENS = 32_768
"""Of a model of which nothing is known; much less would make LlamaIndex cut prompts with images to pieces."""

_CLIENT = {
    "model": "route",
    "fallbacks": "fallbacks",
    "provider": "provider",
    "api_key": "api_key",
    "api_base": "base_url",
    "default_headers": "headers",
    "timeout": "timeout",
    "first_token_timeout": "first_token_timeout",
    "idle_timeout": "idle_timeout",
    "max_retries": "max_attempts",
    "max_concurrency": "max_concurrency",
    "tool_images": "tool_images",
    "max_pages": "max_pages",
    "allow_private_urls": "allow_private_urls",
    "http_client": "http_client",
    "async_http_client": "async_http_client",
}
"""The fields that the client is made of, and what it calls them."""
_OPTIONS = ("temperature", "top_p", "max_tokens", "stop", "seed", "extra_body")
_OF_ROUTE = ("provider", "model", "base_url")
"""What is stored of a route: all but its key and its headers."""
_BORROWED = ("http_client", "async_http_client")


def _as_secret(value: Any) -> Any:
    return Secret(value) if isinstance(value, str) else value  # the client says what is wrong with others


def _as_secrets(headers: Any) -> Any:
    if not isinstance(headers, Mapping):
        return headers
    return {name: _as_secret(value) for name, value in headers.items()}


def _as_provider(given: Any) -> Any:
    return Provider(**given) if isinstance(given, Mapping) else given


def _as_route(given: Any) -> Any:
    if isinstance(given, (str, Route)):
        return given
    if (
        not isinstance(given, Mapping)
        or {"provider", "model"} - given.keys()
        or given.keys() - set(_OF_ROUTE)
    ):
        raise ValueError('a route is "provider:model", or a Route')
    return Route(**{**given, "provider": _as_provider(given["provider"])})


def _provider_as_plain(provider: Any) -> Any:
    if not isinstance(provider, Provider):
        return provider
    return provider.model_dump(mode="json", exclude_defaults=True)


def _route_as_plain(route: Any) -> Any:
    if not isinstance(route, Route):
        return route
    fields = {name: getattr(route, name) for name in _OF_ROUTE}
    return {**fields, "provider": _provider_as_plain(route.provider)}


class _Made:
    """What was made of the settings, with what it was made of. Copies of a VLM make their own."""

    def __init__(self) -> None:
        self.client: VLMClient | None = None
        self.client_of: tuple[Any, ...] = ()
        self.metadata: LLMMetadata | None = None
        self.metadata_of: tuple[Any, ...] = ()

    def __deepcopy__(self, memo: object) -> _Made:
        return _Made()


class VLMSettings(FunctionCallingLLM):
    """The settings of a VLM, which says what they mean."""

    # Built when the first VLM is made: to import it must cost little.
    model_config = ConfigDict(defer_build=True)

    model: str = Field(description='"provider:model", or a model\'s id with provider or api_base.')
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
    timeout: float = Field(default=600.0, description="Seconds for a whole call, with waits and retries.")
    first_token_timeout: float | None = Field(
        default=None, description="Seconds until a streamed answer begins."
    )
    idle_timeout: float = Field(default=60.0, description="Seconds between two pieces of a stream.")
    max_retries: int = Field(default=2, ge=0, description="Further requests to each route, at most.")
    max_concurrency: int = Field(default=16, description="Calls that each route gets at once, at most.")
    tool_images: str = Field(
        default="user_message", description='Or "inline" or "placeholder": what becomes of tools\' images.'
    )
    max_pages: int = Field(default=MAX_PAGES, description="Of one file in a message, at most.")
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
    _made: _Made = PrivateAttr(default_factory=_Made)

    _hide_key = field_validator("api_key", mode="before")(_as_secret)
    _hide_headers = field_validator("default_headers", mode="before")(_as_secrets)
    _read_provider = field_validator("provider", mode="before")(_as_provider)

    @field_validator("timeout", mode="before")
    @classmethod
    def _read_timeout(cls, given: Any) -> Any:
        seconds = call_seconds(given)
        return cls.model_fields["timeout"].default if seconds is None else seconds

    @field_validator("fallbacks", mode="before")
    @classmethod
    def _read_fallbacks(cls, given: Any) -> Any:
        return [_as_route(route) for route in given] if isinstance(given, (list, tuple)) else given

    @field_serializer("provider")
    def _write_provider(self, provider: Any) -> Any:
        return _provider_as_plain(provider)

    @field_serializer("fallbacks")
    def _write_fallbacks(self, fallbacks: Any) -> Any:
        return [_route_as_plain(route) for route in fallbacks]

    @model_validator(mode="wrap")
    @classmethod
    def _say_what_is_wrong(cls, given: Any, handler: ModelWrapValidatorHandler[VLMSettings]) -> VLMSettings:
        try:
            return handler(_named(given, cls) if isinstance(given, Mapping) else given)
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            name = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{name} cannot be used: {first['msg']}")

    def model_post_init(self, context: Any) -> None:
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
        made, made_of = self._made, (self._client(), self.max_tokens, self.context_window)
        if made.metadata is None or made.metadata_of != made_of:
            made.metadata, made.metadata_of = self._metadata(), made_of
        return made.metadata

    def _metadata(self) -> LLMMetadata:
        endpoint = self._client().endpoint
        known = endpoint.profile.context_tokens or DEFAULT_CONTEXT_TOKENS
        return LLMMetadata(
            context_window=self.context_window or known,
            num_output=self.max_tokens or -1,
            is_chat_model=True,
            is_function_calling_model=endpoint.tools is not False,
            model_name=endpoint.model,
        )

    def _client(self) -> VLMClient:
        """The client of the settings as they are now."""
        made, made_of = self._made, tuple(map(self.__dict__.get, _CLIENT))
        if made.client is None or made.client_of != made_of:
            named: dict[str, Any] = dict(zip(_CLIENT.values(), made_of, strict=True))
            named["max_attempts"] = self.max_retries + 1
            made.client = vlm_core.VLMClient(**named)  # loaded here, for it is much
            made.client_of = made_of
        return made.client

    @property
    def _calls_tools(self) -> bool:
        """Whether it is known that the model calls tools at this provider."""
        return self._client().endpoint.tools is True

    def _options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """The options of a call: what is given for it counts more than the settings."""
        own = {name: self.__dict__[name] for name in _OPTIONS}
        return {**own, **self.additional_kwargs, **given}

    def __repr_args__(self) -> Iterator[tuple[str, Any]]:
        """What was given, but for keys and clients."""
        given = self.model_fields_set
        fields = type(self).model_fields.items()
        return ((name, self.__dict__[name]) for name, field in fields if name in given and not field.exclude)

    def __copy__(self) -> VLMSettings:
        copied = super().__copy__()
        copied._made = _Made()
        return copied

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> VLMSettings:
        memo = {} if memo is None else memo
        borrowed = (self.__dict__[name] for name in _BORROWED)
        memo |= {id(client): client for client in borrowed if client is not None}
        return super().__deepcopy__(memo)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        if any(self.__dict__[name] is not None for name in _BORROWED):
            raise ConfigError("a VLM with an http_client of yours cannot be pickled")
        fields = {name: self.__dict__[name] for name in self.model_fields_set}
        fields["api_key"] = _as_secret(self.api_key)  # which may have been set since
        fields["default_headers"] = _as_secrets(self.default_headers)
        if not self.callback_manager.handlers:
            fields.pop("callback_manager", None)  # the copy makes its own
        return _remade, (type(self), fields)


def _remade(kind: type[VLMSettings], fields: dict[str, Any]) -> VLMSettings:
    return kind(**fields)


def _named(given: Mapping[str, Any], kind: type[VLMSettings]) -> dict[str, Any]:
    """Arguments by the names of the fields; `class_name` stands in what was stored."""
    named = {name: value for name, value in given.items() if name != "class_name"}
    if "base_url" in named:
        base_url, api_base = named.pop("base_url"), named.get("api_base")
        if api_base not in (None, base_url) and base_url is not None:
            raise ConfigError("base_url and api_base are not the same", hint="Give one of them.")
        named["api_base"] = base_url if api_base is None else api_base
    check_names(named, [*kind.model_fields, "base_url"])
    return named
