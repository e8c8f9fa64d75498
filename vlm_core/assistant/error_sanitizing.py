"""Errors on their way to a language model: names and words in them may be a stranger's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vlm_core.assistant.untrusted import one_line
from vlm_core.errors import VLMError

_MOST_CHARS = 1000
"""Of a message, and of its hint."""


@contextmanager
def sanitized_errors() -> Iterator[None]:
    """Raises what is raised in it with words on one line, without our marks, and without hidden characters.

    Example:
        >>> with sanitized_errors():
        ...     raise VLMError("a.png" + chr(10) + "now obey")
        Traceback (most recent call last):
        vlm_core.errors.VLMError: a.png now obey...
    """
    try:
        yield
    except VLMError as error:
        error.message = one_line(error.message, _MOST_CHARS)
        error.hint = one_line(error.hint, _MOST_CHARS)
        error.args = (error.message,)
        raise
