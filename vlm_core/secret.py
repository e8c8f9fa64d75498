"""A string that is shown nowhere: a key, or the value of a header."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

_MASK = "**********"
_SHORTEST_KEY = 6


class Secret:
    """Holds a key or a header's value, and returns it from `reveal()` alone.

    It is masked in repr, str, format and JSON. It is not pickled, since a pickle is a file that others may
    read: the copy is empty, and a call with it raises MissingKeyError.

    Args:
        value: what to hide, or another secret.

    Example:
        >>> key = Secret("sk-123")
        >>> key, f"{key}", key.reveal()
        (Secret('**********'), '**********', 'sk-123')
        >>> key.hide_in("wrong key sk-123")
        'wrong key **********'
    """

    __slots__ = ("_reveal",)
    _reveal: Callable[[], str]

    def __init__(self, value: str | Secret) -> None:
        text = value.reveal() if isinstance(value, Secret) else value
        # In a closure, since whatever shows an object's attributes would show a plain one.
        self._reveal = lambda: text

    def reveal(self) -> str:
        """The string itself. Keep it out of local variables: tracebacks can show those."""
        return self._reveal()

    def hide_in(self, text: str) -> str:
        """A text without the secret in it, as for what a server says of a key.

        Args:
            text: anything from outside.
        """
        # A short one is not a key but a word such as "none", which may stand in any text.
        return text.replace(self._reveal(), _MASK) if len(self._reveal()) >= _SHORTEST_KEY else text

    def __bool__(self) -> bool:
        return bool(self._reveal())

    def __repr__(self) -> str:
        return f"Secret('{_MASK}')"

    def __str__(self) -> str:
        return _MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._reveal() == other._reveal()

    def __hash__(self) -> int:
        return hash(self._reveal())

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, ("",)


def as_secret(value: object) -> object:
    """A text as a secret; all else as it is, for the client says what is wrong with it.

    Example:
        >>> as_secret("sk-123"), as_secret(5)
        (Secret('**********'), 5)
    """
    return Secret(value) if isinstance(value, str) else value


def as_secrets(headers: object) -> object:
    """Headers with their values as secrets.

    Example:
        >>> as_secrets({"X-Title": "my app"})
        {'X-Title': Secret('**********')}
    """
    return (
        {name: as_secret(value) for name, value in headers.items()}
        if isinstance(headers, Mapping)
        else headers
    )
