"""What an amount is, by the words beside it: that it stands on the page says nothing of its meaning."""

from __future__ import annotations

import re
from typing import NamedTuple

# Words by what they say of the amount beside them. The first that fits counts, so "subtotal" comes before
# "total". Measured on receipts by `benchmarks/evidence_fields.py`.
_WORDS: dict[str, tuple[str, str]] = {
    "subtotal": (r"sub[\s\-]*total|zwischensumme|sous[\s\-]*total|subtotaal", "小计|小計"),
    "change": (r"change|r(?:ü|ue)ckgeld|rendu|cambio|vuelto|troco", "找零|おつり|お釣り"),
    "rounding": (
        r"rounding(?:\s*adj\w*)?|round(?:\.?\s*(?:adj\w*|am(?:oun)?t))?|rundung|arrondi",
        "四舍五入",
    ),
    "discount": (r"disc|discount|savings?|rebate|rabatt|remise|descuento|desconto", "折扣|割引"),
    "quantity": (r"qty|quantity|items?|pcs|menge|anzahl|quantit[eéà]|cantidad", "数量"),
    "tax": (r"tax|taxes|gst|vat|sst|mwst|ust|tva|iva|btw", "税额|消費税"),
    "net": (r"excl\w*|net\s*(?:amount|sales)|netto|hors\s*taxe|before\s*tax|supplies", "税抜"),
    "paid": (
        r"cash|tender\w*|paid|payment|received|card|visa|master\w*|credit|debit|bar|gegeben|esp[eè]ces?|efectivo",
        "现金|お預り",
    ),
    "total": (
        r"total\w*|totaal|amount|amt|due|payable|nett?|rounded|to\s*pay|gesamt\w*|summe|betrag|montant|importe",
        "合计|总计|合計|应付|お会計",
    ),
}
_ROLES = {
    # Scripts without blanks have no edges of words.
    role: re.compile(rf"(?<![^\W\d_])(?:{words})(?![^\W\d_])|{others}", re.IGNORECASE)
    for role, (words, others) in _WORDS.items()
}
# What says how a total was made, and not that it is something else.
_MADE_SO = re.compile(
    r"\(?\b(?:incl\w*|inc|with|after|plus|w/)\b\.?\s*(?:of\s*)?(?:\d+(?:[.,]\d+)?\s*%\s*)?"
    r"(?:gst|tax(?:es)?|vat|sst|cst|service|rounding|adj\w*|discount|disc)?[^\w|]*(?:\d+(?:[.,]\d+)?\s*%)?",
    re.IGNORECASE,
)
_TAX_FREE = re.compile(r"\b(?:excl\w*|before)\.?\s*(?:of\s*)?(?:gst|tax(?:es)?|vat|sst)\b", re.IGNORECASE)
_TAX_IN_IT = re.compile(r"\(?(?<!\s)\s*+(?:gst|tax|vat|sst)\W*incl\w*\)?|\(\s*gst\s*\)", re.IGNORECASE)
# Capitals that engines take for each other on faint print; words of fewer letters are too often another one.
_SHAPES = str.maketrans("tliuqd0", "iiioooo")
_LONG_ENOUGH = 5
_SHAPED = ("subtotal", "total", "discount", "change")


def role_of_field(name: str, description: str = "") -> str | None:
    """Which amount a field asks for, by its name and description; None where they do not say.

    Example:
        >>> role_of_field("grand_total"), role_of_field("subTotal"), role_of_field("invoice_number")
        ('total', 'subtotal', None)
    """
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ")
    for text in (words, description):
        roles = [role for role, pattern in _ROLES.items() if pattern.search(_TAX_FREE.sub("excl", text))]
        if roles:
            return roles[0]
    return None


class Label(NamedTuple):
    """The words beside an amount."""

    text: str
    roles: tuple[str, ...]
    """What they say, the nearest first."""

    def is_for(self, role: str) -> bool:
        """Whether they call the amount so."""
        return self.roles[:1] == (role,)

    def is_surely_for(self, role: str) -> bool:
        """Whether they call it so and nothing else."""
        return self.roles == (role,)


def label_of(parts: list[str]) -> Label:
    """What the parts of a row say of the amount behind them.

    Args:
        parts: from left to right.

    Example:
        >>> label_of(["Total Saving", "Total Incl. of GST 6% :"]).roles
        ('total', 'discount')
    """
    roles = [role for part in reversed(parts) if (role := role_of_words(part)) is not None]
    return Label(" ".join(" ".join(parts).split()), tuple(dict.fromkeys(roles)))


def role_of_words(text: str) -> str | None:
    """What some words say of the amount beside them; None where they say nothing.

    Example:
        >>> role_of_words("Total Sales (Excluding GST)"), role_of_words("IUIAL (GST INCL)")
        ('net', 'total')
    """
    if _TAX_FREE.search(text):
        return "net"
    plain = _MADE_SO.sub(" ", _TAX_IN_IT.sub(" ", text))
    for role, pattern in _ROLES.items():
        if pattern.search(plain):
            return role
    words = [word for word in re.findall(r"[^\W_]+", plain.casefold()) if len(word) >= _LONG_ENOUGH]
    shapes = {word.translate(_SHAPES) for word in words}
    return next((role for role in _SHAPED if role.translate(_SHAPES) in shapes), None)
