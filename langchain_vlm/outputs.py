"""The client's answers as LangChain's messages and chunks."""

from __future__ import annotations

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

from langchain_vlm.provider_fields import fields_beside, reasoning_field

if TYPE_CHECKING:
    from vlm_core import Completion, Delta, ToolCallDelta, Usage
    from vlm_core import ToolCall as Call

__all__ = ["as_chunk", "as_last_chunk", "as_message", "usage_metadata"]

_HAS_REFUSALS = "refusal" in KNOWN_BLOCK_TYPES  # since core 1.7.5
_TOOL_BLOCKS = 1000
"""The number of the first tool call among blocks."""


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
            **_beside(_reasoning(completion), completion.refusal),
            **fields_beside(completion),
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
        additional_kwargs={**_beside("", completion.refusal), **fields_beside(completion)},
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
    found = UsageMetadata(input_tokens=read, output_tokens=written, total_tokens=read + written)
    inputs = {"cache_read": usage.cached_tokens, "image": usage.image_tokens}
    if of_input := {name: count for name, count in inputs.items() if count is not None}:
        found["input_token_details"] = InputTokenDetails(**of_input)  # type: ignore[typeddict-item]
    if usage.reasoning_tokens is not None:
        found["output_token_details"] = OutputTokenDetails(reasoning=usage.reasoning_tokens)
    return found


def _content(text: str, refusal: str | None, in_blocks: bool) -> str | list[str | dict[Any, Any]]:
    """The text, and behind it a refusal where LangChain has blocks for these."""
    if not (refusal and in_blocks and _HAS_REFUSALS):
        return text
    said: list[str | dict[Any, Any]] = [{"type": "text", "text": text}] if text else []
    return [*said, {"type": "refusal", "refusal": refusal}]


def _beside(reasoning: str, refusal: str | None) -> dict[str, Any]:
    """What LangChain keeps beside the content; it shows reasoning as a block of its own."""
    found = {"reasoning_content": reasoning, "refusal": refusal}
    return {name: text for name, text in found.items() if text}


def _reasoning(completion: Completion) -> str:
    """What the model thought, to the letter where it goes back."""
    sent = completion.provider_fields.get(reasoning_field(completion) or "")
    return sent if isinstance(sent, str) else completion.reasoning


def _metadata(completion: Completion, provider: str) -> dict[str, Any]:
    raw = completion.raw
    found = {
        "model_provider": provider,
        "model_name": completion.served_model or completion.model,
        "finish_reason": completion.finish_reason,
        "id": raw.get("id"),
        "request_id": completion.request_id,
        "system_fingerprint": raw.get("system_fingerprint"),
        "service_tier": raw.get("service_tier"),
        "logprobs": _logprobs(raw),
        "token_usage": raw.get("usage") or None,
        "route": completion.route,
        "reasoning_field": reasoning_field(completion),
        "attempts": [dict(vars(attempt)) for attempt in completion.attempts],
        "cost_usd": completion.usage.cost_usd,
        "warnings": list(completion.warnings),
    }
    return {name: value for name, value in found.items() if value is not None}


def _logprobs(raw: Any) -> Any:
    choices = raw.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("logprobs") if isinstance(first, dict) else None


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
