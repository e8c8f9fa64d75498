"""What checks found in the pictures of a born-digital page, as of the page that they are on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeAlias

from vlm_core.types import Box, Evidence, Finding, PageResult

OnPage: TypeAlias = Callable[[Box], Box]


class CheckedPicture(NamedTuple):
    """What was read in a picture, with its evidence, and how a box in it becomes one of the page."""

    result: PageResult
    on_page: OnPage


def checks_on_page(text: str, pictures: Iterable[CheckedPicture]) -> dict[str, Any]:
    """Fields of a page's result: what was found in its pictures, where it stands on the page.

    The page's own text needs no check. A part that stands several times in the page's text, or in other
    words, has no evidence, and a finding about it keeps its box alone.

    Args:
        text: of the page.
        pictures: that were read; those that were not checked do not count.

    Example:
        >>> said = Evidence(start=0, end=3, bboxes=((0, 0, 1, 1),), status="exact", agreement=1)
        >>> read = PageResult(text="Tea", evidence=(said,), agreement=1, checked_by="rapidocr")
        >>> half = CheckedPicture(read, lambda box: (box[0], 0.5, box[2], 1.0))
        >>> checks_on_page("Menu\\nTea", [half])["evidence"][0].start
        5
    """
    checked = [picture for picture in pictures if picture.result.checked_by]
    if not checked:
        return {}
    evidence: list[Evidence] = []
    findings: list[Finding] = []
    for result, on_page in checked:
        places = {
            piece.start: _place(result.text[piece.start : piece.end], text) for piece in result.evidence
        }
        for piece in result.evidence:
            start = places[piece.start]
            end = None if start is None else start + piece.end - piece.start
            if start is not None and end is not None and _is_free(start, end, evidence):
                boxes = tuple(map(on_page, piece.bboxes))
                evidence.append(piece.model_copy(update={"start": start, "end": end, "bboxes": boxes}))
        findings += [_moved(finding, result.evidence, places, on_page) for finding in result.findings]
    return {
        "evidence": tuple(sorted(evidence, key=lambda piece: piece.start)),
        "findings": tuple(findings),
        "agreement": _agreement([picture.result for picture in checked]),
        "checked_by": ", ".join(dict.fromkeys(picture.result.checked_by for picture in checked)),
    }


def _place(said: str, text: str) -> int | None:
    """Where a part stands in a text; None where it does not, or several times."""
    return text.index(said) if said.strip() and text.count(said) == 1 else None


def _is_free(start: int, end: int, evidence: Sequence[Evidence]) -> bool:
    return all(end <= piece.start or piece.end <= start for piece in evidence)


def _moved(
    finding: Finding, evidence: Iterable[Evidence], places: dict[int, int | None], on_page: OnPage
) -> Finding:
    start, end = finding.start, finding.end
    box = None if finding.bbox is None else on_page(finding.bbox)
    step = None
    if start is not None and end is not None:
        own = next((piece.start for piece in evidence if piece.start <= start and end <= piece.end), None)
        place = None if own is None else places[own]
        step = None if own is None or place is None else place - own
    moved = (None, None) if step is None else ((start or 0) + step, (end or 0) + step)
    return finding.model_copy(update={"bbox": box, "start": moved[0], "end": moved[1]})


def _agreement(results: Sequence[PageResult]) -> float | None:
    """The share of the letters of all pictures that stand there as they were written."""
    weighed = [(share, len(each.text)) for each in results if (share := each.agreement) is not None]
    total = sum(length for _, length in weighed)
    return round(sum(share * length for share, length in weighed) / total, 4) if total else None
