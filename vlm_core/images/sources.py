"""Whatever a user points at, as named byte sources that are read only when asked.

What is wrong with a document (missing, unreadable, empty) is raised by its own source when that is
read, so that one bad file never ends the others. What is wrong with the program, such as a number
given for a path, is raised at once.
"""

from __future__ import annotations

import glob
import io
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeAlias
from urllib.parse import urlsplit, urlunsplit

from vlm_core.errors import InputError
from vlm_core.images.data_uris import bytes_in
from vlm_core.images.folders import OnSkip, document_paths
from vlm_core.images.reading import (
    Fetch,
    fetched,
    file_bytes,
    is_large_pdf,
    nothing_there,
    open_for_text,
    picture_length,
    rest_of,
    short,
    unreadable,
)
from vlm_core.images.sniff import SUFFIXES
from vlm_core.types import PageImage

if TYPE_CHECKING:
    from PIL.Image import Image

    from vlm_core.images.decode import Pages

__all__ = ["SUFFIXES", "Source", "expand"]


@dataclass(frozen=True, eq=False)
class Source:
    """One document, named and not yet read.

    Example:
        >>> with Source.from_bytes(b"P5 1 1 255 \\x80", "dot.pgm").open() as pages:
        ...     pages.page(1).source
        'dot.pgm'
    """

    name: str
    """The path as given, the URL without its query or password, or "<bytes>", "<image>" and the like."""
    read: Fetch = field(repr=False)
    """Reads or downloads the bytes. Raises InputError for a file that is missing, empty, a folder or
    not permitted, UnsafeURLError for a URL that may not be fetched."""
    path: Path | None = None
    """Where it is, if it is a file of this machine."""
    image: Image | PageImage | None = field(default=None, repr=False)
    """A picture that was given decoded; it has no bytes to read."""
    key: bytes | str | None = field(default=None, repr=False)
    """What its content is told by, where that is at hand before it is read: its base64, or a data URI."""
    is_strangers: bool = field(default=False, repr=False)
    """Whether its bytes are a stranger's, as those behind a URL are: they are decoded in a process apart."""
    attachments_follow: bool | None = field(default=None, repr=False)
    """Whether the files that it carries are sources of their own, behind it; None where that is not known."""

    @classmethod
    def from_bytes(cls, data: bytes, name: str = "<bytes>") -> Source:
        """A document that is in memory, under a name of its own.

        Args:
            data: the file; what it is is told by its bytes, not by the name.
            name: what to call it in results and errors.

        Example:
            >>> Source.from_bytes(b"GIF89a", "s3://scans/1.gif").name
            's3://scans/1.gif'
        """
        return cls(name, partial(fetched, name, partial(bytes, data)))

    def open(
        self,
        *,
        password: str | None = None,
        pdf_text: Literal["auto", "ignore"] = "auto",
        max_side: int | None = None,
        reading_pixels: int | None = None,
        trusted: bool = False,
    ) -> Pages:
        """Read the document and open it for its pages.

        Arguments and errors are those of `decode.open_document`, and the errors of `read`.
        """
        from vlm_core.images.decode import open_document, open_image
        from vlm_core.images.decode_limits import check_length

        if self.image is not None:
            return open_image(self.image, source=self.name)
        if self.path is not None and reading_pixels is not None and not trusted:
            check_length(picture_length(self.path), self.name)
        data = self.path if self.path is not None and is_large_pdf(self.path) else self.read()
        return open_document(
            data,
            source=self.name,
            password=password,
            pdf_text=pdf_text,
            max_side=max_side,
            reading_pixels=reading_pixels,
            attachments_follow=bool(self.attachments_follow),
            trusted=trusted,
        )


def expand(
    source: object,
    *,
    allow_private_urls: bool = False,
    on_skip: OnSkip | None = None,
    download_seconds: float = 60.0,
) -> Iterator[Source]:
    """The documents behind anything a user may give, in order.

    Args:
        source: a path (`~` is the home folder), a folder (read with all below it, sorted), a glob
            pattern (`**` is any depth), an http, https, file or data URL, bytes, a binary file, a
            Pillow image, a PageImage, a Source, or an iterable of any of these.
        allow_private_urls: whether a URL may lead to this machine or its network.
        on_skip: is called with the name and the reason of every file in a folder that is passed
            over, such as a hidden one or one with the suffix of no picture.
        download_seconds: how long the document behind a URL may take to come.

    Raises:
        InputError: an object of a type that cannot be a document. All else is raised by the
            sources themselves when they are read.

    Example:
        >>> [source.name for source in expand([b"GIF89a", "https://example.com/a.png?key=1"])]
        ['<bytes>', 'https://example.com/a.png']
    """
    options = _Options(allow_private_urls, on_skip or _ignore, download_seconds)
    return _kind_of(source)(source, options)


