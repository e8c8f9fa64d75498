"""The documents in folders, found without opening more files than need be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeAlias

from vlm_core.images.sniff import SUFFIXES, sniff

OnSkip: TypeAlias = Callable[[str, str], None]


def document_paths(paths: Iterable[str], on_skip: OnSkip) -> Iterator[str]:
    """The documents among some paths, and below the folders among them, each once.

    A document is a file with one of `SUFFIXES`, or without any and with the first bytes of one. A
    file or folder that cannot be looked into counts as one, so that reading it says what is wrong.

    Args:
        paths: files and folders; below a folder, names come sorted and links are followed.
        on_skip: is called with the path of what is passed over, and the reason.
    """
    seen: set[str] = set()
    folders: set[str] = set()
    for top in paths:
        for path in _walk(top, folders, on_skip) if os.path.isdir(top) else [top]:
            if path in seen:
                continue
            seen.add(path)
            if reason := _why_skip(Path(path)):
                on_skip(path, reason)
            else:
                yield path


def _walk(top: str, seen: set[str], on_skip: OnSkip) -> Iterator[str]:
    """Every file below a folder, and every folder that cannot be listed.

    `seen` holds the folders that were walked already: a link may lead back to one.
    """
    unlistable: list[OSError] = []
    for folder, folders, files in os.walk(top, onerror=unlistable.append, followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(_visible(folders, folder, on_skip))
        yield from (os.path.join(folder, name) for name in sorted(_visible(files, folder, on_skip)))
    yield from (str(error.filename) for error in unlistable)


def _visible(names: Iterable[str], folder: str, on_skip: OnSkip) -> Iterator[str]:
    for name in names:
        if name.startswith("."):
            on_skip(os.path.join(folder, name), "it is hidden")
        else:
            yield name


def _why_skip(path: Path) -> str:
    """Why a file is passed over; nothing where it is not."""
    if os.path.isdir(path):
        return ""
    if os.path.exists(path) and not os.path.isfile(path):
        return "it is no file"  # a pipe, which would be waited for
    if path.suffix:
        return "" if path.suffix.lower() in SUFFIXES else f"{path.suffix} is no suffix that is read"
    try:
        with path.open("rb") as file:
            return "" if sniff(file.read(1024)) else "its first bytes are those of no document"
    except OSError:
        return ""
