"""Any chat model of LangChain as what reads the pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage

from vlm_core import Completion, Engine, ForeignClient, Usage
from vlm_core.integration import framework_client

Messages = Sequence[Mapping[str, Any]]


def as_engine(engine: Engine | BaseChatModel) -> Engine:
    """An engine as the reader takes it; a chat model is asked through LangChain.

    Args:
        engine: "local", a route, an engine, or a chat model such as ChatAnthropic.

    Example:
        >>> as_engine("local")
        'local'
    """
    return as_client(engine) if isinstance(engine, BaseChatModel) else engine


def as_client(model: BaseChatModel) -> ForeignClient:
    """A chat model of LangChain as the client that is asked about pages.

    Args:
        model: ChatVLM, or any other that takes images.

    Example:
        >>> from langchain_vlm import ChatVLM
        >>> as_client(ChatVLM(model="some-vlm", base_url="http://127.0.0.1:8000/v1")).endpoint.model
        'some-vlm'
    """
    from langchain_vlm.chat_models import ChatVLM

    params = model._get_ls_params()  # what LangSmith calls it
    name = type(model).__name__
    return framework_client(
        (params.get("ls_provider") or name, params.get("ls_model_name") or name),
        partial(_ask, model),
        partial(_aask, model),
        endpoints=model._client().endpoints if isinstance(model, ChatVLM) else (),
    )


def _ask(model: BaseChatModel, messages: Messages, options: Mapping[str, Any]) -> Completion:
    return _completion(model.invoke(_converted(messages), **options))


async def _aask(model: BaseChatModel, messages: Messages, options: Mapping[str, Any]) -> Completion:
    return _completion(await model.ainvoke(_converted(messages), **options))


def _converted(messages: Messages) -> list[BaseMessage]:
    kinds = {"system": SystemMessage, "user": HumanMessage}
    converted: list[BaseMessage] = []
    for message in messages:
        content = message["content"]
        blocks = content if isinstance(content, str) else [_block(part) for part in content]
        converted.append(kinds[message["role"]](content=blocks))
    return converted


def _block(part: Mapping[str, Any]) -> dict[str, Any]:
    if part["type"] != "image":
        return dict(part)
    image = part["image"]
    encoded = image.data_uri.partition(b",")[2].decode("ascii")
    return {"type": "image", "base64": encoded, "mime_type": f"image/{image.format}"}


def _completion(message: AIMessage) -> Completion:
    metadata = message.response_metadata
    usage: Mapping[str, Any] = message.usage_metadata or {}
    route = metadata.get("route")  # of our own model: the one that answered
    return Completion(
        str(message.text),
        finish_reason=metadata.get("finish_reason")
        or metadata.get("stop_reason")
        or metadata.get("done_reason"),
        refusal=message.additional_kwargs.get("refusal"),
        usage=Usage(input_tokens=usage.get("input_tokens"), output_tokens=usage.get("output_tokens")),
        request_id=message.id,
        route=route if isinstance(route, str) else "",
    )
