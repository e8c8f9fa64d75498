"""What a person decided about a page that was looked at."""

from __future__ import annotations

from typing import Literal, TypeAlias

from vlm_core.types.evidence import Finding
from vlm_core.types.value import Value

CorrectionAction: TypeAlias = Literal["accept", "correct", "ignore", "edit"]
"""accept: what the page reads was taken. correct: a person wrote something else. ignore: the text was right.
edit: a person changed the text of the page, without a finding."""


class Correction(Value):
    """A decision of a person about a finding, or a change of a page's text by hand.

    Example:
        >>> finding = Finding(kind="number_changed", text="17.90", expected="11.90", start=6, end=11)
        >>> Correction(action="accept", was="17.90", text="11.90", finding=finding).changes_text
        True
    """

    action: CorrectionAction
    was: str = ""
    """What the page's text said; empty where something was missing."""
    text: str = ""
    """What it says now; empty where something was taken out."""
    finding: Finding | None = None
    """What it was about, as the check gave it; None for a change by hand."""

    @property
    def changes_text(self) -> bool:
        """Whether the page's text is another one since."""
        return self.action != "ignore"
