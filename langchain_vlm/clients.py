"""The clients behind a chat model: one for its own model, and one for each other that a call names."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

if TYPE_CHECKING:
    from vlm_core import VLMClient

__all__ = ["Clients"]


class Clients:
    """Clients by model, built when they are first needed, and anew where a setting has changed.

    A copy, and what comes out of a pickle, begins with none.

    Example:
        >>> clients = Clients()
        >>> settings = {"model": "novita:qwen/qwen3-vl-8b-instruct", "max_retries": 2}
        >>> clients.of(settings) is clients.of(settings)
        True
        >>> clients.of(settings, "qwen/qwen3-vl-30b-a3b-instruct").route
        'novita:qwen/qwen3-vl-30b-a3b-instruct'
    """

    def __init__(self) -> None:
        self._made: dict[str | None, tuple[Mapping[str, Any], VLMClient]] = {}
        self._lock = Lock()

    def of(self, settings: Mapping[str, Any], model: str | None = None) -> VLMClient:
        """The client for these settings.

        Args:
            settings: fields of the chat model by name.
            model: another one of the same provider, for one call.

        Raises:
            ConfigError: a setting cannot be used.
        """
        found = self._made.get(model)
        if found is not None and found[0] == settings:
            return found[1]
        with self._lock:  # so that threads which come first at once share one, and its limits
            found = self._made.get(model)
            if found is None or found[0] != settings:
                found = (
                    settings,
                    _client(settings, None if model is None else self._provider(settings), model),
                )
                self._made[model] = found
        return found[1]

    def _provider(self, settings: Mapping[str, Any]) -> Any:
        own = self._made.get(None)
        client = own[1] if own is not None and own[0] == settings else _client(settings)
        return client.endpoint.provider

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clients)  # what is in them makes no difference between two models

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return Clients, ()


def _client(settings: Mapping[str, Any], provider: Any = None, model: str | None = None) -> VLMClient:
    from vlm_core import VLMClient

    options = dict(settings)
    own_model, retries = options.pop("model"), options.pop("max_retries")
    return VLMClient(
        own_model if model is None else model,
        **{
            **options,
            "provider": provider or options.get("provider"),
            "api_key": _revealed(options.get("api_key")),
            "headers": {name: _revealed(value) for name, value in (options.get("headers") or {}).items()},
            "max_attempts": retries + 1,
        },
    )


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
