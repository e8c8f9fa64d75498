"""The files that PDFs carry, as sources of their own.

They are a stranger's: their depth, number and size are bounded, and their names are not paths.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast

from vlm_core.errors import InputError, VLMError
from vlm_core.images.attachments import Attachment, Place
from vlm_core.images.reading import fetched
from vlm_core.images.sniff import sniff
from vlm_core.images.sources import Source

if TYPE_CHECKING:
    from vlm_core.images.pdf_worker import PDFDocument

MAX_DEPTH = 3
"""How deep an attachment may lie in others to be read."""
MAX_ATTACHMENTS = 100
"""Of one document, those in its attachments included, that are read."""
_HEAD = 1024


def with_attachments(
    sources: Iterable[Source], *, password: str | None = None, trusted: bool = False
) -> Iterator[Source]:
    """The sources, each followed by the files that it carries and that are read.

    An attachment is called after its document, as in "contract.pdf#scan.png". Those of attachments
    follow too, down to `MAX_DEPTH`.

    Args:
        sources: of documents of any kind.
        password: of PDFs that are encrypted.
        trusted: as in `decode.open_document`.

    Example:
        >>> [source.name for source in with_attachments([Source.from_bytes(b"GIF89a", "a.gif")])]
        ['a.gif']
    """
    for source in sources:
        yield from _Carrier(password, trusted).expanded(source)


class _Carrier:
    """Finds what one document carries, and counts it."""

    def __init__(self, password: str | None, trusted: bool) -> None:
        self._password = password
        self._trusted = trusted
        self._left = MAX_ATTACHMENTS

    def expanded(self, source: Source, depth: int = 0) -> Iterator[Source]:
        if source.attachments_follow is not None or source.image is not None or depth >= MAX_DEPTH:
            yield replace(source, attachments_follow=bool(source.attachments_follow))
            return
        source = _readable_again(source)
        try:
            found = self._found(source)
        except VLMError:  # it is said when the document is read
            found = []
        wanted = [attachment for attachment in found if attachment.is_read]
        self._left -= len(wanted)
        yield replace(source, attachments_follow=self._left >= 0)
        if self._left < 0:
            return
        taken: set[str] = set()
        for attachment in wanted:
            name = _free(f"{source.name}#{attachment.name or 'attachment'}", taken)
            read = partial(fetched, name, partial(self._content, source, attachment.place))
            yield from self.expanded(Source(name, read), depth + 1)

    def _found(self, source: Source) -> Sequence[Attachment]:
        if not _is_pdf(source):
            return []
        with self._open(source) as document:
            return document.attachments(with_notes=True)

    def _content(self, source: Source, place: Place) -> bytes:
        with self._open(source) as document:
            return document.attachment(place)

    def _open(self, source: Source) -> PDFDocument:
        return cast("PDFDocument", source.open(password=self._password, trusted=self._trusted))


def _free(name: str, taken: set[str]) -> str:
    numbered, number = name, 1
    while numbered in taken:
        number += 1
        numbered = f"{name} ({number})"
    taken.add(numbered)
    return numbered


def _readable_again(source: Source) -> Source:
    """A source that may be read twice: what is not a file is read once, and kept."""
    if source.path is not None:
        return source
    try:
        data = source.read()
    except InputError:
        return source
    return replace(source, read=lambda: data)


def _is_pdf(source: Source) -> bool:
    if source.path is None:
        return sniff(source.read()) == "PDF"
    try:
        with source.path.open("rb") as file:
            return sniff(file.read(_HEAD)) == "PDF"
    except (OSError, ValueError):
        return False
