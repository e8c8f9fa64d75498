"""What the chat models of the adapters have in common: a client made of their fields, and fields as JSON."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import wraps
from inspect import iscoroutinefunction
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import SecretStr

from vlm_core.client_settings import ClientSettings
from vlm_core.errors import ConfigError
from vlm_core.secret import Secret, as_secrets

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Route
    from vlm_core.client import VLMClient

Class = TypeVar("Class", bound=type)
Made = TypeVar("Made")

_SETTINGS = frozenset(ClientSettings.__dataclass_fields__)
# Names that the frameworks have for settings.
_OTHER_NAMES = ("model", "api_base", "default_headers", "max_retries", "http_async_client")
_CLIENT_FIELDS = _SETTINGS | {*_OTHER_NAMES}


def settings_among(fields: Mapping[str, Any], **others: Any) -> ClientSettings:
    """The settings among the fields of a chat model.

    Args:
        fields: values by name. Those with the name of a setting are taken.
        others: settings for which the framework has another name, or another form.

    Raises:
        ConfigError: a setting cannot be used.

    Example:
        >>> settings_among({"timeout": 5, "temperature": 0}, route="novita:m").timeout
        5
    """
    return ClientSettings(**{name: fields[name] for name in _SETTINGS & fields.keys()} | others)


class FieldCache:
    """What was made of the fields of one chat model: each thing once.

    Args:
        fields: the model's `__dict__`.

    Example:
        >>> cache = FieldCache()
        >>> cache.once("client", list) is cache.once("client", list)
        True
    """

    def __init__(self, fields: Mapping[str, Any] | None = None) -> None:
        self.fields = fields
        # Threads that come first at once share one client, and its limits. What is made may ask for another.
        self.lock = RLock()
        self._made: dict[Hashable, Any] = {}

    def once(self, key: Hashable, make: Callable[[], Made]) -> Made:
        """What was made under this key; made now where there is nothing yet."""
        if key not in self._made:
            with self.lock:
                if key not in self._made:
                    self._made[key] = make()
        made: Made = self._made[key]
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldCache)  # pydantic compares it: two models with equal fields are equal

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[type[FieldCache], tuple[()]]:
        return FieldCache, ()  # a pickle and a deep copy begin with nothing


class AsksClient:
    """A framework's chat model that asks a `VLMClient`, made of its fields.

    The client is made once, and anew after a setting was changed. To be named before the framework's class,
    of which pydantic makes a model with a private attribute `_made: FieldCache`.
    """

    if TYPE_CHECKING:
        _made: FieldCache

    def _settings(self) -> ClientSettings:
        raise NotImplementedError

    def _client(self, model: str | None = None) -> VLMClient:
        """The client of the fields as they are now.

        Args:
            model: another one of the same provider, for one call.

        Raises:
            ConfigError: a setting cannot be used.
        """
        return self._own_cache().once(("client", model), lambda: self._new_client(model))

    def _new_client(self, model: str | None) -> VLMClient:
        from vlm_core.client import VLMClient

        other = {} if model is None else {"route": model, "provider": self._client().endpoint.provider}
        return VLMClient(**{**vars(self._settings()), **other})

    def _own_cache(self) -> FieldCache:
        cache = self._made
        if cache.fields is not self.__dict__:
            # All kinds of copies that pydantic makes bring the cache of the first one along.
            with cache.lock:
                cache = self._made
                if cache.fields is not self.__dict__:
                    cache = self._made = FieldCache(self.__dict__)
        return cache

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name in _CLIENT_FIELDS:
            self._made = FieldCache()


def hides_extra_headers(*entrances: str) -> Callable[[Class], Class]:
    """Let the methods of a class see the values of their `extra_headers` as secrets.

    A framework shows the arguments of a call to tracers, caches and bindings. It wraps the methods when
    their class is made, so that these, which a decorator of the class puts around them, are the outermost.

    Args:
        entrances: the methods by which a call comes in. Those that the class has not are left out.
    """

    def hiding(kind: Class) -> Class:
        for name in entrances:
            if (method := getattr(kind, name, None)) is not None:
                setattr(kind, name, _hiding(method))
        return kind

    return hiding


def _hiding(method: Callable[..., Any]) -> Callable[..., Any]:
    if iscoroutinefunction(method):

        @wraps(method)
        async def aentrance(*args: Any, **kwargs: Any) -> Any:
            return await method(*args, **hide_extra_headers(kwargs))

        return aentrance

    @wraps(method)
    def entrance(*args: Any, **kwargs: Any) -> Any:
        return method(*args, **hide_extra_headers(kwargs))

    return entrance


def hide_extra_headers(call: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call with the values of its `extra_headers` as secrets, before a tracer sees them.

    Example:
        >>> hide_extra_headers({"extra_headers": {"X-Title": "my app"}, "temperature": 0})
        {'extra_headers': {'X-Title': Secret('**********')}, 'temperature': 0}
    """
    if call.get("extra_headers") is not None:
        return {**call, "extra_headers": as_secrets(call["extra_headers"])}
    options = call.get("llm_kwargs")  # where LlamaIndex has the options of a call
    return {**call, "llm_kwargs": hide_extra_headers(options)} if isinstance(options, dict) else call


