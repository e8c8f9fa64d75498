"""What a `VLMClient` is made of, listed once: for the client itself and for the adapters' chat models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any

from vlm_core.secret import Secret, as_secret, as_secrets
from vlm_core.types import MAX_PAGES

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Route
    from vlm_core.catalog.schema import Provider
    from vlm_core.wire.endpoint_messages import ToolImages


@dataclass(frozen=True)
class ClientSettings:
    """The arguments of `VLMClient`, which says what each means; checked, keys and headers as secrets.

    Raises:
        ConfigError: a setting cannot be used.

    Example:
        >>> ClientSettings("novita:m", timeout=(1, 5)).timeout
        5
    """

    route: str | Route
    _: KW_ONLY
    fallbacks: Sequence[str | Route] = ()
    provider: str | Provider | None = None
    api_key: str | Secret | None = field(default=None, repr=False)
    base_url: str | None = None
    headers: Mapping[str, str | Secret] | None = field(default=None, repr=False)
    timeout: Any = 600.0
    first_token_timeout: float | None = None
    idle_timeout: float = 60.0
    max_attempts: int = 3
    max_concurrency: int = 16
    tool_images: ToolImages = "user_message"
    max_pages: int = MAX_PAGES
    allow_private_urls: bool = False
    http_client: Any = None
    async_http_client: Any = None

    def __post_init__(self) -> None:
        # Loaded here: a framework imports this file for the defaults alone, and should load no catalog.
        from vlm_core.flow import validation

        # Before anything can be wrong: a traceback may show this object.
        self._set(api_key=as_secret(self.api_key), headers=as_secrets(self.headers))
        validation.check_settings(**vars(self))
        validation.check_counts(
            max_attempts=self.max_attempts, max_concurrency=self.max_concurrency, max_pages=self.max_pages
        )
        seconds = validation.call_seconds(self.timeout)
        self._set(timeout=ClientSettings.timeout if seconds is None else seconds)
        validation.check_seconds(
            timeout=self.timeout,
            first_token_timeout=self.first_token_timeout,
            idle_timeout=self.idle_timeout,
        )
        self._set(headers=validation.secret_headers(self.headers))

    def _set(self, **values: object) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)  # as the dataclass is frozen
