"""Changes that may help after a refusal, each made once: a smaller image, one option less."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vlm_core.catalog.schema import ImageLimits, Quirk
from vlm_core.errors import PayloadTooLarge, RequestRejected, ServerError, VLMError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vlm_core.catalog.routes import Endpoint
    from vlm_core.catalog.schema import Provider
    from vlm_core.completion import EncodedImage

_TUNING = frozenset(
    {"temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"}
    | {"logit_bias", "user", "metadata", "store", "reasoning_effort", "verbosity", "service_tier"}
    | {"parallel_tool_calls", "prompt_cache_key", "safety_identifier", "prediction"}
)
"""Options without which the answer to the question is still an answer to it."""

_REASONING = frozenset({"reasoning_content", "reasoning", "reasoning_details"})
"""Fields of an assistant's message that strict hosts refuse."""
_SYSTEM_FIRST = re.compile(r"(?i)system message must be (at the beginning|first)")


@dataclass(frozen=True)
class RequestFixup:
    """A question as it is to be asked next."""

    endpoint: Endpoint
    options: Mapping[str, Any]
    warning: str


def find_fixup(
    error: VLMError,
    endpoint: Endpoint,
    options: Mapping[str, Any],
    images: Sequence[EncodedImage],
) -> RequestFixup | None:
    """What to change after a refusal; None where nothing would help.

    Args:
        error: the refusal.
        endpoint: who refused.
        options: what was asked for.
        images: what was sent.
    """
    if isinstance(error, PayloadTooLarge) and images:
        warning = f"{endpoint.route} found the images too large: they were sent again with half the pixels"
        return RequestFixup(replace(endpoint, limits=_halved(endpoint.limits, images)), options, warning)
    if isinstance(error, (RequestRejected, ServerError)) and _SYSTEM_FIRST.search(error.message):
        return _with_one_system_message(endpoint, options)
    if isinstance(error, RequestRejected) and error.parameter:
        return _without(error.parameter, endpoint, options)
    return None


def _with_one_system_message(endpoint: Endpoint, options: Mapping[str, Any]) -> RequestFixup | None:
    if Quirk.ONE_SYSTEM_MESSAGE in endpoint.quirks:
        return None
    provider = _but(endpoint.provider, quirks=endpoint.provider.quirks | {Quirk.ONE_SYSTEM_MESSAGE})
    warning = f"{endpoint.route} takes one system message: it was asked again with all in one"
    return RequestFixup(replace(endpoint, provider=provider), options, warning)


def _but(provider: Provider, **changed: Any) -> Provider:
    return provider.model_copy(update=changed)


def _halved(limits: ImageLimits, images: Sequence[EncodedImage]) -> ImageLimits:
    pixels = max(image.width * image.height for image in images) // 2
    size = max(len(image.data) for image in images) // 2
    return limits.model_copy(update={"max_pixels": max(1, pixels), "target_base64_bytes": size * 4 // 3})


def _without(parameter: str, endpoint: Endpoint, options: Mapping[str, Any]) -> RequestFixup | None:
    warning = f"{endpoint.route} refused {parameter}: it was asked again without"
    if parameter == "stream_options" and Quirk.NO_STREAM_OPTIONS not in endpoint.quirks:
        provider = _but(endpoint.provider, quirks=endpoint.provider.quirks | {Quirk.NO_STREAM_OPTIONS})
        return RequestFixup(replace(endpoint, provider=provider), options, warning)
    if parameter in _REASONING and endpoint.reasoning_back != "never":
        provider = _but(endpoint.provider, reasoning_back="never")
        return RequestFixup(replace(endpoint, provider=provider), options, warning)
    if parameter == "detail" and endpoint.limits.accepts_detail:
        limits = endpoint.limits.model_copy(update={"accepts_detail": False})
        return RequestFixup(replace(endpoint, limits=limits), options, warning)
    if parameter in _TUNING and options.get(parameter) is not None:
        fewer = {name: value for name, value in options.items() if name != parameter}
        return RequestFixup(endpoint, fewer, warning)
    return None
