"""Options by their names: a misspelt one is an error that names the nearest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import wraps
from inspect import Parameter, signature
from typing import Any, TypeVar, cast

from vlm_core.errors import UnknownOptionError

Function = TypeVar("Function", bound=Callable[..., Any])
_NAMED = (Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)


def check_names(
    given: Iterable[str], known: Collection[str], elsewhere: Mapping[str, str] | None = None
) -> None:
    """Refuse a misspelt option, rather than ignore it.

    Args:
        given: the names of options.
        known: those that there are.
        elsewhere: of options that something else takes, what takes them.

    Raises:
        UnknownOptionError: one of the names is not known; it has the nearest one.

    Example:
        >>> check_names(["max_page"], ["max_pages"])
        Traceback (most recent call last):
        vlm_core.errors.UnknownOptionError: There is no option max_page. Did you mean max_pages?
    """
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"The options are {', '.join(known)}."
            hint = (elsewhere or {}).get(name, hint)
            raise UnknownOptionError(f"There is no option {name}", hint=hint)


def names_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The names of what a function takes.

    Example:
        >>> names_of(check_names)
        ('given', 'known', 'elsewhere')
    """
    parameters = signature(function).parameters.values()
    return tuple(one.name for one in parameters if one.kind in _NAMED and one.name != "self")


def strict_options(
    *others: str, elsewhere: Mapping[str, str] | None = None
) -> Callable[[Function], Function]:
    """Let a function refuse a misspelt option as `check_names` does.

    Args:
        others: the names that it takes in its `**options`.
        elsewhere: of options that something else takes, what takes them.

    Example:
        >>> @strict_options()
        ... def load(source, mode="page"): ...
        >>> load("a.png", modes="block")
        Traceback (most recent call last):
        vlm_core.errors.UnknownOptionError: There is no option modes. Did you mean mode?
    """

    def checking(function: Function) -> Function:
        known = (*names_of(function), *others)

        @wraps(function)
        def checked(*values: Any, **options: Any) -> Any:
            check_names(options, known, elsewhere)
            return function(*values, **options)

        return cast("Function", checked)

    return checking
