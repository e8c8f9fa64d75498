"""Answers that are the page's text, with nothing in them to take apart."""

from __future__ import annotations

from vlm_core.ocr.dialects.dialect import ModelAnswer, Reading
from vlm_core.ocr.dialects.tables import tables_in


def read_text(answer: ModelAnswer) -> Reading:
    """An answer that is text or Markdown, perhaps with tables in it.

    Example:
        >>> read_text(ModelAnswer("# SHOP", "markdown", 100, 50)).text
        '# SHOP'
    """
    return Reading(answer.text, tables=tables_in(answer.text))
