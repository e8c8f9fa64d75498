"""How long a text is, without a tokenizer: the same in every installation."""

from __future__ import annotations

import re

LONGEST_WORD = 20
"""Characters of a word that count as one token."""
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7a3\U00020000-\U0003134f"
_TOKEN = re.compile(rf"[{_CJK}]|(?:[^\W{_CJK}]){{1,{LONGEST_WORD}}}|[^\w\s]")


def count_tokens(text: str) -> int:
    """Words, Chinese, Japanese and Korean characters, and marks, each of which is one token.

    A word is a run of letters, digits and underscores, and counts once for each 20 characters that it begins.
    A mark is any other character but a blank.

    Example:
        >>> count_tokens("Tea: 2.00"), count_tokens("茶 is tea"), count_tokens("a" * 21)
        (5, 3, 2)
    """
    return len(_TOKEN.findall(text))
