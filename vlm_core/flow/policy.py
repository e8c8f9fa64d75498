"""What follows from an error: try again, go to another route, change the request, or give up.

One row for each kind of error, the first that fits. The reasons, in short: what the provider may have
done already is asked for again only where no other route can be asked; what is wrong with the request
is wrong everywhere; and a key that is refused is refused for the whole job.
"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from vlm_core.catalog.schema import ImageLimits, Quirk
from vlm_core.errors import (
    AuthenticationFailed,
    ConnectionFailed,
    ContentFiltered,
    ContextOverflow,
    EmptyOutput,
    IncompleteResponse,
    InputError,
    MalformedResponse,
    ModelNotFound,
    PayloadTooLarge,
    ProviderTimeout,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerError,
    ToolCallTruncated,
    VLMError,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vlm_core.catalog.routes import Endpoint
    from vlm_core.catalog.schema import Provider
    from vlm_core.completion import EncodedImage

BASE_SECONDS = 0.5
"""The first wait; each further one is twice as long."""
MAX_SECONDS = 8.0
PATIENCE_SECONDS = 10.0
"""The longest wait that a provider may ask for where another route could be asked instead."""
FIRST_TOKEN_SECONDS = 10.0
"""How long a streamed answer may take to begin where another route can be asked."""

Retry: TypeAlias = Literal["never", "once", "once_if_last", "always"]
FailOver: TypeAlias = Literal["never", "always", "larger_context"]


@dataclass(frozen=True)
class RetryRule:
    """What is done about one kind of error."""

    retry: Retry = "never"
    """On the same route; "once_if_last" only where there is no other."""
    fail_over: FailOver = "never"
    is_overload: bool = False
    """Whether fewer requests at once would help."""
    is_ill: bool = False
    """Whether it says that the route is not well, as the circuit breaker counts it."""


_RULES: tuple[tuple[type[VLMError], RetryRule], ...] = (
    (ConnectionFailed, RetryRule("always", "always", is_ill=True)),
    (ProviderTimeout, RetryRule("once_if_last", "always", is_overload=True, is_ill=True)),
    (RateLimited, RetryRule("always", "always", is_overload=True, is_ill=True)),
    (ServerError, RetryRule("always", "always", is_overload=True, is_ill=True)),
    (QuotaExhausted, RetryRule("never", "always", is_ill=True)),
    (AuthenticationFailed, RetryRule()),
    (ModelNotFound, RetryRule()),
    (ContextOverflow, RetryRule("never", "larger_context")),
    (PayloadTooLarge, RetryRule()),
    (RequestRejected, RetryRule()),
    (ToolCallTruncated, RetryRule()),  # of a whole answer, which is given back
    (MalformedResponse, RetryRule("always", "always", is_ill=True)),
    (EmptyOutput, RetryRule("once", "always")),
    (ContentFiltered, RetryRule()),
    # Of a route that takes less than the one before; where it is the first, nothing was sent at all.
    (InputError, RetryRule("never", "always")),
)
# By `IncompleteResponse.reason`.
_INCOMPLETE: dict[str, RetryRule] = {
    "cut": RetryRule("always", "always", is_ill=True),
    "silent": RetryRule("once_if_last", "always", is_ill=True),
    "damaged": RetryRule("once", "always", is_ill=True),
    "different": RetryRule("never", "always"),  # the route is well; a third answer would be of no use
}
_GIVE_UP = RetryRule()


def retry_rule(error: VLMError) -> RetryRule:
    """What is done about an error.

    Example:
        >>> retry_rule(RateLimited("slow down")).retry
        'always'
    """
    if isinstance(error, ConnectionFailed) and not error.is_passing:
        return RetryRule("never", "always", is_ill=True)
    if isinstance(error, IncompleteResponse):
        return _INCOMPLETE[error.reason]
    return next((rule for kind, rule in _RULES if isinstance(error, kind)), _GIVE_UP)


def may_retry(error: VLMError, *, earlier: int, has_other: bool) -> bool:
    """Whether the same route may be asked again.

    Args:
        error: how the last attempt ended.
        earlier: how many attempts on this route ended before it with the same rule for a retry.
        has_other: whether another route could be asked.
    """
    retry = retry_rule(error).retry
    if retry == "once_if_last":
        return not has_other and earlier == 0
    return retry == "always" or (retry == "once" and earlier == 0)


def may_fail_over(error: VLMError, context: int | None, next_context: int | None) -> bool:
    """Whether the next route may be asked.

    Args:
        error: how the last attempt ended.
        context: of this route's model, in tokens; None where it is not known.
        next_context: of the next one's.
    """
    fail_over = retry_rule(error).fail_over
    if fail_over == "larger_context":
        return context is None or next_context is None or next_context > context
    return fail_over == "always"


def wait_before(error: VLMError, attempt: int, rng: random.Random) -> float:
    """Seconds before the same route is asked again.

    Args:
        error: how the last attempt ended; what the provider asks for counts, and a little more.
        attempt: how many were made, from 1.
        rng: so that many callers do not come back at one moment.

    Example:
        >>> 0.25 <= wait_before(ServerError("down"), 1, random.Random(0)) <= 0.5
        True
    """
    asked: float | None = getattr(error, "retry_after", None)
    if asked is not None:
        return asked * (1 + 0.1 * rng.random())
    longest = min(MAX_SECONDS, BASE_SECONDS * 2.0 ** (attempt - 1))
    return longest * (0.5 + 0.5 * rng.random())


# Options without which the answer to the question is still an answer to it.
_TUNING = frozenset(
    {"temperature", "top_p", "seed", "presence_penalty", "frequency_penalty", "logprobs", "top_logprobs"}
    | {"logit_bias", "user", "metadata", "store", "reasoning_effort", "verbosity", "service_tier"}
    | {"parallel_tool_calls", "prompt_cache_key", "safety_identifier", "prediction"}
)

# Fields of an assistant's message that strict hosts refuse.
_REASONING = frozenset({"reasoning_content", "reasoning", "reasoning_details"})
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


def _but(provider: Provider, **changed: object) -> Provider:
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
