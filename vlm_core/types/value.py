"""What all values have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pydantic import BaseModel, ConfigDict

# Of a text in a repr.
_LONGEST_SHOWN = 80


class Value(BaseModel):
    # Built on first use: importing the package must cost next to nothing.
    model_config = ConfigDict(frozen=True, arbitrary_types_allowed=True, extra="forbid", defer_build=True)


def shown_fields(
    value: BaseModel, fields: Iterable[tuple[str | None, object]]
) -> Iterator[tuple[str | None, object]]:
    """The fields that a short repr shows: those that are not as they are by default, long texts cut.

    Args:
        value: whose fields they are.
        fields: as pydantic shows them.
    """
    for name, field in fields:
        if name is None or field != type(value).model_fields[name].get_default():
            is_long = isinstance(field, str) and len(field) > _LONGEST_SHOWN
            yield name, f"{field[:_LONGEST_SHOWN]}…" if is_long and isinstance(field, str) else field
