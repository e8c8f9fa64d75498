"""Answers of the client as LlamaIndex's responses, whole and growing, and what of them goes back."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable, Mapping, Sequence
from contextlib import aclosing, closing
from typing import Any, TypeAlias

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ContentBlock,
    LogProb,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from vlm_core import Completion, Delta, ToolCall, ToolCallDelta
from vlm_core.integration import (
    REASONING_DETAILS,
    REASONING_TEXTS,
    answer_facts,
    answer_logprobs,
    reasoning_of,
    tool_call_fields,
)

Step: TypeAlias = Delta | Completion

# Names by which LlamaIndex looks for tokens.
_COUNTS = (
    *("prompt_tokens", "input_tokens", "prompt_token_count"),
    *("completion_tokens", "output_tokens", "candidates_token_count"),
    "total_tokens",
)


def to_response(completion: Completion) -> ChatResponse:
    """A whole answer.

    `additional_kwargs` hold prompt_tokens, completion_tokens, total_tokens and cost_usd where the
    provider said them, finish_reason, route, attempts, and where there is one the refusal.

    Example:
        >>> response = to_response(Completion("TOTAL 9.00", route="novita:qwen/qwen3-vl-8b-instruct"))
        >>> response.message.content, response.additional_kwargs["finish_reason"]
        ('TOTAL 9.00', 'stop')
    """
    thinking = _thinking_block(completion)
    message = _message(completion.text, thinking, completion.tool_calls, completion.refusal)
    return ChatResponse(
        message=message,
        raw=_raw(completion),
        delta="",
        logprobs=_logprobs(completion),
        additional_kwargs=_facts(completion),
    )


def to_completion_response(response: ChatResponse) -> CompletionResponse:
    """The same answer as the completion of a prompt.

    Example:
        >>> to_completion_response(to_response(Completion("TOTAL 9.00"))).text
        'TOTAL 9.00'
    """
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs={**response.message.additional_kwargs, **response.additional_kwargs},
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def is_whole(response: ChatResponse) -> bool:
    """Whether it is more than the beginning of an answer.

    Example:
        >>> is_whole(to_response(Completion("TOTAL 9.00")))
        True
    """
    return "finish_reason" in response.additional_kwargs


# --- streams -------------------------------------------------------------------------------------


def growing(steps: Generator[Step, None, None]) -> Generator[ChatResponse, None, None]:
    """The answer so far, each time that a piece of it comes, and the whole one at last."""
    answer = _GrowingAnswer()
    with closing(steps):
        for step in steps:
            yield answer.with_step(step)


async def agrowing(steps: AsyncGenerator[Step, None]) -> AsyncGenerator[ChatResponse, None]:
    """As `growing`, on an event loop."""
    answer = _GrowingAnswer()
    async with aclosing(steps):
        async for step in steps:
            yield answer.with_step(step)


class _GrowingAnswer:
    def __init__(self) -> None:
        self._text = ""
        self._reasoning = ""
        self._calls: dict[int, ToolCall] = {}

    def with_step(self, step: Step) -> ChatResponse:
        if isinstance(step, Completion):
            return to_response(step)
        self._text += step.text
        self._reasoning += step.reasoning
        for piece in step.tool_calls:
            self._calls[piece.index] = _grown(self._calls.get(piece.index), piece)
        thinking = ThinkingBlock(content=self._reasoning) if self._reasoning else None
        return ChatResponse(
            message=_message(self._text, thinking, self._calls.values()),
            delta=step.text,
            additional_kwargs={"thinking_delta": step.reasoning} if step.reasoning else {},
        )


def _grown(call: ToolCall | None, piece: ToolCallDelta) -> ToolCall:
    call = call or ToolCall("", "", "")
    return ToolCall(
        call.id + (piece.id or ""), call.name + (piece.name or ""), call.arguments + piece.arguments
    )


# --- what is in a response -----------------------------------------------------------------------


def _message(
    text: str,
    thinking: ThinkingBlock | None,
    calls: Iterable[ToolCall] = (),
    refusal: str | None = None,
) -> ChatMessage:
    calls = list(calls)
    blocks: list[ContentBlock] = [thinking] if thinking else []
    if text or not (calls or refusal):
        blocks.append(TextBlock(text=text))
    blocks += [
        ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=call.arguments) for call in calls
    ]
    # The blocks say it too, but structured streams of LlamaIndex look here for tool calls.
    fields = {"tool_calls": [_as_openai(call) for call in calls], "refusal": refusal}
    extra = {name: value for name, value in fields.items() if value}
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra)


def _as_openai(call: ToolCall) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}


def _facts(completion: Completion) -> dict[str, Any]:
    usage = completion.usage
    known = {
        **_counts(completion),
        "image_tokens": usage.image_tokens,
        "cached_tokens": usage.cached_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "refusal": completion.refusal,
        "served_model": completion.served_model,
        **answer_facts(completion),
        "warnings": list(completion.warnings) or None,
    }
    # `is_whole` and the callers' code rely on these, even where a provider says no reason.
    always = ("finish_reason", "route", "attempts")
    return {name: value for name, value in known.items() if value is not None or name in always}


def _counts(completion: Completion) -> dict[str, int | None]:
    counts = completion.usage.input_tokens, completion.usage.output_tokens
    total = sum(filter(None, counts)) if None not in counts else None
    return {"prompt_tokens": counts[0], "completion_tokens": counts[1], "total_tokens": total}


def _raw(completion: Completion) -> dict[str, Any]:
    """The answer as it came, but for counts that are none, over which token counters would stumble."""
    raw = dict(completion.raw)
    if "usage" in raw:
        usage = raw["usage"] if isinstance(raw["usage"], Mapping) else {}
        others = {name: value for name, value in usage.items() if name not in _COUNTS}
        known = {name: count for name, count in _counts(completion).items() if count is not None}
        raw["usage"] = {**others, **known}
    return raw


def _logprobs(completion: Completion) -> list[list[LogProb]] | None:
    """For each token its likeliest alternatives, or itself where no others were asked for.

    None where there are none, or not as OpenAI has them; `raw` holds what came.
    """
    try:
        tokens = answer_logprobs(completion)["content"]
        return [_alternatives(token.get("top_logprobs") or [token]) for token in tokens] or None
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return None


def _alternatives(tokens: Sequence[Mapping[str, Any]]) -> list[LogProb]:
    return [
        LogProb(token=token["token"], logprob=token["logprob"], bytes=token.get("bytes") or [])
        for token in tokens
    ]


# --- what a provider sends with an answer and wants back --------------------------------------------
#
# It stands in the `additional_information` of the message's ThinkingBlock, which memories, `Context` and
# JSON keep, and which other LLMs do not send on. The route that the answer came from stands there too; the
# client sends all of it to that route and to no other.


def _thinking_block(completion: Completion) -> ThinkingBlock | None:
    """What a model thought, with what its provider wants back; None where there is nothing of either.

    Example:
        >>> _thinking_block(Completion("9.00", reasoning="hm", route="lab:m")).content
        'hm'
    """
    fields, of_calls = completion.provider_fields, tool_call_fields(completion)
    if not (completion.reasoning or fields or of_calls):
        return None
    field, text = reasoning_of(completion)
    known = {
        "route": completion.route,
        "reasoning_field": (field or "content") if text else None,
        "provider_fields": {name: value for name, value in fields.items() if name not in REASONING_TEXTS},
        "tool_call_fields": of_calls,
    }
    return ThinkingBlock(
        content=text or None, additional_information={name: value for name, value in known.items() if value}
    )


def provider_fields(message: ChatMessage) -> tuple[dict[str, Any], Mapping[str, Mapping[str, Any]]]:
    """The provider fields of a message and of its tool calls by their ids, as the client takes them.

    A message without a route is the program's own. Its `additional_kwargs` may hold `reasoning_content` and
    `reasoning_details`; the text of its ThinkingBlocks counts where the message calls tools.

    Args:
        message: of the assistant.
    """
    own = {
        name: message.additional_kwargs[name]
        for name in (*REASONING_TEXTS, REASONING_DETAILS)
        if message.additional_kwargs.get(name)
    }
    for block in message.blocks:
        if isinstance(block, ThinkingBlock) and "route" in block.additional_information:
            fields, of_calls = _of_answer(block)
            return {**fields, **own}, of_calls
    # Thoughts that have nothing of another integration with them, such as a signature.
    thoughts = [
        block.content or ""
        for block in message.blocks
        if isinstance(block, ThinkingBlock) and not block.additional_information
    ]
    calls_tools = message.additional_kwargs.get("tool_calls") or any(
        block.block_type == "tool_call" for block in message.blocks
    )
    if any(thoughts) and calls_tools and not own:
        own = {REASONING_TEXTS[0]: "".join(thoughts)}
    return own, {}


def _of_answer(block: ThinkingBlock) -> tuple[dict[str, Any], Mapping[str, Mapping[str, Any]]]:
    known = block.additional_information
    fields = {**known.get("provider_fields", {}), "route": known["route"]}
    if known.get("reasoning_field") in REASONING_TEXTS and block.content:
        fields[known["reasoning_field"]] = block.content
    return fields, known.get("tool_call_fields", {})
