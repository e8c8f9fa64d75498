"""Which words and statuses mean which error. A table: what a provider says in a new way is a row here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from vlm_core.errors import (
    AuthenticationFailed,
    ContextOverflow,
    ModelNotFound,
    PayloadTooLarge,
    ProviderError,
    QuotaExhausted,
    RateLimited,
    RequestRejected,
    ServerError,
)


class ErrorKind(NamedTuple):
    """An error's class, and a code of our own where the words say more than the class."""

    kind: type[ProviderError]
    code: str | None = None


class _Rule(NamedTuple):
    verdict: ErrorKind
    statuses: frozenset[int]
    words: re.Pattern[str]


def _rule(kind: type[ProviderError], statuses: str, *words: str, code: str | None = None) -> _Rule:
    return _Rule(ErrorKind(kind, code), frozenset(map(int, statuses.split())), re.compile("|".join(words)))


CONTENT_POLICY = "content_policy"

# The first row that fits counts. Words are looked for in codes and message, in lower case. The statuses
# say where a row holds; every row holds where there is no status, as of an error inside an answer.
_RULES = (
    _rule(
        QuotaExhausted,
        "400 401 402 403 429",
        r"insufficient[_ ](quota|balance|credits?|funds?)",
        r"not[_ ]enough[_ ](balance|credits?|funds?)",
        r"(requires|needs) more credits|(out of|no|add) credits?\b|credit balance is too low",
        r"payment[_ ]required|billing_(hard_limit|not_active)|balance (is )?(not enough|exhausted)",
    ),
    _rule(
        RequestRejected,
        "400 403 422 451",
        r"content[_ ](policy|filter|management policy|moderation)|safety (system|policy)|moderation",
        r"flagged for|responsible_?ai|data_inspection_failed|(inappropriate|sensitive) content",
        code=CONTENT_POLICY,
    ),
    _rule(
        AuthenticationFailed,
        "400 401 403",
        r"(api|access)[_ -]?key\b.{0,30}(invalid|incorrect|not valid|expired|missing|required)",
        r"(invalid|incorrect|expired|missing|wrong)\b.{0,20}(api|access)[_ -]?key|invalid_api_key",
        r"failed_to_auth|authentication_error",
    ),
    _rule(
        ContextOverflow,
        "400 413 422 500",
        r"context[_ -]?(length|window|size)|maximum (context|model length)|contextwindowexceeded",
        r"too many (input |prompt )?tokens|prompt is too long|input (is|length) .{0,30}(too long|exceed)",
        r"(exceed|(longer|larger|greater) than).{0,40}(context|max_model_len|input tokens)",
    ),
    _rule(
        PayloadTooLarge,
        "400 413 422",
        r"(payload|body|request|entity|content)\b.{0,20}too[_ ]large|length limit exceeded",
        r"image\w{0,20}\b.{0,60}(too[_ ](large|big|many pixels)|larger than)|image_too_large",
        r"image\w{0,20}\b.{0,60}exceed.{0,40}(size|pixel|byte|mb\b|dimension)",
        r"(too large|exceed\w{0,20}|maximum)\b.{0,40}(image size|size of the image|pixels|image dimension)",
    ),
    _rule(
        ModelNotFound,
        "400 404 422",
        r"model[_ ]?not[_ ]?(found|exist|available)|(no such|unknown|invalid) model|not a valid model",
        r"\bmodel\b.{0,120}(not found|not exist|not available|not served|not a valid)",
        r"(pinned to|could not find|cannot find|find no|not found).{0,40}\bmodel\b",
    ),
    _rule(
        RateLimited,
        "429",
        r"rate[_ -]?limit|too[_ ]many[_ ]requests|model (is )?busy|token_limit_exceeded",
    ),
    _rule(
        ServerError,
        "",
        r"overloaded|server_?error|internal[_ ](server[_ ])?error|service[_ ](not[_ ]available|unavailable)",
        r"bad gateway|upstream|provider returned error|timed? ?out|out of memory",
    ),
)

_BY_STATUS: Mapping[int, type[ProviderError]] = {
    401: AuthenticationFailed,
    402: QuotaExhausted,
    403: AuthenticationFailed,
    408: ServerError,
    409: ServerError,
    413: PayloadTooLarge,
    425: ServerError,
    429: RateLimited,
    499: ServerError,
}

_WRONG_ADDRESS = (
    "Check the base_url: it ends before /chat/completions, often with /v1. "
    "Some gateways answer so to a body that is too large, too."
)
_HINTS = (
    (
        r"(download|fetch|retriev|load)\w*\b.{0,60}\b(image|url)|(image|url)\b.{0,60}(download|fetch)",
        "The provider could not get the image behind its URL: send the bytes instead.",
    ),
    (
        r"(at most|too many|maximum( number)? of|more than)\b.{0,30}\bimages?\b",
        "Send fewer images; those of earlier messages count too.",
    ),
    (
        r"thought[_ ]?signature",
        "Give the assistant's messages back as they came: the Completion, AIMessage or ChatMessage itself "
        "holds the signatures of its tool calls. Where they are lost, begin a new conversation.",
    ),
    (
        r"reasoning(_content)?\b.{0,60}(missing|must be (passed|provided|included)|required)"
        r"|missing.{0,30}reasoning_content",
        "Give the assistant's messages back as they came: the Completion, AIMessage or ChatMessage itself "
        "holds its reasoning. Or set reasoning_content on those that call tools, or switch thinking off.",
    ),
    (
        r"system message (must|should).{0,20}(begin|first|start)|(multiple|more than one) system",
        "Give one system message, before all others.",
    ),
    (
        r"not support image|unknown variant `image_url`|support image input|not a multimodal",
        "Use a vision model.",
    ),
)


def classify(status: int | None, words: str) -> ErrorKind | None:
    """What an error is; None where neither status nor words tell.

    Args:
        status: of the answer, or the one in its body; None where there is none.
        words: codes and message.

    Example:
        >>> classify(403, "NOT_ENOUGH_BALANCE no credit").kind.__name__, classify(None, "boom")
        ('QuotaExhausted', None)
    """
    lower = words.lower()
    for rule in _RULES:
        if (status is None or status in rule.statuses) and rule.words.search(lower):
            return rule.verdict
    if status is None:
        return None
    is_ours = 400 <= status < 500
    return ErrorKind(_BY_STATUS.get(status, RequestRejected if is_ours else ServerError))


def hint(found: ErrorKind, status: int | None, words: str, model_list_url: str = "") -> str:
    """What to do about an error, where more can be said than its class does; else "".

    Args:
        found: what it is.
        status: of the answer.
        words: codes and message.
        model_list_url: where the provider lists its models.
    """
    lower = words.lower()
    for pattern, advice in _HINTS:
        if re.search(pattern, lower):
            return advice
    if found.code == CONTENT_POLICY:
        return "The provider's policy refuses the question or the image: change it."
    if found.kind is ModelNotFound and model_list_url:
        return f"Check the model's id in the provider's list: {model_list_url}"
    return _WRONG_ADDRESS if status in (404, 405) and found.kind is RequestRejected else ""
