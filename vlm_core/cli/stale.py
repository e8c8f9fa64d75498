"""Files under a name of their own until they are complete, and those that a process left behind."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from vlm_core.cli.folder import Folder
from vlm_core.jobs.leases import is_running

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_OURS = re.compile(r"\.vlm-(\d{1,18})(?:-[0-9a-f]{16})?\.tmp")


def partial_name(name: str) -> str:
    """What a file is called until it is complete.

    Example:
        >>> partial_name("out/a.md")
        'out/a.md.partial'
    """
    return f"{name}.partial"


@contextmanager
def unfinished(folder: Folder, name: str, mode: int = 0o666) -> Iterator[tuple[TextIO, str]]:
    """A file to be written, which is not there yet under its own name, and the name that it has.

    It is called .partial, so that nothing is lost whatever ends the process. What a run before has left
    there is written over, unless another process is writing to it or it is not a plain file of this user:
    then it has the number of this process in its name, and one that cannot be guessed.

    Args:
        folder: where it is written.
        name: its own one.
        mode: what its user's umask is taken from; of an older file what that does not allow is taken too.
    """
    clear_abandoned(folder.path)
    mode &= _mode_of(folder, name)
    own = partial_name(name)
    descriptor = _locked(folder, own, mode)
    if descriptor is None:
        own = f".vlm-{os.getpid()}-{secrets.token_hex(8)}.tmp"
        descriptor = folder.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        yield file, own


def _mode_of(folder: Folder, name: str) -> int:
    """What an older file allows: a new one in its place must not allow more."""
    try:
        found = folder.stat(name)
    except OSError:
        return 0o666
    return stat.S_IMODE(found.st_mode) | stat.S_IWUSR if stat.S_ISREG(found.st_mode) else 0o666


def clear_abandoned(folder: Path) -> None:
    """Remove the unfinished files of processes that have ended; links are left alone."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            ours = _OURS.fullmatch(entry.name)
            if ours and entry.is_file(follow_symlinks=False) and not is_running(int(ours[1]), ""):
                os.unlink(entry.path)


def _locked(folder: Folder, name: str, mode: int) -> int | None:
    """A plain file of this user, empty, and ours until it is closed; None where it cannot be had so."""
    if fcntl is None:
        return None
    descriptor = -1
    try:
        descriptor = folder.open(name, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, mode)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        found = os.fstat(descriptor)
        # Whoever had it before may have given it its own name since it was opened.
        is_there = os.path.samestat(found, folder.stat(name))
        is_own = found.st_uid == os.geteuid() and found.st_nlink == 1
        if is_there and is_own and stat.S_ISREG(found.st_mode):
            os.fchmod(descriptor, stat.S_IMODE(found.st_mode) & mode)
            os.ftruncate(descriptor, 0)
            return descriptor
    except OSError:
        pass
    if descriptor >= 0:
        os.close(descriptor)
    return None