def refuse_missing(source: object) -> None:
    """Raise where the one file that a user named by its path does not exist.

    All else that may be wrong with a source is found when it is read: of many, one costs no other.

    Raises:
        DocumentNotFoundError: it is missing; the hint may have the name that was meant.

    Example:
        >>> refuse_missing("scans/*.png")
        >>> try:
        ...     refuse_missing("/nowhere/a.png")
        ... except FileNotFoundError as error:
        ...     print(error.message)
        /nowhere/a.png does not exist, nor does its folder
    """
    if not isinstance(source, (str, os.PathLike)) or os.path.isdir(os.path.expanduser(source)):
        return
    for found in islice(expand(source), 1):
        if found.path is not None and not (found.name and found.path.exists()):
            found.read()


@dataclass(frozen=True)
class _Options:
    allow_private_urls: bool
    on_skip: OnSkip
    download_seconds: float


def _ignore(name: str, reason: str) -> None:
    pass


# --- which kind of thing it is -------------------------------------------------------------------

_Expander: TypeAlias = Callable[[Any, _Options], Iterator[Source]]


def _kind_of(source: object) -> _Expander:
    for is_kind, expander in _KINDS:
        if is_kind(source):
            return expander
    hint = "Give a path, URL, bytes, binary file or Pillow image, or a list of these."
    if hasattr(source, "__array_interface__"):
        hint = "Give an array as a picture: PIL.Image.fromarray(array)"
    raise InputError(f"{type(source).__name__} is not a kind of document", hint=hint)


def _is_image(source: object) -> bool:
    # Whoever holds a Pillow image has loaded Pillow; this file must not.
    # Another thread may be loading it at this moment: then the class is not there yet.
    image_class = getattr(sys.modules.get("PIL.Image"), "Image", None)
    return image_class is not None and isinstance(source, image_class)


def _is_text_file(source: object) -> bool:
    return isinstance(source, io.TextIOBase)


def _is_group(source: object) -> bool:
    return isinstance(source, Iterable) and not (
        isinstance(source, Mapping) or hasattr(source, "__array_interface__")
    )


def _of_source(source: Source, options: _Options) -> Iterator[Source]:
    yield source


def _of_image(image: Any, options: _Options) -> Iterator[Source]:
    name = image.source if isinstance(image, PageImage) else getattr(image, "filename", "")
    name = os.fsdecode(name) if name else "<image>"
    error = InputError(f"{name} was given as a decoded picture", hint="Call open() instead of read().")
    yield Source(name, partial(_fail, error), image=image)


def _of_bytes(data: Any, options: _Options) -> Iterator[Source]:
    yield Source.from_bytes(bytes(data))


def _of_text_file(file: object, options: _Options) -> NoReturn:
    raise open_for_text(str(getattr(file, "name", type(file).__name__)))


def _of_file(file: object, options: _Options) -> Iterator[Source]:
    name = getattr(file, "name", None)
    name = name if isinstance(name, str) else "<bytes>" if isinstance(file, io.BytesIO) else "<file>"
    yield Source(name, partial(fetched, name, partial(rest_of, file)))


def _of_group(group: Iterable[Any], options: _Options) -> Iterator[Source]:
    for member in group:
        yield from _kind_of(member)(member, options)


def _of_text(text: str, options: _Options) -> Iterator[Source]:
    url = re.match(r"(https?)://|(data|file):|[a-z][a-z0-9+.-]+://", text, re.IGNORECASE)
    if url is None:
        return _of_path(text, options)
    scheme = (url[1] or url[2] or "").lower()
    return _URLS.get(scheme, _of_other_url)(text, options)


# --- paths ---------------------------------------------------------------------------------------


def _of_path(given: str | os.PathLike[Any], options: _Options) -> Iterator[Source]:
    name = os.fsdecode(given)
    path = os.path.expanduser(name)
    if os.path.isdir(path) and name:
        return _documents([path], name, options)
    if isinstance(given, str) and re.search(r"[*?[]", path) and not os.path.lexists(path):
        return _of_pattern(path, name, options)
    return iter([_file(path, name)])


