"""The values of an exchange with a vision model: what it answered, and what it would cost to ask.

All of them are immutable. They are dataclasses, because a streamed answer makes one for each chunk.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from vlm_core.errors import MalformedResponse, OutputTruncated, ResponseError, ToolCallTruncated
from vlm_core.types import Usage


@dataclass(frozen=True)
class EncodedImage:
    """A picture as a provider takes it: the bytes of a file, truly labelled.

    Example:
        >>> EncodedImage(b"GIF89a", "gif", 1, 1).data_uri
        b'data:image/gif;base64,R0lGODlh'
    """

    data: bytes = field(repr=False)
    format: str
    """png, jpeg, webp, gif, bmp, tiff ...: the subtype of its media type."""
    width: int
    height: int
    uri: bytes | None = field(default=None, repr=False, compare=False)
    """Its data URI, where that is known already."""

    @cached_property
    def data_uri(self) -> bytes:
        """The picture as a data URI, in ASCII; made once."""
        if self.uri is not None:
            return self.uri
        return b"data:image/%s;base64,%s" % (self.format.encode(), base64.b64encode(self.data))


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model wants to be called.

    Example:
        >>> call = ToolCall("call_1", "read_image", '{"page": 1}')
        >>> call.name, call.args
        ('read_image', {'page': 1})
        >>> ToolCall("call_2", "read_image", '{"page": ').problem
        'the arguments are not JSON: they end too early'
    """

    id: str
    name: str
    arguments: str
    """JSON as the model wrote it, which may be broken, as `problem` tells; "" where there are none."""
    provider_fields: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What the provider sent with the call and wants back, such as a thought signature."""

    @property
    def args(self) -> dict[str, Any] | None:
        """The arguments as a dict, {} where there are none; None where they are not a JSON object."""
        return self._parsed[0]

    @property
    def problem(self) -> str | None:
        """Why the arguments cannot be used; None where they can. They are never repaired."""
        return self._parsed[1]

    def error(self, finish_reason: str | None, *, route: str | None = None) -> ResponseError | None:
        """The error for arguments that cannot be used; None where they can.

        Args:
            finish_reason: of the answer.
            route: which gave it.

        Example:
            >>> ToolCall("call_2", "read_image", '{"page": ').error("length")
            OutputTruncated('the answer was cut within the arguments of the tool read_image')
        """
        if self.problem is None:
            return None
        is_cut, is_long = self.problem == _CUT, finish_reason == "length"
        if is_cut or is_long:
            words = f"the answer was cut within the arguments of the tool {self.name}"
        else:
            words = f"the tool {self.name} cannot be called: {self.problem}"
        kind: type[ResponseError] = ToolCallTruncated if is_cut else MalformedResponse
        kind = OutputTruncated if is_long else kind
        hint = _ASK_AGAIN if kind is MalformedResponse else ""
        error = kind(f"{route}: {words}" if route else words, hint=hint, route=route)
        error.partial = self.arguments
        return error

    @cached_property
    def _parsed(self) -> tuple[dict[str, Any] | None, str | None]:
        if self.arguments.strip() in ("", "null"):
            return {}, None
        try:
            arguments = json.loads(self.arguments, strict=False)
        except json.JSONDecodeError as error:
            return None, _CUT if _is_at_end(error) else f"the arguments are not JSON: {error}"
        except (ValueError, RecursionError) as error:
            return None, f"the arguments are not JSON: {error}"
        return (
            (arguments, None)
            if isinstance(arguments, dict)
            else (None, "the arguments are not a JSON object")
        )


_CUT = "the arguments are not JSON: they end too early"
_ASK_AGAIN = "Ask again, or use another model; .partial holds what it wrote."


# A literal, number or escape that was cut, or nothing.
_BEGUN = re.compile(r"[\\\w.+-]{0,6}")


def _is_at_end(error: json.JSONDecodeError) -> bool:
    """Whether more text might have made it JSON."""
    rest = error.doc[error.pos :].rstrip()
    return error.msg.startswith("Unterminated string") or _BEGUN.fullmatch(rest) is not None


@dataclass(frozen=True)
class ToolCallDelta:
    """A piece of a tool call in a stream. Pieces with one index belong together."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


