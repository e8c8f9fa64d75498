"""What a page says of a value."""

from __future__ import annotations

from typing import NamedTuple

from vlm_core.evidence.labels import Label
from vlm_core.types import Box
from vlm_core.types.evidence import EvidenceStatus


class Standing(NamedTuple):
    """A place on a page that has to do with a value."""

    status: EvidenceStatus
    text: str = ""
    """What stands there."""
    boxes: tuple[Box, ...] = ()
    """In pixels, one a printed line."""
    agreement: float = 0.0
    """The share of its letters that stand there as they were written."""
    score: float = 0.0
    """How strongly the pixels speak against it, as of `Finding`."""
    label: Label = Label("", ())
    """Of an amount: the words beside it."""
    is_open: bool = False
    """Of a date: whether it may be another one, with day and month the other way round."""

    @property
    def is_found(self) -> bool:
        """Whether it stands there."""
        return self.status in ("exact", "close")
