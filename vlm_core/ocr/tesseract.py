"""Tesseract as an engine of its own, for pages whose language is known."""

from __future__ import annotations

import os
from collections.abc import Iterable

from vlm_core.ocr.local import LocalEngine, Reader
from vlm_core.ocr.scripts import as_packs
from vlm_core.ocr.tesseract_packs import find_packs, need_tesserocr


class TesseractEngine(LocalEngine):
    """Reads pages by Tesseract, in the languages that are named.

    RapidOCR's detector finds the lines, so that a page may be askew or upside down, and order, tables and
    what is unread come as from `engine="local"`. `DocumentReader(engine="tesseract:rus+eng")` makes one.

    Args:
        languages: names of Tesseract's packs, or two letters of ISO 639-1, as in "rus+eng" or ["ru", "en"].
        task: "markdown", "text", or "layout" (text where it stands on the page).
        tessdata: the folder of the packs; by default that of TESSDATA_PREFIX, else the system's.

    Raises:
        MissingExtraError: tesserocr is not installed.
        ConfigError: a language is not known, or its pack is not installed; the hint names the package.

    Example:
        >>> TesseractEngine("tlh")
        Traceback (most recent call last):
        vlm_core.errors.ConfigError: languages: 'tlh' is not a language that is known. Did you mean tha?
    """

    name = "tesseract"

    def __init__(
        self,
        languages: str | Iterable[str],
        task: str = "markdown",
        *,
        tessdata: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(task, reads_again=False)
        packs = as_packs(languages)
        need_tesserocr()
        self._packs = find_packs(tessdata)
        self._packs.check(packs, "languages")
        self.languages = packs
        self.model = "+".join(packs)
        self.route = f"tesseract:{self.model}"

    @property
    def identity(self) -> dict[str, str]:
        """What changes its answers beside the picture and the task."""
        return {**super().identity, **self._packs.identity}

    def _reader(self) -> Reader:
        from vlm_core.ocr.tesseract_reading import LoneReader

        return LoneReader(self._packs, "+".join(self.languages))