@dataclass(frozen=True)
class Delta:
    """A piece of a streamed answer."""

    text: str = ""
    reasoning: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """One request that was sent, and how it ended.

    Example:
        >>> Attempt("novita:qwen/qwen3-vl-8b-instruct", "RateLimited", seconds=0.4).ok
        False
    """

    route: str
    outcome: str = "ok"
    """"ok", or the name of the error."""
    seconds: float = 0.0
    may_be_billed: bool = False
    """Whether an attempt that failed may have been charged for."""
    request_id: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it gave the answer."""
        return self.outcome == "ok"


@dataclass(frozen=True)
class Completion:
    """A whole answer.

    Example:
        >>> answer = Completion("TOTAL 9.00", route="novita:qwen/qwen3-vl-8b-instruct")
        >>> answer.text, answer.provider, answer.model
        ('TOTAL 9.00', 'novita', 'qwen/qwen3-vl-8b-instruct')
    """

    text: str
    finish_reason: str | None = "stop"
    """stop, length, tool_calls or content_filter; what the provider wrote where that is none of them."""
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    """What the model thought aloud; it is never part of the text."""
    refusal: str | None = None
    """The model's own words where it declined."""
    usage: Usage = field(default_factory=Usage)
    route: str = ""
    """The provider and model that were asked, as "provider:model"."""
    served_model: str | None = None
    """The model that the answer names, which may be another one."""
    request_id: str | None = None
    attempts: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """The answer as it came; of a stream, its chunks put together."""
    provider_fields: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What the provider sent with the message and may want back, by its own names: reasoning_content,
    reasoning_details ..."""

    @property
    def message(self) -> dict[str, Any]:
        """The answer as a message for the next turn, plain values that JSON can hold.

        `route` in it says which provider and model gave the answer. What that provider wants back goes
        to this route and to no other; `route` itself is not sent.

        Example:
            >>> Completion("TOTAL 9.00", route="lab:m").message
            {'role': 'assistant', 'content': 'TOTAL 9.00', 'route': 'lab:m'}
        """
        calls = [_as_openai(call) for call in self.tool_calls]
        content = self.text if self.text or not (calls or self.refusal) else None
        more = {"refusal": self.refusal, "tool_calls": calls, **self.provider_fields, "route": self.route}
        return {
            "role": "assistant",
            "content": content,
            **{name: value for name, value in more.items() if value},
        }

    @property
    def provider(self) -> str:
        """The name of the provider that answered."""
        return self.route.partition(":")[0]

    @property
    def model(self) -> str:
        """The model that was asked of it."""
        return self.route.partition(":")[2]


def _as_openai(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments or "{}"}
    return {"id": call.id, "type": "function", "function": function, **call.provider_fields}


# --- what the adapters keep of an answer ------------------------------------------------------------

REASONING_TEXTS = ("reasoning_content", "reasoning")
"""Fields of a message in which providers send what the model thought, as a text."""
REASONING_DETAILS = "reasoning_details"


def answer_facts(completion: Completion) -> dict[str, Any]:
    """What every framework's message tells of an answer, as plain JSON; None where it is not known.

    Example:
        >>> answer_facts(Completion("TOTAL 9.00", route="novita:m"))["finish_reason"]
        'stop'
    """
    return {
        "finish_reason": completion.finish_reason,
        "route": completion.route,
        "request_id": completion.request_id,
        "attempts": [dict(vars(attempt)) for attempt in completion.attempts],
        "cost_usd": completion.usage.cost_usd,
        "warnings": list(completion.warnings),
    }


def answer_logprobs(completion: Completion) -> Any:
    """The `logprobs` of an answer as the provider has them; None where there are none."""
    choices = completion.raw.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    return first.get("logprobs") if isinstance(first, Mapping) else None


def reasoning_of(completion: Completion) -> tuple[str | None, str]:
    """Where an answer's reasoning stood, and its text: to the letter where it goes back to the provider.

    Returns:
        The field of the message, or "content" where it stood within the text and does not go back; None
        where there is none.

    Example:
        >>> reasoning_of(Completion("9.00", reasoning="hm", provider_fields={"reasoning": "hm "}))
        ('reasoning', 'hm ')
    """
    fields = completion.provider_fields
    name = next((name for name in (*REASONING_TEXTS, REASONING_DETAILS) if name in fields), None)
    sent = fields.get(name or "")
    text = sent if isinstance(sent, str) else completion.reasoning
    return name or ("content" if completion.reasoning else None), text


def tool_call_fields(completion: Completion) -> dict[str, dict[str, Any]]:
    """What the provider sent with each tool call and wants back, by the ids of the calls.

    Example:
        >>> tool_call_fields(Completion("", tool_calls=(ToolCall("c1", "look", "{}", {"extra": 1}),)))
        {'c1': {'extra': 1}}
    """
    return {call.id: dict(call.provider_fields) for call in completion.tool_calls if call.provider_fields}


@dataclass(frozen=True)
class Estimate:
    """What a request would take, before it is sent. Each is None where it cannot be known.

    Example:
        >>> Estimate(image_tokens=1260, text_tokens=12).input_tokens
        1272
    """

    route: str = ""
    image_tokens: int | None = None
    text_tokens: int | None = None
    input_cost_usd: float | None = None
    max_output_cost_usd: float | None = None
    """Of an answer as long as max_tokens, or the model's own limit, allows."""
    images: int = 0
    body_bytes: int | None = None
    context_tokens: int | None = None
    unknown: tuple[str, ...] = ()
    """What could not be known, and why."""
    how: tuple[str, ...] = ()
    """How each figure came about, with the source and date of prices."""

    @property
    def input_tokens(self) -> int | None:
        """Text and images together."""
        if self.image_tokens is None or self.text_tokens is None:
            return None
        return self.image_tokens + self.text_tokens

    @property
    def fits(self) -> bool | None:
        """Whether the input leaves room in the model's context."""
        if self.input_tokens is None or self.context_tokens is None:
            return None
        return self.input_tokens < self.context_tokens
