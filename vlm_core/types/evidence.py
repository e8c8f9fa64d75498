"""What was found when a text was checked against the page's pixels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, Field

from vlm_core.types.boxes import Box, rounded
from vlm_core.types.value import Value, shown_fields

EvidenceStatus: TypeAlias = Literal["exact", "close", "contradicted", "not_found", "not_checked"]
"""exact: it stands there, letter by letter. close: but for what print and engines leave open.
contradicted: the pixels say something else. not_found: it is not on the page. not_checked: the engine that
checks cannot read it."""

FindingKind: TypeAlias = Literal[
    "number_changed", "text_changed", "not_on_page", "missing", "repeated", "unverified", "check_failed"
]
Severity: TypeAlias = Literal["review", "note"]
"""review: somebody should look. note: it was seen, and is most likely nothing."""


def _all_rounded(boxes: tuple[Box, ...]) -> tuple[Box, ...]:
    return tuple(map(rounded, boxes))


Verify: TypeAlias = bool | Literal["strict"]
"""Whether pages are checked; "strict": notes about numbers are to be looked at, too."""


class Evidence(Value):
    """A part of a page's text, and where it stands on the page.

    Example:
        >>> Evidence(start=0, end=5, bboxes=((0.1, 0.8, 0.2, 0.83),), status="exact", agreement=1.0).end
        5
    """

    start: int = Field(ge=0)
    """Of its first character in the page's text."""
    end: int = Field(ge=0)
    """Behind its last one."""
    bboxes: Annotated[tuple[Box, ...], AfterValidator(_all_rounded)] = ()
    """One a printed line, from the top; none where it was not found."""
    status: EvidenceStatus
    agreement: float = Field(ge=0, le=1)
    """The share of its letters and digits that stand on the page as they were written."""


Side: TypeAlias = Literal["answer", "page", "neither"]
"""answer: a second model reads what the first one wrote. page: it reads what the check read. neither: it
reads something else, or both, or gave no usable answer."""


class SecondOpinion(Value):
    """What a second model read at the place of a finding. It was shown the pixels, and neither reading.

    Example:
        >>> SecondOpinion(text="TOTAL 11.90", model="novita:some-vlm", agrees_with="page").agrees_with
        'page'
    """

    text: str = ""
    """Its words, the beginning of a long answer. A stranger's text, as all that is read."""
    model: str = ""
    """As "provider:model", or an engine's name."""
    agrees_with: Side


class Finding(Value):
    """A difference between a page's text and its pixels. It never changes the text.

    Example:
        >>> finding = Finding(kind="number_changed", text="17.90", expected="11.90", start=6, end=11)
        >>> finding.severity
        'review'
    """

    kind: FindingKind
    text: str = ""
    """What was written; empty where something is missing."""
    expected: str = ""
    """What stands there, as the engine that checks reads it."""
    bbox: Annotated[Box, AfterValidator(rounded)] | None = None
    """Where; None where the place is not known."""
    start: int | None = None
    """Of `text` in the page's text; None where it is not in it."""
    end: int | None = None
    score: float = 0.0
    """How strongly the pixels speak against it: the logarithm of a likelihood ratio, the lower, the more. 0
    where nothing was weighed."""
    severity: Severity = "review"
    """A note, too, where a second model reads what the first one wrote."""
    second_opinion: SecondOpinion | None = None
    """With `verify_with`: what a second model says."""
    path: str | None = None
    """Of an extracted field: a JSON pointer."""

    def __repr_args__(self) -> Iterator[tuple[str | None, object]]:
        """What is set; a long text is cut."""
        return shown_fields(self, super().__repr_args__())

    def _repr_html_(self) -> str:
        from vlm_core.export.notebook import finding_html

        return finding_html(self)
