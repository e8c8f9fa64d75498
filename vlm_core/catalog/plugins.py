"""What other packages bring through entry points: rows of the catalog, and OCR engines."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import TypeAlias

from vlm_core.catalog.schema import ModelProfile, Provider
from vlm_core.errors import ConfigError
from vlm_core.warning import warn_caller

__all__ = ["ENGINES", "ROWS", "Row", "engine_names", "installed_rows", "load_engine"]

Row: TypeAlias = Provider | ModelProfile
ROWS = "vlm_core.providers"
ENGINES = "vlm_core.engines"


def installed_rows() -> tuple[Row, ...]:
    """The rows of all installed packages; one that cannot be loaded is a warning, and the others stay.

    An entry point names a row, several in a list or tuple, or a function that returns such.

    Example:
        >>> all(isinstance(row, Provider | ModelProfile) for row in installed_rows())
        True
    """
    return tuple(row for point in metadata.entry_points(group=ROWS) for row in _rows_of(point))


def engine_names() -> tuple[str, ...]:
    """The names of the OCR engines that installed packages bring. None of them is loaded for it.

    Example:
        >>> "local" in engine_names()
        False
    """
    return tuple(sorted(metadata.entry_points(group=ENGINES).names))


def load_engine(name: str) -> object:
    """What stands behind an engine's entry point.

    Args:
        name: one of `engine_names()`.

    Raises:
        ConfigError: it cannot be loaded, or two packages bring one of this name.
    """
    # Which of two packages would be found first depends on the order of installation.
    points = list(metadata.entry_points(group=ENGINES, name=name))
    if len(points) > 1:
        packages = " and ".join(sorted(map(_package, points)))
        raise ConfigError(
            f"engine={name!r} is brought by {packages}", hint="Uninstall all but one, or pass an object."
        )
    (point,) = points
    try:
        return point.load()
    except Exception as error:  # whatever a stranger's package raises
        raise ConfigError(
            f"engine={name!r} of {_package(point)} cannot be loaded: {type(error).__name__}: {error}",
            hint=f"Install what it needs, or look at its entry point: {point.value}.",
        ) from error


def _rows_of(point: metadata.EntryPoint) -> tuple[Row, ...]:
    try:
        return tuple(_rows(point.load()))
    except Exception as error:  # noqa: BLE001 - whatever a stranger's package raises
        warn_caller(
            f"the entry point {point.name} = {point.value} of {_package(point)} brings no providers: "
            f"{type(error).__name__}: {error}",
            RuntimeWarning,
        )
        return ()


def _package(point: metadata.EntryPoint) -> str:
    return point.dist.name if point.dist else "an unnamed package"


def _rows(found: object) -> Iterator[Row]:
    if isinstance(found, Provider | ModelProfile):
        yield found
    elif callable(found):
        yield from _rows(found())
    elif isinstance(found, Iterable) and not isinstance(found, str | bytes):
        for item in found:
            yield from _rows(item)
    else:
        raise TypeError(f"it gives {type(found).__name__}, neither a Provider nor a ModelProfile")
