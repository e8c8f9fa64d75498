"""Pages with findings that were written by hand: no engine reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vlm_core import Evidence, Finding, PageImage, PageResult, SecondOpinion

SCANS = Path(__file__).parents[2] / "examples" / "scans"
TEXT = """# Harrow & Finch

| Oak bookshelf | 2,472.00 |
| --- | --- |
| Desk | 1,462.00 |

Total to pay 5,729.00"""


def finding_in(text: str, written: str, expected: str, **more: Any) -> Finding:
    start = text.index(written)
    facts = {"kind": "number_changed", "bbox": (0.6, 0.6, 0.95, 0.63), "score": -5.0, **more}
    return Finding(text=written, expected=expected, start=start, end=start + len(written), **facts)


def evidence_in(text: str, places: Mapping[str, tuple[float, float, float, float]]) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            start=text.index(said),
            end=text.index(said) + len(said),
            bboxes=(box,),
            status="exact",
            agreement=1.0,
        )
        for said, box in places.items()
    )


SECOND = SecondOpinion(text="Total to pay 5,724.00", model="demo:second", agrees_with="page")
FINDINGS = (
    finding_in(TEXT, "1,462.00", "1,482.00", score=-3.0),
    finding_in(TEXT, "5,729.00", "5,724.00", score=-9.0, second_opinion=SECOND),
    finding_in(TEXT, "Desk", "Reading desk", kind="text_changed", severity="note", score=-1.0),
    Finding(kind="missing", expected="VAT 20 % 954.00", bbox=(0.55, 0.58, 0.95, 0.6), score=0.0),
)
EVIDENCE = evidence_in(
    TEXT,
    {
        "# Harrow & Finch": (0.1, 0.05, 0.57, 0.08),
        "Oak bookshelf": (0.13, 0.42, 0.4, 0.44),
        "2,472.00": (0.82, 0.42, 0.95, 0.44),
        "Desk": (0.13, 0.45, 0.4, 0.47),
        "1,462.00": (0.82, 0.45, 0.95, 0.47),
        "Total to pay 5,729.00": (0.55, 0.6, 0.95, 0.63),
    },
)


@dataclass
class Written:
    """An engine that gives what was written for it, with findings as a check would leave them."""

    text: str = TEXT
    findings: Sequence[Finding] = FINDINGS
    evidence: Sequence[Evidence] = EVIDENCE
    name: str = "written"
    model: str = "by-hand"
    asked: list[str] = field(default_factory=list)

    def read_page(self, page: PageImage) -> PageResult:
        self.asked.append(page.source)
        return PageResult.of(
            page,
            text=self.text,
            raw=self.text,
            engine=self.name,
            provider="demo",
            model=self.model,
            findings=tuple(self.findings),
            evidence=tuple(self.evidence),
            agreement=0.97,
            checked_by="by hand",
            cost_usd=0.001,
        )
