"""The values of an exchange with a vision model: what it answered, and what it would cost to ask.

All of them are immutable. They are dataclasses, because a streamed answer makes one for each chunk.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

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
        >>> ToolCall("call_1", "read_image", '{"page": 1}').name
        'read_image'
    """

    id: str
    name: str
    arguments: str
    """JSON as the model wrote it, which may be broken."""


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

    @property
    def provider(self) -> str:
        """The name of the provider that answered."""
        return self.route.partition(":")[0]

    @property
    def model(self) -> str:
        """The model that was asked of it."""
        return self.route.partition(":")[2]


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
