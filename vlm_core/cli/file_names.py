"""Names for a file a document, no two the same."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import Path

from vlm_core.images.sniff import SUFFIXES
from vlm_core.images.sources import Source


def file_names(documents: Sequence[Source], folders: Iterable[str], suffix: str) -> list[Path]:
    """A file for each document, no two the same.

    Documents keep their places below the folder that they share. Two that differ in their suffixes
    only keep these; what is then still the same is numbered.

    Args:
        documents: to be written.
        folders: that were given to be read.
        suffix: of the files.

    Example:
        >>> pages = [Source(name, bytes, Path(name)) for name in ("a/x.png", "b/x.png", "b/x.jpg")]
        >>> [path.as_posix() for path in file_names(pages, [], ".md")]
        ['a/x.md', 'b/x.png.md', 'b/x.jpg.md']
    """
    places = _places(documents, folders)
    counts = Counter(_key(_stem(place)) for place in places)
    wanted = [_stem(place) if counts[_key(_stem(place))] == 1 else place for place in places]
    taken: set[str] = set()
    return [_free_name(name, suffix, taken) for name in wanted]


def _free_name(name: Path, suffix: str, taken: set[str]) -> Path:
    numbers = chain([""], (f"-{number}" for number in count(2)))
    names = (name.with_name(f"{name.name}{number}{suffix}") for number in numbers)
    free = next(path for path in names if _key(path) not in taken)
    taken.add(_key(free))
    return free


def _places(documents: Sequence[Source], folders: Iterable[str]) -> list[Path]:
    """Where each document is below the folder that all of them share."""
    absolute = [document.path and Path(os.path.abspath(document.path)) for document in documents]
    tops = [os.path.abspath(os.path.expanduser(folder)) for folder in folders]
    above = [*tops, *(str(path.parent) for path in absolute if path)]
    shared = os.path.commonpath(above) if above else ""
    return [
        path.relative_to(shared) if path else Path(_name_for(document.name))
        for document, path in zip(documents, absolute, strict=True)
    ]


def _name_for(name: str) -> str:
    """A file's name for what is no file: a URL's last part, or "stdin"."""
    last = name.strip("<>").partition(":")[0] if name.startswith("<") else name.rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "_", last).strip(".") or "document"


def _stem(place: Path) -> Path:
    return place.with_suffix("") if place.suffix.lower() in SUFFIXES else place


def _key(path: Path) -> str:
    return str(path).casefold()  # some file systems do not tell X from x
