"""A receipt as data, and as text that a person can read."""

from __future__ import annotations

import re
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict

_AMOUNT = re.compile(r"(?>[^\d-]*+(-))*+[^\d-]*+(\d[\d.,'\u00a0\u202f ]*+)(-?)[^\d]*+")
_LONGEST_AMOUNT = 60
_DECIMALS = re.compile(r"[.,](\d{1,2})$")


def _amount(given: Any) -> Any:
    """An amount as printed, such as "RM 1,234.50", as a number; all else as it is."""
    if not isinstance(given, str):
        return given
    if not given.strip():
        return None
    found = _AMOUNT.fullmatch(given.strip()) if len(given) <= _LONGEST_AMOUNT else None
    if not found:
        return given
    figures = found[2].rstrip(" .,'")
    cents = _DECIMALS.search(figures)
    whole = re.sub(r"\D", "", figures[: cents.start()] if cents else figures)
    sign = "-" if found[1] or found[3] else ""
    return float(f"{sign}{whole or 0}.{cents[1] if cents else 0}")


Amount: TypeAlias = Annotated[float | None, BeforeValidator(_amount)]


class _Values(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)


class ReceiptItem(_Values):
    """One line of a receipt.

    Example:
        >>> ReceiptItem(description="Tea", total="RM 1,234.50").total
        1234.5
    """

    description: str | None = None
    quantity: Amount = None
    unit_price: Amount = None
    total: Amount = None


class Receipt(_Values):
    """What a receipt says; None where it does not.

    Example:
        >>> Receipt(merchant="SHOP", total="9,00 €").total
        9.0
    """

    merchant: str | None = None
    date: str | None = None
    """As it is printed."""
    currency: str | None = None
    items: tuple[ReceiptItem, ...] = ()
    subtotal: Amount = None
    tax: Amount = None
    total: Amount = None


def as_text(receipt: Receipt) -> str:
    """A receipt as lines of text.

    Example:
        >>> print(as_text(Receipt(merchant="SHOP", items=[{"description": "Tea", "total": 2}], total=2)))
        SHOP
        Tea  2.00
        Total  2.00
    """
    sums = {"Subtotal": receipt.subtotal, "Tax": receipt.tax, "Total": receipt.total}
    currency = receipt.currency or ""
    lines = [
        receipt.merchant or "",
        receipt.date or "",
        *map(_item, receipt.items),
        *(f"{name}  {_money(value)} {currency}" for name, value in sums.items() if value is not None),
    ]
    return "\n".join(line.rstrip() for line in lines if line.strip())


def _item(item: ReceiptItem) -> str:
    count = "" if item.quantity is None else f"{item.quantity:g} x"
    each = "" if item.unit_price is None else f"@ {_money(item.unit_price)}"
    words = " ".join(part for part in (count, item.description or "", each) if part)
    return words if item.total is None else f"{words}  {_money(item.total)}"


def _money(value: float) -> str:
    return f"{value:.2f}"
