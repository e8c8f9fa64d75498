"""A ReAct agent whose model sees the pictures that its tools return."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llama_index.core.agent.react.formatter import ReActChatFormatter
from llama_index.core.agent.react.types import BaseReasoningStep, ObservationReasoningStep
from llama_index.core.agent.workflow import ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ContentBlock, TextBlock
from llama_index.core.bridge.pydantic import Field
from llama_index.core.memory import BaseMemory
from llama_index.core.tools import BaseTool
from llama_index.core.workflow import Context


class Observation(ObservationReasoningStep):
    """What a tool returned, with what it showed beside its text."""

    shown: list[ContentBlock] = Field(default_factory=list)


class ObservationFormatter(ReActChatFormatter):
    """A formatter that puts what a tool showed behind the tool's text."""

    def format(
        self,
        tools: Sequence[BaseTool],
        chat_history: list[ChatMessage],
        current_reasoning: list[BaseReasoningStep] | None = None,
    ) -> list[ChatMessage]:
        """The conversation and the reasoning so far, as messages."""
        steps = current_reasoning or []
        messages = super().format(tools, chat_history, steps)
        before = len(messages) - len(steps)
        return [*messages[:before], *map(_with_what_was_shown, messages[before:], steps)]


class VLMReActAgent(ReActAgent):
    """LlamaIndex's `ReActAgent`, for models that call no tools but see: theirs shows the model only text.

    Its arguments are those of `ReActAgent`. A formatter of your own must be an `ObservationFormatter`.
    What was shown is sent at each further step of the same run; memory keeps the words.

    Example:
        >>> from llamaindex_vlm import VLM
        >>> model = VLM(model="some-vlm", api_base="http://127.0.0.1:8000/v1", api_key="none")
        >>> VLMReActAgent(llm=model, tools=[]).name
        'Agent'
    """

    formatter: ReActChatFormatter = Field(
        default_factory=lambda fields: ObservationFormatter.from_defaults(
            context=fields.get("system_prompt")
        ),
        description="What makes messages of the reasoning steps and the history.",
    )

    async def handle_tool_call_results(
        self, ctx: Context[Any], results: list[ToolCallResult], memory: BaseMemory
    ) -> None:
        """Keep what each tool showed beside its text."""
        await super().handle_tool_call_results(ctx, results, memory)
        # LlamaIndex has made a step of the text of each result by now, in the order of the results.
        steps: list[BaseReasoningStep] = await ctx.store.get(self.reasoning_key, default=[])
        unpaired = list(results)
        for index, step in enumerate(steps):
            if type(step) is ObservationReasoningStep and unpaired:
                blocks = unpaired.pop(0).tool_output.blocks
                shown: list[ContentBlock] = [block for block in blocks if not isinstance(block, TextBlock)]
                steps[index] = Observation(**step.model_dump(), shown=shown)
        await ctx.store.set(self.reasoning_key, steps)


def _with_what_was_shown(message: ChatMessage, step: BaseReasoningStep) -> ChatMessage:
    if not isinstance(step, Observation) or not step.shown:
        return message
    return ChatMessage(role=message.role, blocks=[*message.blocks, *step.shown])
