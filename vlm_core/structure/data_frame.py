"""Tables as pandas has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vlm_core.errors import MissingExtraError
from vlm_core.structure.table_grid import header_rows, rows
from vlm_core.types import Table

if TYPE_CHECKING:
    from pandas import DataFrame

# Stands between the header cells of one column where a table has several header rows.
_BETWEEN = " / "


def as_dataframe(table: Table) -> DataFrame:
    """A table as pandas has it; `Table.to_dataframe` says more."""
    try:
        from pandas import DataFrame
    except ImportError as error:
        raise MissingExtraError(
            "pandas is not installed", hint="Install it with: pip install pandas"
        ) from error
    count = header_rows(table) if header_rows(table) < table.row_count else 0
    header, body = rows(table, repeat_spans=True)[:count], rows(table, repeat_spans=True)[count:]
    names = [_name(column) for column in zip(*header, strict=True)] if header else None
    return DataFrame(body, columns=names, dtype="str")


def _name(texts: tuple[str, ...]) -> str:
    """A column's name: each different text of its header once, from the top."""
    return _BETWEEN.join(dict.fromkeys(" ".join(text.split()) for text in texts if text))
