"""What models write, checked against pixels: places, changes caught, false alarms, cost.

    python benchmarks/evidence.py DOCUMENTS [--cache FOLDER] [--only NAME ...] [--pages N] [--details]

DOCUMENTS holds `receipts` (SROIE: a picture, and a CSV file with a line a row), `tables/icdar2013-eu`,
`layout/omnidocbench`, `hard` and `scripts`. FOLDER keeps what the local engine has read with its matrices.

No vision model is asked. `evidence_answers.py` writes answers of true lines in four layouts, with errors of
thirteen kinds, lines left out, repeated and made up. Tesseract, where it is installed, is a real model: it
reads the true boxes, and what it misreads is what a check should find. A line is wrong if its letters and
digits differ.

A line counts as caught where a finding to be looked at overlaps it, as placed where its box and the true one
share half of what they cover together. Exits with 1 where the figures that the project promises are not met.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from evidence_answers import (
    LAYOUTS,
    LEFT_OUT,
    MADE_UP,
    NUMBERS,
    REPEATED,
    WORDS,
    Answer,
    Box,
    Dice,
    TrueLine,
    answer_of,
    shuffled_blocks,
)
from evidence_pages import Cache, TrueCell, TruePage, key, layouts, receipts, tables, tesseract_lines

from vlm_core.evidence.boxes import boxes_of
from vlm_core.evidence.check import Checked, Mark, check
from vlm_core.evidence.verify import PageVerifier
from vlm_core.ocr.printed_page import PrintedPage
from vlm_core.types import PageResult, union

HALF = 0.5


class Figure(NamedTuple):
    """A measured share or number, and what it must be at least, or at most."""

    name: str
    value: float
    of: int
    least: float | None = None
    most: float | None = None

    @property
    def holds(self) -> bool:
        return (self.least is None or self.value >= self.least) and (
            self.most is None or self.value <= self.most
        )


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    across, down = (
        min(one[2], other[2]) - max(one[0], other[0]),
        min(one[3], other[3]) - max(one[1], other[1]),
    )
    if across <= 0 or down <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return across * down / (sum(areas) - across * down)


def place_of(checked: Checked, page: PrintedPage, start: int, end: int) -> Box | None:
    """Where a part of an answer was placed."""
    offsets = checked.placing.answer.offsets
    letters = ((offsets >= start) & (offsets < end)).nonzero()[0]
    boxes = boxes_of(checked.placing, letters, page.pixels)
    return union(box for _, box in boxes) if boxes else None


# --- receipts -------------------------------------------------------------------------------------


@dataclass
class Tally:
    """What was counted over pages."""

    placed: list[float] = field(default_factory=list)
    right: int = 0
    alarms: int = 0
    alarms_with_notes: int = 0
    pages: int = 0
    findings: int = 0
    missed_wrongly: int = 0
    seconds: float = 0.0
    caught: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))

    def error(self, kind: str, *, review: bool, note: bool) -> None:
        counts = self.caught[kind]
        counts[0] += 1
        counts[1] += review
        counts[2] += review or note

    def share(self, kinds: Iterable[str], column: int = 1) -> tuple[float, int]:
        counted = [self.caught[kind] for kind in kinds if kind in self.caught]
        total = sum(counts[0] for counts in counted)
        return (sum(counts[column] for counts in counted) / total if total else 1.0), total


def count_answer(
    tally: Tally, page: TruePage, printed: PrintedPage, answer: Answer, details: str | None
) -> None:
    started = time.process_time()
    checked = check(answer.text, printed)
    tally.seconds += time.process_time() - started
    tally.pages += 1
    tally.findings += sum(mark.severity == "review" for mark in checked.marks)
    for start, end, line, error in answer.parts:
        marks = [mark for mark in checked.marks if mark.span and mark.span[0] < end and start < mark.span[1]]
        review = [mark for mark in marks if mark.severity == "review"]
        if error is None and line is not None:
            box = place_of(checked, printed, start, end)
            tally.placed.append(overlap(box, page.lines[line].box) if box else 0.0)
            tally.right += 1
            tally.alarms += bool(review)
            tally.alarms_with_notes += bool(marks)
            if details and review:
                print("false alarm", page.name, details, review, page.lines[line].text)
        else:
            name = kind_of(error or "", answer.text[start:end])
            tally.error(name, review=bool(review), note=bool(marks))
            if details and not review:
                print("not caught", page.name, details, name, repr(answer.text[start:end]), marks)
    count_left_out(tally, page, checked.marks, answer, details)


def kind_of(error: str, text: str) -> str:
    """An error with the size of what it is in: what is very short looks like much else."""
    if error in NUMBERS and error != "other date" and len(text.strip()) <= 2:
        return f"{error}, 1-2 characters"
    if error == REPEATED and sum(letter.isalnum() for letter in text) < 6:
        return f"{error}, short"
    return error


def count_left_out(
    tally: Tally, page: TruePage, marks: Sequence[Mark], answer: Answer, details: str | None
) -> None:
    missing = [mark for mark in marks if mark.kind == "missing" or (mark.box and mark.severity == "review")]
    used: set[int] = set()
    for number in answer.left_out:
        text, box = page.lines[number]
        over = [
            place
            for place, mark in enumerate(missing)
            if mark.box is not None and covers(mark.box, box) and mark.kind not in ("not_on_page", "repeated")
        ]
        used.update(over)
        letters = sum(letter.isalnum() for letter in text)
        size = "" if letters >= 6 else ", 2-5 characters" if letters >= 2 else ", 1 character"
        tally.error(LEFT_OUT + size, review=bool(over), note=bool(over))
        if details and not over and letters >= 6:
            print("not missed", page.name, details, page.lines[number])
    tally.missed_wrongly += sum(
        mark.kind == "missing" and place not in used for place, mark in enumerate(missing)
    )


def covers(one: Box, other: Box) -> bool:
    """Whether two boxes share a third of the smaller one."""
    across, down = (
        min(one[2], other[2]) - max(one[0], other[0]),
        min(one[3], other[3]) - max(one[1], other[1]),
    )
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return across > 0 and down > 0 and across * down > 0.3 * min(areas)


def measure_receipts(documents: Path, cache: Cache, options: Options) -> list[Figure]:
    clean, bad = Tally(), Tally()
    for page in receipts(documents, options.pages):
        printed = cache.page(page.name, page.path)
        number = int(page.name[-3:])
        for seed in range(4):
            details = f"clean {seed}" if options.details and seed == 0 else None
            answer = answer_of(page.lines, 100 * number + seed, LAYOUTS[seed], with_errors=False)
            count_answer(clean, page, printed, answer, details)
            layout = Dice(7 * seed + number).choice(LAYOUTS)
            answer = answer_of(page.lines, 100 * number + seed, layout, with_errors=True)
            count_answer(bad, page, printed, answer, f"bad {seed}" if options.details else None)
    numbers, words = bad.share(NUMBERS), bad.share(WORDS)
    print_kinds(bad)
    return [
        Figure("receipts: lines placed, clean", share(clean.placed), len(clean.placed), least=0.96),
        Figure("receipts: lines placed, 12 % bad", share(bad.placed), len(bad.placed), least=0.95),
        Figure("receipts: numbers of 3 or more caught", *numbers, least=0.97),
        Figure("receipts: the same with notes", *bad.share(NUMBERS, 2)),
        Figure("receipts: letters and names caught", *words, least=0.96),
        Figure("receipts: invented lines caught", *bad.share([MADE_UP]), least=0.99),
        Figure("receipts: missing lines of 6 or more caught", *bad.share([LEFT_OUT]), least=0.97),
        Figure("receipts: repeated lines caught", *bad.share([REPEATED])),
        Figure(
            "receipts: false alarms a right line, clean", clean.alarms / clean.right, clean.right, most=0.025
        ),
        Figure("receipts: the same with notes ", clean.alarms_with_notes / clean.right, clean.right),
        Figure(
            "receipts: false alarms a right line, 12 % bad", bad.alarms / bad.right, bad.right, most=0.035
        ),
        Figure("receipts: findings a clean page", clean.findings / clean.pages, clean.pages, most=2.5),
        Figure("receipts: false 'missing' a clean page", clean.missed_wrongly / clean.pages, clean.pages),
        Figure("receipts: CPU s a clean page", clean.seconds / clean.pages, clean.pages, most=0.1),
        Figure("receipts: CPU s a page with 12 % bad", bad.seconds / bad.pages, bad.pages, most=0.35),
    ]


def share(overlaps: Sequence[float]) -> float:
    return sum(value >= HALF for value in overlaps) / max(1, len(overlaps))


def print_kinds(tally: Tally) -> None:
    print("error                          of  caught  with notes")
    for kind, (total, review, both) in sorted(tally.caught.items()):
        print(f"{kind:28} {total:5}  {review / total:6.1%}  {both / total:6.1%}")
    print()


# --- Tesseract as the model
# -----------------------------------------------------------------------------------


def measure_tesseract(documents: Path, cache: Cache, options: Options) -> list[Figure]:
    if shutil.which("tesseract") is None:
        print("tesseract is not installed: what it misreads was not measured")
        return []
    tally = Tally()
    for page in receipts(documents, options.pages):
        printed = cache.page(page.name, page.path)
        read = cache.text(f"tesseract_{page.name}", lambda page=page: tesseract_lines(page))
        answer = answer_of(
            [TrueLine(text, line.box) for text, line in zip(read, page.lines, strict=True)],
            0,
            "rows",
            with_errors=False,
        )
        checked = check(answer.text, printed)
        for start, end, number, _ in answer.parts:
            assert number is not None
            true, text = page.lines[number].text, read[number]
            marks = [
                mark for mark in checked.marks if mark.span and mark.span[0] < end and start < mark.span[1]
            ]
            review = any(mark.severity == "review" for mark in marks)
            if key(true) == key(text):
                tally.right += 1
                tally.alarms += review
                if options.details and review:
                    print("false alarm", page.name, "tesseract", marks, true)
                continue
            if not key(text):
                continue
            digits = "".join(filter(str.isdigit, true)) != "".join(filter(str.isdigit, text))
            tally.error("number" if digits else "word", review=review, note=bool(marks))
            if options.details and not review:
                print("not caught", page.name, "tesseract", repr(text), repr(true), marks)
    return [
        Figure("Tesseract: wrong lines caught", *tally.share(("number", "word")), least=0.80),
        Figure("Tesseract: the same with notes", *tally.share(("number", "word"), 2), least=0.88),
        Figure("Tesseract: wrong numbers caught", *tally.share(["number"])),
        Figure("Tesseract: the same, with notes", *tally.share(["number"], 2), least=0.90),
        Figure("Tesseract: false alarms a right line", tally.alarms / tally.right, tally.right, most=0.03),
    ]


# --- tables, layouts, hard pages, scripts
# ---------------------------------------------------------------------


def measure_tables(documents: Path, cache: Cache, options: Options) -> list[Figure]:
    found: dict[str, list[tuple[bool, int]]] = {"in order": [], "shuffled": []}
    for name, path, number, cells in tables(documents, options.pages):
        printed = cache.page(name, path, number)
        for way, hits in found.items():
            rows = [row for table in cells for row in by_row(table)]
            if way == "shuffled":
                order = shuffled_blocks([str(place) for place in range(len(rows))], 1)
                rows = [rows[int(place)] for place in order]
            hits += count_cells(rows, printed, f"{name} {way}" if options.details else None)
    figures = []
    for way, hits in found.items():
        long = [hit for hit, length in hits if length >= 3]
        every = [hit for hit, _ in hits]
        least = (0.93, 0.97) if way == "in order" else (0.90, None)
        figures += [
            Figure(
                f"tables {way}: cells' centres", sum(every) / max(1, len(every)), len(every), least=least[0]
            ),
            Figure(f"tables {way}: of 3 or more", sum(long) / max(1, len(long)), len(long), least=least[1]),
        ]
    return figures


def by_row(cells: Sequence[TrueCell]) -> list[list[TrueCell]]:
    rows: dict[int, list[TrueCell]] = defaultdict(list)
    for cell in cells:
        rows[cell.row].append(cell)
    return [sorted(rows[row], key=lambda cell: cell.column) for row in sorted(rows)]


def count_cells(
    rows: Sequence[Sequence[TrueCell]], printed: PrintedPage, details: str | None
) -> list[tuple[bool, int]]:
    text, spans = "<table>", []
    for row in rows:
        text += "<tr>"
        for cell in row:
            text += "<td>"
            shown = cell.text.replace("&", "&amp;").replace("<", "&lt;")
            spans.append((len(text), len(text) + len(shown), cell))
            text += shown + "</td>"
        text += "</tr>"
    checked = check(text + "</table>", printed)
    width, height = printed.result.width, printed.result.height
    hits = []
    for start, end, cell in spans:
        box = place_of(checked, printed, start, end)
        x, y = ((box[0] + box[2]) / 2 / width, (box[1] + box[3]) / 2 / height) if box else (-1.0, -1.0)
        x0, y0, x1, y1 = cell.box
        hit = x0 - 0.002 <= x <= x1 + 0.002 and y0 - 0.002 <= y <= y1 + 0.002
        hits.append((hit, len(cell.text)))
        if details and not hit:
            print(
                "cell elsewhere",
                details,
                repr(cell.text),
                box,
                [x0 * width, y0 * height, x1 * width, y1 * height],
            )
    return hits


def measure_layouts(documents: Path, cache: Cache, options: Options) -> list[Figure]:
    found: dict[str, list[float]] = {"in order": [], "shuffled": []}
    for page in layouts(documents, options.pages):
        printed = cache.page(page.name, page.path)
        for way, overlaps in found.items():
            blocks = list(page.lines)
            if way == "shuffled":
                Dice(1).shuffle(blocks)
            text, spans = "", []
            for block in blocks:
                spans.append((len(text), len(text) + len(block.text), block))
                text += block.text + "\n\n"
            checked = check(text, printed)
            for start, end, block in spans:
                box = place_of(checked, printed, start, end)
                overlaps.append(overlap(box, block.box) if box else 0.0)
                if options.details and overlaps[-1] < HALF:
                    print(
                        "block elsewhere",
                        page.name,
                        way,
                        round(overlaps[-1], 2),
                        box,
                        block.box,
                        block.text[:70],
                    )
    return [
        Figure(
            "layout in order: blocks placed", share(found["in order"]), len(found["in order"]), least=0.85
        ),
        Figure(
            "layout shuffled: blocks placed", share(found["shuffled"]), len(found["shuffled"]), least=0.80
        ),
    ]


def measure_hard(documents: Path, cache: Cache, options: Options) -> list[Figure]:
    """Printed lines of a page askew or photographed, of which only the text is known: the local engine's
    lines,
    with the true text in the place of its own."""
    hits: list[bool] = []
    for path in sorted((documents / "hard").glob("*.json"))[: options.pages]:
        name = path.stem
        if not any(kind in name for kind in ("photo", "skew", "persp")):
            continue
        printed = cache.page(f"hard_{name}", path.with_suffix(".jpg"))
        text = json.loads(path.read_text())["text"]
        checked = check(text, printed)
        held = checked.placing
        for piece in held.page.pieces:
            letters = held.giver[piece.first : piece.last]
            own = letters[letters >= 0]
            right = len(own) and held.is_equal(own).mean() >= 0.8
            hits.append(bool(right) and len(own) >= 0.8 * (piece.last - piece.first))
            if options.details and not hits[-1]:
                print("line elsewhere", name, piece.line.text)
    return [
        Figure("hard (photo, skew, perspective): lines", sum(hits) / max(1, len(hits)), len(hits), least=0.95)
    ]


def measure_scripts(documents: Path, cache: Cache, options: Options) -> list[Figure]:
    findings = pages = 0
    checked_lines = 0
    for path in sorted((documents / "scripts").glob("*.json"))[: options.pages]:
        printed = cache.page(f"scripts_{path.stem}", path.with_suffix(".png"))
        checked = check(json.loads(path.read_text())["text"], printed)
        review = [mark for mark in checked.marks if mark.severity == "review"]
        findings += len(review)
        pages += 1
        if path.stem == "mixrus":
            checked_lines = sum(unit.status in ("exact", "close") for unit in checked.evidence)
        if options.details and review:
            print("script", path.stem, printed.result.state, review)
    return [
        Figure("scripts: findings on true texts", findings, pages, most=0),
        Figure("scripts: English lines of mixrus checked", checked_lines, 8, least=4),
    ]


# --- answers that are not of the page -------------------------------------------------------------


SUMMARY = (
    "This document is a receipt from a shop. It lists several articles with their prices, a subtotal, the "
    "tax that was charged and the amount that the customer paid in cash. The date of the purchase is near "
    "the top."
)
TRANSLATION = (
    "Kassenbon. Vielen Dank für Ihren Einkauf. Gesamtbetrag einschließlich Mehrwertsteuer. Barzahlung "
    "erhalten, Rückgeld ausgezahlt. Umtausch nur innerhalb von vierzehn Tagen gegen Vorlage dieses Belegs."
)
INVENTION = (
    "Invoice number 4711. Dear customer, thank you for your order of twelve boxes of paper at 3.20 each."
)


def are_of_one_shop(one: TruePage, other: TruePage) -> bool:
    """Whether a fifth of one receipt's lines are on the other, too, as where both are of one shop."""
    lines = {key(line.text) for line in one.lines}
    return len(lines & {key(line.text) for line in other.lines}) >= 0.2 * len(lines)


