"""Rows that other packages bring, through the entry points of the group `vlm_core.providers`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from importlib import metadata
from typing import TypeAlias

from vlm_core.catalog.schema import ModelProfile, Provider
from vlm_core.warning import warn_caller

__all__ = ["GROUP", "Row", "installed_rows"]

Row: TypeAlias = Provider | ModelProfile
GROUP = "vlm_core.providers"


def installed_rows() -> tuple[Row, ...]:
    """The rows of all installed packages; one that cannot be loaded is a warning, and the others stay.

    An entry point names a row, several in a list or tuple, or a function that returns such.

    Example:
        >>> all(isinstance(row, Provider | ModelProfile) for row in installed_rows())
        True
    """
    return tuple(row for point in metadata.entry_points(group=GROUP) for row in _rows_of(point))


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
