"""Files under a name of their own until they are complete, and those that a process left behind."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from vlm_core.jobs.claims import is_running

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_OURS = re.compile(r"\.vlm-(\d{1,18})\.tmp")


def partial_name(name: str) -> str:
    """What a file is called until it is complete.

    Example:
        >>> partial_name("out/a.md")
        'out/a.md.partial'
    """
    return f"{name}.partial"


def open_unfinished(final: Path) -> tuple[TextIO, Path]:
    """A file to be written, which is not there yet under its own name, and the name that it has.

    It is called .partial, so that nothing is lost whatever ends the process. What a run before has left
    there is written over, unless another process is writing to it or it is no plain file: then it has the
    number of this process in its name.

    Args:
        final: its own name.
    """
    clear_abandoned(final.parent)
    path = Path(partial_name(str(final)))
    descriptor = _locked(path)
    if descriptor is None:
        path = final.with_name(f".vlm-{os.getpid()}.tmp")
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    return open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n"), path


def clear_abandoned(folder: Path) -> None:
    """Remove the unfinished files of processes that have ended; links are left alone."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            ours = _OURS.fullmatch(entry.name)
            if ours and entry.is_file(follow_symlinks=False) and not is_running(int(ours[1]), ""):
                os.unlink(entry.path)


def _locked(path: Path) -> int | None:
    """A plain file, empty, and ours until it is closed; None where it cannot be had so."""
    if fcntl is None:
        return None
    descriptor = -1
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        # Whoever had it before may have given it its own name since it was opened.
        is_there = os.path.samestat(found, os.lstat(path))
        if is_there and stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
            os.ftruncate(descriptor, 0)
            return descriptor
    except OSError:
        pass
    if descriptor >= 0:
        os.close(descriptor)
    return None
