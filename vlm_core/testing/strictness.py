"""Which checks a server makes, from those that every server makes to all that a provider's row says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from hmac import compare_digest
from threading import Lock
from typing import Any, Literal, TypeAlias

from vlm_core.errors import ConfigError
from vlm_core.secret import Secret
from vlm_core.testing.replies import Answer
from vlm_core.testing.seen import Seen, calls_in
from vlm_core.testing.simulated_provider import Refusal
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
from vlm_core.wire.provider_fields import reassembled

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


# --- what a server sent and wants to see again ----------------------------------------------------


class SentFields:
    """Remembers the fields of answers that called tools, and refuses a history without them.

    Example:
        >>> from vlm_core import ToolCall
        >>> sent = SentFields()
        >>> sent.note(Answer(tool_calls=(ToolCall("c1", "look", "{}", {"extra_content": {"google": 1}}),)))
        >>> call = '{"id": "c1", "function": {"name": "look", "arguments": "{}"}}'
        >>> body = '{"messages": [{"role": "assistant", "content": null, "tool_calls": [' + call + "]}]}"
        >>> sent.check(Seen("POST", "/", {}, body.encode())).message
        'messages[0].tool_calls[0] is missing the extra_content that came with it.'
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._of_messages: dict[str, Mapping[str, Any]] = {}
        self._of_calls: dict[str, Mapping[str, Any]] = {}

    def note(self, answer: Answer) -> None:
        """Remember what an answer sends."""
        with self._lock:
            for call in answer.tool_calls:
                self._of_messages[call.id] = answer.fields
                self._of_calls[call.id] = call.provider_fields

    def check(self, seen: Seen) -> Refusal | None:
        """Whether a request's history holds what was sent."""
        with self._lock:
            return next(self._missing(seen), None)

    def _missing(self, seen: Seen) -> Iterator[Refusal]:
        for number, message in enumerate(seen.messages):
            for index, call in enumerate(calls_in(message)):
                call_id, place = str(call.get("id")), f"messages[{number}]"
                yield from _lacking(message, self._of_messages.get(call_id, {}), place)
                yield from _lacking(call, self._of_calls.get(call_id, {}), f"{place}.tool_calls[{index}]")


def _lacking(came: Mapping[str, Any], sent: Mapping[str, Any], place: str) -> Iterator[Refusal]:
    for name, value in sent.items():
        if _put_together(came.get(name)) != _put_together(value):
            yield Refusal(
                400, f"{place} is missing the {name} that came with it.", parameter=f"{place}.{name}"
            )


def _put_together(value: Any) -> Any:
    return reassembled(value) if isinstance(value, list) else value
