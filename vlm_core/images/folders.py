"""The documents in folders, found without opening more files than need be."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate, islice
from pathlib import Path
from typing import TypeAlias

from vlm_core.images.sniff import SUFFIXES, sniff

OnSkip: TypeAlias = Callable[[str, str], None]
_LINKED_FOLDER = "it is a link to a folder"
_LEADS_OUT = "it is a link to a file elsewhere"


def document_paths(paths: Iterable[str], on_skip: OnSkip, below: str | None = None) -> Iterator[str]:
    """The documents among some paths, and below the folders among them, each once.

    A document is a file with one of `SUFFIXES`, or without any and with the first bytes of one. A
    file or folder that cannot be looked into counts as one, so that reading it says what is wrong.

    Below a folder, links to folders are not followed, nor links to files that are not below it.

    Args:
        paths: files and folders; below a folder, names come sorted.
        on_skip: is called with the path of what is passed over, and the reason.
        below: the folder in which the paths were found by a pattern; None where each was named, and may
            be a link.
    """
    seen: set[str] = set()
    folders: set[str] = set()
    for top in paths:
        if below is not None and (reason := _why_not_followed(top, below)):
            on_skip(top, reason)
            continue
        for path in _walk(top, below or top, folders, on_skip) if os.path.isdir(top) else [top]:
            if path in seen:
                continue
            seen.add(path)
            if reason := _why_skip(Path(path)):
                on_skip(path, reason)
            else:
                yield path


def is_about_link(reason: str) -> bool:
    """Whether something was passed over because it is a link."""
    return reason in (_LINKED_FOLDER, _LEADS_OUT)


def _walk(top: str, bound: str, seen: set[str], on_skip: OnSkip) -> Iterator[str]:
    """Every file below a folder, and every folder that cannot be listed.

    Links to files are followed below `bound`. `seen` holds the folders that were walked already:
    several may lie in each other.
    """
    unlistable: list[OSError] = []
    for folder, folders, files in os.walk(top, onerror=unlistable.append):
        real = os.path.realpath(folder)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        folders[:] = sorted(_followed(_visible(folders, folder, on_skip), folder, bound, on_skip))
        names = sorted(_followed(_visible(files, folder, on_skip), folder, bound, on_skip))
        yield from (os.path.join(folder, name) for name in names)
    yield from (str(error.filename) for error in unlistable)


def _followed(names: Iterable[str], folder: str, bound: str, on_skip: OnSkip) -> Iterator[str]:
    for name in names:
        path = os.path.join(folder, name)
        if reason := _why_no_such_link(path, bound):
            on_skip(path, reason)
        else:
            yield name


def _why_not_followed(path: str, below: str) -> str:
    """Why a path that a pattern matches is passed over; nothing where it leads through no link."""
    steps = os.path.relpath(path, below).split(os.sep)
    prefixes = accumulate(steps, os.path.join, initial=below)
    return next(filter(None, (_why_no_such_link(prefix, below) for prefix in islice(prefixes, 1, None))), "")


def _why_no_such_link(path: str, below: str) -> str:
    if not os.path.islink(path):
        return ""
    if os.path.isdir(path):
        return _LINKED_FOLDER
    target, top = os.path.realpath(path), os.path.realpath(below)
    is_below = os.path.commonpath([target, top]) == top
    return "" if is_below or not os.path.exists(path) else _LEADS_OUT


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
        return "it is not a file"  # a pipe, which would be waited for
    if path.suffix:
        return "" if path.suffix.lower() in SUFFIXES else f"{path.suffix} is not a suffix that is read"
    try:
        with path.open("rb") as file:
            return "" if sniff(file.read(1024)) else "its first bytes are those of no document"
    except OSError:
        return ""
