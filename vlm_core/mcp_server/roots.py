"""Which folders are read for a client: its own roots, within those that the server was given.

In protocols up to 2025-11-25 a server asks the client for its roots. In later ones it answers a call with
what it wants to know, and the client calls again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import urlsplit
from urllib.request import url2pathname

from mcp import types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from pydantic import ValidationError

from vlm_core.errors import ConfigError

Context: TypeAlias = ServerRequestContext[Any]
_ROOTS = "roots"


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


# --- the client's roots --------------------------------------------------------------------------


def _has_roots(context: Context) -> bool:
    capabilities = context.session.client_capabilities
    return capabilities is not None and capabilities.roots is not None


def untold(context: Context, asked: types.RequestParams | None) -> types.InputRequiredResult | None:
    """The answer to a client that has roots, has not told them, and cannot be asked while it waits."""
    if not _has_roots(context) or context.session.can_send_request or _ROOTS in _responses(asked):
        return None
    return types.InputRequiredResult(input_requests={_ROOTS: types.ListRootsRequest()})


def _responses(asked: types.RequestParams | None) -> dict[str, Any]:
    """What the client told when it called again; only some kinds of requests can be answered so."""
    return getattr(asked, "input_responses", None) or {}


async def roots_of(context: Context, asked: types.RequestParams | None) -> list[str] | None:
    """The URLs of the client's roots as they are now; None where it has no such thing.

    Raises:
        ConfigError: it has, and does not tell.
    """
    if not _has_roots(context):
        return None
    try:
        answer = _responses(asked).get(_ROOTS) or await context.session.send_request(
            types.ListRootsRequest(), types.ListRootsResult
        )
    except (MCPError, ValidationError):
        answer = None
    if not isinstance(answer, types.ListRootsResult):
        raise ConfigError(
            "this program did not tell which folders may be read",
            hint="Tell the user to open a folder in it.",
        )
    return [str(root.uri) for root in answer.roots]
