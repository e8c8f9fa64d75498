"""The client's answers as LangChain's messages and chunks, and what of them goes back to the provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.messages.content import KNOWN_BLOCK_TYPES
from langchain_core.messages.tool import (
    ToolCallChunk,
    invalid_tool_call,
    tool_call,
    tool_call_chunk,
)

from vlm_core.integration import (
    REASONING_DETAILS,
    REASONING_TEXTS,
    answer_facts,
    answer_logprobs,
    reasoning_of,
    tool_call_fields,
)

if TYPE_CHECKING:
    from vlm_core import Completion, Delta, ToolCallDelta, Usage
    from vlm_core import ToolCall as Call

__all__ = ["as_chunk", "as_last_chunk", "as_message", "provider_fields", "usage_metadata"]

_HAS_REFUSALS = "refusal" in KNOWN_BLOCK_TYPES  # since core 1.7.5
# The number of the first tool call among blocks.
_TOOL_BLOCKS = 1000


def as_message(completion: Completion, provider: str, *, in_blocks: bool = False) -> AIMessage:
    """A whole answer as a message.

    Args:
        completion: the answer.
        provider: what the message names as `model_provider`, whoever gave the answer.
        in_blocks: whether LangChain will make blocks of it (its output_version "v1").

    Example:
        >>> from vlm_core import Completion
        >>> as_message(Completion("TOTAL 9.00", route="novita:m"), "novita").content
        'TOTAL 9.00'
    """
    calls = [_tool_call(call) for call in completion.tool_calls]
    return AIMessage(
        content=_content(completion.text, completion.refusal, in_blocks),
        tool_calls=[call for call in calls if call["type"] == "tool_call"],
        invalid_tool_calls=[call for call in calls if call["type"] == "invalid_tool_call"],
        usage_metadata=usage_metadata(completion.usage),
        additional_kwargs={
            **_beside(reasoning_of(completion)[1], completion.refusal),
            **_fields_beside(completion),
        },
        response_metadata=_metadata(completion, provider),
    )


def as_chunk(delta: Delta, provider: str, *, in_blocks: bool = False) -> AIMessageChunk:
    """A piece of a streamed answer as a chunk.

    Args:
        delta: the piece.
        provider: as in `as_message`.
        in_blocks: as in `as_message`.

    Example:
        >>> from vlm_core import Delta
        >>> as_chunk(Delta("TOTAL"), "novita").content
        'TOTAL'
    """
    return AIMessageChunk(
        content=delta.text,
        additional_kwargs=_beside(delta.reasoning, None),
        tool_call_chunks=[_tool_call_chunk(call, in_blocks) for call in delta.tool_calls],
        response_metadata={"model_provider": provider},
    )


def as_last_chunk(
    completion: Completion, provider: str, *, with_usage: bool = True, in_blocks: bool = False
) -> AIMessageChunk:
    """What is known of a streamed answer once it is whole, as its last chunk.

    Everything is in this one chunk, for LangChain adds the figures and texts of all chunks up. Of tool calls
    the chunks before have all, under their ids.

    Args:
        completion: the answer.
        provider: as in `as_message`.
        with_usage: whether tokens are told.
        in_blocks: as in `as_message`.

    Raises:
        OutputTruncated: the answer ended within a tool's arguments, whatever it says of its end. LangChain
            would guess the rest, and an agent would act on the guess.
        MalformedResponse: the arguments for a tool are not a JSON object.

    Example:
        >>> from vlm_core import Completion
        >>> as_last_chunk(Completion("TOTAL 9.00", route="novita:m"), "novita").chunk_position
        'last'
    """
    _check_arguments(completion)
    return AIMessageChunk(
        content=_content("", completion.refusal, in_blocks),
        usage_metadata=usage_metadata(completion.usage) if with_usage else None,
        additional_kwargs={**_beside("", completion.refusal), **_fields_beside(completion)},
        response_metadata=_metadata(completion, provider),
        chunk_position="last",
    )


def usage_metadata(usage: Usage) -> UsageMetadata | None:
    """Tokens as LangChain counts them; None where the provider does not say both numbers.

    Example:
        >>> from vlm_core import Usage
        >>> usage_metadata(Usage(input_tokens=9, output_tokens=2))
        {'input_tokens': 9, 'output_tokens': 2, 'total_tokens': 11}
    """
    read, written = usage.input_tokens, usage.output_tokens
    if read is None or written is None:
        return None
    metadata = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
    inputs = {"cache_read": usage.cached_tokens, "image": usage.image_tokens}
    if of_input := {name: count for name, count in inputs.items() if count is not None}:
        metadata["input_token_details"] = InputTokenDetails(**of_input)  # type: ignore[typeddict-item]
    if usage.reasoning_tokens is not None:
        metadata["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return metadata


def _content(text: str, refusal: str | None, in_blocks: bool) -> str | list[str | dict[Any, Any]]:
    """The text, and behind it a refusal where LangChain has blocks for these."""
    if not (refusal and in_blocks and _HAS_REFUSALS):
        return text
    blocks: list[str | dict[Any, Any]] = [{"type": "text", "text": text}] if text else []
    return [*blocks, {"type": "refusal", "refusal": refusal}]


def _beside(reasoning: str, refusal: str | None) -> dict[str, Any]:
    """What LangChain keeps beside the content; it shows reasoning as a block of its own."""
    fields = {"reasoning_content": reasoning, "refusal": refusal}
    return {name: text for name, text in fields.items() if text}


def _metadata(completion: Completion, provider: str) -> dict[str, Any]:
    raw = completion.raw
    known = {
        **answer_facts(completion),
        "model_provider": provider,
        "model_name": completion.served_model or completion.model,
        "id": raw.get("id"),
        "system_fingerprint": raw.get("system_fingerprint"),
        "service_tier": raw.get("service_tier"),
        "logprobs": answer_logprobs(completion),
        "token_usage": raw.get("usage") or None,
        "reasoning_field": reasoning_of(completion)[0],
    }
    return {name: value for name, value in known.items() if value is not None}


# --- tool calls ----------------------------------------------------------------------------------


def _tool_call(call: Call) -> Any:
    """A call with its arguments read, or one that says why they cannot be."""
    if call.args is not None:
        return tool_call(name=call.name, args=call.args, id=call.id)
    return invalid_tool_call(name=call.name, args=call.arguments, id=call.id, error=call.problem)


def _tool_call_chunk(delta: ToolCallDelta, in_blocks: bool) -> ToolCallChunk:
    # LangChain counts blocks of text from 0, and puts blocks of one number together.
    number = delta.index + _TOOL_BLOCKS if in_blocks else delta.index
    return tool_call_chunk(name=delta.name, args=delta.arguments, id=delta.id, index=number)


def _check_arguments(completion: Completion) -> None:
    for call in completion.tool_calls:
        if error := call.error(completion.finish_reason, route=completion.route):
            error.request_id, error.attempts = completion.request_id, completion.attempts
            raise error


# --- what a provider sends with an answer and wants back --------------------------------------------
#
# It stands in `additional_kwargs`, which checkpoints, stores and JSON keep. `reasoning_content` and
# `reasoning_details` have the names that LangChain's own integrations use. The route that the answer came
# from is in `response_metadata`; the client sends all of this to that route and to no other.

_OTHERS = "provider_fields"
_OF_CALLS = "tool_call_fields"
_REASONING = (*REASONING_TEXTS, REASONING_DETAILS)


def _fields_beside(completion: Completion) -> dict[str, Any]:
    """An answer's provider fields as `additional_kwargs` keep them, but for the text of its reasoning.

    Example:
        >>> from vlm_core import Completion, ToolCall
        >>> call = ToolCall("c1", "look", "{}", {"extra_content": {"google": {"thought_signature": "s"}}})
        >>> _fields_beside(Completion("", tool_calls=(call,)))
        {'tool_call_fields': {'c1': {'extra_content': {'google': {'thought_signature': 's'}}}}}
    """
    fields = completion.provider_fields
    kept_fields = {
        REASONING_DETAILS: fields.get(REASONING_DETAILS),
        _OTHERS: {name: value for name, value in fields.items() if name not in _REASONING},
        _OF_CALLS: tool_call_fields(completion),
    }
    return {name: value for name, value in kept_fields.items() if value}


def provider_fields(message: AIMessage) -> tuple[dict[str, Any], Mapping[str, Mapping[str, Any]]]:
    """The provider fields of a message and of its tool calls by their ids, as the client takes them.

    A message of another integration counts as of the route that its metadata name, and one that a
    program made as of none: what it holds is sent as it is.

    Args:
        message: of the assistant.
    """
    kwargs, route = message.additional_kwargs, _route(message)
    fields = dict(kwargs[_OTHERS]) if isinstance(kwargs.get(_OTHERS), Mapping) else {}
    if kwargs.get(REASONING_DETAILS):
        fields[REASONING_DETAILS] = kwargs[REASONING_DETAILS]
    name = message.response_metadata.get("reasoning_field", REASONING_TEXTS[0])
    if name in REASONING_TEXTS and (text := _reasoning_in(message)):
        fields[name] = text
    calls = kwargs.get(_OF_CALLS)
    return {**fields, **({"route": route} if route else {})}, calls if isinstance(calls, Mapping) else {}


def _route(message: AIMessage) -> str | None:
    metadata = message.response_metadata
    route = metadata.get("route")
    if isinstance(route, str):
        return route
    provider = metadata.get("model_provider")
    return f"{provider}:{metadata.get('model_name', '')}" if provider else None


def _reasoning_in(message: AIMessage) -> str:
    """The text beside the content; else that of its blocks, where it belongs to tool calls."""
    if isinstance(beside := message.additional_kwargs.get(REASONING_TEXTS[0]), str):
        return beside
    if not message.tool_calls or not isinstance(message.content, list):
        return ""
    blocks = (block for block in message.content if isinstance(block, Mapping))
    texts = (block.get("reasoning") for block in blocks if block.get("type") == "reasoning")
    return "".join(text for text in texts if isinstance(text, str))
