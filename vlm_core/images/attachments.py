"""The files that a PDF carries, as a program is told of them. Their names are a stranger's."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

MAX_BYTES = 100 << 20
"""Of an attachment that is read."""
# Attachments that a warning names.
_NAMED = 20
_NAME_LENGTH = 100

Place: TypeAlias = tuple[int | None, int]


@dataclass(frozen=True)
class Attachment:
    """A file that a PDF carries.

    Example:
        >>> Attachment("../../etc/scan\\u202e.png", 2048, "PNG", (None, 0)).told
        'scan.png (2 kB)'
    """

    given_name: str
    size: int | None
    """In bytes, once unpacked; None where it cannot be had."""
    kind: str | None
    """As `sniff` calls it; None where it is not read."""
    place: Place
    """Where the PDF worker finds it."""

    @property
    def name(self) -> str:
        """The last part of its name, of visible characters alone."""
        last = re.split(r"[/\\]", self.given_name)[-1]
        seen = "".join(char for char in last if unicodedata.category(char)[0] != "C").strip(" .#")
        return seen if len(seen) <= _NAME_LENGTH else f"{seen[: _NAME_LENGTH - 1]}…"

    @property
    def told(self) -> str:
        """Its name and its size."""
        return f"{self.name or 'without a name'} ({_size(self.size)})"

    @property
    def is_read(self) -> bool:
        """Whether it is of a kind and size that are read."""
        return self.kind is not None and 0 < (self.size or 0) <= MAX_BYTES


def _size(size: int | None) -> str:
    if size is None:
        return "damaged"
    amount = float(size)
    for unit in ("bytes", "kB", "MB"):
        if amount < 1024 or unit == "MB":
            break
        amount /= 1024
    return f"{amount:.3g} {unit}" if amount < 1000 else f"{amount:.0f} {unit}"


def warnings_of(attachments: Sequence[Attachment], *, are_read: bool) -> tuple[str, ...]:
    """What to say of the attachments that are not read.

    Args:
        attachments: of the document.
        are_read: whether those that can be are.

    Example:
        >>> warnings_of([Attachment("a.docx", 900, None, (None, 0))], are_read=True)
        ('1 attachment was not read: a.docx (900 bytes)',)
    """
    unread = [attachment for attachment in attachments if not (are_read and attachment.is_read)]
    if not unread:
        return ()
    shown = ", ".join(attachment.told for attachment in unread[:_NAMED])
    more = f" and {len(unread) - _NAMED} more" if len(unread) > _NAMED else ""
    were = "attachment was" if len(unread) == 1 else "attachments were"
    can_be = any(attachment.is_read for attachment in unread)
    hint = ". attachments=True reads those that are pictures or PDFs" if can_be and not are_read else ""
    return (f"{len(unread)} {were} not read: {shown}{more}{hint}",)
