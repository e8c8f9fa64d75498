"""What a provider sends with an answer and wants back, on LangChain's messages and off them again.

It stands in `additional_kwargs`, which checkpoints, stores and JSON keep. `reasoning_content` and
`reasoning_details` have the names that LangChain's own integrations use. The route that the answer came
from is in `response_metadata`; the client sends all of this to that route and to no other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from vlm_core import Completion

__all__ = ["fields_beside", "provider_fields", "reasoning_field"]

_TEXTS = ("reasoning_content", "reasoning")
_DETAILS = "reasoning_details"
_OTHERS = "provider_fields"
_OF_CALLS = "tool_call_fields"


def reasoning_field(completion: Completion) -> str | None:
    """Where an answer's reasoning stood: a field of the message, or its content; None where there is none.

    Example:
        >>> from vlm_core import Completion
        >>> reasoning_field(Completion("9.00", reasoning="hm", provider_fields={"reasoning": "hm"}))
        'reasoning'
    """
    fields = completion.provider_fields
    found = next((name for name in (*_TEXTS, _DETAILS) if name in fields), None)
    return found or ("content" if completion.reasoning else None)


def fields_beside(completion: Completion) -> dict[str, Any]:
    """An answer's provider fields as `additional_kwargs` keep them, but for the text of its reasoning.

    Example:
        >>> from vlm_core import Completion, ToolCall
        >>> call = ToolCall("c1", "look", "{}", {"extra_content": {"google": {"thought_signature": "s"}}})
        >>> fields_beside(Completion("", tool_calls=(call,)))
        {'tool_call_fields': {'c1': {'extra_content': {'google': {'thought_signature': 's'}}}}}
    """
    fields = completion.provider_fields
    found = {
        _DETAILS: fields.get(_DETAILS),
        _OTHERS: {name: value for name, value in fields.items() if name not in (*_TEXTS, _DETAILS)},
        _OF_CALLS: {
            call.id: dict(call.provider_fields) for call in completion.tool_calls if call.provider_fields
        },
    }
    return {name: value for name, value in found.items() if value}


def provider_fields(message: AIMessage) -> tuple[dict[str, Any], Mapping[str, Mapping[str, Any]]]:
    """The provider fields of a message and of its tool calls by their ids, as the client takes them.

    A message of another integration counts as of the route that its metadata name, and one that a
    program made as of none: what it holds is sent as it is.

    Args:
        message: of the assistant.
    """
    kwargs, route = message.additional_kwargs, _route(message)
    fields = dict(kwargs[_OTHERS]) if isinstance(kwargs.get(_OTHERS), Mapping) else {}
    if kwargs.get(_DETAILS):
        fields[_DETAILS] = kwargs[_DETAILS]
    name = message.response_metadata.get("reasoning_field", _TEXTS[0])
    if name in _TEXTS and (text := _reasoning(message)):
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


def _reasoning(message: AIMessage) -> str:
    """The text beside the content; else that of its blocks, where it belongs to tool calls."""
    if isinstance(beside := message.additional_kwargs.get(_TEXTS[0]), str):
        return beside
    if not message.tool_calls or not isinstance(message.content, list):
        return ""
    blocks = (block for block in message.content if isinstance(block, Mapping))
    texts = (block.get("reasoning") for block in blocks if block.get("type") == "reasoning")
    return "".join(text for text in texts if isinstance(text, str))
