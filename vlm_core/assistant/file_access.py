"""What an agent may look at: files under a root, and public web addresses where these are allowed.

A name comes from a model, which may have it from a page that it was shown. So every name is resolved
with its symbolic links, and must lead to a plain file under a root; the file is opened first, and then
it is checked that what was opened is what was allowed. No message tells of anything outside.
"""

from __future__ import annotations

import math
import os
import re
import stat
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple, TypeAlias, TypeVar

from vlm_core.assistant.folder_listing import name_shown_as, nearest
from vlm_core.assistant.untrusted import one_line
from vlm_core.errors import ConfigError, ImageTooLargeError, InputError, UnsafeURLError
from vlm_core.images.reading import file_stamp, unreadable

Roots: TypeAlias = "str | os.PathLike[str] | Sequence[str | os.PathLike[str]]"

_URL = re.compile(r"(https?)://|(?:data|file):|[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_Known = TypeVar("_Known")
Kept: TypeAlias = "Callable[[str, Hashable, float], _Known | None]"
"""What is known of a name whose content has this stamp, and was taken in so many seconds ago at most."""
URL_SECONDS = 900.0
"""For which what came from a URL is used again, since only another download tells whether it changed."""
_LONGEST_NAME = 4096
# Opening a pipe or a terminal must neither wait nor take it over.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)
_NO_PICTURE_ITSELF = "Give the name of a file; a picture itself is not taken from a text."


class Content(NamedTuple):
    """What stands behind a name."""

    name: str
    """As it is called from here on."""
    data: bytes
    stamp: Hashable
    """The same for as long as it has not changed; None where that cannot be told."""


_PUBLIC_ONLY = "Only public http and https addresses may be read; give another one, or the name of a file."


@dataclass(frozen=True)
class FileAccessPolicy:
    """The rule about what is read.

    Args:
        roots: folders, resolved; see `resolved_roots`.
        allow_urls: whether the web is read.
        allow_private_urls: whether this machine and its network are too.
        max_bytes: of a file.
        spellings: how else absolute names may write the roots; see `spellings_of`.
    """

    roots: tuple[Path, ...]
    allow_urls: bool = False
    allow_private_urls: bool = False
    max_bytes: int = 64 * 2**20
    spellings: tuple[tuple[Path, Path], ...] = ()
    """Folders as they were given, and resolved, where that is another path."""

    def admit(self, name: object, kept: Kept[_Known]) -> Content | _Known:
        """Read what an agent names, unless it is known and has not changed.

        Args:
            name: of a file, relative to a root or absolute and under it, or a URL.
            kept: is asked for what is known before anything is read or downloaded, and after it was checked
                that it may be.

        Returns:
            What is kept of it, or its content.

        Raises:
            UnsafeURLError: URLs are not allowed, or not this one.
            ImageTooLargeError: it has too many bytes.
            InputError: it is not a name, lies outside, is missing, or is not a plain file.
        """
        checked = _checked(name)
        if (url := _URL.match(checked)) is None:
            return self._read(checked, kept)
        if not url[1]:
            raise InputError(f"{url[0]}… is not read", hint=_NO_PICTURE_ITSELF)
        return self._download(checked, kept)

    def _download(self, url: str, kept: Kept[_Known]) -> Content | _Known:
        from vlm_core.images.download import download
        from vlm_core.images.netguard import shown

        if not self.allow_urls:
            raise UnsafeURLError(f"{shown(url)}: web addresses are not read here", hint=self._existing())
        if (known := kept(shown(url), url, URL_SECONDS)) is not None:
            return known
        try:
            data = download(url, allow_private=self.allow_private_urls, max_bytes=self.max_bytes)
            return Content(shown(url), data, url)
        except UnsafeURLError as error:
            raise UnsafeURLError(error.message, hint=_PUBLIC_ONLY) from None

    def _read(self, name: str, kept: Kept[_Known]) -> Content | _Known:
        try:
            return self._file(name, kept)
        except (OSError, ValueError):  # ValueError: a name that no file can have
            raise InputError(f"{one_line(name)} cannot be read", hint=self._existing(near=name)) from None

    def _file(self, name: str, kept: Kept[_Known]) -> Content | _Known:
        path, root = self._resolved(name)
        named = _name_under(root, path, name)
        if os.path.isdir(path):
            raise InputError(f"{one_line(named)} is a folder", hint=self._existing(within=path))
        try:
            return _plain_file(path, named, self.max_bytes, kept)
        except (FileNotFoundError, NotADirectoryError):
            meant = name_shown_as(name, self.roots)
            if meant is not None and meant != name:
                return self._file(meant, kept)
            raise InputError(f"{one_line(named)} does not exist", hint=self._existing(near=name)) from None
        except OSError as error:
            raise unreadable(one_line(named), error) from None

    def _resolved(self, name: str) -> tuple[Path, Path]:
        """Where a name leads, and the root that it lies under: the first that has it."""
        # By its words first: what lies outside is not even looked for, so that every answer is the same.
        named = [(place, root) for root in self.roots if (place := self._below(name, root)) is not None]
        paths = [Path(os.path.realpath(root / place)) for place, root in named]
        inside = [(path, root) for path in paths for root in self.roots if path.is_relative_to(root)]
        if not inside:
            raise InputError(
                f"{one_line(PurePath(name).name)}: this name leads out of the folder that may be read",
                hint=self._existing(near=name),
            )
        return next((place for place in inside if os.path.exists(place[0])), inside[0])

    def _below(self, name: str, root: Path) -> str | None:
        """A name relative to a root, without .. in it; None where it is not below that root."""
        spellings = [root, *(spelling for spelling, resolved in self.spellings if resolved == root)]
        path = os.path.normpath(os.path.join(root, name))
        above = next((folder for folder in spellings if PurePath(path).is_relative_to(folder)), None)
        climbs = not os.path.isabs(name) and _climbs_out(name)
        return None if above is None or climbs else os.path.relpath(path, above)

    def _existing(self, near: str = "", within: Path | None = None) -> str:
        """What may be read, for one who did not know."""
        names = nearest(near, [within] if within else self.roots, self.roots)
        if not names:
            return "Give the name of a picture or PDF; there is none here."
        shown = ", ".join(one_line(name) for name in names)
        return f"Names are relative to the folder that may be read, as these are: {shown}."


def _climbs_out(name: str) -> bool:
    """Whether a relative name leaves its folder at any point, though it may come back."""
    depth = 0
    for part in PurePath(name).parts:
        depth += -1 if part == ".." else 1
        if depth < 0:
            return True
    return False


def spellings_of(roots: Roots) -> tuple[tuple[Path, Path], ...]:
    """Folders as they were given, and with their links resolved, where the two differ.

    Example:
        >>> spellings_of("/")
        ()
    """
    pairs = [(Path(os.path.abspath(root)), Path(os.path.realpath(root))) for root in _as_list(roots)]
    return tuple((root, resolved) for root, resolved in pairs if root != resolved)


def resolved_roots(roots: Roots) -> tuple[Path, ...]:
    """Folders as names are compared with them.

    Raises:
        ConfigError: one is not a folder, or there is none.

    Example:
        >>> resolved_roots("/")
        (PosixPath('/'),)
    """
    resolved = {root: Path(os.path.realpath(root)) for root in _as_list(roots)}
    wrong = [str(root) for root, path in resolved.items() if not path.is_dir()]
    if wrong or not resolved:
        raise ConfigError(
            f"root_dir: {', '.join(wrong) or 'nothing'} is not a folder",
            hint="Give a folder that exists.",
            argument="root_dir",
        )
    return tuple(resolved.values())


def _as_list(roots: Roots) -> list[str | os.PathLike[str]]:
    return [roots] if isinstance(roots, (str, os.PathLike)) else list(roots)


def _checked(name: object) -> str:
    """The name, where it can be one."""
    if not isinstance(name, str) or not name.strip():
        kind = "an empty text" if isinstance(name, str) else f"a {type(name).__name__}"
        raise InputError(f"the image is {kind}", hint=_NO_PICTURE_ITSELF)
    if len(name) > _LONGEST_NAME or "\0" in name:
        raise InputError(f"{one_line(name, 20)} is not a file name", hint=_NO_PICTURE_ITSELF)
    return name.strip() if _URL.match(name.strip()) else name


def _name_under(root: Path, path: Path, name: str) -> str:
    """What a file is called: as it was written, where that is a plain relative name."""
    written = PurePath(name)
    if written.is_absolute() or ".." in written.parts:
        return path.relative_to(root).as_posix()
    return written.as_posix()


def _plain_file(path: Path, name: str, max_bytes: int, kept: Kept[_Known]) -> Content | _Known:
    """All of a file, which must be what stands at a path that was resolved, also once it is open."""
    if not stat.S_ISREG(path.stat().st_mode):
        raise _no_file(name)
    with open(os.open(path, _FLAGS), "rb") as file:
        opened = os.fstat(file.fileno())
        if not stat.S_ISREG(opened.st_mode) or not _still_leads_to(path, opened):
            raise _no_file(name)
        stamp = file_stamp(opened)
        # A hard link has no known content: it is refused below, as it was before.
        known = kept(name, stamp, math.inf) if stamp is not None and opened.st_nlink <= 1 else None
        if known is not None:
            return known
        data = file.read(max_bytes + 1) if opened.st_size <= max_bytes else b""
    # A hard link into the folder leads to a file elsewhere, and no path shows it.
    if opened.st_nlink > 1:
        raise InputError(
            f"{one_line(name)} has more than one name: it may be a file from outside the folder",
            hint="Tell the user to copy the file; a hard link is not read.",
        )
    if opened.st_size > max_bytes or len(data) > max_bytes:
        raise ImageTooLargeError(
            f"{one_line(name)} has more than the {max_bytes:,} bytes that are read of a file",
            hint="Ask for another file, or tell the user that this one is too large.",
        )
    return Content(name, data, stamp)


def _still_leads_to(path: Path, opened: os.stat_result) -> bool:
    """Whether no folder or file on the way was swapped for a link while the file was opened."""
    return os.path.realpath(path) == str(path) and os.path.samestat(path.stat(), opened)


def _no_file(name: str) -> InputError:
    return InputError(f"{one_line(name)} is not a plain file", hint="Give the name of a picture or PDF.")