def measure_strangers(documents: Path, cache: Cache, options: Options) -> list[Figure]:
    pages = list(receipts(documents, options.pages))
    verifier = PageVerifier(engine=cache.engine)
    told: dict[str, list[bool]] = defaultdict(list)
    for number, page in enumerate(pages):
        printed = cache.page(page.name, page.path)
        other = next(other for other in [*pages[number + 1 :], *pages] if not are_of_one_shop(page, other))
        texts = {
            "another page's text": answer_of(other.lines, number, "rows", with_errors=False).text,
            "a summary": SUMMARY,
            "another language": TRANSLATION,
        }
        for name, text in texts.items():
            result = verifier.checked(PageResult(text=text), printed, "")
            told[name].append(result.state == "mismatch")
            if options.details and not told[name][-1]:
                print("not told", page.name, name, result.agreement)
        own = verifier.checked(PageResult(text="\n".join(line.text for line in page.lines)), printed, "")
        told["the page's own text is not"].append(own.state == "ok")
    return [
        Figure(f"mismatch: {name}", sum(hits) / len(hits), len(hits), least=0.95)
        for name, hits in told.items()
    ]


# --- all
# -------------------------------------------------------------------------------------------------------


class Options(NamedTuple):
    pages: int | None
    details: bool


MEASURES: dict[str, Callable[[Path, Cache, Options], list[Figure]]] = {
    "receipts": measure_receipts,
    "tesseract": measure_tesseract,
    "tables": measure_tables,
    "layout": measure_layouts,
    "hard": measure_hard,
    "scripts": measure_scripts,
    "strangers": measure_strangers,
}


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("documents", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--only", nargs="*", choices=MEASURES, default=list(MEASURES))
    parser.add_argument("--pages", type=int, help="of each kind, at most")
    parser.add_argument(
        "--details", action="store_true", help="print what was not caught, and what was wrongly"
    )
    chosen = parser.parse_args()
    cache, options = Cache(chosen.cache), Options(chosen.pages, chosen.details)
    figures = [figure for name in chosen.only for figure in MEASURES[name](chosen.documents, cache, options)]
    for figure in figures:
        bound = (
            f">= {figure.least:g}"
            if figure.least is not None
            else ""
            if figure.most is None
            else f"<= {figure.most:g}"
        )
        print(
            f"{figure.name:48} {figure.value:8.4f} of {figure.of:5}  {bound:9} "
            + ("" if figure.holds else "MISSED")
        )
    return 0 if all(figure.holds for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
