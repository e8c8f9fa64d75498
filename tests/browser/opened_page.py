"""A page that is open in the browser."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Opened:
    """A page in the browser, with all that went wrong in it."""

    page: Any
    problems: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def press(self, keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)


Open = Callable[..., Opened]
