"""Which folders are read for a client: its own roots, within those that the server was given."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from vlm_core.errors import ConfigError


def folders(bounds: Sequence[Path], roots: Sequence[str] | None) -> tuple[Path, ...]:
    """The folders under which files may be read.

    Args:
        bounds: those that the server was given, with their links resolved; none where it was given none.
        roots: those of the client, as `file:` URLs; None from a client that has no such thing.

    Returns:
        The roots of the client that lie under a bound, and the bounds that lie under a root of his. Without
        bounds the roots; without roots the bounds; without both the current folder.

    Raises:
        ConfigError: that is none at all. Nor is the whole disk taken, unless it was given.

    Example:
        >>> folders([Path("/")], None)
        (PosixPath('/'),)
    """
    if not roots and bounds:
        return tuple(bounds)
    if roots is None:
        return (_current(),)
    own = [path for root in roots for path in _folder(root)]
    readable = tuple(dict.fromkeys(_shared(own, bounds) if bounds else own))
    if not readable:
        which = "that lies in a folder which the server was started with" if bounds else "in this program"
        raise ConfigError(
            "none of the folders may be read",
            hint=f"Tell the user to open a folder {which}, or to start vlm mcp with another --root.",
        )
    return readable


def _current() -> Path:
    """The current folder, which is the whole disk where a desktop program has started the server."""
    path = Path.cwd()
    if path == path.parent:
        raise ConfigError(
            "the server was not told which folder may be read",
            hint="Tell the user to start vlm mcp with --root FOLDER.",
        )
    return path


def _folder(root: str) -> Iterator[Path]:
    """The folder of a URL, with its links resolved; none where it is not a folder of this machine."""
    parts = urlsplit(root)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        path = Path(os.path.realpath(url2pathname(parts.path)))
        if path.is_dir():
            yield path


def _shared(own: Iterable[Path], bounds: Sequence[Path]) -> Iterator[Path]:
    for path in own:
        for bound in bounds:
            if path.is_relative_to(bound):
                yield path
            elif bound.is_relative_to(path):
                yield bound
