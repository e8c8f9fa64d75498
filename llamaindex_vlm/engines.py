"""Any LLM of LlamaIndex that takes images as what reads the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from llama_index.core.llms import LLM

from vlm_core import Completion, Engine, ForeignClient, Usage

Messages = Sequence[Mapping[str, Any]]


def as_engine(engine: Engine | LLM) -> Engine:
    """An engine as the reader takes it; an LLM is asked through LlamaIndex.

    Args:
        engine: "local", a route, an engine, or an LLM that takes images.

    Example:
        >>> as_engine("local")
        'local'
    """
    if not isinstance(engine, LLM):
        return engine
    first, *others = _routes(engine)
    return ForeignClient(
        *first,
        partial(_ask, engine),
        partial(_aask, engine),
        max_images=_most_images(engine),
        fallbacks=others,
    )


def _routes(llm: LLM) -> list[tuple[str, str]]:
    """Provider and model of each route that may answer."""
    if endpoints := _own_endpoints(llm):
        return [(endpoint.provider.name, endpoint.model) for endpoint in endpoints]
    return [(llm.class_name(), llm.metadata.model_name)]


def _most_images(llm: LLM) -> int | None:
    """How many pictures one question may have, where we know: of our own model, by its provider's row."""
    known = [endpoint.limits.max_images for endpoint in _own_endpoints(llm)]
    return min((count for count in known if count is not None), default=None)


def _own_endpoints(llm: LLM) -> Sequence[Any]:
    """What our own model asks; nothing of another's."""
    from llamaindex_vlm.llms import VLM

    return llm._client().endpoints if isinstance(llm, VLM) else ()


def _ask(llm: LLM, messages: Messages, options: Mapping[str, Any]) -> Completion:
    return _completion(llm.chat(_converted(messages), **_taken(options)))


async def _aask(llm: LLM, messages: Messages, options: Mapping[str, Any]) -> Completion:
    return _completion(await llm.achat(_converted(messages), **_taken(options)))


def _taken(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that most LLMs know by one name; what JSON is wanted, the prompt says."""
    return {name: value for name, value in options.items() if name not in ("response_format", "extra_body")}


def _converted(messages: Messages) -> list[ChatMessage]:
    return [ChatMessage(role=message["role"], blocks=_blocks(message["content"])) for message in messages]


def _blocks(content: Any) -> list[Any]:
    return [TextBlock(text=content)] if isinstance(content, str) else [_block(part) for part in content]


def _block(part: Mapping[str, Any]) -> TextBlock | ImageBlock:
    if part["type"] != "image":
        return TextBlock(text=part["text"])
    image = part["image"]
    return ImageBlock(image=image.data, image_mimetype=f"image/{image.format}")


def _completion(response: ChatResponse) -> Completion:
    said = response.additional_kwargs
    route = said.get("route")  # of our own model: the one that answered
    return Completion(
        response.message.content or "",
        finish_reason=said.get("finish_reason"),
        refusal=said.get("refusal"),
        usage=Usage(input_tokens=said.get("prompt_tokens"), output_tokens=said.get("completion_tokens")),
        route=route if isinstance(route, str) else "",
    )
