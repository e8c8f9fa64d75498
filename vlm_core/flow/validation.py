"""What a client is given, checked before it is used: a wrong setting is said where it is made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from vlm_core.catalog.routes import Route
from vlm_core.catalog.schema import Provider
from vlm_core.errors import ConfigError, InputError
from vlm_core.secret import Secret

_KINDS: dict[str, tuple[tuple[type, ...], str]] = {
    "route": ((str, Route), 'a string such as "novita:qwen/qwen3-vl-8b-instruct", or a Route'),
    "provider": ((str, Provider), "a provider's name, or a Provider"),
    "api_key": ((str, Secret), "a string"),
    "base_url": ((str,), "a string"),
    "headers": ((Mapping,), "a dict of strings"),
    "allow_private_urls": ((bool,), "True or False"),
    "fallbacks": ((list, tuple), 'a list of routes, such as ["novita:qwen/qwen3-vl-8b-instruct"]'),
}
_TOOL_IMAGES = ("user_message", "inline", "placeholder")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?|")
_NOT_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "content-type"})


def check_settings(**settings: object) -> None:
    """Check what a client is made of; None is always allowed but for the route.

    Raises:
        ConfigError: a setting is of the wrong kind; its value is not shown, for it may be a key.

    Example:
        >>> check_settings(route="novita:m", api_key=None, tool_images="inline")
        >>> check_settings(route=5)
        Traceback (most recent call last):
        ...
        vlm_core.errors.ConfigError: route is a int. It is a string such as ...
    """
    for name, value in settings.items():
        kinds, wanted = _KINDS.get(name, ((object,), ""))
        if (value is not None or name == "route") and not isinstance(value, kinds):
            raise ConfigError(f"{name} is a {type(value).__name__}", hint=f"It is {wanted}.")
    if settings.get("tool_images") not in (None, *_TOOL_IMAGES):
        raise ConfigError(
            f"tool_images={settings['tool_images']!r} is unknown",
            hint=f"It is one of {', '.join(_TOOL_IMAGES)}.",
        )


def call_seconds(timeout: Any) -> Any:
    """The seconds of a whole call, for `timeout` in the shapes that httpx and requests have for it.

    Of an httpx.Timeout, and of a pair of the times to connect and to read, the time to read bounds the
    whole call; to connect, 30 seconds of these are given at most.

    Args:
        timeout: seconds, an httpx.Timeout or httpx2.Timeout, (connect, read), or None.

    Returns:
        Seconds; None where no time is set. What is something else comes back as it is.

    Raises:
        ConfigError: a tuple is neither of these pairs nor httpx's four.

    Example:
        >>> call_seconds(60), call_seconds((1, 5)), call_seconds(None)
        (60, 5, None)
    """
    if all(hasattr(timeout, name) for name in ("connect", "read", "write", "pool")):
        return timeout.read
    if not isinstance(timeout, (tuple, list)):
        return timeout
    if len(timeout) not in (2, 4):  # httpx's tuples are of four: connect, read, write, pool
        raise ConfigError(f"timeout={timeout!r} is not a number of seconds", hint=_TIMES)
    return timeout[1]


_TIMES = (
    "timeout is for the whole call, with its retries; first_token_timeout is until a streamed answer begins, "
    "and idle_timeout between two pieces of it. Each is a number above 0."
)


def check_seconds(**seconds: object) -> None:
    """Check times.

    Raises:
        ConfigError: one is not a number above 0.

    Example:
        >>> check_seconds(timeout=600, first_token_timeout=None)
    """
    for name, value in seconds.items():
        is_number = (
            isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < float("inf")
        )
        if value is not None and not is_number:
            raise ConfigError(f"{name}={value!r} must be a number of seconds above 0", hint=_TIMES)


def check_counts(**counts: object) -> None:
    """Check numbers.

    Raises:
        ConfigError: one is not a whole number above 0.

    Example:
        >>> check_counts(max_attempts=3)
    """
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigError(f"{name}={value!r} is not a whole number above 0", hint="Give 1 or more.")


def secret_headers(headers: Mapping[str, Any] | None) -> dict[str, Secret]:
    """Headers that can be sent, their values as secrets.

    Raises:
        ConfigError: a name or a value cannot stand in a request, or the header is not the user's to set.

    Example:
        >>> secret_headers({"X-Title": "my app"})
        {'X-Title': Secret('**********')}
    """
    check_settings(route="", headers=headers)
    return {name: _checked_header(name, value) for name, value in (headers or {}).items()}


def _checked_header(name: object, value: object) -> Secret:
    if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name) or name.lower() in _NOT_OURS:
        raise ConfigError(f"headers: {name!r} cannot be set", hint="Leave it out, or correct the name.")
    if not isinstance(value, (str, Secret)) or not _HEADER_VALUE.fullmatch(Secret(value).reveal()):
        raise ConfigError(
            f"headers: the value of {name} cannot be sent",
            hint="It is a string of ASCII characters, without line breaks or blanks around it.",
        )
    return Secret(value)


def as_messages(given: object) -> Sequence[Mapping[str, Any]]:
    """A conversation from what was given: one question, or messages in any iterable.

    Raises:
        InputError: it is neither.

    Example:
        >>> as_messages("What is the total?")
        [{'role': 'user', 'content': 'What is the total?'}]
    """
    if isinstance(given, str):
        return [{"role": "user", "content": given}]
    if isinstance(given, Mapping):
        raise InputError("messages is one message, not a list", hint="Put it in a list: [message].")
    if not isinstance(given, Iterable):
        raise InputError(
            f"messages is a {type(given).__name__}",
            hint='It is a question, or a list such as [{"role": "user", "content": "..."}].',
        )
    return list(given)