def _file(path: str, name: str) -> Source:
    return Source(name, partial(fetched, name, partial(file_bytes, path)), Path(path))


def _of_pattern(pattern: str, name: str, options: _Options) -> Iterator[Source]:
    try:
        matches = sorted(glob.iglob(pattern, recursive=True))
    except ValueError as error:  # a null byte
        return _failing(name, unreadable(name, error))
    if not matches:
        return _failing(
            name,
            nothing_there(
                f"{short(name)} matches no file", "Check the pattern, and the folder it starts from."
            ),
        )
    fixed = re.split(r"[*?[]", pattern, maxsplit=1)[0]
    return _documents(matches, name, options, below=os.path.dirname(fixed) or os.curdir)


def _documents(paths: list[str], name: str, options: _Options, below: str | None = None) -> Iterator[Source]:
    """The documents among the paths and below them, or one source that fails where there is none."""
    skipped: list[str] = []

    def on_skip(path: str, reason: str) -> None:
        skipped.append(os.path.basename(path))
        options.on_skip(path, reason)

    some = False
    for path in document_paths(paths, on_skip, below):
        some = True
        yield _file(path, path)
    if not some:
        yield from _failing(name, _nothing_to_read(name, skipped))


def _nothing_to_read(name: str, skipped: list[str]) -> InputError:
    shown = ", ".join(skipped[:5]) + (f" and {len(skipped) - 5} more" if len(skipped) > 5 else "")
    problem = f"passed over {shown}" if skipped else "it is empty"
    hint = (
        "A file given by its own path is read whatever its suffix." if skipped else "Check the folder's name."
    )
    return nothing_there(f"{short(name)} holds nothing to read: {problem}", hint)


# --- URLs ----------------------------------------------------------------------------------------


def _of_url(url: str, options: _Options) -> Iterator[Source]:
    name = _public_part(url)
    fetch = partial(
        _downloaded, url, allow_private=options.allow_private_urls, timeout=options.download_seconds
    )
    yield Source(name, partial(fetched, name, fetch), is_strangers=True)


def _downloaded(url: str, *, allow_private: bool, timeout: float) -> bytes:
    from vlm_core.images.download import download

    return download(url, allow_private=allow_private, timeout=timeout)


def _public_part(url: str) -> str:
    """The URL without what may be secret in it: user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0]
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _of_file_url(url: str, options: _Options) -> Iterator[Source]:
    from urllib.request import url2pathname  # loads http and ssl

    host, _, path = url.partition(":")[2].removeprefix("//").partition("/")
    if host not in ("", "localhost"):
        return _failing(url, InputError(f"{short(url)} names a file on another machine"))
    # A Path, because a URL has no patterns in it.
    return _of_path(Path(url2pathname("/" + path)), options)


def _of_data_uri(uri: str, options: _Options) -> Iterator[Source]:
    # Its label is not looked at any further: the bytes tell what they are.
    name = f"<{uri[:40].partition(',')[0].partition(';')[0]}>"
    yield Source(name, partial(fetched, name, partial(bytes_in, uri)), key=uri)


def _of_other_url(url: str, options: _Options) -> Iterator[Source]:
    name = _public_part(url)
    hint = "Open it with fsspec, and give the open file or its bytes."
    return _failing(name, InputError(f"{short(name)}: URLs of this kind are not read", hint=hint))


_URLS: dict[str, _Expander] = {
    "http": _of_url,
    "https": _of_url,
    "file": _of_file_url,
    "data": _of_data_uri,
}


# --- the table behind expand() -------------------------------------------------------------------


def _failing(name: str, error: InputError) -> Iterator[Source]:
    yield Source(short(name), partial(_fail, error))


def _fail(error: InputError) -> NoReturn:
    raise error


# The first that fits decides: text is not a group of letters, and a file is not a list of lines; one of
# fsspec also has a path, but what is asked for is what it holds from where it stands.
_KINDS: tuple[tuple[Callable[[Any], bool], _Expander], ...] = (
    (lambda source: isinstance(source, Source), _of_source),
    (lambda source: isinstance(source, PageImage), _of_image),
    (_is_image, _of_image),
    (lambda source: isinstance(source, (bytes, bytearray, memoryview)), _of_bytes),
    (lambda source: isinstance(source, str), _of_text),
    (_is_text_file, _of_text_file),
    (lambda source: callable(getattr(source, "read", None)), _of_file),
    (lambda source: isinstance(source, os.PathLike), _of_path),
    (_is_group, _of_group),
)