# --- fields as the client takes them ----------------------------------------------------------------


def revealed(value: object) -> Any:
    """The text of a secret, ours or pydantic's; all else as it is, for the client says what is wrong with it.

    Example:
        >>> from vlm_core import Secret
        >>> revealed(Secret("sk-1")), revealed(5)
        ('sk-1', 5)
    """
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return value.reveal() if isinstance(value, Secret) else value


def timeout_seconds(timeout: object) -> object:
    """The `timeout` of a chat model in seconds, also where it is None, a pair, or an httpx.Timeout.

    Raises:
        ConfigError: a tuple is not a pair of times.

    Example:
        >>> timeout_seconds(None), timeout_seconds((1, 5))
        (600.0, 5)
    """
    from vlm_core.flow.validation import call_seconds

    seconds = call_seconds(timeout)
    return ClientSettings.timeout if seconds is None else seconds


# --- providers and routes as plain JSON, and back ---------------------------------------------------


def provider_to_json(provider: object) -> object:
    """A provider's row as plain JSON; a name as it is.

    Example:
        >>> from vlm_core import Provider
        >>> provider_to_json(Provider(name="lab", key_required=False))
        {'name': 'lab', 'key_required': False}
    """
    from vlm_core.catalog.schema import Provider

    return provider.to_dict() if isinstance(provider, Provider) else provider


def provider_from_json(provider: object) -> object:
    """A provider's row from plain JSON; all else as it is.

    Raises:
        ConfigError: the JSON is not a row.

    Example:
        >>> provider_from_json({"name": "lab"}).name
        'lab'
    """
    from vlm_core.catalog.schema import Provider

    return Provider.from_dict(provider) if isinstance(provider, Mapping) else provider


def routes_to_json(routes: Sequence[object]) -> list[object]:
    """Routes as plain JSON, without keys and headers; one with nothing but its provider and model as text.

    Example:
        >>> from vlm_core import Route
        >>> routes_to_json(["novita:m", Route("novita", "some-vlm", api_key="sk-1")])
        ['novita:m', 'novita:some-vlm']
    """
    from vlm_core.catalog.routes import Route

    return [_short(route) if isinstance(route, Route) else route for route in routes]


def _short(route: Route) -> object:
    is_short = isinstance(route.provider, str) and route.base_url is None
    return str(route) if is_short else route.to_dict()


def routes_from_json(routes: object) -> object:
    """Routes from plain JSON; what is not a list as it is, for the client says what is wrong with it.

    Raises:
        ConfigError: one of them is not a route.

    Example:
        >>> routes_from_json(["novita:m", {"provider": "lab", "model": "m"}])[0]
        'novita:m'
    """
    if not isinstance(routes, (list, tuple)):
        return routes
    return tuple(map(_as_route, routes))


def _as_route(given: object) -> object:
    from vlm_core.catalog.routes import Route

    if isinstance(given, (str, Route)):
        return given
    try:
        return Route.from_dict(given)
    except ConfigError as error:
        raise ConfigError(f"fallbacks: {error.message}", hint=error.hint) from None
