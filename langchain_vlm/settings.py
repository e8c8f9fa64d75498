"""What a ChatVLM is made of: its settings, how they are checked, shown, written down and copied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, Self

from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages.block_translators import get_translator
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

from langchain_vlm.clients import Clients
from langchain_vlm.errors import langchain_errors
from langchain_vlm.extra_headers import WithExtraHeaders
from langchain_vlm.parameters import CLIENT_SETTINGS, OPTION_FIELDS, canonical, options_of_call, renamed
from langchain_vlm.profiles import profile_of
from langchain_vlm.serialization import as_headers, as_provider, as_route, plain_provider, plain_route
from vlm_core import MAX_PAGES, ConfigError, Secret
from vlm_core.integration import call_seconds, check_options

if TYPE_CHECKING:
    from vlm_core import Provider, Route, VLMClient

    RouteLike = str | Route
    ProviderLike = str | Provider | None
    SecretLike = str | SecretStr
else:
    # The client checks these; their own schemas would cost more to build than all the rest.
    RouteLike = ProviderLike = Any
    SecretLike = SecretStr


class ModelSettings(WithExtraHeaders):
    """The fields of ChatVLM, and what LangChain asks of them."""

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
    timeout: float = 600.0
    """Seconds for a whole call, with its retries and waits. Of an httpx.Timeout, or a pair (connect, read),
    the time to read is taken for it."""
    first_token_timeout: float | None = None
    """Seconds until a streamed answer begins; by default 10 where another route can be asked."""
    idle_timeout: float = 60.0
    """Seconds between two pieces of a streamed answer."""
    max_retries: int = 2
    """On each route, after the first attempt."""
    max_concurrency: int = 16
    """Calls that each route gets at once, at most."""
    tool_images: Literal["user_message", "inline", "placeholder"] = "user_message"
    """What becomes of images that tools return: see `VLMClient`."""
    max_pages: int = MAX_PAGES
    """Of one file in a message, where its pages are not named."""
    allow_private_urls: bool = False
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

    _clients: Clients = PrivateAttr(default_factory=Clients)

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
                    refused = _refused(error)
                else:
                    return
                raise refused

    @model_validator(mode="before")
    @classmethod
    def _canonical(cls, given: Any) -> Any:
        return canonical(given, cls.model_fields) if isinstance(given, dict) else given

    @field_validator("api_key", mode="before")
    @classmethod
    def _plain_key(cls, key: Any) -> Any:
        return key.reveal() if isinstance(key, Secret) else key

    @field_validator("default_headers", mode="before")
    @classmethod
    def _plain_values(cls, headers: Any) -> Any:
        headers = as_headers(headers)
        if not isinstance(headers, Mapping):
            return headers
        plain = {
            name: value.reveal() if isinstance(value, Secret) else value for name, value in headers.items()
        }
        return {name: value for name, value in plain.items() if value is not None}

    @field_validator("timeout", mode="before")
    @classmethod
    def _seconds(cls, timeout: Any) -> Any:
        seconds = call_seconds(timeout)
        return cls.model_fields["timeout"].default if seconds is None else seconds

    @field_validator("provider", mode="after")
    @classmethod
    def _row(cls, provider: Any) -> Any:
        return as_provider(provider)

    @field_validator("fallbacks", mode="after")
    @classmethod
    def _routes(cls, fallbacks: Any) -> Any:
        return tuple(as_route(fallback) for fallback in fallbacks)

    @field_serializer("provider", when_used="unless-none")
    def _plain_row(self, provider: Any) -> Any:
        return plain_provider(provider)

    @field_serializer("fallbacks")
    def _plain_routes(self, fallbacks: Any) -> list[Any]:
        return [plain_route(route) for route in fallbacks]

    @model_validator(mode="after")
    def _check_by_client(self) -> Self:
        check_options(self._options())
        self._client()
        return self

    # --- what the client is asked for

    def _client(self, model: str | None = None) -> VLMClient:
        """The client for the model of these settings, or for another one of the same provider."""
        settings = {name: getattr(self, field) for name, field in CLIENT_SETTINGS.items()}
        return self._clients.of(settings, model)

    def _options(self, stop: Any = None, call: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
        """The options of a call: those of the settings, and its own before them."""
        own = {name: value for name in OPTION_FIELDS if (value := getattr(self, name)) is not None}
        found = {**own, **self.model_kwargs, **options_of_call(call)}
        if self.extra_body and call.get("extra_body"):
            found["extra_body"] = {**self.extra_body, **call["extra_body"]}
        return found if stop is None else {**found, "stop": stop}

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
        return profile_of(self._client().endpoint)

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
            "provider": plain_provider(self.provider),
            "fallbacks": [plain_route(route) for route in self.fallbacks],
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
        copied._clients = Clients()
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


def _refused(error: ValidationError) -> ConfigError:
    """What pydantic found, without the values that it found it in."""
    found = [
        f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return ConfigError("; ".join(found), hint="Correct what is named here.")
