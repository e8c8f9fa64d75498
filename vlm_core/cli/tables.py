"""Tables of plain text."""

from __future__ import annotations

from collections.abc import Sequence

_GAP = "  "


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as they must be, for a reader and for grep alike.

    Example:
        >>> print(table([("NAME", "KEY"), ("novita", "not set")]))
        NAME    KEY
        novita  not set
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
