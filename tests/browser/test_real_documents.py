"""The review page of real receipts and PDFs: every finding is reached, every picture is there."""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import pytest
from opened_page import Open
from written_pages import Written

from vlm_core import DocumentReader, Finding, Journal, PageImage, PageResult, review
from vlm_core.export.journal_documents import documents_of_journal

pytestmark = pytest.mark.browser
_AMOUNT = re.compile(r"\d+\.\d\d")
_CHANGED = 3


def printed(receipt: Path) -> str:
    """The lines of a receipt, as they were written down by hand."""
    with receipt.with_suffix(".csv").open(encoding="utf-8", errors="replace") as file:
        return "\n".join(
            ",".join(row[8:]) for row in csv.reader(file, quoting=csv.QUOTE_NONE) if len(row) > 8
        )


def seeded(text: str, chance: random.Random) -> str:
    """A text in which three amounts have another digit."""
    amounts = list(_AMOUNT.finditer(text))
    for amount in sorted(chance.sample(amounts, min(_CHANGED, len(amounts))), key=lambda m: -m.start()):
        place = chance.choice([n for n, sign in enumerate(amount[0]) if sign.isdigit()]) + amount.start()
        other = str((int(text[place]) + chance.randint(1, 9)) % 10)
        text = text[:place] + other + text[place + 1 :]
    return text


class Seeded(Written):
    """Gives the text of each receipt with the errors that were put in."""

    def read_page(self, page: PageImage) -> PageResult:
        text = seeded(printed(Path(page.source)), random.Random(Path(page.source).stem))
        facts = {
            "text": text,
            "raw": text,
            "findings": (),
            "evidence": (),
            "checked_by": "",
            "agreement": None,
        }
        return super().read_page(page).model_copy(update=facts)


def walked_by_keys(path: Path, count: int, opened: Open) -> list[list[str]]:
    """The severity, the kind and what was written of each finding, as `n` comes to it."""
    shown = opened(path)
    at_hand = (
        "(() => { const item = document.activeElement; return [item.className, item.id,"
        " item.querySelector('.kind')?.textContent, item.querySelector('dd')?.textContent]; })()"
    )
    found = []
    for _ in range(count):
        shown.press("n")
        found.append(shown.page.evaluate(at_hand))
    shown.press("n")
    assert shown.page.locator("#told").text_content() == "That was the last finding"
    assert shown.problems == []
    return found


def assert_all_are_reached(journal: Path, folder: Path, opened: Open) -> None:
    with Journal(journal) as kept:
        documents = list(documents_of_journal(kept))
    pages = [page for document in documents for page in document.pages]
    expected = sorted(
        (finding.severity != "review", finding.score, number, place)
        for number, page in enumerate(pages)
        for place, finding in enumerate(page.findings)
    )
    assert expected
    walked = walked_by_keys(review(documents, folder / "review.html").path, len(expected), opened)
    assert [item for _, item, _, _ in walked] == [f"finding-{n}-{place}" for *_, n, place in expected]
    assert len({item for _, item, _, _ in walked}) == sum(len(page.findings) for page in pages)


@pytest.mark.parametrize(
    "count", [pytest.param(4, id="four"), pytest.param(42, id="all", marks=pytest.mark.slow)]
)
def test_every_seeded_error_that_was_found_is_reached_by_keys(
    count: int, data: Path, tmp_path: Path, opened: Open
) -> None:
    receipts = sorted((data / "receipts").glob("*.jpg"))[:count]
    reader = DocumentReader(Seeded(), verify=True, journal=tmp_path / "a.journal", max_concurrency=2)
    found = [page.findings for document in reader.iter(receipts) for page in document.pages]
    assert len(found) == count
    assert_all_are_reached(tmp_path / "a.journal", tmp_path, opened)


def test_a_page_of_each_pdf_has_its_picture_and_its_findings(
    data: Path, tmp_path: Path, opened: Open
) -> None:
    finding = Finding(kind="missing", expected="a line", bbox=(0.1, 0.1, 0.9, 0.2), score=-1)
    reader = DocumentReader(Written("All of it", [finding], []), pdf_text="ignore", max_pages=1)
    documents = [
        document
        for document in reader.iter(sorted((data / "pdfs").glob("*.pdf")))
        if document.pages[0].findings
    ]
    assert len(documents) >= 10
    written = review(documents, tmp_path / "review.html")
    assert written.without_picture == ()
    walked = walked_by_keys(written.path, len(documents), opened)
    assert len({item for _, item, _, _ in walked}) == len(documents)
    shown = opened(written.path)
    for number in range(len(documents)):
        shown.press("n")
        picture = shown.page.locator(f"#page-{number} .sheet img")
        picture.evaluate("(picture) => picture.decode()")
        assert shown.page.evaluate(f"document.querySelector('#page-{number} .sheet .missing') !== null")
