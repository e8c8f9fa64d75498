"""Values that were extracted from a document, each with the place where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from vlm_core.types.boxes import Box, rounded, union
from vlm_core.types.evidence import EvidenceStatus, Finding
from vlm_core.types.usage import Usage
from vlm_core.types.value import Value


def _all_rounded(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    return tuple(map(rounded, boxes))


class ExtractedField(Value):
    """One value, and what stands on the page in its place.

    Example:
        >>> ExtractedField(value=9.0, path="/total", page=1, text="9.00", status="exact", agreement=1.0).ok
        True
    """

    value: Any = None
    """As the data has it: a text, a number, a truth value or None."""
    path: str = ""
    """A JSON pointer: where it is in the data."""
    page: int | None = None
    """On which page, from 1; None where it was not found."""
    source: str = ""
    """Of that page."""
    bboxes: Annotated[tuple[Box, ...], AfterValidator(_all_rounded)] = ()
    """One a printed line, as fractions of the upright page."""
    text: str = ""
    """What stands there. Of a value that is contradicted: what stands there instead."""
    status: EvidenceStatus
    agreement: float = Field(default=0.0, ge=0, le=1)
    """The share of its letters and digits that stand there as they were written."""
    label: str = ""
    """Of an amount: the words in front of it."""
    needs_review: bool = False
    """Whether a finding says that somebody should look at it."""

    @property
    def ok(self) -> bool:
        """Whether it stands on the page, and nothing speaks against it."""
        return self.status in ("exact", "close") and not self.needs_review

    @property
    def bbox(self) -> Box | None:
        """The box around all of it; None where it was not found."""
        return rounded(union(self.bboxes)) if self.bboxes else None


class ExtractionResult(Value):
    """What a model extracted from a document, with the proof of each value.

    Example:
        >>> total = ExtractedField(value=9.0, path="/total", page=1, text="9.00", status="exact")
        >>> result = ExtractionResult(data={"total": 9.0}, fields={"total": total})
        >>> result.fields["total"].text, result.ok
        ('9.00', True)
    """

    data: Any = None
    """Plain values, or an object of the pydantic model that was given."""
    fields: Any = None
    """The same tree of dicts and lists as the data as JSON; each leaf is an `ExtractedField`."""
    findings: tuple[Finding, ...] = ()
    """What differs between values and pages, and which checks failed. They never change the data."""
    source: str = ""
    pages: tuple[int, ...] = ()
    """The pages that were shown to the model, from 1."""
    checked_by: str = ""
    """What read the pages for the proof; empty where nothing did."""
    notes: tuple[str, ...] = ()
    """What was left out or could not be done."""
    route: str | None = None
    """Who answered, as "provider:model"."""
    usage: Usage | None = None

    def leaves(self) -> Iterator[ExtractedField]:
        """All fields, in the order of the data.

        Example:
            >>> tea = ExtractedField(value="Tea", path="/items/0", status="not_checked")
            >>> [field.path for field in ExtractionResult(fields={"items": [tea]}).leaves()]
            ['/items/0']
        """
        yield from _leaves(self.fields)

    @property
    def ok(self) -> bool:
        """Whether no finding is to be looked at."""
        return not any(finding.severity == "review" for finding in self.findings)


def _leaves(tree: object) -> Iterator[ExtractedField]:
    if isinstance(tree, ExtractedField):
        yield tree
    elif isinstance(tree, (dict, list, tuple)):
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from _leaves(part)
