"""Names for a file a document, no two the same."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain, count
from pathlib import Path

from vlm_core.images.sniff import SUFFIXES
from vlm_core.images.sources import Source

_LONGEST_PART_BYTES = 200
"""Of a name, without its suffix, a number and .partial; most file systems take 255 in all."""
_NOT_TAKEN = re.compile(r'[<>:"|?*\\\x00-\x1f\x7f-\x9f]')
_DEVICE = re.compile(r"^((?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$))", re.IGNORECASE)
_ENDING = re.compile(r"[. ]$")


def file_names(documents: Sequence[Source], folders: Iterable[str], suffix: str) -> list[Path]:
    """A file for each document, no two the same.

    Documents keep their places below the folder that they share. Two that differ in their suffixes
    only keep these; what is then still the same is numbered. What some file system does not take is
    replaced, and long names are cut, with a digest of the whole one.

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
    return [_free_name(_portable(name), suffix, taken) for name in wanted]


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
    """A file's name for what is not a file: a URL's last part, or "stdin"."""
    last = name.strip("<>").partition(":")[0] if name.startswith("<") else name.rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "_", last).strip(".") or "document"


def _portable(name: Path) -> Path:
    """A name that every file system takes: Windows' too, and not longer than Linux takes it."""
    return Path(*map(_portable_part, name.parts))


def _portable_part(part: str) -> str:
    plain = _NOT_TAKEN.sub("_", part.encode("utf-8", "replace").decode())
    plain = _ENDING.sub("_", _DEVICE.sub(r"_\1", plain))
    if len(plain.encode()) <= _LONGEST_PART_BYTES:
        return plain
    digest = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return plain.encode()[: _LONGEST_PART_BYTES - len(digest) - 1].decode("utf-8", "ignore") + f"-{digest}"


def _stem(place: Path) -> Path:
    return place.with_suffix("") if place.suffix.lower() in SUFFIXES else place


def _key(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()  # some file systems do not tell X from x
