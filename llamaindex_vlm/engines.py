"""Any LLM of LlamaIndex that takes images as what reads the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ImageBlock, TextBlock
from llama_index.core.llms import LLM

from vlm_core import Completion, Engine, Usage
from vlm_core.integration import framework_client

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
    from llamaindex_vlm.llms import VLM

    return framework_client(
        (engine.class_name(), engine.metadata.model_name),
        partial(_ask, engine),
        partial(_aask, engine),
        endpoints=engine._client().endpoints if isinstance(engine, VLM) else (),
    )


def _ask(llm: LLM, messages: Messages, options: Mapping[str, Any]) -> Completion:
    return _completion(llm.chat(_converted(messages), **options))


async def _aask(llm: LLM, messages: Messages, options: Mapping[str, Any]) -> Completion:
    return _completion(await llm.achat(_converted(messages), **options))


def _converted(messages: Messages) -> list[ChatMessage]:
    converted = []
    for message in messages:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        converted.append(ChatMessage(role=message["role"], blocks=list(map(_block, parts))))
    return converted


def _block(part: Mapping[str, Any]) -> TextBlock | ImageBlock:
    if part["type"] != "image":
        return TextBlock(text=part["text"])
    image = part["image"]
    return ImageBlock(image=image.data, image_mimetype=f"image/{image.format}")


def _completion(response: ChatResponse) -> Completion:
    facts = response.additional_kwargs
    route = facts.get("route")  # of our own model: the one that answered
    return Completion(
        response.message.content or "",
        finish_reason=facts.get("finish_reason"),
        refusal=facts.get("refusal"),
        usage=Usage(input_tokens=facts.get("prompt_tokens"), output_tokens=facts.get("completion_tokens")),
        route=route if isinstance(route, str) else "",
    )
