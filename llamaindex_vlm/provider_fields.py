"""What a provider sends with an answer and wants back, on LlamaIndex's messages and off them again.

It stands in the `additional_information` of the message's ThinkingBlock, which memories, `Context` and
JSON keep, and which other LLMs do not send on. The route that the answer came from stands there too; the
client sends all of it to that route and to no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock

from vlm_core import Completion

_TEXTS = ("reasoning_content", "reasoning")
_DETAILS = "reasoning_details"
_CONTENT = "content"
"""Where reasoning stood that came within the text of an answer, and does not go back."""


def thinking_block(completion: Completion) -> ThinkingBlock | None:
    """What a model thought, with what its provider wants back; None where there is nothing of either.

    Example:
        >>> thinking_block(Completion("9.00", reasoning="hm", route="lab:m")).content
        'hm'
    """
    fields = completion.provider_fields
    of_calls = {call.id: dict(call.provider_fields) for call in completion.tool_calls if call.provider_fields}
    if not (completion.reasoning or fields or of_calls):
        return None
    field = next((name for name in (*_TEXTS, _DETAILS) if name in fields), _CONTENT)
    text = fields[field] if field in _TEXTS and isinstance(fields[field], str) else completion.reasoning
    known = {
        "route": completion.route,
        "reasoning_field": field if text else None,
        "provider_fields": {name: value for name, value in fields.items() if name not in _TEXTS},
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
    given = {
        name: message.additional_kwargs[name]
        for name in (*_TEXTS, _DETAILS)
        if message.additional_kwargs.get(name)
    }
    for block in message.blocks:
        if isinstance(block, ThinkingBlock) and "route" in block.additional_information:
            fields, of_calls = _of_answer(block)
            return {**fields, **given}, of_calls
    text = "".join(map(_own_thought, message.blocks))
    if text and not given and _calls_tools(message):
        given = {_TEXTS[0]: text}
    return given, {}


def _of_answer(block: ThinkingBlock) -> tuple[dict[str, Any], Mapping[str, Mapping[str, Any]]]:
    known = block.additional_information
    fields = {**known.get("provider_fields", {}), "route": known["route"]}
    if known.get("reasoning_field") in _TEXTS and block.content:
        fields[known["reasoning_field"]] = block.content
    return fields, known.get("tool_call_fields", {})


def _own_thought(block: Any) -> str:
    """The text of a thought that has nothing of another integration with it, such as a signature."""
    is_own = isinstance(block, ThinkingBlock) and not block.additional_information
    return block.content or "" if is_own else ""


def _calls_tools(message: ChatMessage) -> bool:
    kinds = {block.block_type for block in message.blocks}
    return "tool_call" in kinds or bool(message.additional_kwargs.get("tool_calls"))
