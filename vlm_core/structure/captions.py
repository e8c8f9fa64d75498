"""Captions: paragraphs that name a table or a figure beside them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from vlm_core.types import Block

LONGEST_CAPTION = 300
_NAMES = (
    *(
        "table",
        "figure",
        "fig",
        "chart",
        "box",
        "exhibit",
        "scheme",
        "plate",
        "listing",
        "tabelle",
        "abbildung",
    ),
    *("abb", "tab", "tableau", "tabla", "figura", "tabella", "grafik", "diagramm", "graphique", "gráfico"),
)
_NAMES_CJK = ("表", "图", "圖", "図", "表格")
# As in "3", "IV", "B-2.1" and "SA3.".
_NUMBER = re.compile(r"(?:[A-Z]{1,3}(?=\d))?[\d.\-–ivxlcIVXLCA-H]*")
_BESIDE = frozenset({"table", "figure"})


def says_caption(text: str) -> bool:
    """Whether a text begins as captions do: a name, a number, and a sign that ends it.

    Example:
        >>> says_caption("Table SA3. Prices"), says_caption("Table 3 shows"), says_caption("表 2 价格")
        (True, False, True)
    """
    name, rest = _name(text)
    if not name or len(text) > LONGEST_CAPTION:
        return False
    number = rest.lstrip(". \N{NO-BREAK SPACE}")
    counted = (_NUMBER.match(number) or [""])[0]
    after = number[len(counted) :]
    if not any(sign.isdigit() or sign in "IVXLC" for sign in counted):
        return False
    return (
        name in _NAMES_CJK
        or counted.endswith((".", "-", "–"))
        or after[:1] in (":", "：", ")", "|", "")
        or (unicodedata.category(after.lstrip()[:1] or "x") == "Pd")
    )


def _name(text: str) -> tuple[str, str]:
    for name in _NAMES_CJK:
        if text.startswith(name):
            return name, text[len(name) :]
    word = text[:12].split(None, 1)[0].rstrip(".").casefold() if text[:12].split() else ""
    return (word, text[len(word) :]) if word in _NAMES else ("", text)


def with_captions(blocks: Iterable[Block]) -> list[Block]:
    """Blocks in which paragraphs beside a table or a figure that begin as captions do are captions."""
    found = list(blocks)
    for number, block in enumerate(found):
        near = found[max(0, number - 1) : number] + found[number + 1 : number + 2]
        if (
            block.kind == "paragraph"
            and says_caption(block.text)
            and any(one.kind in _BESIDE for one in near)
        ):
            found[number] = block.model_copy(update={"kind": "caption"})
    return found
