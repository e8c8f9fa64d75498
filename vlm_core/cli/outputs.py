"""Where the text goes: standard output, one file, or a file a document."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TextIO, TypeAlias

from vlm_core.cli.file_names import file_names
from vlm_core.cli.formats import SUFFIXES, Format, by_document, render
from vlm_core.cli.report import printable
from vlm_core.errors import ConfigError
from vlm_core.images.sources import Source
from vlm_core.types import PageResult

_Write: TypeAlias = Callable[[str], object]
Destination: TypeAlias = Callable[[Iterable[PageResult]], None]
"""Writes pages, as they come."""


def destination(
    output: str,
    form: Format,
    sources: Sequence[str],
    documents: Sequence[Source],
    is_complete: Callable[[], bool] = lambda: True,
) -> Destination:
    """Where pages go.

    Args:
        output: "-" for standard output, a file for all pages, or a folder for a file a document: one
            that exists or ends with a slash, or, where there may be many documents, has no suffix.
        form: of what is written.
        sources: as they were given.
        documents: that stand behind them.
        is_complete: tells, at the end of a file, whether all of it is there. One that was broken off
            gets the suffix .partial, and leaves an older file alone.

    Raises:
        ConfigError: one of the documents would be overwritten.
    """
    many = len(documents) != 1 or any(map(_may_be_many, sources))
    if output == "-":
        return partial(_to_stdout, form, many)
    path = Path(output).expanduser()
    if not (output.endswith(("/", os.sep)) or path.is_dir() or (many and not path.suffix)):
        _check_inputs_are_kept(documents, [path])
        return partial(_to_file, form, many, is_complete, path)
    folders = [source for source in sources if os.path.isdir(os.path.expanduser(source))]
    paths = [path / name for name in file_names(documents, folders, SUFFIXES[form])]
    _check_inputs_are_kept(documents, paths)
    return partial(_to_folder, form, is_complete, paths)


def _may_be_many(source: str) -> bool:
    """Whether a source may stand for any number of documents, as a folder or a pattern does."""
    path = os.path.expanduser(source)
    is_pattern = any(sign in path for sign in "*?[") and "://" not in path and not os.path.lexists(path)
    return is_pattern or os.path.isdir(path)


def _check_inputs_are_kept(documents: Iterable[Source], outputs: Iterable[Path]) -> None:
    inputs = {document.path.resolve() for document in documents if document.path}
    for output in outputs:
        if output.resolve() in inputs:
            hint = "Give another name with -o."
            raise ConfigError(f"{output} is to be read and would be overwritten", hint=hint)


def _to_stdout(form: Format, many: bool, pages: Iterable[PageResult]) -> None:
    write = _stdout_writer()
    for piece in render(form, pages, many=many):
        write(piece)


def _to_file(
    form: Format, many: bool, is_complete: Callable[[], bool], path: Path, pages: Iterable[PageResult]
) -> None:
    remaining = iter(pages)
    for first in remaining:  # an older file is left alone until there is something to put in its place
        with _file_writer(path, is_complete, at_once=form == "jsonl") as write:
            for piece in render(form, chain([first], remaining), many=many):
                write(piece)


def _to_folder(
    form: Format, is_complete: Callable[[], bool], paths: Iterable[Path], pages: Iterable[PageResult]
) -> None:
    for document, path in zip(by_document(pages), paths, strict=False):
        _to_file(form, False, is_complete, path, document)


def _stdout_writer() -> _Write:
    """How to write to standard output, each piece at once, as UTF-8 unless it is a terminal."""
    stdout = sys.stdout
    terminal = stdout.isatty()
    if isinstance(stdout, io.TextIOWrapper):
        # What is no Unicode in a file's name becomes an escape, which is right in JSON too.
        stdout.reconfigure(encoding=None if terminal else "utf-8", errors="backslashreplace")

    def write(piece: str) -> None:
        stdout.write(printable(piece, kept="\n\t") if terminal else piece)
        stdout.flush()

    return write


@contextmanager
def _file_writer(path: Path, is_complete: Callable[[], bool], *, at_once: bool) -> Iterator[_Write]:
    """How to write to a file.

    Args:
        path: of the file; the folders above it are made.
        is_complete: tells at the end whether all is there.
        at_once: each piece is in the file once it is written, so that it grows as pages come; else
            the file appears, or replaces an older one, when it is complete.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    in_place = at_once or (path.exists() and not path.is_file())  # such as a pipe or /dev/null
    with _opened(path) if in_place else _replaced(path.resolve(), is_complete) as file:

        def write(piece: str) -> None:
            file.write(piece)
            file.flush()

        yield write


def _opened(path: Path) -> AbstractContextManager[TextIO]:
    return path.open("w", encoding="utf-8", errors="backslashreplace", newline="\n")


@contextmanager
def _replaced(path: Path, is_complete: Callable[[], bool]) -> Iterator[TextIO]:
    """A file that takes the place of an older one when it is complete."""
    unfinished = path.with_name(f".vlm-{os.getpid()}.tmp")
    try:
        with _opened(unfinished) as file:
            yield file
        os.replace(unfinished, path if is_complete() else path.with_name(f"{path.name}.partial"))
    finally:
        unfinished.unlink(missing_ok=True)
