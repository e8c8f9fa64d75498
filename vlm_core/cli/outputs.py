"""Where the text goes: standard output, one file, or a file a document under a name of its own."""

from __future__ import annotations

import hashlib
import io
import os
import re
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain, count, groupby
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from vlm_core.cli.formats import SUFFIXES, Format, csv_tables, render
from vlm_core.cli.report import printable
from vlm_core.cli.tally import Destination, Tally
from vlm_core.errors import ConfigError
from vlm_core.images.reading import is_missing
from vlm_core.images.sniff import SUFFIXES as DOCUMENT_SUFFIXES
from vlm_core.images.sources import Source
from vlm_core.jobs.ordered import NumberedPage
from vlm_core.jobs.writing import (
    MayReplace,
    check_no_links,
    is_special,
    partial_name,
    replaced,
    written_in_place,
)
from vlm_core.types import PageResult

_Write: TypeAlias = Callable[[str], object]


def destination(
    output: str, form: Format, sources: Sequence[str], documents: Sequence[Source], tally: Tally
) -> Destination:
    """Where pages go.

    Args:
        output: "-" for standard output, a file for all pages, or a folder for a file a document: one
            that exists or ends with a slash, or, where there may be many documents, has no suffix.
        form: of what is written.
        sources: as they were given.
        documents: that stand behind them.
        tally: tells, at the end of a file, whether all of it is there and something of it was read. One
            that is not whole gets the suffix .partial, and so does one without a page that was read where
            there is an older file: the older file stays.

    Raises:
        ConfigError: one of the documents would be overwritten.
    """
    many = len(documents) != 1 or any(map(_may_be_many, sources))
    if output == "-":
        return _one_place(partial(_to_stdout, form, many), *["standard output"] * 3)
    path = Path(output).expanduser()
    if not (output.endswith(("/", os.sep)) or path.is_dir() or (many and not path.suffix)):
        _check_inputs_are_kept(documents, [path])
        is_new = not os.path.lexists(path)
        in_place = form == "jsonl" if is_new else is_special(path)

        def may_replace() -> bool:
            return tally.ended == len(documents) and (is_new or tally.has_read())

        write = partial(_to_file, form, many, in_place, may_replace, path.parent, Path(path.name))
        partly = output if in_place else partial_name(output)
        return _one_place(write, output, output if is_new else partly, partly)
    folders = [source for source in sources if os.path.isdir(os.path.expanduser(source))]
    places = file_names(documents, folders, SUFFIXES[form])
    check_no_links(path, places)
    _check_inputs_are_kept(documents, [path / place for place in places])
    to_folder = partial(_to_folder, form, tally, path, places)
    return Destination(
        to_folder, output, output, output, lambda number: partial_name(str(path / places[number]))
    )


def _one_place(
    write: Callable[[Iterable[PageResult]], None], place: str, unread: str, unfinished: str
) -> Destination:
    return Destination(
        lambda pages: write(page for _, page in pages), place, unread, unfinished, lambda number: unfinished
    )


def _may_be_many(source: str) -> bool:
    """Whether a source may stand for any number of documents, as a folder or a pattern does."""
    path = os.path.expanduser(source)
    is_pattern = any(sign in path for sign in "*?[") and "://" not in path and not os.path.lexists(path)
    return is_pattern or os.path.isdir(path)


def _check_inputs_are_kept(documents: Iterable[Source], outputs: Iterable[Path]) -> None:
    inputs = {os.path.realpath(document.path) for document in documents if document.path}
    for output in outputs:
        if os.path.realpath(output) in inputs:
            hint = "Give another name with -o."
            raise ConfigError(f"{output} is to be read and would be overwritten", hint=hint)


def _to_stdout(form: Format, many: bool, pages: Iterable[PageResult]) -> None:
    write = _stdout_writer()
    for piece in render(form, _worth_writing(form, pages), many=many):
        write(piece)


def _to_file(
    form: Format,
    many: bool,
    in_place: bool,
    may_replace: MayReplace,
    root: Path,
    place: Path,
    pages: Iterable[PageResult],
) -> None:
    remaining = _worth_writing(form, pages)
    for first in remaining:  # an older file is left alone until there is something to put in its place
        with written_in_place(root / place) if in_place else replaced(root, place, may_replace) as file:
            # Piece by piece: what was written of a long job is there, whatever ends it.
            for piece in render(form, chain([first], remaining), many=many):
                file.write(piece)
                file.flush()


def _to_folder(
    form: Format, tally: Tally, root: Path, places: Sequence[Path], pages: Iterable[NumberedPage]
) -> None:
    for number, numbered in groupby(pages, key=itemgetter(0)):
        is_new = not os.path.lexists(root / places[number])

        def may_replace(number: int = number, is_new: bool = is_new) -> bool:
            return tally.is_whole(number) and (is_new or tally.has_read(number))

        of_document = (page for _, page in numbered)
        if form == "csv":
            _to_tables(may_replace, root, places[number], of_document)
        else:
            _to_file(form, False, False, may_replace, root, places[number], of_document)


def _to_tables(may_replace: MayReplace, root: Path, place: Path, pages: Iterable[PageResult]) -> None:
    """A file for each table of a document, numbered from 1."""
    for number, table in enumerate(csv_tables(_worth_writing("csv", pages)), 1):
        with replaced(root, place.with_name(f"{place.stem}-{number}{place.suffix}"), may_replace) as file:
            file.write(table)


def _worth_writing(form: Format, pages: Iterable[PageResult]) -> Iterator[PageResult]:
    """Text is written of documents that exist; JSON tells of the others as well."""
    return (page for page in pages if form in ("json", "jsonl") or not is_missing(page.error))


def _stdout_writer() -> _Write:
    """How to write to standard output, each piece at once, as UTF-8 unless it is a terminal."""
    stdout = sys.stdout
    terminal = stdout.isatty()
    if isinstance(stdout, io.TextIOWrapper):
        # What is not Unicode in a file's name becomes an escape, which is right in JSON too.
        stdout.reconfigure(encoding=None if terminal else "utf-8", errors="backslashreplace")

    def write(piece: str) -> None:
        stdout.write(printable(piece, allowed="\n\t") if terminal else piece)
        stdout.flush()

    return write


# --- names of files -------------------------------------------------------------------------------

# Of a name, without its suffix, a number and .partial; most file systems take 255 in all.
_LONGEST_PART_BYTES = 200
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
    names = [_stem(place) if counts[_key(_stem(place))] == 1 else place for place in places]
    taken: set[str] = set()
    return [_free_name(Path(*map(_portable, name.parts)), suffix, taken) for name in names]


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


def _portable(part: str) -> str:
    """A name that every file system takes: Windows' too, and not longer than Linux takes it."""
    plain = _NOT_TAKEN.sub("_", part.encode("utf-8", "replace").decode())
    plain = _ENDING.sub("_", _DEVICE.sub(r"_\1", plain))
    if len(plain.encode()) <= _LONGEST_PART_BYTES:
        return plain
    digest = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return plain.encode()[: _LONGEST_PART_BYTES - len(digest) - 1].decode("utf-8", "ignore") + f"-{digest}"


def _stem(place: Path) -> Path:
    return place.with_suffix("") if place.suffix.lower() in DOCUMENT_SUFFIXES else place


def _key(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()  # some file systems do not tell X from x
