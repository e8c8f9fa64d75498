"""What must be said of a page beside its text."""

from __future__ import annotations

import unicodedata

from vlm_core.types import PageImage

NO_TEXT = "no text was found, but the page is not blank"

INK_SHARE = 0.0005
"""A page with less ink than this, as a share of its area, is blank."""


def is_blank(page: PageImage) -> bool:
    """Whether a page's pixels hold nothing but paper.

    Example:
        >>> is_blank(PageImage(pixels=b"\\xff" * 300, width=10, height=10))
        True
    """
    from vlm_core.images.blank import ink_share  # which loads PIL

    return ink_share(page) < INK_SHARE


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
