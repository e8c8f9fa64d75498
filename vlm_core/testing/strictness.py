"""Which checks a server makes, from those that every server makes to all that a provider's row says.

Each check is a function from a request to a refusal, or None where it has nothing to say. A limit that the
provider's row leaves open is not enforced.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from hmac import compare_digest
from threading import Lock
from typing import Any, Literal, TypeAlias

from vlm_core.catalog.schema import ImageLimits, Quirk
from vlm_core.errors import ConfigError
from vlm_core.secret import Secret
from vlm_core.testing.replies import Answer
from vlm_core.testing.seen import Seen, SeenImage, calls_in
from vlm_core.testing.simulated_provider import Refusal
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

# --- pictures -------------------------------------------------------------------------------------

Problem: TypeAlias = Callable[[SeenImage, ImageLimits], str | None]
"""What is wrong with a picture in words, or None."""

_SAME_FORMAT = {"jpg": "jpeg", "heif": "heic"}
_RELIED_UPON = frozenset({"png", "jpeg"})


def every_image(problem: Problem, status: int = 400, code: str = "invalid_image") -> Check:
    """The check that no picture has a problem.

    Args:
        problem: what to look for.
        status: of the refusal.
        code: of the refusal.
    """

    def check(seen: Seen) -> Refusal | None:
        for image in seen.images:
            if message := problem(image, seen.endpoint.limits):
                return Refusal(status, message, code, image.position)
        return None

    return check


def too_many(seen: Seen) -> Refusal | None:
    """The whole conversation holds no more pictures than one request may."""
    return _more_than(seen, seen.endpoint.limits.max_images)


def more_than_recommended(seen: Seen) -> Refusal | None:
    """The whole conversation holds no more pictures than is recommended."""
    return _more_than(seen, seen.endpoint.limits.recommended_images)


def behind_text(seen: Seen) -> Refusal | None:
    """Pictures stand before text where they must."""
    if Quirk.IMAGES_FIRST not in seen.endpoint.quirks:
        return None
    late = [image.position for image in seen.images if not image.first]
    return Refusal(400, "Images must come before text.", "invalid_image", late[0]) if late else None


def _more_than(seen: Seen, limit: int | None) -> Refusal | None:
    if limit is None or len(seen.images) <= limit:
        return None
    return Refusal(400, f"At most {limit} image(s) may be provided in one request.", "too_many_images")


def _elsewhere(image: SeenImage, limits: ImageLimits) -> str | None:
    if image.role == "user":
        return None
    return f"Image URLs are only allowed for messages with role 'user', but this one has role '{image.role}'."


def _detailed(image: SeenImage, limits: ImageLimits) -> str | None:
    refused = limits.accepts_detail is False and image.detail is not None
    return "Extra inputs are not permitted: image_url.detail" if refused else None


def _unusable_address(image: SeenImage, limits: ImageLimits) -> str | None:
    if image.url is None:
        return None
    if not image.url.startswith(("https://", "http://")):
        return "Invalid image: expected a base64-encoded data URI or an http(s) URL."
    refused = limits.accepts_url is False
    return "Image URLs are not accepted: images must be base64-encoded." if refused else None


def _blanks(image: SeenImage, limits: ImageLimits) -> str | None:
    blank = len(image.address.split(None, 1)) != 1 or image.address != image.address.strip()
    return "Invalid image: the data URI has blanks in it." if image.header and blank else None


def _not_base64(image: SeenImage, limits: ImageLimits) -> str | None:
    if not image.header:
        return None
    try:
        # Stricter than `image.data`, which also takes the URL-safe alphabet and goes without padding.
        data = binascii.a2b_base64(image.address[len(image.header) + 1 :], strict_mode=True)
    except ValueError:
        data = b""
    right = data and image.header.lower().endswith(";base64")
    return None if right else "Invalid image: the data URI does not hold base64."


def _mislabelled(image: SeenImage, limits: ImageLimits) -> str | None:
    declared = _SAME_FORMAT.get(image.declared or "", image.declared)
    if not image.header or declared == image.format:
        return None
    actual = f"an image/{image.format}" if image.format else "not an image"
    return f"Invalid image: the data URI says {declared or 'nothing'}, but the data is {actual}."


def _not_among(image: SeenImage, formats: frozenset[str] | None) -> str | None:
    if not image.header or formats is None or image.format in formats:
        return None
    return f"Unsupported image format {image.format}; supported are {', '.join(sorted(formats))}."


def _damaged(image: SeenImage, limits: ImageLimits) -> str | None:
    return "Invalid image: it cannot be decoded." if image.header and image.size is None else None


def _limited(limit_name: str, unit: str, measure: Callable[[SeenImage], int]) -> Check:
    """The check that no picture is over one of the limits."""

    def problem(image: SeenImage, limits: ImageLimits) -> str | None:
        size, limit = measure(image), getattr(limits, limit_name)
        if limit is None or size <= limit:
            return None
        return f"Image too large: it has {size} {unit}; at most {limit} are allowed."

    return every_image(problem, code="image_too_large")


IMAGE_CHECKS: tuple[Check, ...] = (
    too_many,
    every_image(_elsewhere),
    every_image(_detailed, 422, "unknown_parameter"),
    behind_text,
    every_image(_unusable_address, code="invalid_image_url"),
    every_image(_blanks),
    every_image(_not_base64),
    every_image(_mislabelled),
    every_image(lambda image, limits: _not_among(image, limits.formats), code="unsupported_image_format"),
    _limited("max_image_bytes", "bytes", lambda image: len(image.data or b"")),
    every_image(_damaged),
    _limited("max_side", "pixels on a side", lambda image: max(image.size or (0,))),
    _limited("max_pixels", "pixels", lambda image: math.prod(image.size or (0,))),
)
"""In the order in which they are asked; the first refusal is the answer."""

RECOMMENDATIONS: tuple[Check, ...] = (
    more_than_recommended,
    every_image(
        lambda image, limits: _not_among(image, limits.formats or _RELIED_UPON),
        code="unsupported_image_format",
    ),
    _limited(
        "target_base64_bytes",
        "bytes of base64",
        lambda image: len(image.address) - len(image.header) - 1 if image.header else 0,
    ),
)
"""What no provider refuses, and a careful client keeps to all the same."""


# --- which checks are made ------------------------------------------------------------------------

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


def _put_together(value: object) -> object:
    return reassembled(value) if isinstance(value, list) else value
