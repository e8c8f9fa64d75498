"""The documents in folders by name, for one who asked for a file that is not there."""

from __future__ import annotations

import difflib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path, PurePath

from vlm_core.images.sniff import SUFFIXES

SHOWN = 5
_ENTRIES_SEEN = 10_000
"""Of folders and files together: a hint is not worth more."""
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


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
    found = [path for folder in folders for path in _documents(folder)]
    names = dict.fromkeys(_relative(path, roots) for path in found)
    wanted = PurePath(name).name.casefold()
    likeness = {known: _likeness(PurePath(known).name.casefold(), wanted) for known in names}
    return sorted(names, key=lambda known: (-likeness[known], known))[:most]


def _likeness(known: str, wanted: str) -> float:
    return difflib.SequenceMatcher(None, known, wanted).ratio() if wanted else 0.0


def _relative(path: Path, roots: Sequence[Path]) -> str:
    return next(path.relative_to(root).as_posix() for root in roots if path.is_relative_to(root))


def _documents(folder: Path) -> Iterator[Path]:
    """Files with the suffix of a document, near ones first; hidden ones and links are passed over."""
    for path, is_folder in islice(_entries(folder), _ENTRIES_SEEN):
        if not is_folder and path.suffix.lower() in SUFFIXES:
            yield path


def _entries(folder: Path) -> Iterator[tuple[Path, bool]]:
    """What is in a folder, and whether it is a folder itself."""
    waiting: deque[tuple[str, ...]] = deque([()])
    while waiting:
        parts = waiting.popleft()
        with suppress(OSError), _opened(folder, parts) as descriptor, os.scandir(descriptor) as entries:
            for entry in entries:
                is_folder = entry.is_dir(follow_symlinks=False)
                if entry.name.startswith(".") or not (is_folder or entry.is_file(follow_symlinks=False)):
                    continue
                if is_folder:
                    waiting.append((*parts, entry.name))
                yield folder.joinpath(*parts, entry.name), is_folder


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
