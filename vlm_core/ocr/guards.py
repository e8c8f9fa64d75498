"""What must be said of a page beside its text."""

from __future__ import annotations

import unicodedata

from vlm_core.types import PageImage

NO_TEXT = "no text was found, but the page is not blank"

BACKGROUND_TOLERANCE = 40
"""Grey levels from 255 by which paper may differ from its usual shade."""
INK_SHARE = 0.0005
"""A page with less ink than this, as a share of its area, is blank."""
BLANK_WIDTH = 400
"""Pixels: the width at which a page is looked at for ink, so that dust does not count."""


def is_blank(page: PageImage) -> bool:
    """Whether a page's pixels hold nothing but paper.

    Example:
        >>> is_blank(PageImage(pixels=b"\\xff" * 300, width=10, height=10))
        True
    """
    import cv2
    import numpy as np

    rgb = np.frombuffer(page.pixels, np.uint8).reshape(page.height, page.width, 3)
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    scale = min(1.0, BLANK_WIDTH / page.width)
    shape = max(1, round(page.width * scale)), max(1, round(page.height * scale))
    small = cv2.resize(grey, shape, interpolation=cv2.INTER_AREA).astype(np.int16)
    ink = np.abs(small - np.median(small)) > BACKGROUND_TOLERANCE
    return bool(ink.mean() < INK_SHARE)


def invisible_characters(text: str) -> int:
    """How many characters of a text show nowhere, as hidden instructions do not.

    Counted are format characters: tags, zero-width and bidirectional controls
    (OWASP LLM01:2025 names them as a way to inject prompts).

    Example:
        >>> invisible_characters("to" + chr(0x200B) + "tal")
        1
    """
    return sum(unicodedata.category(character) == "Cf" and character != "\u00ad" for character in text)


def page_warnings(text: str) -> list[str]:
    """What is odd about a page's text, whoever read it.

    Example:
        >>> page_warnings("plain")
        []
    """
    hidden = invisible_characters(text)
    return [f"the text holds {hidden} invisible characters"] if hidden else []
