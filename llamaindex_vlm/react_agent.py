"""A ReAct agent whose model sees the pictures that its tools return, and whose memory keeps them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Self

from llama_index.core.agent.react.formatter import ReActChatFormatter
from llama_index.core.agent.react.types import (
    BaseReasoningStep,
    ObservationReasoningStep,
    ResponseReasoningStep,
)
from llama_index.core.agent.workflow import AgentOutput, ReActAgent, ToolCallResult
from llama_index.core.base.llms.types import ChatMessage, ContentBlock, ImageBlock, TextBlock
from llama_index.core.bridge.pydantic import Field, model_validator
from llama_index.core.memory import BaseMemory
from llama_index.core.tools import BaseTool
from llama_index.core.workflow import Context

MAX_PICTURES = 8
"""In one request, unless the agent says otherwise."""
_AGAIN = "[This picture is shown again below.]"
_LEFT_OUT = "[A picture was shown here; it is left out, for there are newer ones.]"


class Observation(ObservationReasoningStep):
    """What a tool returned, with what it showed beside its text."""

    shown: list[ContentBlock] = Field(default_factory=list)


class ObservationFormatter(ReActChatFormatter):
    """A formatter that puts what a tool showed behind the tool's text.

    Of the conversation before, each picture is sent once, and the newest ones alone where there are too many.
    """

    max_pictures: int = Field(default=MAX_PICTURES, ge=1, description="Pictures in one request, at most.")

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
        own = list(map(_with_what_was_shown, messages[before:], steps))
        budget = _PictureBudget(self.max_pictures)
        kept = [budget.within(message, is_past=False) for message in reversed(own)]
        kept += [budget.within(message, is_past=True) for message in reversed(messages[:before])]
        return kept[::-1]

    def remembered(self, steps: Sequence[BaseReasoningStep]) -> list[ChatMessage]:
        """Steps of the reasoning as memory keeps them, with what was shown."""
        messages = super().format([], [], list(steps))[1:]
        return list(map(_with_what_was_shown, messages, steps))


class VLMReActAgent(ReActAgent):
    """LlamaIndex's `ReActAgent`, for models that call no tools but see: theirs shows the model only text.

    Its arguments are those of `ReActAgent`, and `max_pictures`: in one request, at most; the newest are sent.
    A formatter of your own must be an `ObservationFormatter`. What tools showed is sent at each further step,
    and with `memory=...` or a `Context` in each later run, where each picture is sent once.

    Example:
        >>> from llamaindex_vlm import VLM
        >>> model = VLM(model="some-vlm", api_base="http://127.0.0.1:8000/v1", api_key="none")
        >>> VLMReActAgent(llm=model, tools=[], max_pictures=2).name
        'Agent'
    """

    formatter: ReActChatFormatter = Field(
        default_factory=lambda fields: ObservationFormatter.from_defaults(
            context=fields.get("system_prompt")
        ),
        description="What makes messages of the reasoning steps and the history.",
    )
    max_pictures: int = Field(default=MAX_PICTURES, ge=1, description="Pictures in one request, at most.")

    @model_validator(mode="after")
    def _with_its_budget(self) -> Self:
        if "max_pictures" in self.model_fields_set and isinstance(self.formatter, ObservationFormatter):
            self.formatter = self.formatter.model_copy(update={"max_pictures": self.max_pictures})
        return self

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

    async def finalize(self, ctx: Context[Any], output: AgentOutput, memory: BaseMemory) -> AgentOutput:
        """Have memory keep what was shown, where LlamaIndex keeps the words of all steps in one message."""
        steps: list[BaseReasoningStep] = await ctx.store.get(self.reasoning_key, default=[])
        is_done = bool(steps) and isinstance(steps[-1], ResponseReasoningStep)
        if (
            is_done
            and any(_shows(step) for step in steps)
            and isinstance(self.formatter, ObservationFormatter)
        ):
            await memory.aput_messages(self.formatter.remembered(steps[:-1]))
            await ctx.store.set(self.reasoning_key, steps[-1:])
        return await super().finalize(ctx, output, memory)


def _shows(step: BaseReasoningStep) -> bool:
    return isinstance(step, Observation) and bool(step.shown)


def _with_what_was_shown(message: ChatMessage, step: BaseReasoningStep) -> ChatMessage:
    if not isinstance(step, Observation) or not step.shown:
        return message
    return ChatMessage(role=message.role, blocks=[*message.blocks, *step.shown])


class _PictureBudget:
    """Counts the pictures of a conversation from its end."""

    def __init__(self, most: int) -> None:
        self._left = most
        self._seen: set[bytes] = set()

    def within(self, message: ChatMessage, *, is_past: bool) -> ChatMessage:
        """A message without the pictures that are too many, or come again behind it.

        Args:
            message: the one before the message that was given last.
            is_past: whether it is of the conversation before. What tools show in this run is all shown.
        """
        if not any(isinstance(block, ImageBlock) for block in message.blocks):
            return message
        blocks = [self._kept(block, is_past) for block in reversed(message.blocks)]
        return message.model_copy(update={"blocks": blocks[::-1]})

    def _kept(self, block: ContentBlock, is_past: bool) -> ContentBlock:
        if not isinstance(block, ImageBlock):
            return block
        picture = _digest(block)
        if is_past and picture in self._seen:
            return TextBlock(text=_AGAIN)
        if not self._left:
            return TextBlock(text=_LEFT_OUT)
        self._left -= 1
        self._seen.add(picture)
        return block


def _digest(block: ImageBlock) -> bytes:
    """What tells a picture from others: where it is, and its bytes where the block has them."""
    image = block.image if isinstance(block.image, bytes) else b""
    return hashlib.sha256(f"{block.path}\n{block.url}\n".encode() + image).digest()
