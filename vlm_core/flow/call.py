"""One call: what is asked and within which limits, and what it asks of the world, as effects.

An exchange yields an effect, and is sent what came of it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from vlm_core.completion import Completion, Delta
from vlm_core.errors import DeadlineExceeded
from vlm_core.flow.message_images import Message, read_messages
from vlm_core.wire.endpoint_messages import ToolImages

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint
    from vlm_core.flow.concurrency import ConcurrencyLimiter
    from vlm_core.images.encode import Picture
    from vlm_core.secret import Secret
    from vlm_core.wire.transport import RawResponse, Timeouts


@dataclass(frozen=True)
class FitImages:
    """Read the pictures and make them fit the endpoint. Reply: the encoded pages of each."""

    pictures: Sequence[Picture]
    endpoint: Endpoint
    text_bytes: int


@dataclass(frozen=True)
class SendRequest:
    """Send a request. Reply: an Answer whose head has come."""

    endpoint: Endpoint
    body: bytes = field(repr=False)
    timeouts: Timeouts


@dataclass(frozen=True)
class ReadBody:
    """Read on. Reply: the next bytes of the body, none at its end."""

    answer: RawResponse
    seconds: float | None = None
    """At most so long, where that is less than the answer's own timeouts."""


@dataclass(frozen=True)
class CloseResponse:
    """Close an answer that was read and understood whole. Reply: None."""

    answer: RawResponse
    has_rest: bool = False
    """Something that does not matter may still come; read, the connection can be used again."""


@dataclass(frozen=True)
class Sleep:
    """Let time go by. Reply: None."""

    seconds: float


@dataclass(frozen=True)
class AcquireSlot:
    """Wait for a place among the calls that a route gets at once. Reply: whether there was one."""

    gate: ConcurrencyLimiter
    seconds: float
    is_patient: bool = True
    """Whether to wait even where the route takes fewer calls than it did."""


Effect: TypeAlias = FitImages | SendRequest | ReadBody | CloseResponse | Sleep | AcquireSlot
Exchange: TypeAlias = Generator[Effect | Delta, Any, Completion]
Clock: TypeAlias = Callable[[], float]
"""Seconds, from any beginning."""


@dataclass(frozen=True)
class CallLimits:
    """How long a call may take, how often it is tried, and how much it may answer."""

    timeout: float = 600.0
    """Seconds for the whole call, with all attempts and waits."""
    first_token_timeout: float | None = None
    """Seconds until a streamed answer begins; None: 10 where another route can be asked, else all."""
    idle_timeout: float = 60.0
    """Seconds between two pieces of a streamed answer."""
    max_attempts: int = 3
    """On each route."""
    max_answer_bytes: int = 2**26


@dataclass(frozen=True)
class PerRoute:
    """A question asked of each route in its own words, as models trained on a prompt of theirs want it.

    Args:
        ask: gives the messages and options for an endpoint.
        fallback_first: whether another route is asked before a wait for this one. A job wants all its pages
            soon, a chat the route that it prefers.
        watch: makes a function for each streamed answer, which gets every delta. Once it gives a
            finish_reason, the answer is broken off, and ends with that.
    """

    ask: Callable[[Endpoint], tuple[Sequence[Mapping[str, Any]], Mapping[str, Any]]]
    fallback_first: bool = False
    watch: Callable[[], Callable[[Delta], str | None]] | None = None


@dataclass(frozen=True)
class ChatCall:
    """One question, with all that decides how it is asked."""

    messages: Sequence[Message] = field(repr=False)
    """As `read_messages` gives them."""
    options: Mapping[str, Any]
    endpoint: Endpoint
    stream: bool = False
    limits: CallLimits = CallLimits()
    tool_images: ToolImages = "user_message"
    allow_private_urls: bool = False
    max_pages: int | None = None
    per_route: PerRoute | None = None
    """Where it is set, messages and options are those for the endpoint."""
    extra_headers: Mapping[str, Secret] = field(default_factory=dict)
    """Sent with this call to its first route, and to no other: they may hold a key."""
    keys: Mapping[int, Secret | None] = field(default_factory=dict, repr=False)
    """By the id() of an endpoint, as they were looked up for this call."""

    @property
    def fallback_first(self) -> bool:
        """Whether another route is asked before a wait for this one."""
        return self.per_route is not None and self.per_route.fallback_first

    def of(self, endpoint: Endpoint) -> ChatCall:
        """The same question for another route, with the key and the headers for it."""
        if id(endpoint) in self.keys:
            endpoint = replace(endpoint, api_key=self.keys[id(endpoint)])
        if self.extra_headers and endpoint.route == self.endpoint.route:
            endpoint = replace(endpoint, extra_headers=self.extra_headers)
        if self.per_route is None:
            return replace(self, endpoint=endpoint)
        messages, options = self.per_route.ask(endpoint)
        return replace(
            self,
            endpoint=endpoint,
            messages=read_messages(messages, allow_private_urls=self.allow_private_urls),
            options={**self.options, **options},
        )


@dataclass(frozen=True)
class Deadline:
    """The time that a call has."""

    clock: Clock
    end: float

    def left(self) -> float:
        """Seconds that remain."""
        return self.end - self.clock()

    def check(self, route: str) -> None:
        """Raise where no time is left.

        Raises:
            DeadlineExceeded: the time is over.
        """
        if self.left() <= 0:
            raise DeadlineExceeded(f"{route}: the time was over before the answer was whole", route=route)
