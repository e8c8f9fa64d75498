"""Where Tesseract's language packs are on this machine, and which: tesserocr's wheel brings none."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from vlm_core.errors import ConfigError, MissingExtraError
from vlm_core.ocr.scripts import how_to_install

# Where packages put them: Debian, Fedora and Arch, Homebrew, MacPorts, the installer for Windows.
_FOLDERS = (
    "/usr/share/tesseract-ocr/*/tessdata",
    "/usr/share/tessdata",
    "/usr/share/tesseract/tessdata",
    "/opt/homebrew/share/tessdata",
    "/usr/local/share/tessdata",
    "/opt/local/share/tessdata",
    "C:/Program Files/Tesseract-OCR/tessdata",
)
_SUFFIX = ".traineddata"


@dataclass(frozen=True)
class Packs:
    """A folder with language packs.

    Args:
        folder: that holds them; empty where there is none.
        sizes: of the packs' files, by their names.
    """

    folder: str
    sizes: tuple[tuple[str, int], ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Of the packs, in order.

        Example:
            >>> Packs("", (("osd", 10), ("rus", 3))).names
            ('osd', 'rus')
        """
        return tuple(name for name, _ in self.sizes)

    @property
    def identity(self) -> dict[str, str]:
        """What changes what Tesseract reads: its version, and the packs."""
        packs = " ".join(f"{name}:{size}" for name, size in self.sizes)
        return {"tesserocr": version("tesserocr"), "packs": packs}

    def check(self, packs: tuple[str, ...], name: str) -> None:
        """Refuse languages whose packs are not here.

        Args:
            packs: that are wanted.
            name: of the argument.

        Raises:
            ConfigError: one is missing; the hint says what brings it.
        """
        missing = [pack for pack in packs if pack not in self.names]
        if missing:
            place = f"in {self.folder}" if self.folder else "on this machine"
            raise ConfigError(
                f"{name}: Tesseract's language pack {', '.join(missing)} is not {place}",
                hint=f"Install it: {how_to_install(missing)}.",
                argument=name,
            )


@cache
def is_installed() -> bool:
    """Whether tesserocr can be imported."""
    return find_spec("tesserocr") is not None


def need_tesserocr() -> None:
    """Raise where tesserocr is not installed.

    Raises:
        MissingExtraError: with the command that installs it.
    """
    if not is_installed():
        raise MissingExtraError(
            "Tesseract is not installed", hint="Install it with: pip install 'vlm-adapters[tesseract]'"
        )


def find_packs(folder: str | os.PathLike[str] | None = None) -> Packs:
    """The language packs of this machine.

    Args:
        folder: that holds them. By default that of TESSDATA_PREFIX, else the system's.

    Example:
        >>> find_packs("/nowhere").names
        ()
    """
    for place in [Path(folder)] if folder is not None else _places():
        sizes = tuple((file.name.removesuffix(_SUFFIX), file.stat().st_size) for file in _files(place))
        if sizes:
            return Packs(str(place), sizes)
    return Packs("")


def _places() -> Iterator[Path]:
    if prefix := os.environ.get("TESSDATA_PREFIX"):
        yield from (Path(prefix), Path(prefix) / "tessdata")
    for pattern in _FOLDERS:
        root = Path(Path(pattern).anchor or "/")
        # The newest Tesseract's first.
        yield from sorted(root.glob(pattern.removeprefix(root.as_posix())), reverse=True)


def _files(place: Path) -> list[Path]:
    return sorted(file for file in place.glob(f"*{_SUFFIX}") if file.is_file()) if place.is_dir() else []
