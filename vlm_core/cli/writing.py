"""Files that are whole or not there, and never written through a link."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO, TypeAlias

from vlm_core.cli.folder import opened
from vlm_core.cli.stale import partial_name, unfinished

MayReplace: TypeAlias = Callable[[], bool]


def is_special(path: Path) -> bool:
    """Whether it is there and cannot be replaced, as a pipe or /dev/stdout. A link that leads nowhere can.

    Example:
        >>> is_special(Path(os.devnull)), is_special(Path("missing.md"))
        (True, False)
    """
    return path.exists() and not path.is_file()


@contextmanager
def written_in_place(path: Path) -> Iterator[TextIO]:
    """A file that grows under its own name. It is new, or it is a special one."""
    flags = os.O_WRONLY if is_special(path) else os.O_WRONLY | os.O_CREAT | os.O_EXCL
    path.parent.mkdir(parents=True, exist_ok=True)
    with _errors_about(path):
        descriptor = os.open(path, flags, 0o666)
        with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            yield file


@contextmanager
def replaced(root: Path, place: Path, may_replace: MayReplace, mode: int = 0o666) -> Iterator[TextIO]:
    """A file that appears, or takes the place of an older one, when it is complete.

    Where there is a link, the link itself is replaced, and what it leads to is left alone.

    Args:
        root: a folder, as its user names it.
        place: of the file below it; no folder on the way may be a link.
        may_replace: tells at the end whether it may. Otherwise it is kept with the suffix .partial.
        mode: what its user's umask is taken from.
    """
    name = place.name
    root.mkdir(parents=True, exist_ok=True)
    with _errors_about(root / place), opened(root, place.parts[:-1]) as folder:
        with unfinished(folder, name, mode) as (file, own):
            yield file
        folder.replace(own, name if may_replace() else partial_name(name))


@contextmanager
def _errors_about(path: Path) -> Iterator[None]:
    """Errors of the file name it as its user does, and not by the name it has until it is complete."""
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        error.filename = str(path)
        raise
