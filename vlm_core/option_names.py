"""Options that cannot be used: a misspelt one is an error that names the nearest."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import wraps
from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, cast

from vlm_core.errors import UnknownOptionError

if TYPE_CHECKING:
    from pydantic import ValidationError

Arguments = ParamSpec("Arguments")
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
        vlm_core.errors.UnknownOptionError: Unknown option max_page. Did you mean max_pages?
    """
    for name in given:
        if name not in known:
            hint = did_you_mean(name, known) or f"The options are {', '.join(known)}."
            hint = (elsewhere or {}).get(name, hint)
            raise UnknownOptionError(f"Unknown option {name}", hint=hint)


def did_you_mean(name: str, known: Iterable[str], *, most: int = 1, alike: float = 0.6) -> str:
    """The question whether a known name was meant; empty where none is like it.

    Args:
        name: that is not known; case does not count.
        known: the names that are.
        most: that are asked about.
        alike: from 0 to 1, how much they must be like it.

    Example:
        >>> did_you_mean("Max_page", ["max_pages", "mode"])
        'Did you mean max_pages?'
    """
    by_lower_case = {other.lower(): other for other in known}
    near = difflib.get_close_matches(name.strip().lower(), by_lower_case, n=most, cutoff=alike)
    return f"Did you mean {' or '.join(by_lower_case[other] for other in near)}?" if near else ""


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
        vlm_core.errors.UnknownOptionError: Unknown option modes. Did you mean mode?
    """

    def checking(function: Function) -> Function:
        known = (*names_of(function), *others)

        @wraps(function)
        def checked(*values: Any, **options: Any) -> Any:
            check_names(options, known, elsewhere)
            return function(*values, **options)

        return cast("Function", checked)

    return checking


def arguments_of(
    fields: Callable[Arguments, object],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Any, Arguments], None]]:
    """Let an `__init__` take the arguments of a dataclass, by its signature, and refuse a misspelt one.

    Args:
        fields: the dataclass.

    Example:
        >>> from vlm_core.integration import ClientSettings
        >>> class Client:
        ...     @arguments_of(ClientSettings)
        ...     def __init__(self, *args, **kwargs):
        ...         self.settings = ClientSettings(*args, **kwargs)
        >>> Client("novita:m", timout=5)
        Traceback (most recent call last):
        vlm_core.errors.UnknownOptionError: Unknown option timout. Did you mean timeout?
    """
    own = signature(fields)
    itself = Parameter("self", Parameter.POSITIONAL_OR_KEYWORD)
    shown = own.replace(parameters=[itself, *own.parameters.values()])

    def taking(function: Callable[..., None]) -> Callable[Concatenate[Any, Arguments], None]:
        @wraps(function)
        def checked(self: object, *args: Arguments.args, **kwargs: Arguments.kwargs) -> None:
            check_names(kwargs, own.parameters)
            function(self, *args, **kwargs)

        checked.__signature__ = shown  # type: ignore[attr-defined]
        return cast("Callable[Concatenate[Any, Arguments], None]", checked)

    return taking


def validation_problems(error: ValidationError) -> list[str]:
    """What pydantic found, one text for each field, without the values: they may be secret, or a stranger's.

    Example:
        >>> from pydantic import TypeAdapter, ValidationError
        >>> try:
        ...     TypeAdapter(dict[str, int]).validate_python({"page": "the first"})
        ... except ValidationError as error:
        ...     validation_problems(error)
        ['page: Input should be a valid integer, unable to parse string as an integer']
    """
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    places = (".".join(map(str, fault["loc"])) or "the whole" for fault in faults)
    return [
        f"{place}: {fault['msg'].removeprefix('Value error, ')}"
        for place, fault in zip(places, faults, strict=True)
    ]
