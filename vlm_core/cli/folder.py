"""A folder that outputs are written to: a stranger may have put links into it, and none is followed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from vlm_core.errors import ConfigError

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
