"""All dialects by name. A new family is a file, and a word here."""

from __future__ import annotations

from collections.abc import Mapping

from vlm_core.ocr.dialects.deepseek_ocr import DEEPSEEK_OCR
from vlm_core.ocr.dialects.dialect import Dialect, unknown_name
from vlm_core.ocr.dialects.dots_ocr import DOTS_OCR
from vlm_core.ocr.dialects.general import GENERAL
from vlm_core.ocr.dialects.glm_ocr import GLM_OCR
from vlm_core.ocr.dialects.got_ocr2 import GOT_OCR2
from vlm_core.ocr.dialects.lightonocr import LIGHTONOCR
from vlm_core.ocr.dialects.nanonets_ocr import NANONETS_OCR
from vlm_core.ocr.dialects.numarkdown import NUMARKDOWN
from vlm_core.ocr.dialects.olmocr import OLMOCR
from vlm_core.ocr.dialects.paddleocr_vl import PADDLEOCR_VL
from vlm_core.ocr.dialects.rolmocr import ROLMOCR

DIALECTS: Mapping[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        GENERAL,
        DEEPSEEK_OCR,
        DOTS_OCR,
        GLM_OCR,
        GOT_OCR2,
        LIGHTONOCR,
        NANONETS_OCR,
        NUMARKDOWN,
        *OLMOCR,
        PADDLEOCR_VL,
        ROLMOCR,
    )
}
"""As models' rows name them in `ocr_dialect`, and "general" for all others."""


def find_dialect(name: str | None) -> Dialect:
    """The dialect of a name, as a model's row has it.

    Args:
        name: None for a model that reads not only documents.

    Raises:
        ConfigError: there is none.

    Example:
        >>> find_dialect("olmocr-2").tasks >= {"markdown"}, find_dialect(None).name
        (True, 'general')
        >>> find_dialect("olmocr2")
        Traceback (most recent call last):
        vlm_core.errors.ConfigError: There is no dialect 'olmocr2'. Did you mean olmocr-2? ...
    """
    if name is None:
        return DIALECTS["general"]
    if name not in DIALECTS:
        raise unknown_name("dialect", name, tuple(DIALECTS))
    return DIALECTS[name]
