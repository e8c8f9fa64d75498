"""Pictures decoded in worker processes, which may crash, hang or swell without harm to this one.

As many are decoded at once as there are cores. A picture that takes its worker down costs itself alone.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from vlm_core import errors
from vlm_core.errors import CorruptImageError, ImageTooLargeError, InputError, MissingExtraError, VLMError
from vlm_core.images.pdf_frames import Frame
from vlm_core.images.worker import OpenedElsewhere, Worker, WorkerEnded, Workers

if TYPE_CHECKING:
    from PIL.Image import Image

    from vlm_core.types import PageImage

MAX_PIXELS = 200_000_000
"""Of one page."""
_UNNAMED = "the picture"
# For one answer, however little of the processor the worker had; its own limit counts CPU.
_SECONDS = 60.0
_TRUST = "If you trust the file, pass trusted=True."
# Of a document's pages that may end a worker; the others are not tried then.
_MOST_FAILURES = 3
_ALLOWED = (InputError, MissingExtraError)
_keys = itertools.count()


def _start(option: str) -> Worker:
    return Worker("vlm_core.images.picture_process", option, _package_folders(), shares_memory=True)


def _package_folders() -> list[str]:
    """Where a worker finds its packages, however this process came by them."""
    found = (importlib.util.find_spec(name) for name in ("vlm_core", "PIL", "pillow_heif"))
    origins = (spec.origin for spec in found if spec is not None)
    return list(dict.fromkeys(str(Path(origin).parents[1]) for origin in origins if origin))


@cache
def workers(option: str) -> Workers:
    """The picture workers of this process: "heif" for those that read HEIC, "" for the others."""
    return Workers(partial(_start, option), os.cpu_count() or 1)


class PictureFile:
    """A stranger's picture that is open in a worker.

    Args:
        data: the file.
        kind: its format, as `sniff` calls it.
        source: what to call it in pages and errors.
        max_pixels: of one page, at most.
        reading_pixels: of a page for an engine that needs no more; a larger one is made smaller, and in grey.

    Raises:
        InputError: as `decode.open_document` says.

    Example:
        >>> with PictureFile(b"P5 1 1 255 \\x80", "PPM", "dot.pgm") as picture:
        ...     picture.page(1).pixels
        b'\\x80\\x80\\x80'
    """

    warnings: tuple[str, ...] = ()

    def __init__(
        self,
        data: bytes,
        kind: str,
        source: str,
        max_pixels: int = MAX_PIXELS,
        reading_pixels: int | None = None,
    ) -> None:
        if reading_pixels is not None:
            from vlm_core.images.decode_limits import check_length  # which loads PIL

            check_length(len(data), source or _UNNAMED)
        self._data = data
        self._source = source
        self._name = source or _UNNAMED
        self._workers = workers("heif" if kind == "HEIF" else "")
        opening = {
            "kind": kind,
            "name": source,
            "max_pixels": max_pixels,
            "reading_pixels": reading_pixels,
            "hint": _TRUST,
        }
        self._opened = OpenedElsewhere(_SECONDS, next(_keys), opening, data)
        self._failures = 0
        self.total_pages: int = self._ask({})[0]["pages"]

    def page(self, number: int) -> PageImage:
        """A frame, upright and opaque.

        Args:
            number: which one, from 1.

        Raises:
            InputError: there is no such frame, or it cannot be decoded; the others still can.
        """
        from vlm_core.types import PageImage

        told, pixels = self._ask({"request": "page", "number": number})
        make = PageImage.of_levels if told["grey"] else PageImage
        return make(
            self._checked(told, pixels),
            told["width"],
            told["height"],
            page_number=number,
            total_pages=self.total_pages,
            rotation=told["rotation"],
            source=self._source,
            original=self._data if told["original"] else None,
        )

    def readable_after(self, number: int) -> int | None:
        """The next frame behind one that can be had; None where none can, or it takes too long to tell."""
        try:
            found: int | None = self._ask({"request": "readable_after", "number": number})[0]["next"]
            return found
        except VLMError:
            return None

    def outline(self, number: int) -> tuple[int, int, str]:
        """A frame's size as `page` gives it, and no words. Arguments and errors are those of `page`."""
        width, height, words = self._ask({"request": "outline", "number": number})[0]["outline"]
        return width, height, words

    def size(self, number: int) -> tuple[int, int]:
        """Width and height of a frame as it is stored. Arguments and errors are those of `page`."""
        width, height = self._ask({"request": "size", "number": number})[0]["size"]
        return width, height

    def scaled(self, number: int, size: tuple[int, int]) -> tuple[Image, bool]:
        """A frame in mode L or RGB, and whether it was made smaller while it was decoded.

        Args:
            number: which one, from 1.
            size: in which it is wanted, as it is stored; errors are those of `page`.
        """
        from PIL import Image

        told, pixels = self._ask({"request": "scaled", "number": number, "size": size})
        size = told["width"], told["height"]
        mode = "L" if told["grey"] else "RGB"
        return Image.frombytes(mode, size, self._checked(told, pixels)), told["scaled"]

    def _checked(self, told: dict[str, Any], pixels: bytes) -> bytes:
        if len(pixels) != told["width"] * told["height"] * (1 if told["grey"] else 3):
            raise CorruptImageError(f"{self._name} cannot be decoded: it gave too few pixels")
        return pixels

    def close(self) -> None:
        """Let go of the file. Closing it again does nothing."""
        self._data = b""
        self._opened.close(self._workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_opened"):
            self.close()

    def _ask(self, request: dict[str, Any]) -> Frame:
        number: int | None = request.get("number")
        if self._failures >= _MOST_FAILURES:
            raise self._given_up(number)
        try:
            reply = self._opened.ask(self._workers, request)
        except OSError as error:
            raise _not_started(error) from None
        except WorkerEnded as end:
            self._failures += 1
            raise self._ended(str(end), number) from None
        if "failure" in reply[0]:
            raise self._error(reply[0])
        return reply

    def _error(self, told: dict[str, Any]) -> VLMError:
        kind = getattr(errors, str(told["failure"]), None)
        if not (isinstance(kind, type) and issubclass(kind, _ALLOWED)):
            kind = CorruptImageError
        said = str(told["message"])
        message = f"{self._name}: {said}" if said.startswith("it ") else said
        made: VLMError = kind(message, hint=told.get("hint", ""), page=told.get("page"))
        return made

    def _ended(self, how: str, page: int | None) -> VLMError:
        if how == "timeout":
            return ImageTooLargeError(f"{self._name} takes too long to decode", hint=_TRUST, page=page)
        message = f"{self._name} cannot be decoded: its decoder crashed or ran out of memory"
        return CorruptImageError(message, page=page)

    def _given_up(self, page: int | None) -> VLMError:
        message = f"{self._name}: {_MOST_FAILURES} of its pages ended their decoder; this one was not tried"
        return CorruptImageError(message, hint=_TRUST, page=page)


class ScaledFile(PictureFile):
    """A stranger's picture whose frames come in about the size in which they are sent.

    Args:
        data: the file.
        kind: its format, as `sniff` calls it.
        source: what to call it in errors.
        sent_size: the size in which a frame of a given size is sent.
    """

    def __init__(
        self, data: bytes, kind: str, source: str, sent_size: Callable[[tuple[int, int]], tuple[int, int]]
    ) -> None:
        self._sent_size = sent_size
        super().__init__(data, kind, source)

    def image(self, number: int) -> tuple[Image, bool]:
        """One frame, upright and opaque, of mode L or RGB; and whether it was made smaller.

        Arguments and errors are those of `page`.
        """
        return self.scaled(number, self._sent_size(self.size(number)))


def _not_started(error: Exception) -> InputError:
    message = f"the process that decodes pictures does not start ({error})"
    return InputError(message, hint="Check that this Python starts, or pass trusted=True to do without.")
