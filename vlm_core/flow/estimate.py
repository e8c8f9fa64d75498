"""What a question would take, before it is sent."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vlm_core.catalog.image_tokens import FORMULAS, image_tokens
from vlm_core.catalog.schema import Price
from vlm_core.completion import EncodedImage, Estimate
from vlm_core.flow.attempt import fit_messages
from vlm_core.flow.call import ChatCall
from vlm_core.flow.drivers import fit
from vlm_core.wire.messages import check_messages
from vlm_core.wire.request import build_request

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint
    from vlm_core.flow.message_images import Message

_TOKENS_PER_MESSAGE = 4
_RUNS = re.compile(r"[A-Za-z\u00c0-\u024f]+|\d|[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\W\d_]|[^\s\w]|_")
_TEXT_RULE = (
    "text: by rule of thumb, a token for 4 Latin letters, 2 letters of another alphabet, a digit, a "
    "sign, or a Chinese, Japanese or Korean character, and 4 for each message"
)


def text_tokens(text: str) -> int:
    """About how many tokens a text is, without the model's tokenizer.

    Example:
        >>> text_tokens("What is the total?"), text_tokens("2026"), text_tokens("合計")
        (6, 4, 2)
    """
    return -(-sum(map(_half_tokens, _RUNS.findall(text))) // 2)


def _half_tokens(run: str) -> int:
    if run.isalpha() and run[0] < "\u3040":
        return 2 * -(-len(run) // 4) if run[0] <= "\u024f" else 1
    return 2


def estimate(call: ChatCall) -> Estimate:
    """What a call would take. Pictures are read and fitted; nothing is sent.

    Args:
        call: as it would be sent.

    Raises:
        InputError: it could not be sent.
    """
    endpoint = call.endpoint
    messages = check_messages(_fitted(call))
    images = list(_images(messages))
    of_images, unknown = _image_tokens(images, endpoint)
    of_text = _text_tokens(messages, call.options)
    price = endpoint.profile.price or Price()
    tokens = None if of_images is None else of_images + of_text
    most = call.options.get("max_tokens") or endpoint.profile.max_output_tokens
    context = endpoint.profile.context_tokens
    figures = {
        "price: not in the catalog": price.input_usd,
        "context_tokens: not in the catalog": context,
        "max_tokens: not set, and no default is known": most,
    }
    return Estimate(
        route=endpoint.route,
        image_tokens=of_images,
        text_tokens=of_text,
        input_cost_usd=_cost(tokens, price.input_usd),
        max_output_cost_usd=_cost(most, price.output_usd),
        images=len(images),
        body_bytes=len(build_request(messages, call.options, endpoint, tool_images=call.tool_images).body),
        context_tokens=context,
        unknown=(
            *unknown,
            *(f"{name}: not in the catalog" for name, value in figures.items() if value is None),
        ),
        how=tuple(_how(endpoint, price, bool(images))),
    )


def _fitted(call: ChatCall) -> list[Message]:
    steps = fit_messages(call)
    try:
        effect = next(steps)
        while True:
            effect = steps.send(fit(effect))  # type: ignore[arg-type]
    except StopIteration as end:
        messages: list[Message] = end.value
        return messages


def _images(messages: Sequence[Message]) -> Iterator[Message]:
    for message in messages:
        content = message.get("content")
        if isinstance(content, (list, tuple)):
            yield from (part for part in content if part.get("type") == "image")


def _image_tokens(images: Sequence[Message], endpoint: Endpoint) -> tuple[int | None, list[str]]:
    if not images:
        return 0, []
    counts = [_tokens_of(part, endpoint) for part in images]
    if None not in counts:
        return sum(count for count in counts if count is not None), []
    if any(isinstance(part["image"], str) for part in images):
        return None, ["image tokens: an image that the provider fetches has an unknown size"]
    return None, [f"image tokens: no formula is known for {endpoint.model}, or an image is too narrow for it"]


def _tokens_of(part: Message, endpoint: Endpoint) -> int | None:
    image = part["image"]
    if not isinstance(image, EncodedImage):
        return None
    detail = part.get("detail") if endpoint.limits.accepts_detail else None
    profile = endpoint.profile
    return image_tokens(
        profile.image_tokens,
        image.width,
        image.height,
        min_pixels=profile.min_pixels,
        max_pixels=profile.max_pixels,
        detail=detail,
        with_overhead=True,
    )


def _text_tokens(messages: Sequence[Message], options: Mapping[str, Any]) -> int:
    written = [text for message in messages for text in _texts(message.get("content"))]
    written += [json.dumps(message["tool_calls"]) for message in messages if message.get("tool_calls")]
    written += [json.dumps(options[name], default=str) for name in ("tools",) if options.get(name)]
    return sum(map(text_tokens, written)) + _TOKENS_PER_MESSAGE * len(messages)


def _texts(content: object) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    elif isinstance(content, (list, tuple)):
        yield from (part["text"] for part in content if part.get("type") == "text")


def _cost(tokens: int | None, usd_per_million: float | None) -> float | None:
    return (
        None if tokens is None or usd_per_million is None else round(tokens * usd_per_million / 1_000_000, 9)
    )


def _how(endpoint: Endpoint, price: Price, has_images: bool) -> Iterator[str]:
    yield _TEXT_RULE
    name = endpoint.profile.image_tokens
    if has_images and name:
        exact = "as the model's processor does" if FORMULAS[name].exact else "as its documentation says"
        yield f"images: counted {exact} ({FORMULAS[name].source}); a host may scale them down further"
    if price.input_usd is not None:
        prices = f"${price.input_usd} in, ${price.output_usd} out for a million tokens"
        yield f"price: {prices} ({price.source}, {price.checked})"
