"""Files that are whole or not there, and never written through a link.

Until a file is complete it has a name of its own. What a process left behind under such a name is removed by
the next one. A stranger may have put links into a folder that outputs are written to, and none is followed.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO, TypeAlias

from vlm_core.errors import ConfigError
from vlm_core.jobs.leases import is_running

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
    # All is done in the folder that was opened, so that it cannot be swapped for a link meanwhile.
    with _errors_about(root / place), opened(root, place.parts[:-1]) as folder:
        with unfinished(folder, name, mode) as (file, own):
            yield file
        folder.replace(own, name if may_replace() else partial_name(name))


def write_whole(root: Path, name: str, data: bytes, mode: int = 0o666) -> None:
    """Write a file below a folder, which is made where it is missing; whoever looks at it finds all of it.

    Where there is a link of this name, the link itself is replaced, and what it leads to is left alone.

    Args:
        root: the folder, as its user names it.
        name: of the file.
        data: what it holds.
        mode: what its user's umask is taken from.

    Raises:
        OSError: it cannot be written.
    """
    with _errors_about(root / name):
        root.mkdir(parents=True, exist_ok=True)
        with opened(root) as folder:
            own = _unguessable_name()
            descriptor = folder.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode & _mode_of(folder, name))
            try:
                with open(descriptor, "wb") as file:
                    file.write(data)
                folder.replace(own, name)
            except BaseException:
                with suppress(OSError):
                    folder.unlink(own)
                raise


def _unguessable_name() -> str:
    return f".vlm-{os.getpid()}-{secrets.token_hex(8)}.tmp"


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


# --- files that are not complete ------------------------------------------------------------------


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
        own = _unguessable_name()
        descriptor = folder.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with open(descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
        yield file, own


def _mode_of(folder: Folder, name: str) -> int:
    """What an older file allows: a new one in its place must not allow more."""
    try:
        older = folder.stat(name)
    except OSError:
        return 0o666
    return stat.S_IMODE(older.st_mode) | stat.S_IWUSR if stat.S_ISREG(older.st_mode) else 0o666


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
        # Not truncated yet: until it is locked another process may be writing to it.
        descriptor = folder.open(name, os.O_RDWR | os.O_CREAT | os.O_NONBLOCK, mode)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(descriptor)
        # Whoever had it before may have given it its own name since it was opened.
        is_there = os.path.samestat(status, folder.stat(name))
        # A second name may lead to a file elsewhere, which is not to be emptied.
        is_own = status.st_uid == os.geteuid() and status.st_nlink == 1
        if is_there and is_own and stat.S_ISREG(status.st_mode):
            os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & mode)
            os.ftruncate(descriptor, 0)
            return descriptor
    except OSError:
        pass
    if descriptor >= 0:
        os.close(descriptor)
    return None


# --- folders --------------------------------------------------------------------------------------

_HAS_DESCRIPTORS = {os.open, os.mkdir, os.unlink, os.stat} <= os.supports_dir_fd
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
_DIRECTORY = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0)


@dataclass(frozen=True)
class Folder:
    """A folder that is open, so that the names in it are looked up in it and nowhere else.

    Where the system cannot do that, as on Windows, they are looked up by its path.
    """

    path: Path
    descriptor: int | None = None

    def open(self, name: str, flags: int, mode: int = 0o666) -> int:
        """A file of it, opened; an error where it is a link."""
        return os.open(self._place(name), flags | _NO_LINK, mode, dir_fd=self.descriptor)

    def stat(self, name: str) -> os.stat_result:
        """What an entry is; of a link, the link itself."""
        return os.stat(self._place(name), dir_fd=self.descriptor, follow_symlinks=False)

    def unlink(self, name: str) -> None:
        """Remove an entry."""
        os.unlink(self._place(name), dir_fd=self.descriptor)

    def replace(self, name: str, new: str) -> None:
        """Give an entry another name, in the place of what has that name; a link there is replaced itself."""
        here = self.descriptor
        os.replace(self._place(name), self._place(new), src_dir_fd=here, dst_dir_fd=here)

    def _place(self, name: str) -> str:
        return str(self.path / name) if self.descriptor is None else name


@contextmanager
def opened(root: Path, parts: Sequence[str] = ()) -> Iterator[Folder]:
    """A folder below another one, which is made where it is missing.

    Args:
        root: is there, as its user names it; it may be a link, or lie behind one.
        parts: the names of folders below it, none of which may be a link.

    Raises:
        OSError: one is not a folder.
    """
    path = root.joinpath(*parts)
    if not _HAS_DESCRIPTORS:
        path.mkdir(parents=True, exist_ok=True)
        yield Folder(path)
        return
    descriptor = os.open(root, _DIRECTORY)
    try:
        for part in parts:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=descriptor)
            above, descriptor = descriptor, os.open(part, _DIRECTORY | _NO_LINK, dir_fd=descriptor)
            os.close(above)
        yield Folder(path, descriptor)
    finally:
        os.close(descriptor)


def check_no_links(root: Path, places: Sequence[Path]) -> None:
    """Refuse a folder in which a file would be written through a link.

    Args:
        root: the folder.
        places: of the files, relative to it.

    Raises:
        ConfigError: a folder on the way to one is a link.
    """
    folders = {folder for place in places for folder in place.parents if folder.name}
    for folder in sorted(folders):
        if (root / folder).is_symlink():
            raise ConfigError(
                f"{root / folder} is a link, and nothing is written through one",
                hint="Remove it, or name another folder with -o.",
            )
