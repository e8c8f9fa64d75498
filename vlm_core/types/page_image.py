"""Pages of pixels, and the text that a PDF's page brings itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple, Self

from pydantic import Field

from vlm_core.types.blocks import TextLine
from vlm_core.types.boxes import Box
from vlm_core.types.value import Value

READING_PIXELS = 40_000_000
"""Of a page that the local engine looks at, at most: A2 at 300 dpi."""


MAX_PAGES = 50
"""Pages of one file in a message, or that an agent's tool reads, unless the caller gives another number."""


class TextLayer(Value):
    """The text that a born-digital PDF page brings itself, and the pictures on it.

    `pictures` are the boxes of pictures large enough to hold text of their own.
    """

    lines: tuple[TextLine, ...] = ()
    pictures: tuple[Box, ...] = Field(default=())
    doubtful: tuple[TextLine, ...] = ()
    """Lines in a font whose glyphs do not look like the text that it gives."""
    drawings: tuple[Box, ...] = Field(default=())
    """The boxes of smaller pictures, and of what is drawn of lines and areas: they may be lettering."""
    rules: tuple[Box, ...] = Field(default=())
    """Ruling lines as thin boxes: across the page where they are wider than high, else down."""
    shades: tuple[Box, ...] = Field(default=())
    """Areas that are filled with a colour or with grey, as cells may be."""


class Entry(NamedTuple):
    """What a form or a note says on a page that has no text of its own, a scan for instance.

    Its box is in fractions of the page. A mark is the state of a check box or a radio button.
    """

    text: str
    bbox: Box
    is_mark: bool = False


@dataclass(frozen=True)
class StoredJPEG:
    """A page of a PDF that is one JPEG, without its metadata, and how it comes to be pixels."""

    stream: bytes = field(repr=False)
    turn: int = 0
    """Degrees clockwise by which the page shows it turned."""
    decode: Callable[[StoredJPEG], bytes] | None = field(default=None, repr=False, compare=False)
    """Gives the RGB pixels of the page as it is shown."""
    trusted: bool = field(default=False, repr=False, compare=False)
    """Whether it may be decoded in this process."""


class _PixelsOnDemand:
    """The pixels of a page that was given as levels or as a JPEG: made at the first look, and then kept.

    A page that was given its pixels has them in its own dictionary, where Python looks first.
    """

    levels: bytes | None
    stored: StoredJPEG | None

    @cached_property
    def pixels(self) -> bytes:
        if self.levels is not None:
            return bytes(_rgb(self.levels))
        if self.stored is not None and self.stored.decode is not None:
            return self.stored.decode(self.stored)
        raise AttributeError("pixels")


@dataclass(frozen=True)
class PageImage(_PixelsOnDemand):
    """One page: upright, opaque, 8 bits a channel.

    `pixels` are width × height × 3 bytes, RGB, row by row from the top left.
    """

    pixels: bytes = field(repr=False)
    width: int
    height: int
    page_number: int = 1
    total_pages: int = 1
    rotation: int = 0
    """Degrees clockwise by which the stored picture was turned, for its EXIF orientation, say."""
    source: str = ""
    dpi: float | None = field(default=None, repr=False)
    """Pixels per inch of paper, where that is known, as of a PDF's page."""
    original: bytes | None = field(default=None, repr=False)
    """The file's own bytes where they are this one page and nothing else."""
    text_layer: TextLayer | None = field(default=None, repr=False)
    entries: tuple[Entry, ...] = field(default=(), repr=False)
    """What a form or a note says on a page that has no text layer."""
    warnings: tuple[str, ...] = field(default=(), repr=False)
    """What must be said of it whoever reads it, such as what it carries and does not show."""
    levels: bytes | None = field(default=None, repr=False)
    """Of a page that was drawn in grey: one byte a pixel. Its `pixels` are made when they are asked for."""
    stored: StoredJPEG | None = field(default=None, repr=False)
    """Of a page of a PDF that is one JPEG. It is decoded when its `pixels` are asked for."""

    @classmethod
    def of_levels(cls, levels: bytes, width: int, height: int, **fields: Any) -> PageImage:
        """A page in grey, at a third of the memory until somebody asks for its `pixels`.

        Args:
            levels: width × height bytes, 0 for black.
            width: in pixels.
            height: in pixels.
            fields: the others of a PageImage.

        Example:
            >>> PageImage.of_levels(b"\\x80", 1, 1).pixels
            b'\\x80\\x80\\x80'
        """
        return cls(pixels=b"", width=width, height=height, levels=levels, **fields)._without_pixels()

    @classmethod
    def of_stored(cls, stored: StoredJPEG, width: int, height: int, **fields: Any) -> PageImage:
        """A page that is one JPEG, which is not decoded until somebody asks for its `pixels`.

        Args:
            stored: the JPEG.
            width: of the page as it is shown, in pixels.
            height: likewise.
            fields: the others of a PageImage.
        """
        return cls(pixels=b"", width=width, height=height, stored=stored, **fields)._without_pixels()

    def _without_pixels(self) -> Self:
        del self.__dict__["pixels"]  # so that they are made on demand
        return self

    def without_text(self) -> Self:
        """The same picture as a page that brings no text of its own.

        Example:
            >>> page = PageImage(pixels=bytes(3), width=1, height=1, text_layer=TextLayer())
            >>> page.without_text().text_layer is None
            True
        """
        other = copy(self)  # its pixels are still made on demand
        object.__setattr__(other, "text_layer", None)
        return other

    @cached_property
    def sha256(self) -> str:
        """Identity of the picture: of its width, height and RGB pixels, in hexadecimal.

        A page in grey has that of the same picture in colour. A page of a PDF that is one JPEG has that
        of its width, height, turn and stream, and is not decoded for it.

        Example:
            >>> PageImage(pixels=b"\\xff" * 3, width=1, height=1).sha256[:8]
            'e774c5ce'
        """
        import hashlib

        digest = hashlib.sha256(self.width.to_bytes(4, "big") + self.height.to_bytes(4, "big"))
        for block in self._identifying():
            digest.update(block)
        return digest.hexdigest()

    def _identifying(self) -> Iterator[bytes | bytearray]:
        """The pixels in order; of a page in grey a few at a time, so that they are never held together."""
        levels = self.levels
        if self.stored is not None:
            yield b"JPEG" + self.stored.turn.to_bytes(2, "big")
            yield self.stored.stream
        elif levels is None or "pixels" in self.__dict__:
            yield self.pixels
        else:
            for start in range(0, len(levels), _BLOCK):
                yield _rgb(levels[start : start + _BLOCK])


# Pixels of a page in grey that are made at once for its digest.
_BLOCK = 2**16


def _rgb(levels: bytes) -> bytearray:
    pixels = bytearray(3 * len(levels))
    pixels[0::3] = pixels[1::3] = pixels[2::3] = levels
    return pixels
