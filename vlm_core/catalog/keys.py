"""The key for an endpoint: where it may come from, what is not a key, and where it may go.

- A key that was passed counts first, then the provider's own variables in their order. No provider
  gets another one's key.
- A key from a variable goes only to hosts that are the provider's by its row. To any other base_url
  only a key goes that was passed for it.
- No key goes over plain http out of this machine and its network.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from vlm_core.catalog.routes import Endpoint, belongs, host_of, is_in_the_clear
from vlm_core.catalog.schema import Provider
from vlm_core.errors import ConfigError, MissingKeyError
from vlm_core.secret import Secret

__all__ = ["KeyState", "find_key", "key_state", "problem_with"]

_ARGUMENT = "api_key"
_SECRET_HEADERS = frozenset({"authorization", "api-key", "x-api-key", "cookie", "proxy-authorization"})

# What people paste in place of a key, and what it is. The first match counts.
_NO_KEYS = tuple(
    (re.compile(pattern, re.DOTALL), problem)
    for pattern, problem in (
        (r"(?i)(.*[-_ ])?(your|insert|enter|paste|replace)[-_ ].*|your(api)?(key|token)", "is a placeholder"),
        (r"\$[A-Z_][A-Z0-9_]*|\$\{\w+\}|\$\(.*\)|%\w+%|[A-Z][A-Z0-9_]*_(KEY|TOKEN)", "is a variable's name"),
        (r"<.*>|\[.*\]|\{.*\}", "is a placeholder in brackets"),
        (r"(?i)api[-_ ]?key|change[-_ ]?me|(sk-)?x{3,}", "is a placeholder"),
        (r".*(\.\.\.|…|\*\*\*).*", "is cut short, as a web page shows it"),
        (r"""(["']).*\1|[“”‘’].*""", "has quotation marks around it"),
        (r"(?i)bearer\s.*", 'begins with "Bearer", which is added anyway'),
        (r".*\s.*", "has a blank or a line break in it"),
        (r".*[^\x21-\x7e].*", "has a character in it that no header can hold"),
    )
)


def find_key(endpoint: Endpoint, environ: Mapping[str, str] = os.environ) -> Secret | None:
    """The key to send to an endpoint; None where none is needed and none was passed.

    Args:
        endpoint: its api_key counts first. An empty one is none: keys do not survive pickling.
        environ: the variables.

    Raises:
        MissingKeyError: there is no key, or what stands for it cannot be one.
        ConfigError: a key would go over plain http to a public host.

    Example:
        >>> from vlm_core.catalog.resolve_route import resolve
        >>> find_key(resolve("novita:qwen/qwen3-vl-8b-instruct"), {"NOVITA_API_KEY": "abc123"}).reveal()
        'abc123'
        >>> find_key(resolve("ollama:qwen2.5vl:7b"), {}) is None
        True
    """
    found = _passed(endpoint) or _from_variable(endpoint, environ)
    # A key may also have been passed as a header of its own.
    has_secret_header = any(name.lower() in _SECRET_HEADERS for name in endpoint.headers)
    if (found or has_secret_header) and is_in_the_clear(endpoint.base_url):
        raise ConfigError(
            f"{endpoint.route}: the key would travel unencrypted to {host_of(endpoint.base_url)}",
            hint="Use https:// in base_url; where the server needs no key, pass none.",
            route=endpoint.route,
        )
    return found


@dataclass(frozen=True)
class KeyState:
    """Whether a provider's variables hold a key; never the key itself."""

    variable: str | None
    """The first variable that is set."""
    is_required: bool
    problem: str | None = None
    """Why what the variable holds can be no key."""


def key_state(provider: Provider, environ: Mapping[str, str] = os.environ) -> KeyState:
    """What is known of a provider's key without asking the provider.

    Example:
        >>> key_state(Provider(name="lab", api_key_env=("LAB_KEY",)), {"LAB_KEY": "<key>"}).problem
        'is a placeholder in brackets'
    """
    variable = _set_variable(provider, environ)
    problem = problem_with(Secret(environ[variable].strip())) if variable else None
    return KeyState(variable, provider.key_required and bool(provider.api_key_env), problem)


def problem_with(key: Secret) -> str | None:
    """Why a string can be no key, in words that follow its name; None where it may be one.

    Example:
        >>> problem_with(Secret("$NOVITA_API_KEY"))
        "is a variable's name"
    """
    return next((problem for pattern, problem in _NO_KEYS if pattern.fullmatch(key.reveal())), None)


def _set_variable(provider: Provider, environ: Mapping[str, str]) -> str | None:
    return next((name for name in provider.api_key_env if environ.get(name, "").strip()), None)


def _passed(endpoint: Endpoint) -> Secret | None:
    if endpoint.api_key is None or not endpoint.api_key.reveal().strip():
        return None
    return _checked(endpoint, _ARGUMENT, endpoint.api_key)


def _from_variable(endpoint: Endpoint, environ: Mapping[str, str]) -> Secret | None:
    provider = endpoint.provider
    variable = _set_variable(provider, environ)
    # A gateway at another base_url must not get the key that its user keeps for the provider.
    is_own_host = endpoint.base_url == provider.base_url or belongs(provider, endpoint.base_url)
    if variable and is_own_host:
        return _checked(endpoint, f"what {variable} holds", Secret(environ[variable]))
    if provider.key_required and provider.api_key_env:
        raise _missing(endpoint, variable)
    return None


def _checked(endpoint: Endpoint, name: str, key: Secret) -> Secret:
    stripped = Secret(key.reveal().strip())
    problem = problem_with(stripped)
    if problem:
        raise MissingKeyError(
            f"{endpoint.route}: {name} {problem}", hint=_how_to_pass(endpoint.provider), route=endpoint.route
        )
    return stripped


def _missing(endpoint: Endpoint, unused_variable: str | None) -> MissingKeyError:
    provider, hint = endpoint.provider, _how_to_pass(endpoint.provider)
    if unused_variable:
        message = (
            f"the key in {unused_variable} is not sent to {host_of(endpoint.base_url)}, which is not known "
            f"to be {provider.title or provider.name}'s"
        )
        hint = "If that host may have it, pass it as api_key=..."
    elif endpoint.api_key is not None:
        message = "api_key is empty (keys are not pickled, nor copied to other processes)"
    else:
        message = "there is no key"
    return MissingKeyError(f"{endpoint.route}: {message}", hint=hint, route=endpoint.route)


def _how_to_pass(provider: Provider) -> str:
    variables = " or ".join(provider.api_key_env)
    return f"Set {variables}, or pass api_key=..." if variables else "Pass the key itself as api_key=..."
