"""The documents in folders by name, for one who asked for a file that is not there."""

from __future__ import annotations

import difflib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path, PurePath

from vlm_core.images.sniff import SUFFIXES

SHOWN = 5
_ENTRIES_SEEN = 10_000
"""Of folders and files together: a hint is not worth more."""


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
    for entry in islice(_entries(folder), _ENTRIES_SEEN):
        if entry.is_file(follow_symlinks=False) and Path(entry.name).suffix.lower() in SUFFIXES:
            yield Path(entry.path)


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    waiting = deque([folder])
    while waiting:
        with suppress(OSError), os.scandir(waiting.popleft()) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.is_symlink():
                    continue
                if entry.is_dir():
                    waiting.append(Path(entry.path))
                yield entry
