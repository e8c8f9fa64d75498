"""Which checks a server makes, from those that every server makes to all that a provider's row says."""

from __future__ import annotations

from collections.abc import Iterable
from hmac import compare_digest
from typing import Literal, TypeAlias

from vlm_core.errors import ConfigError
from vlm_core.secret import Secret
from vlm_core.testing.refusals import Refusal
from vlm_core.testing.seen import Seen
from vlm_core.testing.strict_images import IMAGE_CHECKS, RECOMMENDATIONS
from vlm_core.testing.strict_requests import (
    HISTORY_CHECKS,
    OPENAI_FIELDS,
    REQUEST_CHECKS,
    VENDOR_FIELDS,
    Check,
    body_is_small_enough,
    only_known_fields,
    only_known_models,
)

Strictness: TypeAlias = bool | Literal["recommendations"]


def basic_checks(api_key: Secret | None) -> tuple[Check, ...]:
    """What every server looks at: the path, the key, and whether it was sent JSON.

    Args:
        api_key: the key that is wanted, if any.

    Example:
        >>> wants_key = basic_checks(Secret("sk-123"))[1]
        >>> wants_key(Seen("GET", "/v1/models", {})).status
        401
    """
    return (_has_known_path, *([only_key(api_key)] if api_key else []), _holds_an_object)


def strict_checks(
    provider: str, *, strict: Strictness, models: Iterable[str], extra_fields: Iterable[str]
) -> tuple[Check, ...]:
    """What a strict server looks at in a question to a model.

    Args:
        provider: its name, for the fields that it knows.
        strict: False for no check at all, "recommendations" for more than a provider would refuse.
        models: the only ones that are known; any where there are none.
        extra_fields: known beside the provider's.

    Raises:
        ConfigError: there is no such strictness.

    Example:
        >>> strict_checks("novita", strict=False, models=(), extra_fields=())
        ()
    """
    if strict not in (True, False, "recommendations"):
        raise ConfigError(f"strict={strict!r} is unknown", hint='It is True, False or "recommendations".')
    if not strict:
        return ()
    fields = OPENAI_FIELDS | VENDOR_FIELDS.get(provider, frozenset()) | frozenset(extra_fields)
    known_models = tuple(models)
    return (
        body_is_small_enough,
        only_known_fields(fields),
        *REQUEST_CHECKS,
        *([only_known_models(known_models)] if known_models else []),
        *IMAGE_CHECKS,
        *HISTORY_CHECKS,
        *(RECOMMENDATIONS if strict == "recommendations" else ()),
    )


def only_key(api_key: Secret) -> Check:
    """The check that a request came with this key."""

    def check(seen: Seen) -> Refusal | None:
        came = seen.api_key.reveal() if seen.api_key else ""
        if compare_digest(came.encode(), api_key.reveal().encode()):
            return None
        return Refusal(
            401, "Incorrect API key provided." if came else "No API key provided.", "invalid_api_key"
        )

    return check


def _has_known_path(seen: Seen) -> Refusal | None:
    return None if seen.is_chat or seen.is_list else Refusal(404, f"Cannot {seen.method} {seen.path}")


def _holds_an_object(seen: Seen) -> Refusal | None:
    if seen.is_list or isinstance(seen.fields, dict):
        return None
    return Refusal(400, "We could not parse the JSON body of your request.")
