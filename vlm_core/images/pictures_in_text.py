"""Pictures that became text on their way into a message: the model reads their base64 and sees nothing."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from itertools import chain, islice

from vlm_core.images.sniff import sniff

__all__ = ["holds_picture"]

# What stands before base64 in a data URI, and in blocks that were written out.
_LABELS = (";base64,", "base64': '", 'base64": "')
# How Python writes the bytes of a picture.
_BYTES = re.compile(r"""b['"](\\x89PNG|\\xff\\xd8\\xff|GIF8|RIFF|%PDF-|II\*|MM\\x00)""")
_PILLOW = re.compile(r"<PIL\.[\w.]{1,60} image mode=")
# Characters in which no picture is written out.
_SHORT = 32
# Characters of base64 that tell what it is.
_HEAD = 64
# Places of each kind; the picture is hardly behind that many.
_LOOKED_AT = 20
_STEP = 500
_RUN = re.compile(rf"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{{{2 * _STEP}}}")
_PIECE = re.compile(r"[A-Za-z0-9+/]{32}")


def holds_picture(text: str) -> bool:
    """Whether a picture or PDF is written out in a text: as base64, as Python's bytes, as a Pillow image.

    A megabyte of plain text takes about a millisecond.

    Example:
        >>> holds_picture("What is the total?")
        False
        >>> holds_picture("data:image/png;base64," + "iVBORw0KGgo" * 10)
        True
    """
    if len(text) < _SHORT:
        return False
    # A letter is found in a tenth of the time of a word, and a word in a tenth of that of a pattern.
    if "\\" in text and "\\x" in text and _BYTES.search(text):
        return True
    if "<" in text and "<PIL." in text and _PILLOW.search(text):
        return True
    labelled = _labelled(text) if "base64" in text else ()
    return any(map(_is_picture, chain(labelled, islice(_runs(text), _LOOKED_AT))))


def _labelled(text: str) -> Iterator[str]:
    """What stands behind a label of base64."""
    for label in _LABELS:
        at = text.find(label)
        for _ in range(_LOOKED_AT):
            if at < 0:
                break
            at += len(label)
            yield text[at : at + _HEAD]
            at = text.find(label, at)


def _runs(text: str) -> Iterator[str]:
    """The beginnings of long runs of base64's letters. Every run holds a place at which a piece is tried."""
    for at in range(_STEP, len(text), _STEP):
        if _PIECE.match(text, at):
            run = _RUN.search(text, at - _STEP, at + 3 * _STEP)
            yield run[0][:_HEAD] if run else ""


def _is_picture(encoded: str) -> bool:
    try:
        return len(encoded) == _HEAD and sniff(binascii.a2b_base64(encoded, strict_mode=True)) is not None
    except ValueError:
        return False
