"""What LangChain asks about a model, told without a request: its profile, and the tokens of messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from langchain_core.language_models.model_profile import ModelProfile

if TYPE_CHECKING:
    from vlm_core import VLMClient

__all__ = ["UNKNOWN_IMAGE_TOKENS", "message_tokens", "profile_of"]


def profile_of(client: VLMClient) -> ModelProfile:
    """A model's profile, with what is known of it and nothing else.

    Pictures behind URLs, PDFs and pictures from tools are always taken: they are fetched, turned into
    pages and moved where the provider does not do it. `structured_output` is there only where the
    provider is known for it, for agents rely on it.

    Args:
        client: whose model is meant.

    Example:
        >>> from vlm_core import VLMClient
        >>> client = VLMClient("some-vlm", base_url="http://127.0.0.1:8000/v1")
        >>> profile_of(client)["pdf_inputs"], profile_of(client).get("max_input_tokens")
        (True, None)
    """
    from vlm_core import Quirk

    endpoint = client.endpoint
    row, formats, tools = endpoint.profile, endpoint.response_formats, endpoint.tools
    can_force = Quirk.TOOL_CHOICE_AUTO_OR_NONE not in endpoint.quirks
    known = {
        "name": endpoint.model,
        "max_input_tokens": row.context_tokens,
        "max_output_tokens": row.max_output_tokens,
        "text_inputs": True,
        "text_outputs": True,
        **dict.fromkeys(_PICTURES, row.vision is not False),
        "tool_calling": tools,
        "tool_choice": None if tools is None else tools and can_force,
        "structured_output": None if formats is None else "json_schema" in formats,
        "reasoning_output": row.thinking,
    }
    return cast("ModelProfile", {name: value for name, value in known.items() if value is not None})


_PICTURES = ("image_inputs", "image_url_inputs", "pdf_inputs", "image_tool_message", "pdf_tool_message")


# --- tokens -----------------------------------------------------------------------------------------

UNKNOWN_IMAGE_TOKENS = 2800
"""What an image counts whose size is not known, being behind a URL, or whose model has no known formula.

It is what an A4 page of 1240 × 1754 pixels takes in patches of 28 × 28, and more than most
APIs charge for one: a conversation that is cut to fit should fit.
"""


def message_tokens(
    client: VLMClient,
    messages: Sequence[Mapping[str, Any]],
    tools: Sequence[Mapping[str, Any]] = (),
    count: Callable[[str], int] | None = None,
) -> int:
    """Tokens of text and images together.

    Text is counted by rule of thumb, or with `count`; images by the model's own formula, else as
    `UNKNOWN_IMAGE_TOKENS` each.

    Args:
        client: whose model is meant.
        messages: as the client takes them.
        tools: in OpenAI's shape.
        count: counts a text.

    Raises:
        InputError: a message could not be sent.

    Example:
        >>> from vlm_core import VLMClient
        >>> client = VLMClient("some-vlm", base_url="http://127.0.0.1:8000/v1")
        >>> message_tokens(client, [{"role": "user", "content": "What is the total?"}])
        10
    """
    if not messages:
        return 0
    at_hand, elsewhere = _without_addresses(messages)
    estimate = client.estimate(at_hand, **({"tools": list(tools)} if tools else {}))
    of_images = estimate.image_tokens
    if of_images is None:
        of_images = UNKNOWN_IMAGE_TOKENS * estimate.images
    of_text = estimate.text_tokens or 0
    if count is not None:
        of_text = sum(count(text) for message in messages for text in _texts(message))
    return of_text + of_images + UNKNOWN_IMAGE_TOKENS * elsewhere


def _without_addresses(messages: Sequence[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Messages without what would have to be fetched, and how many pictures that is."""
    at_hand, removed = [], 0
    for message in messages:
        content = message["content"]
        if not isinstance(content, str):
            parts = [part for part in content if not _is_elsewhere(part)]
            removed += len(content) - len(parts)
            content = parts or ""
        at_hand.append({**message, "content": content})
    return at_hand, removed


def _is_elsewhere(part: Mapping[str, Any]) -> bool:
    from vlm_core.integration import Source

    if part["type"] == "image_url":
        return str(part["image_url"]["url"])[:4].lower() == "http"
    return isinstance(part.get("image"), Source)


def _texts(message: Mapping[str, Any]) -> list[str]:
    content = message["content"]
    if isinstance(content, str):
        return [content]
    return [part["text"] for part in content if part["type"] == "text"]
