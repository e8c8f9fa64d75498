"""Public names that are loaded when they are first used (PEP 562)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def load_on_first_use(
    package: str, homes: Mapping[str, tuple[str, ...]], needs: str = "", extra: str = ""
) -> Callable[[str], Any]:
    """A package's `__getattr__`.

    Args:
        package: its name.
        homes: for each of its modules, the public names that live there.
        needs: a library that the modules need, and that may not be installed.
        extra: the extra of vlm-adapters that installs it.

    Returns:
        A function that gives a public name's value. It raises AttributeError for another name, and
        MissingExtraError where the library is missing.

    Example:
        >>> load_on_first_use("vlm_core", {"types": ("PageState",)})("PageState").BLANK.value
        'blank'
    """
    home_of = {name: home for home, names in homes.items() for name in names}

    def load(name: str) -> Any:
        if name not in home_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        try:
            return getattr(import_module(f"{package}.{home_of[name]}"), name)
        except ModuleNotFoundError as error:
            if not needs or (error.name or "").partition(".")[0] != needs:
                raise
            from vlm_core.errors import MissingExtraError

            install = f"Install it with: pip install 'vlm-adapters[{extra}]'"
            raise MissingExtraError(f"{needs} is not installed", hint=install) from error

    return load
