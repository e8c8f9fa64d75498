"""The errors, all of one family.

VLMError
├─ ConfigError             a setting is wrong
│  └─ MissingExtraError    an optional dependency is not installed
├─ InputError              the document cannot be read: missing, unreadable or over a limit
│  ├─ UnsupportedImageError
│  ├─ CorruptImageError
│  ├─ ImageTooLargeError
│  │  └─ DecompressionBombError
│  ├─ PDFError
│  │  └─ PasswordRequiredError
│  └─ UnsafeURLError
└─ EngineError             an OCR engine failed on a page
"""

from __future__ import annotations

from typing import Any


class VLMError(Exception):
    """Anything that went wrong, said so that the reader knows what to do next.

    Args:
        message: what happened, where and why.
        hint: what to do about it; a class has its own where none is given.
        page: the page concerned, counted from 1.

    Example:
        >>> error = VLMError("scan.png: no text", hint="Try a sharper scan.", page=2)
        >>> str(error)
        'scan.png: no text. Try a sharper scan.'
        >>> error.page
        2
    """

    default_hint = "Run the call again; if it fails again, report it with this message."

    def __init__(self, message: str, *, hint: str = "", page: int | None = None) -> None:
        super().__init__(message)
        self.message = message.rstrip(". ")
        self.hint = hint or self.default_hint
        self.page = page

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _revive, (type(self), self.message), self.__dict__


def _revive(kind: type[VLMError], message: str) -> VLMError:
    return kind(message)


class ConfigError(VLMError):
    """A setting cannot be used as it was given."""

    default_hint = "Correct the setting named here."


class MissingExtraError(ConfigError, ImportError):
    """A feature needs a package that is not installed; the hint holds the command.

    It is an ImportError too, because LlamaIndex's directory reader lets only that one through.
    """

    default_hint = "Install everything with: pip install 'vlm-adapters[all]'"


class InputError(VLMError):
    """A document cannot be read."""

    default_hint = "Check that the document exists and can be opened."


class UnsupportedImageError(InputError):
    """The bytes are in no format that is read."""

    default_hint = "Give a PNG, JPEG, WebP, GIF, TIFF, BMP, PPM, AVIF, HEIC or PDF."


class CorruptImageError(InputError):
    """The picture is cut short or damaged."""

    default_hint = "Get the file again from where it came from; it is damaged."


class ImageTooLargeError(InputError):
    """The picture is over a limit."""

    default_hint = "Make the picture smaller."


class DecompressionBombError(ImageTooLargeError):
    """A small file that would unpack into an enormous picture; it is not unpacked."""

    default_hint = "If the file is trusted, shrink it with a picture editor first."


class PDFError(InputError):
    """A PDF, or one page of it, cannot be read."""

    default_hint = "Open the file in a PDF viewer; if that fails too, get it again."


class PasswordRequiredError(PDFError):
    """A PDF is encrypted, and the password is missing or wrong."""

    default_hint = "Give the right one with password=..."


class UnsafeURLError(InputError):
    """A URL leads where a stranger's URL may not lead, such as to this machine or its network."""

    default_hint = "If the address is your own, pass allow_private_urls=True."


class EngineError(VLMError):
    """An OCR engine failed on a page."""

    default_hint = "Read the page again, or with another engine."
