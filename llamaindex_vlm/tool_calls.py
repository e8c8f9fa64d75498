"""Tools offered to a model, and the calls that it answers with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.utils import parse_partial_json

from llamaindex_vlm.messages import tool_calls_of
from llamaindex_vlm.responses import is_whole
from vlm_core import EmptyOutput, ToolCall
from vlm_core.integration import strict_schema, warn_caller

if TYPE_CHECKING:
    from llama_index.core.tools import BaseTool


def as_openai_tools(tools: Sequence[BaseTool], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Tools as OpenAI describes them.

    Args:
        tools: of any kind.
        strict: whether arguments must follow the schema to the letter; not sent where None, since
            many servers do not know it.
    """
    # The limit of 1,024 characters for a description is OpenAI's alone.
    specs = [tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools]
    for spec in specs if strict is not None else ():
        function = spec["function"]
        closed = {"parameters": strict_schema(function["parameters"], function["name"])} if strict else {}
        spec["function"] = {**function, **closed, "strict": strict}
    return specs


def selections(response: ChatResponse, *, at_least_one: bool = True) -> list[ToolSelection]:
    """The tool calls in an answer, their arguments parsed.

    The arguments of an answer that is still growing are read as far as they go. In a whole answer
    they are a JSON object, or else an error, for a tool must not run on half of its arguments.

    Args:
        response: of any integration.
        at_least_one: whether none at all is an error.

    Raises:
        EmptyOutput: there is none.
        OutputTruncated: the answer ended within arguments, whatever it says of its end; `.partial` holds what
            came of them.
        MalformedResponse: arguments are not a JSON object; `.partial` holds them.

    Example:
        >>> call = ToolCallBlock(tool_call_id="c1", tool_name="look", tool_kwargs='{"page": 1}')
        >>> selections(ChatResponse(message=ChatMessage(role="assistant", blocks=[call])))[0].tool_kwargs
        {'page': 1}
    """
    calls = tool_calls_of(response.message)
    if at_least_one and not calls:
        raise EmptyOutput(
            "the model called no tool",
            hint="Ask for a call with tool_required=True, or use a model that calls tools.",
        )
    return [
        ToolSelection(
            tool_id=call["id"],
            tool_name=call["function"]["name"],
            tool_kwargs=_arguments(call["function"], response),
        )
        for call in calls
    ]


def _arguments(function: Mapping[str, str], response: ChatResponse) -> dict[str, Any]:
    call = ToolCall("", function["name"], function["arguments"])
    if not is_whole(response):
        return call.args if call.args is not None else _as_far_as_it_goes(call.arguments)
    facts = response.additional_kwargs
    if error := call.error(facts["finish_reason"], route=facts.get("route")):
        raise error
    return call.args or {}


def _as_far_as_it_goes(written: str) -> dict[str, Any]:
    try:
        arguments = parse_partial_json(written)
    except (ValueError, RecursionError, IndexError):
        return {}
    return arguments if isinstance(arguments, dict) else {}


def with_one_call(response: ChatResponse) -> ChatResponse:
    """The answer with its first tool call alone, and a warning where there are more."""
    calls = [block for block in response.message.blocks if isinstance(block, ToolCallBlock)]
    if len(calls) < 2:
        return response
    names = ", ".join(call.tool_name for call in calls[1:])
    warn_caller(
        f"The model called {len(calls)} tools at once, and one was allowed: {names} is not called. "
        "Pass allow_parallel_tool_calls=True to allow more.",
    )
    blocks = [block for block in response.message.blocks if block not in calls[1:]]
    # LlamaIndex's agents read the blocks, its structured streams the additional_kwargs.
    extra = {**response.message.additional_kwargs, "tool_calls": tool_calls_of(response.message)[:1]}
    message = ChatMessage(role=response.message.role, blocks=blocks, additional_kwargs=extra)
    return response.model_copy(update={"message": message})
