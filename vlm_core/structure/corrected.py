"""A page whose text a person corrected: what was found about the page moves with the text."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import takewhile
from typing import Any, NamedTuple

from vlm_core.structure.evidence_boxes import letters_of
from vlm_core.types import Correction, Evidence, Finding, PageResult, PageState, TextLine, Word

# Of a changed part, in characters, up to which they are compared: the time grows with the square.
_LONGEST_COMPARED = 2_000
# Of a changed part, in lines.
_MOST_LINES_COMPARED = 2_000


class Edit(NamedTuple):
    """A part of a text, and what takes its place."""

    start: int
    end: int
    text: str


class Decision(NamedTuple):
    """What a person decided about a finding: which one, and what the text says in its place now."""

    finding: int
    action: str
    text: str = ""


def corrected(
    page: PageResult, text: str, decisions: Sequence[Decision] = (), *, by_hand: bool = False
) -> PageResult:
    """A page with the text that a person gave it, and with what was found about it in its new places.

    Evidence moves with the text. Of a part that was changed, the place stays, and its status is
    "not_checked": a person wrote it. The agreement is that of the parts that were not changed. Findings that
    were decided become corrections. Lines say what the text says, where a change lies within one; a page
    without evidence gets it from them, so that its blocks have boxes. `raw` stays.

    Args:
        page: as it was looked at.
        text: of the page now.
        decisions: about its findings, by their number.
        by_hand: whether a person went through the whole text. Then a page that was read badly is ok.

    Example:
        >>> finding = Finding(kind="number_changed", text="17.90", expected="11.90", start=6, end=11)
        >>> page = PageResult(text="Total 17.90", raw="Total 17.90", findings=(finding,))
        >>> now = corrected(page, "Total 11.90", [Decision(0, "accept", "11.90")])
        >>> now.text, now.raw, now.findings, now.corrected
        ('Total 11.90', 'Total 17.90', (), True)
    """
    edits = edits_between(page.text, text)
    decided = {decision.finding for decision in decisions}
    evidence = _moved_evidence(page.evidence or _evidence_of_lines(page), edits)
    moved = (_moved_finding(finding, edits) for n, finding in enumerate(page.findings) if n not in decided)
    update: dict[str, Any] = {
        "text": text,
        "evidence": evidence,
        "findings": tuple(finding for finding in moved if finding is not None),
        "agreement": None if page.agreement is None else _agreement(evidence, text),
        "lines": _corrected_lines(page, edits),
        "corrections": (*page.corrections, *_corrections(page, edits, decisions, by_hand=by_hand)),
    }
    if by_hand and text.strip():
        told = page.warnings[1:] if page.state is PageState.PARTIAL else page.warnings
        update |= {"state": PageState.OK, "error": None, "unread": (), "unread_share": 0.0, "warnings": told}
    if page.data is not None and edits:
        update |= _with_data(update.get("warnings", page.warnings), text)
    now = page.model_copy(update=update)
    now.__dict__.pop("blocks", None)  # those of the page as it was
    return now


def _corrections(
    page: PageResult, edits: Iterable[Edit], decisions: Iterable[Decision], *, by_hand: bool
) -> Iterator[Correction]:
    said: set[tuple[str, str]] = set()
    for decision in decisions:
        finding = page.findings[decision.finding]
        text = finding.text if decision.action == "ignore" else decision.text
        said.add((finding.text, text))
        yield Correction.model_validate(
            {"action": decision.action, "was": finding.text, "text": text, "finding": finding}
        )
    for edit in edits if by_hand else ():
        was = page.text[edit.start : edit.end]
        if (was, edit.text) not in said:
            yield Correction(action="edit", was=was, text=edit.text)


def _with_data(warnings: Sequence[str], text: str) -> dict[str, Any]:
    """The values of a page whose text is JSON; of another one they are not those of its text any more."""
    try:
        return {"data": json.loads(text)}
    except ValueError:
        return {"data": None, "warnings": (*warnings, "its data was dropped when its text was corrected")}


# --- what differs ---------------------------------------------------------------------------------


def edits_between(before: str, after: str) -> list[Edit]:
    """What makes one text of another, in order.

    Args:
        before: the text.
        after: what it becomes.

    Example:
        >>> edits_between("Tea 2.00\\nCake 17.90", "Tea 2.00\\nCake 11.90")
        [Edit(start=15, end=16, text='1')]
    """
    head = _length_alike(before, after)
    rest, other = before[head:], after[head:]
    tail = _length_alike(reversed(rest), reversed(other))
    rest, other = rest[: len(rest) - tail], other[: len(other) - tail]
    if not rest and not other:
        return []
    lines, others = rest.splitlines(keepends=True), other.splitlines(keepends=True)
    if max(len(lines), len(others)) > _MOST_LINES_COMPARED:
        return [Edit(head, head + len(rest), other)]
    return list(_between_lines(lines, others, head))


def _length_alike(letters: Iterable[str], others: Iterable[str]) -> int:
    """How many letters two texts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(letters, others, strict=False)))


