"""The documents below the folders that an agent may look into, for one who does not know their names.

Nothing is followed out of a folder: a link is passed over, wherever it leads, and so is a file with a second
name, which may stand outside. What is seen is bounded in number and time.
"""

from __future__ import annotations

import difflib
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from typing import NamedTuple

from vlm_core.assistant.untrusted import one_line
from vlm_core.errors import InputError
from vlm_core.images.sniff import SUFFIXES

SHOWN = 5
"""Names in a hint."""
MOST_ENTRIES = 10_000
"""Of folders and files together, that are looked at."""
MOST_SECONDS = 5.0
"""For which folders are looked through."""
LONGEST_PATTERN = 200
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


class ListedFile(NamedTuple):
    """A file with the suffix of a document."""

    name: str
    """Relative to its root, with slashes."""
    size: int
    """In bytes."""
    modified: float
    """In seconds since 1970."""


class FileList(NamedTuple):
    """The documents below some folders."""

    files: tuple[ListedFile, ...]
    is_whole: bool
    """Whether all that is there was looked at."""


def list_files(roots: Sequence[Path], pattern: object = None) -> FileList:
    """The documents below some folders, the newest first.

    Args:
        roots: folders, with their links resolved.
        pattern: as a model wrote it: a part of the name, or the whole with `*` and `?`, as in "2024/*.pdf";
            case does not count.

    Raises:
        InputError: the pattern is not a text of a few characters.

    Example:
        >>> list_files([])
        FileList(files=(), is_whole=True)
    """
    wanted = _checked(pattern)
    walk = _Walk()
    found: dict[str, ListedFile] = {}
    for root in dict.fromkeys(roots):
        for path, details in walk.documents(root):
            name = _relative(path, roots)
            if _fits(name, wanted):
                found.setdefault(name, ListedFile(name, details.st_size, details.st_mtime))
    newest_first = sorted(found.values(), key=lambda file: (-file.modified, file.name))
    return FileList(tuple(newest_first), not walk.is_cut)


def _checked(pattern: object) -> str:
    if pattern is None:
        return ""
    if not isinstance(pattern, str) or len(pattern) > LONGEST_PATTERN:
        raise InputError(
            "the pattern is not a part of a name",
            hint=f'Give {LONGEST_PATTERN} characters at most, such as "receipt" or "2024/*.pdf".',
        )
    return pattern.strip().removeprefix("./").casefold()


def _fits(name: str, pattern: str) -> bool:
    folded = name.casefold()
    if not any(char in pattern for char in "*?["):
        return pattern in folded
    return fnmatchcase(folded, pattern) or fnmatchcase(PurePath(folded).name, pattern)


def name_shown_as(shown: str, roots: Sequence[Path]) -> str | None:
    """The name of the one file that messages call so; None where there is none, or more than one.

    Messages show a name on one line, cut, and without characters that cannot be seen.

    Args:
        shown: a name that a model was shown.
        roots: folders, with their links resolved.
    """
    names = [file.name for file in list_files(roots).files if one_line(file.name) == shown]
    return names[0] if len(names) == 1 else None


def nearest(name: str, folders: Iterable[Path], roots: Sequence[Path], most: int = SHOWN) -> list[str]:
    """Names of documents that there are, the likeliest first.

    Args:
        name: what was asked for; "" for any.
        folders: where to look.
        roots: folders that the names are relative to.
        most: how many.

    Example:
        >>> nearest("a.png", [], [])
        []
    """
    walk = _Walk()
    names = {_relative(path, roots) for folder in folders for path, _ in walk.documents(folder)}
    likeness = {known: _likeness(known, name) for known in names}
    return sorted(names, key=lambda known: (-likeness[known], known))[:most]


def _relative(path: Path, roots: Sequence[Path]) -> str:
    return path.relative_to(next(root for root in roots if path.is_relative_to(root))).as_posix()


def _likeness(known: str, name: str) -> float:
    """How alike the last parts of two names are, from 0 to 1."""
    pair = (PurePath(known).name.casefold(), PurePath(name).name.casefold())
    return difflib.SequenceMatcher(None, *pair).ratio() if pair[1] else 0.0


class _Walk:
    """Looks through folders, one after the other, until it has seen or taken too much."""

    def __init__(self) -> None:
        self._left = MOST_ENTRIES
        self._until = time.monotonic() + MOST_SECONDS
        self.is_cut = False

    def documents(self, folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
        """Files with the suffix of a document, near ones first; hidden ones and links are passed over."""
        waiting: deque[tuple[str, ...]] = deque([()])
        while waiting and not self.is_cut:
            parts = waiting.popleft()
            with suppress(OSError), _opened(folder, parts) as descriptor, os.scandir(descriptor) as entries:
                for entry in entries:
                    if not self._goes_on():
                        return
                    if entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((*parts, entry.name))
                    elif details := _details(entry):
                        yield folder.joinpath(*parts, entry.name), details

    def _goes_on(self) -> bool:
        self._left -= 1
        self.is_cut = self._left < 0 or time.monotonic() > self._until
        return not self.is_cut


def _details(entry: os.DirEntry[str]) -> os.stat_result | None:
    """Of a plain file with the suffix of a document and with one name; None of anything else."""
    suffix = PurePath(entry.name).suffix.lower()
    if suffix not in SUFFIXES or not entry.is_file(follow_symlinks=False):
        return None
    with suppress(OSError):  # it is gone meanwhile
        details = entry.stat(follow_symlinks=False)
        return details if details.st_nlink <= 1 else None
    return None


@contextmanager
def _opened(folder: Path, parts: Sequence[str]) -> Iterator[int | str]:
    """A folder below another one, so that none on the way is swapped for a link once it was looked at."""
    if os.scandir not in os.supports_fd or os.open not in os.supports_dir_fd:
        yield str(folder.joinpath(*parts))
        return
    descriptor = os.open(folder, _FOLDER)
    try:
        for part in parts:
            above, descriptor = descriptor, os.open(part, _FOLDER, dir_fd=descriptor)
            os.close(above)
        yield descriptor
    finally:
        os.close(descriptor)
