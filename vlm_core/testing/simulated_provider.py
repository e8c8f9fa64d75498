"""The provider that a server simulates: what the catalog says of it, and how it says no.

The shapes of errors are those of the providers' pages where they show one, else those seen in public code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from vlm_core.catalog.routes import Endpoint, Route
from vlm_core.catalog.schema import Provider

# The address is of no account, but the look-up wants one.
_ANYWHERE = "http://127.0.0.1/v1"


def row_of(provider: str | Provider | None) -> Provider:
    """A provider's row.

    Args:
        provider: a name in the catalog, a row of your own, or None for a server that simulates none.

    Raises:
        UnknownProviderError: the catalog has no provider of this name.

    Example:
        >>> row_of(None).name, row_of("hyperbolic").limits.max_images
        ('scripted', 1)
    """
    if isinstance(provider, Provider):
        return provider
    if provider is None:
        return Provider(name="scripted")
    from vlm_core.catalog.registry import find_provider

    return find_provider(provider)


def endpoint_of(provider: Provider, model: str) -> Endpoint:
    """A model at a provider, with all limits and quirks that hold there; any string is a model.

    Example:
        >>> endpoint_of(row_of("novita"), "qwen/qwen2.5-vl-72b-instruct").profile.family
        'qwen2.5-vl'
    """
    from vlm_core.catalog.resolve_route import resolve

    # Its own route before the model keeps the look-up from reading one into the model's name.
    named = model if model.strip() else "unnamed"
    return resolve(Route(provider, f"{provider.name}:{named}", base_url=_ANYWHERE))


def models_of(provider: Provider) -> tuple[str, ...]:
    """The models that the catalog knows of a provider.

    Example:
        >>> "qwen/qwen2.5-vl-72b-instruct" in models_of(row_of("novita"))
        True
    """
    from vlm_core.catalog import registry

    return tuple(row.model for row in registry.models_of(provider.name) if row.model)


# --- refusals -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """Why a request is not answered.

    Example:
        >>> shape("devup")(Refusal(429, "Too many requests", "rate_limit_exceeded"))["error"]["type"]
        'devup_error'
    """

    status: int
    """Of HTTP."""
    message: str
    code: str | None = None
    """In one word, as OpenAI spells it: invalid_api_key, model_not_found ..."""
    parameter: str | None = None
    """The field that is wrong, as in "messages[0].content[1]"."""


Shape: TypeAlias = Callable[[Refusal], Mapping[str, Any]]

_KINDS = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
}
_NOVITA_REASONS = {
    "insufficient_quota": "NOT_ENOUGH_BALANCE",
    "invalid_api_key": "FAILED_TO_AUTH",
    "model_not_found": "MODEL_NOT_FOUND",
    "rate_limit_exceeded": "RATE_LIMIT_EXCEEDED",
}
_NOVITA_STATUSES = {
    401: "FAILED_TO_AUTH",
    403: "ACCESS_DENY",
    404: "MODEL_NOT_FOUND",
    429: "RATE_LIMIT_EXCEEDED",
    503: "SERVICE_NOT_AVAILABLE",
}


def _kind(refusal: Refusal) -> str:
    return _KINDS.get(refusal.status, "server_error" if refusal.status >= 500 else "invalid_request_error")


def _openai(refusal: Refusal) -> Mapping[str, object]:
    return {
        "error": {
            "message": refusal.message,
            "type": _kind(refusal),
            "param": refusal.parameter,
            "code": refusal.code,
        }
    }


def _devup(refusal: Refusal) -> Mapping[str, object]:
    return {"error": {"message": refusal.message, "type": "devup_error", "code": refusal.code}}


def _deepinfra(refusal: Refusal) -> Mapping[str, object]:
    if refusal.status == 422:
        words = re.findall(r"\w+", refusal.parameter or "")
        place = ["body", *(int(word) if word.isdecimal() else word for word in words)]
        return {"detail": [{"loc": place, "msg": refusal.message, "type": "value_error"}]}
    if refusal.status in (401, 403, 404):
        return {"detail": {"error": refusal.message}}
    return {"error": {"message": refusal.message}}


def _novita(refusal: Refusal) -> Mapping[str, object]:
    of_status = _NOVITA_STATUSES.get(refusal.status, "INVALID_REQUEST_BODY")
    return {
        "code": refusal.status,
        "reason": _NOVITA_REASONS.get(refusal.code or "", of_status),
        "message": refusal.message,
        "metadata": {},
    }


def _vllm(refusal: Refusal) -> Mapping[str, object]:
    return {
        "object": "error",
        "message": refusal.message,
        "type": "BadRequestError" if refusal.status == 400 else _kind(refusal),
        "param": refusal.parameter,
        "code": refusal.status,
    }


def _openrouter(refusal: Refusal) -> Mapping[str, object]:
    return {"error": {"code": refusal.status, "message": refusal.message, "metadata": {}}}


def _siliconflow(refusal: Refusal) -> Mapping[str, object]:
    return {"code": 20012, "message": refusal.message, "data": None}


SHAPES: Mapping[str, Shape] = {
    "deepinfra": _deepinfra,
    "devup": _devup,
    "hyperbolic": _vllm,
    "myrouter": _novita,
    "novita": _novita,
    "openrouter": _openrouter,
    "siliconflow": _siliconflow,
    "vllm": _vllm,
}
"""By the provider's name; the others speak as OpenAI does."""


def shape(provider: str) -> Shape:
    """How a provider words an error's body.

    Args:
        provider: its name in the catalog.

    Returns:
        A function from a refusal to what becomes the JSON body.

    Example:
        >>> shape("novita")(Refusal(404, "No such model"))["reason"]
        'MODEL_NOT_FOUND'
    """
    return SHAPES.get(provider, _openai)
