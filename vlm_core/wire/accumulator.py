"""One answer, put together from its chunks; an answer that came whole is one chunk."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from vlm_core.completion import Delta, ToolCallDelta
from vlm_core.errors import MalformedResponse
from vlm_core.types import Usage
from vlm_core.wire.content_decoder import ContentDecoder, joined, reasoning_in
from vlm_core.wire.provider_fields import ProviderFields
from vlm_core.wire.request import ResponseOptions
from vlm_core.wire.tool_calls import CALL_FIELDS, ToolCallAccumulator

_COUNTS = {
    "input_tokens": ("prompt_tokens", "input_tokens"),
    "output_tokens": ("completion_tokens", "output_tokens"),
}
_DETAILS = {
    "image_tokens": ("prompt_tokens_details", "input_tokens_details"),
    "cached_tokens": ("prompt_tokens_details", "input_tokens_details"),
    "reasoning_tokens": ("completion_tokens_details", "output_tokens_details"),
}
_COSTS = ("cost", "estimated_cost")


class CompletionAccumulator:
    """Takes the chunks of an answer, gives what each adds, and keeps the sum.

    Args:
        reading: how the answer is to be read.
        whole: whether it comes as one chunk, so that nothing needs to be given out early.

    Example:
        >>> gatherer = CompletionAccumulator(ResponseOptions())
        >>> gatherer.add({"choices": [{"delta": {"content": "TOTAL"}, "finish_reason": None}]})
        Delta(text='TOTAL', reasoning='', tool_calls=())
        >>> gatherer.add({"choices": [{"delta": {"content": " 9.00"}, "finish_reason": "stop"}]}).text
        ' 9.00'
        >>> gatherer.text, gatherer.finish_word
        ('TOTAL 9.00', 'stop')
    """

    def __init__(self, reading: ResponseOptions, *, whole: bool = False) -> None:
        self.finish_word: str | None = None
        """Why the answer ended, in the server's word."""
        self.is_cut_short = False
        """Whether it was broken off here, before its end."""
        self.usage: dict[str, Any] = {}
        self.head: Mapping[str, Any] = {}
        """The first chunk."""
        self.inner_error: object = None
        """What the server wrote into the choice as an error."""
        self.logprobs: list[Any] = []
        self.tools = ToolCallAccumulator(
            reading.unwrap_tool, offered=reading.offered, kept=CALL_FIELDS | reading.returned_fields
        )
        self.provider_fields = ProviderFields(reading.returned_fields)
        self._whole = whole
        self._speech = ContentDecoder(hold=whole or reading.may_think, strip_fence=reading.strip_fence)
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []

    @property
    def text(self) -> str:
        """All text that was given out."""
        return "".join(self._text)

    @property
    def reasoning(self) -> str:
        """All that the model thought, without blanks around it."""
        return joined("".join(self._reasoning)).strip()

    @property
    def refusal(self) -> str | None:
        """The words with which the model declined."""
        return joined("".join(self._refusal)) or None

    def add(self, chunk: Mapping[str, Any]) -> Delta | None:
        """What a chunk adds; None where that is nothing to show.

        Raises:
            MalformedResponse: it is not shaped like one.
        """
        if not self.head:
            self.head = chunk
            self.tools.answer_id = _string(chunk.get("id"))
        if chunk.get("usage"):
            self.usage = later_usage(self.usage, chunk["usage"])
        choices = chunk.get("choices")
        if not choices:
            return None
        choice = choices[0] if isinstance(choices, list) else None
        if not isinstance(choice, dict):
            raise MalformedResponse("A choice of the answer is not an object")
        message = self._message(choice)
        # Nearly every chunk holds a piece of content and nothing else: the rest is not looked for in those.
        has_more = len(message) > 1 or "content" not in message
        text, reasoning = self._text_and_thought(message, reasoning_in(message) if has_more else "")
        calls: Sequence[ToolCallDelta] = ()
        if has_more:
            self.provider_fields.add(message)
            calls, unwrapped = self._tool_calls(message)
            text += unwrapped
        # What was held back as a possible thought is certain once a reason for the end has come.
        if choice.get("finish_reason") or choice.get("logprobs"):
            last_text, last_reasoning, last_calls = self._ending(choice)
            text, reasoning = text + last_text, reasoning + last_reasoning
            calls = (*calls, *last_calls)
        return self._delta(text, reasoning, calls)

    def end(self) -> Delta | None:
        """What was held back, once nothing more comes."""
        return self._delta(*self._held())

    def _held(self) -> tuple[str, str, Sequence[ToolCallDelta]]:
        calls, unwrapped = self.tools.flush()
        text, reasoning = self._speech.end()
        return unwrapped + text, reasoning, calls

    def _message(self, choice: dict[str, Any]) -> dict[str, Any]:
        """The piece of a message in a choice. Some servers end a stream with all of it once more."""
        message = choice.get("delta")
        if message is None and not (self._text or self._reasoning):
            message = choice.get("message")
        if isinstance(message, dict):
            return message
        if message is not None or self._whole:
            raise MalformedResponse("A choice of the answer holds no message")
        return {}

    def _text_and_thought(self, message: dict[str, Any], reasoning: str) -> tuple[str, str]:
        """Text and thought of a piece of a message."""
        if reasoning:
            self._speech.release()
        content = message.get("content")
        if content is None:
            return "", reasoning
        text, thought = self._speech.feed(content)
        return text, reasoning + thought

    def _tool_calls(self, message: dict[str, Any]) -> tuple[Sequence[ToolCallDelta], str]:
        """Pieces of tool calls, and text where a tool's arguments are the answer."""
        refusal = message.get("refusal")
        if refusal and isinstance(refusal, str):
            self._refusal.append(refusal)
        pieces = message.get("tool_calls")
        if not pieces and message.get("function_call"):
            pieces = [{"index": 0, "function": message["function_call"]}]
        return self.tools.add(pieces, whole=self._whole) if pieces else ((), "")

    def _ending(self, choice: dict[str, Any]) -> tuple[str, str, Sequence[ToolCallDelta]]:
        """Note why the answer ends, and how sure its tokens are; give what was held back till then."""
        logprobs = choice.get("logprobs")
        if isinstance(logprobs, dict) and isinstance(logprobs.get("content"), list):
            self.logprobs += logprobs["content"]
        word = choice.get("finish_reason")
        if not isinstance(word, str) or not word:
            return "", "", ()
        self.finish_word = word
        self.inner_error = choice.get("error")
        return self._held()

    def _delta(self, text: str, reasoning: str, calls: Sequence[ToolCallDelta]) -> Delta | None:
        if text:
            self._text.append(text)
        if reasoning:
            self._reasoning.append(reasoning)
        return Delta(text, reasoning, tuple(calls)) if text or reasoning or calls else None


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def later_usage(earlier: Mapping[str, Any], later: object) -> dict[str, Any]:
    """The usage of a stream so far. What comes last counts, but a zero or null never takes a figure away.

    Servers repeat the running totals in each chunk, or send zeros with keep-alives; nothing is summed.

    Example:
        >>> later_usage({"prompt_tokens": 9}, {"prompt_tokens": 0, "completion_tokens": 2})
        {'prompt_tokens': 9, 'completion_tokens': 2}
    """
    new = later if isinstance(later, Mapping) else {}
    return {**earlier, **{name: value for name, value in new.items() if value or name not in earlier}}


def read_usage(usage: Mapping[str, Any]) -> Usage:
    """Tokens and cost of an answer; None for what the provider did not say.

    Args:
        usage: the answer's `usage`.

    Example:
        >>> read_usage({"prompt_tokens": 120, "completion_tokens": 8, "estimated_cost": 0.0001}).cost_usd
        0.0001
    """
    found = {field: _count(usage, names) for field, names in _COUNTS.items()}
    for field, holders in _DETAILS.items():
        details = [usage[name] for name in holders if isinstance(usage.get(name), Mapping)]
        found[field] = _count(details[0], (field,)) if details else None
    costs = (usage.get(name) for name in _COSTS)
    return Usage(**found, cost_usd=next((cost for cost in costs if _is_figure(cost)), None))


def _count(holder: Mapping[str, Any], names: tuple[str, ...]) -> int | None:
    return next((int(holder[name]) for name in names if _is_figure(holder.get(name))), None)


def _is_figure(value: object) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0  # type: ignore[arg-type, operator]