def _between_lines(lines: Sequence[str], others: Sequence[str], at: int) -> Iterator[Edit]:
    starts = [at]
    for line in lines:
        starts.append(starts[-1] + len(line))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, lines, others, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from _between_letters("".join(lines[i1:i2]), "".join(others[j1:j2]), starts[i1])


def _between_letters(before: str, after: str, at: int) -> Iterator[Edit]:
    if max(len(before), len(after)) > _LONGEST_COMPARED:
        yield Edit(at, at + len(before), after)
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag != "equal":
            yield Edit(at + i1, at + i2, after[j1:j2])


class _Places:
    """Where a place of the text before is in the text after."""

    def __init__(self, edits: Sequence[Edit]) -> None:
        self._edits = edits
        self._starts = [edit.start for edit in edits]
        self._steps = [0]
        for edit in edits:
            self._steps.append(self._steps[-1] + len(edit.text) - (edit.end - edit.start))

    def first(self, place: int) -> int:
        """Of a part's first character. What is put in front of it does not belong to it."""
        number = bisect_right(self._starts, place)
        last = self._edits[number - 1] if number else None
        if last is not None and last.start < place < last.end:
            return last.start + self._steps[number - 1]
        if last is not None and last.start == place < last.end:  # it is changed, and begins what it becomes
            return place + self._steps[number - 1]
        return place + self._steps[number]

    def behind(self, place: int) -> int:
        """Behind a part's last character. What is put in behind it does not belong to it."""
        number = bisect_right(self._starts, place - 1)
        last = self._edits[number - 1] if number else None
        if last is not None and last.start < place < last.end:
            return last.start + self._steps[number - 1] + len(last.text)
        return place + self._steps[number]

    def touches(self, start: int, end: int) -> bool:
        """Whether something within a part is changed."""
        number = bisect_right(self._starts, end - 1)
        return number > 0 and self._edits[number - 1].end > start


# --- what moves -----------------------------------------------------------------------------------


def _moved_evidence(evidence: Iterable[Evidence], edits: Sequence[Edit]) -> tuple[Evidence, ...]:
    if not edits:
        return tuple(evidence)
    places = _Places(edits)
    moved: list[Evidence] = []
    for piece in sorted(evidence, key=lambda piece: piece.start):
        # What took the place of two parts belongs to the first of them.
        start = max(places.first(piece.start), moved[-1].end if moved else 0)
        update: dict[str, Any] = {"start": start, "end": places.behind(piece.end)}
        if places.touches(piece.start, piece.end):
            update |= {"status": "not_checked", "agreement": 0.0}
        if update["start"] < update["end"]:
            moved.append(piece.model_copy(update=update))
    return tuple(moved)


def _moved_finding(finding: Finding, edits: Sequence[Edit]) -> Finding | None:
    """A finding that was not decided, where it is now; None where its text was changed by hand."""
    if finding.start is None or finding.end is None or not edits:
        return finding
    places = _Places(edits)
    if places.touches(finding.start, finding.end):
        return None
    return finding.model_copy(
        update={"start": places.first(finding.start), "end": places.behind(finding.end)}
    )


def _agreement(evidence: Iterable[Evidence], text: str) -> float | None:
    weighed = [
        (piece.agreement, len(letters_of(text[piece.start : piece.end])))
        for piece in evidence
        if piece.status != "not_checked"
    ]
    total = sum(count for _, count in weighed)
    return round(sum(share * count for share, count in weighed) / total, 4) if total else None


def _lines_in_text(page: PageResult) -> Iterator[tuple[int, int]]:
    """Each line's number and where it begins in the text, of those that are found there in order."""
    at = 0
    for number, line in enumerate(page.lines):
        place = page.text.find(line.text, at) if line.text else -1
        if place >= 0:
            yield number, place
            at = place + len(line.text)


def _evidence_of_lines(page: PageResult) -> tuple[Evidence, ...]:
    """Where the lines that an engine read stand, of a page that was not checked."""
    return tuple(
        Evidence(
            start=start,
            end=start + len(page.lines[number].text),
            bboxes=(page.lines[number].bbox,),
            status="not_checked",
            agreement=0.0,
        )
        for number, start in _lines_in_text(page)
    )


def _corrected_lines(page: PageResult, edits: Sequence[Edit]) -> tuple[TextLine, ...]:
    if not edits:
        return page.lines
    lines = list(page.lines)
    for number, start in _lines_in_text(page):
        line = lines[number]
        end = start + len(line.text)
        within = [edit for edit in edits if start <= edit.start and edit.end <= end and edit.start < end]
        text = line.text
        for edit in reversed(within):
            text = text[: edit.start - start] + edit.text + text[edit.end - start :]
        if within and "\n" not in text:
            lines[number] = line.model_copy(
                update={"text": text, "score": None, "words": _words(text, line.words)}
            )
    return tuple(lines)


def _words(text: str, words: Sequence[Word]) -> tuple[Word, ...]:
    """Words with the boxes of those in whose places they are; none where there are more of them, or fewer."""
    now = text.split()
    if len(now) != len(words):
        return ()
    return tuple(Word(said, word.bbox) for said, word in zip(now, words, strict=True))
