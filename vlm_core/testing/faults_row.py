"""The shape of a fault: what the server does, the function that does it, and what may be set."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from vlm_core.errors import ConfigError
from vlm_core.option_names import did_you_mean
from vlm_core.testing.connection import Connection
from vlm_core.testing.seen import Seen
from vlm_core.testing.valid_responses import TEXT

Act: TypeAlias = Callable[..., None]
"""Gets the request, the connection, and the settings by name."""


@dataclass(frozen=True)
class Fault:
    """One way in which a provider, or what lies before it, goes wrong. It is a reply like any other.

    Example:
        >>> def hang_up(seen, connection, seconds):
        ...     connection.wait(seconds)
        ...     connection.reset()
        >>> fault = Fault(2, "Breaks off after a while.", hang_up, {"seconds": 1.0})
        >>> fault.but(seconds=0.2).settings
        {'seconds': 0.2}
    """

    number: int
    """Which of the catalogue it is; one that has several forms goes by several names."""
    does: str
    """What the server does, in a sentence."""
    act: Act = field(repr=False)
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What may be set, with its defaults."""

    def but(self, **settings: Any) -> Fault:
        """The same fault with other settings.

        Raises:
            ConfigError: it has none of this name.
        """
        for name in settings:
            if name not in self.settings:
                raise unknown("This fault has no setting", name, self.settings)
        return replace(self, settings={**self.settings, **settings})

    def send(self, seen: Seen, connection: Connection) -> None:
        """Do it."""
        self.act(seen, connection, **self.settings)


def fault(number: int, does: str, act: Act, **settings: Any) -> Fault:
    """A row of the table.

    Args:
        number: which of the catalogue it is.
        does: what the server does.
        act: the function that does it.
        settings: what may be set, with its defaults.
    """
    return Fault(number, does, act, settings)


def spoiled(number: int, does: str, act: Act, text: str = TEXT, **settings: Any) -> Fault:
    """A row whose answer would be sound, were it not for the fault; its text may be set.

    Args:
        number: as for `fault`, as are the others.
        text: what the model says.
    """
    return Fault(number, does, act, {"text": text, **settings})


def unknown(what: str, name: str, known: Collection[str]) -> ConfigError:
    """The error for a name that is not among the known ones.

    Example:
        >>> print(unknown("There is no fault", "refusl", ["refusal", "stalls"]))
        There is no fault refusl. Did you mean refusal?
    """
    hint = did_you_mean(name, known, most=3) or f"There are: {', '.join(known) or 'none'}."
    return ConfigError(f"{what} {name}", hint=hint)
