"""What an exchange asks of the world. It yields one of these, and is sent what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from vlm_core.catalog.routes import Endpoint
    from vlm_core.flow.concurrency import ConcurrencyLimiter
    from vlm_core.images.encode import Picture
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
